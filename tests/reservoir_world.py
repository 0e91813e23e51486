"""A synthetic world of linear reservoirs, whose legacy runs need no processes."""

import shutil

from legacy_models.linear_reservoir import program
from legacy_models.runner import BatchOutcome, checked_result

WORLD = """
data:
  reader: synthetic
  options: {basins: 5, start: 1999-10-01, end: 2005-09-30, legacy_model: linear_reservoir, rain_error: 0,
            temperature_error: 0, flow_error: 0, gap_share: 0}
periods: {test: [2000-10-01, 2001-09-30], fit: [2001-10-01, 2004-09-30], validation: [2004-10-01, 2005-09-30]}
legacy_model: {name: linear_reservoir, spinup_years: 2}
calibrate: {evaluations: 60, sceua: {complexes: 2}}
"""


def in_process(model, runs, directory, timeout, keep_failed):
    """Stand in for a process of the linear reservoir: the same program, without starting Python."""
    directory.mkdir(parents=True)
    program.main(model.prepare(directory, runs)[-2:])
    results = [checked_result(model, *pair) for pair in zip(runs, model.collect(directory, runs), strict=True)]
    shutil.rmtree(directory)
    return BatchOutcome(tuple(results), "", 0.1, 0.1)
