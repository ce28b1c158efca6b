"""What is kept of a collection between turns changes nothing but the time that the next one takes."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from tests.data.workplace import Work

from freehold.data import find_clusters
from freehold.data import signatures as module
from freehold.data.neighbours import HASHES, sign_rows
from freehold.data.signatures import KeptSignatures
from freehold.task import Field, Label, Source, digest, example_id

WORDS = ["amber", "brick", "cloud", "delta", "ember", "frost", "grape", "honey", "ivory", "jolly", "koala", "élan"]
KINDS = (
    Field("kind", "choice"),
    Field("tags", "choices"),
    Field("urgent", "predicate"),
    Field("stars", "score", labels=(Label("1"), Label("2"), Label("3"))),
    Field("price", "number"),
    Field("marks", "spans"),
)


def make_rows(count: int, *, seed: int = 0) -> dict[str, dict[str, str]]:
    """Returns rows by id, in order of their ids; every tenth has a near duplicate."""
    chance = random.Random(seed)
    texts = [" ".join(chance.choices(WORDS, k=8)) for _ in range(count)]
    texts += [f"{text}!" for text in texts[::10]]
    rows = {example_id({"text": text}): {"text": text} for text in texts}
    return dict(sorted(rows.items()))


@pytest.fixture
def signed(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """The ids of the rows that were signed, one set a call."""
    calls: list[set[str]] = []

    def sign(rows: Mapping[str, Mapping[str, str]]) -> object:
        calls.append(set(rows))
        return sign_rows(rows)

    monkeypatch.setattr(module, "sign_rows", sign)
    return calls


def test_only_new_rows_are_signed(tmp_path: Path, signed: list[set[str]]) -> None:
    rows = make_rows(200)
    first = dict(list(rows.items())[50:])
    for some in (first, first, rows, dict(list(rows.items())[:90]), rows):
        assert (KeptSignatures(tmp_path, task="t")(some) == sign_rows(some)).all()
    assert signed == [set(first), set(rows) - set(first)]
    assert KeptSignatures(tmp_path, task="other")(rows).shape == (len(rows), HASHES)
    assert signed[2:] == [set(rows)], "another task has rows of its own"
    assert KeptSignatures(tmp_path, task="t")({}).shape == (0, HASHES)


def test_many_rows_are_kept_in_parts_and_one_that_is_damaged_is_made_again(
    tmp_path: Path, signed: list[set[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PART", 40)
    rows = make_rows(100)
    KeptSignatures(tmp_path, task="t")(rows)
    paths = sorted(tmp_path.rglob("*.safetensors"))
    assert len(paths) == 3
    paths[1].write_bytes(paths[1].read_bytes()[:-1])
    assert (KeptSignatures(tmp_path, task="t")(rows) == sign_rows(rows)).all()
    assert len(signed[1]) in (40, len(rows) - 80), "the rows of that part alone"
    some = dict(list(make_rows(120).items()))
    assert (KeptSignatures(tmp_path, task="t")(some) == sign_rows(some)).all()
    assert signed[2] == set(some) - set(rows)
    assert len(list(tmp_path.rglob("*.safetensors"))) == 4, "no part of before is left"


def test_kept_signatures_lead_to_the_same_clusters(tmp_path: Path) -> None:
    rows = make_rows(300)
    KeptSignatures(tmp_path, task="t")(dict(list(rows.items())[::2]))
    found = find_clusters(rows, signing=KeptSignatures(tmp_path, task="t"))
    assert found == find_clusters(rows)
    assert len(set(found.values())) < len(rows)


@pytest.mark.parametrize("damage", ["cut", "changed"])
def test_a_damaged_file_is_made_again(damage: str, tmp_path: Path, signed: list[set[str]]) -> None:
    rows = make_rows(100)
    KeptSignatures(tmp_path, task="t")(rows)
    [path] = tmp_path.rglob("*.safetensors")
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    path.write_bytes(content[:-500] if damage == "cut" else content)
    assert (KeptSignatures(tmp_path, task="t")(rows) == sign_rows(rows)).all()
    assert len(signed) == 2
    assert np.array_equal(KeptSignatures(tmp_path, task="t")(rows), sign_rows(rows))
    assert len(signed) == 2, "the new file is whole"
    assert len([each for each in tmp_path.rglob("*") if each.is_file()]) == 1


def test_a_collection_has_the_bytes_that_it_always_had(work: Work) -> None:
    """A faster way to the same examples must not make those of a release look new."""
    put_many_kinds(work)
    sources = (Source("a.csv", {}, licence="MIT"), Source("b.jsonl", {}, split="test"))
    inputs = {"title": "string", "body": "string"}
    for _ in range(2):
        made = work.collect(*sources, inputs=inputs, fields=KINDS, seed=3)
        files = {name: sha for name, sha in made.files.items() if name not in ("report.json", "leaks.json")}
        assert sorted(files) == ["apart.jsonl", "conflicts.jsonl", "examples.jsonl", "refused.jsonl"]
        assert digest(files) == "f83f2afaeb3a463c517920a1f91687b9e677fcc374a48b98f4618e722281db62"
        assert (len(made.examples), len(made.apart), len(made.refused)) == (366, 1, 155)


def put_many_kinds(work: Work) -> None:
    """Writes 480 rows and more of all kinds, good and bad, some near each other, and twelve corrections."""
    chance = random.Random(5)
    lines = ["title,body,kind,tags,urgent,stars,price,marks"]
    for i in range(400):
        title = " ".join(chance.choices(WORDS, k=6))
        body = f"{title[::-1]}, said {i // 3 * 3}"
        spans = json.dumps([{"label": "x", "start": 0, "end": 2}]).replace('"', '""') if i % 7 == 0 else ""
        kind, tags = chance.choice("abc"), chance.choice(["p;q", "q", ""])
        truth, stars = chance.choice(["yes", "no", "0", ""]), chance.choice("123")
        price = chance.choice(["1.5", "1e3", "oops"])
        lines.append(f'"{title}{"!" * (i % 3 == 0)}","{body}",{kind},{tags},{truth},{stars},{price},"{spans}"')
        if i % 5 == 0:
            lines.append(lines[-1].replace("amber", "Amber"))
    work.put("a.csv", "\n".join([*lines, "short", "", '"open']) + "\n")
    odd = "é\u200b\u2028x"
    rows: list[dict[str, object]] = [
        {"title": f"{chance.choice(WORDS)} {i}", "body": odd, "kind": "a", "stars": i % 3 + 1} for i in range(60)
    ]
    work.put("b.jsonl", "\n".join(map(json.dumps, rows)) + "\nnull\n")
    for n in range(12):
        title = f"{WORDS[n]} {n}" if n % 2 else f"new {n}"
        work.shelf.correct({"title": title, "body": odd}, {"kind": "c", "stars": 2}, request=f"r{n}")
