"""From a site's properties to VIC's vegetation: the tiles of its cell and their classes in the library."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from legacy_models.vic.vegetation_files import VegetationClass, VegetationTile


@dataclass(frozen=True, slots=True)
class LandCover:
    """The fixed properties of a vegetation class.

    Args:
        season: (12,) LAI of each month, 0 at the yearly minimum and 1 at the maximum, northern hemisphere.
        lai_cap: largest LAI that the LAI of a site can mean for this class.
        library: the class with LAI of 1; rarc, rmin, albedo, roughness, displacement and the rest are used.
        root_depths: (zone,) [m]; ``root_fractions`` [-].
    """

    season: tuple[float, ...]
    lai_cap: float
    library: VegetationClass
    root_depths: tuple[float, ...]
    root_fractions: tuple[float, ...]

    @property
    def name(self) -> str:
        """In the comment column of the library."""
        return self.library.comment


@dataclass(frozen=True, slots=True)
class CoverTile:
    """One vegetated tile of a site under one parameter set; what the tiles leave of 1 is bare soil.

    Args:
        share: of the cell's area [-].
        cover: root zones and seasons.
        vegetation: its class in the library, numbered 0.
    """

    share: float
    cover: LandCover
    vegetation: VegetationClass

    def numbered(self, number: int) -> VegetationTile:
        """The tile as the vegetation parameter file has it, of class ``number``."""
        return VegetationTile(number, self.share, self.cover.root_depths, self.cover.root_fractions)


def _library(name: str, overstory: bool, rarc: float, rmin: float, rgl: float, **monthly: float) -> VegetationClass:
    return VegetationClass(
        number=0,
        overstory=overstory,
        rarc=rarc,
        rmin=rmin,
        lai=(1.0,) * 12,
        albedo=(monthly["albedo"],) * 12,
        roughness=(monthly["roughness"],) * 12,
        displacement=(monthly["displacement"],) * 12,
        wind_height=monthly["wind_height"],
        rgl=rgl,
        rad_atten=0.5,
        wind_atten=0.5,
        trunk_ratio=0.2,
        comment=name,
    )


# Resistances, albedo, roughness, displacement and attenuation: deciduous broadleaf forest and grassland of
# the library in VIC's sample data (UW-Hydro/VIC_sample_data), but grass with rmin 120 s/m and wind at 10 m.
# Seasons: that library's deciduous forest, rounded, and a grass that peaks in July. Root zones: judgement.
FOREST = LandCover(
    tuple(n / 35 for n in (0, 0, 2, 13, 33, 35, 35, 31, 19, 15, 7, 5)),
    math.inf,
    _library("forest", True, 60.0, 150.0, 30.0, albedo=0.18, roughness=1.23, displacement=6.7, wind_height=50.0),
    (0.1, 0.4, 1.2),
    (0.1, 0.6, 0.3),
)
GRASS = LandCover(
    tuple(n / 27 for n in (0, 0, 1, 5, 12, 22, 27, 22, 12, 5, 1, 0)),
    3.0,
    _library("grass", False, 25.0, 120.0, 100.0, albedo=0.2, roughness=0.0738, displacement=0.402, wind_height=10.0),
    (0.1, 0.4, 0.8),
    (0.3, 0.6, 0.1),
)
LAI_FLOOR = 0.1


def cover_tiles(properties: Mapping[str, float], rmin_factor: float, lai_factor: float) -> tuple[CoverTile, ...]:
    """The vegetated tiles of a site under one parameter set: forest, then grass, those that there are.

    The shares are ``forest`` and what ``forest`` and ``bare`` leave. In each tile
    LAI(month) = lai_max - lai_diff (1 - season), within 0.1 and the cover's cap, times ``lai_factor``; the
    season is half a year later in the southern hemisphere. Both factors hold for every tile.
    """
    forest = properties["forest"]
    shares = ((FOREST, forest), (GRASS, round(1.0 - forest - properties.get("bare", 0.0), 9)))
    return tuple(
        CoverTile(share, cover, _vegetation(cover, properties, rmin_factor, lai_factor))
        for cover, share in shares
        if share > 0.0
    )


def _vegetation(
    cover: LandCover, properties: Mapping[str, float], rmin_factor: float, lai_factor: float
) -> VegetationClass:
    season = cover.season if properties["latitude"] >= 0 else cover.season[6:] + cover.season[:6]
    monthly = [properties["lai_max"] - properties["lai_diff"] * (1.0 - share) for share in season]
    return replace(
        cover.library,
        rmin=cover.library.rmin * rmin_factor,
        lai=tuple(lai_factor * min(max(value, LAI_FLOOR), cover.lai_cap) for value in monthly),
    )
