"""Real training rows said a little differently, without a model: `rewrite.v1`.

Slips of the keyboard (QWERTY), another case, contractions written out or drawn together, sentences in another
order: what leaves a label as it is. Every draft has two changes or more. Spans move with the letters that they
mark; a change across the border of one is not made.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from freehold.label.synthesis.chance import Chance
from freehold.label.synthesis.drafts import GENERATORS, Draft, Ground
from freehold.label.synthesis.marking import Marked
from freehold.task import Example, Value, canonical, normalise

__all__ = ["REWRITE", "Edit", "apply", "make_rewrites", "spans_of"]

REWRITE = "rewrite.v1"

_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_WORD = re.compile(r"[^\W\d_]{4,}")
_SENTENCE = re.compile(r"(?<=[.!?])\s+(?=\S)")
_LETTERS_A_SLIP = 14
_LONG = (
    ("I am", "I'm"), ("I have", "I've"), ("I will", "I'll"), ("I would", "I'd"), ("it is", "it's"),
    ("that is", "that's"), ("what is", "what's"), ("where is", "where's"), ("how is", "how's"),
    ("who is", "who's"),
    ("do not", "don't"), ("does not", "doesn't"), ("did not", "didn't"), ("can not", "can't"), ("cannot", "can't"),
    ("could not", "couldn't"), ("is not", "isn't"), ("are not", "aren't"), ("was not", "wasn't"),
    ("will not", "won't"), ("would not", "wouldn't"), ("has not", "hasn't"), ("have not", "haven't"),
    ("you are", "you're"), ("we are", "we're"), ("they are", "they're"), ("let us", "let's"),
)  # fmt: skip


def _neighbours() -> dict[str, str]:
    """Returns each letter's neighbours on the keyboard."""
    found: dict[str, str] = {}
    for high, row in enumerate(_KEYS):
        for place, letter in enumerate(row):
            beside = row[max(0, place - 1) : place] + row[place + 1 : place + 2]
            below = _KEYS[high + 1][max(0, place - 1) : place + 1] if high + 1 < len(_KEYS) else ""
            above = _KEYS[high - 1][place : place + 2] if high else ""
            found[letter] = beside + below + above
    return found


_NEAR = _neighbours()


class Edit(NamedTuple):
    """Letters from `start` to `end` become `text`."""

    start: int
    end: int
    text: str


def apply(marked: Marked, edits: Sequence[Edit]) -> Marked:
    """Returns a text after edits that do not overlap; one across the border of a span is not made.

    Example:
        >>> apply(Marked("a bc d", [{"label": "x", "start": 2, "end": 4, "text": "bc"}]), [Edit(0, 1, "aaa")])
        Marked(text='aaa bc d', spans=[{'label': 'x', 'start': 4, 'end': 6, 'text': 'bc'}])
    """
    good = [edit for edit in sorted(edits) if not any(_crosses(edit, span) for span in marked.spans)]
    out, done = "", 0
    for edit in good:
        out += marked.text[done : edit.start] + edit.text
        done = edit.end
    text = out + marked.text[done:]

    def moved(place: int, *, end: bool) -> int:
        passed = [e for e in good if (e.end <= place if end else e.end <= place and e.start < place)]
        return place + sum(len(e.text) - (e.end - e.start) for e in passed)

    spans: list[dict[str, str | int]] = []
    for span in marked.spans:
        start, stop = moved(int(span["start"]), end=False), moved(int(span["end"]), end=True)
        spans.append({**span, "start": start, "end": stop, "text": text[start:stop]})
    return Marked(text, spans)


def _crosses(edit: Edit, span: dict[str, str | int]) -> bool:
    start, end = int(span["start"]), int(span["end"])
    inside = start <= edit.start and edit.end <= end
    return not (inside or edit.end <= start or edit.start >= end)


Change = Callable[[Marked, Chance], Marked]


