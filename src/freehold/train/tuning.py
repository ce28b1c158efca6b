"""Fine-tuning of an encoder: low-rank adapters, its last layers, or all of them, for fields of every kind.

The budget is counted in tokens, not in seconds, so that a slow machine and a fast one make the same encoder. A
killed run goes on from its last checkpoint to the very same weights. What is left is a folder that
`engine.load_tuned` reads; the heads that count are fitted afterwards, on the new vectors.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from freehold.engine import Base, load_encoder, load_tokenizer, save_adapter, save_changed
from freehold.errors import UserError
from freehold.task import Json, digest
from freehold.train.batches import balanced_plan, plan
from freehold.train.checkpoints import Checkpoint, Checkpoints
from freehold.train.lessons import Lessons, Side, name_lessons
from freehold.train.losses import Aim, LossSettings
from freehold.train.objectives import OneLabel
from freehold.train.optimisers import Group, Packed, make_optimiser
from freehold.train.pace import Pace
from freehold.train.steps import total_loss
from freehold.train.tuned_model import Adaptation, Model

__all__ = ["TuneSettings", "Tuning", "fine_tune"]

_WATCHED = 512
"""The most validation rows that a check during training looks at; the encoder itself is judged on all."""

_RATES = {"lora": 1e-3, "last": 2e-4, "full": 1e-4}
_CLIP = 1.0
_ADAPTERS, _PLAIN = Adaptation(), LossSettings()


@dataclass(frozen=True, slots=True)
class TuneSettings:
    """What decides the outcome of a fine-tuning.

    Attributes:
        adaptation: Which weights learn.
        optimiser: A name that `optimisers` knows.
        rate: The encoder's top learning rate; 0 for the method's own (1e-3, 2e-4, 1e-4).
        head_rate: The heads'.
        batch: Rows in a batch.
        balanced: Rows of each label in a batch, for the first field of one label; 0 for rows as they come.
        tokens: Budget of training tokens (padding not counted).
        epochs: At most this many passes over the rows, whatever the budget.
        checks: How often to look at validation rows within the budget; the best look's encoder is kept. 0 for
            never: the last encoder is kept.
        patience: Stop after this many checks without improvement.
        warm_up: Share of the steps over which the rates rise; then they fall linearly to zero.
        scale: What unit vectors are multiplied by before the heads.
        start: Heads begin at the means of their labels, or at random.
        windows: A longer text is read in at most this many windows, spread over it.
        loss: What is added to the plain losses.
        save_every: Steps between checkpoints.
    """

    adaptation: Adaptation = _ADAPTERS
    optimiser: str = "adamw"
    rate: float = 0.0
    head_rate: float = 5e-3
    decay: float = 0.01
    batch: int = 32
    balanced: int = 0
    tokens: int = 100_000
    epochs: int = 4
    checks: int = 4
    patience: int = 2
    warm_up: float = 0.06
    scale: float = 20.0
    start: Literal["means", "random"] = "means"
    windows: int = 4
    loss: LossSettings = _PLAIN
    save_every: int = 50
    seed: int = 0

    def __post_init__(self) -> None:
        if self.loss.consistency and not self.loss.dropout:
            raise UserError(
                "`consistency` compares two passes with different dropout, and `dropout` is 0.0.",
                hint="Set `dropout` to 0.1.",
            )
        if self.adaptation.method == "last" and self.adaptation.layers < 1:
            raise UserError(
                f"`layers` is {self.adaptation.layers!r}: to tune the last layers, it must be 1 or more."
            )


class Tuning(NamedTuple):
    """How a fine-tuning went.

    Attributes:
        seen: What each check saw: the mean over the fields, 1 at best.
        steps: Steps taken, of all runs that it took.
        rows: Rows learned from, each as often as it was.
        thinned: Training texts of which only some windows were read.
    """

    seen: list[float]
    steps: int
    rows: int
    thinned: int


def fine_tune(
    base: Base,
    train: Lessons,
    validation: Lessons,
    *,
    aims: Mapping[str, Aim],
    settings: TuneSettings,
    scratch: Path,
    out: Path,
    tell: Callable[[int, int, str], None],
    vectors: NDArray[np.float32] | None = None,
) -> Tuning:
    """Tunes an encoder, writes the best one to `out` for `load_tuned`, and returns how it went.

    Args:
        train: What is learned.
        validation: What checks look at; may be empty where there are none.
        aims: The fields that the encoder is tuned for.
        scratch: Where checkpoints and lower layers live; what is there from a killed run of the same work is
            taken up.
        tell: Called with steps done, steps planned and a word on how it goes.
        vectors: The base's own vectors of the training rows, where they are at hand: heads begin at their means.

    Raises:
        UserError: An optimiser of that name does not exist, or the base's layers cannot be run apart.
        DataError: The base is damaged.
    """
    run = _Run(base, train, validation, aims=aims, settings=settings, scratch=scratch)
    run.prepare(vectors, tell=tell)
    while not run.over:
        run.step()
        tell(run.done, run.planned, run.word)
        if run.done % settings.save_every == 0 or run.over:
            run.save()
    run.publish(out)
    return Tuning(run.seen, run.done, run.before + run.rows, run.train.texts.thinned)


class _Run:
    """One fine-tuning: model, optimiser, order of batches, and where it stands."""

    def __init__(
        self,
        base: Base,
        train: Lessons,
        validation: Lessons,
        *,
        aims: Mapping[str, Aim],
        settings: TuneSettings,
        scratch: Path,
    ) -> None:
        # A loss that learns begins here as it was given, however often it is given.
        aims = {name: replace(aim, tag_loss=deepcopy(aim.tag_loss)) for name, aim in aims.items()}
        self.base, self.aims, self.scratch = base, aims, scratch
        self.settings = replace(settings, checks=settings.checks if len(validation.texts) else 0)
        torch.manual_seed(settings.seed)
        self.model = Model(
            load_encoder(base.folder),
            aims,
            adaptation=settings.adaptation,
            pooling=base.pooling,
            scale=settings.scale,
            dropout=settings.loss.dropout,
        )
        tokenizer = load_tokenizer(base.folder, max_tokens=base.max_tokens)
        self.train, self.held = (
            Side(
                lessons, aims=aims, like=train, losses=settings.loss, tokenizer=tokenizer, windows=settings.windows
            )
            for lessons in (train, validation)
        )
        self.watched = list(range(min(len(self.held), _WATCHED))) if self.settings.checks else []
        self.plan = _plan(self.train, settings)
        self.planned, self.done, self.seen, self.stale = len(self.plan), 0, list[float](), 0
        self.optimiser = make_optimiser(settings.optimiser, _groups(self.model, settings), steps=self.planned)
        self.best: dict[str, Tensor] = {}
        self.checkpoints = Checkpoints(scratch, identity=self._identity(train, validation))
        self.note = ""
        self.pace, self.total = Pace(), sum(len(batch) for batch in self.plan)
        self.before, self.rows = 0, 0

    def _identity(self, train: Lessons, validation: Lessons) -> str:
        """Returns the name of this very work, by content."""
        shown = {name: (aim.kind, aim.columns, aim.weight) for name, aim in self.aims.items()}
        return digest(
            [self.base.digest, name_lessons(train), name_lessons(validation), str(self.settings), str(shown)]
        )

    @property
    def over(self) -> bool:
        return self.done >= self.planned or (self.settings.checks > 0 and self.stale >= self.settings.patience)

    @property
    def word(self) -> str:
        """How it goes: speed, time left, and what the last check saw."""
        speed = self.pace.note(self.rows, left=self.total - self.before - self.rows)
        return "; ".join(part for part in (speed, self.note) if part)

    def prepare(self, vectors: NDArray[np.float32] | None, *, tell: Callable[[int, int, str], None]) -> None:
        """Computes the lower layers where they are kept, and takes up a checkpoint or lets the heads begin."""
        by_means = self.settings.loss.prototypes or (self.settings.start == "means" and vectors is None)
        for side, rows, name in (
            (self.train, self._rows_to_read(with_means=by_means), "train"),
            (self.held, self.watched, "validation"),
        ):
            side.keep_lower(
                self.model,
                rows,
                folder=self.scratch / "lower" / name,
                identity=self.base.digest,
                tell=lambda done, total: tell(done, total, "lower layers, once"),
            )
        if not self._resume() and self.settings.start == "means":
            self._start_heads(vectors)
        self.pace, self.before = Pace(), sum(len(batch) for batch in self.plan[: self.done])

    def _rows_to_read(self, *, with_means: bool) -> list[int]:
        learned = {row for batch in self.plan for row in batch}
        return sorted(learned.union(self.train.rows_for_means() if with_means else ()))

    def _start_heads(self, vectors: NDArray[np.float32] | None = None) -> None:
        for name, weight in self.train.means(self.model, vectors).items():
            self.model.start_head(name, weight)

    def step(self) -> None:
        """Trains on the next batch, and looks at the validation rows where a check is due."""
        self.model.train()
        batch = self.plan[self.done]
        loss = total_loss(
            self.model,
            self.train,
            rows=batch,
            aims=self.aims,
            settings=self.settings.loss,
            seed=(self.settings.seed, self.done),
        )
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_([p for p in self.model.parameters() if p.requires_grad], _CLIP)
        self.optimiser.step(self._share())
        self.done += 1
        self.rows += len(batch)
        if self.settings.checks:
            every = max(1, self.planned // self.settings.checks)
            if self.done % every == 0 or self.done == self.planned:
                self._check()

    def _share(self) -> float:
        """One-cycle: a short linear rise, then linearly to zero."""
        rise = max(1, int(self.settings.warm_up * self.planned))
        return min((self.done + 1) / rise, (self.planned - self.done) / max(1, self.planned - rise))

    def _check(self) -> None:
        if self.settings.loss.prototypes:
            self._start_heads()
        merit = self.held.merit(self.model, self.watched)
        better = not self.seen or merit > max(self.seen)
        self.seen.append(merit)
        self.stale = 0 if better else self.stale + 1
        self.note = f"validation {merit:.3f} (encoder alone, n = {len(self.watched)})"
        if better:
            self.best = _copies(self.model.encoder_parameters())

    def publish(self, out: Path) -> None:
        """Writes the best encoder, or the last one where nobody looked."""
        parameters = self.model.encoder_parameters()
        with torch.no_grad():
            for name, tensor in self.best.items():
                parameters[name].copy_(tensor)
        if self.settings.adaptation.method == "lora":
            save_adapter(out, self.model.encoder.body, base=self.base)
        else:
            save_changed(out, parameters, base=self.base)

    def save(self) -> None:
        """Keeps all that decides how it goes on."""
        packed = self.optimiser.pack()
        tensors = {
            **_named("model", _copies(self._learning())),
            **_named("optimiser", packed.tensors),
            **_named("best", self.best),
            "rng": torch.get_rng_state(),
        }
        state: dict[str, Json] = {
            "done": self.done,
            "seen": [*self.seen],
            "stale": self.stale,
            "optimiser": packed.rest,
        }
        self.checkpoints.save(Checkpoint(tensors, state))

    def _resume(self) -> bool:
        """Takes up the last checkpoint of this very work; returns whether there was one."""
        found = self.checkpoints.load()
        if found is None:
            return False
        state: Any = found.state
        kept = _part("model", found.tensors)
        with torch.no_grad():
            for name, parameter in self._learning().items():
                parameter.copy_(kept[name])
        self.optimiser.unpack(Packed(_part("optimiser", found.tensors), state["optimiser"]))
        self.best = _part("best", found.tensors)
        torch.set_rng_state(found.tensors["rng"])
        self.done, self.seen, self.stale = state["done"], state["seen"], state["stale"]
        return True

    def _learning(self) -> dict[str, nn.Parameter]:
        return {name: p for name, p in self.model.named_parameters() if p.requires_grad}


def _plan(side: Side, settings: TuneSettings) -> list[list[int]]:
    """Returns the rows of every step."""
    lengths = side.texts.lengths
    if settings.balanced:
        for objective in side.objectives.values():
            if isinstance(objective, OneLabel):
                return balanced_plan(
                    lengths,
                    objective.tensor(range(len(side))).numpy(),
                    batch=settings.batch,
                    each=settings.balanced,
                    epochs=settings.epochs,
                    tokens=settings.tokens,
                    seed=settings.seed,
                )
    return plan(lengths, batch=settings.batch, epochs=settings.epochs, tokens=settings.tokens, seed=settings.seed)


def _groups(model: Model, settings: TuneSettings) -> list[Group]:
    rate = settings.rate or _RATES[settings.adaptation.method]
    encoder, others = model.encoder_parameters().values(), model.other_parameters().values()
    return [
        Group(list(encoder), rate, settings.decay),
        Group(list(others), settings.head_rate, settings.decay, hidden=False),
    ]


def _copies(parameters: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: p.detach().clone(memory_format=torch.contiguous_format) for name, p in parameters.items()}


def _named(part: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {f"{part}.{name}": tensor for name, tensor in tensors.items()}


def _part(part: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Returns the tensors whose names begin with `part.`, by the rest of their names."""
    return {name[len(part) + 1 :]: tensor for name, tensor in tensors.items() if name.startswith(f"{part}.")}
