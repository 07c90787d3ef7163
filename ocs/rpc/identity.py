"""Who calls. There are no credentials yet: the server listens on loopback and everyone is `main`.

`identify` is where credentials will be read. What a caller says of itself in the metadata is not
believed.
"""

from dataclasses import dataclass
from typing import Any, Final

import grpc


@dataclass(frozen=True, slots=True)
class Caller:
    """tenant: whose accounts the call may name. actor: who is written into the journal."""

    tenant: str
    actor: str


_EVERYONE: Final = Caller(tenant="main", actor="anonymous")


def identify(context: "grpc.aio.ServicerContext[Any, Any]") -> Caller:  # noqa: ARG001 - see above
    """Return the caller of this call."""
    return _EVERYONE
