"""Accuracy against seconds: Freehold beside its peers, same rows, same cores, same hour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import NamedTuple

from bench.harness import Cell, Table
from bench.intervals import Interval, ratio, wilson
from bench.learn.contenders import SEARCHED, Contender, Learned, Rows, contenders
from bench.learn.corpora import INTENT, Corpus
from bench.learn.draws import few, others
from bench.learn.figures import mean_of_figures, mean_of_runs, paired_mean
from bench.learn.parts.full import rights
from bench.learn.plan import Goal, Misses, Part, Plan
from bench.picture import Point, draw
from bench.released import Rows as LabelledRows
from bench.released import labelled_rows

__all__ = ["measure_peers", "measure_peers_few"]

FASTER = 5
SHOTS = 5
_ADAPTER = "Trainer + LoRA"
_DEVELOPMENT = 1000


class Line(NamedTuple):
    """One contender over all runs: whether each test row was right, and seconds; one entry a run."""

    name: str
    setting: str
    rows: int
    right: list[list[bool]]
    alone: list[float]
    search: float | None = None

    @property
    def accuracy(self) -> Interval:
        return mean_of_figures([wilson(sum(run), len(run)) for run in self.right])


def measure_peers(plan: Plan) -> Part:
    """Runs everybody on all of Banking77 with every seed."""
    corpus, misses = plan.banking77(), Misses()
    lines = _full(plan, corpus, misses)
    ours = [line for line in lines if line.name.startswith("Freehold")]
    return _part("peers", "Banking77, all train rows", lines, misses, (_faster(lines, ours),))


def measure_peers_few(plan: Plan) -> Part:
    """Runs everybody on five rows a label of Banking77 with every draw."""
    corpus, misses = plan.banking77(), Misses()
    return _part("peers-few", f"Banking77, {SHOTS} rows a label", _few(plan, corpus, misses), misses)


def _part(name: str, title: str, lines: Sequence[Line], misses: Misses, goals: tuple[Goal, ...] = ()) -> Part:
    ours = [line for line in lines if line.name.startswith("Freehold")]
    table = Table(title, tuple(_row(line, ours[-1] if ours else None) for line in lines))
    picture = draw([_point(line) for line in lines], title=f"{title}: accuracy against seconds") if lines else ""
    pictures = {"accuracy": picture} if picture else {}
    return Part(name, (table, *misses.tables()), goals, _NOTES, pictures)


_NOTES = (
    "`seconds`: for Freehold the whole `freehold run` (process start, reading, training, shrinking, gate); for a "
    "peer the last fit and its answers with the setting already known, without imports: in the peer's favour. "
    "`search`: what finding the setting took besides.",
    "All rows: peers are searched on Freehold's validation rows of the first seed, those in a process of their "
    f"own with {SEARCHED:,} train rows; the setting is kept for the other seeds, and each last fit sees all train "
    f"and validation rows together. {SHOTS} rows a label: the setting is searched on a draw that is not reported, "
    f"judged by {_DEVELOPMENT} other train rows: more labels than Freehold sees, again in the peer's favour.",
    "Means have Student's interval over runs, one run Wilson's; differences are paired and resampled over "
    "the test rows. `n`: test rows; runs share them. `rows`: as given to Freehold; to the peers what it "
    "leaves of them where near duplicates of test rows are kept apart.",
    "Not run: FastFit 1.2.1, whose import asks for `datasets.load_metric`, which today's `datasets` does not "
    "have; AutoGluon 1.6.3 multimodal, which needs transformers below 5.15 and gigabytes of its own.",
)


def _full(plan: Plan, corpus: Corpus, misses: Misses) -> list[Line]:
    lines = [
        line
        for effort in dict.fromkeys(plan.chosen(each) for each in ("quick", "normal"))
        if (line := _ours(plan, dict.fromkeys(plan.seeds, corpus), effort, misses))
    ]
    with misses.noted("the rows that the peers are to see"):
        effort = plan.chosen("normal")
        folders = {seed: plan.turn(corpus, effort=effort, seed=seed).folder for seed in plan.seeds}
        splits = {seed: labelled_rows(folder, INTENT) for seed, folder in folders.items()}
        parts = {seed: (_rows(split["train"]), _rows(split["validation"])) for seed, split in splits.items()}
        for peer in contenders(few=False, quick=plan.quick):
            lines += _peer(peer, parts, corpus, misses)
    return lines


def _rows(part: LabelledRows) -> Rows:
    return Rows(part.texts, list(part.labels))


def _few(plan: Plan, corpus: Corpus, misses: Misses) -> list[Line]:
    drawn = {draw: few(corpus, shots=SHOTS, draw=draw, field=INTENT) for draw in range(plan.draws)}
    line = _ours(plan, drawn, plan.chosen("normal"), misses)
    trial = few(corpus, shots=SHOTS, draw=-1, field=INTENT)
    held = Rows.of(others(corpus, trial.train, most=_DEVELOPMENT, draw=-1), INTENT)
    lines = [line] if line else []
    for peer in contenders(few=True, quick=plan.quick):
        parts = {draw: (Rows.of(each.train, INTENT), Rows([], [])) for draw, each in drawn.items()}
        lines += _peer(peer, parts, corpus, misses, trial=(Rows.of(trial.train, INTENT), held))
    return lines


def _ours(plan: Plan, runs: Mapping[int, Corpus], effort: str, misses: Misses) -> Line | None:
    line = Line(f"Freehold, {effort}", "", 0, [], [])
    for seed, corpus in runs.items():
        with misses.noted(f"Freehold, {effort}, run {seed}"):
            turned = plan.turn(corpus, effort=effort, seed=seed)
            line.right.append(rights(plan.answers(corpus, effort=effort, seed=seed), corpus))
            line = line._replace(rows=len(corpus.train))
            line.alone.extend([turned.seconds] if turned.seconds else [])
    return line if line.right and line.alone else None


def _peer(
    peer: Contender,
    parts: Mapping[int, tuple[Rows, Rows]],
    corpus: Corpus,
    misses: Misses,
    *,
    trial: tuple[Rows, Rows] | None = None,
) -> list[Line]:
    """Returns a peer's line: its setting searched once, on `trial` or on the first run's rows."""
    asked, truths = [row.text for row in corpus.test], [str(row.outputs[INTENT]) for row in corpus.test]
    made: list[Learned] = []
    setting, search = None, None
    try:
        if trial:
            found = peer.learn(*trial, [], seed=0)
            setting, search = found.setting, found.seconds
        for seed, (train, held) in parts.items():
            made.append(peer.learn(train, held, asked, seed=seed, setting=setting))
            search = made[0].seconds - made[0].alone if search is None else search
            setting = made[0].setting
    except (RuntimeError, OSError) as error:
        misses.note(peer.name, error)
    if not made:
        return []
    right = [[a == b for a, b in zip(each.answers, truths, strict=True)] for each in made]
    told = setting if isinstance(setting, str) else ", ".join(f"{k} {v}" for k, v in dict(setting or {}).items())
    return [Line(peer.name, told, made[0].rows, right, [each.alone for each in made], search)]


def _row(line: Line, ours: Line | None) -> dict[str, Cell]:
    same = ours is None or line.name == ours.name
    return {
        "model": line.name,
        "setting": line.setting,
        "rows": line.rows,
        "n": len(line.right[0]),
        "runs": len(line.right),
        "accuracy": line.accuracy,
        f"{ours.name if ours else 'Freehold'} minus this": None
        if same or ours is None
        else paired_mean(ours.right, line.right),
        "seconds": mean_of_runs(line.alone),
        "search": line.search,
    }


def _point(line: Line) -> Point:
    series = "Freehold" if line.name.startswith("Freehold") else line.name
    label = line.name.removeprefix("Freehold, ") if series == "Freehold" else f"{line.accuracy.value:.3f}"
    return Point(series, label, fmean(line.alone), line.accuracy)


def _faster(lines: Sequence[Line], ours: Sequence[Line]) -> Goal:
    """Returns how many times faster the quickest of our efforts is that is not significantly worse."""
    what = f"times faster than {_ADAPTER} at no worse accuracy"
    peer = next((line for line in lines if line.name == _ADAPTER), None)
    if peer is None:
        return Goal(what, FASTER, None)
    equal = [line for line in ours if paired_mean(line.right, peer.right).high >= 0]
    if not equal:
        return Goal(f"{what} (none of ours is)", FASTER, None)
    best = min(equal, key=lambda line: fmean(line.alone))
    pairs = min(len(peer.alone), len(best.alone))
    return Goal(f"{what}: {best.name}", FASTER, ratio(peer.alone[:pairs], best.alone[:pairs], seed=0))
