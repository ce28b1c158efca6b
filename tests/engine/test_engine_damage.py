from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from freehold.engine import find_base, load_encoder, load_tokenizer
from freehold.errors import DataError


@pytest.fixture
def base(tiny_base: Path, tmp_path: Path) -> Path:
    """A copy of the tiny encoder, to be damaged."""
    return Path(shutil.copytree(tiny_base, tmp_path / "base"))


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("config.json", b"{bad", r"config\.json` is not JSON"),
        ("config.json", b"\xff", r"config\.json` is not JSON"),
        ("config.json", b"[]", r"config\.json` is not a JSON object"),
        ("config.json", b'{"max_position_embeddings": "many"}', "'many', not a whole number"),
        ("sentence_bert_config.json", b'{"max_seq_length": 0}', "0, not a whole number"),
    ],
)
def test_a_base_whose_settings_are_damaged_is_refused(file: str, content: bytes, message: str, base: Path) -> None:
    (base / file).write_bytes(content)
    with pytest.raises(DataError, match=message):
        find_base("base", relative_to=base.parent)


def test_a_setting_without_a_value_is_as_if_it_were_not_there(base: Path) -> None:
    (base / "sentence_bert_config.json").write_text('{"max_seq_length": null}')
    assert find_base("base", relative_to=base.parent).max_tokens == 64


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("model.safetensors", b"garbage" * 100),
        ("model.safetensors", b""),
        ("config.json", b'{"model_type": "nothing-of-the-kind"}'),
    ],
)
def test_an_encoder_that_is_damaged_is_refused(file: str, content: bytes, base: Path) -> None:
    (base / file).write_bytes(content)
    with pytest.raises(DataError, match=r"cannot be loaded: \S"):
        load_encoder(base)


@pytest.mark.parametrize("content", ["", "{}", "{bad", "[]"])
def test_a_tokenizer_that_is_damaged_is_refused(content: str, base: Path) -> None:
    (base / "tokenizer.json").write_text(content)
    with pytest.raises(DataError, match=r"tokenizer\.json` is not a tokenizer"):
        load_tokenizer(base, max_tokens=8)
