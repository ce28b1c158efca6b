"""`[[upstream]]` and `[router]` of a task file: what they hold, and every way to get them wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from freehold.errors import Mistake, TaskFileError
from freehold.line import STAGES
from freehold.task import Price, Routing, Task, Upstream, load_task

HEAD = """\
[task]
name = "mail"
[input]
text = "string"
[output.desk]
kind = "choice"
labels = ["sales", "help"]
abstain_below = 0.8
[output.urgent]
kind = "predicate"
[output.amount]
kind = "number"
[output.names]
kind = "spans"
"""
LINES = HEAD.count("\n")
WHOLE = """\
[[upstream]]
name = "cloud"
url = "https://api.example.com/v1/"
model = "large"
key = "CLOUD_API_KEY"
trust = 0.9
fields = ["desk", "amount"]
price = { input = 0.25, output = 2 }
output_tokens = 200
output_limit = "max_tokens"
[[upstream]]
name = "own"
url = "http://127.0.0.1:8000/v1"
model = "mine"
trust = 0.8
[router]
deadline_ms = 2000
retries = 1
hedge_ms = 300
cost_per_request = 0.01
cost_per_month = 20
tokens_per_request = 3000
tokens_per_month = 1000000
cache_seconds = 60
policy = "mine.v1"
"""
GOOD = '[[upstream]]\nname = "a"\nurl = "https://a.example/v1"\nmodel = "m"\ntrust = 0.9\n'


def load(folder: Path, text: str) -> Task:
    (folder / "task.toml").write_text(HEAD + text)
    return load_task(folder)


def test_reads_everything(tmp_path: Path) -> None:
    task = load(tmp_path, WHOLE)
    cloud, own = task.upstreams
    assert cloud == Upstream(
        name="cloud",
        url="https://api.example.com/v1",
        model="large",
        trust=0.9,
        fields=("desk", "amount"),
        key="CLOUD_API_KEY",
        price=Price(0.25, 2.0),
        output_tokens=200,
        output_limit="max_tokens",
    )
    assert own == Upstream("own", "http://127.0.0.1:8000/v1", "mine", 0.8, ("desk", "urgent"))
    assert task.routing == Routing(2000, 1, 300, 0.01, 20.0, 3000, 1_000_000, 60, "mine.v1")


def test_defaults(tmp_path: Path) -> None:
    task = load(tmp_path, GOOD)
    assert task.routing == Routing() == Routing(10_000, 2, 0, None, None, None, None, 0, "ordered.v1")
    assert load(tmp_path, "").upstreams == ()


def test_a_field_that_abstains_below_more_than_the_trust_is_not_asked_for(tmp_path: Path) -> None:
    [upstream] = load(tmp_path, GOOD.replace("0.9", "0.5")).upstreams
    assert upstream.fields == ("urgent",)


def test_a_field_may_not_be_wrong_more_often_than_its_goal_allows(tmp_path: Path) -> None:
    goal = "[goal]\nurgent.error_given_answer = 0.05\n"
    assert load(tmp_path, goal + GOOD).upstreams[0].fields == ("desk",)
    assert load(tmp_path, goal + GOOD.replace("0.9", "0.95")).upstreams[0].fields == ("desk", "urgent")
    with pytest.raises(TaskFileError, match=r"`urgent` wants to be 0\.95 sure"):
        load(tmp_path, goal + GOOD + 'fields = ["urgent"]\n')


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (GOOD.replace('"a"', '"A b"'), 2, "`name` is 'A b'; it may hold a-z, 0-9 and -, at most 40 of them."),
        (
            GOOD.replace('"a"', '"static"'),
            2,
            "`name` is 'static', which is what one of the task's own tiers is called.",
        ),
        (GOOD + GOOD, 7, "two upstreams are called 'a'."),
        (GOOD.replace("trust = 0.9\n", ""), 1, "`[[upstream]]` has no `trust`."),
        (GOOD.replace("0.9", "1.9"), 5, "`trust` is 1.9; it must be a number from 0 to 1."),
        (GOOD + "trsut = 1\n", 6, "unknown key `trsut`; did you mean `trust`?"),
        (GOOD + "[router]\nretrys = 1\n", 7, "unknown key `retrys`; did you mean `retries`?"),
        ("[router]\nretries = 1\n", 1, "`[router]` says how upstreams are asked, and there is no `[[upstream]]`."),
        ("[upstream]\nname = 'a'\n", 1, "`upstream` must be written as `[[upstream]]`, once for each upstream."),
        (GOOD + "price = { inptu = 1 }\n", 6, "unknown key `inptu`; did you mean `input`?"),
        (GOOD + "fields = []\n", 6, '`fields` is a list; it must be a list of output fields, such as ["intent"].'),
        (GOOD + 'fields = ["dsk"]\n', 6, "unknown field 'dsk'; did you mean `desk`?"),
        (GOOD + 'fields = ["names"]\n', 6, "`names` is a spans field, which an upstream cannot be asked for."),
        (
            GOOD.replace("0.9", "0.7") + 'fields = ["desk"]\n',
            6,
            "`desk` wants to be 0.8 sure, so answers with a `trust` of 0.7 would not be used.",
        ),
        (GOOD + 'output_limit = "max_token"\n', 6, "unknown output_limit 'max_token'; did you mean `max_tokens`?"),
        (
            GOOD.replace("https://a.example", "http://a.example"),
            3,
            "`url` is 'http://a.example/v1'; plain http may go to this machine only.",
        ),
        (
            GOOD.replace("https", "ftp"),
            3,
            "`url` is 'ftp://a.example/v1'; it must be a URL such as `https://api.example.com/v1`.",
        ),
        (
            GOOD.replace("a.example", "me:hunter2@a.example"),
            3,
            "`url` must be a URL such as `https://api.example.com/v1`, without user, query and fragment.",
        ),
    ],
)
def test_names_one_mistake_with_its_line(tmp_path: Path, text: str, line: int, message: str) -> None:
    with pytest.raises(TaskFileError) as caught:
        load(tmp_path, text)
    assert caught.value.mistakes == [Mistake(LINES + line, message)]


@pytest.mark.parametrize("secret", ["sk-proj-abc123", "AKIAIOSFODNN7EXAMPLE", "fh_1_Zk1vJ0wq8m", "hunter2", "a b"])
def test_a_secret_in_the_file_is_a_mistake_that_does_not_show_it(tmp_path: Path, secret: str) -> None:
    with pytest.raises(TaskFileError) as caught:
        load(tmp_path, GOOD + f'key = "{secret}"\n')
    [mistake] = caught.value.mistakes
    assert mistake.line == LINES + 6
    assert "the NAME of an environment variable" in mistake.message
    assert secret not in str(caught.value)


def test_nothing_is_trained_anew_because_of_an_upstream(tmp_path: Path) -> None:
    """No stage reads them: the parts of the task that go into keys are the same."""
    from freehold.compress import shrink
    from freehold.data import collect
    from freehold.gate import judge
    from freehold.label import annotate
    from freehold.train import fit

    stages = (collect, annotate, fit, shrink, judge)
    assert {each.name for each in stages} == set(STAGES)
    before, after = load(tmp_path, ""), load(tmp_path, WHOLE)
    for each in stages:
        assert {name: before.part(name) for name in each.reads} == {name: after.part(name) for name in each.reads}


def test_costs_are_rounded_up_to_billionths() -> None:
    assert Price(0.25, 2.0).cost(3, 1) == 2750
    assert Price(0.0001, 0.0).cost(1, 0) == 1
    assert Upstream("a", "https://a", "m", 1.0, ()).cost(10, 10) == 0
