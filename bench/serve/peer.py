"""A server as others would write it for the same weights: FastAPI, one forward pass a request, one at a time.

`python -m bench.serve.peer ARTIFACT torch|shipped|int8 --threads N --port N`. The encoder runs in torch (fp32, as
a `transformers` pipeline does), as the shipped graph in ONNX Runtime, or as ONNX Runtime's own dynamic int8 of the
same weights (`int8.onnx` beside the artifact). What comes after it is Freehold's own heads, so that the answers
are those of the same model.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeAlias

from freehold.engine import GRAPH, Reading, Vectoriser, open_reader

__all__ = ["Answering", "answering", "peer_options"]

Answering: TypeAlias = Callable[[Sequence[Mapping[str, str]]], list[dict[str, Any]]]


def answering(artifact: Path, kind: str, *, threads: int) -> Answering:
    """Returns what answers requests with one forward pass for all of them."""
    reader = open_reader(artifact, threads=threads)
    read: Callable[[Sequence[str]], Reading] = reader.encoder.read
    if kind == "torch":
        read = _torch(artifact, threads=threads)
    elif kind == "int8":
        read = _dynamic(artifact, threads=threads)

    def answer(rows: Sequence[Mapping[str, str]]) -> list[dict[str, Any]]:
        found = reader.answers(rows, read([reader.text(each) for each in rows]))
        return [{name: each.to_json() for name, each in answers.items()} for answers in found]

    return answer


def _torch(artifact: Path, *, threads: int) -> Callable[[Sequence[str]], Reading]:
    import torch

    from freehold.engine import load_encoder, load_tokenizer, read_settings, read_texts, run_encoder

    torch.set_num_threads(threads)
    run, tokenizer = run_encoder(load_encoder(artifact)), load_tokenizer(artifact)
    pooling = read_settings(artifact).pooling
    return lambda texts: read_texts(texts, tokenizer=tokenizer, pooling=pooling, run=run)


def _dynamic(artifact: Path, *, threads: int) -> Callable[[Sequence[str]], Reading]:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(shutil.copytree(artifact, Path(place) / "artifact"))
        shutil.copyfile(artifact.parent / "int8.onnx", folder / GRAPH)
        return Vectoriser(folder, threads=threads).read


def peer_options(*kinds: Literal["torch", "shipped", "int8"]) -> argparse.ArgumentParser:
    """Returns the parser of what every peer is told."""
    parser = argparse.ArgumentParser()
    parser.add_argument("artifact", type=Path)
    parser.add_argument("kind", choices=kinds)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--port", type=int, required=True)
    return parser


def main() -> None:
    """Serves until it is ended."""
    options = peer_options("torch", "shipped", "int8").parse_args()

    import uvicorn
    from fastapi import FastAPI

    app, answer = FastAPI(), answering(options.artifact, options.kind, threads=options.threads)

    @app.post("/predict")
    async def predict(inputs: dict[str, str]) -> dict[str, Any]:
        return answer([inputs])[0]

    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
