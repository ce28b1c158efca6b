"""Runs any model to a typed answer. Knows models and tasks, not releases or data sets."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from freehold.engine.bases import MINILM_DIGEST, Base, copy_encoder, encoder_identity, find_base, name_base
    from freehold.engine.calibration import COVERAGE, answer_rows, softmax, to_probabilities
    from freehold.engine.chains import Chain, best_path, path_score, sum_paths, total_score
    from freehold.engine.encoder import (
        Encoder,
        adapter_identity,
        load_adapter,
        load_encoder,
        pool,
        run_encoder,
    )
    from freehold.engine.explanation import Explained, Explanation, Moved, explain
    from freehold.engine.features import encode_texts
    from freehold.engine.graphs import find_graph, graph_home, is_sealed, open_graph
    from freehold.engine.heads import Heads, load_heads, save_heads
    from freehold.engine.inputs import join_inputs
    from freehold.engine.layout import (
        CARD,
        DESCRIPTION,
        ENCODER_FILES,
        GRAPH,
        HEADS,
        HELD,
        MIDDLE,
        NGRAMS,
        TAGS,
        Description,
        Head,
        Opened,
        Scope,
        field_labels,
        open_folder,
        write_description,
    )
    from freehold.engine.ngrams import Grams, Ngrams, Sparse
    from freehold.engine.places import MisplacedSpanError, place_spans, restore_spans
    from freehold.engine.random_features import RANDOM_FEATURES, RandomFeatures
    from freehold.engine.reader import Reader, open_reader
    from freehold.engine.settings import CUTTABLE, Pooling, read_settings
    from freehold.engine.side_by_side import SideBySide, load_grams
    from freehold.engine.sketch import SKETCH_COLUMNS, Sketch
    from freehold.engine.spans import REACH, SpanAnswer, TagHead, load_tags, save_tags, surroundings
    from freehold.engine.stacks import lora_targets
    from freehold.engine.tags import (
        NEVER,
        Encoded,
        Limits,
        Nested,
        Span,
        choose_grain,
        count_tags,
        decode_spans,
        encode_spans,
        find_chains,
        find_limits,
        find_nested,
    )
    from freehold.engine.tokens import (
        Tokenizer,
        Windows,
        by_length,
        load_tokenizer,
        pad,
        split,
    )
    from freehold.engine.tuned import TUNED, load_tuned, save_adapter, save_changed, tuned_identity
    from freehold.engine.vectors import Reading, Run, TokenVectors, Vectoriser, Which, in_parts, read_texts
    from freehold.engine.word_grams import Gathered, WordGrams
    from freehold.engine.words import Grain, Part, Word, find_parts, pool_words, split_words, token_ranges

_HOME = {
    "bases": ("MINILM_DIGEST", "Base", "copy_encoder", "encoder_identity", "find_base", "name_base"),
    "chains": ("Chain", "best_path", "path_score", "sum_paths", "total_score"),
    "encoder": ("Encoder", "adapter_identity", "load_adapter", "load_encoder", "pool", "run_encoder"),
    "explanation": ("Explained", "Explanation", "Moved", "explain"),
    "features": ("encode_texts",),
    "graphs": ("find_graph", "graph_home", "is_sealed", "open_graph"),
    "heads": ("Heads", "load_heads", "save_heads"),
    "inputs": ("join_inputs",),
    "layout": (
        "CARD",
        "DESCRIPTION",
        "ENCODER_FILES",
        "GRAPH",
        "HEADS",
        "HELD",
        "MIDDLE",
        "NGRAMS",
        "TAGS",
        "Scope",
        "Description",
        "Head",
        "field_labels",
        "Opened",
        "open_folder",
        "write_description",
    ),
    "ngrams": ("Grams", "Ngrams", "Sparse"),
    "places": ("MisplacedSpanError", "place_spans", "restore_spans"),
    "calibration": ("COVERAGE", "answer_rows", "softmax", "to_probabilities"),
    "random_features": ("RANDOM_FEATURES", "RandomFeatures"),
    "reader": ("Reader", "open_reader"),
    "side_by_side": ("SideBySide", "load_grams"),
    "sketch": ("SKETCH_COLUMNS", "Sketch"),
    "settings": ("CUTTABLE", "Pooling", "read_settings"),
    "spans": ("REACH", "SpanAnswer", "TagHead", "load_tags", "save_tags", "surroundings"),
    "stacks": ("lora_targets",),
    "tags": (
        "NEVER",
        "Encoded",
        "Limits",
        "Nested",
        "Span",
        "choose_grain",
        "count_tags",
        "decode_spans",
        "encode_spans",
        "find_chains",
        "find_limits",
        "find_nested",
    ),
    "tokens": (
        "Tokenizer",
        "Windows",
        "by_length",
        "load_tokenizer",
        "pad",
        "split",
    ),
    "tuned": ("TUNED", "load_tuned", "save_adapter", "save_changed", "tuned_identity"),
    "vectors": ("Reading", "Run", "TokenVectors", "Vectoriser", "Which", "in_parts", "read_texts"),
    "word_grams": ("Gathered", "WordGrams"),
    "words": ("Grain", "Part", "Word", "find_parts", "pool_words", "split_words", "token_ranges"),
}

__all__ = [
    "CUTTABLE",
    "Which",
    "COVERAGE",
    "RANDOM_FEATURES",
    "SKETCH_COLUMNS",
    "TAGS",
    "Grams",
    "RandomFeatures",
    "Scope",
    "SideBySide",
    "Sketch",
    "answer_rows",
    "load_grams",
    "to_probabilities",
    "CARD",
    "DESCRIPTION",
    "ENCODER_FILES",
    "GRAPH",
    "HEADS",
    "HELD",
    "MIDDLE",
    "MINILM_DIGEST",
    "Moved",
    "NEVER",
    "NGRAMS",
    "REACH",
    "TUNED",
    "Base",
    "Chain",
    "Description",
    "Encoded",
    "Encoder",
    "Explained",
    "Explanation",
    "Gathered",
    "Grain",
    "Head",
    "Heads",
    "Limits",
    "MisplacedSpanError",
    "Nested",
    "Ngrams",
    "Opened",
    "Part",
    "Pooling",
    "Reader",
    "Reading",
    "Run",
    "Span",
    "SpanAnswer",
    "Sparse",
    "TagHead",
    "TokenVectors",
    "Tokenizer",
    "Vectoriser",
    "Windows",
    "Word",
    "WordGrams",
    "adapter_identity",
    "best_path",
    "by_length",
    "choose_grain",
    "copy_encoder",
    "count_tags",
    "decode_spans",
    "encode_spans",
    "encode_texts",
    "encoder_identity",
    "explain",
    "field_labels",
    "find_base",
    "find_graph",
    "graph_home",
    "is_sealed",
    "open_graph",
    "find_chains",
    "find_limits",
    "find_nested",
    "find_parts",
    "in_parts",
    "join_inputs",
    "load_adapter",
    "load_encoder",
    "load_heads",
    "load_tags",
    "load_tokenizer",
    "load_tuned",
    "lora_targets",
    "name_base",
    "open_folder",
    "open_reader",
    "pad",
    "path_score",
    "place_spans",
    "pool",
    "pool_words",
    "read_settings",
    "read_texts",
    "restore_spans",
    "run_encoder",
    "save_adapter",
    "save_changed",
    "save_heads",
    "save_tags",
    "softmax",
    "split",
    "split_words",
    "sum_paths",
    "token_ranges",
    "surroundings",
    "total_score",
    "tuned_identity",
    "write_description",
]


def __getattr__(name: str) -> object:
    """Loads a part when it is first asked for: opening a reader must not import torch."""
    from importlib import import_module

    for module, names in _HOME.items():
        if name in names:
            return getattr(import_module(f"freehold.engine.{module}"), name)
    raise AttributeError(name)
