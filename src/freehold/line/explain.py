"""Explains answers: what moved them, and the nearest of the training rows with where those come from.

Owns which rows may be shown, and that their vectors are made once and kept with the other features. What moved an
answer is for `freehold.engine` to find. Knows nothing of faces.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as Late
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from freehold.errors import IntegrityError
from freehold.line.withdrawn import Withdrawn
from freehold.task import Event, Example, Json, Prediction, Release, file_digest, read_examples

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from freehold.engine import Explanation, Reader
    from freehold.line.runner import Tell
    from freehold.registry import Registry

__all__ = ["Explainer", "Nearest", "Neighbour", "Reasons"]

_SHOWN = 5
_MOST = 50_000
"""Rows that are searched; of more, all corrections and an even sample of the others."""
_KEPT = 2
_NAME = "explain"


class Neighbour(NamedTuple):
    """A training row, and the cosine of its vector and the input's: 1 is the same to the encoder."""

    similarity: float
    example: Example

    def to_json(self) -> dict[str, Json]:
        """Returns the row with its provenance."""
        row = self.example
        return {
            "similarity": round(self.similarity, 6),
            "id": row.id,
            "split": row.split,
            "inputs": dict(row.inputs),
            "outputs": dict(row.outputs),  # type: ignore[arg-type]
            "correction": row.passport.source == "feedback",
            "passport": {name: told for name, told in asdict(row.passport).items() if told is not None},
        }


@dataclass(frozen=True, slots=True)
class Nearest:
    """The nearest training rows, the nearest first.

    Attributes:
        searched: How many rows were compared.
        total: How many the model learned from, those included that it was calibrated on.
        note: Why there are none; empty where there are.
    """

    rows: tuple[Neighbour, ...] = ()
    searched: int = 0
    total: int = 0
    note: str = ""

    def to_json(self) -> dict[str, Json]:
        """Returns it in the shape of the contract."""
        rows: list[Json] = [row.to_json() for row in self.rows]
        return {"searched": self.searched, "of": self.total, "note": self.note or None, "rows": rows}


@dataclass(frozen=True, slots=True)
class Reasons:
    """Why one input was answered as it was."""

    explanation: Explanation
    nearest: Nearest

    def to_json(self) -> dict[str, Json]:
        """Returns it in the shape of the contract."""
        return {**self.explanation.to_json(), "nearest": self.nearest.to_json()}


class _Rows(NamedTuple):
    """Training rows with their vectors, shape (rows, dimension), and how many there are in all."""

    examples: list[Example]
    vectors: NDArray[Any]
    total: int


class _Closing(Exception):  # noqa: N818  ends a reading, is no fault of anybody
    """The explainer is being closed."""


class Explainer:
    """Explains answers of models that a registry knows. Threads may share one.

    The first explanation of a model reads the vectors of its training rows; those that the feature cache has not
    are encoded, and kept there.

    Args:
        tell: Is told how far that is.
        patience: Seconds after which an explanation does not wait for it any longer and says so; without it,
            there is no end to patience and all is done in the calling thread.
    """

    def __init__(self, *, tell: Tell = lambda _event: None, patience: float | None = None) -> None:
        self._tell, self._patience = tell, patience
        self._known: OrderedDict[tuple[str, str], Future[_Rows | None]] = OrderedDict()
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="freehold-explain")
        self._closing = False
        self._at = (0, 0)

    def close(self) -> None:
        """Ends what is being read."""
        self._closing = True
        self._pool.shutdown(wait=True, cancel_futures=True)

    def explain(
        self,
        reader: Reader,
        inputs: Mapping[str, str],
        *,
        prediction: Prediction,
        release: Release,
        shelf: Registry,
    ) -> Reasons:
        """Returns why `prediction` was the answer to `inputs`.

        Args:
            reader: The release's reader.
            shelf: The registry that knows the release.
        """
        from freehold.engine import explain

        explanation = explain(reader, inputs, answers=prediction.answers)
        try:
            rows = self._rows(reader, release=release, shelf=shelf)
        except Late:
            done, total = self._at
            note = f"The training rows of `{release.name}` are being read, {done:,} of {total:,}; ask again."
            return Reasons(explanation, Nearest(note=note))
        if rows is None:
            note = f"The training rows of `{release.name}` are not recorded here any more."
            return Reasons(explanation, Nearest(note=note))
        return Reasons(
            explanation, _find_nearest(reader, inputs, rows, hidden=Withdrawn(release.task, shelf=shelf))
        )

    def _rows(self, reader: Reader, *, release: Release, shelf: Registry) -> _Rows | None:
        """Returns the training rows of a release, or None where they are gone. Raises Late: they take long."""
        lineage: Mapping[str, Any] = shelf.lineage(release.task, release.version)
        name = (release.artifact.digest, str(lineage["examples"]))
        known = self._known.get(name)
        if known is None or (known.done() and known.exception()):

            def read() -> _Rows | None:
                return self._read(reader, lineage, release=release, shelf=shelf)

            if self._patience is None:
                known = Future()
                known.set_result(read())
            else:
                known = self._pool.submit(read)
            self._known[name] = known
            while len(self._known) > _KEPT:
                self._known.popitem(last=False)
        return known.result(self._patience)

    def _read(
        self, reader: Reader, lineage: Mapping[str, Any], *, release: Release, shelf: Registry
    ) -> _Rows | None:
        from freehold.engine import GRAPH, Base, encode_texts, read_settings

        examples = _read_examples(lineage, shelf=shelf)
        if examples is None:
            return None
        folder, total = release.artifact.folder, len(examples)
        examples = sorted(examples, key=lambda row: (row.passport.source != "feedback", row.id))[:_MOST]
        settings = read_settings(folder)
        vectors = encode_texts(
            [reader.text(row.inputs) for row in examples],
            base=Base(release.name, folder, "", "", settings.max_tokens, settings.pooling, settings.middle),
            cache=shelf.state / "cache",
            run=lambda: reader.encoder.run,
            identity=f"{file_digest(folder / GRAPH)[:24]}-{reader.precision}",
            tell=self._progress,
        )
        return _Rows(examples, vectors, total)

    def _progress(self, done: int, total: int) -> None:
        if self._closing:
            raise _Closing
        self._at = (done, total)
        self._tell(Event(_NAME, "progress", done=done, total=total, note="training rows"))


def _read_examples(lineage: Mapping[str, Any], *, shelf: Registry) -> list[Example] | None:
    """Returns what a model learned from: all rows but the test rows; None where that is gone."""
    wanted = lineage["examples"]
    key = next((stage["key"] for stage in lineage["stages"] if stage["digest"] == wanted), "")
    recorded = shelf.recall(key) if key else None
    if recorded is None or recorded.digest != wanted:
        return None
    try:
        folder = shelf.lay_out(recorded)
    except IntegrityError:
        return None
    return [row for row in read_examples(folder / "examples.jsonl") if row.split != "test"]


def _find_nearest(
    reader: Reader, inputs: Mapping[str, str], rows: _Rows, *, hidden: Callable[[Example], bool]
) -> Nearest:
    """Returns the nearest rows that may be shown."""
    if not rows.examples:
        return Nearest()
    alike = rows.vectors @ reader.encoder.vectors([reader.text(inputs)])[0]
    found: list[Neighbour] = []
    for place in (-alike).argsort(kind="stable").tolist():
        example = rows.examples[place]
        if not hidden(example):
            found.append(Neighbour(float(alike[place]), example))
        if len(found) == _SHOWN:
            break
    return Nearest(tuple(found), searched=len(rows.examples), total=rows.total)
