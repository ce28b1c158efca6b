"""Which steps of cleaning are on, and their bars.

Owns the settings, the names of all steps, the order in which they are taken, and the two presets. A mistake in
them is told by name.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from freehold.data.cleaning import c4, fineweb, gopher, repetition
from freehold.data.cleaning.findings import MODES, Mode
from freehold.data.cleaning.language import CONFIDENCE, check_languages
from freehold.data.cleaning.pii import BUILT_IN, PII
from freehold.data.cleaning.rules import ENGLISH, RULES, Bar, Words
from freehold.errors import UserError
from freehold.task import Json

__all__ = ["DOCUMENTS", "ROWS", "STEPS", "VERSION", "Settings", "list_steps"]

VERSION = 3
"""To be raised whenever the same settings would clean the same text in another way."""

UNICODE = ("surrogates", "mojibake", "line_ends", "controls", "invisible", "spaces", "nfc")
LINES = ("repeated_lines", *c4.LINE_RULES)
FLAGS = ("hidden", "instructions", "toxic")
SOURCES = (gopher.SOURCE, repetition.SOURCE, c4.SOURCE, fineweb.SOURCE)

STEPS = (
    *(f"flags.{name}" for name in FLAGS),
    *(f"unicode.{name}" for name in UNICODE),
    *LINES,
    "language",
    *RULES,
    "profanity",
    "secrets",
    *(f"pii.{name}" for name in BUILT_IN),
)
"""Every built-in step, in the order in which they are taken. Plug-ins of `freehold.pii` come after them, as
`pii.NAME`. A family's name stands for all of its steps: `gopher`, `pii`."""

ROWS = ("flags", "unicode", "secrets", "pii")
"""What is done to the short texts of a task: nothing that judges them."""

DOCUMENTS = (
    "flags",
    "unicode",
    "repeated_lines",
    "language",
    "c4.lorem_ipsum",
    "gopher.mean_word_length",
    "gopher.ellipsis_lines",
    "gopher.alpha_words",
    "gopher.stop_words",
    "gopher.duplicate_lines",
    "gopher.duplicate_paragraphs",
    "gopher.duplicate_line_chars",
    "gopher.duplicate_paragraph_chars",
    "fineweb.short_lines",
    "secrets",
    "pii",
)
"""What is done to long texts, where it is asked for: of the published rules, those of whose drops at least seven
in ten were good when they were read (`tests/data/cleaning/drops.jsonl`). The others drop good technical prose:
short texts, code samples, wrapped lines, terms that return. Of all that this preset drops from technical
documentation, six or seven in ten were good (`bench/LOG.md`)."""


@dataclass(frozen=True)
class Settings:
    """What cleaning does.

    Attributes:
        steps: Names of steps or of families of them.
        off: Steps of those that are left out all the same.
        bars: Rule to bar, in place of the published one.
        modes: `pii`, `secrets` or a step of them to what is done with a find: `keep` tells of it, `mask` replaces
            it, `drop` drops the text. The longest name wins; `mask` where nothing is said.
        languages: ISO 639 codes that pass the step `language`; all do where there are none. What is too short to
            tell, or not told with confidence, always passes.
        confidence: The least confidence of a language.
        words: The stop words and phrases that rules know.
        profanity: The words that the step `profanity` drops a text for; we ship none.
        repeated: The names of repeated lines, from `LineCounts.repeated`.
    """

    steps: tuple[str, ...] = ROWS
    off: tuple[str, ...] = ()
    bars: Mapping[str, Bar] = field(default_factory=dict)
    modes: Mapping[str, Mode] = field(default_factory=dict)
    languages: tuple[str, ...] = ()
    confidence: float = CONFIDENCE
    words: Words = ENGLISH
    profanity: frozenset[str] = frozenset()
    repeated: frozenset[int] = frozenset()

    def __post_init__(self) -> None:
        known = list_steps()
        _check(self.bars, RULES, what="bar of a rule")
        _check(self.modes, [*_names(known, ("pii", "secrets")), "pii"], what="mode of a step")
        for name, mode in self.modes.items():
            if mode not in MODES:
                raise UserError(f"mode of `{name}` is {mode!r}.", hint=f"It may be: {', '.join(MODES)}.")
        for name, bar in self.bars.items():
            if not bar.low <= bar.high:
                raise UserError(f"bar of `{name}` is {bar.low:g} to {bar.high:g}: nothing is between.")
        if self.languages:
            check_languages(self.languages)
        self.ordered()

    def to_json(self) -> dict[str, Json]:
        """Returns all that the outcome depends on, as plain data: what the key of a stage is made of."""
        return {
            "version": VERSION,
            "steps": list(self.ordered()),
            "bars": {name: f"{bar.low!r} {bar.high!r}" for name, bar in sorted(self.bars.items())},
            "modes": {**self.modes},
            "languages": [*sorted(self.languages)],
            "confidence": self.confidence,
            "words": {"stop": [*sorted(self.words.stop)], "policy": [*self.words.policy]},
            "language": self.words.language,
            "profanity": [*sorted(self.profanity)],
            "repeated": [f"{name:016x}" for name in sorted(self.repeated)],
        }

    def ordered(self) -> tuple[str, ...]:
        """Returns the steps that are on, in their order.

        Raises:
            UserError: A name is neither a step nor a family.
        """
        known = list_steps()
        on, off = set(_expand(self.steps, known)), set(_expand(self.off, known))
        return tuple(name for name in known if name in on and name not in off)

    def mode(self, step: str) -> Mode:
        """Returns what is done with what a step finds."""
        return self.modes.get(step) or self.modes.get(step.partition(".")[0]) or "mask"


def list_steps() -> tuple[str, ...]:
    """Returns the names of all steps, those of plug-ins too."""
    return (*STEPS, *(f"pii.{name}" for name in PII if name not in BUILT_IN))


def _expand(names: Iterable[str], known: tuple[str, ...]) -> Iterator[str]:
    for name in names:
        found = _names(known, (name,))
        if not found:
            families = sorted({step.partition(".")[0] for step in known})
            _refuse(name, [*known, *families], what="step of cleaning")
        yield from found


def _names(known: Iterable[str], families: tuple[str, ...]) -> list[str]:
    return [step for step in known for name in families if step == name or step.startswith(f"{name}.")]


def _check(given: Iterable[str], known: Iterable[str], *, what: str) -> None:
    for name in given:
        if name not in known:
            _refuse(name, list(known), what=what)


def _refuse(name: str, known: list[str], *, what: str) -> None:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f"Did you mean `{near[0]}`?" if near else f"There are: {', '.join(known)}."
    raise UserError(f"{name!r} is no {what}.", hint=hint)
