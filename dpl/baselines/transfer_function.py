"""The linear transfer function: what a hand-written function of attributes can say, learned as g_A is.

Multiscale parameter regionalisation (MPR) supposes a form for each parameter and calibrates its few coefficients at
all basins together. Here the form is linear in the attributes and the coefficients are learned through the surrogate,
so that nothing but the form tells it from g_A.

Source:
    Samaniego et al. (2010), doi:10.1029/2008WR007327.
"""

import keras

from dpl.networks import g_a
from legacy_models.parameters import ParameterSpace


def linear(space: ParameterSpace, attributes: int, history: int = 0, *, seed: int = 0) -> keras.Model:
    """Build u_p = sigmoid(b_p + sum_i c_pi a_i), on each parameter's own scale between its bounds.

    Args:
        space: the parameters to give, routing included.
        attributes: number of scaled attributes a.
        history: not read.
        seed: of nothing: all coefficients start at zero, and so every basin at the defaults.
    """
    return g_a(space, attributes, history, hidden=(), dropout=0.0, seed=seed)
