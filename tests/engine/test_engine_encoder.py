from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from freehold.engine import Encoder, encode_texts, find_base, load_encoder

TEXTS = ["Where is my card?", "hello", "A rather longer sentence about nothing at all.", "hello"]


def test_vectors_are_those_of_sentence_transformers(tmp_path: Path) -> None:
    base = find_base("minilm", relative_to=tmp_path)
    ours = encode_texts(TEXTS, base=base, cache=tmp_path, encoder=lambda: load_encoder(base.folder))
    reference = pytest.importorskip("sentence_transformers").SentenceTransformer(str(base.folder), device="cpu")
    np.testing.assert_allclose(ours, reference.encode(TEXTS), atol=1e-5)


def test_what_was_encoded_is_never_encoded_again(tiny_base: Path, tmp_path: Path) -> None:
    base = find_base(str(tiny_base), relative_to=tmp_path)
    first = encode_texts(TEXTS, base=base, cache=tmp_path, encoder=lambda: load_encoder(base.folder))

    def refuse() -> Encoder:
        raise AssertionError("the encoder was loaded")

    again = encode_texts(TEXTS[::-1], base=base, cache=tmp_path, encoder=refuse)
    np.testing.assert_array_equal(again, first[::-1])


def test_a_run_that_was_killed_gives_the_same_vectors(
    tiny_base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("freehold.engine.features._SHARD", 16)
    base = find_base(str(tiny_base), relative_to=tmp_path)
    texts = [f"parcel number {n} is {'late ' * (n % 7)}" for n in range(60)]
    whole = encode_texts(texts, base=base, cache=tmp_path / "a", encoder=lambda: load_encoder(base.folder))

    class KilledError(Exception):
        pass

    def stop(done: int, _total: int) -> None:
        if done > 32:
            raise KilledError

    with pytest.raises(KilledError):
        encode_texts(texts, base=base, cache=tmp_path / "b", encoder=lambda: load_encoder(base.folder), tell=stop)
    assert len(list((tmp_path / "b").rglob("*.safetensors"))) == 2
    resumed = encode_texts(texts, base=base, cache=tmp_path / "b", encoder=lambda: load_encoder(base.folder))
    np.testing.assert_array_equal(resumed, whole)


def test_a_damaged_shard_is_encoded_again(tiny_base: Path, tmp_path: Path) -> None:
    base = find_base(str(tiny_base), relative_to=tmp_path)
    first = encode_texts(TEXTS, base=base, cache=tmp_path, encoder=lambda: load_encoder(base.folder))
    [shard] = tmp_path.rglob("*.safetensors")
    shard.write_bytes(shard.read_bytes()[:-9])
    again = encode_texts(TEXTS, base=base, cache=tmp_path, encoder=lambda: load_encoder(base.folder))
    np.testing.assert_array_equal(again, first)
