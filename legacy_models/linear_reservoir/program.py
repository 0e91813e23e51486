"""The linear reservoir as a program: ``python -P -m legacy_models.linear_reservoir.program IN OUT``.

    dS/dt = P - S / K,        flow = S / K

S is storage [mm], P rain [mm/day], constant within a day, and K the residence time [day]. The equation is
solved exactly for each day:

    S1 = S0 e + P f,        mean flow of the day = P - (S1 - S0) = S0 (1 - e) + P (1 - f)

with e = exp(-1 / K) and f = K (1 - e). There is no evaporation. The reservoir starts empty.

IN is an ``.npz`` file: ``rain`` (place, time) [mm/day], ``place`` (run,) the row of ``rain`` that feeds a
run, ``residence_time`` (run,) [day]. OUT is an ``.npz`` file: ``flow`` [mm/day], the mean of each day, and
``storage`` [mm], at the end of each day, both (run, time).
"""

import sys

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def simulate(rain: Array, residence_time: Array, storage: Array) -> tuple[Array, Array]:
    """Return daily flow and storage of several reservoirs.

    Args:
        rain: (run, time) [mm/day].
        residence_time: (run,) [day].
        storage: (run,) storage before the first day [mm].

    Returns:
        (run, time) mean flow of each day [mm/day], and storage at its end [mm].
    """
    released = -np.expm1(-1.0 / residence_time)  # 1 - e
    kept, filled = 1.0 - released, residence_time * released
    storages, flows = np.empty(rain.shape), np.empty(rain.shape)
    for day, fallen in enumerate(rain.T):
        flows[:, day] = storage * released + fallen * (1.0 - filled)
        storage = storage * kept + fallen * filled
        storages[:, day] = storage
    return flows, storages


def main(argv: list[str]) -> int:
    """Read the first file that is named, write the second, and return the exit status."""
    if len(argv) != 2:
        sys.stderr.write("usage: python -P -m legacy_models.linear_reservoir.program IN.npz OUT.npz\n")
        return 2
    with np.load(argv[0], allow_pickle=False) as given:
        rain, residence_time = given["rain"][given["place"]], given["residence_time"]
    flow, storage = simulate(rain, residence_time, np.zeros(len(residence_time)))
    np.savez(argv[1], flow=flow, storage=storage)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
