"""What a command shows of itself to the service, and how it knows the service.

A token is no option: other processes could read it off the command line.
"""

import os
from pathlib import Path
from typing import Final, TypedDict

from ocs.client import UsageError

TOKEN_VARIABLE: Final = "OCS_TOKEN"  # noqa: S105 - the name of the variable
FILES: Final = ("tls_ca", "tls_certificate", "tls_key", "token_file")


class Access(TypedDict):
    """The client's own arguments."""

    token: str | None
    root_certificates: bytes | None
    client_certificate: tuple[bytes, bytes] | None


def read(
    *,
    tls_ca: Path | None,
    tls_certificate: Path | None,
    tls_key: Path | None,
    token_file: Path | None,
) -> Access:
    """Read the files that the command line names. Raises UsageError."""
    if (tls_certificate is None) != (tls_key is None):
        raise UsageError("--tls-certificate and --tls-key go together")
    token = os.environ.get(TOKEN_VARIABLE) or None
    if token_file is not None:
        token = _content(token_file, "--token-file").decode("utf-8", "replace").strip()
    pair = None
    if tls_certificate is not None and tls_key is not None:
        pair = (_content(tls_certificate, "--tls-certificate"), _content(tls_key, "--tls-key"))
    return Access(
        token=token,
        root_certificates=None if tls_ca is None else _content(tls_ca, "--tls-ca"),
        client_certificate=pair,
    )


def _content(path: Path, option: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{option}: cannot be read: {error.strerror}") from None
