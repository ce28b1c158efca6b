"""The published files as typed rows, their protocols, the draws from them and the task folders made of them."""

from __future__ import annotations

import csv
import json
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from bench.learn import corpora, draws
from bench.learn.corpora import INTENT, INTENTS, REGIMES, SLOTS, Corpus, Output, Row, join_chunks, nlupp
from bench.learn.tasks import write_task

from freehold.task import Task, load_task

COLOURS = ("red", "green", "blue", "grey", "black")


def texts(rows: Sequence[Row]) -> set[str]:
    return {row.text for row in rows}


def made(labels: int, rows: int) -> Corpus:
    """Returns a corpus of `rows` train rows a label and two test rows a label."""
    train = [Row(f"train {label} {i}", {INTENT: f"label {label}"}) for label in range(labels) for i in range(rows)]
    test = [Row(f"test {label} {i}", {INTENT: f"label {label}"}) for label in range(labels) for i in range(2)]
    return Corpus("made", "CC0-1.0", (Output(INTENT, "choice", 'A "label".'),), tuple(train), tuple(test))


@pytest.mark.parametrize(
    ("chunks", "text", "spans"),
    [
        ([("put ", ""), ("Aspro", "track"), (" on", "")], "put Aspro on", [("track", 4, 9)]),
        ([("  put ", ""), (" Aspro ", "track"), ("on ", "")], "put  Aspro on", [("track", 5, 10)]),
        ([("Aspro", "track"), ("Mavro", "artist")], "AsproMavro", [("track", 0, 5), ("artist", 5, 10)]),
        ([("nothing", ""), (" ", "track")], "nothing", []),
        ([(" é", "track")], "é", [("track", 0, 1)]),
    ],
)
def test_chunks_become_a_text_and_its_spans(
    chunks: list[tuple[str, str]], text: str, spans: list[tuple[str, int, int]]
) -> None:
    pieces = [{"text": piece, **({"entity": entity} if entity else {})} for piece, entity in chunks]
    joined, found = join_chunks(pieces)
    assert joined == text
    assert [(span["label"], span["start"], span["end"]) for span in found] == spans
    assert all(joined[span["start"] : span["end"]] == span["text"] for span in found)


def test_snips_is_read_in_either_encoding(tmp_path: Path) -> None:
    home = tmp_path / "snips"
    home.mkdir()
    for name, encoding in {"train_PlayMusic_full": "latin-1", "validate_PlayMusic": "utf-8"}.items():
        data = {"PlayMusic": [{"data": [{"text": "play "}, {"text": "Café", "entity": "track"}]}]}
        (home / f"{name}.json").write_bytes(json.dumps(data, ensure_ascii=False).encode(encoding))
    corpus = corpora.snips(tmp_path)
    assert corpus.train == corpus.test
    [row] = corpus.train
    assert row.outputs == {
        INTENT: "PlayMusic",
        SLOTS: [{"label": "track", "start": 5, "end": 9, "text": "Café"}],
    }


