"""The commands ``dpl`` and ``dpl-train``: parse, call one function, report."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from legacy_models.errors import DataError, GateError, ProjectError, UsageError

if TYPE_CHECKING:
    from pipeline.config import Config

EXIT = {UsageError: 2, DataError: 3, GateError: 4}
INTERRUPTED = 130

Surrogate = Annotated[
    str,
    typer.Option("--surrogate", help="Legacy model whose surrogate is wanted; vic@champion or vic@3 pins one."),
]
ConfigName = Annotated[str, typer.Option("--config", help="Packaged configuration (synthetic, camels) or a YAML file.")]
Data = Annotated[str | None, typer.Option("--data", help="reader or reader:path, for example netcdf:basins.nc")]
Out = Annotated[Path | None, typer.Option("--out", help="The run's directory; default runs/MODEL-CONFIG.")]
Assignments = Annotated[list[str] | None, typer.Option("--set", help="key=value, for example dpl.epochs=30")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the plan and its cost, run nothing.")]

train_app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
app = typer.Typer(add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False, help=__doc__)
store_app = typer.Typer(no_args_is_help=True, help="Look after a run store.")
app.add_typer(store_app, name="store")


def _stage_command(target: typer.Typer, name: str, stage: str, text: str) -> None:
    """Add the command ``name``: everything up to ``stage``, finished parts not repeated."""

    def command(
        surrogate: Surrogate = "vic",
        config: ConfigName = "synthetic",
        data: Data = None,
        out: Out = None,
        set_: Assignments = None,
        dry_run: DryRun = False,
    ) -> None:
        _run(stage, surrogate, config, data, out, set_, dry_run)

    target.command(name=name, help=text)(command)


FIRST = "Stages before it run first where they are not finished."
_stage_command(
    train_app,
    "dpl-train",
    "report",
    "Learn a legacy model's parameters through its surrogate and prove them by running the model itself.",
)
_stage_command(app, "design", "design", f"Draw the legacy runs that the surrogate will learn from. {FIRST}")
_stage_command(app, "simulate", "simulate", f"Run the legacy model on the design. {FIRST}")
_stage_command(app, "emulate", "emulate", f"Train the surrogate on the runs. {FIRST}")
_stage_command(app, "learn", "learn", f"Learn parameters through the frozen surrogate. {FIRST}")
_stage_command(app, "refine", "refine", f"Run the legacy model at learned parameters, retrain, learn on. {FIRST}")
_stage_command(app, "verify", "verify", f"Score the legacy model itself at the learned parameters. {FIRST}")
_stage_command(app, "publish", "publish", f"Register surrogate and parameter network. {FIRST}")


@app.command()
def calibrate(
    surrogate: Surrogate = "vic",
    config: ConfigName = "synthetic",
    data: Data = None,
    out: Out = None,
    set_: Assignments = None,
    dry_run: DryRun = False,
    method: Annotated[str | None, typer.Option(help="How to search: sceua or gradient.")] = None,
    on: Annotated[str | None, typer.Option(help="What to run: the legacy model, or its surrogate.")] = None,
    evaluations: Annotated[int | None, typer.Option(help="Budget of each basin; 5000 by default.")] = None,
    regionalise: Annotated[
        str | None, typer.Option(help="Carry the result to ungauged basins: nearest or regression.")
    ] = None,
) -> None:
    """Find the best parameters of each fit basin by itself, and score the legacy model there."""
    given = {"method": method, "on": on, "evaluations": evaluations, "regionalise": regionalise}
    own = [f"calibrate.{key}={value}" for key, value in given.items() if value is not None]
    settings, directory = _loaded(surrogate, config, data, out, [*(set_ or []), *own])
    if dry_run:
        from pipeline.plan import calibration_text

        typer.echo(calibration_text(settings, directory))
    else:
        from pipeline.stages import run_calibration

        run_calibration(settings, directory, surrogate)


@app.command()
def lstm(
    surrogate: Surrogate = "vic",
    config: ConfigName = "synthetic",
    data: Data = None,
    out: Out = None,
    set_: Assignments = None,
    dry_run: DryRun = False,
) -> None:
    """Train a regional LSTM on the fit basins, the data-driven ceiling, and score it on every split."""
    settings, directory = _loaded(surrogate, config, data, out, set_ or [])
    if dry_run:
        from pipeline.plan import lstm_text

        typer.echo(lstm_text(settings, directory))
    else:
        from pipeline.stages import run_lstm

        run_lstm(settings, directory)


@app.command()
def report(directory: Annotated[Path, typer.Argument(help="A run's directory.")]) -> None:
    """Write report.html of a finished run anew."""
    from pipeline.report import write_report

    if not (directory / "summary.json").is_file():
        raise DataError(f"{directory}: no summary.json; a run writes it when its verify stage is finished")
    typer.echo(write_report(directory))


@app.command()
def evaluate(
    runs: Annotated[list[str], typer.Argument(help="Finished runs; NAME=RUN where they are not seeds of one set-up.")],
    out: Annotated[Path | None, typer.Option(help="Where to write; by default RUN/evaluation, if it is one.")] = None,
    attributes: Annotated[list[Path] | None, typer.Option(help="Table that has huc_02, in_531_list, ...")] = None,
    list_: Annotated[list[Path] | None, typer.Option("--list", help="Text file of basin ids to score apart.")] = None,
    resamples: Annotated[int, typer.Option(min=100, help="Of the bootstrap that gives intervals.")] = 1000,
) -> None:
    """Compare the methods of finished runs, basin by basin and over basins, with intervals."""
    from pipeline.evaluation.evaluate import evaluate as compare

    compare(runs, out, attributes or [], list_ or [], resamples)


@app.command()
def drift(
    out: Annotated[Path, typer.Option("--out", help="Directory of a finished run.")],
    data: Data = None,
    earlier: Annotated[Path | None, typer.Option(help="An earlier run, whose parameters are compared.")] = None,
    set_: Assignments = None,
) -> None:
    """Tell whether forcing, parameters or performance drifted in new data; exit status 4 where a gate is exceeded."""
    _import_tensorflow_quietly()
    from pipeline.drift.check import drift as check
    from pipeline.drift.report import line

    found = check(out, data, set_ or [], earlier)
    typer.echo(line(found))
    if found["exceeded"]:
        raise GateError(f"{out / 'drift.md'}: drifted beyond {'; '.join(found['exceeded'])}")


@store_app.command("list")
def store_list(store: Annotated[Path, typer.Argument(help="Directory of a run store.")]) -> None:
    """Print counts by purpose and status."""
    from pipeline.stores import describe

    typer.echo(describe(store))


@store_app.command("verify")
def store_verify(store: Annotated[Path, typer.Argument(help="Directory of a run store.")]) -> None:
    """Read every byte and compare checksums."""
    from pipeline.stores import verify

    typer.echo(verify(store))


@store_app.command("repair")
def store_repair(store: Annotated[Path, typer.Argument(help="Directory of a run store.")]) -> None:
    """Take damaged runs out, so that they are run again."""
    from pipeline.stores import repair

    typer.echo(repair(store))


def main() -> None:
    """Entry point of ``dpl``."""
    _guarded(app)


def train_main() -> None:
    """Entry point of ``dpl-train``."""
    _guarded(train_app)


def _run(
    stage: str,
    surrogate: str,
    config: str,
    data: str | None,
    out: Path | None,
    set_: list[str] | None,
    dry_run: bool,
) -> None:
    """Load the configuration and run everything up to ``stage``."""
    settings, directory = _loaded(surrogate, config, data, out, set_ or [])
    if dry_run:
        from pipeline.plan import plan_text

        typer.echo(plan_text(settings, directory))
    else:
        from pipeline.stages import run_until

        run_until(stage, settings, directory, surrogate)


def _loaded(surrogate: str, config: str, data: str | None, out: Path | None, set_: list[str]) -> "tuple[Config, Path]":
    """Return the configuration and the run's directory."""
    _import_tensorflow_quietly()
    from pipeline.config import load_config

    model = surrogate.partition("@")[0]
    return load_config(config, data, set_, model), out or Path("runs") / f"{model}-{Path(config).stem}"


def _import_tensorflow_quietly() -> None:
    """Import TensorFlow with stderr turned away: it reports the processor there, whatever the log level."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        import tensorflow as tf

        tf.get_logger().setLevel("ERROR")
        tf.constant(0)  # the last of the messages come with the first tensor
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _guarded(command: Callable[[], None]) -> None:
    """Run a command; the user's mistakes are one line on stderr, bugs keep their traceback."""
    try:
        command()
    except ProjectError as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(next((status for kind, status in EXIT.items() if isinstance(error, kind)), 1))
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        sys.exit(INTERRUPTED)
