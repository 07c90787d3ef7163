"""Credentials: tokens, the file that lists them, and who a token or certificate stands for.

Decision 0020. Knows no gRPC, so that the terminal can make a token without it.
"""

import hmac
import json
import re
import secrets
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from ocs.limits import CREDENTIALS_MAX
from ocs.rpc.roles import Role

TOKEN_BYTES: Final = 32
# Marks a leaked token for what it is, to people and to secret scanners.
TOKEN_PREFIX: Final = "ocs_"  # noqa: S105 - the part that is no secret

_ID: Final = re.compile(r"[A-Za-z0-9._+@-]{1,128}", re.ASCII)
_ID_RULE: Final = "1 to 128 of A-Z a-z 0-9 . _ + @ -"
_HASH: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_CERTIFICATE: Final = re.compile(r"(?:CN|URI):[\x20-\x21\x23-\x5b\x5d-\x7e]{1,256}", re.ASCII)
_FIELDS: Final = frozenset({"id", "tenant", "roles", "token_sha256", "certificate", "expires"})


class CredentialsError(Exception):
    """The credentials cannot be used; the text names the entry and the rule, never a value."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who calls.

    tenant: whose accounts the call may name. actor: who is written into the journal.
    expire_ms: since then it is nobody's any more, 0 = never.
    """

    tenant: str
    actor: str
    roles: frozenset[Role]
    expire_ms: int = 0


@dataclass(frozen=True, slots=True)
class Credentials:
    """What one state of the file says.

    tokens: (hash, caller) by hash. certificates: callers by `CN:...` or `URI:...`.
    """

    tokens: Mapping[str, tuple[str, Caller]] = field(default_factory=dict, repr=False)
    certificates: Mapping[str, Caller] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many tokens and certificates are known."""
        return len(self.tokens) + len(self.certificates)

    def by_token(self, token: str) -> Caller | None:
        """Whose token this is.

        Looked up by hash: how long that takes tells of a hash, which leads nobody to a token.
        """
        digest = hash_of(token)
        known, caller = self.tokens.get(digest, ("", None))
        return caller if hmac.compare_digest(known, digest) else None

    def by_certificate(self, names: Iterable[str]) -> Caller | None:
        """Whose certificate has these names; one that fits two entries is nobody's."""
        found = [self.certificates[name] for name in names if name in self.certificates]
        return found[0] if len(found) == 1 else None


def new_token() -> str:
    """A token of 256 random bits."""
    return TOKEN_PREFIX + secrets.token_urlsafe(TOKEN_BYTES)


def hash_of(token: str) -> str:
    """What the file keeps of a token."""
    return sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def entry_text(
    *,
    actor: str,
    tenant: str,
    roles: Iterable[str],
    token_sha256: str = "",
    certificate: str = "",
    expires: datetime | None = None,
) -> str:
    """Spell one entry of the file. Raises CredentialsError if the file would refuse it."""
    # A JSON string is a TOML string, so that parsing, not spelling, finds what is wrong.
    said = {"id": actor, "tenant": tenant, "roles": list(roles)}
    said |= {"token_sha256": token_sha256} if token_sha256 else {}
    said |= {"certificate": certificate} if certificate else {}
    lines = ["[[credential]]", *(f"{name} = {json.dumps(value)}" for name, value in said.items())]
    if expires is not None:
        lines.append(f"expires = {expires.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}")
    text = "\n".join([*lines, ""])
    parse_credentials(text)
    return text


def parse_credentials(text: str) -> Credentials:
    """Read the file's text. Raises CredentialsError."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise CredentialsError(f"must be TOML: {error}") from None
    except RecursionError:
        raise CredentialsError("must be TOML: too deep") from None
    entries = document.pop("credential", [])
    if document or not isinstance(entries, list) or len(entries) > CREDENTIALS_MAX:
        raise CredentialsError(f"must be [[credential]] tables, at most {CREDENTIALS_MAX}")
    tokens: dict[str, tuple[str, Caller]] = {}
    certificates: dict[str, Caller] = {}
    for number, entry in enumerate(entries, start=1):
        where = f"credential {number}"
        caller = _caller(entry, where)
        token = _text(entry, "token_sha256", _HASH, "64 hexadecimal digits", where)
        name = _text(entry, "certificate", _CERTIFICATE, "CN:name or URI:name", where)
        if not token and not name:
            raise CredentialsError(f"{where}: needs a token_sha256 or a certificate")
        # Whose call would it be? In silence the later entry would win.
        if token in tokens or name in certificates:
            raise CredentialsError(f"{where}: its token or certificate is another's too")
        if token:
            tokens[token] = (token, caller)
        if name:
            certificates[name] = caller
    return Credentials(tokens, certificates)


def _caller(entry: Any, where: str) -> Caller:
    if not isinstance(entry, dict) or not entry.keys() <= _FIELDS:
        raise CredentialsError(f"{where}: may have only {', '.join(sorted(_FIELDS))}")
    actor = _text(entry, "id", _ID, _ID_RULE, where)
    tenant = _text(entry, "tenant", _ID, _ID_RULE, where)
    if not actor or not tenant:
        raise CredentialsError(f"{where}: needs an id and a tenant")
    named = entry.get("roles")
    if not isinstance(named, list) or not named or not all(role in list(Role) for role in named):
        raise CredentialsError(f"{where}: roles must be some of {', '.join(Role)}")
    expires = entry.get("expires")
    if expires is None:
        return Caller(tenant, actor, frozenset(map(Role, named)))
    if not isinstance(expires, datetime) or expires.tzinfo is None:
        raise CredentialsError(f"{where}: expires must be a time with its offset, e.g. with Z")
    return Caller(tenant, actor, frozenset(map(Role, named)), int(expires.timestamp() * 1000))


def _text(entry: Mapping[str, Any], name: str, form: re.Pattern[str], said: str, where: str) -> str:
    value = entry.get(name, "")
    if name in entry and not (isinstance(value, str) and form.fullmatch(value)):
        raise CredentialsError(f"{where}: {name} must be {said}")
    return str(value)
