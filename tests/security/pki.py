"""Certificates of the test's own, made by the openssl command."""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

OPENSSL = shutil.which("openssl")
DAYS = "2"


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate and its key."""

    certificate: Path
    key: Path

    @property
    def pem(self) -> tuple[bytes, bytes]:
        """Chain and key, as a client takes them."""
        return self.certificate.read_bytes(), self.key.read_bytes()

    def replace(self, other: "Pair") -> None:
        """Become another pair, key last: between the two writes nothing fits."""
        for mine, new in ((self.certificate, other.certificate), (self.key, other.key)):
            written = mine.with_suffix(".new")
            written.write_bytes(new.read_bytes())
            written.rename(mine)


@dataclass(frozen=True, slots=True)
class Authority:
    """Who signs."""

    directory: Path
    pair: Pair

    @property
    def root(self) -> bytes:
        """What whoever trusts it is given."""
        return self.pair.certificate.read_bytes()

    def issue(self, name: str, *alternatives: str) -> Pair:
        """Sign a certificate for CN=name; alternatives like `URI:...`."""
        pair = _paths(self.directory, name)
        request = self.directory / f"{name}.csr"
        extensions = self.directory / f"{name}.ext"
        names = ("DNS:localhost", "IP:127.0.0.1", *alternatives)
        extensions.write_text(f"subjectAltName={','.join(names)}\n")
        _key(pair.key)
        _openssl("req", "-new", "-key", pair.key, "-subj", f"/CN={name}", "-out", request)
        _openssl(
            "x509", "-req", "-in", request, "-days", DAYS, "-extfile", extensions,
            "-CA", self.pair.certificate, "-CAkey", self.pair.key, "-CAcreateserial",
            "-out", pair.certificate,
        )  # fmt: skip
        return pair


def authority(directory: Path, name: str = "authority") -> Authority:
    """Make one that nobody trusts yet; skips without the openssl command."""
    directory.mkdir(parents=True, exist_ok=True)
    return Authority(directory, self_signed(directory, name))


def self_signed(directory: Path, name: str) -> Pair:
    """A certificate that vouches for itself."""
    pair = _paths(directory, name)
    _key(pair.key)
    _openssl(
        "req", "-x509", "-new", "-key", pair.key, "-days", DAYS, "-subj", f"/CN={name}",
        "-addext", "basicConstraints=critical,CA:TRUE", "-out", pair.certificate,
    )  # fmt: skip
    return pair


def lock(pair: Pair, path: Path) -> Path:
    """Write the key once more, under a password."""
    _openssl("ec", "-in", pair.key, "-aes256", "-passout", "pass:x", "-out", path)
    return path


def _paths(directory: Path, name: str) -> Pair:
    return Pair(directory / f"{name}.pem", directory / f"{name}.key")


def _key(path: Path) -> None:
    _openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", path)


def _openssl(*arguments: str | Path) -> None:
    if OPENSSL is None:
        pytest.skip("there is no openssl command to make certificates with")
    subprocess.run([OPENSSL, *map(str, arguments)], check=True, capture_output=True)
