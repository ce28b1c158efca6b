"""The harness: who runs when, and what is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from bench.harness import Machine, Report, Table, alternate, compare, markdown, publish, typed
from bench.intervals import Interval


def contenders(calls: list[str], *names: str) -> dict[str, Callable[[], object]]:
    def note(name: str) -> Callable[[], object]:
        return lambda: calls.append(name)

    return {name: note(name) for name in names}


def test_contenders_alternate_and_none_is_always_first() -> None:
    calls: list[str] = []
    alternate(contenders(calls, "a", "b", "c"), repeats=3, warmup=0)
    assert "".join(calls) == "abc" + "bca" + "cab"


@pytest.mark.parametrize(("repeats", "warmup"), [(1, 0), (4, 2), (5, 1)])
def test_warm_up_is_run_but_not_counted(repeats: int, warmup: int) -> None:
    calls: list[str] = []
    seconds = alternate(contenders(calls, "a", "b"), repeats=repeats, warmup=warmup)
    assert len(calls) == 2 * (repeats + warmup)
    assert {name: len(times) for name, times in seconds.items()} == {"a": repeats, "b": repeats}


def test_compare_gives_medians_and_the_ratio_to_ours() -> None:
    table = compare({"ours": [1.0, 3.0, 2.0], "peer": [4.0, 4.0, 4.0]}, ours="ours", seed=0)
    ours, peer = table.rows
    assert ours["median s"] == 2.0
    assert ours["`ours` / this"] is None
    ratio = peer["`ours` / this"]
    assert isinstance(ratio, Interval)
    assert (ratio.value, ratio.n) == (0.5, 3)


def report() -> Report:
    machine = Machine(2, "A CPU", "Linux x86_64", "3.11.2", {"freehold": "0.1.0"}, "abc123")
    rows = ({"what": "ours", "accuracy": Interval(0.5, 0.25, 0.75, 12), "note": None, "n": 12},)
    return Report("sample", machine, 7, (Table("Accuracy", rows),), ("A note.",), command="python -m bench.x")


def test_markdown_names_machine_commit_seed_and_command() -> None:
    assert markdown(report()) == (
        "# sample\n\n"
        "Machine: 2 cores, A CPU, Linux x86_64, Python 3.11.2; freehold 0.1.0.\n"
        "Commit `abc123`, seed 7, command `python -m bench.x`.\n\n"
        "## Accuracy\n\n"
        "| what | accuracy | note | n |\n| --- | --- | --- | --- |\n"
        "| ours | 0.5 [0.25, 0.75] |  | 12 |\n\n"
        "- A note.\n"
    )


def test_publish_writes_json_with_named_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = publish(report(), out=tmp_path / "out")
    written = json.loads(path.read_text())
    assert written["tables"][0]["rows"][0]["accuracy"] == {"value": 0.5, "low": 0.25, "high": 0.75, "n": 12}
    assert written["machine"]["cores"] == 2
    assert path.with_suffix(".md").read_text() == markdown(report())
    assert capsys.readouterr().out == markdown(report()) + "\n"


def test_a_command_can_be_typed_again() -> None:
    assert typed("x", ["--keep", "a folder"]) == "python -m bench.x --keep 'a folder'"
    assert typed("x", []) == "python -m bench.x"


def test_this_machine_can_be_described() -> None:
    here = Machine.here("pytest", "no-such-library")
    assert here.cores >= 1
    assert here.libraries["no-such-library"] == "not installed"
    assert list(here.libraries) == ["freehold", "no-such-library", "pytest"]
    assert here.line().startswith(f"{here.cores} cores, {here.cpu}, ")
