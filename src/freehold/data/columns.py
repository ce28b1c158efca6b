"""Which column of a source holds which field of the task.

Owns the rule (as the task file says; otherwise a column of the same name) and the messages where a column is
not there. Knows nothing of values.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from freehold.errors import DataError
from freehold.task import Source, suggest

__all__ = ["Columns"]


@dataclass(slots=True)
class Columns:
    """The columns that a task wants from one source.

    Attributes:
        inputs: Input to column.
        outputs: Output field to column.
        said: The columns that the task file names; the others may be missing.
        seen: The columns met so far, where the source does not tell them before its rows.
    """

    source: Source
    inputs: Mapping[str, str]
    outputs: Mapping[str, str]
    said: frozenset[str]
    seen: set[str] = field(default_factory=set)

    @classmethod
    def of(cls, source: Source, *, inputs: Collection[str], outputs: Collection[str]) -> Columns:
        """Returns what a task with these inputs and outputs wants from `source`."""
        named = source.fields
        return cls(
            source,
            {name: named.get(name, name) for name in inputs},
            {name: named.get(name, name) for name in outputs},
            frozenset(column for name, column in named.items() if name in (*inputs, *outputs)),
        )

    @property
    def wanted(self) -> frozenset[str]:
        return frozenset([*self.inputs.values(), *self.outputs.values()])

    def check(self, present: Sequence[str]) -> None:
        """Raises DataError where a column that is needed is not among those present, or is there twice."""
        needed = sorted({*self.inputs.values(), *self.said} - set(present))
        if needed:
            raise self._missing(needed, present)
        twice = sorted(column for column in self.wanted if present.count(column) > 1)
        if twice:
            raise DataError(f"source `{self.source.uri}` has more than one column `{twice[0]}`.")

    def check_seen(self) -> None:
        """Raises DataError where no row had a column that is needed."""
        self.check(sorted(self.seen))

    def offered(self, present: Collection[str]) -> frozenset[str]:
        """Returns the output fields that have a column."""
        return frozenset(name for name, column in self.outputs.items() if column in present)

    def _missing(self, needed: Sequence[str], present: Sequence[str]) -> DataError:
        each = ", ".join(f"`{column}`{_nearest(column, present)}" for column in needed)
        there = ", ".join(f"`{column}`" for column in present[:50]) or "no column"
        hint = 'Say which column holds a field with: fields = { FIELD = "COLUMN" }'
        if not set(self.inputs.values()) & set(needed):
            pool = ", ".join(f'{name} = "{column}"' for name, column in self.inputs.items())
            hint += f"\nA source without labels names its inputs alone: fields = {{ {pool} }}"
        if len(present) == 1 and any(mark in present[0] for mark in ";\t|"):
            hint = "Its first line is not separated by what the file's ending says (`,` in csv, tab in tsv)."
        return DataError(f"source `{self.source.uri}` has no column {each}; it has {there}.", hint=hint)


def _nearest(column: str, present: Sequence[str]) -> str:
    said = suggest(column, present)
    return f" ({said.removeprefix('; ')})" if said.startswith("; did") else ""
