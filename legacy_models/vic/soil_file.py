"""VIC's soil parameter file: one row a cell, 17 + 12 x layers columns (53 for three layers), and optional ones.

Source: VIC 5 documentation, classic driver, SoilParam (vic.readthedocs.io).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, fields

import numpy as np
import numpy.typing as npt

from legacy_models.errors import DataError
from legacy_models.parameters import Array

COLUMNS: tuple[tuple[str, bool], ...] = (
    ("run", False),
    ("cell", False),
    ("lat", False),
    ("lon", False),
    ("b_infilt", False),
    ("ds", False),
    ("dsmax", False),
    ("ws", False),
    ("c", False),
    ("expt", True),
    ("ksat", True),
    ("phi_s", True),
    ("init_moist", True),
    ("elevation", False),
    ("depth", True),
    ("avg_temp", False),
    ("damping_depth", False),
    ("bubble", True),
    ("quartz", True),
    ("bulk_density", True),
    ("particle_density", True),
    ("off_gmt", False),
    ("wcr_fraction", True),
    ("wpwp_fraction", True),
    ("rough", False),
    ("snow_rough", False),
    ("annual_prec", False),
    ("resid_moist", True),
    ("fs_active", False),
)
_WHOLE = frozenset({"run", "cell", "fs_active"})
_BEFORE_ORGANIC = "particle_density"


@dataclass(frozen=True, kw_only=True, eq=False)
class SoilTable:
    """All rows of a soil file, one array a column; layered columns are (cell, layer).

    Args:
        run: whether the cell is simulated [0 or 1].
        cell: id, unique.
        lat: latitude [degrees north]; ``lon`` [degrees east].
        b_infilt: shape of the infiltration curve [-].
        ds: fraction of dsmax where nonlinear baseflow begins [-].
        dsmax: largest baseflow [mm/day].
        ws: fraction of the bottom layer's capacity where nonlinear baseflow begins [-].
        c: exponent of the nonlinear baseflow [-].
        expt: exponent of the drainage of each layer [-].
        ksat: saturated hydraulic conductivity [mm/day].
        phi_s: soil moisture diffusion [mm/mm]; -99, not used.
        init_moist: initial moisture [mm].
        elevation: [m].
        depth: [m].
        avg_temp: soil temperature at the damping depth [degC].
        damping_depth: [m].
        bubble: bubbling pressure [cm].
        quartz: [fraction].
        bulk_density: [kg/m3]; ``particle_density`` [kg/m3].
        off_gmt: time zone [h].
        wcr_fraction: moisture where transpiration begins to be limited [fraction of capacity].
        wpwp_fraction: wilting point [fraction of capacity].
        rough: surface roughness of bare soil [m]; ``snow_rough`` of the snow pack [m].
        annual_prec: [mm/year].
        resid_moist: [m3/m3].
        fs_active: whether frozen soil is computed [0 or 1].
        extra: (cell, n) columns after the last one, in the file's order: slope of the snow distribution
            (SPATIAL_SNOW) [m], of the frost (SPATIAL_FROST) [degC], July's air temperature (JULY_TAVG_SUPPLIED)
            [degC], or whatever there is.
        organic: (cell, 3 x layer) share of organic matter [-], its bulk and its particle density [kg/m3], between
            particle density and time zone (ORGANIC_FRACT); (0, 0) where the file has none.
    """

    run: npt.NDArray[np.int64]
    cell: npt.NDArray[np.int64]
    lat: Array
    lon: Array
    b_infilt: Array
    ds: Array
    dsmax: Array
    ws: Array
    c: Array
    expt: Array
    ksat: Array
    phi_s: Array
    init_moist: Array
    elevation: Array
    depth: Array
    avg_temp: Array
    damping_depth: Array
    bubble: Array
    quartz: Array
    bulk_density: Array
    particle_density: Array
    off_gmt: Array
    wcr_fraction: Array
    wpwp_fraction: Array
    rough: Array
    snow_rough: Array
    annual_prec: Array
    resid_moist: Array
    fs_active: npt.NDArray[np.int64]
    extra: Array
    organic: Array = field(default_factory=lambda: np.empty((0, 0)))

    def __len__(self) -> int:
        return len(self.cell)

    @property
    def layers(self) -> int:
        """Number of soil layers."""
        return int(self.depth.shape[1])

    @property
    def max_moist(self) -> Array:
        """(cell, layer) capacity [mm]: porosity times depth, porosity = 1 - bulk / particle density."""
        return np.asarray(1000.0 * self.depth * (1.0 - self.bulk_density / self.particle_density))

    def row(self, index: int) -> "SoilTable":
        """The table of one row."""
        return SoilTable(**{f.name: getattr(self, f.name)[index : index + 1] for f in fields(self)})


def concatenate(tables: Sequence[SoilTable]) -> SoilTable:
    """Join tables of equal layers and extra columns, in order."""
    return SoilTable(
        **{f.name: np.concatenate([getattr(table, f.name) for table in tables]) for f in fields(SoilTable)}
    )


def read_soil(text: str, layers: int = 3, organic: bool = False) -> SoilTable:
    """Parse a soil file; lines that start with ``#`` are skipped.

    Args:
        text: of the file.
        layers: NLAYER of the global file.
        organic: whether the rows have the columns of ORGANIC_FRACT.

    Raises:
        DataError: naming the row if it is too short, not as long as the first, or holds what is no number.
    """
    words = [line.split() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    needed = 17 + (15 if organic else 12) * layers
    for number, row in enumerate(words, start=1):
        if len(row) < needed or len(row) != len(words[0]):
            raise DataError(
                f"soil file, row {number}: {len(row)} columns; {needed} are needed for {layers} layers, "
                f"the same in every row (row 1 has {len(words[0])})"
            )
    try:
        values = np.array(words, dtype=np.float64).reshape(len(words), -1 if words else needed)
    except ValueError as error:
        raise DataError(f"soil file: {error}") from None
    columns: dict[str, npt.NDArray[np.float64] | npt.NDArray[np.int64]] = {}
    for name, position, width in _positions(layers, organic):
        column = values[:, position] if width == 0 else values[:, position : position + width]
        columns[name] = column.astype(np.int64) if name in _WHOLE else column
    return SoilTable(**columns, extra=values[:, needed:])  # type: ignore[arg-type]


def format_soil(table: SoilTable) -> str:
    """Return the text of a soil file; numbers are the shortest that read back exactly."""
    columns: list[list[str]] = []
    for name, layered in COLUMNS:
        column = getattr(table, name)
        columns += [_words(part) for part in (column.T if layered else [column])]
        if name == _BEFORE_ORGANIC:
            columns += [_words(part) for part in table.organic.T]
    columns += [_words(part) for part in table.extra.T]
    return "".join(" ".join(row) + "\n" for row in zip(*columns, strict=True))


def _positions(layers: int, organic: bool) -> Iterator[tuple[str, int, int]]:
    """Yield (name, first column, number of columns or 0 for a scalar)."""
    position = 0
    for name, layered in COLUMNS:
        yield name, position, layers if layered else 0
        position += layers if layered else 1
        if organic and name == _BEFORE_ORGANIC:
            yield "organic", position, 3 * layers
            position += 3 * layers


def _words(values: npt.NDArray[np.float64] | npt.NDArray[np.int64]) -> list[str]:
    return [f"{value!r}".removesuffix(".0") for value in values.tolist()]
