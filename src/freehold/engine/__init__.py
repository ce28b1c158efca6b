"""Runs any model to a typed answer. Knows models and tasks, not releases or data sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from freehold.engine.bases import MINILM_DIGEST, Base, find_base, name_base
    from freehold.engine.encoder import Encoder, adapter_identity, encode_texts, load_adapter, load_encoder
    from freehold.engine.heads import Heads, load_heads, save_heads
    from freehold.engine.inputs import join_inputs
    from freehold.engine.layout import (
        CARD,
        DESCRIPTION,
        ENCODER_FILES,
        GRAPH,
        HEADS,
        HELD,
        NGRAMS,
        Description,
        Head,
        Opened,
        field_labels,
        open_folder,
        write_description,
    )
    from freehold.engine.ngrams import Ngrams, Sparse
    from freehold.engine.reader import Reader, open_reader, softmax
    from freehold.engine.tokens import Tokens, by_length, load_tokenizer, pad, tokenize

_HOME = {
    "bases": ("MINILM_DIGEST", "Base", "find_base", "name_base"),
    "encoder": ("Encoder", "adapter_identity", "encode_texts", "load_adapter", "load_encoder"),
    "heads": ("Heads", "load_heads", "save_heads"),
    "inputs": ("join_inputs",),
    "layout": (
        "CARD",
        "DESCRIPTION",
        "ENCODER_FILES",
        "GRAPH",
        "HEADS",
        "HELD",
        "NGRAMS",
        "Description",
        "Head",
        "field_labels",
        "Opened",
        "open_folder",
        "write_description",
    ),
    "ngrams": ("Ngrams", "Sparse"),
    "reader": ("Reader", "open_reader", "softmax"),
    "tokens": ("Tokens", "by_length", "load_tokenizer", "pad", "tokenize"),
}

__all__ = [
    "CARD",
    "DESCRIPTION",
    "ENCODER_FILES",
    "GRAPH",
    "HEADS",
    "HELD",
    "MINILM_DIGEST",
    "NGRAMS",
    "Base",
    "Description",
    "Encoder",
    "Head",
    "Heads",
    "Ngrams",
    "Reader",
    "Sparse",
    "Tokens",
    "adapter_identity",
    "by_length",
    "encode_texts",
    "field_labels",
    "find_base",
    "join_inputs",
    "load_adapter",
    "load_encoder",
    "load_heads",
    "load_tokenizer",
    "name_base",
    "open_reader",
    "pad",
    "Opened",
    "open_folder",
    "save_heads",
    "softmax",
    "tokenize",
    "write_description",
]


def __getattr__(name: str) -> object:
    """Loads a part when it is first asked for: opening a reader must not import torch."""
    from importlib import import_module

    for module, names in _HOME.items():
        if name in names:
            return getattr(import_module(f"freehold.engine.{module}"), name)
    raise AttributeError(name)
