"""What learned parameters are compared with: each baseline gives parameter values for every basin.

``BASELINES`` need nothing but the parameters' space; ``SEARCHES`` look for the best values at each basin by evaluating
many (see ``search`` for what they have in common); ``REGIONALISATIONS`` carry what was found to basins without a gauge.
"""

from legacy_models.tables import Table

BASELINES = Table("baseline", {"default_parameters": "dpl.baselines.default_parameters:default_parameters"})

SEARCHES = Table("search", {"sceua": "dpl.baselines.sceua:sceua", "gradient": "dpl.baselines.gradient:gradient"})

BY_SLOPE = frozenset({"gradient"})
"""Searches that need the gradient of what they minimise, which a legacy model does not give."""

REGIONALISATIONS = Table(
    "regionalisation",
    {
        "nearest": "dpl.baselines.regionalisation:nearest",
        "regression": "dpl.baselines.regionalisation:regression",
    },
)
