"""The commands that run a part of the service here: `up`, `serve`, `audit`, `doctor`, ...

`ocs.app` is imported inside each function, so that the other commands start without it.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol

DATA_DIR_DEFAULT: Final = Path(".ocs")
STORE_URL_VARIABLE: Final = "OCS_STORE_URL"
ARCHIVE_DIR_VARIABLE: Final = "OCS_ARCHIVE_DIR"


class UpkeepFailedError(Exception):
    """It could not be done; the text says why."""


class CredentialRefusedError(Exception):
    """The service would not take such a credential; the text says why."""


class Difference(Protocol):
    """A term of an account that is not what its journal says."""

    @property
    def tenant(self) -> str:
        """Whose account it is."""
        ...

    @property
    def account_id(self) -> str:
        """The account."""
        ...

    @property
    def term(self) -> str:
        """What differs, e.g. a bucket's balance."""
        ...

    @property
    def stored(self) -> object:
        """What the store has."""
        ...

    @property
    def journal(self) -> object:
        """What the journal adds up to."""
        ...


class AuditReport(Protocol):
    """What an audit found."""

    @property
    def differences(self) -> Sequence[Difference]:
        """None of them is a good sign. Of very many, the first."""
        ...

    @property
    def difference_count(self) -> int:
        """How many there are."""
        ...

    @property
    def account_count(self) -> int:
        """Accounts compared."""
        ...

    @property
    def event_count(self) -> int:
        """Journal events folded."""
        ...


def up(
    data_dir: Path,
    port: int,
    durability: str,
    tariff: Path | None,
    figures_ports: tuple[int, int] | None,
) -> int:
    """Run service and embedded store until a signal; the exit status.

    figures_ports: of the figures and of the dashboard; None: without them.
    """
    from ocs.app import Figures, run_up  # noqa: PLC0415  # keeps the other commands quick

    figures = None
    if figures_ports is not None:
        figures = Figures(*(f"127.0.0.1:{each}" for each in figures_ports))
    return run_up(
        data_dir=data_dir,
        listen=f"127.0.0.1:{port}",
        durability=durability,
        tariff=tariff,
        figures=figures,
    )


def insights(
    data_dir: Path | None, store_url: str | None, listen: str | None, *, tied: bool
) -> int:
    """Run the figures until a signal; the exit status."""
    from ocs.insights_app import run_insights  # noqa: PLC0415  # keeps the other commands quick

    return run_insights(data_dir=data_dir, store_url=store_url, listen=listen, tied=tied)


def archiver(tell: int | None) -> int:
    """Run the archiver until whoever started it is gone; the exit status."""
    from ocs.archiver_app import run_archiver  # noqa: PLC0415  # keeps the other commands quick

    return run_archiver(tell=tell)


def serve() -> int:
    """Run the service as its settings say, until a signal; the exit status."""
    from ocs.app import run_serve  # noqa: PLC0415  # keeps the other commands quick

    return run_serve()


def audit(
    store_url: str | None,
    data_dir: Path | None,
    archive_dir: Path | None,
    on_progress: Callable[[int, int | None], None],
) -> AuditReport:
    """Fold the journal of a store and compare; the store of the settings or of `up` by default.

    Raises UpkeepFailedError.
    """
    from ocs.upkeep import UpkeepError, run_audit  # noqa: PLC0415  # keeps the other commands quick

    if store_url is None and data_dir is None:
        store_url = os.environ.get(STORE_URL_VARIABLE)
        data_dir = None if store_url else DATA_DIR_DEFAULT
    try:
        return run_audit(
            store_url=store_url,
            data_dir=data_dir,
            archive_dir=_archive_named(archive_dir),
            on_progress=on_progress,
        )
    except UpkeepError as error:
        raise UpkeepFailedError(str(error)) from None


def _archive_named(archive_dir: Path | None) -> Path | None:
    """Return what was given, else what the service's environment says."""
    named = os.environ.get(ARCHIVE_DIR_VARIABLE)
    return archive_dir or (Path(named) if named else None)


class Finding(Protocol):
    """One check of a store."""

    @property
    def check(self) -> str:
        """Its name."""
        ...

    @property
    def level(self) -> str:
        """One of ok, warning, fault."""
        ...

    @property
    def found(self) -> str:
        """What was found."""
        ...

    @property
    def step(self) -> str:
        """What to do; empty if it is well."""
        ...


def doctor(
    store_url: str | None, data_dir: Path | None, durability: str | None
) -> Sequence[Finding]:
    """Examine a store; the store of the settings or of `up` by default.

    Raises UpkeepFailedError.
    """
    from ocs.upkeep import UpkeepError, run_doctor  # noqa: PLC0415  # keeps other commands quick

    try:
        return run_doctor(store_url=store_url, data_dir=data_dir, durability=durability)
    except UpkeepError as error:
        raise UpkeepFailedError(str(error)) from None


