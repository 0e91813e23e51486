"""The stages as Prefect flows; they order steps and add retries, and compute nothing."""
