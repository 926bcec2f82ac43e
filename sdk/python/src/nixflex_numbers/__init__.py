"""A client for the Nixflex Numbers API."""

from . import types
from ._client import AsyncNixflex, Nixflex
from ._transport import NixflexError
from ._verify_event import EventRefused, verify_event
from ._version import __version__

__all__ = [
    "AsyncNixflex",
    "EventRefused",
    "Nixflex",
    "NixflexError",
    "__version__",
    "types",
    "verify_event",
]
