"""What is odd about the data: it can be used, and a person should know.

Owns the warnings of a report, each with a sentence, a count and samples. Changes no row; pure.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from freehold.task import LABEL_KINDS, Example, Field, Json, Value, canonical

if TYPE_CHECKING:
    from freehold.data.duplicates import Conflict

__all__ = ["LONG", "Caution", "count_labels", "find_cautions"]

LONG = 512
"""A text of more words than this is longer than most encoders read at once."""

_SHOWN = 5
_SAMPLES = 20
_CUT = 160


@dataclass(frozen=True, slots=True)
class Caution:
    """One thing that is odd.

    Attributes:
        kind: `empty`, `refused`, `conflict`, `long`, `alike`, `one_value`, `unlabelled`, `no_example` or
            `one_example`.
        field: The output field; empty where it is about rows as a whole.
        count: How many rows, labels or pairs it is about.
        message: One plain sentence for people.
        examples: Some of them, at most 20.
    """

    kind: str
    field: str
    count: int
    message: str
    examples: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Json]:
        """Returns the caution as plain data."""
        return {**asdict(self), "examples": list(self.examples)}


def find_cautions(
    fields: Sequence[Field],
    examples: Sequence[Example],
    *,
    conflicts: Sequence[Conflict],
    refused: Mapping[str, int],
) -> tuple[Caution, ...]:
    """Returns what is odd, rows first, then field by field.

    Args:
        refused: Reason to how many rows were refused for it.
    """
    cautions = [*_refusals(refused), *_conflicts(conflicts), *_long(examples)]
    for field in fields:
        labelled = [each for each in examples if field.name in each.outputs]
        cautions += _one_value(field, [each.outputs[field.name] for each in labelled])
        if field.kind in LABEL_KINDS or field.kind == "predicate":
            learned = [each for each in labelled if each.split == "train"]
            counts = {label.name: 0 for label in field.labels or ()} | count_labels(field, labelled)
            cautions += [*_alike(field, counts), *_rare(field, counts, learned=count_labels(field, learned))]
    return tuple(cautions)


def count_labels(field: Field, labelled: Iterable[Example]) -> Counter[str]:
    """Returns how many rows have each label of a closed field; a predicate's are `true` and `false`."""
    return Counter(label for each in labelled for label in _labels(each.outputs[field.name]))


def _labels(value: Value) -> set[str]:
    if isinstance(value, list):
        return {str(each["label"]) if isinstance(each, Mapping) else str(each) for each in value}
    return {str(value).lower() if isinstance(value, bool) else str(value)}


def _refusals(refused: Mapping[str, int]) -> Iterator[Caution]:
    empty = sum(count for reason, count in refused.items() if _is_empty(reason))
    rest = Counter({reason: count for reason, count in refused.items() if not _is_empty(reason)})
    if empty:
        yield Caution("empty", "", empty, f"{_rows(empty)} refused, for {_their(empty)} text is empty.")
    if rest:
        count, samples = rest.total(), [f"{reason} ({times:,})" for reason, times in rest.most_common(_SAMPLES)]
        sentence = f"{_rows(count)} refused; refused.jsonl says which and why. Most often: {_cut(samples[0])}."
        yield Caution("refused", "", count, sentence, tuple(samples))


def _is_empty(reason: str) -> bool:
    return reason.startswith("input ") and reason.endswith(" is empty")


def _conflicts(conflicts: Sequence[Conflict]) -> Iterator[Caution]:
    if not conflicts:
        return
    samples = tuple(
        f"`{each.field}` is {_value(each.kept)} at {each.kept_at} and {_value(each.other)} at {each.other_at}"
        for each in conflicts[:_SAMPLES]
    )
    often = "Once" if len(conflicts) == 1 else f"{len(conflicts):,} times"
    sentence = f"{often} the same inputs have different labels (conflicts.jsonl): {samples[0]}."
    yield Caution("conflict", "", len(conflicts), sentence, samples)


def _long(examples: Sequence[Example]) -> Iterator[Caution]:
    sizes = {each.passport.locator: sum(len(text.split()) for text in each.inputs.values()) for each in examples}
    long = {place: words for place, words in sizes.items() if words > LONG}
    if long:
        texts = "1 text is" if len(long) == 1 else f"{len(long):,} texts are"
        sentence = f"{texts} longer than {LONG} words, up to {max(long.values()):,}: read in windows, never cut."
        samples = tuple(f"{place}: {words:,} words" for place, words in list(long.items())[:_SAMPLES])
        yield Caution("long", "", len(long), sentence, samples)


def _alike(field: Field, counts: Mapping[str, int]) -> Iterator[Caution]:
    """Finds labels that are the same but for case and spaces."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name in sorted(counts):
        groups["".join(name.split()).casefold()].append(name)
    alike = [group for group in groups.values() if len(group) > 1]
    if alike:
        pairs = tuple(" and ".join(f"{name!r} ({_rows(counts[name])})" for name in group) for group in alike)
        sentence = f"`{field.name}`: labels that differ only by case or spaces count as different: {_few(pairs)}."
        yield Caution("alike", field.name, len(alike), sentence, pairs[:_SAMPLES])


def _one_value(field: Field, values: Sequence[Value]) -> Iterator[Caution]:
    if len(values) > 1 and all(value == values[0] for value in values):
        sentence = f"`{field.name}`: all {len(values):,} labelled rows have the same value, {_value(values[0])}"
        yield Caution("one_value", field.name, len(values), f"{sentence}: there is nothing to tell apart.")


def _rare(field: Field, counts: Mapping[str, int], *, learned: Mapping[str, int]) -> Iterator[Caution]:
    """Finds labels that training rows show once, or never."""
    if not learned:
        yield Caution("unlabelled", field.name, len(counts), f"`{field.name}`: no training row has a label.")
        return
    for kind, times in (("no_example", 0), ("one_example", 1)):
        rare = sorted(name for name in counts if learned.get(name, 0) == times)
        number = "one training example" if times else "no training example"
        if len(rare) == 1:
            sentence = f"`{field.name}`: label {rare[0]!r} has {number}."
        else:
            sentence = f"`{field.name}`: {len(rare):,} labels have {number} each: {_few([*map(repr, rare)])}."
        if rare:
            yield Caution(kind, field.name, len(rare), sentence, tuple(rare[:_SAMPLES]))


def _few(parts: Sequence[str]) -> str:
    more = f" and {len(parts) - _SHOWN:,} more" if len(parts) > _SHOWN else ""
    return f"{', '.join(parts[:_SHOWN])}{more}"


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count:,} rows"


def _their(count: int) -> str:
    return "its" if count == 1 else "their"


def _value(value: Value) -> str:
    return _cut(repr(value) if isinstance(value, str) else canonical(value).decode())


def _cut(text: str) -> str:
    return text if len(text) <= _CUT else f"{text[: _CUT - 3]}..."
