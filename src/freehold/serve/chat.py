"""The shape of a request to OpenAI's Chat Completions API, and the task's inputs that are in it.

Owns what the official `openai` client sends (`openai.types.chat.completion_create_params`) as far as a task can
heed it. Sampling parameters and whatever else is not named here are taken and have no effect. Knows nothing of
models or of answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Field as Limited
from pydantic import StrictBool, StrictInt, StrictStr

from freehold.serve.bodies import parse
from freehold.serve.faults import Fault
from freehold.serve.inputs import inputs_of_json, inputs_of_text, is_inputs
from freehold.serve.shapes import Shape, read_shape
from freehold.task import Json

__all__ = ["ChatRequest", "ResponseFormat", "SchemaFormat", "read_chat", "read_user"]


class ChatText(Shape):
    """A piece of text."""

    type: Literal["text"]
    text: StrictStr


class ChatMedia(Shape):
    """What no task takes yet."""

    type: Literal["image_url", "input_audio", "file"]


class ChatUser(Shape):
    """What the user says: the last of these is what the task reads."""

    role: Literal["user"]
    content: StrictStr | list[Annotated[ChatText | ChatMedia, Limited(discriminator="type")]]


class ChatOther(Shape):
    """What anybody else says; taken and not read."""

    role: Literal["developer", "system", "assistant", "tool", "function"]


class PlainFormat(Shape):
    """Whatever the task answers, which is always JSON."""

    type: Literal["text", "json_object"]


class NamedSchema(Shape):
    """The schema that the caller will check the answer against."""

    name: StrictStr
    wanted: Annotated[dict[str, Any] | None, Limited(alias="schema")] = None


class SchemaFormat(Shape):
    """JSON that fits a schema."""

    type: Literal["json_schema"]
    json_schema: NamedSchema


ResponseFormat: TypeAlias = PlainFormat | SchemaFormat


class StreamOptions(Shape):
    """What a stream holds besides the answer."""

    include_usage: StrictBool | None = None


class ChatRequest(Shape):
    """A conversation whose last user message is to be answered."""

    model: StrictStr
    messages: Annotated[
        list[Annotated[ChatUser | ChatOther, Limited(discriminator="role")]], Limited(min_length=1)
    ]
    response_format: Annotated[ResponseFormat, Limited(discriminator="type")] | None = None
    logprobs: StrictBool | None = None
    top_logprobs: Annotated[StrictInt, Limited(ge=0, le=20)] | None = None
    stream: StrictBool | None = None
    stream_options: StreamOptions | None = None
    n: StrictInt | None = None
    tools: Any = None
    functions: Any = None


def read_chat(body: Json) -> ChatRequest:
    """Returns the request that a body holds.

    Raises:
        Fault: 400 that names what is wrong and where, or what a task cannot do.
    """
    request = read_shape(ChatRequest, body)
    if request.n not in (None, 1):
        _refuse(f"`n` is {request.n}; a task has one answer, so it is 1.", "n")
    for name, tools in (("tools", request.tools), ("functions", request.functions)):
        if tools:
            _refuse(f"A task answers and calls nothing: leave `{name}` out.", name)
    if request.top_logprobs is not None and not request.logprobs:
        _refuse("`top_logprobs` needs `logprobs: true`.", "top_logprobs")
    if request.stream_options is not None and not request.stream:
        _refuse("`stream_options` needs `stream: true`.", "stream_options")
    return request


def read_user(request: ChatRequest, names: Sequence[str]) -> dict[str, str]:
    """Returns the task's inputs that the last user message holds, its parts one a line.

    The text is a JSON object with exactly the task's inputs, as others of ours send it to keep data apart from a
    prompt, or it is the task's only input.

    Raises:
        Fault: 400 where there is no such message or nothing in it, or what is no text.
    """
    said = [(number, each) for number, each in enumerate(request.messages) if isinstance(each, ChatUser)]
    if not said:
        raise Fault(400, "`messages` has no user message.", code="missing_input", param="messages")
    number, message = said[-1]
    at = f"messages[{number}].content"
    text = message.content if isinstance(message.content, str) else _join(message.content, at=at)
    return _read_object(text, names) or inputs_of_text(text, names, at=at)


def _read_object(text: str, names: Sequence[str]) -> dict[str, str] | None:
    if not text.startswith("{"):
        return None
    try:
        value = parse(text.encode())
    except Fault:
        return None
    return inputs_of_json(value, names, at="") if is_inputs(value, names) else None


def _join(parts: Sequence[ChatText | ChatMedia], *, at: str) -> str:
    if not parts:
        raise Fault(400, "The last user message has no content.", code="missing_input", param=at)
    texts = []
    for place, part in enumerate(parts):
        if isinstance(part, ChatMedia):
            message = f"The task reads text; it takes no `{part.type}`."
            raise Fault(400, message, code="unsupported_input", param=f"{at}[{place}]")
        texts.append(part.text)
    return "\n".join(texts)


def _refuse(message: str, param: str) -> None:
    raise Fault(400, message, code="invalid_value", param=param)
