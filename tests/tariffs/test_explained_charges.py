"""A support agent asks a live service why a charge is what it is, whatever prices by now."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Final

import pytest

from ocs.book.document import read_tariff
from ocs.store.embedded import EmbeddedValkey
from ocs.v1 import charging_event_pb2 as events
from ocs.v1 import charging_service_pb2 as charging
from ocs.v1 import types_pb2
from tests.support.live import Live, serving_at
from tests.support.rerating import correct_charge
from tests.support.stage import Clock
from tests.tariffs.support import client_of

BOOK: Final = """\
version: {version}
currency: EUR
prices: gross
services:
  voice:
    unit: seconds
    connect_fee: "0.05"
    steps:
      - {{price: "{minute}", per: 60, increment: 60}}
      - {{from: 120, price: "0.01"}}
  data:
    unit: octets
    tiers:
      period: month
      steps: [{{price: "0.03"}}, {{from: 100, price: "0.01"}}]
plans:
  prepaid: {{services: [voice, data]}}
"""
OLD: Final = BOOK.format(version="old", minute="0.09").encode()
NEW: Final = BOOK.format(version="new", minute="0.19").encode()
NOW_MS: Final = int(datetime(2026, 9, 22, 12, tzinfo=UTC).timestamp() * 1_000)
PAYING: Final = (charging.EXPLANATION_CAUSE_BUCKET, charging.EXPLANATION_CAUSE_UNCOLLECTED)


@pytest.fixture
def clock() -> Clock:
    """Noon."""
    return Clock(NOW_MS)


@pytest.fixture
async def live(store: EmbeddedValkey, clock: Clock) -> AsyncIterator[Live]:
    """Charges by the old version."""
    async with serving_at(store, clock, read_tariff(OLD)) as found:
        yield found


async def explained(live: Live, event: str) -> charging.ExplainChargeResponse:
    """Ask why; the money before the buckets is what was charged and not collected."""
    with live.unchanged():
        answer: charging.ExplainChargeResponse = await live.call(
            charging.ExplainChargeRequest(event=event)
        )
    if not answer.unexplained:
        due = answer.charged_micros + answer.uncollected_micros
        lines = [line for line in answer.explanation if line.cause not in PAYING]
        assert sum(line.micros for line in lines) == due
    return answer


def told(answer: charging.ExplainChargeResponse) -> list[str]:
    """The sentences."""
    return [line.text for line in answer.explanation]


async def test_a_session_is_explained_report_by_report(live: Live) -> None:
    account = await live.open(micros=10_000_000)
    reservation = await live.hold(account, 600, service_id="voice")
    first = (await live.call(live.commit(reservation, 70, "keep"))).charge
    second = (await live.call(live.commit(reservation, 60))).charge

    one, two = await explained(live, first.event), await explained(live, second.event)

    assert (one.kind, one.outcome) == (events.EVENT_KIND_COMMIT, types_pb2.OUTCOME_CHARGED)
    assert (one.used_units, one.rated_units, one.charged_micros) == (70, 120, 230_000)
    assert (one.service_id, one.unit, one.currency) == ("voice", types_pb2.UNIT_TYPE_SECONDS, "EUR")
    assert told(one) == [
        "70 seconds are charged as 120 seconds: use is counted in whole increments",
        "120 seconds at 0.09 EUR for each 60 seconds: 0.18 EUR (voice/home)",
        "Connect fee, once a session: 0.05 EUR",
        "Bucket main pays for 120 seconds with 0.23 EUR",
    ]
    (step,) = (line for line in two.explanation if line.cause == charging.EXPLANATION_CAUSE_STEP)
    assert (step.step_number, step.from_units, step.to_units) == (2, 120, 130)
    assert (step.step.from_units, step.step.micros, step.step.per_units) == (120, 10_000, 1)
    assert (step.tariff_version, step.price_id) == ("old", "voice/home")
    assert two.charged_micros == 100_000


async def test_a_tier_is_explained_from_where_the_account_stood(live: Live) -> None:
    account = await live.open(micros=10_000_000)
    await live.call(live.debit(account, 90, service_id="data"))
    reservation = await live.hold(account, 20, service_id="data")
    charge = (await live.call(live.commit(reservation, 20))).charge

    assert told(await explained(live, charge.event)) == [
        "90 octets were used before in this period: prices go on from there",
        "10 octets at 0.03 EUR for each 1 octet: 0.30 EUR (data/home)",
        "10 octets at 0.01 EUR for each 1 octet: 0.10 EUR (data/home)",
        "Bucket main pays for 20 octets with 0.40 EUR",
    ]


async def test_a_version_that_is_only_in_the_store_is_read_from_there(
    live: Live, store: EmbeddedValkey, clock: Clock
) -> None:
    account = await live.open(micros=1_000_000)
    charge = (await live.call(live.debit(account, 60, service_id="voice"))).charge
    before = await explained(live, charge.event)
    async with serving_at(store, clock, read_tariff(NEW)) as later:
        unknown = await explained(later, charge.event)
        async with client_of(later) as client:
            await client.load_tariff(OLD)
        after = await explained(later, charge.event)

    assert unknown.unexplained == charging.UNEXPLAINED_CAUSE_VERSION_UNKNOWN
    assert unknown.unexplained_text == "The tariff old is not in the store"
    assert told(unknown) == ["Bucket main pays for 60 units with 0.14 EUR"]
    assert unknown.charged_micros == 140_000
    assert after == before


async def test_a_refund_and_a_correction_name_the_event_they_are_about(live: Live) -> None:
    account = await live.open(micros=1_000_000)
    charge = (await live.call(live.debit(account, 60, service_id="voice"))).charge
    corrected = (await live.call(correct_charge(live, charge.event, 30_000))).charge
    refunded = await live.call(live.refund(charge.event))

    correction = await explained(live, corrected.event)
    refund = await explained(live, refunded.event)

    number = charge.event.rpartition("/")[2]
    assert (correction.about_event, refund.about_event) == (charge.event, charge.event)
    assert told(correction)[0].startswith(f"Correction of event {number} by tariff")
    assert correction.charged_micros == 30_000
    assert told(refund) == [f"Bucket main gets back 0.14 EUR of event {number}"]
    assert (refund.kind, refund.charged_micros) == (events.EVENT_KIND_REFUND, -140_000)


async def test_what_is_no_charge_is_not_found(live: Live) -> None:
    account = await live.open(micros=1_000_000)
    there = f"tenants/main/accounts/{account}/events/"

    for event in (f"{there}1", f"{there}99", "tenants/other/accounts/a/events/1"):
        refusal = await live.refused(charging.ExplainChargeRequest(event=event))
        assert (refusal.code.name, refusal.reason) == ("NOT_FOUND", "EVENT_NOT_FOUND")
    for event in ("", f"{there}0", f"{there}1x", "events/1"):
        refusal = await live.refused(charging.ExplainChargeRequest(event=event))
        assert (refusal.code.name, list(refusal.violations)) == ("INVALID_ARGUMENT", ["event"])
    nobody = charging.ExplainChargeRequest(event="tenants/main/accounts/nobody/events/1")
    assert (await live.refused(nobody)).reason == "ACCOUNT_NOT_FOUND"


async def test_the_sdk_says_the_same(live: Live) -> None:
    account = await live.open(micros=1_000_000)
    charge = (await live.call(live.debit(account, 60, service_id="voice"))).charge
    wire = await explained(live, charge.event)
    async with client_of(live) as client:
        result = await client.explain_charge(charge.event)

    assert [line.text for line in result.explanation] == told(wire)
    assert result.charged_micros == wire.charged_micros
    assert result.unexplained is None
    assert result.explanation[0].step is not None
