"""Tiny random encoders of every family, made by transformers itself, with a tokenizer of their own."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.small import ENDINGS, OPENINGS, SUBJECTS

WIDTH, LAYERS, HEADS = 16, 3, 2
_SIZES = {
    "hidden_size": WIDTH,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS,
    "intermediate_size": 2 * WIDTH,
    "max_position_embeddings": 40,
}
_RELATIVE = {"relative_attention": True, "position_biased_input": False, "pos_att_type": ["c2p", "p2c"]}

FAMILIES: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "albert": ("albert", {**_SIZES, "embedding_size": 8}),
    "bert": ("bert", _SIZES),
    "camembert": ("camembert", _SIZES),
    "deberta": ("deberta", {**_SIZES, **_RELATIVE}),
    "deberta-v2": ("deberta-v2", {**_SIZES, **_RELATIVE, "position_buckets": 8, "share_att_key": True}),
    "deberta-v2-conv": ("deberta-v2", {**_SIZES, **_RELATIVE, "conv_kernel_size": 3, "conv_act": "gelu"}),
    "distilbert": (
        "distilbert",
        {"dim": WIDTH, "n_layers": LAYERS, "n_heads": HEADS, "hidden_dim": 32, "max_position_embeddings": 40},
    ),
    "electra": ("electra", {**_SIZES, "embedding_size": 8}),
    "modernbert": ("modernbert", {**_SIZES, "local_attention": 8, "global_attn_every_n_layers": 2}),
    "mpnet": ("mpnet", _SIZES),
    "roberta": ("roberta", _SIZES),
    "xlm-roberta": ("xlm-roberta", _SIZES),
}
"""Name to model type and sizes."""
PACKING = frozenset({"bert", "camembert", "distilbert", "electra", "mpnet", "roberta", "xlm-roberta"})
"""The families in which texts can share a row."""


def make_family(folder: Path, name: str, *, seed: int = 0) -> Path:
    """Writes a tiny random encoder of a family; returns `folder`."""
    import torch
    from transformers import AutoConfig, AutoModel

    folder.mkdir(parents=True, exist_ok=True)
    kind, sizes = FAMILIES[name]
    size = _make_tokenizer(folder)
    torch.manual_seed(seed)
    special = {"pad_token_id": 1, "cls_token_id": 0, "bos_token_id": 0, "sep_token_id": 2, "eos_token_id": 2}
    config = AutoConfig.for_model(kind, **{**sizes, "vocab_size": size, **special})
    model = AutoModel.from_config(config, attn_implementation="eager")
    with torch.no_grad():
        for parameter in model.parameters():  # a fresh model is too near to constant to show a mistake
            parameter += 0.3 * torch.randn_like(parameter)
    model.save_pretrained(folder)
    return folder


def _make_tokenizer(folder: Path) -> int:
    """Writes a byte-level tokenizer with RoBERTa's numbering of special tokens; returns its size."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers

    tokenizer = Tokenizer(models.BPE(unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=320,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator([*SUBJECTS, *OPENINGS, *ENDINGS], trainer)
    ends = [("<s>", 0), ("</s>", 2)]
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=ends)
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {"pad_token": "<pad>", "model_max_length": 1e30}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    return int(tokenizer.get_vocab_size())
