"""Names of the rows and columns of the plain arrays that the kernels share."""

# Daily outputs [mm]: fluxes are sums, the last six are states at the end of the day.
OUTPUTS = (
    "OUT_PREC",
    "OUT_RAINF",
    "OUT_SNOWF",
    "OUT_EVAP",
    "OUT_TRANSP_VEG",
    "OUT_EVAP_CANOP",
    "OUT_EVAP_BARE",
    "OUT_SUB_SNOW",
    "OUT_SUB_CANOP",
    "OUT_RUNOFF",
    "OUT_BASEFLOW",
    "OUT_SNOW_MELT",
    "OUT_SWE",
    "OUT_SOIL_MOIST_0",
    "OUT_SOIL_MOIST_1",
    "OUT_SOIL_MOIST_2",
    "OUT_WDEW",
    "OUT_SNOW_CANOPY",
)
(
    PREC,
    RAINF,
    SNOWF,
    EVAP,
    TRANSP,
    CANOP,
    BARE,
    SUB_SNOW,
    SUB_CANOP,
    RUNOFF,
    BASEFLOW,
    SNOW_MELT,
    SWE,
    MOIST_0,
    MOIST_1,
    MOIST_2,
    WDEW,
    SNOW_CANOPY,
) = range(len(OUTPUTS))

# Meteorology of a step (columns of the table that atmosphere.py makes).
(
    TEMPERATURE,  # degC
    RAIN,  # mm
    SNOW,  # mm
    SHORTWAVE,  # W/m2
    LONGWAVE,  # W/m2
    PRESSURE,  # Pa
    VAPOUR_PRESSURE,  # Pa
    DEFICIT,  # Pa
    DENSITY,  # kg/m3
    WIND,  # m/s
    SLOPE,  # of saturation vapour pressure, Pa/K
    PSYCHROMETRIC,  # Pa/K
    LATENT,  # heat of vaporisation, J/kg
    DRYING,  # rho cp VPD, J/m3 Pa/K
    EMITTED,  # longwave at air temperature, W/m2
    STOMATAL_CLIMATE,  # temperature and dryness factors of Jarvis
) = range(16)
COLUMNS = 16

# Constants of a cell.
B_INFILT, DS, DSMAX, WS, POWER, DEEP_TEMPERATURE, DAMPING, NORTH, RUNOFF_STEPS = range(9)

# Soil water of a layer [mm, mm/day].
CAPACITY, RESIDUAL, CRITICAL, WILTING, EXPONENT, CONDUCTIVITY = range(6)

# Soil heat of a layer: porosity, share of solids [-], conductivities [W/m/K], depth [m].
POROSITY, SOLID, DRY_CONDUCTIVITY, SATURATED_CONDUCTIVITY, DEPTH = range(5)

# Constants of a tile.
OVERSTORY, RARC, RMIN, RGL, RAD_ATTENUATION, SNOW_HEIGHT, SNOW_ROUGHNESS = range(7)

# Monthly values of a tile; resistances [s/m] and winds [-] are those at a reference wind of 1 m/s.
LAI, ALBEDO, RESISTANCE, CANOPY_WIND, SNOW_RESISTANCE, SNOW_WIND = range(6)

# State of a snow pack: water [m], temperatures [degC], heat [J/m2], density [kg/m3], depth [m].
(
    PACK_SWE,
    SURFACE_WATER,
    PACK_WATER,
    SURFACE_TEMPERATURE,
    PACK_TEMPERATURE,
    STEPS_SINCE_SNOWFALL,
    MELT_SEASON,
    COLD_CONTENT,
    SNOW_DENSITY,
    SNOW_DEPTH,
) = range(10)
PACK_SIZE = 10

# State of a canopy: snow on it [m], temperature of the foliage [degC], melt that the snow holds back [m],
# longwave from below it [W/m2].
LOAD, FOLIAGE, HELD_MELT, FROM_BELOW = range(4)
CANOPY_SIZE = 4

# What the energy balance of a snow surface is solved with, beside the meteorology of the step: radiation and
# heat [W/m2], wind [m/s], resistance [s/m], heights [m], ice [m], temperatures [degC].
(
    NET_SHORTWAVE,
    LONGWAVE_IN,
    SURFACE_WIND,
    SURFACE_RESISTANCE,
    HEIGHT,
    ROUGHNESS,
    ICE,
    OLD_TEMPERATURE,
    RAIN_HEAT,
    CONDUCTION,  # W/m2/K, from the ground
    GROUND_TEMPERATURE,
    FREEZING_HEAT,  # of all liquid water
    SECONDS,
) = range(13)

# The same of foliage: radiation and heat [W/m2], resistances [s/m], water [mm], snow [m].
(
    ABSORBED,
    FOLIAGE_RESISTANCE,
    FOLIAGE_LOAD,
    FOLIAGE_WATER,
    FOLIAGE_CAPACITY,
    ARCHITECTURE,
    FOLIAGE_RAIN_HEAT,
    FOLIAGE_FREEZING_HEAT,
    FOLIAGE_SECONDS,
) = range(9)
BALANCE_SIZE = 13
