"""The model card of an artifact, in the form that the Hugging Face hub reads.

It says what the model is for and how it was made. Times and verdicts are not in it: they are known later, or
differ from machine to machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from freehold.compress.forms import Tried
from freehold.engine import CARD, Description, field_labels

__all__ = ["write_card"]

_BASES = {"minilm": "sentence-transformers/all-MiniLM-L6-v2"}


def write_card(folder: Path, description: Description, *, tried: Sequence[Tried], rows: int) -> None:
    """Writes `README.md`."""
    base = _BASES.get(description.base, description.base.removeprefix("hf:"))
    lines = [
        "---",
        "library_name: onnx",
        "pipeline_tag: text-classification",
        f"base_model: {base}",
        "tags: [freehold]",
        "---",
        "",
        f"# {description.task}",
        "",
        description.about or "A reader: typed input to typed answers in one forward pass.",
        "",
        f"Inputs: {', '.join(f'`{name}`' for name in description.inputs)}.",
        "",
        "| output | kind | labels |",
        "| --- | --- | --- |",
        *(f"| `{field.name}` | {field.kind} | {len(field_labels(field))} |" for field in description.fields),
        "",
        f"Made with the rung `{description.made['rung']}`; shipped as {description.precision}.",
        "",
        "| form | size in MB | same decision as the trained model | n |",
        "| --- | --- | --- | --- |",
        *(f"| {each.form} | {each.size_mb} | {each.parity:.4f} | {each.n} |" for each in tried),
        "",
        f"Parity was measured on {rows} validation rows.",
        "",
        "Open it with `freehold`, or use its parts: `model.onnx` gives token vectors; these, pooled, and",
        "n-grams are what `heads.safetensors` turns into scores, whose columns `freehold.json` names.",
        "",
    ]
    (folder / CARD).write_text("\n".join(lines), encoding="utf-8")
