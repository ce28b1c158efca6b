"""The System One API: questions by name about a state, answered by the task's fields of these names.

Owns the shape of a request, of TypeSafe's OpenAPI document, which LiteLLM, Ollama and OpenRouter take too, and
which field answers which question. What the answers look like stands in `judgements`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias, cast

from pydantic import Field as Limited
from pydantic import StrictStr

from freehold.serve.faults import Fault
from freehold.serve.inputs import inputs_of_json, inputs_of_text
from freehold.serve.shapes import Shape, read_shape
from freehold.serve.shares import choice_labels, level_labels
from freehold.task import Field, Json

__all__ = ["Matched", "SystemOneRequest", "match_questions", "read_state", "read_systemone"]

_ASKED_AS: Mapping[str, str] = {"predicate": "noul", "choice": "choice", "score": "score"}
_SHOWN = 60


class _Asked(Shape):
    instructions: Any = None


class NoulQuestion(_Asked):
    """Is it so? What counts as yes is taken and not read."""

    type: Literal["noul"]
    criteria: Any = None


class ChoiceQuestion(_Asked):
    """Which of these is it? Labels with what they mean; the meaning is taken and not read."""

    type: Literal["choice"]
    criteria: Annotated[dict[str, Any], Limited(min_length=1, max_length=255)]


class ScoreQuestion(_Asked):
    """Where on this scale does it stand? The levels from the lowest on."""

    type: Literal["score"]
    criteria: Annotated[list[StrictStr | dict[str, Any] | list[Any]], Limited(min_length=1, max_length=255)]


AnyQuestion: TypeAlias = NoulQuestion | ChoiceQuestion | ScoreQuestion


class SystemOneRequest(Shape):
    """Questions about one state, each under the name of the field that answers it."""

    model: StrictStr
    state: StrictStr | dict[str, Any] | list[Any]
    questions: Annotated[
        dict[str, Annotated[AnyQuestion, Limited(discriminator="type")]], Limited(min_length=1, max_length=400)
    ]
    assets: Any = None
    images: Any = None


class Matched(NamedTuple):
    """A question with the field that answers it.

    Attributes:
        labels: The field's labels that its options stand for, in order; none for a predicate.
    """

    question: AnyQuestion
    field: Field
    labels: list[str]


def read_systemone(body: Json) -> SystemOneRequest:
    """Returns the request that a body holds.

    Raises:
        Fault: 400 that names what is wrong and where, or that there are images.
    """
    request = read_shape(SystemOneRequest, body)
    for name, media in (("assets", request.assets), ("images", request.images)):
        if media:
            raise Fault(400, f"The task reads text; it takes no `{name}`.", code="unsupported_input", param=name)
    return request


def read_state(request: SystemOneRequest, names: Sequence[str]) -> dict[str, str]:
    """Returns the task's inputs that a state holds.

    Text is the task's only input, or a JSON object with all of several. An object with exactly the inputs is
    used as it is; any other, and a list, is read as its JSON text where the task has one input.

    Raises:
        Fault: 400 where a task with several inputs gets anything else.
    """
    if isinstance(request.state, str):
        return inputs_of_text(request.state, names, at="state")
    return inputs_of_json(cast(Json, request.state), names, at="state")


def match_questions(request: SystemOneRequest, fields: Sequence[Field]) -> dict[str, Matched]:
    """Returns each question with its field, before anything is computed.

    The shape has no way to refuse one question: an answer's type is its question's type, and the clients drop
    any other. So a question that no field can answer is the caller's mistake, and nothing is answered.

    Raises:
        Fault: 400 that names the question, and what there is instead.
    """
    by_name = {field.name: field for field in fields}
    return {
        name: _match(name, question, by_name.get(name), fields) for name, question in request.questions.items()
    }


def _match(name: str, question: AnyQuestion, field: Field | None, fields: Sequence[Field]) -> Matched:
    at = f"questions.{name[:_SHOWN]}"
    if field is None:
        message = f"The task has no field {name[:_SHOWN]!r}. {_list(fields)}"
        raise Fault(400, message, code="invalid_value", param=at)
    if _ASKED_AS.get(field.kind) != question.type:
        message = f"`{name}` is no `{question.type}`. {_list(fields)}"
        raise Fault(400, message, code="invalid_value", param=f"{at}.type")
    if isinstance(question, NoulQuestion):
        return Matched(question, field, [])
    offered = list(question.criteria)
    labels = (
        choice_labels(field, offered) if isinstance(question, ChoiceQuestion) else level_labels(field, offered)
    )
    if labels is None:
        known = [label.name for label in field.labels or ()]
        message = f"Each of `criteria` must be a label of `{name}`, and none twice: {_quote(known)}."
        raise Fault(400, message, code="invalid_value", param=f"{at}.criteria")
    return Matched(question, field, labels)


def _list(fields: Sequence[Field]) -> str:
    askable = [f"`{each.name}` (`{_ASKED_AS[each.kind]}`)" for each in fields if each.kind in _ASKED_AS]
    return f"It can be asked {', '.join(askable)}." if askable else "It has no field that can be asked here."


def _quote(names: Sequence[str], *, most: int = 20) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most:,} more"
