"""The line as a benchmark meets it: its own commands, each in a fresh process.

Owns how a turn, its answers and its corrections go through the public command line. Knows nothing of data
sets or figures.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from bench.learn.corpora import Row
from bench.learn.processes import Ran, run

__all__ = ["Turn", "TurnError", "ask", "correct", "turn"]

_CLI = (sys.executable, "-c", "from freehold.app.cli import main; main()")
_REFUSED = 1


class TurnError(RuntimeError):
    """A command of the line did not do what was asked; its text is what the command said."""


class Turn(NamedTuple):
    """One `freehold run`.

    Attributes:
        document: What it printed with `--json`.
        seconds: The whole command, process start included; None where a stage was recalled, since then it
            measures nothing.
        mebibytes: The most memory that it held.
    """

    folder: Path
    document: Mapping[str, Any]
    seconds: float | None
    mebibytes: float | None

    @property
    def verdict(self) -> Mapping[str, Any]:
        """What the gate said: `passed`, `reasons` and the metrics of each field."""
        found: Mapping[str, Any] = self.document["verdict"]
        return found

    def metric(self, field: str, name: str) -> Mapping[str, Any] | None:
        """Returns one of the verdict's metrics with its interval, or None."""
        found: Mapping[str, Any] | None = self.verdict["fields"].get(field, {}).get(name)
        return found

    def stage(self, name: str) -> float | None:
        """Returns the seconds of a stage whose name begins so; None where it was recalled or never ran."""
        for stage in self.document["stages"]:
            if stage["name"].startswith(name) and not stage["cached"]:
                return float(stage["seconds"])
        return None


def turn(folder: Path, *, fresh: bool = True) -> Turn:
    """Turns the line in a task folder; a candidate that the gate refuses counts as a turn too.

    Args:
        fresh: Nothing may have been recalled for the seconds to count; without it, what is out of date is made
            and timed, as after a correction.

    Raises:
        TurnError: The command failed.
    """
    ran = _command("run", str(folder), allowed=(0, _REFUSED))
    document = json.loads(ran.out)
    recalled = any(stage["cached"] for stage in document["stages"])
    return Turn(folder, document, None if fresh and recalled else ran.seconds, ran.mebibytes)


def ask(folder: Path, texts: Sequence[str]) -> list[Mapping[str, Any]]:
    """Returns the champion's answers: one object a text, from field to value, confidence and probabilities."""
    lines = "".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts)
    ran = _command("predict", str(folder), "--no-record", given=lines)
    answers = [json.loads(line)["answers"] for line in ran.out.splitlines()]
    if len(answers) != len(texts):
        raise TurnError(f"{len(texts)} texts were asked, {len(answers)} answers came back.\n{ran.err}")
    return answers


def correct(folder: Path, rows: Sequence[Row]) -> None:
    """Gives rows to the line as a person's corrections.

    Raises:
        TurnError: One was not taken.
    """
    lines = "".join(
        json.dumps({"inputs": {"text": row.text}, "correct": dict(row.outputs)}, ensure_ascii=False) + "\n"
        for row in rows
    )
    document = json.loads(_command("feedback", str(folder), "--data", "-", given=lines).out)
    if document["accepted"] != len(rows):
        raise TurnError(f"{len(rows)} corrections were given, {document['accepted']} taken: {document}")


def _command(*words: str, given: str = "", allowed: Sequence[int] = (0,)) -> Ran:
    ran = run([*_CLI, *words, "--json"], given=given)
    if ran.code not in allowed:
        said = (ran.err.strip() or ran.out.strip())[-2000:]
        raise TurnError(f"`freehold {' '.join(words)}` ended with {ran.code}: {said}")
    return ran
