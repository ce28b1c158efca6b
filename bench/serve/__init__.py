"""How Freehold answers over HTTP: how fast beside other servers, beside slow clients, and for how long.

`python -m bench.serve`. `table`, `slow` and `soak` are its parts. `load` asks a server from a process of its own,
and `slow_clients` holds connections open from another; `peer` and `litserve_peer` are servers that others would
use; `servers` starts and stops one. Imports nothing, so that a peer's environment can import below it.
"""
