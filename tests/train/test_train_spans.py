from __future__ import annotations

import hashlib
import itertools
import random
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch

from freehold.engine import Chain, Span, Word, find_limits, path_score, save_tags, split_words, total_score
from freehold.train.crf import ChainLoss, Transitions, tag_loss
from freehold.train.spans import TagSettings, fit_tags
from freehold.train.tag_trials import calibrate_tags, try_tags

LABELS = ("amount", "who")
QUICK = TagSettings(least=80, most=80)
NAMES = ("Ann", "Bob Stone", "Eva", "Tom", "Ida May", "Kim")


class Rows(NamedTuple):
    vectors: list[np.ndarray]
    words: list[list[Word]]
    gold: list[list[Span] | None]


def vector(word: str) -> np.ndarray:
    seed = int.from_bytes(hashlib.sha256(word.lower().encode()).digest()[:4], "big")
    return np.random.default_rng(seed).normal(size=8).astype(np.float32)


def make_rows(count: int, *, seed: int = 0) -> Rows:
    """Returns payments with an amount and a person, and rows without either."""
    chosen = random.Random(seed)
    rows = Rows([], [], [])
    for _ in range(count):
        who, amount = chosen.choice(NAMES), f"{chosen.randint(1, 999)} pounds"
        text = chosen.choice([f"pay {amount} to {who}", f"send {who} {amount} now", "where is my card"])
        words = split_words(text)
        gold = [
            Span(text.index(each), text.index(each) + len(each), label)
            for label, each in (("amount", amount), ("who", who))
            if each in text
        ]
        rows.words.append(words)
        rows.gold.append(gold)
        rows.vectors.append(np.stack([vector(word.text) for word in words]))
    return rows


def brute(scores: torch.Tensor, tags: Sequence[int], transitions: Transitions) -> float:
    start, end, moves = (part.detach().numpy() for part in transitions)
    chain = Chain(scores.numpy(), start, end, moves)
    paths = itertools.product(range(scores.shape[1]), repeat=len(scores))
    total = np.logaddexp.reduce([path_score(chain, np.array(path)) for path in paths])
    return float(total - path_score(chain, np.array(tags)))


def test_the_loss_is_that_of_all_paths_tried_out() -> None:
    torch.manual_seed(0)
    chain = ChainLoss(2, present=[0, 1])
    for parameter in chain.parameters():
        torch.nn.init.normal_(parameter)
    scores = torch.randn(3, 4, 5) * 3
    rows = [[0, 1, 2, 0], [3, 4], []]
    tags, mask = torch.zeros(3, 4, dtype=torch.long), torch.zeros(3, 4, dtype=torch.bool)
    for number, row in enumerate(rows):
        tags[number, : len(row)], mask[number, : len(row)] = torch.tensor(row, dtype=torch.long), True
    loss = chain(scores, tags, mask)
    found = loss.tolist()
    for number, row in enumerate(rows[:2]):
        expected = brute(scores[number, : len(row)], row, chain.transitions())
        assert found[number] == pytest.approx(expected, abs=1e-4)
    assert found[2] == 0
    loss.sum().backward()
    assert all(
        torch.isfinite(parameter.grad).all() for parameter in chain.parameters() if parameter.grad is not None
    )


def test_what_cannot_be_has_no_share() -> None:
    """The sums of the served head and of the loss agree, so what is calibrated is what is answered."""
    limits = find_limits(1, present=[0])
    transitions = Transitions(*(torch.from_numpy(part) for part in limits))
    scores = torch.tensor([[[0.0, 1.0, 900.0], [0.0, 1.0, 5.0]]])
    loss = tag_loss(
        scores, torch.tensor([[1, 2]]), mask=torch.ones(1, 2, dtype=torch.bool), transitions=transitions
    )
    chain = Chain(scores[0].double().numpy(), *limits)
    assert float(loss) == pytest.approx(total_score(chain) - path_score(chain, np.array([1, 2])), abs=1e-4)


def test_a_head_learns_and_generalises() -> None:
    rows, fresh = make_rows(120), make_rows(60, seed=1)
    head = fit_tags(rows.vectors, rows.words, gold=rows.gold, labels=LABELS, settings=QUICK)
    trial = try_tags(head, fresh.vectors, words=fresh.words, gold=fresh.gold)
    assert trial.f1 > 0.95
    assert trial.exact.mean() > 0.9
    assert (trial.hits <= trial.given).all()


def test_the_same_rows_and_seed_give_the_same_file(tmp_path: Path) -> None:
    rows = make_rows(30)
    for name in "ab":
        torch.manual_seed(len(name))
        head = fit_tags(rows.vectors, rows.words, gold=rows.gold, labels=LABELS, settings=TagSettings(most=20))
        save_tags(tmp_path / name, head)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_training_leaves_the_random_numbers_of_others_alone() -> None:
    rows = make_rows(5)
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    fit_tags(rows.vectors, rows.words, gold=rows.gold, labels=LABELS, settings=TagSettings(least=2, most=2))
    assert torch.equal(torch.rand(1), expected)


