"""Members of a surrogate: their mean, and their spread as a sign of how far it may be wrong."""

from typing import Any

from keras import ops

from surrogates.surrogate import Surrogate

Tensor = Any


def mean_and_spread(
    surrogate: Surrogate, forcing: Tensor, antecedent: Tensor, parameters: Tensor, properties: Tensor
) -> tuple[Tensor, Tensor]:
    """Simulate with every member and return their mean and standard deviation; see ``Surrogate.simulate``.

    Returns:
        (basin, time, output) mean and (basin, time, output) spread, both in the outputs' units; the spread of
        a single member is zero, which says nothing about its error.
    """
    members = surrogate.simulate_members(forcing, antecedent, parameters, properties)
    return ops.mean(members, axis=0), ops.std(members, axis=0)
