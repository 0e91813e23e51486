"""Extension tables: every entry resolves, and no table points to a higher layer."""

import pytest

import dpl
import dpl.baselines
import legacy_models
import pipeline.readers
import surrogates.architectures
from legacy_models.errors import UnknownNameError
from legacy_models.tables import Table, check_options

LAYERS = ("legacy_models", "surrogates", "dpl", "pipeline", "flows")
TABLES = {
    "legacy_models": legacy_models.LEGACY_MODELS,
    "legacy_models ": legacy_models.EXECUTORS,
    "surrogates": surrogates.architectures.ARCHITECTURES,
    "surrogates ": surrogates.SAMPLERS,
    "dpl": dpl.LOSSES,
    "dpl ": dpl.NETWORKS,
    "dpl  ": dpl.baselines.BASELINES,
    "dpl   ": dpl.baselines.SEARCHES,
    "dpl    ": dpl.baselines.REGIONALISATIONS,
    "pipeline": pipeline.readers.READERS,
}
ENTRIES = [(layer.strip(), table, name) for layer, table in TABLES.items() for name in table]


@pytest.mark.parametrize(("layer", "table", "name"), ENTRIES, ids=lambda v: v if isinstance(v, str) else v.kind)
def test_every_entry_resolves_to_something_callable(layer, table, name):
    assert callable(table.resolve(name))


@pytest.mark.parametrize(("layer", "table", "name"), ENTRIES, ids=lambda v: v if isinstance(v, str) else v.kind)
def test_no_entry_points_to_a_higher_layer(layer, table, name):
    package = table[name].partition(".")[0]
    assert LAYERS.index(package) <= LAYERS.index(layer)


def test_an_unknown_name_is_answered_with_the_nearest_and_all():
    table = Table("loss", {"nse": "x:y", "rmse": "x:z"})
    with pytest.raises(
        UnknownNameError, match=r"no loss is called 'nsee' \(did you mean 'nse'\?\); there are: nse, rmse"
    ):
        table.resolve("nsee")


def test_an_unknown_option_is_answered_with_its_key_the_nearest_and_all():
    def entry(needed, tiles=1, *, bands=1, executable=None):
        del needed, tiles, bands, executable

    check_options(entry, ["tiles", "bands"], "model.options", ["executable"])
    known = r"there are: tiles, bands$"
    with pytest.raises(UnknownNameError, match=rf"^model.options.tile: no .* \(did you mean 'tiles'\?\); {known}"):
        check_options(entry, ["bands", "tile"], "model.options", ["executable"])
    for name in ("needed", "executable"):
        with pytest.raises(UnknownNameError, match=rf"model.options.{name}: no such option; {known}"):
            check_options(entry, [name], "model.options", ["executable"])
    with pytest.raises(UnknownNameError, match=r"model.options.x: no such option; there are: none"):
        check_options(lambda needed: needed, ["x"], "model.options")


def test_looking_a_name_up_imports_nothing():
    assert Table("thing", {"a": "no.such.module:b"}).check("a") == "a"
