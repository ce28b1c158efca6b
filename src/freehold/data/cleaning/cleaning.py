"""One text through the steps of cleaning: the cleaned text with its map, or why it was dropped.

Owns the order of the work and what is counted. Pure: the same text and settings give the same result. Knows no
files, no rows and no task.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from freehold.data.cleaning.abuse import find_abuse
from freehold.data.cleaning.c4 import LINE_RULES, LineRule
from freehold.data.cleaning.characters import (
    find_controls,
    find_invisible,
    find_line_ends,
    find_odd_spaces,
    find_surrogates,
    find_uncomposed,
)
from freehold.data.cleaning.documents import Document
from freehold.data.cleaning.findings import Finding, apart, mask
from freehold.data.cleaning.injections import find_hidden, find_instructions
from freehold.data.cleaning.language import tell_language
from freehold.data.cleaning.lines import find_lines, name_line
from freehold.data.cleaning.mojibake import find_mojibake
from freehold.data.cleaning.offsets import Edit, Offsets, replace
from freehold.data.cleaning.pii import find_pii
from freehold.data.cleaning.profanity import fold_words
from freehold.data.cleaning.rules import RULES, Bar, Dropped, judge
from freehold.data.cleaning.secrets import find_secrets
from freehold.data.cleaning.settings import Settings

__all__ = ["Cleaned", "Cleaning"]

Changer = Callable[[str], Iterable[Edit]]

_UNICODE: dict[str, Changer] = {
    "unicode.surrogates": find_surrogates,
    "unicode.mojibake": find_mojibake,
    "unicode.line_ends": find_line_ends,
    "unicode.controls": find_controls,
    "unicode.invisible": find_invisible,
    "unicode.spaces": find_odd_spaces,
    "unicode.nfc": find_uncomposed,
}


@dataclass(frozen=True)
class Cleaned:
    """A text that passed.

    Attributes:
        text: What it is now.
        offsets: The map from the untouched text.
        flags: What was found and is worth a look, at its place in the untouched text: finds that were kept or
            masked, and text that gives orders to a model.
        counts: Step to how many changes it made or finds it had.
        language: The ISO 639 code; empty where the step is off, or nothing can be told.
    """

    text: str
    offsets: Offsets = field(default_factory=Offsets)
    flags: tuple[Finding, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)
    language: str = ""


class _Work:
    """A text on its way."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.offsets = Offsets()
        self.flags: list[Finding] = []
        self.counts: Counter[str] = Counter()
        self.language = ""

    def change(self, step: str, edits: Iterable[Edit]) -> None:
        self.text, offsets = replace(self.text, edits)
        if offsets.changes:
            self.counts[step] += len(offsets.changes)
            self.offsets = self.offsets.then(offsets)

    def flag(self, findings: Iterable[Finding]) -> None:
        """Keeps finds in the text as it is now, at their places in the untouched one."""
        for each in findings:
            place = self.offsets.back(each.start, each.end)
            self.flags.append(each._replace(start=place.start, end=place.end))
            self.counts[each.rule] += 1


class Cleaning:
    r"""The steps that settings name, ready to be taken.

    Example:
        >>> cleaning = Cleaning(Settings(steps=("unicode", "pii")))
        >>> cleaned = cleaning.clean("Ask ada@example.org\u200b please.")
        >>> cleaned.text
        'Ask [EMAIL] please.'
        >>> cleaned.offsets.span(21, 27)
        Moved(fate='kept', start=12, end=18)
    """

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.steps = self.settings.ordered()
        self._profanity = frozenset(word for each in self.settings.profanity for word in fold_words(each))
        self._pii = tuple(step.removeprefix("pii.") for step in self.steps if step.startswith("pii."))

    def clean(self, text: str) -> Cleaned | Dropped:
        """Returns the cleaned text, or the rule that dropped it."""
        work = _Work(text)
        for take in (self._repair, self._take_lines, self._judge, self._mask):
            dropped = take(work)
            if dropped is not None:
                return dropped
        flags = tuple(sorted(work.flags, key=lambda each: (each.start, each.end, each.rule)))
        return Cleaned(work.text, work.offsets, flags, dict(work.counts), work.language)

    def _repair(self, work: _Work) -> Dropped | None:
        if "flags.hidden" in self.steps:
            work.flag(find_hidden(work.text))
        for step, find in _UNICODE.items():
            if step in self.steps:
                work.change(step, find(work.text))
        if "flags.instructions" in self.steps:
            work.flag(find_instructions(work.text))
        if "flags.toxic" in self.steps:
            work.flag(find_abuse(work.text))
        return None

    def _take_lines(self, work: _Work) -> Dropped | None:
        if "repeated_lines" in self.steps and self.settings.repeated:
            repeated = self.settings.repeated
            edits = find_lines(work.text, bad=lambda line: name_line(line) in repeated)
            work.change("repeated_lines", edits)
        for step, bad in LINE_RULES.items():
            if step in self.steps:
                work.change(step, find_lines(work.text, bad=self._tells(bad)))
        return None

    def _tells(self, bad: LineRule) -> Callable[[str], bool]:
        return lambda line: bad(line, self.settings.words)

    def _judge(self, work: _Work) -> Dropped | None:
        settings = self.settings
        if "language" in self.steps:
            guess = tell_language(work.text, confidence=settings.confidence)
            work.language = guess.language
            if settings.languages and guess.language and guess.language not in settings.languages:
                wanted = ", ".join(settings.languages)
                why = f"language: {guess.language} ({guess.confidence:.2f}), wanted {wanted}."
                return Dropped("language", why, guess.confidence, Bar(high=settings.confidence))
        document = Document(work.text, work.language)
        for step in self.steps:
            if step in RULES:
                dropped = judge(document, name=step, words=settings.words, bars=settings.bars)
                if dropped is not None:
                    return dropped
        return self._find_profanity(work) if "profanity" in self.steps else None

    def _find_profanity(self, work: _Work) -> Dropped | None:
        found = [word for word in fold_words(work.text) if word in self._profanity]
        if not found:
            return None
        why = f"profanity: {len(found)} word{'s' * (len(found) > 1)} of the list."
        return Dropped("profanity", why, len(found), Bar(high=0))

    def _mask(self, work: _Work) -> Dropped | None:
        found = [*find_secrets(work.text)] if "secrets" in self.steps else []
        for name in self._pii:
            found += find_pii(work.text, name=name)
        found = apart(found)
        for each in found:
            if self.settings.mode(_step(each)) == "drop":
                return Dropped(_step(each), f"{each.rule}: found in the text.", 1, Bar(high=0))
        work.flag(found)
        masked = [each for each in found if self.settings.mode(_step(each)) == "mask"]
        work.text, offsets = replace(work.text, mask(masked))
        work.offsets = work.offsets.then(offsets)
        return None


def _step(finding: Finding) -> str:
    """Returns the step that found something: `secrets` for `secrets.aws`."""
    return finding.rule if finding.rule.startswith("pii.") else "secrets"
