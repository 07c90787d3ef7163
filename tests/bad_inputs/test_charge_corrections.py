"""More money for what is no charge, for another's charge, or without saying whose price it is."""

import pytest

from tests.support.live import TENANT, Live
from tests.support.rerating import correct_charge


async def test_only_a_charge_of_the_account_is_corrected(live: Live) -> None:
    account = await live.open(micros=1_000)
    name = f"tenants/{TENANT}/accounts/{account}/events"
    await live.hold(await live.open(micros=1_000_000))

    for event in (f"{name}/1", f"{name}/9", f"tenants/other/accounts/{account}/events/1"):
        with live.unchanged():
            refusal = await live.refused(correct_charge(live, event))
        assert (refusal.code.name, refusal.reason) == ("NOT_FOUND", "EVENT_NOT_FOUND")


async def test_a_charge_that_was_refused_is_none(live: Live) -> None:
    account = await live.open()
    await live.call(live.debit(account, 5, authorize=True))
    event = f"tenants/{TENANT}/accounts/{account}/events/2"

    with live.unchanged():
        refusal = await live.refused(correct_charge(live, event))

    assert refusal.reason == "EVENT_NOT_FOUND"


async def test_an_account_that_is_not_there(live: Live) -> None:
    event = f"tenants/{TENANT}/accounts/nobody/events/1"

    refusal = await live.refused(correct_charge(live, event))

    assert (refusal.code.name, refusal.reason) == ("NOT_FOUND", "ACCOUNT_NOT_FOUND")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("tariff_version", ""),
        ("tariff_version", "a b"),
        ("tariff_version", "x" * 129),
        ("reason", "a\nb"),
        ("reason", "x" * 257),
        ("event", "events/1"),
        ("event", "tenants/main/accounts/a/events/0"),
    ],
)
async def test_a_field_that_breaks_its_rule_is_named(live: Live, field: str, value: str) -> None:
    request = correct_charge(live, f"tenants/{TENANT}/accounts/a/events/1")
    setattr(request, field, value)

    with live.unchanged():
        refusal = await live.refused(request)

    assert refusal.reason == "INVALID_FIELD"
    assert set(refusal.violations) == {field}


async def test_what_is_not_there_is_uncollected_also_of_a_closed_account(live: Live) -> None:
    account = await live.open(micros=70_000)
    event = (await live.call(live.debit(account))).charge.event
    await live.call(live.keep("Close", account))

    answer = await live.call(correct_charge(live, event, 5))

    assert (answer.charge.charged_micros, answer.charge.uncollected_micros) == (0, 5)


async def test_only_money_pays_and_only_caps_of_money_count(live: Live) -> None:
    account = await live.open(micros=1_000_000, messages=10)
    await live.call(live.set_cap(account, limit_micros=500_000, cap_id="money"))
    units = {"unit": 4, "units": 5}
    await live.call(live.set_cap(account, limit_units=units, cap_id="units"))
    event = (await live.call(live.debit(account, 2))).charge.event

    answer = await live.call(correct_charge(live, event, 700_000))

    assert [(line.bucket_id, line.micros) for line in answer.charge.lines] == [("main", 700_000)]
    assert await live.bucket(account) == (8, 0, 2)
    spent = {cap_id: cap.spent for cap_id, cap in (await live.caps(account)).items()}
    assert spent == {"money": 700_000, "units": 2}
