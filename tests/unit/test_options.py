"""Options of networks and architectures: what is taken passes, what is not is named before anything is read or run."""

import re
import subprocess
import sys

import pytest

from legacy_models.errors import UnknownNameError
from pipeline.config import load_config
from pipeline.options import check_forms

ALLOWED = (
    (),
    ("network.options={hidden: [8], seed: 3}",),
    ("network={name: g_Z, options: {units: 4, blind: 0.5}}",),
    ("network={name: linear, options: {seed: 1}}",),
    ("surrogate.options={hidden: 8, latent: 3}", "refine.surrogate={options: {hidden: 8, latent: 3}}"),
)
REFUSED = (
    ("network={name: linear, options: {hidden: [8]}}", "network.options.hidden: no such option; there are: seed"),
    ("network.options={history: 2}", "network.options.history: no such option"),
    ("network={name: g_Z, options: {unit: 2}}", "network.options.unit: no such option (did you mean 'units'?)"),
    ("surrogate={architecture: lstm, options: {latent: 2}}", "surrogate.options.latent: no such option"),
    (
        "refine.surrogate={options: {hiden: 2}}",
        "refine.surrogate.options.hiden: no such option (did you mean 'hidden'?)",
    ),
    ("surrogate.architecture=lstn", "no architecture is called 'lstn' (did you mean 'lstm'?)"),
)


@pytest.mark.parametrize("assignments", ALLOWED)
def test_options_that_an_entry_takes_pass(assignments):
    check_forms(load_config(assignments=assignments))


@pytest.mark.parametrize(("assignment", "message"), REFUSED)
def test_options_that_an_entry_does_not_take_are_named_with_those_that_it_does(assignment, message):
    with pytest.raises(UnknownNameError, match=re.escape(message)):
        check_forms(load_config(assignments=[assignment]))


def test_keras_is_not_imported_where_no_options_are_given():
    code = (
        "import sys; from pipeline.config import load_config; from pipeline.options import check_forms\n"
        "check_forms(load_config()); print('keras' in sys.modules)"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True)
    assert finished.stdout.strip() == "False"
