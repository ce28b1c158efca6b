"""The web as a source: a polite crawler whose archive can be read again offline, sitemaps and feeds.

`crawl` fetches what a `Scope` allows into an `Archive`, and goes on where it stopped; `Archive.visits` gives
the pages back without a network. Knows nothing of rows and tasks.
"""

from freehold.data.licence_addresses import name_licence
from freehold.data.web.addresses import Address, refuse_address
from freehold.data.web.archive import Archive
from freehold.data.web.connections import Connections
from freehold.data.web.crawling import crawl
from freehold.data.web.feeds import Entry, Feed, read_feed
from freehold.data.web.scope import Bounds, Identity, Scope
from freehold.data.web.signals import Licence, Reservation, Signals
from freehold.data.web.tally import Tally
from freehold.data.web.urls import BadUrlError, Url, canonical
from freehold.data.web.visits import Visit

__all__ = [
    "Address",
    "Archive",
    "BadUrlError",
    "Bounds",
    "Connections",
    "Entry",
    "Feed",
    "Identity",
    "Licence",
    "Reservation",
    "Scope",
    "Signals",
    "Tally",
    "Url",
    "Visit",
    "canonical",
    "crawl",
    "name_licence",
    "read_feed",
    "refuse_address",
]
