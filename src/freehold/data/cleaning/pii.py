"""What tells of a person, found: by built-in finders with checksums, and by plug-ins.

Owns the contract of a finder and the registry. A finder of names, addresses and the like needs a model and is a
package of its own (Microsoft's presidio, for example), which registers under the entry-point group `freehold.pii`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from freehold.data.cleaning.accounts import find_cards, find_ibans
from freehold.data.cleaning.addresses import find_emails, find_ips
from freehold.data.cleaning.findings import Finding
from freehold.data.cleaning.phones import find_phones
from freehold.errors import PluginError
from freehold.plugins import Plugins

__all__ = ["BUILT_IN", "PII", "Matching", "PiiFinder", "find_pii"]

Match = tuple[int, int]


class PiiFinder(Protocol):
    """Finds what tells of a person.

    Attributes:
        kinds: What it finds; each kind's name in capitals is its mask: `email` becomes `[EMAIL]`.
    """

    @property
    def kinds(self) -> tuple[str, ...]: ...

    def find(self, text: str) -> Iterable[Finding]:
        """Returns what is found, in any order; the finds may overlap."""
        ...


@dataclass(frozen=True, slots=True)
class Matching:
    """A finder of one kind, made of a function from a text to places.

    Example:
        >>> [*Matching("email", find_emails).find("ask ada@example.org")]
        [Finding(kind='email', start=4, end=19, rule='')]
    """

    kind: str
    places: Callable[[str], Iterator[Match]]

    @property
    def kinds(self) -> tuple[str, ...]:
        """The one kind."""
        return (self.kind,)

    def find(self, text: str) -> Iterator[Finding]:
        """Yields the places as finds."""
        return (Finding(self.kind, start, end) for start, end in self.places(text))


PII: Plugins[PiiFinder] = Plugins("freehold.pii")
"""Every finder; a plug-in adds one under the entry-point group `freehold.pii`."""

BUILT_IN = ("email", "iban", "card", "ip", "phone")
"""The built-in finders, in the order in which they win: what has a checksum before what has none."""

PII.register("email")(Matching("email", find_emails))
PII.register("iban")(Matching("iban", find_ibans))
PII.register("card")(Matching("card", find_cards))
PII.register("ip")(Matching("ip", find_ips))
PII.register("phone")(Matching("phone", find_phones))


def find_pii(text: str, *, name: str) -> Iterator[Finding]:
    """Yields what one finder finds, checked.

    Raises:
        PluginError: The finder told of a place that is not in the text, or of a kind that it did not name.
    """
    finder = PII.get(name)
    for each in finder.find(text):
        if each.kind not in finder.kinds or not 0 <= each.start < each.end <= len(text):
            raise PluginError(
                f"`{name}` of `{PII.group}` found {each!r} in a text of {len(text)} characters; "
                f"it finds {', '.join(finder.kinds)}."
            )
        yield each._replace(rule=f"pii.{name}")
