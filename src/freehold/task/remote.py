"""Reads the `[[upstream]]` tables and the `[router]` table of a task file.

Owns what their keys may hold. A key's value is never shown: it may be a secret that stands in the wrong place.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple, cast, get_args
from urllib.parse import urlsplit

from freehold.task.fields import ASKABLE_KINDS, Field
from freehold.task.spelling import suggest
from freehold.task.tables import Table, shown
from freehold.task.upstreams import OutputLimit, Price, Routing, Upstream

__all__ = [
    "read_key",
    "read_model",
    "read_price",
    "read_routing",
    "read_upstreams",
    "read_url",
    "read_writer",
]

_KEYS = ("name", "url", "model", "key", "trust", "fields", "price", "output_tokens", "output_limit")
_WRITER_KEYS = ("name", "url", "model", "key", "price", "output_tokens", "output_limit")
_PRICE_KEYS = ("input", "output")
_ROUTER_KEYS = (
    "deadline_ms",
    "retries",
    "hedge_ms",
    "cost_per_request",
    "cost_per_month",
    "tokens_per_request",
    "tokens_per_month",
    "cache_seconds",
    "policy",
)
_TAKEN = ("static", "champion")
_NAME = re.compile(r"[a-z0-9-]{1,40}")
_VARIABLE = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_RANDOM = re.compile(r"(?=.*[0-9])[A-Z0-9]{16,}")
"""What has the letters of a variable's name and looks like a secret, as AWS's do."""
_MOST_PRICE, _MOST_COST, _MOST_TOKENS = 1e5, 1e8, 2**32 - 1


class _Wanted(NamedTuple):
    """A field, and how sure an answer to it has to be."""

    field: Field
    sure: float


def read_upstreams(
    top: Table, fields: Sequence[Field], errors_given_answer: Mapping[str, float]
) -> tuple[Upstream, ...]:
    """Returns the upstreams in their order; what is wrong with them is noted in the table's mistakes.

    Args:
        fields: The task's.
        errors_given_answer: Field to how many of the answers that are given may be wrong.
    """
    wanted = []
    for field in fields:
        allowed = errors_given_answer.get(field.name, 1.0)
        wanted.append(_Wanted(field, max(field.abstain_below, round(1 - allowed, 9))))
    found: list[Upstream] = []
    for row in top.rows("upstream"):
        upstream = _read_upstream(row, wanted)
        if upstream.name in [each.name for each in found]:
            row.wrong("name", f"two upstreams are called {upstream.name!r}.")
        found.append(upstream)
    return tuple(found)


def read_routing(top: Table) -> Routing:
    """Returns the router's limits."""
    table, usual = top.table("router"), Routing()
    table.only(_ROUTER_KEYS)
    if table.values and not top.values.get("upstream"):
        top.wrong("router", "`[router]` says how upstreams are asked, and there is no `[[upstream]]`.")
    return Routing(
        deadline_ms=int(table.number("deadline_ms", 10, 600_000, default=usual.deadline_ms)),
        retries=int(table.number("retries", 0, 10, default=usual.retries)),
        hedge_ms=int(table.number("hedge_ms", 0, 600_000, default=usual.hedge_ms)),
        cost_per_request=_limit(table, "cost_per_request", _MOST_COST),
        cost_per_month=_limit(table, "cost_per_month", _MOST_COST),
        tokens_per_request=_whole_limit(table, "tokens_per_request"),
        tokens_per_month=_whole_limit(table, "tokens_per_month"),
        cache_seconds=int(table.number("cache_seconds", 0, 31_536_000, default=usual.cache_seconds)),
        policy=table.string("policy", usual.policy),
    )


def _limit(table: Table, key: str, most: float) -> float | None:
    return table.number(key, 0.0, most) if key in table.values else None


def _whole_limit(table: Table, key: str) -> int | None:
    return table.whole(key) if key in table.values else None


def read_writer(row: Table) -> Upstream:
    """Returns a remote model that is asked for texts, not for fields; what is wrong with it is noted."""
    row.only(_WRITER_KEYS)
    return _read_model_table(row, trust=1.0, fields=())


def _read_upstream(row: Table, wanted: Sequence[_Wanted]) -> Upstream:
    row.only(_KEYS)
    trust = row.number("trust", 0.0, 1.0, default=1.0) if row.require("trust") else 1.0
    return _read_model_table(row, trust=trust, fields=_read_asked(row, wanted, trust))


