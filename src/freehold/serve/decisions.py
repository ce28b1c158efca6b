"""The shape of a request to the Decisions API, and the task's inputs that are in it.

Owns what the official `openai` client sends (`openai.types.decision_create_params`) and its limits. Knows
nothing of models or of answers.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, TypeAlias, cast

from pydantic import Discriminator, StrictBool, StrictStr, Tag
from pydantic import Field as Limited

from freehold.serve.faults import Fault
from freehold.serve.inputs import is_inputs
from freehold.serve.shapes import Shape, read_shape
from freehold.task import Json

__all__ = ["Choice", "DecisionRequest", "Predicate", "Question", "Score", "read_decision", "read_inputs"]

_JSON_LEVELS = 32
_JSON_VALUES = 10_000
_JSON_BYTES = 256 * 1024


class TextPart(Shape):
    """A piece of text."""

    type: Literal["input_text"]
    text: StrictStr


class ImagePart(Shape):
    """An image, which no task takes yet."""

    type: Literal["input_image"]
    image_url: StrictStr


class JsonPart(Shape):
    """An object or a list of objects."""

    type: Literal["input_json"]
    data: dict[str, Any] | list[dict[str, Any]]


Part: TypeAlias = Annotated[TextPart | ImagePart | JsonPart, Limited(discriminator="type")]


class UserMessage(Shape):
    """What the user says: this is what the task reads."""

    role: Literal["user"]
    content: StrictStr | list[Part]
    type: Literal["message"] = "message"


class OtherMessage(Shape):
    """What anybody else says; taken and not read."""

    role: Literal["developer", "system", "assistant"]
    content: StrictStr | list[dict[str, Any]]
    type: Literal["message"] = "message"


class ToolItem(Shape):
    """A call of a tool or what came of it; taken and not read."""

    type: Literal["function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output"]
    call_id: StrictStr


def _item_kind(value: Any) -> str:
    """Tells which of the items this is: messages have a role, tools' items have none."""
    if not isinstance(value, dict):
        return "other"
    role, kind = value.get("role"), value.get("type", "message")
    if role == "user":
        return "user"
    return "other" if role is not None or kind == "message" else "tool"


Item: TypeAlias = Annotated[
    Annotated[UserMessage, Tag("user")] | Annotated[OtherMessage, Tag("other")] | Annotated[ToolItem, Tag("tool")],
    Discriminator(_item_kind),
]


class _Asked(Shape):
    instructions: StrictStr | list[Part]
    name: StrictStr | None = None


class Predicate(_Asked):
    """How likely is it that a statement about the input is true?"""

    type: Literal["predicate"]


class Option(Shape):
    """One value to choose; a text and a boolean that reads the same differ."""

    value: StrictStr | StrictBool
    description: StrictStr | None = None


class Choice(_Asked):
    """Which of these is it?"""

    type: Literal["choice"]
    choices: Annotated[list[Option], Limited(min_length=2, max_length=255)]


class Level(Shape):
    """One step of a scale."""

    label: StrictStr
    description: StrictStr | None = None


class Score(_Asked):
    """Where on this scale does it stand?"""

    type: Literal["score"]
    levels: Annotated[list[Level], Limited(min_length=2, max_length=255)]


Question: TypeAlias = Predicate | Choice | Score


class DecisionRequest(Shape):
    """Questions about one input."""

    model: StrictStr
    input: StrictStr | list[Item]
    questions: Annotated[
        list[Annotated[Question, Limited(discriminator="type")]], Limited(min_length=1, max_length=400)
    ]


def read_decision(body: Json) -> DecisionRequest:
    """Returns the request that a body holds.

    Raises:
        Fault: 400 that names what is wrong and where.
    """
    request = read_shape(DecisionRequest, body)
    for number, question in enumerate(request.questions):
        _check_unique(question, f"questions[{number}]")
    return request


def read_inputs(request: DecisionRequest, names: Sequence[str]) -> dict[str, str]:
    """Returns the task's inputs that a request holds.

    Text goes to the task's only input. A JSON object with exactly the task's inputs is used as it is; any
    other is read as text.

    Args:
        names: The task's inputs.

    Raises:
        Fault: 400 where there is nothing to read, an image, or only text for several inputs.
    """
    parts = [request.input] if isinstance(request.input, str) else list(_read_parts(request.input))
    if len(parts) == 1 and is_inputs(cast(Json, parts[0]), names):
        return {name: cast(dict[str, str], parts[0])[name] for name in names}
    if len(names) > 1:
        wanted = ", ".join(f"`{name}`" for name in names)
        message = f"The task has several inputs: send one `input_json` part with {wanted}, and nothing else."
        raise Fault(400, message, code="invalid_input", param="input")
    if not parts:
        raise Fault(400, "`input` has no user message with content.", code="missing_input", param="input")
    return {names[0]: "\n".join(_render(part, names) for part in parts)}


def _read_parts(items: Sequence[UserMessage | OtherMessage | ToolItem]) -> Iterator[object]:
    for number, item in enumerate(items):
        if not isinstance(item, UserMessage):
            continue
        if isinstance(item.content, str):
            yield item.content
            continue
        for place, part in enumerate(item.content):
            at = f"input[{number}].content[{place}]"
            if isinstance(part, ImagePart):
                message = "The task reads text; it takes no `input_image`."
                raise Fault(400, message, code="unsupported_input", param=at)
            if isinstance(part, JsonPart):
                _check_json(part.data, at)
                yield part.data
            else:
                yield part.text


def _render(part: object, names: Sequence[str]) -> str:
    if isinstance(part, str):
        return part
    if is_inputs(cast(Json, part), names):
        return str(cast(dict[str, str], part)[names[0]])
    return json.dumps(part, ensure_ascii=False)


def _check_json(data: object, at: str) -> None:
    levels, count, waiting = 0, 0, [(data, 1)]
    while waiting:
        each, depth = waiting.pop()
        count += 1
        if isinstance(each, dict | list):
            levels = max(levels, depth)
            inner = each.values() if isinstance(each, dict) else each
            waiting += ((item, depth + 1) for item in inner)
    size = len(json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode())
    if levels > _JSON_LEVELS or count > _JSON_VALUES or size > _JSON_BYTES:
        message = f"A JSON part has at most {_JSON_LEVELS} levels, {_JSON_VALUES:,} values and 256 KiB."
        raise Fault(400, message, code="invalid_value", param=at)


def _check_unique(question: Question, at: str) -> None:
    if isinstance(question, Choice):
        values = [(type(option.value), option.value) for option in question.choices]
        if len(set(values)) < len(values):
            raise Fault(400, "Every choice must be unique.", code="invalid_value", param=f"{at}.choices")
    elif isinstance(question, Score):
        labels = [level.label for level in question.levels]
        if len(set(labels)) < len(labels):
            raise Fault(400, "Every level must be unique.", code="invalid_value", param=f"{at}.levels")
