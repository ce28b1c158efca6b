"""What a prediction says as a chat completion: the task's JSON, token by token where that is asked for.

Owns the shape of the answer, whole and as a stream's chunks, as pure functions. Knows nothing of HTTP.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, cast

from freehold.task import Answer, Field, Json, Prediction

__all__ = ["Completion", "complete"]

_NEVER = -9999.0
"""What OpenAI's shape says for the logarithm of nothing."""


class Token(NamedTuple):
    """A piece of the content.

    Attributes:
        logprob: The natural logarithm of the value's probability; 0 for what stands there whatever is asked.
        others: What else might have stood here, likeliest first, itself included.
    """

    text: str
    logprob: float
    others: Sequence[tuple[str, float]]


class Completion(NamedTuple):
    """A reply, ready to be put into its shape.

    Attributes:
        tokens: They make up the content, or the refusal.
        refused: The model abstains where the caller's schema has no place for it: there is no content.
    """

    prediction: Prediction
    tokens: Sequence[Token]
    refused: bool
    read: int
    created: int

    def to_json(self, *, logprobs: int | None) -> dict[str, Json]:
        """Returns it as a chat completion.

        Args:
            logprobs: How many alternatives each token gets; None leaves probabilities out.
        """
        message: dict[str, Json] = {"role": "assistant", **self._said()}
        choice: Json = {
            "index": 0,
            "message": message,
            "logprobs": self._logprobs(logprobs),
            "finish_reason": "stop",
        }
        return {**self._head("chat.completion"), "choices": [choice], "usage": self._usage()}

    def chunks(self, *, logprobs: int | None, usage: bool) -> Iterator[dict[str, Json]]:
        """Yields it as the chunks of a stream: the content, the end and, where asked for, the usage."""
        head = self._head("chat.completion.chunk")
        unknown: dict[str, Json] = {"usage": None} if usage else {}
        said: dict[str, Json] = {"role": "assistant", **self._said()}
        steps: Sequence[tuple[dict[str, Json], Json, str | None]]
        steps = ((said, self._logprobs(logprobs), None), ({}, None, "stop"))
        for delta, chances, reason in steps:
            choice: Json = {"index": 0, "delta": delta, "logprobs": chances, "finish_reason": reason}
            yield {**head, "choices": [choice], **unknown}
        if usage:
            yield {**head, "choices": [], "usage": self._usage()}

    def _head(self, kind: str) -> dict[str, Json]:
        return {
            "id": self.prediction.request,
            "object": kind,
            "created": self.created,
            "model": self.prediction.model,
        }

    def _said(self) -> dict[str, Json]:
        text = "".join(token.text for token in self.tokens)
        return {"content": None, "refusal": text} if self.refused else {"content": text, "refusal": None}

    def _logprobs(self, most: int | None) -> Json:
        if most is None:
            return None
        shown = [_show(each, most) for each in self.tokens]
        return {"content": None, "refusal": shown} if self.refused else {"content": shown, "refusal": None}

    def _usage(self) -> Json:
        """Nothing is decoded, so nothing is completed."""
        return {"prompt_tokens": self.read, "completion_tokens": 0, "total_tokens": self.read}


def complete(
    prediction: Prediction, *, fields: Sequence[Field], nullable: Callable[[str], bool], read: int, created: int
) -> Completion:
    """Returns the reply that a prediction makes.

    A field that the model abstains from is null. Where the caller's schema does not let it be null, the reply is
    a refusal, as OpenAI's are where an answer would not fit the schema.

    Args:
        nullable: Whether a field may be null.
        read: Tokens that the encoder read.
        created: Seconds since 1970.
    """
    held = [each for each in fields if prediction.answers[each.name].abstained]
    refused = [each for each in held if not nullable(each.name)]
    tokens = [_fixed(_excuse(refused, prediction))] if refused else list(_write(fields, prediction))
    return Completion(prediction, tokens, bool(refused), read, created)


def _excuse(fields: Sequence[Field], prediction: Prediction) -> str:
    parts = [
        f"`{each.name}` ({prediction.answers[each.name].confidence:.2f} sure, {each.abstain_below:g} wanted)"
        for each in fields
    ]
    return f"The model abstains from {', '.join(parts)}."


def _write(fields: Sequence[Field], prediction: Prediction) -> Iterator[Token]:
    before = "{"
    for field in fields:
        yield _fixed(f"{before}{_dump(field.name)}: ")
        yield _value(field, prediction.answers[field.name])
        before = ", "
    yield _fixed("}")


def _value(field: Field, answer: Answer) -> Token:
    """The chance of null is that of the field's likeliest alternative being below its threshold: certain."""
    text = _dump(cast(Json, answer.value))
    chances = {_alternative(field, label): chance for label, chance in answer.probabilities.items()}
    if field.kind not in ("choice", "predicate", "score"):
        chances = {text: answer.confidence}
    ranked = sorted(((each, _log(chance)) for each, chance in chances.items()), key=lambda pair: -pair[1])
    if answer.abstained:
        return Token("null", 0.0, ranked)
    return Token(text, _log(chances.get(text, answer.confidence)), ranked)


def _alternative(field: Field, label: str) -> str:
    """Returns a label as it would stand in the content: true, false and whole numbers bare."""
    return _dump(label) if field.kind == "choice" else label


def _fixed(text: str) -> Token:
    return Token(text, 0.0, [(text, 0.0)])


def _show(token: Token, most: int) -> Json:
    others: list[Json] = [{"token": t, "logprob": p, "bytes": _bytes(t)} for t, p in token.others[:most]]
    return {
        "token": token.text,
        "logprob": token.logprob,
        "bytes": _bytes(token.text),
        "top_logprobs": others,
    }


def _bytes(text: str) -> list[Json]:
    return list(text.encode())


def _dump(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)


def _log(chance: float) -> float:
    return math.log(chance) if chance > 0 else _NEVER