@pytest.mark.parametrize(("name", "column"), [("banking77", "category"), ("hwu64", "intent")])
def test_a_table_is_read_with_its_label_column(tmp_path: Path, name: str, column: str) -> None:
    home = tmp_path / name
    home.mkdir()
    for split in ("train", "test"):
        with (home / f"{split}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([["text", "scenario", column], [f"{split}, said", "other", "lamp"]])
    read = {"banking77": corpora.banking77, "hwu64": corpora.hwu64}[name](tmp_path)
    assert read.train == (Row("train, said", {INTENT: "lamp"}),)
    assert read.test[0].text == "test, said"


@pytest.mark.parametrize(
    ("regime", "experiments", "train", "test"), [("low", 20, 1, 19), ("mid", 10, 2, 18), ("large", 10, 18, 2)]
)
def test_regimes_divide_the_folds_as_their_authors_do(
    regime: str, experiments: int, train: int, test: int
) -> None:
    folds = [[Row(f"{number}", {})] for number in range(20)]
    made = nlupp(folds, regime)
    assert len(made) == experiments
    assert {(len(each.train), len(each.test)) for each in made} == {(train, test)}
    assert all(texts(each.train) | texts(each.test) == set(map(str, range(20))) for each in made)
    assert [row.text for row in (made[1].train if regime != "large" else made[1].test)] == (
        ["1"] if regime == "low" else ["2", "3"]
    )


def test_an_unknown_regime_is_refused() -> None:
    with pytest.raises(ValueError, match="must be one of low, mid, large"):
        nlupp([], "medium")


def test_nlupp_rows_without_intents_or_slots_have_empty_ones(tmp_path: Path) -> None:
    home = tmp_path / "nlupp-banking"
    home.mkdir()
    slot = {"text": "now", "span": [3, 6], "value": "now"}
    examples: list[Mapping[str, Any]] = [
        {"text": "go now", "intents": ["b", "a"], "slots": {"time": slot}},
        {"text": "hm"},
    ]
    for number in range(20):
        (home / f"fold{number}.json").write_text(json.dumps(examples))
    ontology = {
        "intents": {"a": {"description": "an a?", "domain": ["general"]}},
        "slots": {
            "time": {"description": "when?", "domain": ["banking"]},
            "rooms": {"description": "how many?", "domain": ["hotels"]},
        },
    }
    (home / "ontology.json").write_text(json.dumps(ontology))
    first, second = corpora.nlupp_folds(tmp_path)[0]
    assert first.outputs[INTENTS] == ["a", "b"]
    assert first.outputs[SLOTS] == [{"label": "time", "start": 3, "end": 6, "text": "now"}]
    assert second.outputs == {INTENTS: [], SLOTS: []}
    assert corpora.nlupp_outputs(tmp_path)[1].labels == {"time": "when?"}


def test_few_rows_are_drawn_by_label_and_seed() -> None:
    corpus = made(4, 6)
    drawn = draws.few(corpus, shots=2, draw=0, field=INTENT)
    counts = [sum(row.outputs[INTENT] == f"label {label}" for row in drawn.train) for label in range(4)]
    assert counts == [2, 2, 2, 2]
    assert drawn.test == corpus.test
    assert drawn.train == draws.few(corpus, shots=2, draw=0, field=INTENT).train
    assert texts(drawn.train) != texts(draws.few(corpus, shots=2, draw=1, field=INTENT).train)
    rest = draws.others(corpus, drawn.train, most=5, draw=0)
    assert len(rest) == 5
    assert texts(rest) <= texts(corpus.train) - texts(drawn.train)
    assert len(draws.few(corpus, shots=9, draw=0, field=INTENT).train) == len(corpus.train)


def test_names_alone_leave_labels_and_test_rows() -> None:
    bare = draws.names_only(made(3, 2), field=INTENT)
    assert (bare.train, len(bare.test)) == ((), 6)
    assert bare.outputs[0].labels == {"label 0": "", "label 1": "", "label 2": ""}


def test_withheld_labels_are_nowhere_but_among_the_unknown() -> None:
    corpus = made(9, 3)
    part = draws.withhold(corpus, labels=4, draw=1, field=INTENT)
    left = {row.outputs[INTENT] for row in (*part.corpus.train, *part.corpus.test)}
    assert len(part.labels) == 4
    assert not left & set(part.labels)
    assert {row.outputs[INTENT] for row in part.unknown} == set(part.labels)
    assert len(part.corpus.test) + len(part.unknown) == len(corpus.test)


def test_a_rehearsal_looks_at_no_test_row() -> None:
    corpus = made(20, 60)
    small = draws.rehearse(corpus, field=INTENT)
    assert texts(small.train) | texts(small.test) <= texts(corpus.train)
    assert not texts(small.train) & texts(small.test)
    assert len({row.outputs[INTENT] for row in small.train}) == 6


@pytest.mark.parametrize("effort", [None, "quick"])
def test_a_task_folder_says_what_the_corpus_is(tmp_path: Path, effort: str | None) -> None:
    labels = {'say "hi"': "A greeting.", "back\\slash": "é"}
    outputs = (Output("tags", "choices", "All.", labels), Output(SLOTS, "spans", "", dict.fromkeys(COLOURS, "")))
    span = {"label": "red", "start": 0, "end": 2, "text": "hö"}
    row = Row("hö", {"tags": ['say "hi"'], SLOTS: [span]})
    corpus = Corpus("two-fields", "CC0-1.0", outputs, (row,), (row,))
    folder = write_task(tmp_path / "task", corpus, seed=7, effort=effort)
    written = tomllib.loads((folder / "task.toml").read_text())
    assert (written["task"]["seed"], written["task"].get("effort")) == (7, effort)
    assert written["output"]["tags"]["labels"] == labels
    assert [(each["uri"], each["split"]) for each in written["source"]] == [
        ("train.jsonl", "train"),
        ("test.jsonl", "test"),
    ]
    assert json.loads((folder / "train.jsonl").read_text()) == {"text": "hö", **row.outputs}
    if effort is None or "effort" in Task.__dataclass_fields__:
        task = load_task(folder)
        assert [(field.name, field.kind) for field in task.fields] == [("tags", "choices"), (SLOTS, "spans")]
        assert [label.name for label in task.field(SLOTS).labels or ()] == list(COLOURS)


def test_a_task_without_train_rows_has_one_source(tmp_path: Path) -> None:
    write_task(tmp_path, draws.names_only(made(2, 2), field=INTENT), seed=0, effort=None)
    assert [source.split for source in load_task(tmp_path).sources] == ["test"]
    assert not (tmp_path / "train.jsonl").exists()


def test_an_unknown_effort_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must be one of quick, normal, thorough"):
        write_task(tmp_path, made(2, 2), seed=0, effort="slow")


def needs(folder: str) -> Path:
    data = corpora.data_folder()
    if not (data / folder).is_dir():
        pytest.skip(f"`{data / folder}` is not on this machine")
    return data


@pytest.mark.parametrize(("name", "labels", "train"), [("banking77", 77, 10_003), ("hwu64", 64, 9_960)])
def test_the_published_tables_are_whole(name: str, labels: int, train: int) -> None:
    data = needs(name)
    corpus = {"banking77": corpora.banking77, "hwu64": corpora.hwu64}[name](data)
    assert len(corpus.train) == train
    assert len({row.outputs[INTENT] for row in corpus.train}) == labels


def test_the_published_spans_cover_what_they_say() -> None:
    rows = list(corpora.snips(needs("snips")).train)
    rows += [row for fold in corpora.nlupp_folds(needs("nlupp-banking")) for row in fold]
    strays = [
        span
        for row in rows
        for span in row.outputs[SLOTS]
        if row.text[span["start"] : span["end"]] != span["text"]
    ]
    assert len(rows) == 13_784 + 2_071
    assert strays == []


def test_the_published_ontology_names_every_label() -> None:
    data = needs("nlupp-banking")
    for output in corpora.nlupp_outputs(data):
        rows = [row.outputs[output.name] for fold in corpora.nlupp_folds(data) for row in fold]
        found = {each if isinstance(each, str) else each["label"] for values in rows for each in values}
        assert found == set(output.labels or ())


def test_every_regime_is_explained() -> None:
    assert list(REGIMES) == ["low", "mid", "large"]
