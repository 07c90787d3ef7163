"""What the drivers show of themselves to a service: from the same variables as `ocs` itself."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc

from ocs.cli import access
from ocs.client import UsageError
from ocs.client.security import Metadata, Security, secure

_VARIABLES: Final = {
    "tls_ca": "OCS_TLS_CA",
    "tls_certificate": "OCS_TLS_CLIENT_CERTIFICATE",
    "tls_key": "OCS_TLS_CLIENT_KEY",
    "token_file": "OCS_TOKEN_FILE",
}
# Without a pool of its own every channel to one address would share one connection.
_OPTIONS: Final = (("grpc.use_local_subchannel_pool", 1), ("grpc.enable_retries", 0))


class AccessError(ValueError):
    """What the variables name cannot be used; the text says why."""


def read_access() -> access.Access:
    """The client's arguments. Raises AccessError."""
    paths = {
        name: Path(value) if (value := os.environ.get(variable)) else None
        for name, variable in _VARIABLES.items()
    }
    try:
        return access.read(**paths)
    except UsageError as error:
        raise AccessError(str(error)) from None


@dataclass(frozen=True, slots=True)
class Door:
    """How to reach a service, and what each call shows it."""

    address: str
    security: Security

    @classmethod
    def of(cls, address: str) -> "Door":
        """Read what is shown. Raises AccessError."""
        try:
            return cls(address, secure(address, credentials=None, **read_access()))
        except UsageError as error:
            raise AccessError(str(error)) from None

    @property
    def metadata(self) -> Metadata:
        """Of every call."""
        return self.security.metadata

    def channel(self) -> grpc.Channel:
        """A connection of its own."""
        options = (*_OPTIONS, *self.security.options)
        if self.security.credentials is None:
            return grpc.insecure_channel(self.address, options=options)
        return grpc.secure_channel(self.address, self.security.credentials, options=options)

    def aio_channel(self) -> grpc.aio.Channel:
        """The same for asyncio."""
        options = (*_OPTIONS, *self.security.options)
        if self.security.credentials is None:
            return grpc.aio.insecure_channel(self.address, options=options)
        return grpc.aio.secure_channel(self.address, self.security.credentials, options=options)
