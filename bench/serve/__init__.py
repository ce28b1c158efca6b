"""How fast Freehold answers over HTTP, beside servers that others would write for the same weights.

`python -m bench.serve`. `load` asks a server from a process of its own; `peer` is such a server; `servers` starts
and stops one. Knows nothing of how Freehold answers.
"""
