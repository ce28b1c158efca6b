"""A corpus as a plain task folder: `task.toml`, `train.jsonl` and `test.jsonl`, as any user would write them.

Goes by the published contract of task files alone. Knows nothing of how a folder is turned.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from bench.learn.corpora import Corpus, Output, Row

__all__ = ["EFFORTS", "write_rows", "write_task"]

EFFORTS = ("quick", "normal", "thorough")


def write_task(folder: Path, corpus: Corpus, *, seed: int, effort: str | None) -> Path:
    """Writes the task folder of a corpus; returns `folder`.

    Args:
        effort: One of `EFFORTS`; None leaves the key out of the file.

    Raises:
        ValueError: `effort` is none of these.
    """
    if effort is not None and effort not in EFFORTS:
        raise ValueError(f"`effort` is {effort!r}; it must be one of {', '.join(EFFORTS)}, or None.")
    folder.mkdir(parents=True, exist_ok=True)
    lines = ["[task]", f'name = "{corpus.name}"', f"seed = {seed}"]
    lines += [f'effort = "{effort}"'] if effort else []
    lines += ["", "[input]", 'text = "string"']
    for output in corpus.outputs:
        lines += ["", *_output(output)]
    for split, rows in {"train": corpus.train, "test": corpus.test}.items():
        if rows:
            write_rows(folder / f"{split}.jsonl", rows)
            lines += ["", "[[source]]", f'uri = "{split}.jsonl"']
            lines += [f'licence = "{corpus.licence}"', f'split = "{split}"']
    (folder / "task.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def write_rows(path: Path, rows: Iterable[Row]) -> None:
    """Writes rows as JSON Lines: the text and each output under its own name."""
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps({"text": row.text, **row.outputs}, ensure_ascii=False) + "\n")


def _output(output: Output) -> list[str]:
    lines = [f"[output.{output.name}]", f'kind = "{output.kind}"']
    lines.append(f"description = {_quoted(output.description)}")
    if output.labels is None:
        return [*lines, 'labels = "data"']
    return [*lines, *_labels(output.name, output.labels)]


def _labels(name: str, labels: Mapping[str, str]) -> list[str]:
    """Returns labels as a list where none is described, else as a table of their descriptions."""
    if not any(labels.values()):
        return [f"labels = [{', '.join(map(_quoted, labels))}]"]
    described = (f"{_quoted(label)} = {_quoted(text)}" for label, text in labels.items())
    return ["", f"[output.{name}.labels]", *described]


def _quoted(text: str) -> str:
    """Returns a TOML basic string; JSON's escapes are among TOML's, half pairs of surrogates apart."""
    return json.dumps(text, ensure_ascii=False)
