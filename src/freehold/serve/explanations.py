"""Explanations of answers: made in a thread of their own, so that predictions never wait for them.

Owns the queue in front of that thread. How answers are explained is for whoever wires the server up to say; knows
nothing of HTTP but the faults it answers with.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Protocol

from freehold.serve.champions import Slot
from freehold.serve.faults import Fault
from freehold.serve.readers import Loaded
from freehold.task import Json, Prediction, Release

if TYPE_CHECKING:
    from freehold.registry import Registry

__all__ = ["Explainer", "Explanations", "Told"]


class Told(Protocol):
    """Why one input was answered as it was."""

    def to_json(self) -> dict[str, Json]:
        """Returns it as the API shows it: `pieces`, `fields`, `nearest`."""


class Explainer(Protocol):
    """Who explains: `freehold.line.Explainer`, or a double of it."""

    def explain(
        self,
        reader: Any,
        inputs: Mapping[str, str],
        *,
        prediction: Prediction,
        release: Release,
        shelf: Registry,
    ) -> Told:
        """Returns why `prediction` was the answer to `inputs`; `reader` is whatever opened the release."""

    def close(self) -> None:
        """Ends what is being read."""


class Explanations:
    """The explainer of one server, one question at a time.

    Args:
        explainer: None where the server was put together without one.
        rows_limit: The most rows of one request.
        queue_limit: The most requests that may wait.
    """

    def __init__(self, explainer: Explainer | None, *, rows_limit: int, queue_limit: int) -> None:
        self._explainer = explainer
        self._rows_limit, self._queue_limit = rows_limit, queue_limit
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="freehold-explain")
        self._waiting = 0

    @property
    def ready(self) -> bool:
        """Whether there is an explainer."""
        return self._explainer is not None

    def check(self, rows: int) -> None:
        """Refuses what cannot be explained, before anything is answered.

        Raises:
            Fault: 400 where there is no explainer or too many rows; 503 where too many requests wait.
        """
        if self._explainer is None:
            message = "This server was put together without explanations."
            raise Fault(400, message, code="invalid_parameter", param="explain")
        if rows > self._rows_limit:
            message = f"The list has {rows:,} rows; the most that are explained at once is {self._rows_limit:,}."
            raise Fault(400, message, code="too_many_rows", param="explain")
        if self._waiting >= self._queue_limit:
            message = f"{self._waiting} requests wait for an explanation already; try again."
            raise Fault(429, message, code="overloaded", param="explain", headers={"retry-after": "5"})

    async def explain(
        self, slot: Slot, loaded: Loaded, inputs: Sequence[Mapping[str, str]], *, predictions: Sequence[Prediction]
    ) -> list[dict[str, Json]]:
        """Returns each prediction's explanation, in order; none where there is no explainer."""
        if self._explainer is None:
            return []
        self._waiting += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._pool, self._tell, slot, loaded, inputs, predictions)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Ends the thread when its work is done."""
        if self._explainer is not None:
            self._explainer.close()
        self._pool.shutdown(wait=True)

    def _tell(
        self, slot: Slot, loaded: Loaded, inputs: Sequence[Mapping[str, str]], predictions: Sequence[Prediction]
    ) -> list[dict[str, Json]]:
        assert self._explainer is not None
        release, shelf = loaded.release, slot.shelf
        return [
            self._explainer.explain(loaded.reader, row, prediction=each, release=release, shelf=shelf).to_json()
            for row, each in zip(inputs, predictions, strict=True)
        ]
