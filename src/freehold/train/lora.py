"""Low-rank fine-tuning of an encoder (Hu et al. 2021), with checkpoints that survive `kill -9`.

Trains adapters on the queries and values of every layer, and a linear head a field, by cross-entropy. Batches
hold texts of like length. What it leaves is an adapter in peft's own layout; the heads that count are fitted
afterwards, on the new vectors. The budget is counted in tokens, not in seconds, so that a slow machine and a
fast one make the same adapter.
"""

from __future__ import annotations

import json
import shutil
import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from freehold.engine import Base, Encoder, by_length, load_encoder, load_tokenizer, pad, pool, tokenize
from freehold.task import canonical, digest
from freehold.train.heads import MISSING
from freehold.train.rows import Rows

__all__ = ["LoraSettings", "fine_tune"]


_WATCHED = 512
"""The most validation rows that a check during training looks at; the rung itself is judged on all."""


@dataclass(frozen=True, slots=True)
class LoraSettings:
    """What decides the outcome of a fine-tuning.

    Attributes:
        tokens: Budget of training tokens (padding not counted).
        epochs: At most this many passes over the rows, whatever the budget.
        checks: How often to look at the validation rows within the budget.
        patience: Stop after this many checks without improvement.
        save_every: Steps between checkpoints.
    """

    targets: tuple[str, ...] = ("query", "value")
    rank: int = 16
    rate: float = 1e-3
    head_rate: float = 1e-2
    batch: int = 32
    tokens: int = 100_000
    epochs: int = 4
    checks: int = 4
    patience: int = 2
    save_every: int = 25
    warm_up: float = 0.06
    scale: float = 16.0
    seed: int = 0


class _Model(nn.Module):
    """The adapted encoder with one linear head a field."""

    def __init__(self, body: nn.Module, *, labels: Mapping[str, int], settings: LoraSettings) -> None:
        super().__init__()
        from peft import LoraConfig, get_peft_model

        config = LoraConfig(
            r=settings.rank,
            lora_alpha=2 * settings.rank,
            target_modules=list(settings.targets),
            bias="none",
        )
        with warnings.catch_warnings():
            # peft asks transformers for names that it is about to rename.
            warnings.simplefilter("ignore", FutureWarning)
            self.encoder = Encoder(get_peft_model(body, config))
        width = int(body.config.hidden_size)  # type: ignore[arg-type, union-attr]
        self.heads = nn.ModuleDict({_key(name): nn.Linear(width, count) for name, count in labels.items()})
        self.scale = settings.scale
        for module in self.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0

    def forward(self, ids: Tensor, mask: Tensor) -> dict[str, Tensor]:
        vectors = pool(self.encoder(ids, mask), mask) * self.scale
        return {name: head(vectors) for name, head in self.heads.items()}


def _key(field: str) -> str:
    """Module names must not hold dots nor clash with torch's own attributes."""
    return f"head_{field}"


def fine_tune(
    base: Base,
    train: Rows,
    validation: Rows,
    *,
    labels: Mapping[str, int],
    settings: LoraSettings,
    scratch: Path,
    adapter: Path,
    tell: Callable[[int, int, str], None],
) -> list[float]:
    """Trains an adapter, writes the best one to `adapter`, and returns the validation accuracies seen.

    Args:
        labels: Field to its number of labels.
        scratch: Where checkpoints live; what is there from a killed run of the same work is taken up.
        tell: Called with steps done, steps planned and a word on how it goes.
    """
    run = _Run(base, train, validation, labels=labels, settings=settings, scratch=scratch)
    run.resume()
    while not run.over:
        run.step()
        tell(run.done, run.planned, run.word)
        if run.done % settings.save_every == 0 or run.over:
            run.save()
    _publish(run.best, adapter, base=base.name)
    return run.seen


