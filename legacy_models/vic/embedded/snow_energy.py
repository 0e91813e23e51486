"""Energy balance of a snow surface: radiation, turbulent exchange, heat stored in the surface layer."""

from math import exp, log, sqrt

from legacy_models.vic.embedded import constants as c
from legacy_models.vic.embedded import layout as at
from legacy_models.vic.embedded.compiled import kernel

CP = c.HEAT_CAPACITY_MOIST_AIR
CH_ICE = c.HEAT_CAPACITY_ICE
EMISSION = c.EMISSIVITY * c.STEFAN_BOLTZMANN
EPSILON = c.VAPOUR_TO_AIR_MASS
KELVIN = c.FREEZING_POINT
RICHARDSON = c.CRITICAL_RICHARDSON
G = c.GRAVITY
STILL_AIR = c.LARGEST_RESISTANCE_STILL_AIR
NEW_ALBEDO = c.NEW_SNOW_ALBEDO
TRACE = c.TRACE_SNOW


@kernel
def saturation(temperature):
    """Saturation vapour pressure [Pa], as in ``atmosphere.saturation_vapour_pressure``."""
    pressure = 610.78 * exp(17.269 * temperature / (237.3 + temperature))
    if temperature < 0.0:
        pressure *= 1.0 + 0.00972 * temperature + 0.000042 * temperature * temperature
    return pressure


@kernel
def sublimation_heat(temperature):
    """Latent heat of sublimation [J/kg]."""
    return (677.0 - 0.07 * temperature) * 4186.8


@kernel
def stability(height, surface, air, wind, roughness):
    """Factor on the turbulent exchange from the bulk Richardson number (critical value 0.2).

    Source: Anderson (1976), NOAA Technical Report NWS 19.
    """
    if surface == air:
        return 1.0
    mean = 0.5 * ((air + KELVIN) + (surface + KELVIN))
    richardson = G * (air - surface) * height / (mean * wind * wind)
    limit = (air + KELVIN) / (mean * (log(height / roughness) + 5.0))
    if richardson > limit:
        richardson = limit
    if richardson > 0.0:
        return (1.0 - richardson / RICHARDSON) ** 2
    return sqrt(1.0 - 16.0 * max(richardson, -0.5))


@kernel
def surface_balance(temperature, weather, store):
    """Energy left over [W/m2] at a surface ``temperature``, and the vapour flux [m/s, positive to the snow].

    Rn + H + LE + heat of rain - change of cold content; refreezing is added by the caller. No heat comes from
    the ground: in water-balance mode it is taken to be as warm as the snow.

    Args:
        temperature: of the surface [degC].
        weather: what the pack is exposed to (see ``snow_season.exposure``).
        store: ice of the surface layer [m], its old temperature [degC], heat of rain [W/m2], step [s].

    Source:
        Andreadis et al. (2009), doi:10.1029/2008WR007042; Anderson (1976).
    """
    air, shortwave, longwave, density, pressure, vapour, deficit, wind, resistance, height, z0 = weather
    ice, old_temperature, advected, seconds = store
    if wind > 0.0:
        exchange = stability(height, temperature, air, wind, z0)
        ra = resistance / exchange if exchange > 0.0 else STILL_AIR
    else:
        ra = STILL_AIR
    kelvin = temperature + KELVIN
    radiation = shortwave + longwave - EMISSION * kelvin * kelvin * kelvin * kelvin
    sensible = density * CP * (air - temperature) / ra
    vapour_flux = density * (EPSILON / pressure) * (vapour - saturation(temperature)) / ra / 1000.0
    if deficit == 0.0 and vapour_flux < 0.0:
        vapour_flux = 0.0
    if temperature >= 0.0:
        latent = (2.501e6 - 2361.0 * temperature) * vapour_flux * 1000.0
    else:
        latent = sublimation_heat(temperature) * vapour_flux * 1000.0
    cold = CH_ICE * ice * (temperature - old_temperature) / seconds
    return radiation + sensible + latent + advected - cold, vapour_flux


@kernel
def surface_temperature(old, refreezing, weather, store):
    """Temperature [degC] below 0 where the balance with full refreezing vanishes (Illinois method)."""
    high = 0.0
    f_high = surface_balance(high, weather, store)[0] + refreezing
    low = old - 10.0
    f_low = surface_balance(low, weather, store)[0] + refreezing
    while f_low < 0.0 and low > -150.0:
        low -= 20.0
        f_low = surface_balance(low, weather, store)[0] + refreezing
    middle = low
    side = 0
    for _ in range(60):
        middle = (low * f_high - high * f_low) / (f_high - f_low)
        f = surface_balance(middle, weather, store)[0] + refreezing
        if abs(f) < 1e-4 or high - low < 1e-7:
            break
        if f > 0.0:
            low, f_low = middle, f
            if side == 1:
                f_high *= 0.5
            side = 1
        else:
            high, f_high = middle, f
            if side == -1:
                f_low *= 0.5
            side = -1
    return middle


@kernel
def snow_albedo(pack, seconds, snowfall):
    """Albedo by age, slower while cold than in the melt season.

    0.85 * 0.94^(d^0.58) cold, 0.85 * 0.82^(d^0.46) melting, d days since snowfall.

    Source: US Army Corps of Engineers (1956), Snow Hydrology.
    """
    if snowfall > TRACE and pack[at.COLD_CONTENT] < 0.0:
        return NEW_ALBEDO
    days = pack[at.STEPS_SINCE_SNOWFALL] * seconds / 86400.0
    if pack[at.COLD_CONTENT] < 0.0 and pack[at.MELT_SEASON] == 0.0:
        return NEW_ALBEDO * 0.94 ** (days**0.58)
    return NEW_ALBEDO * 0.82 ** (days**0.46)
