"""Where a task's own model abstains: asks its upstreams, one after the other or side by side, until one answers.

Owns the order, the row's deadline and how it is shared out, hedging, and what an upstream's value becomes as an
answer. How one upstream is asked stands in `remotes`; jobs and threads in `passing`.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, NamedTuple

from freehold.engine import RemoteQuestion, write_request
from freehold.errors import FreeholdError, PluginError
from freehold.serve.champions import Slot
from freehold.serve.measures import Measures
from freehold.serve.policies import POLICIES
from freehold.serve.purse import Purse
from freehold.serve.recollection import Recollection, name_question
from freehold.serve.remotes import Gate, Means, Remote, Row
from freehold.serve.trails import Step
from freehold.task import Answer, Field, Task, Upstream, Value

if TYPE_CHECKING:
    from freehold.registry import Registry

__all__ = ["Passed", "Router", "answer_of", "open_routers"]

_log = logging.getLogger("freehold.serve")

_GRACE = 0.25
"""Seconds after the deadline in which calls end by themselves and their books are written."""


def open_routers(
    slots: Iterable[Slot], *, measures: Measures, most: int, threads: ThreadPoolExecutor
) -> dict[str, Router]:
    """Returns task to router, for every task that has upstreams.

    Args:
        most: How many calls are made at one time, for all tasks.
        threads: Where their books are written.

    Raises:
        UserError: A task's policy is unknown, or the key of an upstream is not in the environment.
    """
    gate = Gate(most)
    return {
        slot.task.name: Router(slot.task, slot.shelf, measures=measures, gate=gate, threads=threads)
        for slot in slots
        if slot.task.upstreams
    }


class Passed(NamedTuple):
    """A row that the model answered, and abstained in some fields.

    Attributes:
        answers: What the model said, in all fields.
        fields: The model's, labels resolved.
        caller: The key that asks.
        steps: Where it is noted who was asked.
    """

    inputs: Mapping[str, str]
    answers: Mapping[str, Answer]
    fields: Sequence[Field]
    caller: str
    steps: list[Step]


class Said(NamedTuple):
    """What one upstream answered."""

    remote: Remote
    values: Mapping[str, Value]


class Router:
    """The upstreams of one task. All of it runs in one event loop.

    Raises:
        UserError: There is no such policy, or the key of an upstream is not in the environment.
    """

    def __init__(
        self, task: Task, shelf: Registry, *, measures: Measures, gate: Gate, threads: ThreadPoolExecutor
    ) -> None:
        self._task = task
        self._routing = task.routing
        self._policy = POLICIES.get(task.routing.policy)
        self._purse = Purse(task.name, shelf, routing=task.routing, threads=threads)
        self._kept = Recollection(task.routing.cache_seconds)
        means = Means(task.name, task.routing.retries, self._purse, gate, measures)
        self._remotes = {each.name: Remote(each, means) for each in task.upstreams}

    async def answer(self, passed: Passed) -> dict[str, Answer]:
        """Returns a row's answers: the model's, and an upstream's where the model abstained and one answered."""
        loop = asyncio.get_running_loop()
        row = Row(passed.inputs, passed.caller, loop.time() + self._routing.deadline_ms / 1000, passed.steps)
        left = {field.name: field for field in passed.fields if passed.answers[field.name].abstained}
        found = dict(passed.answers)
        try:
            async with asyncio.timeout_at(row.ends + _GRACE):
                remotes = await self._order(left, row)
                while left and (said := await self._race(remotes, left, row)):
                    remotes.remove(said.remote)
                    for name, value in said.values.items():
                        field = left.pop(name)
                        found[name] = answer_of(field, value, upstream=said.remote.upstream, model=found[name])
        except TimeoutError:
            pass  # what was answered in time counts
        except FreeholdError as error:
            _log.error("task=%s cannot be routed: %s: %s", self._task.name, type(error).__name__, error.message)
        return found

    async def close(self) -> None:
        """Closes all connections."""
        for remote in self._remotes.values():
            await remote.close()

    async def _order(self, left: Mapping[str, Field], row: Row) -> list[Remote]:
        able = [each for each in self._task.upstreams if not left.keys().isdisjoint(each.fields)]
        if not able:
            return []
        milliseconds = 1000 * (row.ends - asyncio.get_running_loop().time())
        rest = await self._purse.left(milliseconds=milliseconds)
        try:
            chosen = [each.name for each in self._policy(list(left), able, left=rest)]
        except Exception as error:
            raise PluginError(f"the policy `{self._routing.policy}` failed: {type(error).__name__}.") from error
        if len(set(chosen)) < len(chosen) or not {*chosen} <= {each.name for each in able}:
            raise PluginError(f"the policy `{self._routing.policy}` returned what it was not given, or one twice.")
        return [self._remotes[name] for name in chosen]

    async def _race(self, remotes: list[Remote], left: Mapping[str, Field], row: Row) -> Said | None:
        """Asks one after the other until one answers; the next one too where `hedge_ms` go by without an answer.

        Whoever failed is taken off the list. Whoever is still being asked when another one has answered is broken
        off, and stays on it.
        """
        waiting = [each for each in remotes if not left.keys().isdisjoint(each.upstream.fields)]
        hedge = self._routing.hedge_ms / 1000
        running: dict[asyncio.Task[Mapping[str, Value] | None], Remote] = {}
        try:
            while waiting or running:
                if waiting:
                    remote = waiting.pop(0)
                    seconds = (row.ends - asyncio.get_running_loop().time()) / (len(waiting) + 1)
                    running[asyncio.create_task(self._ask(remote, left, row, seconds=seconds))] = remote
                for task in await _first_done(running, hedge if hedge and waiting else None):
                    remote = running.pop(task)
                    if values := task.result():
                        return Said(remote, values)
                    remotes.remove(remote)
            return None
        finally:
            await _break_off(running)

    async def _ask(
        self, remote: Remote, left: Mapping[str, Field], row: Row, *, seconds: float
    ) -> Mapping[str, Value] | None:
        """Returns what an upstream answers, or answered the same caller before."""
        fields = tuple(field for name, field in left.items() if name in remote.upstream.fields)
        question = RemoteQuestion(self._task.name, self._task.description, fields, row.inputs)
        request = write_request(remote.upstream, question)
        name = name_question(remote.upstream, request, caller=row.caller)
        if (kept := self._kept.find(name)) is not None:
            remote.count("cached", row)
            return kept
        values = await remote.ask(request, row, seconds=seconds)
        if values is not None:
            self._kept.keep(name, values)
        return values


