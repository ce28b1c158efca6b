"""`[[teacher]]` and `[label]` of a task file: what they hold, and every way to get them wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from freehold.errors import TaskFileError
from freehold.task import Price, Task, Teacher, Teaching, Upstream, load_task

HEAD = """\
[task]
name = "mail"
[input]
text = "string"
[output.desk]
kind = "choice"
labels = ["sales", "help"]
"""
WHOLE = """\
[[teacher]]
name = "cloud"
url = "https://api.example.com/v1/"
model = "large"
key = "CLOUD_API_KEY"
price = { input = 0.25, output = 2 }
output_tokens = 99
output_limit = "max_tokens"
samples = 3
temperature = 0.7
parallel = 8
per_minute = 600
[[teacher]]
name = "ours"
release = "../other"
fields = ["desk"]
[[teacher]]
name = "encoder"
base = "hf:org/name"
[[teacher]]
name = "words"
rule = "rules/words.py:guess"
[[teacher]]
name = "table"
patterns = "words.csv"
[[teacher]]
name = "near"
similarity = true
[label]
budget = 5
tokens = 1000
minutes = 2.5
agreement = 0.8
samples = 2
checks = 50
verifiers = ["doubts", "rule:rules/words.py:check", "judge:cloud", "round-trip:cloud"]
"""
GOOD = '[[teacher]]\nname = "a"\nurl = "https://a.example/v1"\nmodel = "m"\n'


def load(folder: Path, text: str) -> Task:
    (folder / "task.toml").write_text(HEAD + text)
    return load_task(folder)


def test_reads_everything(tmp_path: Path) -> None:
    task = load(tmp_path, WHOLE)
    cloud, *others = task.teachers
    assert cloud == Teacher(
        name="cloud",
        kind="url",
        place="https://api.example.com/v1",
        model="large",
        key="CLOUD_API_KEY",
        price=Price(0.25, 2.0),
        output_tokens=99,
        output_limit="max_tokens",
        samples=3,
        temperature=0.7,
        parallel=8,
        per_minute=600,
    )
    assert others == [
        Teacher("ours", "release", "../other", ("desk",)),
        Teacher("encoder", "base", "hf:org/name"),
        Teacher("words", "rule", "rules/words.py:guess"),
        Teacher("table", "patterns", "words.csv"),
        Teacher("near", "similarity", ""),
    ]
    verifiers = ("doubts", "rule:rules/words.py:check", "judge:cloud", "round-trip:cloud")
    assert task.teaching == Teaching(5.0, 1000, 2.5, 0.8, 2, 50, verifiers)


def test_defaults(tmp_path: Path) -> None:
    assert load(tmp_path, "").teachers == ()
    task = load(tmp_path, GOOD)
    assert task.teaching == Teaching() == Teaching(None, None, None, 0.6, 1, 200, ("instructions",))
    assert task.teachers[0].endpoint() == Upstream("a", "https://a.example/v1", "m", 1.0, (), output_tokens=256)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ('[[teacher]]\nname = "a"\n', "a teacher has exactly one of `url`"),
        (f"{GOOD}similarity = true\n", "this one has `url` and `similarity`"),
        (GOOD.replace('"a"', '"A B"'), "may hold a-z, 0-9 and -"),
        (GOOD + GOOD, "two teachers are called 'a'"),
        (f'{GOOD}fields = ["desks"]\n', "did you mean `desk`?"),
        (f"{GOOD}samples = 0\n", "from 1 to 25"),
        (f"{GOOD}temprature = 0.5\n", "did you mean `temperature`?"),
        ('[[teacher]]\nname = "a"\nurl = "http://a.example/v1"\nmodel = "m"\n', "plain http"),
        ('[[teacher]]\nname = "a"\nsimilarity = false\n', "leave the teacher out"),
        ('[[teacher]]\nname = "a"\nsimilarity = true\nkey = "K"\n', "`key` is for a teacher with a `url`"),
        ('[[teacher]]\nname = "a"\nrule = "../x.py:f"\n', "inside the task's folder"),
        ('[[teacher]]\nname = "a"\nrule = "/x.py:f"\n', "inside the task's folder"),
        ('[[teacher]]\nname = "a"\nrule = "x.py"\n', "FILE.py:FUNCTION"),
        ('[[teacher]]\nname = "a"\npatterns = "x.txt"\n', ".csv or .tsv"),
        ('[[teacher]]\nname = "a"\nbase = "hf:x"\n', "hf:ORG/NAME"),
        ("[label]\nagreement = 2\n", "from 0 to 1"),
        ("[label]\nbudgt = 2\n", "did you mean `budget`?"),
        ('[label]\nverifiers = ["judge:a"]\n', "no teacher with a `url`"),
        (f'{GOOD}[label]\nverifiers = ["jury:a"]\n', "a verifier is one of"),
        ('[label]\nverifiers = ["rule:x"]\n', "FILE.py:FUNCTION"),
    ],
)
def test_says_what_is_wrong(tmp_path: Path, text: str, wanted: str) -> None:
    with pytest.raises(TaskFileError, match=r"task\.toml:") as caught:
        load(tmp_path, text)
    assert wanted in caught.value.message


def test_a_key_in_the_wrong_place_is_not_shown(tmp_path: Path) -> None:
    with pytest.raises(TaskFileError) as caught:
        load(tmp_path, f'{GOOD}key = "sk-verysecret"\n')
    assert "verysecret" not in str(caught.value)
    assert "NAME of an environment variable" in str(caught.value)