def test_five_rows_are_enough_to_begin_with() -> None:
    rows = make_rows(5, seed=2)
    head = fit_tags(rows.vectors, rows.words, gold=rows.gold, labels=LABELS, settings=QUICK)
    assert try_tags(head, rows.vectors, words=rows.words, gold=rows.gold).exact.all()


def test_rows_without_labels_and_rows_that_cannot_be_told_are_passed_over() -> None:
    rows = make_rows(20)
    clean = fit_tags(rows.vectors, rows.words, gold=rows.gold, labels=LABELS, settings=TagSettings(most=5))
    odd = split_words("pay strange people")
    nested = [Span(0, 11, "who"), Span(4, 11, "amount")]
    more = fit_tags(
        [*rows.vectors, *[np.zeros((3, 8), np.float32)] * 2],
        [*rows.words, odd, odd],
        gold=[*rows.gold, None, nested],
        labels=LABELS,
        settings=TagSettings(most=5),
    )
    assert more.grams == clean.grams
    np.testing.assert_array_equal(more.out, clean.out)


@pytest.mark.parametrize("gold", [None, []], ids=["no labels", "no spans"])
def test_a_field_without_any_span_answers_none(gold: list[Span] | None) -> None:
    rows = make_rows(6)
    head = fit_tags(rows.vectors, rows.words, gold=[gold] * 6, labels=LABELS, settings=TagSettings(most=5))
    assert head.decode(rows.vectors[0], words=rows.words[0]).spans == []


def test_labels_without_a_row_are_never_answered() -> None:
    rows = make_rows(20)
    head = fit_tags(
        rows.vectors, rows.words, gold=rows.gold, labels=("aaa", *LABELS), settings=TagSettings(most=1)
    )
    eager = head.out_bias.copy()
    eager[1] = 100
    head = type(head)(**{**vars(head), "out_bias": eager})
    found = [
        span
        for vectors, words in zip(rows.vectors, rows.words, strict=True)
        for span in head.decode(vectors, words=words).spans
    ]
    assert {span.label for span in found} <= set(LABELS)


def test_a_book_is_learned_in_pieces() -> None:
    text = "pay 20 pounds now " * 40
    words = split_words(text)
    gold = [Span(start, start + 9, "amount") for start in range(4, len(text), len("pay 20 pounds now "))]
    vectors = np.stack([vector(word.text) for word in words])
    head = fit_tags([vectors], [words], gold=[gold], labels=LABELS, settings=TagSettings(least=60, most=60))
    assert try_tags(head, [vectors], words=[words], gold=[gold]).f1 > 0.98


def test_a_word_that_no_vector_knows_and_an_empty_row_do_no_harm() -> None:
    rows = make_rows(8)
    head = fit_tags(
        [*rows.vectors, np.zeros((0, 8), np.float32)],
        [*rows.words, []],
        gold=[*rows.gold, []],
        labels=LABELS,
        settings=TagSettings(most=5),
    )
    assert np.isfinite(head.decode(np.zeros((2, 8), np.float32), words=split_words("\u200b x")).confidence)


def test_progress_is_told() -> None:
    rows, told = make_rows(5), []
    fit_tags(
        rows.vectors,
        rows.words,
        gold=rows.gold,
        labels=LABELS,
        settings=TagSettings(least=3, most=3),
        tell=lambda done, total: told.append((done, total)),
    )
    assert told == [(1, 3), (2, 3), (3, 3)]


def test_a_head_that_is_too_sure_is_told_so() -> None:
    rows, fresh = make_rows(40), make_rows(80, seed=5)
    head = fit_tags(rows.vectors, rows.words, gold=rows.gold, labels=LABELS, settings=QUICK)
    wrong = [[] if number % 3 == 0 else spans for number, spans in enumerate(fresh.gold)]
    calibrated = calibrate_tags(head, fresh.vectors, words=fresh.words, gold=wrong)
    trial = try_tags(calibrated, fresh.vectors, words=fresh.words, gold=wrong)
    before = try_tags(head, fresh.vectors, words=fresh.words, gold=wrong)
    assert calibrated.temperature > 1
    assert abs(trial.confidence.mean() - trial.exact.mean()) < abs(before.confidence.mean() - before.exact.mean())


def test_without_held_out_labels_a_head_stays_as_it_is() -> None:
    rows = make_rows(5)
    head = fit_tags(rows.vectors, rows.words, gold=rows.gold, labels=LABELS, settings=TagSettings(most=2))
    assert calibrate_tags(head, rows.vectors, words=rows.words, gold=[None] * 5) is head
    assert len(try_tags(head, rows.vectors, words=rows.words, gold=[None] * 5).exact) == 0
