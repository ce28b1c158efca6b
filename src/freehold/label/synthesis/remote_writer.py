"""A writer behind an OpenAI-compatible URL: kept by content, held to its budget, taken up again where it stopped.

Owns how a prompt becomes a request, a file for each reply below `writings/` in the cache, and when a call is made
again. The connection is the engine's.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from freehold.label.synthesis.purse import Purse
from freehold.label.synthesis.writers import Prompt, Spending, Written
from freehold.task import Field, Json, Upstream, digest, output_schema

if TYPE_CHECKING:
    from freehold.engine import RemoteFault, RemoteLimits, RemoteModel, RemoteReply, RemoteRequest

__all__ = ["RemoteWriter", "prepare"]

_SIDE_BY_SIDE = 4
_TRIES = 3
_LONGEST_WAIT = 20.0
_SECONDS = (10.0, 60.0, 300.0)
_TEMPLATE_TOKENS = 64
_HEADERS = {"accept": "application/json", "accept-encoding": "identity", "content-type": "application/json"}


def prepare(upstream: Upstream, prompt: Prompt) -> RemoteRequest:
    """Returns the request that puts a prompt to an upstream."""
    from freehold.engine import RemoteRequest

    fields = tuple(Field(name, "text") for name in prompt.wanted)
    schema: dict[str, Json] = {key: value for key, value in output_schema(fields).items() if key != "$schema"}
    content: dict[str, Json] = {
        "model": upstream.model,
        "messages": [
            {"role": "system", "content": prompt.instructions},
            {"role": "user", "content": json.dumps(dict(prompt.data), ensure_ascii=False)},
        ],
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "texts", "strict": True, "schema": schema},
        },
        "seed": prompt.seed,
        upstream.output_limit: upstream.output_tokens,
        "stream": False,
    }
    body = json.dumps(content).encode()
    url = f"{upstream.url}/chat/completions"
    return RemoteRequest(url, _HEADERS, body, len(body) + _TEMPLATE_TOKENS, fields)


class RemoteWriter:
    """An upstream that is asked for texts.

    Args:
        upstream: Whom to ask.
        purse: What that may cost.
        cache: Folder that runs share.

    Attributes:
        name: The upstream's.
    """

    def __init__(self, upstream: Upstream, *, purse: Purse, cache: Path) -> None:
        self.name = upstream.name
        self._upstream, self._purse, self._home = upstream, purse, cache / "writings"
        self._counts = {"calls": 0, "kept": 0, "failed": 0, "refused": 0}

    def spending(self) -> Spending:
        """Returns what was spent so far, in earlier attempts at the same stage too."""
        return Spending(**self._counts, cost=self._purse.cost, tokens=self._purse.tokens)

    def write(self, prompts: Sequence[Prompt], /) -> list[Written | None]:
        """Returns what was written for each prompt; None where nothing was."""
        requests = [prepare(self._upstream, prompt) for prompt in prompts]
        found = [self._recall(request) for request in requests]
        wanted = [place for place, each in enumerate(found) if each is None]
        self._counts["kept"] += len(prompts) - len(wanted)
        if wanted:
            asked = asyncio.run(self._ask_all([requests[place] for place in wanted]))
            for place, each in zip(wanted, asked, strict=True):
                found[place] = each
        return [
            None if each is None else Written(each[0], self._tell(prompt, each[1]))
            for prompt, each in zip(prompts, found, strict=True)
        ]

    def _tell(self, prompt: Prompt, spent: Mapping[str, Json]) -> dict[str, Json]:
        asked: dict[str, Json] = {"instructions": prompt.instructions, "data": dict(prompt.data)}
        limit: dict[str, Json] = {"seed": prompt.seed, self._upstream.output_limit: self._upstream.output_tokens}
        return {"prompt": asked, "model": self._upstream.model, "parameters": limit, **spent}

    async def _ask_all(self, requests: Sequence[RemoteRequest]) -> list[_Kept | None]:
        from freehold.engine import RemoteLimits, RemoteModel

        model, limits = RemoteModel(self._upstream), RemoteLimits(*_SECONDS)
        found: list[_Kept | None] = [None] * len(requests)
        done = 0
        try:
            while done < len(requests):
                names = self._put_aside(requests[done : done + _SIDE_BY_SIDE])
                if not names:  # nothing is on its way whose rest could pay for it
                    self._counts["refused"] += len(requests) - done
                    break
                part = requests[done : done + len(names)]
                calls = (self._ask(model, *each, limits=limits) for each in zip(part, names, strict=True))
                found[done : done + len(names)] = await asyncio.gather(*calls)
                done += len(names)
        finally:
            await model.close()
        return found

    def _put_aside(self, requests: Sequence[RemoteRequest]) -> list[str]:
        """Returns names of what was put aside, for as many requests as can be paid at their worst."""
        names: list[str] = []
        for request in requests:
            if not (name := self._purse.put_aside(*self._worst(request))):
                break
            names.append(name)
        return names

    def _worst(self, request: RemoteRequest) -> tuple[int, int]:
        written = self._upstream.output_tokens
        return self._upstream.cost(request.tokens, written), request.tokens + written

    async def _ask(
        self, model: RemoteModel, request: RemoteRequest, name: str, *, limits: RemoteLimits
    ) -> _Kept | None:
        from freehold.engine import RemoteFault

        for number in range(_TRIES):
            self._counts["calls"] += 1
            try:
                reply = await model.ask(request, limits=limits)
            except RemoteFault as fault:
                self._settle_fault(name, fault, request)
                wait = 0.25 * 2**number if fault.retry_after is None else fault.retry_after
                again = fault.passes and number + 1 < _TRIES and wait <= _LONGEST_WAIT
                if not again or not (name := self._purse.put_aside(*self._worst(request))):
                    break
                await asyncio.sleep(wait)
            else:
                return self._keep(name, request, reply)
        self._counts["failed"] += 1
        return None

    def _settle_fault(self, name: str, fault: RemoteFault, request: RemoteRequest) -> None:
        """Counts what a call that failed did cost: nothing where it was not sent, the worst where nobody knows."""
        if fault.usage:
            self._purse.settle(name, self._upstream.cost(*fault.usage), sum(fault.usage))
        elif not fault.sent:
            self._purse.settle(name, 0, 0)

    def _keep(self, name: str, request: RemoteRequest, reply: RemoteReply) -> _Kept:
        cost, tokens = self._worst(request)
        if reply.usage:
            cost, tokens = self._upstream.cost(*reply.usage), sum(reply.usage)
        self._purse.settle(name, cost, tokens)
        texts = {key: str(value) for key, value in reply.values.items()}
        spent: dict[str, Json] = {"tokens": tokens, "cost": cost / 1e9}
        path = self._path(request)
        self._home.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(f".{os.getpid()}")
        content: dict[str, Json] = {"texts": dict(texts), "spent": spent}
        unfinished.write_text(json.dumps({**content, "digest": digest(content)}), encoding="utf-8")
        unfinished.replace(path)
        return texts, spent

    def _path(self, request: RemoteRequest) -> Path:
        return self._home / f"{digest([request.url, request.body.decode()])}.json"

    def _recall(self, request: RemoteRequest) -> _Kept | None:
        """Returns a reply that was kept; one that is not what was written is thrown away."""
        path = self._path(request)
        try:
            content = json.loads(path.read_bytes())
            if content.pop("digest") == digest(content):
                return content["texts"], content["spent"]
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError, AttributeError):
            pass
        path.unlink(missing_ok=True)
        return None


_Kept = tuple[Mapping[str, str], Mapping[str, Json]]
