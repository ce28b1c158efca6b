from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.task.toml_text import literal, quoted

from freehold.errors import Mistake, NotFoundError, StorageError, TaskFileError
from freehold.task import EFFORTS, FIELD_KINDS, Goal, Label, Source, Task, load_task

WHOLE = """\
[task]
name = "banking"
description = "What does the customer want?"
base = "hf:BAAI/bge-small-en@main"
seed = 7
effort = "thorough"

[input]
text = "string"
title = "string"

[output.intent]
kind = "choice"
description = "The customer's intent."
labels = "data"
abstain_below = 0.2
other = "something else"
false_alarms = 0.1

[output.topics]
kind = "choices"
labels = ["card", "loan"]

[output.urgent]
kind = "predicate"

[output.mood]
kind = "score"
labels = [3, 1, 2]

[output.amount]
kind = "number"

[output.slots]
kind = "spans"
labels = { date = "A day.", amount = "" }

[output.reply]
kind = "text"

[[source]]
uri = "train.csv"
fields = { text = "body", title = "head", intent = "category" }
licence = "CC-BY-4.0"

[[source]]
uri = "test.csv"
split = "test"

[goal]
intent.accuracy = 0.90
amount.mae = 12
p50_ms = 10
size_mb = 30
"""
HEAD = '[task]\nname = "a"\n[input]\ntext = "string"\n'
FIELD = HEAD + '[output.intent]\nkind = "choice"\n'


def load(folder: Path, text: str | bytes) -> Task:
    (folder / "task.toml").write_bytes(text.encode() if isinstance(text, str) else text)
    return load_task(folder)


def mistakes(folder: Path, text: str | bytes) -> list[Mistake]:
    with pytest.raises(TaskFileError) as caught:
        load(folder, text)
    return caught.value.mistakes


def test_reads_everything_of_the_contract(tmp_path: Path) -> None:
    task = load(tmp_path, WHOLE)
    assert (task.name, task.base, task.seed) == ("banking", "hf:BAAI/bge-small-en@main", 7)
    assert task.folder == tmp_path.resolve()
    assert task.inputs == {"text": "string", "title": "string"}
    kinds = [field.kind for field in task.fields]
    assert kinds == ["choice", "choices", "predicate", "score", "number", "spans", "text"]
    assert task.field("intent").labels is None
    assert task.field("intent").abstain_below == 0.2
    assert (task.effort, task.field("intent").other, task.field("intent").false_alarms) == (
        "thorough",
        "something else",
        0.1,
    )
    assert task.field("topics").labels == (Label("card"), Label("loan"))
    assert task.field("mood").labels == (Label("1"), Label("2"), Label("3"))
    assert task.field("slots").labels == (Label("date", "A day."), Label("amount"))
    columns = {"text": "body", "title": "head", "intent": "category"}
    assert task.sources[0] == Source("train.csv", columns, licence="CC-BY-4.0")
    assert task.goals == (
        Goal("intent", "accuracy", 0.9),
        Goal("amount", "mae", 12.0),
        Goal("", "p50_ms", 10.0),
        Goal("", "size_mb", 30.0),
    )


def test_a_source_without_fields_has_columns_of_the_same_names(tmp_path: Path) -> None:
    source = load(tmp_path, WHOLE).sources[1]
    names = ["text", "title", "intent", "topics", "urgent", "mood", "amount", "slots", "reply"]
    assert source == Source("test.csv", {name: name for name in names}, split="test")


def test_defaults(tmp_path: Path) -> None:
    task = load(tmp_path, FIELD)
    assert (task.base, task.seed, task.description, task.sources, task.goals) == ("minilm", 0, "", (), ())
    assert task.field("intent").labels is None
    assert (task.effort, task.field("intent").other, task.field("intent").false_alarms) == ("normal", "", 0.05)


@pytest.mark.parametrize("effort", EFFORTS)
def test_efforts(effort: str, tmp_path: Path) -> None:
    assert load(tmp_path, FIELD.replace('name = "a"', f'name = "a"\neffort = "{effort}"')).effort == effort


def test_takes_the_file_itself_and_windows_line_ends(tmp_path: Path) -> None:
    (tmp_path / "task.toml").write_bytes(b"\xef\xbb\xbf" + FIELD.replace("\n", "\r\n").encode())
    assert load_task(tmp_path / "task.toml").name == "a"


