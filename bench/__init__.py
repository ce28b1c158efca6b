"""Side-by-side benchmarks: one command each, ours and the peers in the same run.

`python -m bench.NAME` from the repository's root. Results go to `bench/out/`, findings to `bench/LOG.md`.
"""
