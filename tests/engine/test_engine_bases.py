from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from freehold.engine import MINILM_DIGEST, copy_encoder, find_base, name_base
from freehold.errors import NotFoundError, UserError
from freehold.task import file_digest

COMMIT = "0123456789abcdef0123456789abcdef01234567"


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


@pytest.mark.parametrize(
    ("gone", "there", "hint"),
    [
        ("model.safetensors", "pytorch_model.bin", "never opened, as it can run code"),
        ("model.safetensors", "model.safetensors.index.json", "weights are in several files"),
        ("tokenizer.json", "vocab.txt", r"AutoTokenizer\.from_pretrained"),
    ],
)
def test_what_to_do_about_a_missing_file_is_said(
    gone: str, there: str, hint: str, tiny_base: Path, tmp_path: Path
) -> None:
    shutil.copytree(tiny_base, tmp_path / "base")
    (tmp_path / "base" / gone).rename(tmp_path / "base" / there)
    with pytest.raises(NotFoundError, match=rf"has no `{re.escape(gone)}`\.\n.*{hint}"):
        find_base("base", relative_to=tmp_path)


@pytest.fixture
def hub(tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Hugging Face cache with one model, `someone/tiny`; the hub itself is out of reach."""
    constants = pytest.importorskip("huggingface_hub").constants
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    home = tmp_path / "hub" / "models--someone--tiny"
    copy_encoder(tiny_base, home / "snapshots" / COMMIT)
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text(COMMIT)
    return home


@pytest.mark.parametrize("revision", ["", "@main", f"@{COMMIT}"])
def test_a_model_in_the_cache_needs_no_hub(revision: str, hub: Path, tmp_path: Path) -> None:
    base = find_base(f"hf:someone/tiny{revision}", relative_to=tmp_path)
    assert base.folder == hub / "snapshots" / COMMIT


def test_a_model_that_is_nowhere_is_named(hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(NotFoundError, match="hf:someone/other` is neither in the local cache nor"):
        find_base("hf:someone/other", relative_to=tmp_path)


def test_half_a_model_in_the_cache_is_not_taken(
    hub: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    (hub / "snapshots" / COMMIT / "model.safetensors").unlink()
    with pytest.raises(NotFoundError, match=r"model\.safetensors"):
        find_base("hf:someone/tiny", relative_to=tmp_path)


def test_a_copy_is_the_same_base_and_opens_elsewhere(tmp_path: Path) -> None:
    base = find_base("minilm", relative_to=tmp_path)
    copy_encoder(base.folder, tmp_path / "copy")
    assert (tmp_path / "copy" / "1_Pooling" / "config.json").is_file()
    assert name_base("copy", relative_to=tmp_path) == base.digest


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
        ("sentence_bert_config.json", '{"do_lower_case": true}'),
        ("1_Pooling/config.json", '{"pooling_mode": "cls"}'),
        ("tokenizer_config.json", '{"model_max_length": 9}'),
    ],
)
def test_a_base_is_named_by_all_that_changes_its_vectors(
    file: str, content: str, tiny_base: Path, tmp_path: Path
) -> None:
    shutil.copytree(tiny_base, tmp_path / "base")
    before = name_base("base", relative_to=tmp_path)
    (tmp_path / "base" / file).parent.mkdir(exist_ok=True)
    (tmp_path / "base" / file).write_text(content)
    assert name_base("base", relative_to=tmp_path) != before


def test_minilm_is_named_without_reading_its_weights() -> None:
    assert name_base("minilm", relative_to=Path(".")) == find_base("minilm", relative_to=Path(".")).digest
