"""Runs any model to a typed answer. Knows models and tasks, not releases or data sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from freehold.engine.bases import MINILM_DIGEST, Base, copy_encoder, encoder_files, find_base, name_base
    from freehold.engine.encoder import Encoder, adapter_identity, load_adapter, load_encoder, pool
    from freehold.engine.features import encode_texts, run_encoder
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
    from freehold.engine.settings import Pooling, Settings, read_settings
    from freehold.engine.stacks import lora_targets
    from freehold.engine.tokens import (
        Tokenizer,
        Tokens,
        Windows,
        by_length,
        load_tokenizer,
        pad,
        split,
        tokenize,
    )
    from freehold.engine.vectors import Reading, Run, TokenVectors, Vectoriser, read_texts

_HOME = {
    "bases": ("MINILM_DIGEST", "Base", "copy_encoder", "encoder_files", "find_base", "name_base"),
    "encoder": ("Encoder", "adapter_identity", "load_adapter", "load_encoder", "pool"),
    "features": ("encode_texts", "run_encoder"),
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
    "settings": ("Pooling", "Settings", "read_settings"),
    "stacks": ("lora_targets",),
    "tokens": (
        "Tokenizer",
        "Tokens",
        "Windows",
        "by_length",
        "load_tokenizer",
        "pad",
        "split",
        "tokenize",
    ),
    "vectors": ("Reading", "Run", "TokenVectors", "Vectoriser", "read_texts"),
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
    "Opened",
    "Pooling",
    "Reader",
    "Reading",
    "Run",
    "Settings",
    "Sparse",
    "TokenVectors",
    "Tokenizer",
    "Tokens",
    "Vectoriser",
    "Windows",
    "adapter_identity",
    "by_length",
    "copy_encoder",
    "encode_texts",
    "encoder_files",
    "field_labels",
    "find_base",
    "join_inputs",
    "load_adapter",
    "load_encoder",
    "load_heads",
    "load_tokenizer",
    "lora_targets",
    "name_base",
    "open_folder",
    "open_reader",
    "pad",
    "pool",
    "read_settings",
    "read_texts",
    "run_encoder",
    "save_heads",
    "softmax",
    "split",
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
