"""A peer: `transformers.Trainer` with a peft LoRA adapter on the same base, as their documentation shows it.

Run as `python -m bench.learn.lora REQUEST REPLY`; see `search` for the files. Knows nothing of Freehold.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping, Sequence
from typing import Any

from bench.learn.search import Predict, answer

__all__ = ["SETTINGS", "fit"]

SETTINGS: tuple[Mapping[str, Any], ...] = (
    {"rate": 1e-3, "epochs": 6, "targets": "query,value"},
    {"rate": 2e-3, "epochs": 6, "targets": "query,value"},
    {"rate": 1e-3, "epochs": 6, "targets": "all-linear"},
)
_BATCH = 32
_LONGEST = 128  # tokens


class _Rows:
    """Tokenised rows as `Trainer` wants a data set: a length and items."""

    def __init__(self, tokens: Any, labels: Sequence[int] | None = None) -> None:
        self.tokens, self.labels = tokens, labels

    def __len__(self) -> int:
        return len(self.tokens["input_ids"])

    def __getitem__(self, row: int) -> dict[str, Any]:
        item = {name: self.tokens[name][row] for name in ("input_ids", "attention_mask")}
        return item if self.labels is None else {**item, "labels": self.labels[row]}


def fit(
    texts: Sequence[str], labels: Sequence[str], *, base: str, setting: Mapping[str, Any], seed: int
) -> Predict:
    """Fine-tunes an adapter and the classifier's head; returns what answers texts."""
    from transformers import AutoTokenizer, DataCollatorWithPadding, Trainer

    names = sorted(set(labels))
    tokenizer = AutoTokenizer.from_pretrained(base)

    def rows(asked: Sequence[str], numbers: Sequence[int] | None = None) -> _Rows:
        return _Rows(tokenizer(list(asked), truncation=True, max_length=_LONGEST), numbers)

    numbers = [names.index(label) for label in labels]
    with tempfile.TemporaryDirectory() as folder:
        arguments = _arguments(folder, setting, seed=seed)
        collate = DataCollatorWithPadding(tokenizer)
        model = _model(base, len(names), setting, seed=seed)
        trainer = Trainer(model=model, args=arguments, train_dataset=rows(texts, numbers), data_collator=collate)
        trainer.train()

    def predict(asked: Sequence[str]) -> list[str]:
        scores = trainer.predict(rows(asked)).predictions
        return [names[number] for number in scores.argmax(axis=1)]

    return predict


def _model(base: str, labels: int, setting: Mapping[str, Any], *, seed: int) -> Any:
    from peft import LoraConfig, TaskType, get_peft_model
    from transformers import AutoModelForSequenceClassification, set_seed

    set_seed(seed)
    model = AutoModelForSequenceClassification.from_pretrained(base, num_labels=labels)
    targets = setting["targets"]
    config = LoraConfig(
        task_type=TaskType.SEQ_CLS,
        r=16,
        lora_alpha=32,
        lora_dropout=0.05,
        target_modules=targets if targets == "all-linear" else targets.split(","),
    )
    return get_peft_model(model, config)


def _arguments(folder: str, setting: Mapping[str, Any], *, seed: int) -> Any:
    from transformers import TrainingArguments

    return TrainingArguments(
        output_dir=folder,
        num_train_epochs=setting["epochs"],
        max_steps=setting.get("steps", -1),
        learning_rate=setting["rate"],
        per_device_train_batch_size=_BATCH,
        per_device_eval_batch_size=2 * _BATCH,
        warmup_steps=0.06,  # below 1 it is a share of the steps
        dataloader_pin_memory=False,
        seed=seed,
        save_strategy="no",
        report_to=[],
        disable_tqdm=True,
        use_cpu=True,
    )


if __name__ == "__main__":
    import peft  # noqa: F401
    import transformers  # noqa: F401

    answer(sys.argv[1:], fit)
