"""What is shown while a turn runs."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from freehold.app.cli import progress
from freehold.app.cli.progress import Bars, Lines, live_progress, show_progress
from freehold.task import Event

EVENTS = [
    Event("data.collect", "cached"),
    Event("train.fit", "start"),
    Event("train.fit", "progress", 5, 10),
    Event("train.fit", "progress", 9, 0, note="step [nine]"),
    Event("train.fit", "note", note="rung [frozen]: 0.91"),
    Event("train.fit", "done", seconds=1.25),
    Event("a.stranger", "start"),
]


def test_lines_say_what_matters(capsys: pytest.CaptureFixture[str]) -> None:
    tell = Lines()
    for event in EVENTS:
        tell(event)
    assert capsys.readouterr().err.splitlines() == [
        "data.collect: recorded already",
        "train.fit: started",
        "train.fit: rung [frozen]: 0.91",
        "train.fit: done in 1.2 s",
        "a.stranger: started",
    ]


def test_lines_report_progress_now_and_then(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "_PLAIN_EVERY", 0.0)
    tell = Lines()
    tell(EVENTS[2])
    tell(EVENTS[3])
    assert capsys.readouterr().err.splitlines() == ["train.fit: 5/10", "train.fit: 9 (step [nine])"]


def test_bars_show_every_stage() -> None:
    out = io.StringIO()
    with live_progress(Console(file=out, force_terminal=True, width=100)) as display:
        tell = Bars(display, stages=["data.collect", "train.fit", "gate.judge"])
        for event in EVENTS:
            tell(event)
        display.refresh()
    shown = out.getvalue()
    for words in ("recorded already", "done in 1.2 s", "rung [frozen]: 0.91", "waiting", "a.stranger"):
        assert words in shown


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with show_progress(["data.collect"], plain=False, quiet=True) as tell:
        for event in EVENTS:
            tell(event)
    with show_progress(["data.collect"], plain=True, quiet=False) as tell:
        assert isinstance(tell, Lines)
    assert capsys.readouterr() == ("", "")
