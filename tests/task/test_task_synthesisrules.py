"""The `[synthesis]` table: what it holds, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from freehold.errors import TaskFileError
from freehold.task import Price, Share, SynthesisRules, Upstream, load_task

_HEAD = '[task]\nname = "t"\n[input]\ntext = "string"\n[output.intent]\nkind = "choice"\nlabels = ["a", "b"]\n'
_WRITER = '[[synthesis.writer]]\nname = "big"\nurl = "https://api.example.com/v1"\nmodel = "m"\n'
_MINE = 'generators = ["mine.v1"]\n'


def _load(folder: Path, synthesis: str) -> SynthesisRules:
    (folder / "task.toml").write_text(f"{_HEAD}{synthesis}\n")
    return load_task(folder).synthesis


def test_a_task_without_the_table_makes_no_rows(tmp_path: Path) -> None:
    assert _load(tmp_path, "") == SynthesisRules()
    assert not SynthesisRules().enabled


def test_every_key_is_read(tmp_path: Path) -> None:
    said = 'templates = "t.txt"\nrows = 9\nseed = 3\nlicence = "CC0-1.0"\nagreement = 0.2\nchecker = "big"\n'
    said += 'cost = 1.5\ntokens = 1000\ngenerators = { "templates.v1" = 4, "mine.v1" = 5 }\n'
    found = _load(tmp_path, f"[synthesis]\n{said}{_WRITER}price = {{ input = 1, output = 2 }}\n")
    writer = Upstream("big", "https://api.example.com/v1", "m", 1.0, (), price=Price(1, 2))
    shares = (Share("templates.v1", 4), Share("mine.v1", 5))
    assert found == SynthesisRules(True, shares, "t.txt", 9, 3, "CC0-1.0", 0.2, "big", 1.5, 1000, (writer,))


def test_one_flag_switches_rows_off_and_a_list_divides_them(tmp_path: Path) -> None:
    found = _load(tmp_path, '[synthesis]\nenabled = false\nrows = 5\ngenerators = ["a.v1", "b.v1"]\n')
    assert not found.enabled
    assert found.generators == (Share("a.v1", 3), Share("b.v1", 3))


def test_templates_alone_are_enough(tmp_path: Path) -> None:
    assert _load(tmp_path, '[synthesis]\ntemplates = "t.txt"\n').generators == (Share("templates.v1", 1000),)


def test_the_part_of_a_key_holds_it_all_as_plain_data(tmp_path: Path) -> None:
    (tmp_path / "task.toml").write_text(f"{_HEAD}[synthesis]\n{_MINE}{_WRITER}key = 'KEY'\n")
    part = load_task(tmp_path).part("synthesis")
    assert isinstance(part, dict)
    assert part["generators"] == [{"generator": "mine.v1", "rows": 1000}]
    assert part["writers"][0]["key"] == "KEY"  # type: ignore[index, call-overload]  # the variable's name


@pytest.mark.parametrize(
    ("synthesis", "message"),
    [
        ("", "there is no `generators`; it must be a list"),
        ("generators = []", "`generators` is a list; it must be"),
        ('generators = { "a.v1" = 0 }', "`a.v1` is 0; it must be a whole number from 1 to 1000000."),
        ('generators = ["templates.v1"]', "`templates.v1` needs a file"),
        (f'{_MINE}templates = "t.txt"', "which `generators` does not name"),
        (f"{_MINE}rows = 0", "`rows` is 0; it must be a whole number from 1 to 1000000."),
        (f"{_MINE}agreement = 2", "`agreement` is 2; it must be a number from 0 to 1."),
        (f"{_MINE}cost = -1", "`cost` is -1"),
        (f'{_MINE}checker = "big"', "`checker` is 'big'; there is no `[[synthesis.writer]]`."),
        (f'{_MINE}checker = "bit"\n{_WRITER}', "`checker` is 'bit'"),
        (f"{_MINE}{_WRITER}{_WRITER}", "two writers are called 'big'."),
        (f"{_MINE}{_WRITER}trust = 1", "unknown key `trust`"),
        (f"{_MINE}row = 1", "unknown key `row`"),
    ],
)
def test_a_mistake_is_told_with_what_is_allowed(synthesis: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(TaskFileError) as caught:
        _load(tmp_path, f"[synthesis]\n{synthesis}\n")
    assert message in str(caught.value)
