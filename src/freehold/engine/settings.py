"""What a base says of itself in its own files: window length, padding, casing and pooling.

Reads the settings files of Hugging Face and sentence-transformers folders. Knows neither weights nor tokens.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Literal, NamedTuple, TypeAlias

from freehold.errors import DataError

__all__ = [
    "CUTTABLE",
    "SETTINGS_FILES",
    "Pooling",
    "PoolingMode",
    "Settings",
    "read_json",
    "read_settings",
]

PoolingMode: TypeAlias = Literal["cls", "max", "mean", "mean_sqrt_len_tokens"]
Pooling: TypeAlias = tuple[PoolingMode, ...]

SETTINGS_FILES = (
    "config.json",
    "tokenizer_config.json",
    "sentence_bert_config.json",
    "modules.json",
    "1_Pooling/config.json",
)
"""Where settings are read from; all but the first may be missing. Of `modules.json`, only the order counts."""

_MODES: tuple[PoolingMode, ...] = ("cls", "max", "mean", "mean_sqrt_len_tokens")
_OLD_NAMES = {
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_USUAL_WINDOW = 512
_LONGEST_WINDOW = 2_048
_AGAIN = "Copy it anew from the base's maker."

_PADDED_POSITIONS = frozenset(
    {
        "camembert",
        "data2vec-text",
        "ibert",
        "longformer",
        "luke",
        "mpnet",
        "roberta",
        "roberta-prelayernorm",
        "xlm-roberta",
        "xlm-roberta-xl",
        "xmod",
    }
)
"""Families that number positions from the padding token's id plus one, and so have that many fewer."""


CUTTABLE = frozenset(
    {
        "bert",
        "camembert",
        "deberta",
        "deberta-v2",
        "distilbert",
        "electra",
        "modernbert",
        "mpnet",
        "roberta",
        "xlm-roberta",
    }
)
"""The families whose layers can be run apart: those of `stacks`."""


class Settings(NamedTuple):
    """How a base wants its texts.

    Attributes:
        max_tokens: Longest window, special tokens included.
        pad: The padding token's id, or its text where only that is known; None where nothing is said.
        lower_case: Whether texts are put in lower case before they are tokenised.
        pooling: How token vectors become one; several ways are put side by side.
        middle: The layers, counted from 1, whose mean is read beside the last one; none where the family's layers
            cannot be told apart.
    """

    max_tokens: int
    pad: int | str | None
    lower_case: bool
    pooling: Pooling
    middle: tuple[int, ...]


def read_settings(folder: Path) -> Settings:
    """Returns the settings of a folder in Hugging Face or sentence-transformers layout.

    Raises:
        DataError: A settings file cannot be read, or asks for what a reader cannot do.
    """
    config = read_json(folder / "config.json")
    tokenizer = read_json(folder / "tokenizer_config.json")
    sentence = read_json(folder / "sentence_bert_config.json")
    return Settings(
        max_tokens=_window(folder),
        pad=_pad(config, tokenizer),
        lower_case=sentence.get("do_lower_case") is True,
        pooling=_pooling(folder),
        middle=_middle(config),
    )


def read_json(path: Path) -> dict[str, object]:
    """Returns a settings file's object; an empty one where there is no file.

    Raises:
        DataError: The file is not a JSON object.
    """
    found = _load(path)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise DataError(f"`{path}` is not a JSON object.", hint=_AGAIN)
    return found


def _load(path: Path) -> object:
    if not path.is_file():
        return None
    try:
        found: object = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise DataError(f"`{path}` is not JSON: {error}.", hint=_AGAIN) from error
    return found


def _window(folder: Path) -> int:
    """Returns sentence-transformers' own number, or what tokenizer and positions allow, 512 at most.

    Nothing is lost by a short window: longer texts are read in several.
    """
    positions = _positions(folder)
    sentence = _number(folder / "sentence_bert_config.json", "max_seq_length")
    if sentence is not None:
        return min(sentence, positions or sentence, _LONGEST_WINDOW)
    tokenizer = _number(folder / "tokenizer_config.json", "model_max_length")
    return min(number for number in (positions, tokenizer, _USUAL_WINDOW) if number is not None)


def _positions(folder: Path) -> int | None:
    found = _number(folder / "config.json", "max_position_embeddings")
    config = read_json(folder / "config.json")
    if found is None or config.get("model_type") not in _PADDED_POSITIONS:
        return found
    pad = config.get("pad_token_id")
    return max(1, found - (pad if isinstance(pad, int) else 1) - 1)


def _number(path: Path, key: str) -> int | None:
    found = read_json(path).get(key)
    if found is None:
        return None
    if isinstance(found, float) and found >= _LONGEST_WINDOW:
        return int(found)  # transformers writes "no limit" as 1e30
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise DataError(f"`{path}`: `{key}` is {found!r}, not a whole number above 0.")
    return found


def _middle(config: dict[str, object]) -> tuple[int, ...]:
    """Returns the layers at a half and at two thirds of the depth.

    The last layers of a sentence encoder have lost much of what each word was; `bench/LOG.md` has figures.
    """
    depth = config.get("num_hidden_layers", config.get("n_layers"))
    if config.get("model_type") not in CUTTABLE or not isinstance(depth, int):
        return ()
    return tuple(sorted({layer for part in (1 / 2, 2 / 3) if 0 < (layer := round(part * depth)) < depth}))


def _pad(config: dict[str, object], tokenizer: dict[str, object]) -> int | str | None:
    number = config.get("pad_token_id")
    if isinstance(number, int) and number >= 0:
        return number
    token = tokenizer.get("pad_token")
    if isinstance(token, dict):
        token = token.get("content")
    return token if isinstance(token, str) else None


def _pooling(folder: Path) -> Pooling:
    """Returns the modes of sentence-transformers' pooling module; the mean where there is none."""
    path = folder / "modules.json"
    modules = _load(path)
    home = "1_Pooling"
    if modules is not None:
        if not isinstance(modules, list) or not all(isinstance(module, dict) for module in modules):
            raise DataError(f"`{path}` is not a list of modules.", hint=_AGAIN)
        kinds = [str(module.get("type", "")).rpartition(".")[2] for module in modules]
        _refuse_modules(path, kinds)
        home = next((str(m.get("path")) for m, k in zip(modules, kinds, strict=True) if k == "Pooling"), home)
    if home != "1_Pooling":
        raise DataError(f"`{path}`: the pooling module lies in {home!r}, not in '1_Pooling'.")
    return _modes(folder / home / "config.json")


def _refuse_modules(path: Path, kinds: list[str]) -> None:
    for kind in kinds:
        if kind not in ("Transformer", "Pooling", "Normalize"):
            raise DataError(
                f"`{path}`: a {kind!r} module is not supported; allowed are Transformer, Pooling, Normalize.",
                hint="Take it out of a copy of the folder: a reader's heads do without it.",
            )


def _modes(path: Path) -> Pooling:
    content = read_json(path)
    named = content.get("pooling_mode")
    if named is None:
        named = [mode for key, mode in _OLD_NAMES.items() if content.get(key) is True] or ["mean"]
    asked = list(named) if isinstance(named, list) else [named]
    modes = tuple(mode for mode in _MODES if mode in asked)
    unknown = [mode for mode in asked if mode not in modes]
    if unknown:
        raise DataError(
            f"`{path}`: pooling {unknown[0]!r} is not supported; allowed are {', '.join(_MODES)}.",
            hint="Such pooling is for decoders; a reader's base is an encoder.",
        )
    return modes
