"""A real site, crawled: Debian's Python manual behind nginx, with traps; what nginx's own log and the archive say.

nginx writes its line when the system has the reply, before the crawler has read it, let alone put it on the disk.
So the log cannot tell a reply that was kept from one that was in the hands of a process that was killed: each kill
may cost one request that is asked again, and no more, as a host is asked one thing at a time.

The moments of the kills are drawn anew each time; `KILL_SEED=N` draws those again that a run has printed.
"""

from __future__ import annotations

import hashlib
import os
import random
import secrets
import signal
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import pytest
from tests.data.web import nginx, traps
from tests.data.web.crawls import IDENTITY, Crawls, crawling
from tests.data.web.nginx import Line, Nginx

from freehold.data import fetch_sites, find_kept
from freehold.data.web import Archive
from freehold.data.web.replies import read_block
from freehold.registry import Registry
from freehold.task import Task, load_task

ROOT = Path(__file__).resolve().parents[3]
MANUAL = traps.find_manual()
KILLS = 20
CLOCK = 0.002
"""The log has milliseconds; two of its times may differ by that much more than they say."""

LATER = (429, 444, 500)
FILES = {"/robots.txt", "/sitemap.xml", "/.well-known/tdmrep.json", "/traps/bomb.xml.gz"}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not nginx.PROGRAM, reason="nginx is not installed: apt-get install nginx-light"),
    pytest.mark.skipif(MANUAL is None, reason="Python's manual is not installed: apt-get install python3-doc"),
]


@contextmanager
def serving(folder: Path, *, bomb: bool = True, rules: str = "") -> Iterator[Nginx]:
    """Serves the manual with its traps until the end."""
    assert MANUAL is not None
    port = nginx.find_port()
    server = traps.write_site(folder / "own", MANUAL, port=port, bomb=bomb, rules=rules)
    with nginx.running(folder / "nginx", port=port, server=server) as site:
        yield site


def spacings(log: list[Line]) -> list[float]:
    """Returns the times from the end of each reply to the next request."""
    return [later.began - earlier.ended for earlier, later in pairwise(sorted(log))]


def environment() -> dict[str, str]:
    own = {name: value for name, value in os.environ.items() if not name.startswith("FREEHOLD_")}
    return {**own, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}


@dataclass(frozen=True)
class Fetched:
    """A crawl of everything, in a process of its own, with what it left."""

    site: Nginx
    crawls: Crawls
    log: list[Line]
    peak: int


@pytest.fixture(scope="module")
def fetched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fetched]:
    folder = tmp_path_factory.mktemp("whole")
    program = [sys.executable, str(Path(__file__).with_name("crawls.py")), str(folder)]
    with serving(folder) as site:
        whole = [*program, site.url("/index.html")]
        done = subprocess.run(whole, env=environment(), check=True, capture_output=True, timeout=300)
        with crawling(folder) as crawls:
            yield Fetched(site, crawls, site.log(), int(done.stdout))


def test_every_page_that_robots_allows_is_there_and_nothing_else_is_asked_for(fetched: Fetched) -> None:
    assert MANUAL is not None
    known = traps.list_files(MANUAL) | traps.list_links(MANUAL)
    wanted = {path for path in known if traps.is_allowed(path)}
    assert len(wanted) > 400
    assert {path for path in fetched.crawls.visits(refused=True) if "/traps/" not in path} == wanted
    asked = Counter(line.path for line in fetched.log)
    assert [path for path in asked if not traps.is_allowed(path)] == []
    assert {path for path in asked if "/traps/" not in path} == wanted | (FILES - {"/traps/bomb.xml.gz"})
    assert {path: asked[path] for path in wanted if asked[path] != 1} == {}
    refused = {path: why for path, why in fetched.crawls.reasons().items() if "/traps/" not in path}
    assert refused == dict.fromkeys(known - wanted, "robots.txt")
    assert {(line.method, line.agent, line.known) for line in fetched.log} == {("GET", IDENTITY.user_agent, "")}


def test_what_is_fetched_is_what_is_on_the_disk(fetched: Fetched) -> None:
    assert MANUAL is not None
    visits = fetched.crawls.visits()
    wrong = [
        path
        for path in traps.list_files(MANUAL)
        if traps.is_allowed(path) and visits[path].body != traps.read_file(MANUAL, path)
    ]
    assert wrong == []


