"""The Python client: everything but the task's own types, which take the place of those between the marks.

Owns the way to a server and back. Nothing imports it: it is a text that is checked like any other module.
"""
# <client>

from __future__ import annotations

import contextlib
import email.utils
import http.client
import itertools
import json
import os
import random
import selectors
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Generic, Literal, NamedTuple, TypedDict, TypeVar, cast
from urllib.parse import quote, urlsplit

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
LabelT = TypeVar("LabelT")


@dataclass(frozen=True)
class Span(Generic[T_co]):
    """The characters `start` to before `end` of an input, which read `text`."""

    label: T_co
    start: int
    end: int
    text: str


@dataclass(frozen=True)
class Answer(Generic[T_co, LabelT]):
    """What the model says of one field.

    Attributes:
        confidence: The calibrated probability, 0 to 1, that the value is right.
        probabilities: Label to its calibrated probability.
        abstained: The confidence is below what the task asks for.
        in_scope: Whether any label fits at all; None where the model cannot tell.
        interval: Of a number: the lowest and the highest value that the confidence speaks of.
        tier: Which tier of the model answered; empty where it has one.
    """

    value: T_co
    confidence: float
    probabilities: Mapping[LabelT, float]
    abstained: bool
    in_scope: bool | None = None
    interval: tuple[float, float] | None = None
    tier: str = ""


# <the task>
TASK = "mail"
Inputs = dict[str, str]
Answers = dict[str, Answer[Any, Any]]
Correct = dict[str, object]
_SPANS: frozenset[str] = frozenset()
# </the task>


@dataclass(frozen=True)
class Prediction:
    """All answers to one request; `model` is the version that gave them, `request` what feedback refers to."""

    task: str
    model: str
    request: str
    answers: Answers


class Correction(TypedDict):
    """What would have been right; fields that are left out stay open."""

    request: str
    correct: Correct


class Rating(TypedDict):
    """How good an answer was."""

    request: str
    rating: float | Literal["up", "down"]


class Outcome(TypedDict):
    """What came of an answer, as any JSON."""

    request: str
    outcome: object


class NewExample(TypedDict):
    """An example that nobody asked about."""

    inputs: Inputs
    correct: Correct


Feedback = Correction | Rating | Outcome | NewExample


@dataclass(frozen=True)
class Rejected:
    """A row of feedback that was not taken: its place in the list, and why."""

    index: int
    reason: str


@dataclass(frozen=True)
class Receipt:
    """What became of feedback: an id for each row that was taken, and one for all of them together."""

    accepted: tuple[str, ...]
    rejected: tuple[Rejected, ...]
    batch: str


class FreeholdError(Exception):
    """The server refused, or there was no answer.

    Attributes:
        status: The HTTP status; 0 where there was no answer.
        code: The server's word for it, such as `invalid_token`; where there is none, `timeout`, `unreachable` or
            `unreadable`.
        param: The part of the request that is wrong; empty where none is.
        request: The request's id, which the server's log has; empty where it is not known.
    """

    def __init__(self, message: str, *, status: int = 0, code: str, param: str = "", request: str = "") -> None:
        super().__init__(message)
        self.message, self.status, self.code, self.param, self.request = message, status, code, param, request

    def __str__(self) -> str:
        return f"{self.message} ({self.code})"


