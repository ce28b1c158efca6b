"""A crawl that is killed goes on: no page is lost, and none that was archived is asked for again."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.data.web.crawls import Crawls
from tests.data.web.site import Answer, Hit, Site, html, moved, serving

ROOT = Path(__file__).resolve().parents[3]
COUNT = 80


def make_site() -> Site:
    """Returns a site of pages that are all linked, some through redirects, and one that says later."""
    busy = iter([Answer(status=503, headers={"Retry-After": "0"})])
    site = Site({f"/{n}": html(*links(n), text="x" * 3000) for n in range(COUNT)})
    site.pages |= {f"/to/{n}": moved(f"/{n}") for n in range(0, COUNT, 10)}
    site.pages["/busy"] = lambda hit: next(busy, html("/0"))
    site.pages["/robots.txt"] = Answer(b"User-agent: *\nDisallow:\n", headers={"Content-Type": "text/plain"})
    return site


def links(n: int) -> list[str]:
    following = [m for m in (2 * n + 1, 2 * n + 2) if m < COUNT]
    return [*(f"/to/{m}" if m % 10 == 0 else f"/{m}" for m in following), "/busy", "/0"]


def start(folder: Path, url: str) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'src'}{os.pathsep}{ROOT}"}
    program = [sys.executable, str(Path(__file__).with_name("crawls.py")), str(folder), url]
    return subprocess.Popen(program, env=environment, cwd=ROOT)


def kill_after(process: subprocess.Popen[bytes], site: Site, *, hits: int, seconds: float) -> bool:
    """Kills a crawl once it asked so often, and a moment later; returns False where it was done before."""
    deadline = time.monotonic() + 60
    while len(site.hits) < hits and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.0005)
    time.sleep(seconds)
    was_running = process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    return was_running


def check(crawls: Crawls, site: Site, *, kills: int) -> None:
    """Checks the archive against the site's own log."""
    fates = {
        path: [hit for hit in site.hits if hit.path == path and hit.status != 503] for path in set(site.asked())
    }
    assert max(sum(hit.fate == "complete" for hit in hits) for hits in fates.values()) == 1
    cut = [hit for hits in fates.values() for hit in hits if hit.fate != "complete"]
    assert len(cut) <= kills  # one host is asked one thing at a time
    assert all(len(hits) <= 1 + sum(hit.fate != "complete" for hit in hits) for hits in fates.values())
    archived = [each.record.url for each in crawls.archive.records()]
    assert len(archived) == len(set(archived))
    assert set(crawls.visits()) == {"/busy", *(f"/{n}" for n in range(COUNT))}
    assert crawls.shelf.frontier(crawls.name).counts().waiting == 0


def crawl_and_kill(crawls: Crawls, moments: list[tuple[int, float]]) -> None:
    site = make_site()
    kills = 0
    with serving(site):
        for more, seconds in moments:
            process = start(crawls.folder, site.url("/0"))
            kills += kill_after(process, site, hits=len(site.hits) + more, seconds=seconds)
        done = start(crawls.folder, site.url("/0"))
        assert done.wait(timeout=120) == 0
    assert kills == len(moments)
    check(crawls, site, kills=kills)


def test_a_killed_crawl_goes_on(crawls: Crawls) -> None:
    crawl_and_kill(crawls, [(1, 0.0), (20, 0.003), (15, 0.008)])


@pytest.mark.slow
def test_twenty_kills_at_random_moments_lose_nothing(crawls: Crawls) -> None:
    chance = random.Random(5)
    crawl_and_kill(crawls, [(chance.randint(1, 4), chance.uniform(0.0, 0.02)) for _ in range(20)])


def test_a_reply_that_the_frontier_was_not_told_of_is_not_asked_for_again(crawls: Crawls) -> None:
    """The moment between archive and frontier, made by hand: the frontier is set back to before a page."""
    site = make_site()
    with serving(site):
        crawls.crawl(site.url("/0"), pages=10)
        records = [each.record for each in crawls.archive.records()]
        copy = Crawls(crawls.folder / "copy", crawls.shelf, name="copy")
        with copy.archive.writing({}):
            for record in records:
                copy.archive.append(record, payload=b"")
        before = len(site.hits)
        copy.crawl(site.url("/0"), pages=10)
        assert len(site.hits) == before
        copy.crawl(site.url("/0"))
    assert len(copy.visits()) == COUNT + 1
    asked = [hit.path for hit in site.hits if hit.status != 503]
    assert len(asked) == len(set(asked))


def test_the_log_of_the_site_tells_a_cut_reply(crawls: Crawls) -> None:
    """What the checks above stand on: a crawler that dies with a reply in its hands is seen to."""
    ended: list[subprocess.Popen[bytes]] = []

    def answer(hit: Hit) -> Answer:
        ended[0].send_signal(signal.SIGKILL)
        ended[0].wait()
        return html()

    site = Site({"/": answer})
    with serving(site):
        ended.append(start(crawls.folder, site.url()))
        ended[0].wait(timeout=60)
    assert (site.hits[-1].path, site.hits[-1].fate) == ("/", "cut")
    assert list(crawls.archive.visits()) == []
