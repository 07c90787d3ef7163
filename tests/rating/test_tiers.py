"""An account's counter of a tier is made by its first charge, whatever its callers do."""

from fractions import Fraction

from ocs.domain.periods import Period
from ocs.domain.rating import Rate, Stretch
from ocs.domain.reservation import ServiceTerms
from ocs.domain.spending_cap import tier_id
from ocs.domain.tariff import HOME_ZONE
from ocs.domain.tariff_book import TariffBook
from ocs.domain.units import Unit
from tests.support.stage import Stage
from tests.support.tariffs import tariff_of

TIER = tier_id(Period.MONTH, "data")
FLAT = ServiceTerms("call", Unit.SECONDS, HOME_ZONE, Rate.flat(1, 1, 1), 1, 60_000, "v", "call")
TIERED = ServiceTerms(
    "data",
    Unit.OCTETS,
    HOME_ZONE,
    Rate.compiled([Stretch(0, 1, Fraction(3)), Stretch(100, 1, Fraction(1))]),
    1,
    60_000,
    "v",
    "data",
    TIER,
)


async def test_a_callers_request_of_the_counters_name_is_not_the_counters(stage: Stage) -> None:
    stage.price_by(TariffBook.of(tariff_of("v", [FLAT, TIERED])))
    await stage.open()
    await stage.credit(1_000_000)
    await stage.debit(10, "call", request_id=TIER)

    answer = await stage.debit(110, "data")

    assert answer.charged_micros == 310
    assert (await stage.debit(10, "call", request_id=TIER)).charged_micros == 10