def _slip(marked: Marked, chance: Chance) -> Marked:
    """Makes about one slip in fourteen letters, each in another word."""
    words = [m for m in _WORD.finditer(marked.text) if m[0].isascii()]
    wanted = max(1, sum(len(m[0]) for m in words) // _LETTERS_A_SLIP)
    chosen = chance.shuffle(words)[:wanted]
    return apply(marked, [_slip_in(m[0], m.start(), chance) for m in chosen])


def _slip_in(word: str, start: int, chance: Chance) -> Edit:
    place = 1 + chance.below(len(word) - 2)  # first and last letters are what a word is known by
    here = start + place
    kind = chance.below(4)
    if kind == 0:
        return Edit(here, here + 1, "")
    if kind == 1:
        return Edit(here, here + 1, 2 * word[place])
    if kind == 2 and place + 1 < len(word):
        return Edit(here, here + 2, word[place + 1] + word[place])
    near = _NEAR.get(word[place].lower(), word[place])
    return Edit(here, here + 1, chance.pick(near))


def _recase(marked: Marked, chance: Chance) -> Marked:
    """Writes all in small letters or all in capitals, and leaves the last mark out: three letters stay three."""
    text = marked.text.lower() if chance.happens(0.8) else marked.text.upper()
    if len(text) != len(marked.text):  # some letters have no partner of their own
        return marked
    spans = [{**span, "text": text[int(span["start"]) : int(span["end"])]} for span in marked.spans]
    recased = Marked(text, spans)
    last = len(text.rstrip(".!? "))
    return apply(recased, [Edit(last, len(text), "")]) if 0 < last < len(text) else recased


def _contract(marked: Marked, chance: Chance) -> Marked:
    """Draws words together, or writes them out: all that there are, one way or the other."""
    pairs = _LONG if chance.happens(0.5) else tuple((short, long) for long, short in _LONG)
    edits: list[Edit] = []
    for old, new in pairs:
        for found in re.finditer(rf"\b{re.escape(old)}\b", marked.text, re.IGNORECASE):
            if all(found.end() <= edit.start or found.start() >= edit.end for edit in edits):
                capital = found[0][0].isupper()
                edits.append(Edit(found.start(), found.end(), new[0].upper() + new[1:] if capital else new))
    return apply(marked, edits)


def _reorder(marked: Marked, chance: Chance) -> Marked:
    """Puts the sentences into another order."""
    borders = [m.span() for m in _SENTENCE.finditer(marked.text)]
    if not borders:
        return marked
    starts = [0, *(end for _, end in borders)]
    ends = [*(start for start, _ in borders), len(marked.text)]
    pieces = list(zip(starts, ends, strict=True))
    homes = [
        next((p for p in pieces if p[0] <= int(s["start"]) and int(s["end"]) <= p[1]), None) for s in marked.spans
    ]
    if None in homes:
        return marked
    order = chance.shuffle(pieces)
    moved, out = {}, ""
    for start, end in order:
        out += " " if out else ""
        moved[start] = len(out) - start
        out += marked.text[start:end]
    spans = []
    for span, home in zip(marked.spans, homes, strict=True):
        assert home is not None
        by = moved[home[0]]
        spans.append({**span, "start": int(span["start"]) + by, "end": int(span["end"]) + by})
    return Marked(out, sorted(spans, key=lambda span: int(span["start"])))


_CHANGES: tuple[Change, ...] = (_reorder, _contract, _slip, _recase)
"""In this order: slips come after what has to know the words."""


@GENERATORS.register(REWRITE)
def make_rewrites(ground: Ground, /, *, count: int) -> Iterator[Draft]:
    """Yields rewritten rows, all labels in turn and each label's rows in turn."""
    rows = _in_turn([row for row in ground.rows if _can_be_moved(row, ground)])
    for number in range(count if rows else 0):
        row = rows[number % len(rows)]
        chance = Chance(f"rewrite:{ground.seed}:{row.id}:{number // len(rows)}")
        draft = _rewrite(row, ground, chance) or _rewrite(row, ground, chance, every=True)
        if draft is not None:
            yield draft


def _in_turn(rows: Sequence[Example]) -> list[Example]:
    """Returns the rows so that each stretch has as many of one label as of another."""
    groups: dict[bytes, list[Example]] = {}
    for row in rows:
        plain = {name: value for name, value in row.outputs.items() if not _is_spans(value)}
        groups.setdefault(canonical(plain), []).append(row)
    longest = max(map(len, groups.values()), default=0)
    return [group[turn % len(group)] for turn in range(longest) for group in groups.values()]


def _is_spans(value: Value) -> bool:
    return isinstance(value, list) and any(isinstance(each, dict) for each in value)


def _can_be_moved(row: Example, ground: Ground) -> bool:
    """Whether it is known which input each span lies in."""
    return len(ground.inputs) == 1 or not any(_is_spans(value) for value in row.outputs.values())


def _rewrite(row: Example, ground: Ground, chance: Chance, *, every: bool = False) -> Draft | None:
    """Returns a draft with two changes or more; None where fewer can be made."""
    chosen = {*chance.sample(len(_CHANGES), 2 + chance.below(2)), _CHANGES.index(_slip)}
    chosen = set(range(len(_CHANGES))) if every else chosen
    fields = [field.name for field in ground.fields if field.kind == "spans" and field.name in row.outputs]
    inputs, outputs, changes = {}, dict(row.outputs), 0
    for name in ground.inputs:
        flat = [(field, span) for field in fields for span in spans_of(row.outputs[field])]
        marked = Marked(row.inputs[name], [{**span, "field": field} for field, span in flat])
        for change in (change for place, change in enumerate(_CHANGES) if place in chosen):
            after = change(marked, chance)
            changes += after.text != marked.text
            marked = after
        inputs[name] = marked.text
        for field in fields:
            mine = [span for span in marked.spans if span["field"] == field]
            outputs[field] = [{k: v for k, v in span.items() if k != "field"} for span in mine]
    if changes < 2 or any(normalise(text) != text for text in inputs.values()):
        return None
    licence = row.passport.licence
    return Draft(inputs, outputs, f"rule:{REWRITE}", f"example:{row.id}", licence, row.id)


def spans_of(value: Value) -> list[dict[str, str | int]]:
    """Returns the spans of a field's value; none of one that has no spans."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
