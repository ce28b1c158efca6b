from __future__ import annotations

import itertools
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from freehold.engine import (
    REACH,
    Span,
    TagHead,
    WordGrams,
    count_tags,
    find_limits,
    find_nested,
    find_parts,
    join_inputs,
    load_tags,
    path_score,
    save_tags,
    split_words,
    surroundings,
)
from freehold.errors import IntegrityError

TEXT = "pay Ann 20 pounds on 3rd May, o'clock"


def make_head(*, seed: int = 0, labels: int = 2, strength: float = 1.0) -> TagHead:
    random = np.random.default_rng(seed)
    grams = WordGrams.fit([split_words(TEXT)])
    tags, limits = count_tags(labels), find_limits(labels, present=range(labels))

    def draw(*shape: int) -> np.ndarray:
        return (random.normal(size=shape) * strength).astype(np.float32)

    return TagHead(
        labels=tuple(f"label{k}" for k in range(labels)),
        grain="word",
        grams=grams,
        table=random.integers(-127, 128, (len(grams), 4)).astype(np.int8),
        scales=np.full((len(grams), 1), 0.01, np.float32),
        lift=draw(4, 6),
        centre=draw(2, 5),
        dense=draw(4, 5, 6),
        dense_bias=draw(6),
        out=draw(6, tags),
        out_bias=draw(tags),
        start=draw(tags) + limits.start,
        end=draw(tags) + limits.end,
        moves=draw(tags, tags) + limits.moves,
    )


def vectors_of(count: int, *, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 5)).astype(np.float32)


def test_scores_are_those_of_the_formula() -> None:
    head, words = make_head(), split_words(TEXT)
    vectors = vectors_of(len(words))
    expected = []
    for i in range(len(words)):
        hidden = head.dense_bias + (vectors.mean(0) - head.centre[1]) @ head.dense[3]
        for place, block in ((i - 1, 0), (i, 1), (i + 1, 2)):
            if 0 <= place < len(words):
                hidden = hidden + (vectors[place] - head.centre[0]) @ head.dense[block]
        gathered = head.grams.gather(words)
        rows = gathered.rows[gathered.starts[i] : gathered.starts[i + 1]]
        hidden = hidden + (head.table[rows] * head.scales[rows]).sum(0) @ head.lift
        expected.append(np.maximum(hidden, 0) @ head.out + head.out_bias)
    np.testing.assert_allclose(head.scores(vectors, words=words), expected, atol=1e-4)


@settings(deadline=None)
@given(st.integers(0, 500), st.text(st.sampled_from("ab 9'.\n"), max_size=25))
def test_spans_never_overlap_and_hold_whole_words(seed: int, text: str) -> None:
    head, words = make_head(seed=seed), split_words(text)
    answer = head.decode(vectors_of(len(words), seed=seed), words=words)
    assert find_nested(answer.spans) is None
    assert 0 <= answer.confidence <= 1
    starts, ends = {word.start for word in words}, {word.end for word in words}
    for span in answer.spans:
        assert span.start in starts
        assert span.end in ends
        assert answer.confidence - 1e-9 <= span.chance <= 1


@pytest.mark.parametrize("seed", range(5))
def test_chances_are_those_of_all_answers_tried_out(seed: int) -> None:
    head, words = (
        make_head(seed=seed, labels=1, strength=0.7).with_temperature(2.0),
        split_words("pay Ann 20 pounds"),
    )
    vectors = vectors_of(len(words), seed=seed)
    (chain,) = head.chains(vectors, words=words)
    cooled = chain.divided(2.0)
    shares = {path: np.exp(path_score(cooled, np.array(path))) for path in itertools.product(range(3), repeat=4)}
    total = sum(shares.values())
    answer = head.decode(vectors, words=words)
    assert answer.confidence == pytest.approx(max(shares.values()) / total)
    for span in answer.spans:
        first = next(i for i, word in enumerate(words) if word.start == span.start)
        last = next(i for i, word in enumerate(words) if word.end == span.end)
        tags = (1, *[2] * (last - first))
        having = [
            share
            for path, share in shares.items()
            if path[first : last + 1] == tags and (last + 1 == len(path) or path[last + 1] != 2)
        ]
        assert span.chance == pytest.approx(sum(having) / total)