class Client:
    """Asks a Freehold server. Threads may share one. Connections are kept: `close` it, or use it in a `with`.

    A request that the server has no time for (429, 503) is sent again, later each time and never before its
    `Retry-After`. What fails raises a `FreeholdError`.

    Args:
        url: Where the server is.
        api_key: A key of the server. Default: the environment variable FREEHOLD_TOKEN.
        timeout: Seconds that a call may take, with all its retries.
        retries: How often a request is sent again at most.
        maker: Who gives feedback: a name.
    """

    def __init__(
        self,
        url: str = "http://127.0.0.1:8420",
        *,
        api_key: str | None = None,
        timeout: float = 30.0,
        retries: int = 5,
        maker: str = "",
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"`url` is {url!r}; it has the form `http://HOST:PORT`.")
        key = (os.environ.get("FREEHOLD_TOKEN", "") if api_key is None else api_key).strip()
        if not (key.isascii() and key.isprintable()):
            raise ValueError("`api_key` has characters that no key has.")
        self._host, self._port = parts.hostname, parts.port
        self._secure = parts.scheme == "https"
        self._path = f"{parts.path.rstrip('/')}/v1/tasks/{quote(TASK, safe='')}"
        self._headers = {"authorization": key and f"Bearer {key}", "content-type": "application/json"}
        self._maker = {"x-maker": maker}
        self._timeout = timeout
        self._retries = retries
        self._idle: list[http.client.HTTPConnection] = []

    def predict(self, inputs: Inputs, *, request: str = "") -> Prediction:
        """Asks once. `request` is the id that the request is to have; made up where empty."""
        return self._call("POST", "", inputs, headers={"x-request-id": request}, read=_prediction)

    def predict_many(self, rows: Sequence[Inputs], *, request: str = "") -> list[Prediction]:
        """Asks for all rows at once. The answers are in their order, all by the same model."""
        headers = {"x-request-id": request}
        return self._call("POST", "", list(rows), headers=headers, read=_predictions) if rows else []

    def correct(self, request: str, correct: Correct) -> Receipt:
        """Says what would have been right. `request` is that of a prediction."""
        return self._give({"request": request, "correct": correct})

    def rate(self, request: str, rating: float | Literal["up", "down"]) -> Receipt:
        """Says how good a prediction was."""
        return self._give({"request": request, "rating": rating})

    def report_outcome(self, request: str, outcome: object) -> Receipt:
        """Says what came of a prediction, as any JSON."""
        return self._give({"request": request, "outcome": outcome})

    def add_example(self, inputs: Inputs, correct: Correct) -> Receipt:
        """Gives an example that nobody asked about."""
        return self._give({"inputs": inputs, "correct": correct})

    def give_feedback(self, rows: Sequence[Feedback]) -> Receipt:
        """Gives many rows at once; those that cannot be taken are named in the receipt."""
        return self._give(list(rows))

    def withdraw(self, feedback: str) -> int:
        """Takes a row or a batch of feedback back, by its id. Returns how many rows that were."""
        path = f"/feedback/{quote(feedback, safe='')}"
        return self._call("DELETE", path, headers=self._maker, read=lambda body: int(body["withdrawn"]))

    def close(self) -> None:
        """Closes the connections that are kept."""
        while self._idle:
            self._idle.pop().close()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _give(self, body: Feedback | list[Feedback]) -> Receipt:
        return self._call("POST", "/feedback", body, headers=self._maker, read=_receipt)

    def _call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str],
        read: Callable[[Any], T],
    ) -> T:
        """Sends until there is an answer that stands, or no time for another try, and reads it."""
        deadline = time.monotonic() + self._timeout
        sent = {name: value for name, value in {**self._headers, **headers}.items() if value}
        message = _Message(method, self._path + path, b"" if body is None else _encoded(body), sent)
        for attempt in itertools.count():
            reply = self._send(message, deadline=deadline)
            wait = _pause(reply, attempt)
            last = attempt >= self._retries or time.monotonic() + wait >= deadline
            if last or reply.status not in (429, 503):
                break
            time.sleep(wait)
        return _open(reply, read=read)

    def _send(self, message: _Message, *, deadline: float) -> _Reply:
        connection = self._connection()
        try:
            reply, keep = _exchange(connection, message, deadline=deadline)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise _no_answer(error, timeout=self._timeout) from error
        except BaseException:
            connection.close()
            raise
        if keep:
            self._idle.append(connection)
        else:
            connection.close()
        return reply

    def _connection(self) -> http.client.HTTPConnection:
        """Returns a connection that is kept and that the server has not closed meanwhile, else a new one."""
        with contextlib.suppress(IndexError):  # there is none, or another thread was faster
            while True:
                connection = self._idle.pop()
                if not _is_readable(connection.sock):
                    return connection
                connection.close()
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        return kind(self._host, self._port, timeout=self._timeout)


