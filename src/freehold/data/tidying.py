"""Examples are cleaned as the task's `[data]` table asks, their spans moved along, and long texts cut into pieces.

Owns the way from the task's rules to the settings of `cleaning`, and what cleaning means for an example: its name
follows its text, a row whose span is lost is refused, test rows are never dropped for their quality.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import cast

from freehold.data.cleaning import (
    DOCUMENTS,
    ROWS,
    Cleaned,
    Cleaning,
    Dropped,
    Ledger,
    LineCounts,
    Mode,
    Settings,
    cut_chunks,
    move_spans,
)
from freehold.data.values import BadValueError
from freehold.data.wordlists import read_profanity
from freehold.errors import Mistake, TaskFileError, UserError
from freehold.task import PIECE, DataRules, Example, Value, example_id, normalise, shift

__all__ = ["Tidying", "cut_example", "shorten_reason"]

_PRESETS: Mapping[str, tuple[str, ...]] = {"rows": ROWS, "documents": DOCUMENTS}
_CLEANING = "cleaning: "
_REPEATED = "repeated_lines"
_LEAST, _SHARE = 5, 0.3
"""A line goes that at least five documents of a source have, and three in ten of them."""


class Tidying:
    """Cleans the examples of one source.

    Args:
        rules: The task's.
        ledger: Is told what became of each text.
        folder: Where relative paths start: the task's folder.

    Raises:
        TaskFileError: A step of cleaning is not known, or a list of words cannot be used.
    """

    def __init__(self, rules: DataRules, *, ledger: Ledger, folder: Path = Path()) -> None:
        self._settings = make_settings(rules, profanity=read_profanity(rules, folder))
        self._ledger = ledger
        self._cleaning = Cleaning(self._settings)
        self._lenient = Cleaning(_without_drops(self._settings))

    @property
    def is_on(self) -> bool:
        """Whether anything is done at all."""
        return bool(self._cleaning.steps)

    @property
    def counts_lines(self) -> bool:
        """Whether the lines of all texts must be counted before one is cleaned."""
        return _REPEATED in self._cleaning.steps

    def learn(self, texts: Iterable[str]) -> None:
        """Counts the lines of all texts of the source."""
        repeated = LineCounts.of(texts).repeated(least=_LEAST, share=_SHARE)
        self._settings = replace(self._settings, repeated=repeated)
        self._cleaning = Cleaning(self._settings)
        self._lenient = Cleaning(_without_drops(self._settings))

    def __call__(self, example: Example, *, is_test: bool) -> Example:
        """Returns the cleaned example.

        Args:
            is_test: Of a declared test source: its texts are repaired and masked, and never dropped.

        Raises:
            BadValueError: A rule dropped it, or took one of its spans or all of its text; its text says so.
        """
        cleaning = self._lenient if is_test else self._cleaning
        texts: dict[str, str] = {}
        cleaned: dict[str, Cleaned] = {}
        for name, text in example.inputs.items():
            outcome = cleaning.clean(text)
            self._ledger.note(text, outcome)
            if isinstance(outcome, Dropped):
                raise BadValueError(f"{_CLEANING}{outcome.rule}: {outcome.why.partition(': ')[2].rstrip('.')}")
            cleaned[name], texts[name] = outcome, normalise(outcome.text)
        if texts == example.inputs:
            return example
        if not any(texts.values()):
            raise BadValueError("cleaning left nothing of it")
        outputs = {field: _move(value, example.inputs, cleaned) for field, value in example.outputs.items()}
        return replace(example, id=example_id(texts), inputs=texts, outputs=outputs, cluster=example_id(texts))


def shorten_reason(reason: str) -> str:
    """Returns a reason of refusal by which rows are counted: of a rule of cleaning its name, without measures."""
    if not reason.startswith(_CLEANING):
        return reason
    return _CLEANING + reason.removeprefix(_CLEANING).partition(":")[0]


def make_settings(rules: DataRules, *, profanity: frozenset[str]) -> Settings:
    """Returns what cleaning does by a task's rules.

    Args:
        profanity: The words of the list that the rules name.

    Raises:
        TaskFileError: A step is not known.
    """
    steps = [step for name in rules.clean for step in _PRESETS.get(name, (name,))]
    asked = {"pii": rules.pii, "secrets": rules.secrets, "language": rules.languages, "profanity": profanity}
    steps += [step for step, said in asked.items() if said]
    said = {name: cast("Mode", mode) for name, mode in (("pii", rules.pii), ("secrets", rules.secrets)) if mode}
    try:
        steps = list(dict.fromkeys(steps))
        return Settings(steps=tuple(steps), modes=said, languages=rules.languages, profanity=profanity)
    except UserError as error:
        raise TaskFileError("task.toml", [Mistake(0, f"`[data]`: {error.message} {error.hint}")]) from error


def _without_drops(settings: Settings) -> Settings:
    """Returns settings that repair and mask, and drop nothing."""
    kept = ("flags", "unicode", "repeated_lines", "secrets", "pii", "c4.javascript", "c4.policy")
    steps = tuple(step for step in settings.ordered() if step in kept or step.partition(".")[0] in kept)
    modes = {name: cast("Mode", "mask" if mode == "drop" else mode) for name, mode in settings.modes.items()}
    return replace(settings, steps=steps, modes=modes, languages=())


def _move(value: Value, inputs: Mapping[str, str], cleaned: Mapping[str, Cleaned]) -> Value:
    """Returns a field's value after cleaning: spans move, everything else stays.

    Raises:
        BadValueError: A span was lost.
    """
    if not isinstance(value, list) or not value or not isinstance(value[0], dict):
        return value
    moved = [_move_span(span, inputs, cleaned) for span in value if isinstance(span, dict)]
    return sorted(moved, key=lambda span: (span["start"], span["end"], span["label"]))


def _move_span(
    span: dict[str, str | int], inputs: Mapping[str, str], cleaned: Mapping[str, Cleaned]
) -> dict[str, str | int]:
    start, end = int(span["start"]), int(span["end"])
    name = next(name for name, text in inputs.items() if text[start:end] == span["text"])
    work = cleaned[name]
    (moved,) = move_spans([span], text=inputs[name], cleaned=work.text, offsets=work.offsets)
    first, last = (shift(work.text, cast("int", moved.span[border])) for border in ("start", "end"))
    text = normalise(work.text)[first:last]
    if moved.fate == "lost" or not text.strip():
        raise BadValueError(f"cleaning took away the span {span['text']!r} of {span['label']!r}")
    return {"label": span["label"], "start": first, "end": last, "text": text}


def cut_example(example: Example, *, words: int) -> Iterator[Example]:
    """Yields an example with one input in pieces of at most `words` words, each with the labels of the whole.

    A piece's locator ends in `#` and its number. What fits is yielded as it is.
    """
    (name,) = example.inputs
    pieces = [normalise(piece.text) for piece in cut_chunks(example.inputs[name], words=words)]
    pieces = [piece for piece in pieces if piece]
    if len(pieces) < 2:
        yield example
        return
    for number, piece in enumerate(pieces, start=1):
        inputs = {name: piece}
        passport = replace(example.passport, locator=f"{example.passport.locator}{PIECE}{number}")
        called = example_id(inputs)
        yield replace(example, id=called, inputs=inputs, passport=passport, cluster=called)
