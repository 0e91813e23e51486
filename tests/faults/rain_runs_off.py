"""A program with VIC's files on both sides, in which all rain runs off; it does wrong what it is told to.

``MISBEHAVE`` holds what goes wrong, for example ``7:nan,9:exit``: for the run whose b_infilt is 0.107 the output
turns NaN, at the one of 0.109 the program exits with status 1, as VIC does: what came before is complete.
"""

import os
import sys
from pathlib import Path

import numpy as np

from legacy_models.vic.balance import LAYER_NAMES, NAMES
from legacy_models.vic.flux_file import FluxTable, format_binary
from legacy_models.vic.forcing_file import read_forcing
from legacy_models.vic.global_file import read_global
from legacy_models.vic.soil_file import read_soil

BASE, STEP = 0.1, 0.001  # b_infilt of run 0, and from run to run


def main() -> None:
    settings = read_global(Path(sys.argv[sys.argv.index("-g") + 1]).read_text())
    soil = read_soil(Path(settings.soil).read_text(), settings.nlayer)
    faults = dict(item.split(":") for item in os.environ.get("MISBEHAVE", "").split(",") if item)
    dates = np.arange(np.datetime64(settings.start), np.datetime64(settings.end) + 1)
    for i in range(len(soil)):
        fault = faults.get(str(round((soil.b_infilt[i] - BASE) / STEP)), "")
        label = settings.label(soil.lat[i], soil.lon[i])
        rain = read_forcing(Path(f"{settings.forcing}{label}").read_bytes())[:, 0]
        if fault in ROWS:
            rain = ROWS[fault](rain)
        rain = rain.reshape(-1, settings.model_steps).sum(axis=1)
        values = np.zeros((len(dates), len(NAMES)))
        values[:, NAMES.index("OUT_PREC")] = values[:, NAMES.index("OUT_RUNOFF")] = rain
        values[:, [NAMES.index(name) for name in LAYER_NAMES]] = soil.init_moist[i]
        if fault in VALUES:
            name, day, value = VALUES[fault]
            values[day, NAMES.index(name)] = value
        content = format_binary(FluxTable(NAMES, dates, values), settings.model_steps)
        content = BYTES[fault](content) if fault in BYTES else content
        if fault == "exit":
            sys.exit("[ERROR] ./src/read_soilparam.c:615: errno: None: Model will not function")
        if fault != "absent":
            Path(settings.result_dir, f"{settings.outputs[0].prefix}_{label}.bin").write_bytes(content)


ROWS = {
    "lost row": lambda rain: np.append(np.delete(rain, 1000), 0.0),
    "short by one": lambda rain: np.append(rain[:-1], 0.0),
    "-9999": lambda rain: np.where(np.arange(len(rain)) == 1000, -9999.0, rain),
}
VALUES = {
    "nan": ("OUT_EVAP", slice(500, None), np.nan),
    "infinite": ("OUT_SWE", 3, np.inf),
    "absurd": ("OUT_RUNOFF", 400, 1e6),
    "negative": ("OUT_BASEFLOW", 400, -5.0),
    "lost water": ("OUT_SOIL_MOIST_2", slice(600, None), 100.0),
    "water for a day": ("OUT_SOIL_MOIST_2", 600, 100.0),
}
BYTES = {
    "cut in a row": lambda content: content[:-10],
    "cut after a row": lambda content: content[:-52],
    "cut in the header": lambda content: content[:100],
    "empty": lambda content: b"",
}


if __name__ == "__main__":
    main()