@pytest.mark.parametrize(
    "base",
    ["minilm", "hf:ORG/name", "hf:ORG/name.x@v1/a", "./models/x", "~/x", "here", "scratch:2m", "gguf:a b"],
)
def test_bases(tmp_path: Path, base: str) -> None:
    (tmp_path / "here").mkdir()
    assert load(tmp_path, FIELD.replace('name = "a"', f'name = "a"\nbase = "{base}"')).base == base


ONE_MISTAKE = [
    (FIELD + 'lables = "data"', 7, "unknown key `lables`; did you mean `labels`?"),
    (FIELD + 'labels = "dta"', 7, "`labels` is 'dta'; it must be \"data\", a list, or a table"),
    (FIELD + 'labels = ["a"]', 7, "a choice field needs at least 2 labels; `labels` lists 1."),
    (FIELD + 'labels = [\n"a",\n"b",\n"a"]', 10, "label 'a' is listed twice."),
    (FIELD + "labels = [\n'a',\n1]", 9, "label 1 must be a string; put it in quotes."),
    (FIELD + "labels = ['a', ' b']", 7, "label ' b' has spaces around it."),
    (FIELD + "labels = ['a', '']", 7, "label '' is empty."),
    (FIELD + "[output.intent.labels]\na = ''\nb = 1", 9, "`b` is 1; it must be a string."),
    (FIELD + "abstain_below = 1.5", 7, "`abstain_below` is 1.5; it must be a number from 0 to 1."),
    (FIELD + "abstain_below = true", 7, "`abstain_below` is true; it must be a number from 0 to 1."),
    (FIELD + 'labels = ["a", "b"]\nother = "c"', 8, "`other` is 'c'; allowed: `a`, `b`."),
    (FIELD + 'labels = ["ab", "c"]\nother = "ad"', 8, "`other` is 'ad'; did you mean `ab`?"),
    (FIELD + "other = 1", 7, "`other` is 1; it must be a string."),
    (
        HEAD + '[output.a]\nkind = "number"\nother = "b"',
        7,
        "a number field has no `other`; it belongs to a choice.",
    ),
    (FIELD + "false_alarms = 0", 7, "`false_alarms` is 0; it must be a number from 0.001 to 0.5."),
    (
        HEAD + '[output.a]\nkind = "number"\nfalse_alarms = 0.1',
        7,
        "a number field has no `false_alarms`; it belongs to a choice.",
    ),
    (
        FIELD.replace("[input]", 'effort = "thorogh"\n[input]'),
        3,
        "unknown effort 'thorogh'; did you mean `thorough`?",
    ),
    (FIELD.replace("[input]", "effort = 1\n[input]"), 3, "`effort` is 1; it must be a string."),
    (FIELD + "description = 3", 7, "`description` is 3; it must be a string."),
    (FIELD.replace('"choice"', '"choise"'), 6, "unknown kind 'choise'; did you mean `choice`?"),
    (FIELD.replace('"choice"', '["choice"]'), 6, "`kind` is a list; it must be a string."),
    (FIELD.replace('kind = "choice"', ""), 5, "`[output.intent]` has no `kind`."),
    (HEAD + "[output]\nintent = 1", 6, "`intent` is 1; it must be a table."),
    (HEAD, 0, "there is no output field; add a table such as `[output.intent]`."),
    (HEAD + "[output]", 5, "there is no output field"),
    (HEAD + '[output.text]\nkind = "text"', 5, "output `text` has the name of an input"),
    (HEAD + '[output."a b"]\nkind = "text"', 5, "'a b' cannot name a field; it may hold"),
    (HEAD + '[output.a]\nkind = "text"\nlabels = ["a"]', 7, "a text field has no labels; remove `labels`"),
    (HEAD + '[output.a]\nkind = "predicate"\nlabels = "data"', 7, "a predicate field has no labels"),
    (HEAD + '[output.a]\nkind = "score"\nlabels = [\n1,\n"x"]', 9, "label 'x' of a score field must be a"),
    (HEAD + '[output.a]\nkind = "score"\nlabels = [1, 2.5]', 7, "label 2.5 of a score field must be a whole"),
    (HEAD + '[output.a]\nkind = "score"\nlabels = [1, 2, 1]', 7, "label '1' is listed twice."),
    (HEAD + '[output.a]\nkind = "score"\n[output.a.labels]\nbad = ""\n2 = ""', 8, "label 'bad' of a score"),
    (FIELD.replace("string", "int"), 4, "unknown type 'int'; allowed: `string`."),
    (FIELD.replace('text = "string"', ""), 3, "there is no input; add `[input]`"),
    (FIELD.replace('"a"', '"A b"'), 2, "`name` is 'A b'; it may hold a-z, 0-9 and -."),
    (FIELD.replace('"a"', "1"), 2, "`name` is 1; it must be a string."),
    (FIELD.replace('name = "a"', ""), 1, "`[task]` has no `name`."),
    (FIELD.replace('[task]\nname = "a"', ""), 0, "there is no `[task]` table"),
    (
        FIELD.replace("[task]", "seed = 1\n[task]"),
        1,
        "`seed` stands outside of a table; it belongs under `[task]`.",
    ),
    (FIELD.replace("[task]", "color = 1\n[task]"), 1, "unknown key `color`; allowed: `task`"),
    (FIELD + "[outputs]", 7, "unknown table `outputs`; did you mean `output`?"),
    (FIELD.replace("[input]", "seed = -1\n[input]"), 3, "`seed` is -1; it must be a whole number from 0"),
    (FIELD.replace("[input]", "seed = true\n[input]"), 3, "`seed` is true; it must be a whole number"),
    (FIELD.replace("[input]", 'base = "minlm"\n[input]'), 3, "unknown base 'minlm'; did you mean `minilm`?"),
    (FIELD.replace("[input]", 'base = "hf:x"\n[input]'), 3, "it must have the form `hf:ORG/NAME"),
    (FIELD.replace("[input]", 'base = "gguf:"\n[input]'), 3, "it must have the form `gguf:FILE`."),
    (FIELD.replace("[input]", 'base = ""\n[input]'), 3, "unknown base ''; allowed: `minilm`"),
    (FIELD + "[[source]]", 7, "`[[source]]` has no `uri`."),
    (FIELD + '[source]\nuri = "a"', 7, "`source` must be written as `[[source]]`, once for each source."),
    (FIELD + '[[source]]\nuri = " "', 8, "`uri` is empty"),
    (FIELD + '[[source]]\nuri = "a"\nlicense = "MIT"', 9, "unknown key `license`; did you mean `licence`?"),
    (FIELD + '[[source]]\nuri = "a"\nsplit = "dev"', 9, "unknown split 'dev'; allowed: `auto`, `train`"),
    (
        FIELD + '[[source]]\nuri = "a"\nfields = { text = "t", intend = "c" }',
        9,
        "unknown field `intend`; did you",
    ),
    (FIELD + '[[source]]\nuri = "a"\nfields = { intent = "c" }', 9, "which column holds the input `text`."),
    (
        FIELD + '[[source]]\nuri = "a"\nfields = { text = "" }',
        9,
        "`text` is ''; it must be the name of a column.",
    ),
    (FIELD + '[[source]]\nuri = "a"\nfields = "text"', 9, "`fields` is 'text'; it must be a table."),
    (
        FIELD + "[goal]\nintent.acuracy = 1",
        8,
        "unknown metric `acuracy` for the choice field `intent`; did you mean",
    ),
    (FIELD + "[goal]\nintent.mae = 1", 8, "unknown metric `mae` for the choice field `intent`; "),
    (FIELD + "[goal]\nintent.extra_error = 5", 8, "`extra_error` is 5; it must be a number from 0.0001 to 0.5."),
    (
        FIELD + "[goal]\nintent.error_given_answer = 0",
        8,
        "`error_given_answer` is 0; it must be a number from 0.0001 to 0.5.",
    ),
    (
        FIELD.replace("choice", "choices") + "[goal]\nintent.error_given_answer = 0.01",
        8,
        "unknown metric `error_given_answer` for the choices field `intent`",
    ),
    (
        FIELD.replace("choice", "number") + "[goal]\nintent.extra_error = 0.01",
        8,
        "unknown metric `extra_error` for the number field `intent`",
    ),
    (FIELD + "[goal]\nintent.accuracy = 90", 8, "`accuracy` is 90; it must be a number from 0 to 1."),
    (
        FIELD + "[goal]\nintent = 0.9",
        8,
        "`intent` is 0.9; a goal names a metric too: `intent.accuracy = ...`.",
    ),
    (FIELD + "[goal]\nintend.accuracy = 0.9", 8, "unknown goal `intend`; did you mean `intent`?"),
    (FIELD + "[goal]\np50_ms = -1", 8, "`p50_ms` is -1; it must be a number of at least 0."),
    (FIELD + "[goal]\nsize_mb = inf", 8, "`size_mb` is inf; it must be a number of at least 0."),
    (FIELD + "[goal]\np50_ms = nan", 8, "`p50_ms` is nan; it must be a number of at least 0."),
    (
        HEAD + '[output.a]\nkind = "number"\n[goal]\na.r2 = 2',
        8,
        "`r2` is 2; it must be a number of at most 1.",
    ),
    (FIELD + "goal = 1", 7, "unknown key `goal`; "),
    ("[task\n", 1, "not TOML: "),
    (FIELD + 'labels = "data', 7, "not TOML: "),
    (FIELD + "kind = 'text'", 7, "not TOML: cannot overwrite a value."),
    (FIELD + "labels = [", 7, "not TOML: "),
    (FIELD.encode() + b"# \xff", 7, "byte 0xff is not UTF-8."),
    (FIELD + "x = 1" + "0" * 5000, 0, "not TOML that can be read: "),
]


