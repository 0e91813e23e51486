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
OVERSTORY, VEGETATED, RARC, RMIN, RGL, RAD_ATTENUATION, SNOW_HEIGHT, SNOW_ROUGHNESS = range(8)

# Monthly values of a tile; resistances [s/m] and winds [-] are those at a reference wind of 1 m/s.
LAI, ALBEDO, RESISTANCE, SNOW_RESISTANCE, SNOW_WIND = range(5)

# State of a snow pack: water [m], temperatures [degC], heat [J/m2].
(
    PACK_SWE,
    SURFACE_WATER,
    PACK_WATER,
    SURFACE_TEMPERATURE,
    PACK_TEMPERATURE,
    STEPS_SINCE_SNOWFALL,
    MELT_SEASON,
    COLD_CONTENT,
) = range(8)
PACK_SIZE = 8

# State of the snow in a canopy: load [m], temperature of the foliage [degC].
LOAD, FOLIAGE = range(2)
CANOPY_SIZE = 2
