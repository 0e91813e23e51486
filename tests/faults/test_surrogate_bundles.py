"""Faults 21 to 23, 27 and 28: killed training, checkpoints, NaN, and surrogates that must not be loaded."""

import json
import os
import pickle
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from legacy_models.errors import BundleError, TrainingError
from legacy_models.files import sha256_of_file
from legacy_models.parameters import ParameterSpace
from surrogates import bundle
from surrogates.fitting import Epoch
from surrogates.surrogate import Surrogate
from surrogates.train import train
from tests.recorded_runs import MODEL, TINY, recorded_runs

ROOT = Path(__file__).parents[2]

KILLED = """
import os, signal, sys
from pathlib import Path
from surrogates.train import train
from tests.recorded_runs import TINY, recorded_runs

def stop(record):
    if (record.network, record.epoch) == ("member 0 sequence", 2):
        os.kill(os.getpid(), signal.SIGKILL)

train(recorded_runs(), TINY, Path(sys.argv[1]), on_epoch=stop)
"""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Surrogate, list[Epoch]]:
    records: list[Epoch] = []
    return train(recorded_runs(), TINY, tmp_path_factory.mktemp("fit"), on_epoch=records.append), records


@pytest.fixture
def saved(trained: tuple[Surrogate, list[Epoch]], tmp_path: Path) -> Path:
    return bundle.save(trained[0], tmp_path / "bundle")


def curve(records: list[Epoch]) -> list[tuple[str, int, float, float]]:
    return [(r.network, r.epoch, r.loss, r.held_out_loss) for r in records]


def reseal(path: Path, change: Callable[[dict[str, object]], None] = lambda card: None) -> None:
    """Make a forged bundle consistent: change the card and renew its hashes."""
    card = json.loads((path / "card.json").read_text())
    card["files"] = {name: sha256_of_file(path / name) for name in card["files"] if (path / name).exists()}
    change(card)
    (path / "card.json").write_text(json.dumps(card))


@pytest.mark.fault(21)
def test_training_killed_with_minus_nine_resumes_on_the_same_loss_curve(
    trained: tuple[Surrogate, list[Epoch]], tmp_path: Path
) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path)], cwd=ROOT, env=environment, capture_output=True
    )
    assert process.returncode == -signal.SIGKILL
    records: list[Epoch] = []
    resumed = train(recorded_runs(), TINY, tmp_path, on_epoch=records.append)
    assert curve(records) == curve(trained[1])
    for mine, whole in zip(resumed.members[0].networks, trained[0].members[0].networks, strict=True):
        for a, b in zip(mine.get_weights(), whole.get_weights(), strict=True):
            np.testing.assert_array_equal(a, b)


@pytest.mark.fault(22)
def test_a_kill_while_a_checkpoint_is_written_leaves_the_one_before(tmp_path: Path) -> None:
    records: list[Epoch] = []
    train(recorded_runs(), TINY, tmp_path, on_epoch=records.append)
    (checkpoint,) = tmp_path.rglob("sequence_0.npz")
    before = sha256_of_file(checkpoint)
    program = (
        "import sys, time; from pathlib import Path; from legacy_models.files import written_aside\n"
        "with written_aside(Path(sys.argv[1])) as aside:\n"
        "    aside.write_bytes(b'half'); print('writing', flush=True); time.sleep(60)"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(checkpoint)], stdout=subprocess.PIPE, cwd=ROOT, env=environment
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.kill()
    process.wait()
    process.stdout.close()
    assert sha256_of_file(checkpoint) == before
    again: list[Epoch] = []
    train(recorded_runs(), TINY, tmp_path, on_epoch=again.append)
    taken = [(r.network, r.epoch, r.seconds) for r in again]  # to the digit: read from the checkpoint, not fitted anew
    assert taken == [(r.network, r.epoch, r.seconds) for r in records]


@pytest.mark.fault(23)
def test_a_record_that_is_not_finite_stops_training_and_is_named(tmp_path: Path) -> None:
    runs = recorded_runs()
    broken = runs.outputs.copy()
    broken[runs.sites == "00000002", 50:, 1] = np.nan
    settings = replace(TINY, held_out_sites=0.0, held_out_sets=0.0)
    with pytest.raises(TrainingError, match=r"site 00000002.*variable"):
        train(replace(runs, outputs=broken), settings, tmp_path)


@pytest.mark.fault(23)
def test_the_last_good_weights_survive_a_loss_that_is_not_finite(tmp_path: Path) -> None:
    settings = replace(TINY, learning_rate=1e30, epochs=50)
    records: list[Epoch] = []
    with pytest.raises(TrainingError):
        train(recorded_runs(), settings, tmp_path, on_epoch=records.append)
    for checkpoint in tmp_path.rglob("*.npz"):
        with np.load(checkpoint, allow_pickle=False) as kept:
            assert all(np.isfinite(kept[name]).all() for name in kept.files)