def test_every_trap_ends_with_its_reason(fetched: Fetched) -> None:
    reasons = fetched.crawls.reasons()
    assert {path: why for path, why in reasons.items() if "/traps/" in path} == traps.REASONS
    visits = fetched.crawls.visits()
    assert set(traps.PAGES) <= set(visits)
    frontier = fetched.crawls.shelf.frontier(fetched.crawls.name)
    assert frontier.counts().waiting == 0
    for path, target in traps.MOVED.items():
        outcome = frontier.find(fetched.site.url(path))
        assert outcome is not None
        assert (outcome.state, outcome.reason) == ("moved", f"it redirects to {fetched.site.url(target)!r}")
    bomb = frontier.find(fetched.site.url("/traps/bomb.xml.gz"))
    assert bomb is not None
    assert bomb.reason == "it unpacks to more than 52,428,800 bytes"
    asked = Counter(line.path for line in fetched.log)
    assert {asked[path] for path in ("/traps/broken", "/traps/busy", "/traps/cut")} == {4}
    endless = {start: sum(path.startswith(start) for path in asked) for start in traps.ENDLESS}
    assert endless == {"/traps/maze/": 4, "/traps/calendar?day=1": 20, "/traps/endless/": 20}


@pytest.mark.parametrize("name", traps.CHARSETS)
def test_a_text_is_right_whatever_charset_is_said(fetched: Fetched, name: str) -> None:
    assert fetched.crawls.visits()[f"/traps/{name}.html"].text == traps.write_text(traps.CHARSETS[name])


def test_five_gigabytes_in_five_megabytes_take_little_memory(fetched: Fetched) -> None:
    seconds = fetched.log[-1].ended - fetched.log[0].began
    print(f"peak: {fetched.peak / 1e6:.0f} MB; {len(fetched.log)} requests in {seconds:.0f} s")
    assert 0 < fetched.peak < traps.BOMB // 20


def test_a_host_is_let_alone_as_long_as_it_says(fetched: Fetched) -> None:
    log = sorted(fetched.log)
    assert min(spacings(log)) >= -CLOCK  # one thing at a time
    waits = {
        "/traps/busy": 1.0,
        "/traps/limited/1.html": traps.RETRY_AFTER,
        "/traps/limited/2.html": traps.RETRY_AFTER,
    }
    busy = [(each, later) for each, later in pairwise(log) if each.status == 429]
    assert len(busy) >= 5
    assert [later.path for each, later in busy if later.began - each.ended < waits[each.path] - CLOCK] == []
    assert {line.status for line in log if line.path == "/traps/limited/2.html"} >= {200}


@pytest.mark.parametrize(
    ("delay", "rules", "least"),
    [(0.05, "", 0.05), (0.0, "Crawl-delay: 0.1", 0.1), (0.1, "Crawl-delay: 0.02", 0.1)],
)
def test_requests_are_spaced(tmp_path: Path, delay: float, rules: str, least: float) -> None:
    with serving(tmp_path, bomb=False, rules=rules) as site, crawling(tmp_path) as crawls:
        starts = [site.url(path) for path in ("/tutorial/index.html", "/traps/slow.html")]
        tally = crawls.crawl(*starts, include=("/tutorial/*",), delay=delay)
        assert (tally.fetched, tally.waiting) == (len(crawls.visits()), 0)
        assert tally.fetched > 15
        found = spacings(site.log())
    print(f"spacing: least {min(found):.3f} s, median {statistics.median(found):.3f} s, n = {len(found)}")
    assert min(found) >= least - CLOCK


def test_links_without_end_stop_at_the_number_of_pages_nearest_first(tmp_path: Path) -> None:
    with serving(tmp_path, bomb=False) as site, crawling(tmp_path) as crawls:
        starts = [site.url(path) for path in ("/traps/wide/", "/tutorial/index.html")]
        tally = crawls.crawl(*starts, include=("/tutorial/*", "/traps/**"), pages=100, sitemaps=False)
        visits = crawls.visits()
    assert (tally.fetched, tally.full) == (100, "100 pages were fetched")
    assert sum("/tutorial/" in path for path in visits) > 15
    assert max(visit.depth for visit in visits.values()) <= 7


@dataclass(frozen=True)
class Killed:
    """A task whose data was fetched by many processes, all but the last of them killed."""

    site: Nginx
    task: Path
    log: list[Line]
    kills: int
    undisturbed: dict[str, str]
    archived: list[tuple[str, str]]


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Killed]:
    folder = tmp_path_factory.mktemp("killed")
    seed = int(os.environ.get("KILL_SEED", "0")) or secrets.randbelow(1_000_000)
    print(f"KILL_SEED={seed}")
    with serving(folder) as site:
        task = write_task(folder / "task", site)
        undisturbed = fetch_undisturbed(load_task(task), folder / "undisturbed")
        log = site.log()
        print(f"undisturbed: {len(log)} requests in {log[-1].ended - log[0].began:.0f} s")
        before = site.count()
        kills = fetch_and_kill(site, task, requests=before, chance=random.Random(seed))
        finish(task)
        yield Killed(
            site, task, site.log(after=before), kills, dict(undisturbed), read_archive(task / ".freehold")
        )


