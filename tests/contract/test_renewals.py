"""What the job asks for when a bundle is due, on both ledgers."""

from dataclasses import replace

import pytest

from ocs.domain.answer import Outcome, Reason
from ocs.domain.bundle import Bundle, BundleContent
from ocs.domain.commands import Expire, PurchaseBundle
from ocs.domain.tariff_book import TariffBook
from ocs.domain.units import Unit
from ocs.limits import BOOK_CONFIRMED_MAX_MS
from ocs.rpc.event_context import encode_context
from ocs.service.books import Books
from ocs.service.bundles import Bundles
from ocs.service.errors import ServiceError
from ocs.service.journal_room import JournalRoom
from ocs.service.mutations import Mutations
from tests.contract.bench import MINUTE_MS, START_MS, Bench
from tests.support.tariffs import tariff_of

HOUR_MS = 60 * MINUTE_MS
DUE_MS = START_MS + HOUR_MS - MINUTE_MS
PACK = Bundle(
    "pack", 300, HOUR_MS, (BundleContent(Unit.OCTETS, 500, 10),), 2, frozenset(), "v1"
)  # fmt: skip


class Steady:
    """A clock that is never set."""

    now_ms = 0

    def __call__(self) -> int:
        return self.now_ms


@pytest.fixture
async def steady(bench: Bench) -> Steady:
    """An account whose pack is due; the book is confirmed while this clock stands."""
    await bench.open()
    await bench.ledger.execute(
        PurchaseBundle(
            profile=await bench.profile(),
            bundle_id="pack",
            bundle=PACK,
            refusal=None,
            renew=True,
            month_ends=(START_MS + 1, START_MS + 2 * HOUR_MS),
            **bench.call(),
        )
    )
    bench.clock[0] = DUE_MS
    return Steady()


@pytest.fixture
def shop(bench: Bench, steady: Steady) -> Bundles:
    """Sells the pack."""
    tariff = replace(tariff_of("v1", []), bundles={"pack": PACK})
    return Bundles(
        bench.ledger,
        Mutations(bench.ledger, encode_context),
        Books(TariffBook.of(tariff), steady),
        lambda: bench.clock[0],
        JournalRoom(),
    )


async def due(bench: Bench) -> tuple[str, str, str, int, int]:
    """As the job finds it."""
    found = await bench.ledger.expire(Expire(tenant="main", account_id="a1"))
    assert found.renewals_due == (("pack", DUE_MS),)
    return ("main", "a1", "pack", DUE_MS, found.seq)


async def test_a_renewal_waits_for_the_book_to_be_confirmed(
    bench: Bench, shop: Bundles, steady: Steady
) -> None:
    asked = await due(bench)
    before = await bench.state()
    steady.now_ms = BOOK_CONFIRMED_MAX_MS + 1

    with pytest.raises(ServiceError) as refused:
        await shop.renew(*asked)

    assert refused.value.reason is Reason.TARIFF_UNCONFIRMED
    assert await bench.state() == before
    steady.now_ms = BOOK_CONFIRMED_MAX_MS
    assert (await shop.renew(*asked)).outcome is Outcome.CHARGED


async def test_a_callers_request_of_the_renewals_name_is_not_the_renewal(
    bench: Bench, shop: Bundles
) -> None:
    asked = await due(bench)
    await bench.reserve(1, **(bench.call() | {"request_id": f"renewal.pack.{asked[-1]}"}))

    assert (await shop.renew(*asked)).outcome is Outcome.CHARGED