def test_no_span_reaches_over_two_inputs() -> None:
    inputs = {"title": "pay Ann", "body": "20 pounds"}
    words = split_words(join_inputs(inputs, list(inputs)), find_parts(inputs, list(inputs)))
    head = make_head()
    glad = np.zeros(count_tags(2), np.float32)
    glad[2] = 50
    head = replace(head, out_bias=glad)
    spans = head.decode(vectors_of(len(words)), words=words).spans
    assert [(span.start, span.end) for span in spans] == [
        (words[0].start, words[1].end),
        (words[2].start, words[3].end),
    ]


def test_a_text_without_words_has_no_spans() -> None:
    answer = make_head().decode(vectors_of(0), words=[])
    assert answer == ([], 1.0)


def test_a_head_is_less_sure_when_it_is_told_so() -> None:
    head, words = make_head(), split_words(TEXT)
    vectors = vectors_of(len(words))
    sure, unsure = head.decode(vectors, words=words), head.with_temperature(5.0).decode(vectors, words=words)
    assert [span[:3] for span in sure.spans] == [span[:3] for span in unsure.spans]
    assert unsure.confidence < sure.confidence


def test_long_texts_are_read_by_their_surroundings() -> None:
    vectors = vectors_of(200)
    around = surroundings(vectors)
    np.testing.assert_allclose(around[100], vectors[100 - REACH : 101 + REACH].mean(0), atol=1e-6)
    np.testing.assert_allclose(around[0], vectors[: REACH + 1].mean(0), atol=1e-6)
    words = split_words("pay Ann 20 " * 2_000)
    answer = make_head().decode(vectors_of(len(words)), words=words)
    assert find_nested(answer.spans) is None


def test_a_head_is_one_file(tmp_path: Path) -> None:
    head, words = make_head().with_temperature(1.5), split_words(TEXT)
    save_tags(tmp_path / "a.safetensors", head)
    save_tags(tmp_path / "b.safetensors", head)
    assert (tmp_path / "a.safetensors").read_bytes() == (tmp_path / "b.safetensors").read_bytes()
    again = load_tags(tmp_path / "a.safetensors")
    vectors = vectors_of(len(words))
    assert again.decode(vectors, words=words) == head.decode(vectors, words=words)
    assert again.grams == head.grams


@pytest.mark.parametrize("content", [b"", b"nonsense", None], ids=["empty", "damaged", "missing"])
def test_a_damaged_head_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "slots.safetensors"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(IntegrityError, match=r"slots\.safetensors"):
        load_tags(path)


def test_grams_do_not_depend_on_the_order_of_rows() -> None:
    rows = [split_words(TEXT), split_words("pay Bob 30 pounds")]
    assert WordGrams.fit(rows) == WordGrams.fit(rows[::-1])


def test_grams_tell_words_neighbours_and_shapes() -> None:
    grams = WordGrams.fit([split_words("pay Ann 20")])
    gathered = grams.gather(split_words("pay Eva 1"))
    known = [
        {grams.grams[row] for row in gathered.rows[start:stop]}
        for start, stop in itertools.pairwise(gathered.starts.tolist())
    ]
    assert known[0] >= {"0pay", "-\x02", "=\x02", "sx", "uXx", "bpa", "eay"}
    assert known[1] >= {"-pay", "sXx", "tx"}
    assert "0ann" not in known[1]
    assert len(WordGrams.fit([split_words(TEXT)] * 60, limit=7)) == 7


def test_spans_carry_their_label() -> None:
    words = split_words(TEXT)
    labels = {
        span.label
        for seed in range(9)
        for span in make_head(seed=seed).decode(vectors_of(len(words)), words=words).spans
    }
    assert labels == {"label0", "label1"}
    assert isinstance(Span(0, 1, "x").chance, float)
