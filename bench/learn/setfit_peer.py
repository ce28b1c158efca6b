"""A peer: SetFit on the same base, in an environment of its own.

Run there as `python -m bench.learn.setfit_peer REQUEST REPLY` from the repository's root; see `search` for
the files. Imports nothing of Freehold and nothing that only Freehold installs.

Source: L. Tunstall et al., "Efficient few-shot learning without prompts", 2022.
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from bench.learn.search import Predict, answer

__all__ = ["FEW", "FULL", "fit"]

FEW: tuple[Mapping[str, Any], ...] = (
    {"rate": 2e-5, "iterations": 20},
    {"rate": 1e-4, "iterations": 20},
    {"rate": 1e-4, "iterations": 5},
)
"""For few rows: `num_iterations` pairs of each sort for each row, the paper's 20 among them."""

FULL: tuple[Mapping[str, Any], ...] = (
    {"rate": 2e-5, "steps": 1000},
    {"rate": 1e-4, "steps": 1000},
)
"""For thousands of rows: so many batches, about ten minutes. An epoch over all pairs is millions of batches."""

_BATCH = 16


def fit(
    texts: Sequence[str], labels: Sequence[str], *, base: str, setting: Mapping[str, Any], seed: int
) -> Predict:
    """Fine-tunes the encoder on pairs and fits the usual logistic regression; returns what answers texts."""
    setfit, datasets = importlib.import_module("setfit"), importlib.import_module("datasets")
    transformers = importlib.import_module("transformers")
    transformers.set_seed(seed)
    names = sorted(set(labels))
    model = setfit.SetFitModel.from_pretrained(base, labels=names, local_files_only=True, device="cpu")
    numbers = [names.index(label) for label in labels]
    rows = datasets.Dataset.from_dict({"text": list(texts), "label": numbers})
    with tempfile.TemporaryDirectory() as folder:
        arguments = setfit.TrainingArguments(
            output_dir=folder,
            batch_size=_BATCH,
            num_epochs=1,
            num_iterations=setting.get("iterations"),
            max_steps=setting.get("steps", -1),
            body_learning_rate=setting["rate"],
            seed=seed,
            report_to="none",
            save_strategy="no",
            eval_strategy="no",
            show_progress_bar=False,
        )
        setfit.Trainer(model=model, args=arguments, train_dataset=rows).train()

    def predict(asked: Sequence[str]) -> list[str]:
        found: Any = model.predict(list(asked), batch_size=64, as_numpy=False)
        return [str(each) for each in found]

    return predict


if __name__ == "__main__":
    importlib.import_module("setfit")
    importlib.import_module("datasets")
    answer(sys.argv[1:], fit)
