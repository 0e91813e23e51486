"""A VIC that loses water: the embedded program, then ``LEAK=CELL:MILLIMETRES`` is added to a day's evaporation."""

import os
import sys
from pathlib import Path

from legacy_models.vic.embedded.program import main
from legacy_models.vic.flux_file import format_binary, read_binary

status = main(sys.argv[1:])
cell, millimetres = os.environ["LEAK"].split(":")
soil = Path("soil.txt").read_text().splitlines()[int(cell)].split()
(path,) = Path("out").glob(f"*_{float(soil[2]):.4f}_{float(soil[3]):.4f}.bin")
table = read_binary(path.read_bytes())
evaporation = table.column("OUT_EVAP")
evaporation[evaporation.argmax()] += float(millimetres)
path.write_bytes(format_binary(table, 4))
sys.exit(status)
