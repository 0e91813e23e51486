"""Energy balance of a snow surface: radiation, turbulent exchange, heat stored in the surface layer."""

from math import log, sqrt

from legacy_models.vic.embedded import constants as c
from legacy_models.vic.embedded import layout as at
from legacy_models.vic.embedded.atmosphere import emitted, saturation
from legacy_models.vic.embedded.compiled import kernel

CP = c.HEAT_CAPACITY_MOIST_AIR
CH_ICE = c.HEAT_CAPACITY_ICE
EPSILON = c.VAPOUR_TO_AIR_MASS
KELVIN = c.FREEZING_POINT
RICHARDSON = c.CRITICAL_RICHARDSON
G = c.GRAVITY
STILL_AIR = c.LARGEST_RESISTANCE_STILL_AIR
NEW_ALBEDO = c.NEW_SNOW_ALBEDO
TRACE = c.TRACE_SNOW


@kernel
def sublimation_heat(temperature):
    """Latent heat of sublimation [J/kg]."""
    return (677.0 - 0.07 * temperature) * 4.1868 * 1000.0


@kernel
def vapour_gain(temperature, m, resistance):
    """Water [kg/m2/s] that snow of ``temperature`` takes from the air; none is lost to damp air."""
    gradient = m[at.VAPOUR_PRESSURE] - saturation(temperature)
    gain = m[at.DENSITY] * (EPSILON / m[at.PRESSURE]) * gradient / resistance
    return 0.0 if m[at.DEFICIT] == 0.0 and gain < 0.0 else gain


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
def surface_balance(temperature, m, terms):
    """Energy left over [W/m2] at a surface ``temperature``, and the vapour gained [kg/m2/s].

    Rn + H + LE + heat of rain + conduction from the ground - change of cold content; refreezing is added by
    the caller. Rain brings its heat to a surface at the freezing point only; VIC counts conduction twice.

    Args:
        temperature: of the surface [degC].
        m: meteorology of the step.
        terms: of the balance, in the order that ``layout.py`` names.

    Source:
        Andreadis et al. (2009), doi:10.1029/2008WR007042; Anderson (1976).
    """
    air, wind = m[at.TEMPERATURE], terms[at.SURFACE_WIND]
    resistance = STILL_AIR
    if wind > 0.0:
        exchange = stability(terms[at.HEIGHT], temperature, air, wind, terms[at.ROUGHNESS])
        resistance = terms[at.SURFACE_RESISTANCE] / exchange if exchange > 0.0 else STILL_AIR
    vapour = vapour_gain(temperature, m, resistance)
    latent = m[at.LATENT] if temperature >= 0.0 else sublimation_heat(temperature)
    radiation = terms[at.NET_SHORTWAVE] + (terms[at.LONGWAVE_IN] - emitted(temperature))
    sensible = CP * m[at.DENSITY] * (air - temperature) / resistance
    rain = terms[at.RAIN_HEAT] if temperature == 0.0 else 0.0
    ground = terms[at.CONDUCTION] * (terms[at.GROUND_TEMPERATURE] - temperature)
    stored = CH_ICE * terms[at.ICE] * (temperature - terms[at.OLD_TEMPERATURE]) / terms[at.SECONDS]
    return radiation + sensible + latent * vapour + rain + ground - (stored - ground), vapour


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
