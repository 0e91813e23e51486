"""Learning parameters through a frozen surrogate; the tables of what can be chosen import nothing heavy."""

import os

from legacy_models.tables import Table

os.environ.setdefault("KERAS_BACKEND", "tensorflow")  # must be said before anybody imports keras

LOSSES = Table(
    "loss",
    {
        "nse": "dpl.losses:nse",
        "rmse": "dpl.losses:rmse",
        "kge": "dpl.losses:kge",
        "sqrt_nse": "dpl.losses:sqrt_nse",
        "log_rmse": "dpl.losses:log_rmse",
    },
)

NETWORKS = Table(
    "network",
    {
        "g_A": "dpl.networks:g_a",
        "g_Z": "dpl.networks:g_z",
        "linear": "dpl.baselines.transfer_function:linear",
    },
)
