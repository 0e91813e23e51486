"""The embedded default data; the linear reservoir stands in for VIC where the facts do not depend on it."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from dpl.routing import ROUTING, route_arrays
from legacy_models.errors import UnknownNameError, UsageError
from legacy_models.linear_reservoir.adapter import LinearReservoir
from legacy_models.parameters import Parameter, ParameterSpace
from legacy_models.vic.parameters import PARAMETERS
from pipeline.basins import Selection, check_inputs
from pipeline.readers import parse_options
from pipeline.readers.hidden_world import RELATIONS, SCALES, hidden_parameters, measured, perturbed
from pipeline.readers.synthetic import Options, draw_world, read

SMALL = Options(legacy_model="linear_reservoir", basins=6, start="1990-10-01", end="1994-09-30")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("synthetic")


@pytest.fixture(scope="module")
def data(folder) -> xr.Dataset:
    return read(SMALL, folder)


def test_it_is_made_once_and_nothing_else_is_left(data, folder):
    files = list(folder.iterdir())
    assert len(files) == 1
    before = files[0].stat().st_mtime_ns
    xr.testing.assert_identical(read(SMALL, folder), data)
    xr.testing.assert_identical(read(SMALL.model_copy(update={"workers": 1}), folder), data)
    assert [f.stat().st_mtime_ns for f in folder.iterdir()] == [before]


def test_it_keeps_the_data_contract_and_says_that_it_is_synthetic(data):
    assert data.attrs["synthetic"] == 1
    assert data.attrs["seed"] == 0
    assert data.attrs["flow_error"] == 0.1
    assert data.attrs["legacy_model_version"] == LinearReservoir().version
    assert "ynthetic" in data.attrs["source"]
    units = {"prcp": "mm/day", "tmin": "degC", "tmax": "degC", "srad": "W/m2", "vp": "Pa", "dayl": "s"}
    for name, unit in (units | {"streamflow": "mm/day"}).items():
        assert data[name].dims == ("basin", "time")
        assert data[name].attrs["units"] == unit
    days = data["time"].to_numpy()
    assert (days[0], days[-1]) == (np.datetime64("1990-10-01"), np.datetime64("1994-09-30"))
    assert data["basin"].dtype.kind == "U"


def test_forcing_is_complete_and_flow_has_gaps_only(data):
    for name in ("prcp", "tmin", "tmax", "srad", "vp", "dayl"):
        assert data[name].notnull().all()
    assert data["streamflow"].isnull().any()
    assert not (data["streamflow"] < 0).any()


def test_attributes_are_inputs_and_hidden_parameters_are_not(data):
    check_inputs(data, list(SCALES))
    with pytest.raises(UsageError, match="is an answer"):
        check_inputs(data, ["hidden_residence_time"])


def test_hidden_parameters_lie_within_their_bounds(data):
    for parameter in (LinearReservoir.parameters + ROUTING).parameters:
        values = data[f"hidden_{parameter.name}"]
        assert ((values > parameter.lower) & (values < parameter.upper)).all()
        assert values.attrs["units"] == parameter.unit


def test_without_errors_the_flow_is_the_routed_outflow_of_the_reservoir(tmp_path):
    exact = SMALL.model_copy(
        update={"rain_error": 0.0, "temperature_error": 0.0, "flow_error": 0.0, "gap_share": 0.0, "basins": 1}
    )
    data = read(exact, tmp_path)
    rain = data["prcp"].to_numpy()[0]
    residence, shape, delay = (data[f"hidden_{n}"].item() for n in ("residence_time", "route_shape", "route_delay"))
    decay, storage, outflow = np.exp(-1 / residence), 0.0, []
    for daily in rain:
        after = storage * decay + daily * residence * (1 - decay)  # dS/dt = P - S / K, exact over a day
        outflow.append(storage + daily - after)
        storage = after
    simulated = route_arrays(np.array([outflow]), [shape], [delay])[0]
    late = slice(730, None)  # what the reservoir held before the record is gone by then
    np.testing.assert_allclose(data["streamflow"].to_numpy()[0, late], simulated[late], rtol=2e-2, atol=2e-3)


def test_other_variables_are_observed_where_they_are_asked_for_and_change_nothing_else(data, tmp_path):
    asked = {"swe": {"storage": 1.0}, "evaporation": {"storage": 0.25, "flow": 2.0}}
    rich = read(SMALL.model_copy(update={"targets": asked}), tmp_path)
    assert "swe" not in data
    for name in ("streamflow", "prcp", "hidden_residence_time", "aridity"):
        np.testing.assert_array_equal(rich[name], data[name])
    assert {n: rich[n].attrs["units"] for n in asked} == {"swe": "mm", "evaporation": "mm/day"}
    assert rich["swe"].dims == ("basin", "time")
    gaps = {rich[n].isnull().to_numpy().tobytes() for n in ("swe", "evaporation", "streamflow")}
    assert len(gaps) == 3
    assert all(rich[n].isnull().any() for n in asked)


def test_without_errors_a_variable_is_the_weighted_sum_of_outputs(tmp_path):
    exact = {"rain_error": 0.0, "flow_error": 0.0, "gap_share": 0.0, "basins": 1}
    asked = {"swe": {"storage": 1.0}, "evaporation": {"storage": 0.25, "flow": 2.0}}
    data = read(SMALL.model_copy(update={**exact, "targets": asked}), tmp_path)
    storage, residence = data["swe"].to_numpy()[0], data["hidden_residence_time"].item()
    rain, decay = data["prcp"].to_numpy()[0], np.exp(-1 / residence)
    after = storage[:-1] * decay + rain[1:] * residence * (1 - decay)  # dS/dt = P - S / K, exact over a day
    np.testing.assert_allclose(storage[1:], after, rtol=1e-4, atol=1e-4)
    flow = storage[:-1] + rain[1:] - storage[1:]
    np.testing.assert_allclose(data["evaporation"][0, 1:], 0.25 * storage[1:] + 2.0 * flow, rtol=1e-3, atol=1e-3)


def test_basins_do_not_depend_on_how_many_there_are(data, tmp_path):
    fewer = read(SMALL.model_copy(update={"basins": 2}), tmp_path)
    for name in ("prcp", "aridity", "hidden_residence_time", "streamflow"):
        np.testing.assert_allclose(fewer[name], data[name][:2], rtol=1e-9)


def test_another_seed_is_another_world():
    dates = np.arange("1990-10-01", "1992-10-01", dtype="datetime64[D]")
    worlds = [draw_world(SMALL.model_copy(update={"seed": seed}), dates, 731)[0] for seed in (0, 1)]
    assert (worlds[0]["p_mean"] != worlds[1]["p_mean"]).all()


def test_basins_can_be_chosen(data, folder):
    chosen = read(SMALL, folder, selection=Selection(query="frac_snow > 0.4"))
    assert 0 < chosen.sizes["basin"] < 6
    assert (chosen["frac_snow"] > 0.4).all()


def test_progress_is_reported_and_an_interrupted_making_goes_on(tmp_path):
    seen = []

    def stop_after_the_first(progress):
        seen.append(progress.committed)
        if len(seen) == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read(SMALL, tmp_path, stop_after_the_first)
    assert not list(tmp_path.glob("*.nc"))
    again = []
    read(SMALL, tmp_path, lambda progress: again.append(progress.committed))
    assert again[0] > seen[0]
    assert again[-1] == 6


def test_the_hidden_relation_covers_every_parameter_of_vic_and_of_the_routing():
    assert set(RELATIONS) == set((PARAMETERS + ROUTING).names)
    assert {name for r in RELATIONS.values() for name in r.weights} <= set(SCALES)


def attributes(count: int) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    draws = {}
    for name, (centre, spread, logarithmic) in SCALES.items():
        normal = rng.normal(size=count)
        draws[name] = centre * np.exp(spread * normal) if logarithmic else centre + spread * normal
    return pd.DataFrame(draws)


def test_hidden_parameters_follow_attributes_but_for_the_stated_noise():
    table, space = attributes(400), PARAMETERS + ROUTING

    def unit(noise: float, seed: int) -> np.ndarray:
        rngs = [np.random.default_rng([seed, i]) for i in range(400)]
        return space.to_unit(hidden_parameters(table, space, noise, rngs))

    np.testing.assert_array_equal(unit(0.0, 0), unit(0.0, 1))
    noise = unit(0.05, 0) - unit(0.0, 0)
    assert noise.std() == pytest.approx(0.05, rel=0.05)
    assert (unit(0.0, 0).std(axis=0) > 0.07).all()  # every parameter varies from basin to basin


def test_hidden_parameters_differ_from_the_defaults():
    space = PARAMETERS + ROUTING
    hidden = hidden_parameters(attributes(400), space, 0.05, [np.random.default_rng(i) for i in range(400)])
    distance = np.abs(space.to_unit(hidden) - space.to_unit(space.defaults)).mean(axis=0)
    for name in ("b_infilt", "k", "r", "Ws", "depth3", "route_delay"):
        assert distance[space.names.index(name)] > 0.1, name


def test_a_model_without_a_relation_of_its_own_gets_one_that_its_names_decide():
    space = ParameterSpace((Parameter("something", 1.0, 2.0, 1.5, "-", "linear", "test"),))
    table = attributes(50)
    one, other = (hidden_parameters(table, space, 0.0, [np.random.default_rng(s)] * 50) for s in (0, 1))
    np.testing.assert_array_equal(one, other)
    assert one.std() > 0.05


def test_errors_of_measurement_have_mean_one_and_the_stated_spread():
    flow = np.ones(200_000)
    observed = measured(flow, 0.1, 0.8, 0.03, np.random.default_rng(0))
    factor = observed[np.isfinite(observed)]
    assert factor.mean() == pytest.approx(1.0, abs=0.005)
    assert np.log(factor).std() == pytest.approx(0.1, rel=0.03)
    assert np.isnan(observed).mean() == pytest.approx(0.03, rel=0.2)
    assert (flow == 1).all()  # what is handed in stays as it was


def test_the_real_weather_differs_from_what_is_handed_out_without_bias():
    days = 100_000
    weather = {
        "prcp": np.ones(days),
        "tmin": np.zeros(days),
        "tmax": np.ones(days),
        "vp": np.full(days, 500.0),
    }
    real = perturbed(weather, 0.1, 0.5, np.random.default_rng(0))
    assert real["prcp"].mean() == pytest.approx(1.0, abs=0.002)
    assert np.log(real["prcp"]).std() == pytest.approx(0.1, rel=0.02)
    np.testing.assert_allclose(real["tmax"] - real["tmin"], 1.0)
    assert real["tmin"].std() == pytest.approx(0.5, rel=0.02)
    assert real["vp"] is weather["vp"]


def test_wrong_options_are_named():
    with pytest.raises(UsageError, match=r"data\.options: .*end \(1990-12-31\) must come at least a year after"):
        parse_options("synthetic", {"end": "1990-12-31"})
    with pytest.raises(UnknownNameError, match=r"data.options.sed: .*did you mean 'seed'"):
        parse_options("synthetic", {"sed": 1})
    with pytest.raises(
        UsageError, match=r"data.options.targets: there is no 'snow' to observe; there are: evaporation"
    ):
        parse_options("synthetic", {"targets": {"snow": {"storage": 1.0}}})
    with pytest.raises(
        UsageError, match=r"targets.swe: linear_reservoir has no output 'snow'; there are: flow, storage"
    ):
        read(SMALL.model_copy(update={"targets": {"swe": {"snow": 1.0}}}), None)
    with pytest.raises(UnknownNameError, match="no legacy model is called 'vick'"):
        read(Options(legacy_model="vick"), None)  # type: ignore[arg-type]


@pytest.mark.slow
def test_vic_at_its_defaults_is_far_from_the_observations_and_at_the_hidden_parameters_near(tmp_path):
    from legacy_models import LEGACY_MODELS
    from legacy_models.metrics import nse
    from legacy_models.model import Forcing, Run
    from legacy_models.runner import run_batch

    options = Options(basins=10, start="1994-10-01", end="2000-09-30")
    data = read(options, tmp_path)
    model = LEGACY_MODELS.resolve("vic")(spinup_years=4)
    space = model.parameters + ROUTING
    days = data["time"].to_numpy().astype("datetime64[D]")
    names = ("prcp", "tmin", "tmax", "srad", "vp", "dayl")
    observed = data["streamflow"].to_numpy()[:, 730:]
    hidden = np.stack([data[f"hidden_{name}"].to_numpy() for name in space.names], axis=1)
    scores = {}
    for label, values in {"hidden": hidden, "default": np.tile(space.defaults, (10, 1))}.items():
        runs = []
        for i, basin in enumerate(data["basin"].to_numpy()):
            here = data.isel(basin=i)
            forcing = Forcing(days, np.stack([here[n].to_numpy() for n in names], axis=1), names)
            table = {str(n): here[n].item() for n in here.data_vars if here[n].ndim == 0}
            runs.append(Run(model.site(str(basin), table, forcing), values[i, :-2], days[0], days[-1]))
        results = run_batch(model, runs, tmp_path / label)
        runoff = np.stack([r.outputs[:, :2].sum(axis=1) for r in results]).astype(float)
        simulated = route_arrays(runoff, values[:, -2], values[:, -1])[:, 730:]
        scores[label] = float(np.median(nse(observed, simulated)))
    assert scores["hidden"] > 0.85
    assert scores["hidden"] - scores["default"] > 0.3
