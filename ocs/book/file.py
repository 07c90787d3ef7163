"""A tariff file, or the one that is shipped."""

from importlib.resources import files
from pathlib import Path
from typing import Final

from ocs.book.document import read_tariff
from ocs.domain.tariff import Tariff
from ocs.limits import TARIFF_BYTES_MAX
from ocs.ports import BookError, Fault

SHIPPED: Final = "default.yaml"


class UnreadableError(Exception):
    """A tariff file that cannot be opened or read; the text says why."""


def tariff_text(path: Path | None) -> bytes:
    """Return the text of a tariff file; None: of the one that is shipped.

    Raises UnreadableError, and BookError of a file that is too large, whatever its size.
    """
    if path is None:
        return files("ocs").joinpath("tariffs", SHIPPED).read_bytes()
    try:
        with path.open("rb") as file:
            text = file.read(TARIFF_BYTES_MAX + 1)
    except OSError as error:
        raise UnreadableError(f"{path}: {error.strerror or type(error).__name__}") from None
    if len(text) > TARIFF_BYTES_MAX:
        rule = f"must have at most {TARIFF_BYTES_MAX} bytes"
        raise BookError([Fault(1, 1, "", rule)])
    return text


def tariff_of_file(path: Path | None) -> Tariff:
    """Read a tariff file; None: the one that is shipped. Raises UnreadableError, BookError."""
    return read_tariff(tariff_text(path))
