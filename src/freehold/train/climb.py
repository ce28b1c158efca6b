"""Climbs the ladder: tries each rung on validation rows, keeps what pays, makes the winner from all rows."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from freehold.engine import (
    Base,
    Run,
    TokenVectors,
    Which,
    encode_texts,
    encoder_identity,
    field_labels,
    find_base,
    find_graph,
    open_graph,
)
from freehold.task import Desk, Event, Field, Json, Task, digest
from freehold.train.attempts import Attempts
from freehold.train.blend import blend, choose_shares
from freehold.train.heads import Trained
from freehold.train.label_names import is_scarce, name_rows
from freehold.train.ladder import Candidate, beats, chance_of_gain, find_gain, judge_rung, with_tags
from freehold.train.ledger import forget_others
from freehold.train.ridge import Ridge
from freehold.train.rows import Rows
from freehold.train.student import LEAST_HELD_OUT, Student, can_have_student, make_student
from freehold.train.tunings import Tunings

if TYPE_CHECKING:
    from freehold.engine import Encoder, Tokenizer
    from freehold.train.span_fields import SpanHeads

__all__ = ["LEAST_VALIDATION", "Outcome", "climb", "climb_first"]

LEAST_VALIDATION = 30
"""Fewer validation rows than this cannot tell two rungs apart."""

_STAGE = "train.fit"
_BLENDED = "ridge + svm"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The best candidate, and how it was found.

    Attributes:
        rungs: What was tried, with seconds, validation figures and n: facts, not part of the model.
        student: The static tier beside it; None where it would not pay.
    """

    chosen: Candidate
    max_tokens: int
    rungs: tuple[dict[str, Json], ...]
    student: Student | None = None


def climb(desk: Desk, task: Task, fields: tuple[Field, ...], *, train: Rows, validation: Rows) -> Outcome:
    """Returns the best reader that the task's effort allows to look for."""
    work = _Work(desk, task, fields, train, validation)
    tried = _Tried(desk)
    tried.first(work.climb_ridge)
    if reason := work.reason_against_search():
        tried.pass_over("svm", reason)
    else:
        if reason := work.reason_against_svm():
            tried.pass_over("svm", reason)
        elif not tried.try_next(work.climb_svm):
            work.attempts.note_lost("svm", work.lessons)
        if reason := work.reason_against_tuning():
            tried.pass_over("tuned", reason)
        elif not tried.try_next(lambda: work.climb_tuned(tried.best), trusted=work.scarce):
            work.tunings.note_lost()
        elif work.scarce and len(validation):
            tried.mend_best(work.tune_on_all(tried.best))
    forget_others(work.moments, kept=work.kept)
    return Outcome(tried.best, work.base.max_tokens, tuple(tried.reports), work.make_student(tried.best))


def climb_first(desk: Desk, task: Task, fields: tuple[Field, ...], *, train: Rows, validation: Rows) -> Candidate:
    """Returns the first rung alone: heads on the base as it is."""
    return _Work(desk, task, fields, train, validation).climb_ridge()


