"""A report as one page of HTML: nothing is loaded from elsewhere, and no script runs.

Owns the page's words. Its frame and its pictures, each beside the table of its numbers, come from `pages`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from freehold.app.cli.confusions import named
from freehold.app.cli.made import describe_rungs
from freehold.app.cli.tables import comparison_rows, metric_rows, shown
from freehold.app.cli.tiers import (
    ABSTAINING,
    CERTIFIED,
    COST,
    TIERS,
    abstaining_rows,
    certified_rows,
    cost_rows,
    tier_rows,
)
from freehold.pages import (
    draw_cost,
    draw_reliability,
    draw_risk_coverage,
    html_list,
    html_pair,
    html_table,
    lay_out,
    moment,
)

if TYPE_CHECKING:
    from freehold.app.cli.known import Known

__all__ = ["write_page"]

_ON_HELD_OUT = "Certified on validation rows, with 95 % confidence"
_TAKEN = (">taken", ">confidence from", ">share right", ">95 % interval", ">n")
_SURE = (">mean confidence", ">share right", ">95 % interval", ">n")


def write_page(known: Known) -> str:
    """Returns the page."""
    release = known.release
    verdict = "passed" if release.verdict.passed else "was refused"
    title = f"{release.name} {verdict}"
    body = [f"<h1>{escape(title)}</h1>", f'<p class="quiet">Made {moment(release.created)}; {release.state}.</p>']
    for section in (
        _verdict(known),
        _confidence(known),
        _abstaining(known),
        _tiers(known),
        _mistakes(known),
        _training(known),
        _data(known),
        _origin(known),
    ):
        body.extend(section)
    return lay_out(title, body)


def _verdict(known: Known) -> Iterator[str]:
    verdict = known.release.verdict
    yield "<h2>Verdict</h2>"
    yield html_list(verdict.reasons)
    yield html_table(*metric_rows(verdict, order=known.order), caption="On the test rows, with 95 % intervals")
    if verdict.comparisons:
        columns, rows = comparison_rows(verdict)
        yield html_table(columns, rows, caption=f"Against {verdict.against}, on the same rows")


def _confidence(known: Known) -> Iterator[str]:
    if known.calibration:
        yield "<h2>How far confidence may be believed</h2>"
    for field, tables in known.calibration.items():
        points, bins = tables["risk_coverage"], tables["reliability"]
        taken = [(f"{p['coverage']:.0%}", f"{p['threshold']:.4f}", *_share(p["accuracy"])) for p in points]
        yield f"<h3>{escape(field)}: risk and coverage</h3>"
        yield html_pair(
            draw_risk_coverage(points, name=field), html_table(_TAKEN, taken, caption="The most confident answers")
        )
        if bins:
            sure = [(shown(each["confidence"]), *_share(each["right"])) for each in bins]
            yield f"<h3>{escape(field)}: reliability</h3>"
            yield html_pair(
                draw_reliability(bins, name=field), html_table(_SURE, sure, caption="Bins of equal mass")
            )


def _abstaining(known: Known) -> Iterator[str]:
    found = known.facts.get("compress.shrink", {}).get("abstaining", {})
    if found:
        yield "<h2>Which answers are given</h2>"
        yield html_table(ABSTAINING, abstaining_rows(found), caption=_ON_HELD_OUT)


def _tiers(known: Known) -> Iterator[str]:
    static = known.facts.get("compress.shrink", {}).get("static", {})
    if not static:
        return
    yield "<h2>Who answers</h2>"
    yield html_table(CERTIFIED, certified_rows(static), caption=_ON_HELD_OUT)
    tiers = known.facts.get("gate.judge", {}).get("tiers", {})
    if tiers:
        yield html_table(TIERS, tier_rows(tiers), caption="On the test rows")
    for field, each in static.items():
        taken = each["share"] if each["above"] is not None else None
        picture = draw_cost(each["curve"], allowed=each["allowed"], taken=taken, name=field)
        yield html_pair(
            picture, html_table(COST, cost_rows(each["curve"]), caption="What the static tier's answers cost")
        )


def _mistakes(known: Known) -> Iterator[str]:
    rows = [
        (field, named(each.truth), named(each.answer), str(each.count))
        for field, found in known.confusions.items()
        for each in found
    ]
    if rows:
        yield "<h2>Most frequent mistakes</h2>"
        yield html_table(("field", "truth", "answer", ">times"), rows, caption="On the test rows")


def _training(known: Known) -> Iterator[str]:
    rungs = known.facts.get("train.fit", {}).get("rungs", [])
    if rungs:
        yield "<h2>What was tried</h2>"
        yield html_table(*describe_rungs(rungs), caption="Rungs of the ladder, on validation rows")


def _data(known: Known) -> Iterator[str]:
    found = known.facts.get("data.collect", {})
    if not found:
        return
    yield "<h2>Data</h2>"
    splits = ", ".join(f"{count:,} {split}" for split, count in found["splits"].items())
    yield f"<p>{found['examples']:,} examples from {found['rows']:,} rows: {splits}.</p>"
    if known.refused:
        yield f"<p>Rows that were refused: {known.refused.rows:,}.</p>"
    if known.warnings:
        yield html_list(warning["message"] for warning in known.warnings)
    rows = [
        (field, str(each["count"]), _counts(each["most"]), _counts(each["fewest"]))
        for field, each in found.get("labels", {}).items()
    ]
    if rows:
        yield html_table(("field", ">labels", "most training rows", "fewest"), rows, caption="Labels")


def _origin(known: Known) -> Iterator[str]:
    yield "<h2>Where it comes from</h2>"
    rows = [
        (s["stage"], s["digest"][:12], f"{s['seconds']:.2f}", moment(s["created"]))
        for s in known.lineage["stages"]
    ]
    yield html_table(("made by", "digest", ">seconds", "at"), rows, caption="Causes first")
    yield f"<p>Corrections among its examples: {len(known.lineage['corrections']):,}.</p>"
    history = [f"{moment(e['time'])}: {e['action']} by {e['who']}. {e['why']}" for e in known.history]
    if history:
        yield html_list(history)
    yield f'<p class="quiet">Digest {known.release.artifact.digest}</p>'


def _share(right: Mapping[str, Any]) -> tuple[str, str, str]:
    return shown(right["value"]), f"{shown(right['low'])} to {shown(right['high'])}", f"{right['n']:,}"


def _counts(labels: Mapping[str, int]) -> str:
    return ", ".join(f"{label} ({count:,})" for label, count in labels.items())
