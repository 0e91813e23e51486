"""The stages from one configuration file to a published result; also the notebook API."""
