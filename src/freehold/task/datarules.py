"""What a task asks of its data as a whole: which licences it may have, and what stays together in one split.

Owns the `[data]` table of a task file. Judges no row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, cast, get_args

from freehold.task.tables import Table

__all__ = ["GROUPS", "DataRules", "Group", "read_rules"]

Group: TypeAlias = Literal["", "source", "author", "time"]
GROUPS: tuple[Group, ...] = get_args(Group)

_KEYS = ("licences", "forbid", "reserved", "group", "clean", "pii", "secrets", "languages")
_MODES = ("keep", "mask", "drop")


@dataclass(frozen=True, slots=True)
class DataRules:
    """The rules that rows are held to.

    Attributes:
        licences: SPDX identifiers, `CC-BY-*` too: a row under none of them is refused, one of an unknown
            licence as well; empty: every licence will do.
        forbid: A row that is under one of these and nothing else is refused.
        reserved: Whether rows are used whose maker reserved text and data mining.
        group: What is never divided between train, validation and test: a `source`, or what one `author` wrote.
            `time`: the newest rows are the test rows. Near duplicates and the pieces of one text are never
            divided.
        clean: Steps of cleaning, families of them, or `rows` or `documents` for what is usually done to these.
        pii: What is done with what tells of a person: `keep` counts it, `mask` puts `[EMAIL]` and the like in its
            place, `drop` refuses the row. Empty: nobody looks.
        secrets: The same of keys and passwords.
        languages: ISO 639 codes; rows in another language are refused. Empty: nobody looks.
    """

    licences: tuple[str, ...] = ()
    forbid: tuple[str, ...] = ()
    reserved: bool = False
    group: Group = ""
    clean: tuple[str, ...] = ()
    pii: str = ""
    secrets: str = ""
    languages: tuple[str, ...] = ()


def read_rules(top: Table) -> DataRules:
    """Returns the rules; what is wrong with them is noted."""
    table = top.table("data")
    table.only(_KEYS)
    return DataRules(
        licences=table.strings("licences"),
        forbid=table.strings("forbid"),
        reserved=table.flag("reserved"),
        clean=table.strings("clean"),
        pii=table.word("pii", _MODES, default=""),
        secrets=table.word("secrets", _MODES, default=""),
        languages=table.strings("languages"),
        group=cast("Group", table.word("group", GROUPS[1:], default="")),
    )
