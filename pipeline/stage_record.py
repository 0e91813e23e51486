"""Which stages of a run are finished, for which inputs, and what they took."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from legacy_models.errors import DataError
from legacy_models.files import write_json


class StageRecord:
    """The file ``stages.json`` of a run's directory.

    A stage is finished for a fingerprint: the hash of all that its result depends on. Asked again with the
    same fingerprint it is not repeated; with another one it is.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / "stages.json"
        self._entries: dict[str, dict[str, Any]] = {}
        if self._path.exists():
            try:
                self._entries = json.loads(self._path.read_text(encoding="utf-8"))
            except json.JSONDecodeError as error:
                raise DataError(f"{self._path}: not valid JSON ({error}); delete it to run all stages again") from None

    def finished(self, stage: str, fingerprint: str) -> bool:
        """Whether ``stage`` was finished for this fingerprint."""
        return self.begun(stage, fingerprint) and bool(self._entries[stage]["finished"])

    def begun(self, stage: str, fingerprint: str) -> bool:
        """Whether ``stage`` was begun, perhaps finished, for this fingerprint."""
        return bool(self._entries.get(stage, {}).get("fingerprint") == fingerprint)

    def note(self, stage: str) -> Any:
        """What a stage left for later ones, or for its next attempt; None where there is nothing."""
        return self._entries.get(stage, {}).get("note")

    @contextmanager
    def running(self, stage: str, fingerprint: str, **intent: Any) -> Iterator[dict[str, Any]]:
        """Time a stage and mark it finished if it ends without an exception.

        Yields a dictionary whose content is kept as the stage's note. It begins with ``intent``, which is on disk
        before anything is done, or with what an interrupted attempt at the same fingerprint left; the time spent in
        such attempts is added up.
        """
        before = self._entries.get(stage, {})
        again = self.begun(stage, fingerprint)
        spent = before["seconds"] if again else 0.0
        note: dict[str, Any] = intent | (before["note"] if again and not before["finished"] else {})
        finished, begin = False, time.monotonic()
        self._keep(stage, fingerprint, finished, spent, note)
        try:
            yield note
            finished = True
        finally:
            self._keep(stage, fingerprint, finished, spent + time.monotonic() - begin, note)

    def add(self, stage: str, fingerprint: str, seconds: float) -> None:
        """Note a stage that was timed from outside, unless it is noted already."""
        if not self.finished(stage, fingerprint):
            self._keep(stage, fingerprint, True, seconds, {})

    def seconds_by_stage(self) -> dict[str, float]:
        """Seconds of each stage, its rounds added up (``emulate-0``, ``emulate-1``), and the ``total``."""
        sums: dict[str, float] = {}
        for stage, entry in self._entries.items():
            name = stage.partition("-")[0]
            sums[name] = round(sums.get(name, 0.0) + entry["seconds"], 2)
        return sums | {"total": round(sum(sums.values()), 2)}

    def _keep(self, stage: str, fingerprint: str, finished: bool, seconds: float, note: dict[str, Any]) -> None:
        self._entries[stage] = {
            "fingerprint": fingerprint,
            "finished": finished,
            "seconds": round(seconds, 2),
            "note": note,
        }
        write_json(self._path, self._entries)