def write_task(folder: Path, site: Nginx) -> Path:
    """Writes the example's task for the site, without the trap that is never twice the same."""
    folder.mkdir()
    text = (ROOT / "examples" / "manual" / "task.toml").read_text(encoding="utf-8")
    text = text.replace("127.0.0.1:8801", f"127.0.0.1:{site.port}")
    text = text.replace("exclude = [", 'exclude = ["/traps/endless/**", ')
    (folder / "task.toml").write_text(text, encoding="utf-8")
    return folder


def command(task: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "freehold", "data", *more, str(task)]


def finish(task: Path, *more: str) -> None:
    """Runs `freehold data` to its end."""
    done = subprocess.run(
        command(task, *more), check=False, env=environment(), capture_output=True, text=True, timeout=600
    )
    assert done.returncode == 0, done.stderr


def fetch_undisturbed(task: Task, state: Path) -> list[tuple[str, str]]:
    with Registry.open(state) as shelf:
        fetch_sites(task.sources, shelf=shelf, kept=find_kept(shelf))
    return read_archive(state)


def read_archive(state: Path) -> list[tuple[str, str]]:
    """Returns the URL of every reply that is archived, with its status and the digest of its body."""
    (folder,) = (state / "sources" / "web").iterdir()
    records = [each.record for each in Archive(folder).records()]
    replies = [(record.url, read_block(record.block)) for record in records]
    return [(url, f"{reply.status} {hashlib.sha256(reply.body).hexdigest()}") for url, reply in replies]


def read_pages(state: Path) -> list[tuple[str, str]]:
    """Returns the pages that the archive gives, in their order, each with its time."""
    (folder,) = (state / "sources" / "web").iterdir()
    return [(visit.url, visit.time) for visit in Archive(folder).visits()]


def fetch_and_kill(site: Nginx, task: Path, *, requests: int, chance: random.Random) -> int:
    """Kills one process after another, each at a random request and a random moment after it.

    Returns:
        How many were killed before they were done.
    """
    cuts = sorted(chance.sample(range(1, requests - 3 * KILLS), KILLS))
    kills = 0
    for more in (later - earlier for earlier, later in pairwise([0, *cuts])):
        process = subprocess.Popen(
            command(task), env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wanted, deadline = site.count() + more, time.monotonic() + 120
        while site.count() < wanted and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        time.sleep(chance.uniform(0.0, 0.04))
        kills += process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
    return kills


def test_twenty_kills_lose_no_page_and_store_none_twice(killed: Killed) -> None:
    assert killed.kills == KILLS
    assert len(killed.archived) == len({url for url, _ in killed.archived})
    assert dict(killed.archived) == killed.undisturbed
    assert len(killed.undisturbed) > 400


def test_twenty_kills_ask_again_only_for_what_was_on_its_way(killed: Killed) -> None:
    asked = Counter(line.path for line in killed.log if line.status not in LATER)
    twice = {path: count for path, count in asked.items() if count > 1}
    print(f"{sum(asked.values())} requests for {len(asked)} addresses, {len(twice)} asked again")
    assert sum(count - 1 for count in twice.values()) <= KILLS
    assert min(spacings(killed.log)) >= -CLOCK


def test_a_refresh_is_sent_nothing_that_did_not_change(killed: Killed) -> None:
    """Runs last: it adds to the archive. What nginx makes up anew has no ETag, and is sent."""
    before = killed.site.count()
    pages = read_pages(killed.task / ".freehold")
    finish(killed.task, "--refresh")
    assert read_pages(killed.task / ".freehold") == pages
    log = killed.site.log(after=before)
    unchanged = Counter(line.path for line in log if line.status == 304)
    made_up = tuple(start.rstrip("1") for start in traps.ENDLESS)
    stored = {"/" + url.split("/", 3)[3] for url, told in killed.undisturbed.items() if told.startswith("200")}
    assert unchanged == Counter(path for path in stored if not path.startswith((*made_up, "/robots.txt")))
    assert {line.path for line in log if line.status == 304} == {
        line.path for line in log if line.known and line.status != 429
    }
    again = read_archive(killed.task / ".freehold")[len(killed.archived) :]
    assert {url: told for url, told in again if not told.startswith("304")}.items() <= killed.undisturbed.items()
    print(f"{sum(unchanged.values())} of {len(log)} replies were 304")
