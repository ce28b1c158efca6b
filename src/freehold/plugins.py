"""Typed registries of replaceable parts, open to other packages by entry point.

Built-ins and plugins come in by the same door: a name with a version (`"csv.v1"`) in a registry.
Knows nothing of what the parts do.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

from freehold.errors import PluginError, UserError

__all__ = ["Plugins"]

T = TypeVar("T")


class Plugins(Generic[T]):
    """One extension point: names to parts of one type.

    Args:
        group: The entry-point group other packages add to, for example `"freehold.sources"`.

    Example:
        >>> sources: Plugins[Callable[[str], int]] = Plugins("freehold.doctest")
        >>> sources.register("length.v1")(len)
        <built-in function len>
        >>> sources.get("length.v1")("four")
        4
    """

    def __init__(self, group: str) -> None:
        self.group = group
        self._parts: dict[str, T] = {}
        self._loaded = False

    def register(self, name: str) -> Callable[[T], T]:
        """Returns a decorator that adds a part under `name`. A name is taken once."""

        def add(part: T) -> T:
            if name in self._parts:
                raise PluginError(f"`{name}` is registered twice in `{self.group}`.")
            self._parts[name] = part
            return part

        return add

    def get(self, name: str) -> T:
        """Returns the part called `name`.

        Raises:
            UserError: No part has this name; the message lists those that have one.
        """
        self._load()
        if name not in self._parts:
            raise UserError(f"`{self.group}` has no part {name!r}.", hint=f"It has: {', '.join(self)}")
        return self._parts[name]

    def __iter__(self) -> Iterator[str]:
        self._load()
        return iter(sorted(self._parts))

    def _load(self) -> None:
        if self._loaded:
            return
        self._loaded = True
        from importlib.metadata import entry_points

        for point in entry_points(group=self.group):
            self.register(point.name)(point.load())
