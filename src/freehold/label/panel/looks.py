"""The ledger of judgements as looks: what each expert said last of each field of each item.

Owns what counts: answers that stand, and values that the task's fields still have. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

from freehold.task import Field, Value, canonical

if TYPE_CHECKING:
    from freehold.label.crowd import Annotation
    from freehold.registry import LedgerRow

__all__ = ["Look", "annotate_looks", "read_looks"]


class Look(NamedTuple):
    """What one expert said of one field of one item.

    Attributes:
        right: Of a gold item, the value that is known; None otherwise.
    """

    item: str
    expert: str
    field: str
    value: Value
    right: Value | None = None

    @property
    def form(self) -> bytes:
        """What is the same for equal values."""
        return canonical(self.value)


def read_looks(ledger: Iterable[LedgerRow], fields: Sequence[Field], *, kind: str) -> list[Look]:
    """Returns the standing answers of one kind: `first` or `gold`; of two of an expert on an item the last."""
    from freehold.registry import standing

    known = {field.name: field for field in fields}
    found: dict[tuple[str, str, str], Look] = {}
    for row in standing(ledger):
        if row.act != "answer" or row.kind != kind:
            continue
        for name, value in row.answers.items():
            if name in known and _is_possible(known[name], value):
                right = cast("Value | None", row.known.get(name))
                found[row.example, row.expert, name] = Look(
                    row.example, row.expert, name, cast(Value, value), right
                )
    return list(found.values())


def _is_possible(field: Field, value: object) -> bool:
    """Returns whether a value is still one of its field's: labels may have gone from the task since."""
    if field.labels is None:
        return True
    names = {label.name for label in field.labels}
    if field.kind == "choices":
        return isinstance(value, list) and names.issuperset(value)
    if field.kind == "spans":
        return isinstance(value, list) and names.issuperset(span["label"] for span in value)
    return str(value) in names


def annotate_looks(looks: Iterable[Look]) -> list[Annotation]:
    """Returns looks as `freehold.label.crowd` reads them."""
    from freehold.label.crowd import Annotation

    return [Annotation(look.item, look.expert, look.field, look.value) for look in looks]
