"""Options of networks and architectures, checked before anything is read or run."""

from dataclasses import replace

from dpl import NETWORKS
from legacy_models.tables import check_options
from pipeline.config import Config
from surrogates.architectures import ARCHITECTURES


def check_forms(config: Config) -> None:
    """Refuse a network or an architecture that there is not, and options that it does not take.

    One without options is not imported: Keras takes its time.

    Raises:
        UnknownNameError: with the key, the nearest name and all there are.
    """
    later = replace(config.surrogate, **config.refine.surrogate)
    for key, table, name, options in (
        ("network", NETWORKS, config.network.name, config.network.options),
        ("surrogate", ARCHITECTURES, config.surrogate.architecture, config.surrogate.options),
        ("refine.surrogate", ARCHITECTURES, later.architecture, later.options),
    ):
        table.check(name)
        if options:
            check_options(table.resolve(name), options, f"{key}.options", elsewhere=("history",))