@pytest.mark.parametrize(("text", "line", "message"), ONE_MISTAKE)
def test_names_one_mistake_with_its_line(tmp_path: Path, text: str | bytes, line: int, message: str) -> None:
    found = mistakes(tmp_path, text)
    assert [mistake.line for mistake in found] == [line]
    assert message in found[0].message


def test_shows_all_mistakes_at_once_in_order(tmp_path: Path) -> None:
    text = FIELD.replace('"a"', '"A"') + "lables = 3\n[[source]]\nsplit = 'x'\n[goal]\nfoo = 1\n"
    found = mistakes(tmp_path, text)
    assert [mistake.line for mistake in found] == [2, 7, 8, 9, 11]
    with pytest.raises(TaskFileError, match=r"has 5 mistakes:\n.*task\.toml:2: `name` is 'A'"):
        load_task(tmp_path)


def test_what_a_smaller_tier_may_cost_is_no_goal_of_the_gate(tmp_path: Path) -> None:
    task = load(tmp_path, FIELD + "[goal]\nintent.accuracy = 0.9\nintent.extra_error = 0.01\n")
    assert task.extra_errors == {"intent": 0.01}
    assert [goal.metric for goal in task.goals] == ["accuracy"]


def test_how_many_answers_may_be_wrong_is_certified_and_no_goal_of_the_gate(tmp_path: Path) -> None:
    task = load(tmp_path, FIELD + "[goal]\nintent.error_given_answer = 0.02\n")
    assert (task.errors_given_answer, task.goals) == ({"intent": 0.02}, ())