def answer_of(field: Field, value: Value, *, upstream: Upstream, model: Answer) -> Answer:
    """Returns an upstream's value as an answer. Its confidence is the trust that its user put into it.

    That is as much as the field wants: who is not trusted so far is not asked.

    Of labels that it did not choose it says nothing. What its being wrong leaves is shared out as the model would,
    given that it is none of what was chosen.
    """
    trust = upstream.trust
    return Answer(
        value=value,
        confidence=trust,
        probabilities=_shares(field, value, trust=trust, model=model),
        in_scope=value != field.other if field.other else None,
        tier=upstream.name,
    )


def _shares(field: Field, value: Value, *, trust: float, model: Answer) -> dict[str, float]:
    if field.kind == "choices":
        assert isinstance(value, list)
        return {label: trust if label in value else 1 - trust for label in model.probabilities}
    chosen = str(value).lower() if field.kind == "predicate" else str(value)
    if chosen not in model.probabilities:
        return {}
    others = {label: share for label, share in model.probabilities.items() if label != chosen}
    rest = sum(others.values())
    even = (1 - trust) / len(others) if others else 0.0
    shared = {label: (1 - trust) * share / rest if rest > 0 else even for label, share in others.items()}
    return {label: shared.get(label, trust) for label in model.probabilities}


async def _first_done(
    running: Mapping[asyncio.Task[Mapping[str, Value] | None], Remote], patience: float | None
) -> set[asyncio.Task[Mapping[str, Value] | None]]:
    done, _ = await asyncio.wait(running, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
    return done


async def _break_off(running: Mapping[asyncio.Task[Mapping[str, Value] | None], Remote]) -> None:
    for task in running:
        task.cancel()
    if running:
        await asyncio.gather(*running, return_exceptions=True)
