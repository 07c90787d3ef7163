"""What makes a channel private and a caller known, and the rule that joins them: no token in clear.

A token is sent in clear text to this machine only.
"""

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import grpc

from ocs.client.errors import UsageError

Metadata = Sequence[tuple[str, str | bytes]]
# Certificate chain and its private key, PEM.
ClientCertificate = tuple[bytes, bytes]

_TOKEN: Final = re.compile(r"[\x21-\x7e]{1,4096}", re.ASCII)
_LOCAL_SCHEMES: Final = ("unix:", "unix-abstract:")
_PORT: Final = re.compile(r":\d{1,5}$", re.ASCII)


@dataclass(frozen=True, slots=True)
class Security:
    """credentials: of the channel, None = clear text. metadata, options: what a token adds."""

    credentials: grpc.ChannelCredentials | None
    metadata: tuple[tuple[str, str | bytes], ...] = ()
    options: tuple[tuple[str, Any], ...] = ()


def secure(
    target: str,
    *,
    token: str | None,
    credentials: grpc.ChannelCredentials | None,
    root_certificates: bytes | None,
    client_certificate: ClientCertificate | None,
) -> Security:
    """Make a client's security of what it was given. Raises UsageError."""
    if root_certificates is not None or client_certificate is not None:
        if credentials is not None:
            raise UsageError("credentials already say which certificates; give only one of both")
        chain, key = client_certificate or (None, None)
        credentials = grpc.ssl_channel_credentials(root_certificates, key, chain)
    if token is None:
        return Security(credentials)
    if _TOKEN.fullmatch(token) is None:
        raise UsageError("the token must be printable ASCII without blanks")
    metadata = (("authorization", f"Bearer {token}"),)
    if credentials is not None:
        return Security(credentials, metadata)
    if not is_local(target):
        raise UsageError(
            "a token is not sent in clear text beyond this machine: give root_certificates"
            " (--tls-ca, OCS_TLS_CA), or credentials"
        )
    # A proxy that the environment names would be asked first, and it is another machine.
    return Security(None, metadata, (("grpc.enable_http_proxy", 0),))


def is_local(target: str) -> bool:
    """Whether what is sent to a gRPC target stays on this machine, as far as its text says."""
    if target.startswith(_LOCAL_SCHEMES):
        return True
    scheme, colon, rest = target.partition(":")
    if colon and scheme in {"dns", "ipv4", "ipv6"}:
        authority = rest.startswith("//")
        # A name server of its own may say anything.
        if authority and not rest.startswith("///"):
            return False
        target = rest.removeprefix("///") if authority else rest
    return all(_is_loopback(one) for one in target.split(","))


def _is_loopback(address: str) -> bool:
    if address.startswith("["):
        host = address[1:].partition("]")[0]
    else:
        host = address if address.count(":") > 1 else _PORT.sub("", address)
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
