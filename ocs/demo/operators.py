"""The operators on the demo's platform: each a tenant with a gateway, a currency and prices."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ocs.rpc import credentials
from ocs.rpc.roles import Role

CREDENTIALS_FILE: Final = "credentials.toml"


@dataclass(frozen=True, slots=True)
class Operator:
    """An MVNO. currency: ISO 4217, of all its accounts."""

    tenant: str
    currency: str
    time_zone: str

    @property
    def token_file(self) -> str:
        """Where its own token lies in the demo's directory, for who tries a command."""
        return f"{self.tenant}.token"


OPERATORS: Final = (
    Operator("main", "EUR", "Europe/Berlin"),
    Operator("alpine", "CHF", "Europe/Zurich"),
)
FIRST: Final = OPERATORS[0]


def operator_of(index: int) -> Operator:
    """Whose household it is: every third one lives in the mountains."""
    return OPERATORS[index % 3 // 2]


def credentials_in(directory: Path) -> dict[str, str]:
    """Return a token per operator, by tenant; made and written with their entries the first time.

    One token does everything for its tenant here; a real installation has one per caller and role.
    """
    paths = [directory / one.token_file for one in OPERATORS]
    file = directory / CREDENTIALS_FILE
    if not all(path.exists() for path in (*paths, file)):
        # The file of hashes comes last: it stands for all.
        tokens = [credentials.new_token() for _ in OPERATORS]
        for path, token in zip(paths, tokens, strict=True):
            _write_secret(path, token)
        _write_secret(file, "\n".join(map(_entry, OPERATORS, tokens)))
    return {one.tenant: path.read_text("utf-8") for one, path in zip(OPERATORS, paths, strict=True)}


def _entry(operator: Operator, token: str) -> str:
    return credentials.entry_text(
        actor=f"{operator.tenant}-gateway",
        tenant=operator.tenant,
        roles=[role.value for role in Role],
        token_sha256=credentials.hash_of(token),
        certificate="",
        expires=None,
    )


def _write_secret(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(text, encoding="utf-8")
