"""Regions that synthetic basins are drawn from, arid to snowy, with ranges as over the United States."""

from dataclasses import dataclass

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Region:
    """Ranges that the basins of a region are drawn from; units as in ``Climate``, ``slope`` in m/km."""

    name: str
    latitude: Range
    longitude: Range
    elevation: Range
    slope: Range
    precipitation: Range
    amplitude: Range
    peak: Range
    wet_share: Range
    swing: Range
    diurnal: Range


REGIONS = (
    Region(
        name="humid east",
        latitude=(35, 42),
        longitude=(-85, -74),
        elevation=(60, 600),
        slope=(12, 45),
        precipitation=(2.8, 4.0),
        amplitude=(0, 0.15),
        peak=(150, 220),
        wet_share=(0.30, 0.42),
        swing=(10, 12),
        diurnal=(10, 12.5),
    ),
    Region(
        name="rocky mountains",
        latitude=(38, 46),
        longitude=(-114, -105),
        elevation=(1900, 3000),
        slope=(70, 180),
        precipitation=(1.6, 2.6),
        amplitude=(0.1, 0.4),
        peak=(0, 60),
        wet_share=(0.25, 0.4),
        swing=(10, 12),
        diurnal=(12, 15),
    ),
    Region(
        name="arid southwest",
        latitude=(32, 37),
        longitude=(-113, -104),
        elevation=(900, 2100),
        slope=(25, 90),
        precipitation=(0.7, 1.3),
        amplitude=(0.2, 0.6),
        peak=(200, 235),
        wet_share=(0.10, 0.2),
        swing=(9.5, 11),
        diurnal=(14, 17),
    ),
    Region(
        name="pacific northwest",
        latitude=(43, 48),
        longitude=(-124, -121.5),
        elevation=(100, 700),
        slope=(50, 130),
        precipitation=(4.5, 7.5),
        amplitude=(0.6, 0.8),
        peak=(0, 25),
        wet_share=(0.42, 0.55),
        swing=(6.5, 8.5),
        diurnal=(8, 10.5),
    ),
    Region(
        name="great plains",
        latitude=(36, 43),
        longitude=(-101, -95),
        elevation=(250, 900),
        slope=(4, 16),
        precipitation=(1.5, 2.4),
        amplitude=(0.5, 0.75),
        peak=(160, 190),
        wet_share=(0.18, 0.27),
        swing=(13, 15),
        diurnal=(12, 14.5),
    ),
    Region(
        name="humid subtropics",
        latitude=(30, 35),
        longitude=(-92, -81),
        elevation=(25, 250),
        slope=(2, 20),
        precipitation=(3.3, 4.6),
        amplitude=(0.05, 0.25),
        peak=(180, 230),
        wet_share=(0.28, 0.36),
        swing=(8.5, 10),
        diurnal=(10.5, 12.5),
    ),
    Region(
        name="mediterranean coast",
        latitude=(34, 40),
        longitude=(-123, -118.5),
        elevation=(150, 1100),
        slope=(60, 150),
        precipitation=(1.4, 3.2),
        amplitude=(0.8, 0.95),
        peak=(10, 40),
        wet_share=(0.14, 0.24),
        swing=(6.5, 8.5),
        diurnal=(12.5, 15.5),
    ),
    Region(
        name="northern lakes",
        latitude=(43, 48),
        longitude=(-94, -69),
        elevation=(100, 450),
        slope=(4, 30),
        precipitation=(2.3, 3.4),
        amplitude=(0.1, 0.35),
        peak=(180, 220),
        wet_share=(0.32, 0.45),
        swing=(12, 14.5),
        diurnal=(10.5, 12.5),
    ),
    Region(
        name="snowy sierra",
        latitude=(37, 47),
        longitude=(-122, -118),
        elevation=(1500, 2500),
        slope=(80, 200),
        precipitation=(2.8, 5.0),
        amplitude=(0.65, 0.85),
        peak=(0, 25),
        wet_share=(0.25, 0.4),
        swing=(8, 9.5),
        diurnal=(11.5, 14.5),
    ),
    Region(
        name="prairie",
        latitude=(43, 48.5),
        longitude=(-103, -96),
        elevation=(350, 800),
        slope=(4, 18),
        precipitation=(1.1, 1.7),
        amplitude=(0.5, 0.7),
        peak=(170, 190),
        wet_share=(0.18, 0.27),
        swing=(14.5, 16.5),
        diurnal=(12, 14),
    ),
)
