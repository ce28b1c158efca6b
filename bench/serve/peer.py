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
from typing import Any

from freehold.engine import (
    GRAPH,
    Reading,
    Vectoriser,
    load_encoder,
    load_tokenizer,
    open_reader,
    read_settings,
    read_texts,
    run_encoder,
)

__all__ = ["answering"]


def answering(artifact: Path, kind: str, *, threads: int) -> Callable[[Mapping[str, str]], dict[str, Any]]:
    """Returns what answers one request with one forward pass."""
    reader = open_reader(artifact, threads=threads)
    read: Callable[[Sequence[str]], Reading] = reader.encoder.read
    if kind == "torch":
        read = _torch(artifact, threads=threads)
    elif kind == "int8":
        read = _dynamic(artifact, threads=threads)

    def answer(inputs: Mapping[str, str]) -> dict[str, Any]:
        found = reader.answers([inputs], read([reader.text(inputs)]))[0]
        return {name: each.to_json() for name, each in found.items()}

    return answer


def _torch(artifact: Path, *, threads: int) -> Callable[[Sequence[str]], Reading]:
    import torch

    torch.set_num_threads(threads)
    run, tokenizer = run_encoder(load_encoder(artifact)), load_tokenizer(artifact)
    pooling = read_settings(artifact).pooling
    return lambda texts: read_texts(texts, tokenizer=tokenizer, pooling=pooling, run=run)


def _dynamic(artifact: Path, *, threads: int) -> Callable[[Sequence[str]], Reading]:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(shutil.copytree(artifact, Path(place) / "artifact"))
        shutil.copyfile(artifact.parent / "int8.onnx", folder / GRAPH)
        return Vectoriser(folder, threads=threads).read


def main() -> None:
    """Serves until it is ended."""
    parser = argparse.ArgumentParser()
    parser.add_argument("artifact", type=Path)
    parser.add_argument("kind", choices=["torch", "shipped", "int8"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args()

    import uvicorn
    from fastapi import FastAPI

    app, answer = FastAPI(), answering(options.artifact, options.kind, threads=options.threads)

    @app.post("/predict")
    async def predict(inputs: dict[str, str]) -> dict[str, Any]:
        return answer(inputs)

    uvicorn.run(app, host="127.0.0.1", port=options.port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()
