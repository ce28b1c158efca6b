"""The words of the house: what a task is, and what crosses the borders between packages."""

from freehold.task.canonical import Json, canonical, digest, file_digest, folder_digest, folder_files
from freehold.task.examples import Example, Passport, Value, example_id, read_examples, write_examples
from freehold.task.fields import (
    EFFORTS,
    FIELD_KINDS,
    LABEL_KINDS,
    SPLITS,
    Effort,
    Field,
    FieldKind,
    Goal,
    Label,
    Source,
    Split,
    Task,
)
from freehold.task.metrics import ARTIFACT_METRICS, METRICS, SMALLER_IS_BETTER, headline_first
from freehold.task.models import task_from_models
from freehold.task.normalisation import normalise, shift
from freehold.task.predictions import Answer, Prediction
from freehold.task.schemas import input_schema, output_schema
from freehold.task.spelling import nearest, suggest
from freehold.task.stages import (
    Artifact,
    Desk,
    Event,
    Examples,
    Judgement,
    LabelledExamples,
    Release,
    Result,
    Stage,
    TrainedModel,
    stage,
)
from freehold.task.taskfile import TASK_FILE, load_task
from freehold.task.verdicts import Comparison, Measured, Metrics, Verdict

__all__ = [
    "ARTIFACT_METRICS",
    "EFFORTS",
    "FIELD_KINDS",
    "LABEL_KINDS",
    "METRICS",
    "SMALLER_IS_BETTER",
    "SPLITS",
    "TASK_FILE",
    "Answer",
    "Artifact",
    "Comparison",
    "Desk",
    "Event",
    "Example",
    "Examples",
    "Effort",
    "Field",
    "FieldKind",
    "Goal",
    "Json",
    "Judgement",
    "Label",
    "LabelledExamples",
    "Measured",
    "Metrics",
    "Passport",
    "Prediction",
    "Release",
    "Result",
    "Source",
    "Split",
    "Stage",
    "Task",
    "TrainedModel",
    "Value",
    "Verdict",
    "canonical",
    "digest",
    "example_id",
    "file_digest",
    "folder_digest",
    "folder_files",
    "headline_first",
    "input_schema",
    "load_task",
    "nearest",
    "normalise",
    "output_schema",
    "read_examples",
    "shift",
    "stage",
    "suggest",
    "task_from_models",
    "write_examples",
]
