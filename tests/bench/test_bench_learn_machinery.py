"""Processes, searches, peers' environments and the command, on things small enough to see through."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from bench.environments import CONSTRAINTS, PeersError
from bench.learn.__main__ import main
from bench.learn.contenders import Rows, base_folder, contenders
from bench.learn.corpora import INTENT, Corpus, Output, Row
from bench.learn.environment import PEERS
from bench.learn.kept import turn_once
from bench.learn.parts import PARTS
from bench.learn.parts.full import rights
from bench.learn.parts.memory import invent
from bench.learn.parts.scope import known_score
from bench.learn.parts.update import furthest
from bench.learn.processes import run
from bench.learn.search import Predict, answer
from bench.learn.turns import Turn

from freehold.data import jaccard, shingles
from freehold.data.neighbours import NEAR


def test_a_process_is_heard_and_timed() -> None:
    ran = run(
        [sys.executable, "-c", "import sys; print(input()); print('e', file=sys.stderr); sys.exit(3)"], given="é"
    )
    assert (ran.code, ran.out, ran.err) == (3, "é\n", "e\n")
    assert ran.seconds > 0


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is read from /proc")
@pytest.mark.parametrize("child", [False, True])
def test_the_most_memory_counts_even_a_child_and_not_us(child: bool) -> None:
    """A process holds 200 MiB for a moment, itself or through a child; this one holds 300 MiB all along."""
    ours = bytearray(300 << 20)
    hold = "import time; held = b'x' * (200 << 20); time.sleep(0.6); del held; time.sleep(0.3)"
    words = [sys.executable, "-c", hold]
    if child:
        words = [sys.executable, "-c", f"import subprocess, sys; subprocess.run([sys.executable, '-c', {hold!r}])"]
    ran = run(words)
    assert len(ours) == 300 << 20
    assert ran.mebibytes is not None
    assert 200 < ran.mebibytes < 290


def by_length(
    texts: Sequence[str], labels: Sequence[str], *, base: str, setting: Mapping[str, Any], seed: int
) -> Predict:
    """A learner that answers with the label of the nearest length, or always the first where told to."""
    del base, seed
    known = dict(zip(map(len, texts), labels, strict=True))

    def predict(asked: Sequence[str]) -> list[str]:
        if setting["lazy"]:
            return [labels[0]] * len(asked)
        return [known[min(known, key=lambda size: abs(size - len(text)))] for text in asked]

    return predict


def test_a_search_takes_the_best_setting_and_refits_on_all_rows(tmp_path: Path) -> None:
    request = {
        "base": "",
        "seed": 0,
        "train": [["a", "short"], ["aaaa", "long"]],
        "validation": [["bbbb", "long"], ["bbbbbbbbbb", "longer"]],
        "settings": [{"lazy": True}, {"lazy": False}],
        "ask": ["c", "ccccccccc"],
    }
    paths = [tmp_path / "request.json", tmp_path / "reply.json"]
    paths[0].write_text(json.dumps(request))
    answer([str(path) for path in paths], by_length)
    reply = json.loads(paths[1].read_text())
    assert [each["validation"] for each in reply["tried"]] == [0.0, 0.5]
    assert reply["chosen"] == {"lazy": False}
    assert reply["answers"] == ["short", "longer"]  # the second label is known from a validation row alone
    assert reply["rows"] == 4
    assert 0 <= reply["alone"] <= reply["seconds"]


def test_a_search_on_a_part_of_the_rows_still_refits_on_all(tmp_path: Path) -> None:
    seen: list[int] = []

    def count(texts: Sequence[str], labels: Sequence[str], **_: Any) -> Predict:
        seen.append(len(texts))
        return lambda asked: [labels[0]] * len(asked)

    train = [[f"text {number}", "x"] for number in range(10)]
    request = {"base": "", "seed": 0, "train": train, "validation": [["y", "x"]], "ask": ["z"], "searched": 4}
    paths = [tmp_path / "request.json", tmp_path / "reply.json"]
    paths[0].write_text(json.dumps({**request, "settings": [{}, {}]}))
    answer([str(path) for path in paths], count)
    assert seen == [4, 4, 11]


def test_a_known_setting_is_not_searched(tmp_path: Path) -> None:
    request = {"base": "", "seed": 0, "train": [["a", "x"]], "validation": [], "settings": [{"lazy": True}]}
    paths = [tmp_path / "request.json", tmp_path / "reply.json"]
    paths[0].write_text(json.dumps({**request, "ask": ["b"]}))
    answer([str(path) for path in paths], by_length)
    assert json.loads(paths[1].read_text())["tried"] == []


def test_a_peer_of_this_process_is_searched_then_told() -> None:
    texts = [f"a {colour} {thing}" for colour in ("red", "green", "white", "black") for thing in ("nail", "pear")]
    rows = Rows(texts, [text.split()[-1] for text in texts])
    peer = contenders(few=True, quick=True)[0]
    found = peer.learn(rows, Rows(["one blue nail", "one blue pear"], ["nail", "pear"]), ["a grey pear"], seed=0)
    assert (found.answers, found.rows, found.validation) == (["pear"], 10, 1.0)
    again = peer.learn(rows, Rows([], []), ["a grey nail"], seed=0, setting=found.setting)
    assert (again.answers, again.validation, again.setting) == (["nail"], None, found.setting)
    assert again.alone <= again.seconds


def test_every_peer_starts_from_the_same_base() -> None:
    assert {path.name for path in base_folder().iterdir()} >= {
        "model.safetensors",
        "tokenizer.json",
        "modules.json",
    }
    assert [peer.name for peer in contenders(few=False, quick=True)][-2:] == ["Trainer + LoRA", "SetFit 1.2"]


def test_the_peers_environment_is_named_by_what_is_in_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("FREEHOLD_BENCH_PEERS", str(tmp_path))
    before = PEERS.place()
    assert before.parent == tmp_path
    assert not before.exists()
    other = tmp_path / "requirements.txt"
    other.write_bytes(PEERS.requirements.read_bytes() + b"\nother\n")
    assert replace(PEERS, requirements=other).place() != before
    assert replace(PEERS, name="serve").place().name.startswith("serve-")
    assert CONSTRAINTS.is_file()


def test_an_environment_that_cannot_be_made_is_said_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    taken = tmp_path / "file"
    taken.write_text("")
    monkeypatch.setenv("FREEHOLD_BENCH_PEERS", str(taken))
    with pytest.raises(PeersError, match="venv"):
        PEERS.python()


def test_invented_rows_are_learnable_and_hardly_repeat() -> None:
    corpus = invent(400, test=50, labels=10, seed=1)
    assert (len(corpus.train), len(corpus.test)) == (400, 50)
    assert corpus.train == invent(400, test=50, labels=10, seed=1).train
    sets = [shingles({"text": row.text}) for row in corpus.train[:200]]
    near = [1 for i, one in enumerate(sets) for other in sets[:i] if jaccard(one, other) >= NEAR]
    assert near == []
    own: dict[str, set[str]] = {}
    for row in corpus.train:
        own.setdefault(str(row.outputs[INTENT]), set()).update(row.text.split())
    assert len(own) == 10


def test_answers_are_right_by_their_value() -> None:
    rows = (Row("a", {INTENT: "x"}), Row("b", {INTENT: "y"}))
    corpus = Corpus("made", "", (Output(INTENT, "choice", ""),), (), rows)
    assert rights([{INTENT: {"value": "x"}}, {INTENT: {"value": "x"}}], corpus) == [True, False]


@pytest.mark.parametrize(
    ("told", "score"),
    [
        ({"confidence": 0.4}, 0.4),
        ({"confidence": 0.4, "scope": 0.9}, 0.9),
        ({"confidence": 0.4, "scope": None}, 0.4),
    ],
)
def test_what_is_known_is_told_by_the_scope_first(told: Mapping[str, Any], score: float) -> None:
    assert known_score(told) == score


def test_the_furthest_probability_counts_labels_that_one_side_lacks() -> None:
    ones = [{INTENT: {"probabilities": {"a": 0.5, "b": 0.5}}}]
    others = [{INTENT: {"probabilities": {"a": 0.7, "b": 0.0, "c": 0.3}}}]
    assert furthest(ones, ones) == 0.0
    assert furthest(ones, others) == 0.5


def test_a_turn_tells_its_stages_and_metrics() -> None:
    document = {
        "verdict": {"fields": {INTENT: {"ece": {"value": 0.01}}}},
        "stages": [
            {"name": "train.fit", "seconds": 1.5, "cached": False},
            {"name": "gate.judge", "seconds": 9.0, "cached": True},
        ],
    }
    turned = Turn(Path(), document, None, None)
    assert (turned.stage("train"), turned.stage("gate"), turned.stage("none")) == (1.5, None, None)
    assert turned.metric(INTENT, "ece") == {"value": 0.01}
    assert turned.metric("other", "ece") is None


def test_a_turn_is_made_again_where_the_sources_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []

    def turn(folder: Path) -> Turn:
        made.append(folder)
        assert not (folder / ".freehold").exists()
        (folder / ".freehold").mkdir()
        return Turn(folder, {"stages": []}, float(len(made)), None)

    monkeypatch.setattr("bench.learn.turns.turn", turn)
    assert [turn_once(tmp_path).seconds for _ in range(2)] == [1.0, 1.0]
    monkeypatch.setattr("bench.learn.kept.sources", lambda: "others")
    assert turn_once(tmp_path).seconds == 2.0


def test_the_command_names_its_parts(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["everything"])
    assert ended.value.code == 2
    said = capsys.readouterr().err
    assert "'everything'" in said
    assert all(name in said for name in PARTS)