class _Tried:
    """The rungs so far, and the best of them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.reports: list[dict[str, Json]] = []
        self._candidates: list[Candidate] = []

    @property
    def best(self) -> Candidate:
        return self._candidates[-1]

    def first(self, climb: Callable[[], Candidate]) -> None:
        """Takes a rung that nothing can be compared with."""
        start = time.perf_counter()
        candidate = climb()
        self._candidates.append(candidate)
        self._note(candidate.report(taken=True, seconds=time.perf_counter() - start))

    def try_next(self, climb: Callable[[], Candidate], *, trusted: bool = False) -> bool:
        """Tries a rung, and returns whether it beats the best one so far.

        Args:
            trusted: Whether it is taken unless it is beaten itself: where rows are too few to show a gain that
                was found on other data.
        """
        start = time.perf_counter()
        candidate = climb()
        lower = self.best
        taken = not beats(lower, candidate) if trusted else beats(candidate, lower)
        chance = round(chance_of_gain(candidate.merit, lower.merit), 4)
        if taken:
            self._candidates.append(candidate)
            for report in self.reports:
                report["taken"] = False
        report = {**candidate.report(taken=taken, seconds=time.perf_counter() - start), "p": chance}
        gain = find_gain(candidate.merit, lower.merit)
        self._note({**report, "by": gain} if gain else report)
        return taken

    def mend_best(self, candidate: Candidate) -> None:
        """Puts what was made of more rows in the place of the best rung."""
        self._candidates[-1] = candidate

    def pass_over(self, name: str, reason: str) -> None:
        """Notes a rung that was not tried."""
        self._note({"name": name, "taken": False, "seconds": 0.0, "note": f"not tried: {reason}"})

    def _note(self, report: dict[str, Json]) -> None:
        self.reports.append(report)
        self._desk.tell(Event(_STAGE, "note", note=_sentence(report)))


class _Work:
    """What every rung works on."""

    def __init__(self, desk: Desk, task: Task, fields: tuple[Field, ...], train: Rows, validation: Rows) -> None:
        self.desk, self.task, self.train, self.validation = desk, task, train, validation
        self.fields = [field for field in fields if field.kind != "spans"]
        self.spans = [field for field in fields if field.kind == "spans"]
        self.lessons = train + name_rows(self.fields, train + validation)
        self.scarce = not self.spans and is_scarce(self.fields, train + validation)
        self.base: Base = find_base(task.base, relative_to=task.folder)
        self.all_fields = fields
        self.tunings = Tunings(desk, task, self.base, fields, scarce=self.scarce)
        identity = digest([task.name, self.base.digest, [f.name for f in fields]])
        self.attempts = Attempts(desk.cache, identity=identity, fields=fields)
        self.moments, self.kept = desk.cache / "moments" / task.name, set[Path]()
        self._ridges: dict[str, tuple[Trained, Trained]] = {}
        self._span_heads: dict[str, SpanHeads] = {}

    def reason_against_search(self) -> str:
        """Returns why no further rung is worth trying; empty where one is."""
        if self.task.effort == "quick":
            return 'the task says `effort = "quick"`'
        if len(self.validation) < LEAST_VALIDATION and not self.scarce:
            return f"{len(self.validation)} validation rows cannot tell two rungs apart"
        return ""

    def reason_against_svm(self) -> str:
        """Returns why the machine is not worth trying, or cannot learn the fields; empty where it is."""
        from freehold.train.svm import MOST_CELLS, MOST_LABELS, MOST_MARGINS, count_cells

        if not self.fields:
            return "all fields are spans, whose heads do not depend on it"
        if self.scarce or is_scarce(self.fields, self.lessons + self.validation):
            return "with so few rows a label it does not pay"
        if self.attempts.lost("svm", self.lessons):
            return "it did not pay before, and 90 % or more of the rows are the same"
        rows = len(self.lessons) + len(self.validation)
        if count_cells(rows, dimension=self._dimension) > MOST_CELLS:
            return f"{rows:,} rows do not fit into memory"
        labels = max(len(field_labels(field)) for field in self.fields)
        if labels > MOST_LABELS or rows * labels > MOST_MARGINS:
            return f"{rows:,} rows of {labels:,} labels take too long"
        return ""

    @property
    def _dimension(self) -> int:
        """Of the vectors, once there is a ridge."""
        features = next(iter(self._ridges.values()))[0].features
        return len(features.weights) if features else 0

    def reason_against_tuning(self) -> str:
        if self.scarce and len(self.train) + len(self.validation) < len(self.lessons) - len(self.train):
            return "with less than a row a label there is nothing to tell apart"
        return self.tunings.reason_against(self.train if self.spans else self.lessons)

    def climb_ridge(self) -> Candidate:
        vectors = _Vectors(self, tuned=None)
        return self._candidate("ridge", self._ridge(vectors), vectors)

    def climb_svm(self) -> Candidate:
        """Fits a support vector machine and blends it with the ridge."""
        vectors = _Vectors(self, tuned=None)
        return self._candidate(_BLENDED, self._blended(vectors), vectors)

    def _blended(self, vectors: _Vectors) -> tuple[Trained, Trained]:
        ridge, machine = self._ridge(vectors), self._svm(vectors)
        scores = [self._score(pair[0], vectors) for pair in (ridge, machine)]
        heads = [
            judge_rung(self.fields, pair[0], scores=found, rows=self.validation)[0]
            for pair, found in zip((ridge, machine), scores, strict=True)
        ]
        shares = choose_shares(
            self.fields, self.validation, ridge=scores[0], machine=scores[1], heads=heads[0], others=heads[1]
        )
        return blend(ridge[0], machine[0], shares=shares), blend(ridge[1], machine[1], shares=shares)

    def climb_tuned(self, best: Candidate) -> Candidate:
        """Fine-tunes the encoder, and fits the best heads so far on what it gives then."""
        rows = self.train if self.spans else self.lessons  # a label's name holds no spans
        kept = self.tunings.obtain(rows, self.validation, tell=lambda d, t, n: self._tell(d, t, f"tuning: {n}"))
        vectors = _Vectors(self, tuned=self.tunings.folder)
        pair = self._blended(vectors) if best.name == _BLENDED else self._ridge(vectors)
        name = f"tuned {self.tunings.method}{' (kept)' if kept else ''}"
        return self._candidate(name, pair, vectors)

    def tune_on_all(self, candidate: Candidate) -> Candidate:
        """Tunes once more, on the validation rows too: where rows are few, each of them counts.

        How sure the answers may be stays as the validation rows told before they were learned from.
        """
        both = self.lessons + self.validation
        tunings = Tunings(self.desk, self.task, self.base, self.all_fields, scarce=True, whole=True)
        tunings.obtain(both, both.take([]), tell=lambda d, t, n: self._tell(d, t, f"tuning on all rows: {n}"))
        vectors = _Vectors(self, tuned=tunings.folder)
        held, final = self._ridge(vectors)
        return replace(candidate, held=held, final=final, tuned=tunings.folder)

    def _ridge(self, vectors: _Vectors) -> tuple[Trained, Trained]:
        if vectors.identity not in self._ridges:
            ridge = Ridge(
                self.fields,
                vectors.of,
                vectors.identity,
                self.moments,
                lambda done, total: self._tell(done, total, "ridge: sums"),
                self.kept,
                layers=2 if self.base.middle else 1,
            )
            self._ridges[vectors.identity] = ridge.fit(self.lessons, self.validation)
        return self._ridges[vectors.identity]

    def _svm(self, vectors: _Vectors) -> tuple[Trained, Trained]:
        """Fits both machines at once: LIBLINEAR uses one core."""
        from freehold.train.svm import fit_svm

        both = self.lessons + self.validation
        every = vectors.of(both.texts)
        self._tell(0, 2, "support vector machines")
        with ThreadPoolExecutor(2 if self.desk.threads != 1 else 1) as pool:
            fits = [
                pool.submit(fit_svm, rows, self.fields, vectors=every[: len(rows)])
                for rows in (self.lessons, both)
            ]
            held = fits[0].result()
            self._tell(1, 2, "support vector machines")
            return held, fits[1].result()

    def make_student(self, best: Candidate) -> Student | None:
        """Returns the static tier: none at `quick`, and where its fields or the held-out rows do not allow one."""
        if self.task.effort == "quick" or self.spans or self.scarce or not can_have_student(self.fields):
            return None
        if len(self.validation) < LEAST_HELD_OUT:
            return None
        self._tell(0, 1, "static tier")
        scores = self._score(best.held, _Vectors(self, tuned=best.tuned))
        return make_student(self.fields, self.train, self.validation, heads=best.heads, scores=scores)

    def _candidate(self, name: str, pair: tuple[Trained, Trained], vectors: _Vectors) -> Candidate:
        held, final = pair
        heads, merit, loss = judge_rung(self.fields, held, scores=self._score(held, vectors), rows=self.validation)
        heads = {n: replace(head, centre=final.centres[n], spread=final.spreads[n]) for n, head in heads.items()}
        candidate = Candidate(name, final, held, heads, merit, loss, {}, {}, vectors.tuned)
        return self._with_spans(candidate, vectors) if self.spans else candidate

    def _score(self, held: Trained, vectors: _Vectors) -> NDArray[np.float32]:
        """Returns scores of the validation rows."""
        texts = self.validation.texts
        found = vectors.of(texts) if len(texts) else vectors.of(self.lessons.texts[:1])[:0]
        return held.heads(dense=found.shape[1]).scores(found, held.grams.transform(texts))

    def _with_spans(self, candidate: Candidate, vectors: _Vectors) -> Candidate:
        from freehold.train.span_fields import fit_span_fields

        if vectors.identity not in self._span_heads:
            self._span_heads[vectors.identity] = fit_span_fields(
                self.spans,
                self.train,
                self.validation,
                inputs=tuple(self.task.inputs),
                tokens=vectors.tokens,
                quick=self.task.effort == "quick",
                seed=self.task.seed,
                scratch=self.desk.scratch,
                tell=lambda done, total, what: self._tell(done, total, f"{candidate.name}: spans, {what}"),
            )
        made = self._span_heads[vectors.identity]
        merit = with_tags(candidate.merit, made.merit)
        return replace(
            candidate, merit=merit, tags=made.final, held_tags=made.held, spans_layer=vectors.spans_layer
        )

    def _tell(self, done: int, total: int, note: str) -> None:
        self.desk.tell(Event(_STAGE, "progress", done=done, total=total, note=note))


class _Vectors:
    """Vectors from one encoder: the base's, or a tuned one's."""

    def __init__(self, work: _Work, *, tuned: Path | None) -> None:
        self._work, self.tuned = work, tuned
        self.identity = encoder_identity(work.base, tuned=tuned)
        self._encoder: Encoder | None = None
        self._tokenizer: Tokenizer | None = None

    def of(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Returns one vector a text, from the cache where there is one."""
        return encode_texts(
            texts,
            base=self._work.base,
            cache=self._work.desk.cache,
            run=self._run,
            identity=self.identity,
            tell=lambda done, total: self._work._tell(done, total, "encoding"),
        )

    def _run(self) -> Run:
        """Returns the encoder as a graph where an earlier turn left one: loading torch takes seconds."""
        desk = self._work.desk
        if graph := find_graph(desk.cache, self.identity):
            return open_graph(graph, threads=desk.threads)
        from freehold.engine import run_encoder

        return run_encoder(self._load())

    @property
    def spans_layer(self) -> Which:
        """What heads of spans read: the middle, or the last layer where tuning has taught it spans."""
        return "last" if self.tuned else "middle"

    def tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """Returns the token vectors that heads of spans read, of at least one text."""
        from freehold.engine import load_tokenizer, read_texts, run_encoder

        self._tokenizer = self._tokenizer or load_tokenizer(self._work.base.folder)
        return read_texts(
            texts,
            tokenizer=self._tokenizer,
            pooling=self._work.base.pooling,
            run=run_encoder(self._load()),
            tokens=self.spans_layer,
        ).tokens

    def _load(self) -> Encoder:
        from freehold.engine import load_encoder, load_tuned

        if self._encoder is None:
            import torch

            torch.set_num_threads(self._work.desk.threads)
            folder = self._work.base.folder
            self._encoder = load_tuned(folder, tuned=self.tuned) if self.tuned else load_encoder(folder)
        return self._encoder


def _sentence(report: Mapping[str, Json]) -> str:
    if "validation" not in report:
        return f"rung {report['name']}: {report['note']}"
    shown, n = report["validation"], report["n"]
    assert isinstance(shown, dict)
    assert isinstance(n, dict)
    figures = ", ".join(f"{field} {value:.3f} (n = {n[field]})" for field, value in shown.items())
    taken = "taken" if report["taken"] else "not taken"
    taken += f", better by {report['by']}" if report["taken"] and "by" in report else ""
    measured = f"on validation rows {figures}" if figures else "no validation rows"
    return f"rung {report['name']}: {measured}; {report['seconds']} s; {taken}"
