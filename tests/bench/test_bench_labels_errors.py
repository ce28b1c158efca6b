from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from bench.intervals import Interval
from bench.labels_errors import OURS, Draw, rank, tell_cpu, tell_lists, tell_ranked

from freehold.label.suspects import Findings, Suspect

FLIPPED = np.arange(20) < 4


def made(ranked: list[int], called: list[int]) -> Draw:
    order = np.array(ranked + [n for n in range(20) if n not in ranked])
    return Draw(
        np.zeros(len(FLIPPED), np.int64),
        FLIPPED,
        {OURS: order},
        {OURS: np.array(called)},
        {OURS: 0.2},
        {"probabilities": 1.25},
    )


def test_hits_of_all_draws_are_counted_together() -> None:
    draws = [made([0, 1, 2, 10, 3], [0, 1, 2, 10]), made([11, 0, 1, 2], [0, 1])]
    table = {row["k"]: row for row in tell_ranked(draws).rows}
    for size, hits in ((2, 3), (4, 6), (8, 8)):
        precision, recall = table[size]["precision"], table[size]["recall"]
        assert isinstance(precision, Interval)
        assert isinstance(recall, Interval)
        assert (precision.value, precision.n) == (hits / (2 * size), 2 * size)
        assert (recall.value, recall.n) == (hits / 8, 8)
    (row,) = tell_lists(draws).rows
    assert row["rows in a draw"] == 3
    assert row["precision"] == pytest.approx((5 / 6, 0.4365, 0.9699, 6), abs=1e-4)
    assert tell_cpu(draws).rows == ({"what": "probabilities", "CPU s": "1.25, 1.25"},)


def test_after_the_suspects_come_the_others_by_trust() -> None:
    chances = np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6], [0.7, 0.3]])
    given = np.array([0, 0, 0, 0])
    found = Findings(None, (Suspect(2, 0, 1, 0.4, 0.6),))
    assert rank(found, chances, given).tolist() == [2, 1, 3, 0]


def test_the_peer_asks_for_no_library_of_ours() -> None:
    root = Path(__file__).resolve().parents[2]
    text = (root / "bench" / "labels_errors_peer.py").read_text()
    assert "import freehold" not in text
    assert "from freehold" not in text
    with (root / "constraints.txt").open() as file:
        assert not [line for line in csv.reader(file) if line and line[0].startswith("cleanlab")], "a peer only"
