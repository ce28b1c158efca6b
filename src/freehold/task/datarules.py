"""What a task asks of its data as a whole: which licences it may have, and what stays together in one split.

Owns the `[data]` table of a task file. Judges no row.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, cast, get_args

from freehold.task.spelling import suggest
from freehold.task.tables import Table, shown

__all__ = ["GROUPS", "USES", "DataRules", "Group", "Use", "read_rules"]

Group: TypeAlias = Literal["", "source", "author", "time"]
GROUPS: tuple[Group, ...] = get_args(Group)

Use: TypeAlias = Literal["commercial", "changes"]
USES: tuple[Use, ...] = get_args(Use)
"""What a licence may allow; `freehold data` has a column for each."""

_KEYS = ("licences", "forbid", "use", "reserved", "group", "clean", "pii", "secrets", "languages")
_FILES = ("profanity", "benchmarks")
_MODES = ("keep", "mask", "drop")


@dataclass(frozen=True, slots=True)
class DataRules:
    """The rules that rows are held to.

    Attributes:
        licences: SPDX identifiers, `CC-BY-*` too: a row under none of them is refused, one of an unknown
            licence as well; empty: every licence will do.
        forbid: A row that is under one of these and nothing else is refused.
        use: What every row's licence must allow: `commercial` use, or that `changes` are given to others. A
            licence that we know nothing of is taken where `licences` has its full name.
        reserved: Whether rows are used whose maker reserved text and data mining.
        group: What is never divided between train, validation and test: a `source`, or what one `author` wrote.
            `time`: the newest rows are the test rows. Near duplicates and the pieces of one text are never
            divided.
        clean: Steps of cleaning, families of them, or `rows` or `documents` for what is usually done to these.
        pii: What is done with what tells of a person: `keep` counts it, `mask` puts `[EMAIL]` and the like in its
            place, `drop` refuses the row. Empty: nobody looks.
        secrets: The same of keys and passwords.
        languages: ISO 639 codes; rows in another language are refused. Empty: nobody looks.
        profanity: A file of words, one a line; rows that have one are refused. Relative paths start at the task's
            folder. Empty: nobody looks.
        benchmarks: Files or folders with texts that must not be learned from; rows that are in one, or near, are
            kept apart.
    """

    licences: tuple[str, ...] = ()
    forbid: tuple[str, ...] = ()
    reserved: bool = False
    group: Group = ""
    clean: tuple[str, ...] = ()
    pii: str = ""
    secrets: str = ""
    languages: tuple[str, ...] = ()
    use: tuple[Use, ...] = ()
    profanity: str = ""
    benchmarks: tuple[str, ...] = ()

    @property
    def by_author(self) -> bool:
        """Whether all that one author wrote stays together."""
        return self.group == "author"


def read_rules(top: Table) -> DataRules:
    """Returns the rules; what is wrong with them is noted."""
    table = top.table("data")
    table.only((*_KEYS, *_FILES))
    return DataRules(
        licences=table.strings("licences"),
        forbid=table.strings("forbid"),
        use=_read_uses(table),
        profanity=_read_profanity(table),
        benchmarks=table.strings("benchmarks"),
        reserved=table.flag("reserved"),
        clean=table.strings("clean"),
        pii=table.word("pii", _MODES, default=""),
        secrets=table.word("secrets", _MODES, default=""),
        languages=table.strings("languages"),
        group=cast("Group", table.word("group", GROUPS[1:], default="")),
    )


def _read_uses(table: Table) -> tuple[Use, ...]:
    words = table.strings("use")
    for word in words:
        if word not in USES:
            table.wrong("use", f"unknown use {shown(word)}{suggest(word, USES)}")
    return tuple(use for use in USES if use in words)


def _read_profanity(table: Table) -> str:
    name = table.string("profanity")
    if name.strip():
        return name
    if name or table.values.get("profanity") == "":
        table.wrong("profanity", f"`profanity` is {name!r}; it must name a file with one word a line.")
    elif "profanity" in table.strings("clean"):
        table.wrong("clean", 'the step `profanity` needs a list; name its file: profanity = "words.txt".')
    return ""