def _read_model_table(row: Table, *, trust: float, fields: tuple[str, ...]) -> Upstream:
    limits = get_args(OutputLimit)
    return Upstream(
        name=_read_name(row),
        url=read_url(row),
        model=read_model(row),
        trust=trust,
        fields=fields,
        key=read_key(row),
        price=read_price(row),
        output_tokens=int(row.number("output_tokens", 16, 1_000_000, default=1024)),
        output_limit=cast("OutputLimit", row.word("output_limit", limits, default=limits[0])),
    )


def _read_name(row: Table) -> str:
    name = row.string("name", "-") if row.require("name") else "-"
    if not _NAME.fullmatch(name):
        row.wrong("name", f"`name` is {shown(name)}; it may hold a-z, 0-9 and -, at most 40 of them.")
    elif name in _TAKEN:
        row.wrong("name", f"`name` is {name!r}, which is what one of the task's own tiers is called.")
    return name


def read_model(row: Table) -> str:
    """Returns what an endpoint calls its model."""
    model = row.string("model", "-") if row.require("model") else "-"
    if not model.strip():
        row.wrong("model", "`model` is empty; it is what the endpoint calls its model.")
    return model


def read_url(row: Table) -> str:
    """Returns an endpoint's base URL, without a slash at its end."""
    url = row.string("url", "https://-") if row.require("url") else "https://-"
    if mistake := _find_url_mistake(url):
        row.wrong("url", mistake)
    return url.rstrip("/")


def _find_url_mistake(url: str) -> str:
    """Returns what is wrong with a URL; one that may hold a password is not shown."""
    form = "a URL such as `https://api.example.com/v1`"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return f"`url` must be {form}."
    if "@" in url or parts.query or parts.fragment:
        return f"`url` must be {form}, without user, query and fragment."
    if parts.scheme not in ("http", "https") or not host or port == 0 or not url.isprintable() or " " in url:
        return f"`url` is {shown(url)}; it must be {form}."
    if parts.scheme == "http" and not _is_loopback(host):
        return f"`url` is {shown(url)}; plain http may go to this machine only."
    return ""


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def read_key(row: Table) -> str:
    """Returns the name of the environment variable that holds a key; empty where none is sent."""
    key = row.values.get("key", "")
    if isinstance(key, str) and (key == "" or (_VARIABLE.fullmatch(key) and not _RANDOM.fullmatch(key))):
        return key
    message = (
        "`key` is the NAME of an environment variable (A-Z, 0-9 and _), such as `CLOUD_API_KEY`. What stands here "
        "is none; if it is the key itself, take it out of the file and replace it where it was made."
    )
    row.wrong("key", message)
    return ""


def read_price(row: Table) -> Price | None:
    """Returns what a million tokens cost; None where nothing."""
    if "price" not in row.values:
        return None
    table = row.table("price")
    table.only(_PRICE_KEYS)
    return Price(*(table.number(key, 0.0, _MOST_PRICE) for key in _PRICE_KEYS))


def _read_asked(row: Table, wanted: Sequence[_Wanted], trust: float) -> tuple[str, ...]:
    if "fields" in row.values:
        return _read_chosen(row, {each.field.name: each for each in wanted}, trust)
    closed = [each for each in wanted if each.field.kind in ASKABLE_KINDS and each.field.kind != "number"]
    found = tuple(each.field.name for each in closed if each.sure <= trust)
    if not closed:
        row.mistakes.add(
            row.place, "the task has no field that an upstream can be asked for; spans and text are none."
        )
    elif not found:
        message = f"every field wants to be surer than the `trust` of {trust:g}, so its answers would not be used."
        row.mistakes.add(row.place, message)
    return found


def _read_chosen(row: Table, wanted: Mapping[str, _Wanted], trust: float) -> tuple[str, ...]:
    chosen = row.values["fields"]
    if not isinstance(chosen, list) or not chosen or not all(isinstance(each, str) for each in chosen):
        row.wrong(
            "fields", f'`fields` is {shown(chosen)}; it must be a list of output fields, such as ["intent"].'
        )
        return ()
    for place, name in enumerate(chosen):
        mistake = ""
        if name not in wanted:
            mistake = f"unknown field {shown(name)}{suggest(name, wanted)}"
        elif wanted[name].field.kind not in ASKABLE_KINDS:
            mistake = f"`{name}` is a {wanted[name].field.kind} field, which an upstream cannot be asked for."
        elif wanted[name].sure > trust:
            sure = wanted[name].sure
            mistake = (
                f"`{name}` wants to be {sure:g} sure, so answers with a `trust` of {trust:g} would not be used."
            )
        if mistake:
            row.mistakes.add((*row.place, "fields", place), mistake)
    return tuple(dict.fromkeys(chosen))
