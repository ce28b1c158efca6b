"""A tiny real encoder, made on the spot, and a small task that it can learn: the models of the fast tests."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from freehold.task import (
    Desk,
    Event,
    Example,
    Field,
    Label,
    LabelledExamples,
    Passport,
    Split,
    Task,
    Value,
    example_id,
    write_examples,
)

SUBJECTS = ["parcel", "invoice", "password", "refund", "courier", "receipt", "login", "card"]
AREAS = {
    "parcel": "delivery",
    "courier": "delivery",
    "invoice": "billing",
    "receipt": "billing",
    "refund": "billing",
    "card": "billing",
    "password": "account",
    "login": "account",
}
OPENINGS = ["where is my", "please check the", "I lost the", "help with a", "there is no", "who changed my"]
ENDINGS = ["today", "right now please", "from last week", "it is broken", "thanks", "I am very angry"]

FIELDS = (
    Field(
        "area",
        "choice",
        "The desk that answers.",
        tuple(Label(a) for a in ("account", "billing", "delivery")),
    ),
    Field("tone", "choice", "How it is said.", (Label("calm"), Label("angry"))),
    Field("urgent", "predicate", "It has to be answered now."),
)


def make_base(folder: Path, *, width: int = 32) -> Path:
    """Writes a random two-layer BERT with a word-piece vocabulary of its own; returns `folder`."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import BertConfig, BertModel

    folder.mkdir(parents=True, exist_ok=True)
    tokenizer = Tokenizer(models.WordPiece(_pieces(), unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    ends = [("[CLS]", tokenizer.token_to_id("[CLS]")), ("[SEP]", tokenizer.token_to_id("[SEP]"))]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    tokenizer.save(str(folder / "tokenizer.json"))
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=tokenizer.get_vocab_size(),
        hidden_size=width,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=2 * width,
        max_position_embeddings=64,
    )
    BertModel(config).save_pretrained(folder)
    return folder


def _pieces() -> dict[str, int]:
    """Returns a vocabulary, the same in every process (a trained one is not): letters, and most words whole."""
    words = sorted({word for text in (*SUBJECTS, *OPENINGS, *ENDINGS) for word in text.lower().split()})
    letters = sorted({letter for word in words for letter in word})
    whole = [word for word in words if len(word) > 1 and len(word) % 4]
    pieces = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *letters, *(f"##{letter}" for letter in letters), *whole]
    return {piece: number for number, piece in enumerate(pieces)}


def make_examples(count: int = 240, *, seed: int = 0) -> list[Example]:
    """Returns labelled rows, 60 % train, 20 % validation, 20 % test."""
    texts = [" ".join(parts) for parts in itertools.product(OPENINGS, SUBJECTS, ENDINGS)]
    random.Random(seed).shuffle(texts)
    return [_example(text, number) for number, text in enumerate(texts[:count])]


def _example(text: str, number: int) -> Example:
    subject = next(word for word in text.split() if word in AREAS)
    outputs: dict[str, Value] = {
        "area": AREAS[subject],
        "tone": "angry" if "angry" in text else "calm",
        "urgent": "now" in text or "today" in text,
    }
    splits: Sequence[Split] = ("train", "train", "train", "validation", "test")
    inputs = {"text": text}
    passport = Passport("rows.csv", f"rows.csv:{number + 2}", licence="CC0-1.0")
    return Example(example_id(inputs), inputs, outputs, passport, splits[number % 5])


def make_task(folder: Path, *, base: str, fields: tuple[Field, ...] = FIELDS) -> Task:
    """Returns a task with two choice fields and a predicate."""
    return Task("desk", folder, {"text": "string"}, fields, base=base, description="Routes messages.")


def make_labelled(folder: Path, examples: Sequence[Example]) -> LabelledExamples:
    """Returns the rows as stage 2 leaves them."""
    folder.mkdir(parents=True, exist_ok=True)
    write_examples(folder / "examples.jsonl", examples)
    return LabelledExamples(folder)


def make_desk(folder: Path, *, tell: Callable[[Event], None] = lambda _event: None) -> Desk:
    """Returns a desk below `folder`; its cache is shared by all desks beside it."""
    desk = Desk(folder / "out", folder / "scratch", folder.parent / "cache", 1, tell)
    for path in (desk.folder, desk.scratch, desk.cache):
        path.mkdir(parents=True, exist_ok=True)
    return desk


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny encoder."""
    return make_base(tmp_path_factory.mktemp("base"))
