"""Two experts label 500 items each while the server is killed with `kill -9`: nothing is lost or doubled."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.serve.review_server import RULES

from freehold.registry import Asking, Registry, Review, reckon, standing
from freehold.registry.reviews import row_name

ROOT = Path(__file__).resolve().parents[2]
ITEMS = 500
LABELS = ("card", "cash", "coin")
REVIEWS = "/v1/tasks/banking/reviews"


def truth(text: str) -> str:
    return LABELS[int(text.split()[-1]) % 3]


def mistaken(text: str) -> str:
    """What bob says: every eleventh item wrong."""
    number = int(text.split()[-1])
    return LABELS[(number + (number % 11 == 0)) % 3]


class Place:
    """Where the server is now, which changes when it is killed."""

    def __init__(self, state: Path, folder: Path) -> None:
        self._words = [sys.executable, "-m", "tests.serve.review_server", str(state), str(folder)]
        paths = [str(ROOT), str(ROOT / "src"), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths), "FREEHOLD_TOKEN": ""}
        self.url = ""

    def start(self) -> None:
        self._process = subprocess.Popen(self._words, stdout=subprocess.PIPE, text=True, env=self._environment)
        assert self._process.stdout is not None
        with self._process.stdout:
            self.url = self._process.stdout.readline().strip()
        assert self.url

    def kill(self) -> None:
        self._process.kill()
        self._process.wait(20)

    @contextmanager
    def running(self) -> Iterator[None]:
        self.start()
        try:
            yield
        finally:
            self.kill()


class Expert(threading.Thread):
    """Asks for items and answers them one by one, and repeats whatever got no answer."""

    def __init__(self, name: str, place: Place, *, says: Any) -> None:
        super().__init__(name=name, daemon=True)
        self.place, self.says = place, says
        self.answered: list[str] = []
        self.problems: list[str] = []
        self.lost = 0

    def run(self) -> None:
        with httpx.Client(timeout=20) as client:
            while items := self.ask(client, "POST", "/next", {"limit": 7, "expert": self.name})["items"]:
                for item in items:
                    text = item["inputs"]["text"]
                    body = {"answers": {"intent": self.says(text)}, "seconds": 1.25, "expert": self.name}
                    kept = self.ask(client, "POST", f"/{item['assignment']}", body)
                    if "error" in kept:
                        self.problems.append(kept["error"]["code"])
                    else:
                        self.answered.append(item["assignment"])

    def ask(self, client: httpx.Client, method: str, path: str, body: Any) -> Any:
        while True:
            try:
                return client.request(method, f"{self.place.url}{REVIEWS}{path}", json=body).json()
            except httpx.TransportError:
                self.lost += 1
                threading.Event().wait(0.05)


@pytest.fixture
def waiting(tmp_path: Path) -> Path:
    """A state with items that wait."""
    state = tmp_path / "state"
    with Registry.open(state) as shelf:
        inputs = [{"text": f"message {number}"} for number in range(ITEMS)]
        shelf.queue_reviews("banking", [Review(row_name(e), "banking", "intent", e, "card", 0.5) for e in inputs])
        # Somebody took twenty items an hour ago, and never came back.
        an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
        assert len(shelf.experts.take(Asking("banking", "cy", RULES, an_hour_ago), limit=20).assignments) == 20
    return state


def test_no_answer_is_lost_or_doubled_and_the_ledger_is_exact(waiting: Path, tmp_path: Path) -> None:
    place = Place(waiting, tmp_path / "banking")
    with Registry.open(waiting) as shelf, place.running():
        draft, held = _close_a_window(place)
        experts = [Expert("ann", place, says=truth), Expert("bob", place, says=mistaken)]
        for each in experts:
            each.start()
        for share in (0.3, 0.6):
            while len(shelf.experts.ledger("banking")) < 2 * ITEMS * share:
                threading.Event().wait(0.02)
            place.kill()
            place.start()
        for each in experts:
            each.join(300)
            assert not each.is_alive()
        assert all(each.lost for each in experts), "both were cut off"
        assert [each.problems for each in experts] == [[], []]
        assert held in experts[0].answered, "what stood in the window that was closed came back"
        assert draft == {"typed": "so far"}
        adjudicator = Expert("cy", place, says=truth)
        adjudicator.run()
        _check(shelf)


def _close_a_window(place: Place) -> tuple[Any, str]:
    """Takes items as ann and types into one; returns what comes back when she asks again, and of which item."""
    with httpx.Client(base_url=f"{place.url}{REVIEWS}") as client:
        held = client.post("/next", json={"limit": 7, "expert": "ann"}).json()["items"][3]["assignment"]
        typed = {"draft": {"typed": "so far"}, "expert": "ann"}
        assert client.put(f"/{held}/draft", json=typed).status_code == 200
        again = client.post("/next", json={"limit": 7, "expert": "ann"}).json()["items"]
        return next(each["draft"] for each in again if each["assignment"] == held), held


def _check(shelf: Registry) -> None:
    ledger = shelf.experts.ledger("banking")
    kept = standing(ledger)
    assert len(kept) == len(ledger), "nobody took anything back"
    firsts = Counter((row.example, row.expert) for row in kept if row.kind == "first")
    assert set(firsts.values()) == {1}
    assert Counter(example for example, _ in firsts) == Counter({row.example: 2 for row in kept})
    assert len(firsts) == 2 * ITEMS
    wrong = sum(number % 11 == 0 for number in range(ITEMS))
    second = [row for row in kept if row.kind == "adjudication"]
    assert {row.expert for row in second} == {"cy"}, "whoever disagreed does not decide"
    assert len(second) == wrong
    corrections = shelf.feedback("banking", kind="correction", withdrawn=True)
    assert len(corrections) == ITEMS
    assert {row.inputs["text"]: row.value for row in corrections} == {
        f"message {n}": {"intent": truth(f"message {n}")} for n in range(ITEMS)
    }
    assert Counter(row.maker for row in corrections)["person:cy"] == wrong
    assert shelf.reviews("banking") == []
    owed = {each.expert: (each.items, each.milliseconds, each.owed) for each in reckon(ledger)}
    assert owed["ann"] == (ITEMS, 1_250 * ITEMS, {"EUR": Decimal("17.50")})
    assert owed["bob"] == (ITEMS, 1_250 * ITEMS, {"EUR": Decimal("17.50")})
    assert owed["cy"] == (wrong, 1_250 * wrong, {"EUR": Decimal("1.61")}), "46 x 0.035"
    assert shelf.verify().damaged == ()
