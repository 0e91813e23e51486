"""Physical constants and the fixed coefficients of VIC 5's water-balance mode, in SI units.

Sources: Community Climate System Model constants as used by VIC 5 (Hamman et al. 2018,
doi:10.5194/gmd-11-3481-2018); coefficients as documented at vic.readthedocs.io.
"""

SECONDS_PER_DAY = 86400.0
FREEZING_POINT = 273.15  # K
STEFAN_BOLTZMANN = 5.67e-8  # W m-2 K-4
GRAVITY = 9.80616  # m s-2
VON_KARMAN = 0.4
GAS_CONSTANT_DRY_AIR = 6.02214e26 * 1.38065e-23 / 28.966  # J kg-1 K-1
VAPOUR_TO_AIR_MASS = 18.016 / 28.97
HEAT_CAPACITY_MOIST_AIR = 1013.0  # J kg-1 K-1
HEAT_CAPACITY_WATER = 4188.0 * 1000.0  # J m-3 K-1
HEAT_CAPACITY_ICE = 2117.27 * 1000.0  # J m-3 (of water equivalent) K-1
LATENT_HEAT_FUSION = 3.337e5  # J kg-1
WATER_DENSITY = 1000.0  # kg m-3
ICE_DENSITY = 917.0  # kg m-3

EMISSIVITY = 0.97  # of vegetation, snow and ground
LAPSE_RATE = -0.0065  # K m-1
SEA_LEVEL_PRESSURE = 101325.0  # Pa
RAIN_ABOVE = 0.5  # degC, all rain above
SNOW_BELOW = -0.5  # degC, all snow below
LEAST_SNOWFALL = 1e-5  # mm a step, below which it does not snow

LARGEST_RESISTANCE = 5000.0  # s m-1, Jarvis (1976) closed stomata
VAPOUR_CLOSURE = 4000.0  # Pa
BARE_SOIL_RESISTANCE = 100.0  # s m-1, architectural, of bare soil
CANOPY_WATER_PER_LAI = 0.1  # mm

LARGEST_SURFACE_LAYER = 0.125  # m water equivalent
LIQUID_WATER_CAPACITY = 0.035  # of the ice in a snow layer
SMALLEST_PACK = 0.001  # m water equivalent, below which the pack is solved with the ground
NEW_SNOW_ALBEDO = 0.85
TRACE_SNOW = 0.03  # mm
CRITICAL_RICHARDSON = 0.2
CANOPY_SNOW_PER_LAI = 0.0005  # m
LEAST_LOAD_TO_SLIDE = 0.005  # m, of snow in a canopy, below which it only melts
NEW_SNOW_DENSITY = 50.0  # kg m-3, Bras (1990), at 0 degF and below
LARGEST_NEW_SNOW_DENSITY = 400.0  # kg m-3
LARGEST_SETTLING = 0.9  # of the depth, in a step
SNOW_VISCOSITY = 3.6e6  # N s m-2, Jordan (1991)
SNOW_CONDUCTION = 2.9302e-6  # of heat, times density squared
LARGEST_RESISTANCE_STILL_AIR = 1e20  # s m-1
