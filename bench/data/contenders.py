"""One contender signing texts, in a process and environment of its own.

`python -m bench.data.contenders NAME TEXTS.parquet KEYS.npy --block N` signs the texts block by block and prints,
as JSON, the CPU-seconds and seconds of each. All have shingles of five words, 120 permutations, 20 bands of 6.
Time runs from strings in memory to what each contender compares in a band; to have the same numbers from all for
the judge comes after. Others get words found by one regular expression, in one case, joined by single spaces, so
that the shingles are the same; that is part of their time, as finding words is of ours. Where folding bands with
numpy is faster than a contender's own index, it is folded: the more generous choice.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from freehold.data.scale import Scheme
from freehold.data.scale.minhash import find_keys
from freehold.data.scale.signing import sign_column

SCHEME = Scheme.derive()
HASHES = SCHEME.bands * SCHEME.rows
BATCH = 4096
WARM = 2_000
_WORD = re.compile(r"\w+")

Keys = Any
Signer = Callable[[Sequence[str]], Callable[[], Keys]]


def words_of(text: str) -> list[str]:
    """Returns the words of a text in one case."""
    return _WORD.findall(text.lower())


def shingles_of(text: str) -> set[str]:
    """Returns the shingles of a text as strings."""
    words, size = words_of(text), SCHEME.words
    return {" ".join(words[i : i + size]) for i in range(max(1, len(words) - size + 1))}


def freehold(texts: Sequence[str]) -> Callable[[], Keys]:
    made = [sign_column(texts[start : start + BATCH], SCHEME).signed.keys for start in range(0, len(texts), BATCH)]
    return lambda: np.concatenate(made, axis=1)


def daft(texts: Sequence[str]) -> Callable[[], Keys]:
    library, functions = importlib.import_module("daft"), importlib.import_module("daft.functions")
    text = functions.normalize(
        library.col("text"), remove_punct=True, lowercase=True, nfd_unicode=False, white_space=True
    )
    hashed = functions.minhash(text, num_hashes=HASHES, ngram_size=SCHEME.words, seed=1, hash_function="xxhash")
    column = library.from_pydict({"text": list(texts)}).select(hashed.alias("hashes")).to_arrow()["hashes"]
    flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False).astype(np.uint32)
    keys = find_keys(np.ascontiguousarray(flat.reshape(len(texts), HASHES).T), SCHEME)
    return lambda: keys


def rensa(texts: Sequence[str]) -> Callable[[], Keys]:
    library = importlib.import_module("rensa").RMinHash
    rows = library.digest_matrix_from_token_sets([shingles_of(text) for text in texts], HASHES, 1).to_rows()
    keys = find_keys(np.ascontiguousarray(np.array(rows, np.uint32).T), SCHEME)
    return lambda: keys


def datasketch(texts: Sequence[str]) -> Callable[[], Keys]:
    library, hashing = importlib.import_module("datasketch"), importlib.import_module("xxhash")
    sets = ([shingle.encode() for shingle in shingles_of(text)] for text in texts)
    made = library.MinHash.generator(
        sets, num_perm=HASHES, seed=1, hashfunc=hashing.xxh32_intdigest, scheme="affine32"
    )
    values = np.array([minhash.hashvalues for minhash in made]).astype(np.uint32)
    keys = find_keys(np.ascontiguousarray(values.T), SCHEME)
    return lambda: keys


def text_dedup(texts: Sequence[str]) -> Callable[[], Keys]:
    library = importlib.import_module("text_dedup.minhash")
    prime, draw = np.uint32((1 << 32) - 5), np.random.RandomState(42)
    settings = {
        "num_perm": HASHES,
        "ngram_size": SCHEME.words,
        "min_length": 0,
        "hashranges": [(i * SCHEME.rows, (i + 1) * SCHEME.rows) for i in range(SCHEME.bands)],
        "permutations": (
            draw.randint(1, prime, size=HASHES, dtype=np.uint32),
            draw.randint(0, prime, size=HASHES, dtype=np.uint32),
        ),
        "hash_func": library.xxh3_32hash,
        "dtype": np.uint32,
        "max_hash": np.uint32((1 << 32) - 1),
        "modulo_prime": prime,
    }
    made = [
        library.embed_func(" ".join(words_of(text)), number, **settings)["__signatures__"]
        for number, text in enumerate(texts)
    ]

    def keys() -> Keys:
        flat = np.frombuffer(b"".join(band for row in made for band in row), np.uint32)
        return find_keys(np.ascontiguousarray(flat.reshape(len(texts), HASHES).T), SCHEME)

    return keys


def datatrove(texts: Sequence[str]) -> Callable[[], Keys]:
    library = importlib.import_module("datatrove.pipeline.dedup.minhash")
    hashing = importlib.import_module("datatrove.utils.hashing")
    step = library.MinhashDedupSignature.__new__(library.MinhashDedupSignature)  # without a tokenizer's models
    step.config = library.MinhashConfig(
        n_grams=SCHEME.words,
        num_buckets=SCHEME.bands,
        hashes_per_bucket=SCHEME.rows,
        hash_config=hashing.HashConfig(precision=32, hash_fc="xxhash"),
    )
    step.num_hashes, step._parameters = HASHES, None
    step._hash_func = hashing.create_hash_func(step.config.hash_config)
    made = []
    for text in texts:
        hashes = [[step._hash_func(shingle.encode())] for shingle in shingles_of(text)]
        made.append(step.get_signature(np.array(hashes, np.uint64)))

    def keys() -> Keys:
        flat = np.array(made, np.uint32).reshape(len(texts), HASHES)
        return find_keys(np.ascontiguousarray(flat.T), SCHEME)

    return keys


CONTENDERS: Mapping[str, Signer] = {
    "freehold": freehold,
    "daft": daft,
    "rensa": rensa,
    "datasketch": datasketch,
    "text-dedup": text_dedup,
    "datatrove": datatrove,
}


def main() -> int:
    """Signs texts and prints what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", choices=CONTENDERS)
    parser.add_argument("texts", type=Path)
    parser.add_argument("keys", type=Path)
    parser.add_argument("--block", type=int, default=20_000)
    options = parser.parse_args()
    texts = importlib.import_module("pyarrow.parquet").read_table(options.texts)["text"].to_pylist()
    sign = CONTENDERS[options.name]
    sign(texts[:WARM])
    cpu, wall, keys = [], [], []
    for start in range(0, len(texts), options.block):
        block = texts[start : start + options.block]
        before = _clocks()
        finish = sign(block)
        after = _clocks()
        cpu.append(after[0] - before[0])
        wall.append(after[1] - before[1])
        keys.append(finish())
    np.save(options.keys, np.concatenate(keys, axis=1))
    print(json.dumps({"cpu": cpu, "wall": wall, "block": options.block}))
    return 0


def _clocks() -> tuple[float, float]:
    """Returns the CPU-seconds of this process and its children, and seconds."""
    times = os.times()
    return time.process_time() + times.children_user + times.children_system, time.perf_counter()


if __name__ == "__main__":
    sys.exit(main())
