"""Who calls: a bearer token, or a client certificate that an entry of the credentials names.

What a caller says of itself otherwise is not believed. Without credentials everyone is the tenant
`main` with every role, and the server listens on loopback only.
"""

from collections.abc import Iterator
from typing import Any, Final, Protocol

import grpc

from ocs.limits import CALLERS_REMEMBERED_MAX
from ocs.rpc import errors
from ocs.rpc.credentials import Caller, Credentials
from ocs.rpc.errors import RefusedError
from ocs.rpc.roles import Role

Context = grpc.aio.ServicerContext[Any, Any]

_SCHEME: Final = "bearer "
_EVERYONE: Final = Caller("main", "anonymous", frozenset(Role))
# How grpc calls what a verified client certificate says.
_URI: Final = "peer_uri"
_COMMON_NAME: Final = "x509_common_name"


class Gate(Protocol):
    """Tells who calls."""

    def identify(self, context: Context, now_ms: int) -> Caller:
        """Return the caller of this call. Raises RefusedError."""
        ...


class OpenGate:
    """No credentials: everyone is welcome, for only this machine can knock."""

    def identify(self, context: Context, now_ms: int) -> Caller:  # noqa: ARG002 - of the Protocol
        """Return everyone."""
        return _EVERYONE


class CredentialGate:
    """Believes the credentials it was given last. Use from one event loop only."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        # By header as sent: what was right once need not be hashed again.
        self._remembered: dict[str, Caller] = {}

    def use(self, credentials: Credentials) -> None:
        """Believe these from now on; who is no longer in them is refused at the next call."""
        self._credentials = credentials
        self._remembered = {}

    def identify(self, context: Context, now_ms: int) -> Caller:
        """Return the caller of this call. Raises RefusedError."""
        header = _authorization(context)
        caller = self._remembered.get(header) if header else None
        if caller is None:
            caller = self._by_token(header) if header else self._by_certificate(context)
        if caller.expire_ms and caller.expire_ms <= now_ms:
            raise RefusedError(errors.CREDENTIAL_EXPIRED)
        return caller

    def caller_of(self, token: str, now_ms: int) -> Caller | None:
        """Return whose token this is; None if it is nobody's, or has expired."""
        caller = self._credentials.by_token(token)
        expired = caller is not None and caller.expire_ms and caller.expire_ms <= now_ms
        return None if expired else caller

    def _by_token(self, header: str) -> Caller:
        scheme, token = header[: len(_SCHEME)], header[len(_SCHEME) :]
        caller = self._credentials.by_token(token) if scheme.lower() == _SCHEME else None
        if caller is None:
            raise RefusedError(errors.CREDENTIAL_UNKNOWN)
        if len(self._remembered) >= CALLERS_REMEMBERED_MAX:
            self._remembered = {}
        self._remembered[header] = caller
        return caller

    def _by_certificate(self, context: Context) -> Caller:
        names = list(_certificate_names(context))
        if not names:
            raise RefusedError(errors.CREDENTIAL_MISSING)
        caller = self._credentials.by_certificate(names)
        if caller is None:
            raise RefusedError(errors.CREDENTIAL_UNKNOWN)
        return caller


def _authorization(context: Context) -> str:
    """The one authorization header, empty if there is none."""
    found = ""
    for key, value in context.invocation_metadata() or ():
        if key == "authorization":
            if found or not isinstance(value, str):
                raise RefusedError(errors.CREDENTIAL_UNKNOWN)
            found = value
    return found


def _certificate_names(context: Context) -> Iterator[str]:
    """The names of the client's certificate, which the handshake has verified."""
    said = context.auth_context()
    for prefix, key in (("URI:", _URI), ("CN:", _COMMON_NAME)):
        for name in said.get(key, ()):
            yield prefix + name.decode("utf-8", "replace")
