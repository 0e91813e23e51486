"""Process-based models, each an external program behind one adapter, and what every package stands on."""

from legacy_models.tables import Table

LEGACY_MODELS = Table(
    "legacy model",
    {
        "vic": "legacy_models.vic.adapter:VicModel",
        "linear_reservoir": "legacy_models.linear_reservoir.adapter:LinearReservoir",
    },
)

EXECUTORS = Table(
    "executor",
    {
        "threads": "legacy_models.executors:threads",
        "dask": "legacy_models.dask_executor:dask_cluster",
    },
)
