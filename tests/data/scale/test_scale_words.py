from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from freehold.data.scale import Scheme
from freehold.data.scale.minhash import find_keys, sign
from freehold.data.scale.signing import sign_column
from freehold.data.scale.similarity import compare
from freehold.data.scale.tables import pack
from freehold.data.scale.words import Shingled, find_grams, hash_words, shingle

WORDS = re.compile(r"[\u3040-\u9fff][^\W\u3040-\u9fff]*|[^\W\u3040-\u9fff]+")
PINNED = [1502952934104384967, 9242473925294654318, 15229080388450004641]
LETTERS = st.text(alphabet="aAbB_9é字の .,-\n", max_size=60)


def shingled(texts: list[str], words: int = 3) -> Shingled:
    return shingle(pack(texts).packed, Scheme.derive(words=words))


def plain_shingles(text: str, words: int) -> frozenset[tuple[str, ...]]:
    """The same by other means: a regular expression and sets of words."""
    found = WORDS.findall(text.lower()) or [text.lower()]
    return frozenset(tuple(found[i : i + words]) for i in range(max(1, len(found) - words + 1)))


@given(st.lists(LETTERS, min_size=2, max_size=8), st.integers(1, 5))
@example(["", "字", " ", "."], 2)
def test_similarities_are_those_of_sets_of_words(texts: list[str], words: int) -> None:
    made = shingled(texts, words)
    ones, others = np.triu_indices(len(texts), 1)
    shares = compare(made.hashes, made.starts, ones=ones, others=others)
    sets = [plain_shingles(text, words) for text in texts]
    true = [len(sets[i] & sets[j]) / len(sets[i] | sets[j]) for i, j in zip(ones, others, strict=True)]
    assert shares.tolist() == pytest.approx(true)


@given(st.lists(LETTERS, max_size=8))
def test_a_text_has_the_same_hashes_in_whatever_company(texts: list[str]) -> None:
    together = shingled(texts)
    for number, text in enumerate(texts):
        alone = shingled([text])
        part = slice(together.starts[number], together.starts[number + 1])
        assert together.hashes[part].tolist() == alone.hashes.tolist()
        assert together.names[number] == alone.names[0]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("The end.", "the END", True),
        ("ÉTÉ À LA MER", "été à la mer", True),
        ("“quoted” — here…", '"quoted" - here', True),
        ("a\u00a0b", "a b", True),
        ("x" * 100 + "y", "x" * 100 + "z", False),
        ("x" * 200 + "y", "x" * 200 + "z", False),
        ("X" * 200, "x" * 200, True),
        ("12345678", "123456789", False),
        ("ab c", "a bc", False),
        ("a b", "b a", False),
        ("漢字。", "漢字", True),
        ("???", "!!!", False),
        ("", " ", False),
    ],
)
def test_texts_are_named_by_their_words(one: str, other: str, *, same: bool) -> None:
    names = shingled([one, other]).names
    assert (names[0] == names[1]) == same


def test_texts_that_are_no_unicode_are_read_anyway() -> None:
    assert shingled(["a \ud800 b", "plain"]).starts.tolist() == [0, 1, 2]


def test_runs_of_words_stay_inside_a_text() -> None:
    words = hash_words(pack(["a b c d", "", "b c", "a"]).packed)
    hashes, owners = find_grams(words, 2)
    assert owners.tolist() == [0, 0, 0, 2]
    assert hashes[1] == hashes[3]
    assert len(set(hashes.tolist())) == 3


def test_signatures_agree_as_often_as_shingles_are_shared() -> None:
    words = [f"w{number}" for number in range(400)]
    texts = [" ".join(words[start : start + 200]) for start in range(0, 200, 10)]
    scheme = Scheme.derive(words=1, hashes=1000)
    made = shingle(pack(texts).packed, scheme)
    signatures = sign(made, scheme)
    for number in range(1, len(texts)):
        true = (200 - 10 * number) / (200 + 10 * number)
        estimate = (signatures[:, 0] == signatures[:, number]).mean()
        assert abs(estimate - true) < 4 * (true * (1 - true) / len(signatures)) ** 0.5


def test_signatures_are_the_same_on_every_machine() -> None:
    batch = sign_column(["The same everywhere, on every machine and in every run.", None], Scheme.derive())
    assert batch.present.tolist() == [True, False]
    assert [int(batch.signed.names[0]), int(batch.signed.keys[0, 0]), int(batch.signed.keys[19, 0])] == PINNED


def test_a_text_longer_than_a_block_is_signed_whole() -> None:
    scheme = Scheme.derive()
    long = " ".join(str(number) for number in range(70_000))
    together = find_keys(sign(shingle(pack(["a", long, "b"]).packed, scheme), scheme), scheme)
    alone = find_keys(sign(shingle(pack([long]).packed, scheme), scheme), scheme)
    assert together[:, 1].tolist() == alone[:, 0].tolist()