class TariffFault(Protocol):
    """What is wrong in a tariff; as text `line:column: path: rule`."""

    @property
    def line(self) -> int:
        """From 1."""
        ...

    @property
    def column(self) -> int:
        """From 1."""
        ...

    @property
    def path(self) -> str:
        """Of the key, e.g. `services.voice.price`."""
        ...

    @property
    def rule(self) -> str:
        """What is broken there."""
        ...


def check_tariff(path: Path) -> tuple[dict[str, Any] | None, Sequence[TariffFault]]:
    """Read a tariff file: its summary, or its faults. Raises UpkeepFailedError."""
    from ocs.book.file import UnreadableError, tariff_of_file  # noqa: PLC0415  # keeps others quick
    from ocs.book.summary import summary_of  # noqa: PLC0415  # as above
    from ocs.ports import BookError  # noqa: PLC0415  # as above

    try:
        return {**summary_of(tariff_of_file(path))}, ()
    except BookError as error:
        return None, error.faults
    except UnreadableError as error:
        raise UpkeepFailedError(str(error)) from None


def read_tariff_file(path: Path) -> bytes:
    """Read a tariff's text, to send it. Raises UpkeepFailedError."""
    from ocs.book.file import UnreadableError, tariff_text  # noqa: PLC0415  # keeps others quick
    from ocs.ports import BookError  # noqa: PLC0415  # as above

    try:
        return tariff_text(path)
    except (BookError, UnreadableError) as error:
        raise UpkeepFailedError(str(error)) from None


class Header(Protocol):
    """What a backup says of itself: when, and from what, it was made."""

    @property
    def created(self) -> str:
        """RFC 3339."""
        ...

    @property
    def product(self) -> str:
        """The store's."""
        ...

    @property
    def version(self) -> str:
        """The store's."""
        ...


class Backup(Protocol):
    """A backup that was made."""

    @property
    def header(self) -> Header:
        """What it says of itself."""
        ...

    @property
    def snapshot_bytes(self) -> int:
        """Of the data in it."""
        ...


class Restored(Protocol):
    """A backup that was restored."""

    @property
    def header(self) -> Header:
        """What it says of itself."""
        ...

    @property
    def report(self) -> AuditReport:
        """What the audit of the new store found."""
        ...


Stages = Callable[[str], AbstractContextManager[Callable[[int, int | None], None]]]


def backup(path: Path, store_url: str | None, data_dir: Path | None, stages: Stages) -> Backup:
    """Back a store up; that of the settings or of `up` by default.

    Raises UpkeepFailedError.
    """
    from ocs.upkeep import UpkeepError, run_backup  # noqa: PLC0415  # keeps other commands quick

    if store_url is None and data_dir is None:
        store_url = os.environ.get(STORE_URL_VARIABLE)
    try:
        return run_backup(path, store_url=store_url, data_dir=data_dir, stages=stages)
    except UpkeepError as error:
        raise UpkeepFailedError(str(error)) from None


def restore(
    path: Path,
    store_url: str | None,
    data_dir: Path | None,
    archive_dir: Path | None,
    stages: Stages,
) -> Restored:
    """Restore a backup into an empty store. Raises UpkeepFailedError."""
    from ocs.upkeep import UpkeepError, run_restore  # noqa: PLC0415  # keeps other commands quick

    try:
        return run_restore(
            path,
            store_url=store_url,
            data_dir=data_dir,
            archive_dir=_archive_named(archive_dir),
            stages=stages,
        )
    except UpkeepError as error:
        raise UpkeepFailedError(str(error)) from None


@dataclass(frozen=True, slots=True)
class NewCredential:
    """entry: for the credentials file. token: for its holder; empty if a certificate stands in."""

    entry: str
    token: str


def new_credential(
    actor: str, tenant: str, roles: Sequence[str], expires: datetime | None, certificate: str
) -> NewCredential:
    """Make a token, or name a certificate, with its entry. Raises CredentialRefusedError."""
    from ocs.rpc import credentials  # noqa: PLC0415  # keeps the other commands quick

    token = "" if certificate else credentials.new_token()
    try:
        entry = credentials.entry_text(
            actor=actor,
            tenant=tenant,
            roles=roles,
            token_sha256=credentials.hash_of(token) if token else "",
            certificate=certificate,
            expires=expires,
        )
    except credentials.CredentialsError as error:
        raise CredentialRefusedError(str(error)) from None
    return NewCredential(entry, token)
