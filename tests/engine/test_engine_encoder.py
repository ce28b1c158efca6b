from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from freehold.engine import Run, encode_texts, find_base, load_encoder, run_encoder

TEXTS = ["Where is my card?", "hello", "A rather longer sentence about nothing at all.", "hello"]


def ready(folder: Path) -> Callable[[], Run]:
    return lambda: run_encoder(load_encoder(folder))


def test_vectors_are_those_of_sentence_transformers(tmp_path: Path) -> None:
    base = find_base("minilm", relative_to=tmp_path)
    ours = encode_texts(TEXTS, base=base, cache=tmp_path, run=ready(base.folder))
    reference = pytest.importorskip("sentence_transformers").SentenceTransformer(str(base.folder), device="cpu")
    wanted = reference.encode(TEXTS)  # the first half is the last layer
    np.testing.assert_allclose(ours[:, : wanted.shape[1]] * np.sqrt(2), wanted, atol=1e-5)


def test_what_was_encoded_is_never_encoded_again(tiny_base: Path, tmp_path: Path) -> None:
    base = find_base(str(tiny_base), relative_to=tmp_path)
    first = encode_texts(TEXTS, base=base, cache=tmp_path, run=ready(base.folder))

    def refuse() -> Run:
        raise AssertionError("the encoder was loaded")

    again = encode_texts(TEXTS[::-1], base=base, cache=tmp_path, run=refuse)
    np.testing.assert_array_equal(again, first[::-1])


def test_a_run_that_was_killed_gives_the_same_vectors(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("freehold.engine.features._SHARD", 16)
    base = find_base(str(tiny_base), relative_to=tmp_path)
    texts = [f"parcel number {n} is {'late ' * (n % 7)}" for n in range(60)]
    whole = encode_texts(texts, base=base, cache=tmp_path / "a", run=ready(base.folder))

    class KilledError(Exception):
        pass

    def stop(done: int, _total: int) -> None:
        if done > 32:
            raise KilledError

    with pytest.raises(KilledError):
        encode_texts(texts, base=base, cache=tmp_path / "b", run=ready(base.folder), tell=stop)
    assert len(list((tmp_path / "b").rglob("*.safetensors"))) == 2
    resumed = encode_texts(texts, base=base, cache=tmp_path / "b", run=ready(base.folder))
    np.testing.assert_array_equal(resumed, whole)


def cut(content: bytes) -> bytes:
    return content[:-9]


def flip(content: bytes) -> bytes:
    """Changes one number, which safetensors does not notice."""
    return content[:-2] + bytes([content[-2] ^ 0x10]) + content[-1:]


def rename(content: bytes) -> bytes:
    return content.replace(b'"checksum"', b'"checkers"')


@pytest.mark.parametrize("damage", [cut, flip, rename, lambda _: b"", lambda _: b"garbage" * 9])
def test_a_damaged_shard_is_encoded_again(
    damage: Callable[[bytes], bytes], tiny_base: Path, tmp_path: Path
) -> None:
    base = find_base(str(tiny_base), relative_to=tmp_path)
    first = encode_texts(TEXTS, base=base, cache=tmp_path, run=ready(base.folder))
    [shard] = tmp_path.rglob("*.safetensors")
    whole = shard.read_bytes()
    shard.write_bytes(damage(whole))
    again = encode_texts(TEXTS, base=base, cache=tmp_path, run=ready(base.folder))
    np.testing.assert_array_equal(again, first)
    assert [path.read_bytes() for path in tmp_path.rglob("*.safetensors")] == [whole]


def test_pooling_names_the_features_too(tiny_base: Path, tmp_path: Path) -> None:
    shutil.copytree(tiny_base, tmp_path / "base")
    mean = find_base("base", relative_to=tmp_path)
    (tmp_path / "base" / "1_Pooling").mkdir()
    (tmp_path / "base" / "1_Pooling" / "config.json").write_text('{"pooling_mode": "cls"}')
    first = find_base("base", relative_to=tmp_path)
    vectors = [encode_texts(TEXTS, base=base, cache=tmp_path, run=ready(tiny_base)) for base in (mean, first)]
    assert np.abs(vectors[0] - vectors[1]).max() > 1e-3


def test_no_texts_need_no_encoder(tiny_base: Path, tmp_path: Path) -> None:
    base = find_base(str(tiny_base), relative_to=tmp_path)
    assert len(encode_texts([], base=base, cache=tmp_path, run=ready(tiny_base))) == 0


def test_progress_is_told_batch_by_batch(tiny_base: Path, tmp_path: Path) -> None:
    base = find_base(str(tiny_base), relative_to=tmp_path)
    texts = [f"parcel number {n}" for n in range(600)]
    told: list[tuple[int, int]] = []
    encode_texts(
        texts,
        base=base,
        cache=tmp_path,
        run=ready(base.folder),
        tell=lambda done, total: told.append((done, total)),
    )
    assert told[-1] == (600, 600)
    assert told == sorted(told)
    assert len(told) >= 3
