"""ONNX graphs: an encoder exported from torch. Their int8 forms are in `quantise`."""

from __future__ import annotations

import logging
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import helper

from freehold.engine import MIDDLE, PACKS
from freehold.errors import UserError
from freehold.task import digest

if TYPE_CHECKING:
    from freehold.engine import Encoder

__all__ = ["export_encoder", "recipe"]

_RECIPE = 7  # raised whenever this module or `quantise` would make another encoder graph of the same weights
_MAKERS = ("torch", "transformers", "onnx", "onnxscript", "onnxruntime")
_OPSET = 18
_TOLERANCE = 1e-3


def recipe() -> str:
    """Returns a name for how encoder graphs are made: by which code, with which libraries."""
    return digest([_RECIPE, _OPSET, *(version(name) for name in _MAKERS)])


def export_encoder(encoder: Encoder, path: Path) -> str:
    """Writes an encoder as an fp32 graph: `input_ids`, `attention_mask` to `tokens`, any windows and tokens.

    An encoder with layers in the middle has a second output, `middle`. Where the family allows it, the mask may
    number several texts in a row, and the graph's metadata say so under `PACKS`.

    Returns:
        Why texts cannot share rows, though the family allows it; empty where nothing failed.

    Raises:
        UserError: An encoder of this family cannot be exported, or its graph gives other vectors.
    """
    if not encoder.packs:
        _export(encoder, path, packed=False)
        return ""
    try:
        _export(encoder, path, packed=True)
    except UserError as error:  # what is written then is the graph that takes one text a row
        _export(encoder, path, packed=False)
        return error.message
    return ""


def _export(encoder: Encoder, path: Path, *, packed: bool) -> None:
    try:
        model = _trace(encoder.eval(), packed=packed)
    except Exception as error:  # the exporter lets anything through
        raise _refusal(encoder, f"the exporter says {_first_line(error)!r}") from error
    _forget_origin(model)
    _order_gelu(model.graph)
    if packed:
        helper.set_model_props(model, {PACKS: "1"})
    onnx.save(model, path)
    try:
        difference = max(_difference(encoder, path), _difference_packed(encoder, path) if packed else 0.0)
    except Exception as error:  # ONNX Runtime's exceptions share no public root
        raise _refusal(encoder, f"the graph fails: {_first_line(error)!r}") from error
    if not difference <= _TOLERANCE:
        raise _refusal(encoder, f"the graph's vectors are off by {difference:.1g}")


def _first_line(error: BaseException) -> str:
    """Returns what went wrong: the exporter's own words are about its steps."""
    while error.__cause__ is not None:
        error = error.__cause__
    return str(error).strip().partition("\n")[0] or type(error).__name__


def _refusal(encoder: Encoder, reason: str) -> UserError:
    return UserError(
        f"An encoder of type {encoder.bare.config.model_type!r} cannot be made an ONNX graph: {reason}.",
        hint='Use `base = "minilm"`, or another family: BERT, RoBERTa, DeBERTa, ModernBERT, ...',
    )


def _trace(encoder: Encoder, *, packed: bool) -> onnx.ModelProto:
    import torch

    class Reading(torch.nn.Module):
        """All layers that are read, as outputs."""

        def __init__(self) -> None:
            super().__init__()
            self.encoder = encoder

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            return encoder.read(input_ids, attention_mask, packed=packed)

    ids = torch.ones((2, 8), dtype=torch.long)
    shape = {0: torch.export.Dim("windows"), 1: torch.export.Dim("tokens")}
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        # The exporter warns about its own internals.
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            Reading(),
            (ids, torch.ones_like(ids)),
            input_names=["input_ids", "attention_mask"],
            output_names=_outputs(encoder),
            dynamic_shapes={"input_ids": shape, "attention_mask": shape},
            opset_version=_OPSET,
            dynamo=True,
            verbose=False,
        )
    assert program is not None
    return program.model_proto


def _outputs(encoder: Encoder) -> list[str]:
    return ["tokens", MIDDLE] if encoder.middle else ["tokens"]


def _difference(encoder: Encoder, path: Path) -> float:
    """Returns how far a graph's token vectors are from the encoder's, at shapes that it was not traced with."""
    from freehold.engine import run_encoder

    session = _session(path)
    reference = run_encoder(encoder)
    random = np.random.default_rng(0)
    longest = int(getattr(encoder.bare.config, "max_position_embeddings", 64)) - 2
    worst = 0.0
    for windows, tokens in ((1, min(3, longest)), (3, min(37, longest))):
        ids = random.integers(0, encoder.vocabulary, (windows, tokens))
        mask = (np.arange(tokens) < random.integers(1, tokens + 1, (windows, 1))).astype(np.int64)
        found = session.run(_outputs(encoder), {"input_ids": ids, "attention_mask": mask})
        for ours, wanted in zip(found, [each for each in reference(ids, mask) if each is not None], strict=True):
            worst = max(worst, float(np.abs(ours - wanted)[mask == 1].max()))
    return worst


def _difference_packed(encoder: Encoder, path: Path) -> float:
    """Returns how far a graph's token vectors are from the encoder's where three texts share two rows."""
    from freehold.engine import run_encoder

    random, lengths = np.random.default_rng(1), (5, 4, 7)
    ids = [random.integers(0, encoder.vocabulary, length) for length in lengths]
    mask = (np.arange(max(lengths)) < np.array(lengths)[:, None]).astype(np.int64)
    padded = np.zeros_like(mask)
    padded[mask == 1] = np.concatenate(ids)
    packed, segments = np.zeros((2, 2, 9), np.int64)
    packed[0], segments[0] = np.concatenate(ids[:2]), np.repeat([1, 2], lengths[:2])
    packed[1, :7], segments[1, :7] = ids[2], 3
    found = _session(path).run(_outputs(encoder), {"input_ids": packed, "attention_mask": segments})
    wanted = [each for each in run_encoder(encoder)(padded, mask) if each is not None]
    pairs = zip(found, wanted, strict=True)
    return max(float(np.abs(ours[segments > 0] - theirs[mask == 1]).max()) for ours, theirs in pairs)


def _session(path: Path) -> Any:
    import onnxruntime

    return onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])


def _order_gelu(graph: onnx.GraphProto) -> None:
    """Writes `x * (0.5 * (1 + erf))` as `(x * (1 + erf)) * 0.5`: ONNX Runtime knows that as one operator."""
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
    constants = {tensor.name for tensor in graph.initializer}
    for erf in [node for node in graph.node if node.op_type == "Erf"]:
        chain = [erf]
        while len(chain) < 4 and len(readers.get(chain[-1].output[0], [])) == 1:
            chain += readers[chain[-1].output[0]]
        if [node.op_type for node in chain] != ["Erf", "Add", "Mul", "Mul"]:
            continue
        _, add, half, last = chain
        factor = next((name for name in half.input if name in constants), "")
        other = next((name for name in last.input if name != half.output[0]), "")
        if factor and other:
            half.input[:], last.input[:] = [other, add.output[0]], [half.output[0], factor]


def _forget_origin(model: onnx.ModelProto) -> None:
    """Drops stack traces and paths, so that the same weights give the same bytes everywhere."""
    del model.metadata_props[:]
    model.doc_string = ""
    for node in model.graph.node:
        del node.metadata_props[:]
        node.doc_string = ""
    for value in (*model.graph.value_info, *model.graph.input, *model.graph.output):
        del value.metadata_props[:]
    del model.graph.metadata_props[:]
    for tensor in model.graph.initializer:
        del tensor.metadata_props[:]
