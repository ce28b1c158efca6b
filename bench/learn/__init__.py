"""How well, how fast and how surely a task is learned: every figure of the learning goals, from one command.

`python -m bench.learn` measures all of it, `python -m bench.learn PART ...` some parts, `--quick` only whether
the measuring works. Parts are in `parts`; this module imports nothing, so that a peer's own environment can
enter the package without Freehold.
"""

__all__: list[str] = []
