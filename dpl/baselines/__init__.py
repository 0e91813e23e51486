"""What learned parameters are compared with: each baseline gives parameter values for every basin."""

from legacy_models.tables import Table

BASELINES = Table("baseline", {"default_parameters": "dpl.baselines.default_parameters:default_parameters"})
