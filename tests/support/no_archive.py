"""The archive of a journal that was never trimmed."""

from pathlib import Path
from typing import Final

from ocs.archive.reader import SegmentArchive

NO_ARCHIVE: Final = SegmentArchive(Path("/nowhere/archive"))
