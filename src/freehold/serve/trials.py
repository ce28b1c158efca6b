"""Asking each upstream of a task once, for whoever sets them up; what it costs is in the books like any call.

Owns the trial. Nothing is recorded, and no request of a server is behind it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from freehold.task import Field, Task, Upstream, Value

if TYPE_CHECKING:
    from freehold.registry import Registry
    from freehold.serve.remotes import Means

__all__ = ["Trial", "try_upstreams"]


class Trial(NamedTuple):
    """How asking one upstream went.

    Attributes:
        outcome: `ok`, or why there is no answer.
        values: Field to value; None where there is no answer.
        cost: In the currency; where it is not known what a call cost, the most that it can have.
    """

    upstream: str
    outcome: str
    values: Mapping[str, Value] | None
    milliseconds: float
    tokens: int
    cost: float


def try_upstreams(
    task: Task, shelf: Registry, *, fields: Sequence[Field], inputs: Mapping[str, str]
) -> list[Trial]:
    """Asks every upstream of a task, one after the other, without retries, and returns how that went.

    Args:
        fields: The task's, labels resolved.
        inputs: All inputs of the task.

    Raises:
        UserError: The key of an upstream is not in the environment.
    """
    with ThreadPoolExecutor(1) as threads:
        return asyncio.run(_try_all(task, shelf, fields=fields, inputs=inputs, threads=threads))


async def _try_all(
    task: Task,
    shelf: Registry,
    *,
    fields: Sequence[Field],
    inputs: Mapping[str, str],
    threads: ThreadPoolExecutor,
) -> list[Trial]:
    from freehold.serve.measures import Measures
    from freehold.serve.purse import Purse
    from freehold.serve.remotes import Gate, Means

    purse = Purse(task.name, shelf, routing=task.routing, threads=threads)
    means = Means(task.name, 0, purse, Gate(1), Measures())
    return [await _try(task, each, means, fields=fields, inputs=inputs) for each in task.upstreams]


async def _try(
    task: Task, upstream: Upstream, means: Means, *, fields: Sequence[Field], inputs: Mapping[str, str]
) -> Trial:
    from freehold.engine import RemoteQuestion, write_request
    from freehold.serve.purse import BILLION
    from freehold.serve.remotes import Remote, Row

    wanted = tuple(field for field in fields if field.name in upstream.fields)
    request = write_request(upstream, RemoteQuestion(task.name, task.description, wanted, inputs))
    remote, seconds = Remote(upstream, means), task.routing.deadline_ms / 1000
    row = Row(inputs, "trial", asyncio.get_running_loop().time() + seconds, [])
    begun = time.perf_counter()
    try:
        values = await remote.ask(request, row, seconds=seconds)
    finally:
        await remote.close()
    took, spent = 1000 * (time.perf_counter() - begun), row.pocket.spent
    return Trial(upstream.name, row.steps[-1].outcome, values, took, spent.tokens, spent.cost / BILLION)
