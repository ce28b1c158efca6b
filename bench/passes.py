"""What one forward pass of the encoder costs, by form and by how texts lie in it: `python -m bench.passes`.

The base model's graph in full precision, in Freehold's int8 and in ONNX Runtime's dynamic int8, each with texts
padded to the longest and, where the graph allows it, packed into rows. One thread, processor time; the texts are
train rows of Banking77 in random order. Distances are from the full precision's vectors.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np
import onnx

from bench.harness import Cell, Machine, Report, Table, publish, typed
from bench.intervals import ratio
from bench.learn.corpora import banking77, data_folder
from freehold.compress.graphs import export_encoder
from freehold.compress.quantise import FORMS, quantise_encoder
from freehold.engine import PACKS, Vectoriser, copy_encoder, find_base, load_encoder

PEER, FORMER = "ONNX Runtime dynamic int8", "fp32"
_NOTES = (
    "`ms/text` is processor time of one thread, the median over rounds, tokenizer and pooling included; `times` "
    "is the ratio to `fp32` over the same rounds. Where nothing else is said, texts are padded to the longest.",
    "Both int8 forms run in the same sessions of ONNX Runtime, with the same graph optimisations.",
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures every form and publishes the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.passes", description=__doc__)
    parser.add_argument("--rows", type=int, default=512, help="texts (default: %(default)s)")
    parser.add_argument("--rounds", type=int, default=7, help="that count (default: %(default)s)")
    parser.add_argument("--together", type=int, nargs="+", default=[1, 16, 64], help="texts of one call")
    parser.add_argument("--data", type=Path, default=data_folder(), help="folder of the data sets")
    options = parser.parse_args(arguments)
    rows = banking77(options.data).train
    order = np.random.default_rng(0).permutation(len(rows))[: options.rows]
    texts = [rows[n].text for n in order]
    with tempfile.TemporaryDirectory(prefix="freehold-passes-") as work:
        forms = _forms(Path(work))
        vectors = {name: each.vectors(texts) for name, each in forms.items()}
        seconds = _measure(forms, texts, together=options.together, rounds=options.rounds)
    wanted = vectors[FORMER]
    table = [_row(name, seconds, vectors[name], wanted, options.together) for name in forms]
    machine = Machine.here("onnxruntime", "numpy", "tokenizers")
    publish(Report("passes", machine, 0, (Table("Passes", tuple(table)),), _NOTES, typed("passes", arguments)))
    return 0


def _forms(work: Path) -> dict[str, Vectoriser]:
    from onnxruntime.quantization import QuantType, quantize_dynamic

    base = find_base("minilm", relative_to=work)
    exact = work / "fp32.onnx"
    export_encoder(load_encoder(base.folder), exact)
    graphs = {FORMER: exact}
    for form in FORMS:
        if form != "fp32":
            quantise_encoder(exact, work / f"{form}.onnx", form=form)
            graphs[form] = work / f"{form}.onnx"
    weights = {"per_channel": True, "weight_type": QuantType.QInt8, "op_types_to_quantize": ["MatMul"]}
    graphs[PEER] = work / "peer.onnx"
    quantize_dynamic(str(exact), str(graphs[PEER]), **weights)
    found = {name: _open(work / name, base.folder, path, packed=False) for name, path in graphs.items()}
    packed = {
        f"{name}, packed": _open(work / f"{name}-packed", base.folder, path, packed=True)
        for name, path in graphs.items()
    }
    return found | packed


def _open(folder: Path, base: Path, graph: Path, *, packed: bool) -> Vectoriser:
    copy_encoder(base, folder, weights=False)
    shutil.copyfile(graph, folder / "model.onnx")
    model = onnx.load(folder / "model.onnx")
    kept = [each for each in model.metadata_props if packed or each.key != PACKS]
    del model.metadata_props[:]
    model.metadata_props.extend(kept)
    onnx.save(model, folder / "model.onnx")
    return Vectoriser(folder, threads=1)


def _measure(
    forms: dict[str, Vectoriser], texts: Sequence[str], *, together: Sequence[int], rounds: int
) -> dict[tuple[str, int], list[float]]:
    """Returns the processor seconds a text of every round, all forms in turns."""
    found: dict[tuple[str, int], list[float]] = {(name, size): [] for name in forms for size in together}
    for _ in range(rounds):
        for size in together:
            part = texts[: min(len(texts), 32 * size)]
            for name, each in forms.items():
                start = time.process_time()
                for first in range(0, len(part), size):
                    each.vectors(part[first : first + size])
                found[name, size].append((time.process_time() - start) / len(part))
    return found


def _row(
    name: str,
    seconds: dict[tuple[str, int], list[float]],
    vectors: np.ndarray,
    wanted: np.ndarray,
    together: Sequence[int],
) -> dict[str, Cell]:
    distances = 1 - (vectors * wanted).sum(1)
    row: dict[str, Cell] = {
        "form": name,
        "1 - cosine, mean": float(distances.mean()),
        "most": float(distances.max()),
    }
    for size in together:
        row[f"ms/text, {size} together"] = 1e3 * median(seconds[name, size])
        row[f"times, {size}"] = ratio(seconds[name, size], seconds[FORMER, size], seed=0)
    return {**row, "n": len(vectors)}


if __name__ == "__main__":
    raise SystemExit(main())
