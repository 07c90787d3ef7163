"""What an operator does with a store beside a service: prove, examine, back up, restore.

Wires like ocs.app, with no server.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import uvloop

from ocs.app import now_ms
from ocs.archive.reader import SegmentArchive
from ocs.ports import StoreUnavailableError
from ocs.service.audit import AuditReport, audit
from ocs.service.audit import ProgressCallback as AuditProgress
from ocs.settings import SettingsError, load_settings
from ocs.store.backup import take_backup
from ocs.store.backup_file import BackupError, Header
from ocs.store.connect import StoreUnfitError, make_pool
from ocs.store.doctor import examine
from ocs.store.embedded import EmbeddedOptions, EmbeddedStoreError, EmbeddedValkey
from ocs.store.event_log import ValkeyEventLog
from ocs.store.fitness import Demands, Finding
from ocs.store.ledger import ValkeyLedger
from ocs.store.pipeline import StoreLostError
from ocs.store.restore import check_restorable, restore_directory, restore_server, undo_directory

ProgressCallback = Callable[[int, int | None], None]
# Opens the display of one stage of the work, by its title.
Stages = Callable[[str], AbstractContextManager[ProgressCallback]]
_DATA_DIR_DEFAULT = Path(".ocs")


class UpkeepError(Exception):
    """It could not be done; the text says why."""


@contextmanager
def _store_at(store_url: str | None, data_dir: Path | None) -> Iterator[str]:
    """Find a store: at its URL, or in a directory, whose own is started if its service is stopped.

    Raises UpkeepError.
    """
    if store_url is not None:
        yield store_url
        return
    directory = (data_dir or _DATA_DIR_DEFAULT) / "store"
    try:
        running_url = EmbeddedValkey.url_of_running(directory)
        if running_url is not None:
            yield running_url
            return
        if not directory.exists():
            # Started there, a new store would pass.
            raise UpkeepError(f"there is no store in {directory.parent}")
        with EmbeddedValkey.start(EmbeddedOptions(directory)) as store:
            yield store.url
    except EmbeddedStoreError as error:
        raise UpkeepError(str(error)) from None
    except OSError as error:
        raise UpkeepError(f"the data directory cannot be used: {error.strerror}") from None


def run_audit(
    *,
    store_url: str | None,
    data_dir: Path | None,
    archive_dir: Path | None = None,
    on_progress: AuditProgress | None = None,
) -> AuditReport:
    """Fold a store's journal and compare: online, or a directory whose service is stopped.

    archive_dir: where what the store let go of is; by default beside the store's directory.

    Raises:
        UpkeepError: the store cannot be reached or started, or was lost on the way.
    """
    with _store_at(store_url, data_dir) as url:
        return uvloop.run(audit_store(url, archive_dir or _archive_of(data_dir), on_progress))


def _archive_of(data_dir: Path | None) -> Path:
    """Return where the archive of a store is kept unless its service was told otherwise."""
    return (data_dir or _DATA_DIR_DEFAULT) / "archive"


async def audit_store(
    store_url: str, archive_dir: Path, on_progress: AuditProgress | None = None
) -> AuditReport:
    """Audit the store at a URL. Raises UpkeepError."""
    try:
        ledger = ValkeyLedger(make_pool(store_url, 4), connections=4, now_ms=now_ms)
    except StoreUnfitError as error:
        raise UpkeepError(str(error)) from None
    archive = SegmentArchive(archive_dir)
    try:
        return await audit(ledger, ValkeyEventLog(ledger, archive), on_progress=on_progress)
    except StoreUnavailableError:
        raise UpkeepError("the store does not answer, or was lost during the audit") from None
    finally:
        with suppress(OSError):
            await ledger.close()


def run_doctor(
    *, store_url: str | None, data_dir: Path | None, durability: str | None
) -> list[Finding]:
    """Examine a store as OCS_* and the arguments name it, with what a service would demand of it.

    Raises:
        UpkeepError: no store answers there, or a setting breaks a rule.
    """
    try:
        settings = load_settings(durability=durability)
        if store_url is None and data_dir is None and settings.store_url is not None:
            store_url = settings.store_url.get_secret_value()
        demands = Demands(settings.durability, settings.cves_accepted)
        with _store_at(store_url, data_dir) as url:
            return uvloop.run(examine(url, demands, now_ms))
    except (SettingsError, StoreUnfitError) as error:
        raise UpkeepError(str(error)) from None
    except StoreLostError:
        raise UpkeepError("the store was lost during the examination") from None


@dataclass(frozen=True, slots=True)
class Backup:
    """What was backed up. snapshot_bytes: of the store's data in the file."""

    header: Header
    snapshot_bytes: int


def run_backup(
    path: Path, *, store_url: str | None, data_dir: Path | None, stages: Stages
) -> Backup:
    """Write a store as of one moment into a new file, beside its service.

    Raises:
        UpkeepError: the store cannot be reached, or refuses; or the file cannot be written.
    """
    with _store_at(store_url, data_dir) as url, stages("backup") as on_progress:
        try:
            header, count = take_backup(url, path, lambda done: on_progress(done, None))
        except BackupError as error:
            raise UpkeepError(str(error)) from None
    return Backup(header, count)


@dataclass(frozen=True, slots=True)
class Restored:
    """A backup that was restored, and the audit of what it became."""

    header: Header
    report: AuditReport


def run_restore(
    path: Path,
    *,
    store_url: str | None,
    data_dir: Path | None,
    archive_dir: Path | None = None,
    stages: Stages,
) -> Restored:
    """Restore a backup into an empty store, a server's or a directory's, and audit it there.

    archive_dir: as for run_audit; it is read, and nothing is put there.

    Raises:
        UpkeepError: the file is not whole, the store is not empty, or cannot be reached.
    """
    try:
        header = check_restorable(path)
        archive_dir = archive_dir or _archive_of(data_dir)
        if store_url is None:
            directory = (data_dir or _DATA_DIR_DEFAULT) / "store"
            report = _restore_directory(path, directory, archive_dir, stages)
        else:
            report = _restore_server(path, store_url, archive_dir, stages)
    except (BackupError, EmbeddedStoreError) as error:
        raise UpkeepError(str(error)) from None
    return Restored(header, report)


def _restore_directory(
    path: Path, directory: Path, archive_dir: Path, stages: Stages
) -> AuditReport:
    with stages("unpack") as on_progress:
        restore_directory(path, directory, on_progress)
    try:
        store = EmbeddedValkey.start(EmbeddedOptions(directory))
    except EmbeddedStoreError:
        undo_directory(directory)
        raise
    with store, stages("audit") as on_progress:
        return uvloop.run(audit_store(store.url, archive_dir, on_progress))


def _restore_server(path: Path, store_url: str, archive_dir: Path, stages: Stages) -> AuditReport:
    with TemporaryDirectory(prefix="ocs-restore-") as scratch:
        directory = Path(scratch) / "store"
        with stages("unpack") as on_progress:
            restore_directory(path, directory, on_progress)
        with (
            EmbeddedValkey.start(EmbeddedOptions(directory, "everysec")) as source,
            stages("copy") as on_progress,
        ):
            restore_server(source.url, store_url, on_progress)
    with stages("audit") as on_progress:
        return uvloop.run(audit_store(store_url, archive_dir, on_progress))
