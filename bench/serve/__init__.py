"""How fast Freehold answers over HTTP, beside servers that others would write or maintain for the same weights.

`python -m bench.serve`. `table` is what it measures. `load` asks a server from a process of its own; `peer` and
`litserve_peer` are such servers; `servers` starts and stops one. Imports nothing, so that a peer's environment can
import below it.
"""
