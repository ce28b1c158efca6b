"""What others published for the same data: quoted, with where each figure was read, never measured here.

A figure that could only be read in somebody else's quotation says so. What is not here was not found.
"""

from __future__ import annotations

from bench.harness import Table

__all__ = ["FEW_SHOT", "FULL", "NLUPP"]

_SECOND_HAND = "quoted by others; the paper's own table was not at hand"
_LEADERBOARD = "README of github.com/jianguoz/Few-Shot-Intent-Detection"
_DUAL = f"I. Casanueva et al., 2020, arXiv 2003.04807, Table 3; {_SECOND_HAND}"
_NLUPP = f"I. Casanueva et al., 2022, arXiv 2204.13021; {_SECOND_HAND}, the domain taken for banking"

NLUPP = Table(
    "Published for NLU++ banking, micro-F1",
    (
        {
            "model": "RoBERTa, question answering",
            "field": "intents",
            "regime": "low",
            "F1": 0.803,
            "source": _NLUPP,
        },
        {
            "model": "RoBERTa, question answering",
            "field": "intents",
            "regime": "mid",
            "F1": 0.856,
            "source": _NLUPP,
        },
        {
            "model": "RoBERTa, question answering",
            "field": "intents",
            "regime": "large",
            "F1": 0.931,
            "source": _NLUPP,
        },
        {"model": "any", "field": "slots", "regime": "any", "F1": None, "source": "not found"},
        {
            "model": "ConveRT and other encoders",
            "field": "intents",
            "regime": "any",
            "F1": None,
            "source": "not found",
        },
    ),
)

FULL = Table(
    "Published for Banking77, all train rows",
    (
        {"model": "BERT-large, fine-tuned", "accuracy": 0.9366, "source": _DUAL},
        {"model": "USE + ConveRT, frozen", "accuracy": 0.9336, "source": _DUAL},
    ),
)

_FIVE = {
    "RoBERTa + classifier": (0.7404, 0.7556),
    "USE": (0.7629, 0.7779),
    "ConveRT": (0.7532, 0.7695),
    "USE + ConveRT": (0.7775, 0.8001),
    "DNNC": (0.8040, 0.8046),
    "CPFT": (0.8086, 0.8203),
    "ICDA": (0.8401, 0.8245),
}
_TEN = {
    "RoBERTa + classifier": (0.8427, 0.8290),
    "USE": (0.8423, 0.8375),
    "ConveRT": (0.8332, 0.8265),
    "USE + ConveRT": (0.8519, 0.8583),
    "DNNC": (0.8671, 0.8472),
    "CPFT": (0.8720, 0.8713),
    "ICDA": (0.8979, 0.8741),
}

FEW_SHOT = Table(
    "Published for few rows a label, accuracy (larger models, other draws; ICDA writes rows with a large model)",
    tuple(
        {"rows a label": shots, "model": model, "banking77": banking, "hwu64": hwu, "source": _LEADERBOARD}
        for shots, figures in {5: _FIVE, 10: _TEN}.items()
        for model, (banking, hwu) in figures.items()
    ),
)
