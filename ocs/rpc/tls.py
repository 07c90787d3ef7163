"""The server's certificate: read at the start, and again at a handshake when its files changed.

A certificate that cannot be used replaces nothing: the one before stays, and that is logged and
counted. Chain and key are two files, so between their writes the pair does not match; the next
handshake reads them again.
"""

import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import grpc
import structlog

Stamp = tuple[int, int, int]
# True: the files changed and are used. False: they changed and cannot be.
OnReload = Callable[[bool], None]

_CHAIN: Final = "OCS_TLS_CERTIFICATE_PATH"
_KEY: Final = "OCS_TLS_KEY_PATH"
_CLIENT_CA: Final = "OCS_TLS_CLIENT_CA_PATH"


class TlsError(Exception):
    """Certificate, key or client CA cannot be used; the text names the setting, never a path."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """PEM files. client_ca: who signs clients' certificates; with it every client needs one."""

    certificate: Path
    key: Path
    client_ca: Path | None = None

    def by_setting(self) -> Mapping[str, Path]:
        """The files under the names an operator knows."""
        own = {_CHAIN: self.certificate, _KEY: self.key}
        return own if self.client_ca is None else own | {_CLIENT_CA: self.client_ca}


@dataclass(slots=True)
class ServerTls:
    """Credentials of a port. grpc asks for the certificate on threads of its own."""

    files: TlsFiles
    on_reload: OnReload
    _seen: Mapping[str, Stamp] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def credentials(self) -> grpc.ServerCredentials:
        """What a port is opened with. Raises TlsError."""
        self._seen = _stamps(self.files)
        return grpc.dynamic_ssl_server_credentials(
            _configuration(self.files),
            self.fetch,  # type: ignore[arg-type]  # None is documented, the stub forgot it
            require_client_authentication=self.files.client_ca is not None,
        )

    def fetch(self) -> grpc.ServerCertificateConfiguration | None:
        """The certificate for a handshake; None = the same as before. Raises nothing."""
        with self._lock:
            stamps = _stamps(self.files)
            if stamps == self._seen:
                return None
            try:
                configuration, why = _configuration(self.files), ""
            except TlsError as error:
                configuration, why = None, str(error)
            if _stamps(self.files) != stamps:  # written while being read: next time
                return None
            self._seen = stamps
            self.on_reload(configuration is not None)
            log = structlog.get_logger()
            if configuration is None:
                log.error("certificate kept: the new one is unfit", why=why)
            else:
                log.info("certificate reloaded")
            return configuration


def _stamps(files: TlsFiles) -> dict[str, Stamp]:
    """What changes when a file does; nothing of one that cannot be looked at."""
    found: dict[str, Stamp] = {}
    for setting, path in files.by_setting().items():
        try:
            stat = path.stat()
        except OSError:
            continue
        found[setting] = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
    return found


def _configuration(files: TlsFiles) -> grpc.ServerCertificateConfiguration:
    """Read and check the files. Raises TlsError."""
    texts: dict[str, bytes] = {}
    for setting, path in files.by_setting().items():
        try:
            texts[setting] = path.read_bytes()
        except OSError as error:
            raise TlsError(f"{setting}: cannot be read: {error.strerror}") from None
    # grpc takes anything and fails at each handshake; OpenSSL says beforehand what does not fit.
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    try:
        context.load_cert_chain(files.certificate, files.key, password=_no_password)
    except (ssl.SSLError, OSError, ValueError):
        message = f"{_CHAIN}, {_KEY}: must be a PEM certificate chain and its key, unencrypted"
        raise TlsError(message) from None
    if files.client_ca is not None:
        try:
            context.load_verify_locations(cadata=texts[_CLIENT_CA].decode("ascii"))
        except (ssl.SSLError, ValueError):
            raise TlsError(f"{_CLIENT_CA}: must be PEM certificates") from None
    return grpc.ssl_server_certificate_configuration(
        [(texts[_KEY], texts[_CHAIN])], root_certificates=texts.get(_CLIENT_CA)
    )


def _no_password() -> str:
    """Else OpenSSL would ask for one at the terminal."""
    raise ValueError