class _Message(NamedTuple):
    method: str
    path: str
    content: bytes
    headers: Mapping[str, str]


class _Reply(NamedTuple):
    status: int
    headers: Mapping[str, str]
    content: bytes


def _exchange(
    connection: http.client.HTTPConnection, message: _Message, *, deadline: float
) -> tuple[_Reply, bool]:
    """Sends and receives. Returns the reply, and whether the connection can be used again."""
    connection.timeout = _left(deadline)
    if connection.sock is None:
        connection.connect()
    socket = connection.sock
    socket.settimeout(_left(deadline))
    connection.request(message.method, message.path, body=message.content or None, headers=message.headers)
    with connection.getresponse() as response:
        content = bytearray()
        while part := response.read1(1 << 16):
            content += part
            socket.settimeout(_left(deadline))
        headers = {name.lower(): value for name, value in response.getheaders()}
        return _Reply(response.status, headers, bytes(content)), not response.will_close


def _encoded(body: object) -> bytes:
    text = json.dumps(body, default=asdict, ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "surrogatepass")


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _is_readable(socket: Any) -> bool:
    """Tells whether something waits to be read: on a connection at rest, only its end can."""
    with selectors.DefaultSelector() as watch:
        watch.register(socket, selectors.EVENT_READ)
        return bool(watch.select(0))


def _pause(reply: _Reply, attempt: int) -> float:
    """Returns the seconds until the next try: what the server asks for, and a random part that grows."""
    grown = min(0.25 * 2.0**attempt, 8.0)
    asked = _retry_after(reply.headers.get("retry-after", ""))
    return random.uniform(grown / 2, grown) if asked is None else asked + random.uniform(0, grown)


def _retry_after(text: str) -> float | None:
    """Reads seconds, or a date."""
    try:
        if text.strip().isdecimal():
            return float(text)
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (TypeError, ValueError, OverflowError):
        return None


def _open(reply: _Reply, *, read: Callable[[Any], T]) -> T:
    """Reads the body of a reply, or raises what it says."""
    request = reply.headers.get("x-request-id", "")
    try:
        body = json.loads(reply.content)
        if 200 <= reply.status < 300:
            return read(body)
        said = body["error"]
        message, code, param = str(said["message"]), str(said["code"]), said.get("param") or ""
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"HTTP {reply.status}, with a body that is not a Freehold server's."
        raise FreeholdError(message, status=reply.status, code="unreadable", request=request) from error
    raise FreeholdError(message, status=reply.status, code=code, param=str(param), request=request)


def _no_answer(error: Exception, *, timeout: float) -> FreeholdError:
    if isinstance(error, TimeoutError):
        return FreeholdError(f"No answer within {timeout:g} s.", code="timeout")
    said = str(error) or type(error).__name__
    return FreeholdError(f"The server cannot be reached: {said}.", code="unreachable")


def _predictions(body: Any) -> list[Prediction]:
    return [_prediction(each) for each in body]


def _prediction(body: Any) -> Prediction:
    answers = {name: _answer(name, found) for name, found in body["answers"].items()}
    return Prediction(body["task"], body["model"], body["request"], cast(Answers, answers))


def _answer(field: str, body: Any) -> Answer[Any, Any]:
    value, interval = body["value"], body.get("interval")
    return Answer(
        value=[_span(each) for each in value] if field in _SPANS else value,
        confidence=body["confidence"],
        probabilities=body["probabilities"],
        abstained=body["abstained"],
        in_scope=body.get("in_scope"),
        interval=(interval[0], interval[1]) if interval else None,
        tier=body.get("tier", ""),
    )


def _span(body: Any) -> Span[Any]:
    return Span(body["label"], body["start"], body["end"], body["text"])


def _receipt(body: Any) -> Receipt:
    rejected = tuple(Rejected(each["index"], each["reason"]) for each in body["rejected"])
    return Receipt(tuple(body["accepted"]), rejected, body["batch"])
