"""Energy balance of the foliage of trees in the snow season, with snow on it or without.

Source: Andreadis et al. (2009), doi:10.1029/2008WR007042; Storck et al. (2002), doi:10.1029/2002WR001281.
"""

from legacy_models.vic.embedded import constants as c
from legacy_models.vic.embedded import layout as at
from legacy_models.vic.embedded.atmosphere import emitted
from legacy_models.vic.embedded.compiled import kernel
from legacy_models.vic.embedded.evaporation import penman_monteith, wet_canopy
from legacy_models.vic.embedded.snow_energy import sublimation_heat, vapour_gain

CP = c.HEAT_CAPACITY_MOIST_AIR
SMOOTHING = 10.0  # factor on the resistance of a canopy that snow smooths, VIC's AR_406_FULL


@kernel
def foliage_balance(temperature, m, terms):
    """Energy left over [W/m2] in a canopy at ``temperature`` [degC], and the vapour [m/s] that its snow gains.

    Radiation leaves it both up and down. Refreezing is added by the caller.
    """
    resistance = terms[at.FOLIAGE_RESISTANCE]
    vapour = 0.0
    if terms[at.FOLIAGE_LOAD] > 0.0:
        resistance *= SMOOTHING
        vapour = vapour_gain(temperature, m, resistance) / c.WATER_DENSITY
        latent = sublimation_heat(temperature) * vapour * c.WATER_DENSITY
    else:
        # as VIC has it: evaporation warms a snow-free canopy
        latent = m[at.LATENT] * foliage_evaporation(temperature, m, terms)[0] / terms[at.FOLIAGE_SECONDS]
    radiation = terms[at.ABSORBED] - 2.0 * emitted(temperature)
    sensible = CP * m[at.DENSITY] * (m[at.TEMPERATURE] - temperature) / resistance
    return sensible + latent + radiation + terms[at.FOLIAGE_RAIN_HEAT], vapour


@kernel
def foliage_evaporation(temperature, m, terms):
    """Evaporation, throughfall and storage [mm] of a snow-free canopy at ``temperature`` [degC]."""
    radiation = terms[at.ABSORBED] - 2.0 * emitted(temperature)
    potential = penman_monteith(
        radiation, m[at.SLOPE], m[at.PSYCHROMETRIC], m[at.LATENT], m[at.DRYING], terms[at.FOLIAGE_RESISTANCE],
        terms[at.ARCHITECTURE],
    )  # fmt: skip
    evaporation, throughfall, storage, _ = wet_canopy(
        terms[at.FOLIAGE_WATER], m[at.RAIN], terms[at.FOLIAGE_CAPACITY], potential, terms[at.FOLIAGE_SECONDS]
    )
    return evaporation, throughfall, storage
