"""What an endpoint is asked about a row: the task's question, a judge's, and the way back from a label to a text.

Owns the requests and their names by content. Knows nothing of connections. What a row says goes in as data, in the
user's message; instructions stand in the system's alone.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

from freehold.engine import RemoteQuestion, write_request
from freehold.label.teach.endpoints import Call
from freehold.task import ASKABLE_KINDS, Field, Label, Task, Teacher, Value, canonical, digest

__all__ = ["JUDGED", "PICKED", "ask_judge", "ask_round_trip", "ask_row", "asked_fields", "prompt_digest"]

JUDGED, PICKED = "right", "text"
_JUDGE = "Somebody has labelled a row. Say whether the labels are right."
_BACK = "One of these texts was given the label. Say which."


def asked_fields(teacher: Teacher, fields: Sequence[Field]) -> tuple[Field, ...]:
    """Returns what an endpoint is asked for: fields whose values can be checked, of those it is to answer."""
    return tuple(
        field
        for field in fields
        if field.kind in ASKABLE_KINDS and (not teacher.fields or field.name in teacher.fields)
    )


def ask_row(
    teacher: Teacher, task: Task, inputs: Mapping[str, str], *, fields: Sequence[Field], samples: int
) -> list[Call]:
    """Returns the calls that ask a teacher about a row, one for each sample; none where it can answer no field."""
    asked = asked_fields(teacher, fields)
    question = RemoteQuestion(task.name, task.description, asked, inputs)
    return [_call(teacher, question, sample=sample) for sample in range(samples)] if asked else []


def prompt_digest(teacher: Teacher, task: Task, fields: Sequence[Field]) -> str:
    """Returns the name of all that an endpoint is told about every row: instructions and schema."""
    asked = asked_fields(teacher, fields)
    question = RemoteQuestion(task.name, task.description, asked, dict.fromkeys(task.inputs, ""))
    return digest(json.loads(write_request(teacher.endpoint(), question).body)["messages"][0])[:32]


def ask_judge(teacher: Teacher, task: Task, inputs: Mapping[str, str], *, values: Mapping[str, Value]) -> Call:
    """Returns the call that asks whether labels are right; what is to be judged is data, the labels too."""
    fields = "; ".join(f"{each.name}: {each.description}" for each in task.fields if each.name in values)
    about = f"{task.description} {_JUDGE} The fields are: {fields}."
    data = {"inputs": canonical(dict(inputs)).decode(), "labels": canonical(dict(values)).decode()}
    return _call(teacher, RemoteQuestion(task.name, about, (Field(JUDGED, "predicate"),), data))


def ask_round_trip(teacher: Teacher, task: Task, *, label: str, texts: Sequence[str], about: str = "") -> Call:
    """Returns the call that asks which of several texts a label belongs to.

    Args:
        label: The value, as text.
        texts: The row's own among those of other rows.
        about: What the field means.
    """
    numbers = tuple(Label(str(number)) for number in range(1, len(texts) + 1))
    data = {"label": label, **{str(number): text for number, text in enumerate(texts, 1)}}
    question = RemoteQuestion(task.name, f"{about} {_BACK}".strip(), (Field(PICKED, "choice", "", numbers),), data)
    return _call(teacher, question)


def _call(teacher: Teacher, question: RemoteQuestion, *, sample: int = 0) -> Call:
    sampling: dict[str, float] = {}
    if teacher.temperature is not None:
        sampling["temperature"] = teacher.temperature
    if sample or teacher.temperature:
        sampling["seed"] = sample
    request = write_request(teacher.endpoint(), question, sampling=sampling)
    return Call(teacher, hashlib.sha256(request.body).hexdigest(), request)
