from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from freehold.engine import MINILM_DIGEST, find_base, name_base
from freehold.errors import NotFoundError, UserError
from freehold.task import file_digest


def test_minilm_is_the_published_one() -> None:
    base = find_base("minilm", relative_to=Path("."))
    assert file_digest(base.folder / "model.safetensors") == MINILM_DIGEST
    assert base.licence == "Apache-2.0"
    assert base.max_tokens == 256


def test_a_folder_is_a_base(tiny_base: Path) -> None:
    base = find_base(tiny_base.name, relative_to=tiny_base.parent)
    assert base.folder == tiny_base.resolve()
    assert base.max_tokens == 64


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(NotFoundError, match=r"model\.safetensors"):
        find_base(".", relative_to=tmp_path)


@pytest.mark.parametrize("name", ["scratch:tiny", "gguf:model.gguf"])
def test_bases_of_writers_are_refused(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="writers"):
        find_base(name, relative_to=tmp_path)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config.json", '{"max_position_embeddings": 64} '),
        ("tokenizer.json", "{}"),
        ("model.safetensors", "other"),
        ("sentence_bert_config.json", '{"max_seq_length": 7}'),
    ],
)
def test_a_base_is_named_by_all_that_changes_its_vectors(
    file: str, content: str, tiny_base: Path, tmp_path: Path
) -> None:
    shutil.copytree(tiny_base, tmp_path / "base")
    before = name_base("base", relative_to=tmp_path)
    (tmp_path / "base" / file).write_text(content)
    assert name_base("base", relative_to=tmp_path) != before


def test_minilm_is_named_without_reading_its_weights() -> None:
    assert name_base("minilm", relative_to=Path(".")) == find_base("minilm", relative_to=Path(".")).digest
