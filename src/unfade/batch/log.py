"""The structured log: one JSON object a line, appended, for each thing that happens to an item."""

from __future__ import annotations

import datetime
import json
from pathlib import Path
from types import TracebackType
from typing import Any

from unfade.batch.executors.contract import Event
from unfade.batch.ledger import Row
from unfade.batch.plan import Plan
from unfade.batch.run import Outcome
from unfade.errors import OutputError


class Log:
    """A ``Watcher`` that writes lines with time, event, item and what is known of it.

    Names are data: JSON escapes whatever characters they hold. No setting, no environment and no
    credential is ever written.
    """

    def __init__(self, path: str) -> None:
        try:
            self._file = Path(path).open("a", encoding="utf-8")  # noqa: SIM115  # closed on exit
        except OSError as error:
            raise OutputError(
                f"The log `{path}` cannot be opened: {error.strerror}.", "Choose another file."
            ) from error
        self._run = 0

    def planned(self, plan: Plan) -> None:
        self._run = plan.run
        self._write("planned", counts=plan.counts, bytes=plan.planned_bytes)

    def happened(self, event: Event, row: Row, outcome: Outcome) -> None:
        if event.what == "progress":
            return
        facts: dict[str, Any] = {"item": row.name, "worker": event.worker}
        if event.last:
            facts |= {"took_s": round(event.took_s, 4), "attempts": row.attempts}
        if event.what == "done":
            facts |= {"sha256": row.facts.get("output_sha256"), "doubt": row.doubt}
        if event.what == "failed":
            error = event.error or {}
            facts |= {
                "code": error.get("code"),
                "message": error.get("message"),
                "final": row.state == "failed",
            }
            if "trace" in error:
                facts["trace"] = error["trace"]
        self._write(event.what, **facts)

    def passed(self, outcome: Outcome) -> None:
        self._outcome = outcome

    def __enter__(self) -> Log:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        outcome = getattr(self, "_outcome", None)
        self._write("finished", **(outcome.to_dict() if outcome is not None else {}))
        self._file.close()

    def _write(self, event: str, **facts: Any) -> None:
        now = datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")
        line = {"time": now, "run": self._run, "event": event} | facts
        self._file.write(json.dumps(line, ensure_ascii=True) + "\n")
        self._file.flush()
