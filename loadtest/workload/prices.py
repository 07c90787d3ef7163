"""What the service charges by: the same price book, read here once more, to check it by."""

import os
from functools import cache
from pathlib import Path
from typing import Final

from loadtest.workload.accounts import PLAN
from loadtest.workload.mix import Kind
from ocs.book.file import tariff_of_file
from ocs.domain.answer import Outcome
from ocs.domain.reservation import ServiceTerms
from ocs.domain.tariff import Tariff
from ocs.domain.tariff_book import TariffBook

TARIFF_VARIABLE: Final = "OCS_TARIFF_PATH"


@cache
def tariff() -> Tariff:
    """The tariff file that is named, else the one that is shipped."""
    path = os.environ.get(TARIFF_VARIABLE)
    return tariff_of_file(Path(path) if path else None)


@cache
def terms_of(kind: Kind) -> ServiceTerms:
    """How a kind is metered and priced. Raises ValueError if the tariff does not offer it."""
    found = TariffBook.of(tariff()).price(PLAN, kind.service_id, kind.other_party, "", 0)
    if isinstance(found, Outcome):
        raise ValueError(f"the tariff does not offer {kind}: {found.value}")  # noqa: TRY004
    return found.terms
