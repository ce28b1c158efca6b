"""`freehold predict`: answers from the champion, without a server."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, BinaryIO, NamedTuple, TypeAlias

import typer

from freehold.app.cli.opened import opened
from freehold.app.cli.options import AsJson, Code, Folder, State
from freehold.app.cli.paper import print_document, print_line, print_table, remark
from freehold.errors import DataError

if TYPE_CHECKING:
    from freehold.line import Model, Reasons
    from freehold.registry import Registry
    from freehold.task import Prediction

__all__ = ["predict", "print_prediction"]

_CHUNK = 1 << 16
_LONGEST = 1 << 22  # bytes of one line; a longer one is refused, not kept in memory
_BATCH = 64

Explain: TypeAlias = "Callable[[dict[str, str], Prediction], Reasons] | None"


class Line(NamedTuple):
    """One line of the input. `inputs` is None where it cannot be used; `reason` says why."""

    number: int
    inputs: dict[str, str] | None
    reason: str = ""


def predict(
    folder: Folder = Path(),
    text: Annotated[
        str | None,
        typer.Option(
            "--input", metavar="JSON", help="One input. Without it: JSON Lines on stdin.", show_default=False
        ),
    ] = None,
    record: Annotated[
        bool, typer.Option("--record/--no-record", help="Keep requests, so that feedback can name them.")
    ] = True,
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Also say which words moved each answer, and the nearest training rows."),
    ] = False,
    state: State = None,
    as_json: AsJson = False,
) -> int:
    """Answer one input, or JSON Lines from stdin: one prediction a line."""
    from freehold.line import champion, open_model

    with opened(folder, state=state) as (task, shelf):
        model = open_model(champion(task.name, shelf=shelf, folder=folder))
        keep = shelf if record else None
        reasons = explainer(model, shelf=shelf) if explain else None
        if text is not None:
            return _answer_one(model, text, shelf=keep, explain=reasons, as_json=as_json)
        if sys.stdin.isatty():
            remark(f"Type one JSON object a line, like {_shape(model)}; Ctrl-D ends.")
        return _answer_lines(model, sys.stdin.buffer, shelf=keep, explain=reasons)


def print_prediction(prediction: Prediction) -> None:
    """Prints one prediction as a table: value, confidence and the next best of each field."""
    rows = []
    for field, answer in prediction.answers.items():
        others = sorted(answer.probabilities.items(), key=lambda item: -item[1])[1:3]
        then = ", ".join(f"{label} {share:.2f}" for label, share in others)
        value = answer.value if isinstance(answer.value, str) else json.dumps(answer.value, ensure_ascii=False)
        note = " (abstained)" if answer.abstained else ""
        rows.append((field, f"{value}{note}", f"{answer.confidence:.2f}", then))
    print_table(("field", "answer", ">confidence", "then"), rows, title=prediction.model)


def explainer(model: Model, *, shelf: Registry) -> Callable[[dict[str, str], Prediction], Reasons]:
    """Returns what says why the model answered as it did, and how far it is where that takes long."""
    from freehold.app.cli.progress import Lines
    from freehold.line import Explainer

    asked = Explainer(tell=Lines())

    def explain(inputs: dict[str, str], prediction: Prediction) -> Reasons:
        return asked.explain(model.reader, inputs, prediction=prediction, release=model.release, shelf=shelf)

    return explain


def _answer_one(model: Model, text: str, *, shelf: Registry | None, explain: Explain, as_json: bool) -> int:
    line = _read(text.encode(), 0, model)
    if line.inputs is None:
        raise DataError(line.reason, hint=f"For example: --input '{_shape(model)}'")
    [prediction] = _predict(model, [line.inputs], shelf=shelf)
    reasons = explain(line.inputs, prediction) if explain else None
    if as_json or not sys.stdout.isatty():
        print_document(_document(prediction, reasons), compact=True)
    else:
        print_prediction(prediction)
        if reasons:
            from freehold.app.cli.explained import print_reasons

            print_reasons(reasons)
        print_line(f"request {prediction.request}")
    return Code.DONE


def _document(prediction: Prediction, reasons: Reasons | None) -> dict[str, object]:
    shown: dict[str, object] = dict(prediction.to_json())
    return {**shown, "explanation": reasons.to_json()} if reasons else shown


def _answer_lines(model: Model, stream: BinaryIO, *, shelf: Registry | None, explain: Explain) -> int:
    """Answers what has arrived, then waits for more. Bad lines are named and passed over."""
    refused = 0
    for batch in _batches(read_lines(stream)):
        lines = [_read(text, number, model) for number, text in batch if text.strip()]
        for line in lines:
            if line.inputs is None:
                refused += 1
                remark(f"line {line.number}: {line.reason}")
        good = [line.inputs for line in lines if line.inputs is not None]
        predictions = _predict(model, good, shelf=shelf) if good else []
        for inputs, prediction in zip(good, predictions, strict=True):
            reasons = explain(inputs, prediction) if explain else None
            print_document(_document(prediction, reasons), compact=True)
    if refused:
        remark(f"{refused} line{'s' if refused > 1 else ''} could not be answered.")
    return Code.MISTAKE if refused else Code.DONE


def _predict(model: Model, inputs: list[dict[str, str]], *, shelf: Registry | None) -> list[Prediction]:
    began = perf_counter()
    predictions = model.predict(inputs)
    milliseconds = (perf_counter() - began) * 1000 / len(inputs)
    if shelf is not None:
        _record(shelf, inputs, predictions, milliseconds)
    return predictions


def _record(
    shelf: Registry, inputs: list[dict[str, str]], predictions: list[Prediction], milliseconds: float
) -> None:
    from freehold.registry import RecordedRequest

    now = datetime.now(UTC).isoformat(timespec="microseconds")
    rows = []
    for given, prediction in zip(inputs, predictions, strict=True):
        answers = prediction.to_json()["answers"]
        assert isinstance(answers, dict)
        rows.append(
            RecordedRequest(
                id=prediction.request,
                task=prediction.task,
                model=prediction.model,
                inputs=given,
                answers=answers,
                created=now,
                milliseconds=milliseconds,
            )
        )
    shelf.record_requests(rows)


def read_lines(stream: BinaryIO) -> Iterator[list[tuple[int, bytes]]]:
    """Yields the whole lines of each piece of input as it arrives, numbered from 1.

    Of a line longer than `_LONGEST` bytes only the first part is kept, so that it can be refused.
    """
    number, rest = 0, b""
    read = getattr(stream, "read1", stream.read)
    while piece := read(_CHUNK):
        *whole, rest = (rest + piece).split(b"\n")
        rest = rest[: _LONGEST + 1]
        if whole:
            yield [(number + place, line) for place, line in enumerate(whole, start=1)]
            number += len(whole)
    if rest:
        yield [(number + 1, rest)]


def _batches(pieces: Iterable[list[tuple[int, bytes]]]) -> Iterator[list[tuple[int, bytes]]]:
    for piece in pieces:
        for start in range(0, len(piece), _BATCH):
            yield piece[start : start + _BATCH]


def _read(text: bytes, number: int, model: Model) -> Line:
    """Returns one line as inputs, or the reason why it cannot be used."""
    if len(text) > _LONGEST:
        return Line(number, None, f"The line is longer than {_LONGEST // (1 << 20)} MiB.")
    try:
        row = json.loads(text.decode())
        model.check(row, where="The input")
    except UnicodeDecodeError as problem:
        return Line(number, None, f"Byte {problem.start} is not UTF-8.")
    except json.JSONDecodeError as problem:
        return Line(number, None, f"This is not JSON: {problem.msg} at character {problem.pos + 1}.")
    except RecursionError:
        return Line(number, None, "This JSON is nested too deeply.")
    except DataError as problem:
        return Line(number, None, problem.message)
    return Line(number, row)


def _shape(model: Model) -> str:
    return json.dumps(dict.fromkeys(model.reader.inputs, "..."))