def _publish(best: Path, adapter: Path, *, base: str) -> None:
    """Copies an adapter without what differs from machine to machine: absolute paths, the order of sets."""
    adapter.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(best / "adapter_model.safetensors", adapter / "adapter_model.safetensors")
    config = json.loads((best / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = base
    config["target_modules"] = sorted(config["target_modules"])
    (adapter / "adapter_config.json").write_bytes(canonical(config))


class _Run:
    """One fine-tuning: model, optimiser, order of batches, and where it stands."""

    def __init__(
        self,
        base: Base,
        train: Rows,
        validation: Rows,
        *,
        labels: Mapping[str, int],
        settings: LoraSettings,
        scratch: Path,
    ) -> None:
        self.settings = settings
        torch.manual_seed(settings.seed)
        self.model = _Model(load_encoder(base.folder).body, labels=labels, settings=settings)
        tokenizer = load_tokenizer(base.folder, max_tokens=base.max_tokens)
        self.train_ids, self.held_ids = (
            tokenize(tokenizer, train.texts),
            tokenize(tokenizer, validation.texts),
        )
        self.train, self.held = train, validation
        self.watched = list(range(min(len(validation), _WATCHED)))
        self.plan = _plan([len(row) for row in self.train_ids], settings)
        self.planned, self.done, self.seen, self.stale = len(self.plan), 0, list[float](), 0
        self.optimizer = _optimizer(self.model, settings)
        self.folder = scratch / "lora"
        self.best = self.folder / "best"
        self.identity = digest([base.digest, train.ids, validation.ids, str(settings)])
        self.word = ""

    @property
    def over(self) -> bool:
        return self.done >= self.planned or self.stale >= self.settings.patience

    def step(self) -> None:
        """Trains on the next batch, and looks at the validation rows where a check is due."""
        self.model.train()
        self._set_rate()
        batch = self.plan[self.done]
        loss = self._loss(batch)
        self.optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        self.done += 1
        every = max(1, self.planned // self.settings.checks)
        if self.done % every == 0 or self.done == self.planned:
            self._check()

    def _loss(self, batch: list[int]) -> Tensor:
        ids, mask = pad([self.train_ids[i] for i in batch])
        scores = self.model(torch.from_numpy(ids), torch.from_numpy(mask))
        losses = []
        for name, targets in self.train.targets.items():
            wanted = torch.from_numpy(targets[batch])
            if bool((wanted != MISSING).any()):
                losses.append(nn.functional.cross_entropy(scores[_key(name)], wanted, ignore_index=MISSING))
        return torch.stack(losses).mean() if losses else sum(s.sum() for s in scores.values()) * 0.0

    def _set_rate(self) -> None:
        """One-cycle: a short linear rise, then linearly to zero."""
        settings = self.settings
        rise = max(1, int(settings.warm_up * self.planned))
        share = min((self.done + 1) / rise, (self.planned - self.done) / max(1, self.planned - rise))
        for group in self.optimizer.param_groups:
            group["lr"] = group["top"] * share

    def _check(self) -> None:
        accuracy = self._validate()
        better = not self.seen or accuracy > max(self.seen)
        self.seen.append(accuracy)
        self.stale = 0 if better else self.stale + 1
        self.word = f"validation accuracy {accuracy:.3f} (encoder alone, n = {len(self.watched)})"
        if better:
            self.model.encoder.body.save_pretrained(str(self.best))  # type: ignore[operator]

    def _validate(self) -> float:
        self.model.eval()
        right: list[NDArray[np.bool_]] = []
        with torch.inference_mode():
            for batch in by_length([len(self.held_ids[i]) for i in self.watched], budget=4_096):
                ids, mask = pad([self.held_ids[i] for i in batch])
                scores = self.model(torch.from_numpy(ids), torch.from_numpy(mask))
                for name, targets in self.held.targets.items():
                    wanted = targets[batch]
                    answers = scores[_key(name)].argmax(1).numpy()
                    right.append((answers == wanted)[wanted != MISSING])
        return float(np.concatenate(right).mean())

    def save(self) -> None:
        """Writes a checkpoint beside the last one and then takes its place.

        By renames alone: `last`, or where that is not there `gone`, is whole at every moment.
        """
        new, last, gone = (self.folder / name for name in ("next", "last", "gone"))
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(parents=True)
        save_file(self._tensors(), new / "state.safetensors")
        if self.best.is_dir():
            shutil.copytree(self.best, new / "best")
        (new / "state.json").write_text(
            json.dumps({"identity": self.identity, "done": self.done, "seen": self.seen, "stale": self.stale})
        )
        shutil.rmtree(gone, ignore_errors=True)
        if last.is_dir():
            last.rename(gone)
        new.rename(last)
        shutil.rmtree(gone, ignore_errors=True)

    def _trainable(self) -> dict[str, Tensor]:
        return {name: p for name, p in self.model.named_parameters() if p.requires_grad}

    def _tensors(self) -> dict[str, Tensor]:
        tensors = {f"model.{name}": p.detach().contiguous() for name, p in self._trainable().items()}
        for name, parameter in self._trainable().items():
            for part, value in self.optimizer.state[parameter].items():
                tensors[f"optimizer.{part}.{name}"] = torch.as_tensor(value).contiguous()
        tensors["rng"] = torch.get_rng_state()
        return tensors

    def resume(self) -> None:
        """Takes up the last checkpoint, if it is of this very work."""
        last = self.folder / "last"
        if not (last / "state.json").is_file():
            last = self.folder / "gone"
        if not (last / "state.json").is_file():
            return
        state: dict[str, Any] = json.loads((last / "state.json").read_text())
        if state["identity"] != self.identity:
            return
        tensors = load_file(last / "state.safetensors")
        with torch.no_grad():
            for name, parameter in self._trainable().items():
                parameter.copy_(tensors[f"model.{name}"])
                parts = [key.split(".")[1] for key in tensors if key.endswith(f".{name}") and key[0] == "o"]
                if parts:
                    self.optimizer.state[parameter] = {
                        part: tensors[f"optimizer.{part}.{name}"].clone() for part in parts
                    }
        torch.set_rng_state(tensors["rng"])
        self.done, self.seen, self.stale = state["done"], state["seen"], state["stale"]
        shutil.rmtree(self.best, ignore_errors=True)
        if (last / "best").is_dir():
            shutil.copytree(last / "best", self.best)


def _plan(lengths: list[int], settings: LoraSettings) -> list[list[int]]:
    """Returns the batches in order: like lengths together, shuffled by the seed, within the budget."""
    random = np.random.default_rng(settings.seed)
    plan: list[list[int]] = []
    spent = 0
    for _ in range(settings.epochs):
        for batch in _epoch(lengths, batch=settings.batch, random=random):
            spent += sum(lengths[i] for i in batch)
            if plan and spent > settings.tokens:
                return plan
            plan.append(batch)
    return plan


def _epoch(lengths: list[int], *, batch: int, random: np.random.Generator) -> list[list[int]]:
    order = random.permutation(len(lengths))
    window = 50 * batch
    batches: list[list[int]] = []
    for start in range(0, len(order), window):
        near = sorted(order[start : start + window].tolist(), key=lambda i: lengths[i])
        batches += [near[i : i + batch] for i in range(0, len(near), batch)]
    return [batches[i] for i in random.permutation(len(batches))]


def _optimizer(model: _Model, settings: LoraSettings) -> torch.optim.AdamW:
    adapter = [p for p in model.encoder.parameters() if p.requires_grad]
    heads = list(model.heads.parameters())
    return torch.optim.AdamW(
        [
            {"params": adapter, "lr": settings.rate, "top": settings.rate},
            {"params": heads, "lr": settings.head_rate, "top": settings.head_rate},
        ],
        weight_decay=0.01,
    )
