"""What can be asked of a whole service without changing anything."""

from collections.abc import AsyncIterator, Iterator

import pytest

from ocs.store.embedded import EmbeddedValkey, private_valkey
from ocs.v1 import account_service_pb2 as accounts
from ocs.v1 import charging_service_pb2 as charging
from ocs.v1 import types_pb2
from tests.support.live import Live, serving


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedValkey]:
    with private_valkey(tmp_path_factory.mktemp("reads")) as server:
        yield server


@pytest.fixture
async def live(store: EmbeddedValkey) -> AsyncIterator[Live]:
    async with serving(store) as service:
        service.store.flushall()
        yield service


async def test_a_reservation_from_grant_to_close(live: Live) -> None:
    account = await live.open(messages=100)
    name = await live.hold(account, 20, session_id="x1")
    ask = charging.GetReservationRequest(reservation=name)

    held = (await live.call(ask)).reservation
    listed = await live.call(charging.ListReservationsRequest(account_id=account, page_size=1))
    await live.call(live.commit(name, 7))
    closed = (await live.call(ask)).reservation

    assert held.state == charging.RESERVATION_STATE_OPEN
    assert (held.granted_units, held.service_id, held.session_id) == (20, "sms", "x1")
    assert [(one.bucket_id, one.quantity) for one in held.held] == [("messages", 20)]
    assert (list(listed.reservations), listed.next_page_token) == ([held], "")
    assert (closed.state, closed.granted_units) == (charging.RESERVATION_STATE_CLOSED, 0)
    assert not closed.HasField("expire_time")


async def test_what_a_request_led_to(live: Live) -> None:
    account = await live.open(micros=1_000_000, messages=5)
    reserve, debit, credit = (
        live.reserve(account, 3),
        live.debit(account, 2),
        live.top_up(account, micros=5),
    )
    reserved, debited, credited = [await live.call(each) for each in (reserve, debit, credit)]

    async def ask(request_id: str) -> charging.GetRequestResponse:
        request = charging.GetRequestRequest(account_id=account, asked_request_id=request_id)
        answer: charging.GetRequestResponse = await live.call(request)
        assert answer.receipt.replayed
        return answer

    led = [await ask(each.request_id) for each in (reserve, debit, credit)]
    unknown = await live.refused(
        charging.GetRequestRequest(account_id=account, asked_request_id="never-sent")
    )

    assert led[0].reservation == reserved.reservation
    assert led[0].grant.granted_units == reserved.grant.granted_units
    assert led[0].receipt.account_seq == reserved.receipt.account_seq
    assert led[1].charge == debited.charge
    assert (led[2].bucket_id, led[2].outcome) == ("main", types_pb2.OUTCOME_UNSPECIFIED)
    assert led[2].receipt.account_seq == credited.receipt.account_seq
    assert (unknown.code.name, unknown.reason) == ("NOT_FOUND", "REQUEST_NOT_FOUND")


async def test_a_quote_is_what_the_debit_then_costs(live: Live) -> None:
    account = await live.open(micros=1_000_000, messages=2)
    request = charging.QuoteRequest(account_id=account, service_id="sms", units=5)

    with live.unchanged():
        quote = await live.call(request)
        denied = await live.call(
            charging.QuoteRequest(account_id=account, service_id="telepathy", units=5)
        )
        poor = await live.call(
            charging.QuoteRequest(account_id=account, service_id="sms", units=10**9)
        )
        mismatch = await live.refused(
            charging.QuoteRequest(
                account_id=account,
                service_id="sms",
                units=5,
                unit=types_pb2.UNIT_TYPE_OCTETS,
            )
        )
    debit = await live.call(live.debit(account, 5, authorize=True))

    (step,) = quote.steps
    assert quote.outcome == types_pb2.OUTCOME_CHARGED
    assert list(quote.lines) == list(debit.charge.lines)
    assert [line.bucket_id for line in quote.lines] == ["messages", "main"]
    assert quote.price_micros == 5 * step.micros // step.per_units > debit.charge.charged_micros
    assert (quote.currency, quote.rated_units, quote.unit) == (
        "EUR",
        5,
        types_pb2.UNIT_TYPE_COUNT,
    )
    assert (denied.outcome, list(denied.steps)) == (types_pb2.OUTCOME_SERVICE_DENIED, [])
    assert poor.outcome == types_pb2.OUTCOME_CREDIT_LIMIT_REACHED
    assert poor.price_micros > 10**9
    assert mismatch.reason == "UNIT_MISMATCH"


async def test_accounts_page_by_page(live: Live) -> None:
    opened = {await live.open() for _ in range(5)}
    listed: list[accounts.AccountSummary] = []
    token = ""
    while token or not listed:
        request = accounts.ListAccountsRequest(page_size=2, page_token=token)
        page = await live.call(request)
        listed += page.accounts
        token = page.next_page_token

    assert {one.account_id for one in listed} == opened
    assert len(listed) == 5
    assert {one.status for one in listed} == {accounts.ACCOUNT_STATUS_ACTIVE}
    assert listed[0].create_time.seconds > 0


async def test_events_from_the_first_one_on(live: Live) -> None:
    account = await live.open(messages=100)
    for _ in range(4):
        await live.call(live.debit(account))
    request = accounts.ListChargingEventsRequest(
        account_id=account, oldest_first=True, start_seq=2, page_size=3
    )

    first = await live.call(request)
    request.page_token = first.next_page_token
    rest = await live.call(request)
    wrong = await live.refused(accounts.ListChargingEventsRequest(account_id=account, start_seq=2))

    assert [event.account_seq for event in first.events] == [2, 3, 4]
    assert [event.account_seq for event in rest.events] == [5, 6]
    assert rest.next_page_token == ""
    assert set(wrong.violations) == {"start_seq"}
