"""What is known of a version, gathered from the records and the files of the stages that made it.

Reads; shows nothing. Files that are gone leave a gap, not an error.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from freehold.app.cli.confusions import Confusion, find_confusions
from freehold.app.cli.made import find_facts
from freehold.app.cli.models import describe_release
from freehold.errors import IntegrityError

if TYPE_CHECKING:
    from freehold.app.cli.opened import Opened
    from freehold.task import Field, Release

__all__ = ["Known", "Refused", "look"]


class Refused(NamedTuple):
    """The rows that could not be used: how many, and the file that lists them."""

    rows: int
    path: Path


class Known(NamedTuple):
    """What is known of a version.

    Attributes:
        fields: The task's output fields.
        facts: Stage to what it recorded beside its result.
        calibration: Field to its tables of risk against coverage and of reliability; empty where the version
            was judged before there were such.
        confusions: Field to its most frequent mistakes on the test rows.
    """

    release: Release
    fields: tuple[Field, ...]
    lineage: dict[str, Any]
    facts: dict[str, dict[str, Any]]
    refused: Refused | None
    calibration: dict[str, dict[str, Any]]
    confusions: dict[str, list[Confusion]]
    history: list[dict[str, Any]]

    @property
    def order(self) -> list[str]:
        """The names of the fields as the task has them."""
        return [field.name for field in self.fields]

    @property
    def warnings(self) -> list[dict[str, Any]]:
        """What was odd about the data."""
        return list(self.facts.get("data.collect", {}).get("warnings", []))

    def to_json(self) -> dict[str, object]:
        """Returns all of it as plain data, in the shape of the contract."""
        refused = self.refused
        return {
            "task": self.release.task,
            "release": describe_release(self.release),
            "verdict": self.release.verdict.to_json(),
            "calibration": self.calibration,
            "confusions": {field: [asdict(each) for each in found] for field, found in self.confusions.items()},
            "warnings": self.warnings,
            "lineage": self.lineage,
            "facts": self.facts,
            "refused": {"count": refused.rows, "path": str(refused.path)} if refused else None,
            "history": self.history,
        }


def look(here: Opened, release: Release) -> Known:
    """Returns what is known of a version."""
    lineage: dict[str, Any] = dict(here.shelf.lineage(release.task, release.version))
    collected, judged = (_lay_out(here, lineage, stage) for stage in ("data.collect", "gate.judge"))
    return Known(
        release=release,
        fields=here.task.fields,
        lineage=lineage,
        facts=find_facts(here.shelf, lineage["stages"]),
        refused=_count_refused(collected / "refused.jsonl") if collected else None,
        calibration=_read_calibration(judged / "calibration.json", here.task.fields) if judged else {},
        confusions=find_confusions(judged / "answers.jsonl", here.task.fields) if judged else {},
        history=[dict(e) for e in here.shelf.history(release.task) if e["version"] == release.version],
    )


def _lay_out(here: Opened, lineage: dict[str, Any], name: str) -> Path | None:
    """Returns the folder of a stage, or None where its files are gone.

    A lineage goes on with the stages of the champion that the model was compared with: the first one counts.
    """
    key = next((stage["key"] for stage in lineage["stages"] if stage["stage"] == name), "")
    recorded = here.shelf.recall(key) if key else None
    try:
        return here.shelf.lay_out(recorded) if recorded else None
    except IntegrityError:
        return None


def _count_refused(path: Path) -> Refused:
    with path.open("rb") as file:
        return Refused(sum(1 for _ in file), path)


def _read_calibration(path: Path, fields: tuple[Field, ...]) -> dict[str, dict[str, Any]]:
    found = json.loads(path.read_bytes())["fields"] if path.exists() else {}
    return {field.name: found[field.name] for field in fields if field.name in found}
