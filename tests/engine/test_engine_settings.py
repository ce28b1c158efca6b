"""What a base says of itself: read as its makers wrote it, refused by name where a reader cannot do it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.engine.families import make_family

from freehold.engine import (
    copy_encoder,
    encode_texts,
    find_base,
    load_encoder,
    load_tokenizer,
    read_settings,
    run_encoder,
    split,
)
from freehold.errors import DataError, UserError

POOLING = "1_Pooling/config.json"
MODULES = [{"type": "sentence_transformers.models.Transformer", "path": ""}]


def write(folder: Path, files: dict[str, Any]) -> Path:
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(json.dumps(content))
    return folder


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, 512),
        ({"config.json": {"max_position_embeddings": 128}}, 128),
        ({"config.json": {"max_position_embeddings": 8192}}, 512),
        ({"config.json": {"model_type": "roberta", "max_position_embeddings": 514, "pad_token_id": 1}}, 512),
        ({"config.json": {"model_type": "xlm-roberta", "max_position_embeddings": 130}}, 128),
        ({"config.json": {"model_type": "mpnet", "max_position_embeddings": 66, "pad_token_id": 1}}, 64),
        ({"tokenizer_config.json": {"model_max_length": 64}}, 64),
        ({"tokenizer_config.json": {"model_max_length": 1e30}}, 512),
        ({"sentence_bert_config.json": {"max_seq_length": 1024}}, 1024),
        ({"sentence_bert_config.json": {"max_seq_length": 32768}}, 2048),
        (
            {
                "config.json": {"max_position_embeddings": 96},
                "sentence_bert_config.json": {"max_seq_length": 128},
            },
            96,
        ),
        (
            {
                "tokenizer_config.json": {"model_max_length": 512},
                "sentence_bert_config.json": {"max_seq_length": 128},
            },
            128,
        ),
    ],
)
def test_the_longest_window(files: dict[str, Any], expected: int, tmp_path: Path) -> None:
    assert read_settings(write(tmp_path, files)).max_tokens == expected


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, ("mean",)),
        ({"modules.json": MODULES}, ("mean",)),
        ({POOLING: {"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}}, ("cls",)),
        ({POOLING: {"pooling_mode_mean_tokens": True, "pooling_mode_cls_token": True}}, ("cls", "mean")),
        ({POOLING: {"pooling_mode": "max"}}, ("max",)),
        ({POOLING: {"pooling_mode": ["cls", "mean_sqrt_len_tokens"]}}, ("cls", "mean_sqrt_len_tokens")),
    ],
)
def test_pooling_is_the_bases_own(files: dict[str, Any], expected: tuple[str, ...], tmp_path: Path) -> None:
    assert read_settings(write(tmp_path, files)).pooling == expected


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({POOLING: {"pooling_mode_lasttoken": True}}, "pooling 'lasttoken' is not supported; allowed are cls"),
        ({POOLING: {"pooling_mode": "sum"}}, "pooling 'sum' is not supported"),
        ({POOLING: {"pooling_mode": 3}}, "pooling 3 is not supported"),
        ({"modules.json": [{"type": "sentence_transformers.models.Dense"}]}, "a 'Dense' module is not supported"),
        ({"modules.json": {}}, "not a list of modules"),
        ({"modules.json": [1]}, "not a list of modules"),
        ({"modules.json": [{"type": "Pooling", "path": "../x"}]}, r"lies in '\.\./x', not in '1_Pooling'"),
        ({"tokenizer_config.json": {"model_max_length": -1}}, "-1, not a whole number"),
        ({"config.json": {"max_position_embeddings": True}}, "True, not a whole number"),
    ],
)
def test_what_a_reader_cannot_do_is_refused_by_name(files: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read_settings(write(tmp_path, files))


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"config.json": {"pad_token_id": 3}}, 3),
        ({"config.json": {"pad_token_id": -1}, "tokenizer_config.json": {"pad_token": "[PAD]"}}, "[PAD]"),
        ({"tokenizer_config.json": {"pad_token": {"content": "<pad>"}}}, "<pad>"),
        ({}, None),
    ],
)
def test_padding_is_the_bases_own(files: dict[str, Any], expected: int | str | None, tmp_path: Path) -> None:
    assert read_settings(write(tmp_path, files)).pad == expected


def test_a_padding_token_is_found_in_the_vocabulary(tmp_path: Path) -> None:
    folder = make_family(tmp_path, "roberta")
    write(folder, {"config.json": {}})
    assert load_tokenizer(folder).pad_id == 1


def test_lower_case_is_put_before_the_tokenizer(tmp_path: Path) -> None:
    folder = make_family(tmp_path, "bert")
    before = split(load_tokenizer(folder), ["where is my PARCEL", "where is my parcel"]).ids
    write(folder, {"sentence_bert_config.json": {"do_lower_case": True}})
    after = split(load_tokenizer(folder), ["where is my PARCEL", "where is my parcel"]).ids
    assert before[0] != before[1] == after[0] == after[1]


@pytest.mark.parametrize(
    "config",
    [
        {"model_type": "llama"},
        {"model_type": "bert", "is_decoder": True},
        {"model_type": "new", "architectures": ["NewForCausalLM"]},
        {"model_type": "gpt2", "architectures": ["GPT2LMHeadModel"]},
        {"model_type": "t5", "is_encoder_decoder": True},
    ],
)
def test_decoders_are_refused(config: dict[str, Any], tiny_base: Path, tmp_path: Path) -> None:
    copy_encoder(tiny_base, tmp_path)
    write(tmp_path, {"config.json": config})
    with pytest.raises(UserError, match=r"decoder .*a reader needs an encoder"):
        find_base(".", relative_to=tmp_path)


@pytest.mark.parametrize("mode", ["cls", "max", "mean", "mean_sqrt_len_tokens", ["cls", "mean"]])
def test_vectors_are_those_of_sentence_transformers(mode: Any, tmp_path: Path) -> None:
    library = pytest.importorskip("sentence_transformers")
    folder = make_family(tmp_path, "roberta")
    modules = [
        {"idx": n, "name": str(n), "path": path, "type": f"sentence_transformers.models.{kind}"}
        for n, (kind, path) in enumerate(
            [("Transformer", ""), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize")]
        )
    ]
    pooling = {"word_embedding_dimension": 16, "pooling_mode": mode}
    write(folder, {"modules.json": modules, POOLING: pooling, "sentence_bert_config.json": {"max_seq_length": 38}})
    texts = ["where is my parcel", "", "é ü 日本語"]
    base = find_base(".", relative_to=folder)
    ours = encode_texts(texts, base=base, cache=tmp_path / "cache", run=lambda: run_encoder(load_encoder(folder)))
    theirs = library.SentenceTransformer(str(folder), device="cpu").encode(texts)
    np.testing.assert_allclose(ours[:, : theirs.shape[1]] * np.sqrt(2), theirs, atol=1e-5)