@pytest.mark.fault(27)
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": "other"}, "model version"),
        ({"parameters": ParameterSpace(MODEL.parameters.parameters[:1])}, "parameters"),
        (
            {
                "parameters": ParameterSpace(
                    (replace(MODEL.parameters.parameters[0], upper=50.0), MODEL.parameters.parameters[1])
                )
            },
            "bounds",
        ),
        ({"outputs": MODEL.outputs[:1], "states": ()}, "outputs"),
        ({"forcing": MODEL.forcing[:2]}, "forcing"),
        ({"spinup_years": 10}, "spin-up"),
        ({"options": {"tiles": 2}}, "options"),
        ({"name": "vic"}, "legacy model"),
    ],
)
def test_a_surrogate_of_something_else_is_refused(saved: Path, change: dict[str, object], message: str) -> None:
    fields = {name: getattr(MODEL, name) for name in MODEL.__dataclass_fields__}
    card = bundle.read_card(saved)
    bundle.check_request(card, SimpleNamespace(**fields))
    with pytest.raises(BundleError, match=message):
        bundle.check_request(card, SimpleNamespace(**{**fields, **change}))


@pytest.mark.fault(28)
def test_an_altered_file_is_refused(saved: Path) -> None:
    content = bytearray((saved / "weights.npz").read_bytes())
    content[len(content) // 2] ^= 1
    (saved / "weights.npz").write_bytes(content)
    with pytest.raises(BundleError, match="SHA-256"):
        bundle.load(saved)


@pytest.mark.fault(28)
def test_a_missing_file_is_refused(saved: Path) -> None:
    (saved / "weights.npz").unlink()
    with pytest.raises(BundleError, match=r"weights\.npz"):
        bundle.load(saved)


@pytest.mark.fault(28)
def test_an_extra_file_is_refused(saved: Path) -> None:
    (saved / "model.keras").write_bytes(b"anything")
    with pytest.raises(BundleError, match=r"model\.keras"):
        bundle.load(saved)


@pytest.mark.fault(28)
def test_a_path_out_of_the_bundle_is_refused(saved: Path) -> None:
    (saved.parent / "outside.npz").write_bytes((saved / "weights.npz").read_bytes())
    reseal(
        saved,
        lambda card: card.update(files={"../outside.npz": sha256_of_file(saved.parent / "outside.npz")}),
    )
    with pytest.raises(BundleError, match="nothing else"):
        bundle.load(saved)


@pytest.mark.fault(28)
def test_a_link_out_of_the_bundle_is_refused(saved: Path) -> None:
    (saved / "weights.npz").rename(saved.parent / "outside.npz")
    (saved / "weights.npz").symlink_to(saved.parent / "outside.npz")
    with pytest.raises(BundleError, match="plain file"):
        bundle.load(saved)


@pytest.mark.fault(28)
def test_an_architecture_that_is_not_in_the_table_is_refused_not_imported(saved: Path) -> None:
    reseal(saved, lambda card: card.update(architecture="os:system"))
    with pytest.raises(BundleError, match="os:system"):
        bundle.load(saved)


@pytest.mark.fault(28)
def test_a_lambda_in_the_options_is_refused_not_run(saved: Path) -> None:
    reseal(
        saved,
        lambda card: card.update(options={"layer": {"class_name": "Lambda", "config": {"function": "4wEA"}}}),
    )
    with pytest.raises(BundleError, match="layer"):
        bundle.load(saved)


class _Evil:
    def __reduce__(self) -> tuple[Callable[[str], int], tuple[str]]:
        return os.system, ("touch executed",)


@pytest.mark.fault(28)
def test_a_pickle_among_the_weights_is_refused_not_run(
    saved: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with np.load(saved / "weights.npz") as good:
        arrays = {name: good[name] for name in good.files}
    arrays[next(iter(arrays))] = np.array([_Evil()], dtype=object)
    np.savez(saved / "weights.npz", **arrays)
    reseal(saved)
    with pytest.raises(BundleError):
        bundle.load(saved)
    (saved / "weights.npz").write_bytes(pickle.dumps(_Evil()))
    reseal(saved)
    with pytest.raises(BundleError):
        bundle.load(saved)
    assert not (tmp_path / "executed").exists()


@pytest.mark.fault(28)
def test_weights_of_another_shape_are_refused(saved: Path) -> None:
    with np.load(saved / "weights.npz") as good:
        arrays = {name: good[name] for name in good.files}
    name = next(iter(arrays))
    arrays[name] = arrays[name][..., :1]
    np.savez(saved / "weights.npz", **arrays)
    reseal(saved)
    with pytest.raises(BundleError, match="shape"):
        bundle.load(saved)


@pytest.mark.fault(28)
@pytest.mark.parametrize("members", [0, 2, 10**12])
def test_a_card_that_names_members_without_weights_is_refused_before_any_is_built(saved: Path, members: int) -> None:
    reseal(saved, lambda card: card.update(members=members))
    with pytest.raises(BundleError, match=rf"names {members} members, weights\.npz holds 1"):
        bundle.load(saved)


@pytest.mark.fault(28)
def test_a_newer_schema_is_refused_with_the_remedy(saved: Path) -> None:
    reseal(saved, lambda card: card.update(schema_version=99))
    with pytest.raises(BundleError, match="update"):
        bundle.load(saved)


@pytest.mark.fault(28)
@pytest.mark.parametrize("text", ["", "[]", "{}", "not json"])
def test_a_card_that_is_none_is_refused(saved: Path, text: str) -> None:
    (saved / "card.json").write_text(text)
    with pytest.raises(BundleError, match=r"card\.json"):
        bundle.load(saved)