def test_a_kind_that_is_wrong_brings_no_mistakes_about_its_goals(tmp_path: Path) -> None:
    found = mistakes(tmp_path, FIELD.replace("choice", "choise") + "[goal]\nintent.accuracy = 0.9")
    assert len(found) == 1


def test_a_missing_file_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match=r"has no task\.toml") as caught:
        load_task(tmp_path)
    assert "freehold init NAME" in caught.value.hint
    with pytest.raises(NotFoundError, match="No folder"):
        load_task(tmp_path / "nowhere")


def test_a_file_that_cannot_be_read_is_the_machines(tmp_path: Path) -> None:
    (tmp_path / "task.toml").mkdir()
    with pytest.raises(StorageError, match=r"task\.toml` cannot be read"):
        load_task(tmp_path)


WORDS = (
    *("name", "base", "seed", "kind", "labels", "abstain_below", "uri", "fields", "split", "data", "a", "0"),
    *("minilm", "string", "accuracy", "mae", "p50_ms", *FIELD_KINDS),
)
SCALARS = st.sampled_from(WORDS) | st.integers(-2, 5) | st.booleans() | st.sampled_from(["", "../x", "hf:a"])
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=3),
    max_leaves=12,
)
SECTIONS = st.sampled_from(["task", "input", "output", "source", "goal", "other"])


@settings(deadline=None)
@given(st.dictionaries(SECTIONS, ANYTHING, max_size=6))
def test_whatever_the_file_holds_is_a_task_or_mistakes(document: dict[str, Any]) -> None:
    text = "\n".join(f"{quoted(key)} = {literal(value)}" for key, value in document.items())
    with TemporaryDirectory() as folder, suppress(TaskFileError):
        assert load(Path(folder), text).fields
