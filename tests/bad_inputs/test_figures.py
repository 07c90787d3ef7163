"""Rows 1 to 8, 24, 43: quantities and spans that are not there, out of range or not exact."""

from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.message import Message

from ocs.limits import QUANTITY_MAX
from ocs.v1 import account_service_pb2 as accounts
from ocs.v1 import charging_service_pb2 as charging
from tests.support.live import Live
from tests.support.rerating import correct_charge

TAG_VARINT, TAG_FIXED64, TAG_BYTES, TAG_FIXED32 = 0, 1, 2, 5
NAME = "tenants/main/accounts/nobody/reservations/none"

# Where every figure is: the request with it, the message it is in, its name, the least allowed.
Figure = tuple[Callable[[Live], Message], str, str, int]
FIGURES: dict[str, Figure] = {
    "Reserve": (lambda live: live.reserve("nobody"), "", "requested_units", 1),
    "Commit used": (lambda live: live.commit(NAME, 1), "used", "units", 0),
    "Commit next_grant": (
        lambda live: live.commit_next(NAME, 1, 1),
        "next_grant",
        "requested_units",
        1,
    ),
    "Debit": (lambda live: live.debit("nobody"), "", "used_units", 1),
    "TopUp money": (lambda live: live.top_up("nobody", micros=1), "money", "micros", 1),
    "TopUp units": (lambda live: live.top_up("nobody", units=1, unit=4), "units", "units", 1),
    "SetSpendingCap money": (lambda live: live.set_cap("nobody", limit_micros=1), "cap",
                             "limit_micros", 0),
    "SetSpendingCap units": (
        lambda live: live.set_cap("nobody", limit_units={"unit": 4, "units": 1}),
        "cap.limit_units",
        "units",
        0,
    ),
    "Quote": (
        lambda _: charging.QuoteRequest(account_id="nobody", service_id="sms", units=1),
        "",
        "units",
        1,
    ),
    "Refund": (
        lambda live: live.refund(
            "tenants/main/accounts/nobody/events/1",
            shares=[charging.RefundShare(bucket_id="main", quantity=1)],
        ),
        "shares",
        "quantity",
        1,
    ),
    "CorrectCharge": (
        lambda live: correct_charge(live, "tenants/main/accounts/nobody/events/1"),
        "",
        "micros",
        1,
    ),
    "WithdrawBalance": (lambda live: live.withdraw("nobody", 1), "", "quantity", 1),
    "UpdateAccount": (
        lambda live: live.keep(
            "Update",
            "nobody",
            credit_limit_micros=1,
            update_mask={"paths": ["credit_limit_micros"]},
        ),
        "",
        "credit_limit_micros",
        0,
    ),
    "ListChargingEvents": (
        lambda _: accounts.ListChargingEventsRequest(
            account_id="nobody", oldest_first=True, start_seq=1
        ),
        "",
        "start_seq",
        0,
    ),
    "CreateAccount": (
        lambda live: live.create("nobody", credit_limit_micros=1),
        "",
        "credit_limit_micros",
        0,
    ),
}  # fmt: skip
# Where the tariff may have a default, see test_grants.
UNITS_WANTED = ("Reserve", "Commit next_grant")
OPTIONAL = ("CreateAccount", "ListChargingEvents", *UNITS_WANTED)
REQUIRED = [name for name in FIGURES if name not in OPTIONAL]
REPEATED = ("used", "shares")
POSITIVE = [name for name, (_, _, _, least) in FIGURES.items() if least]


def made(live: Live, figure: str) -> tuple[Any, Any, str]:
    """A request, the message in it that has the figure, and the figure's name."""
    make, path, name, _ = FIGURES[figure]
    request: Any = make(live)
    holder = request
    for part in filter(None, path.split(".")):
        holder = getattr(holder, part)
        if part in REPEATED:
            holder = holder[0]
    return request, holder, name


async def refused_for(live: Live, request: Message | tuple[str, bytes], name: str) -> None:
    """It breaks the rule of this field, and nothing is written."""
    with live.unchanged():
        refusal = await live.refused(request)
    assert (refusal.code.name, refusal.reason) == ("INVALID_ARGUMENT", "INVALID_FIELD")
    assert [path.rsplit(".", 1)[-1] for path in refusal.violations] == [name]


@pytest.mark.parametrize("figure", REQUIRED)
async def test_row_1_a_figure_that_is_absent(live: Live, figure: str) -> None:
    request, holder, name = made(live, figure)
    holder.ClearField(name)
    if figure == "SetSpendingCap money":
        name = "cap"  # a choice without the figure is no choice
        refusal = await live.refused(request)
        assert list(refusal.violations) == ["cap.limit"]
        return

    await refused_for(live, request, name)


async def test_row_1_no_credit_and_no_use(live: Live) -> None:
    await refused_for(live, live.top_up("nobody"), "credit")
    without_use = live.commit(NAME, 1)
    without_use.ClearField("used")
    await refused_for(live, without_use, "used")


@pytest.mark.parametrize("figure", POSITIVE)
async def test_row_2_nothing_is_no_request(live: Live, figure: str) -> None:
    request, holder, name = made(live, figure)
    setattr(holder, name, 0)

    await refused_for(live, request, name)


@pytest.mark.parametrize("quantity", [None, 0, -(2**53), 2**53, -(2**63), 2**63 - 1])
async def test_an_adjustment_out_of_range(live: Live, quantity: int | None) -> None:
    request = live.adjust("nobody", 1)
    request.ClearField("quantity")
    if quantity is not None:
        request.quantity = quantity

    await refused_for(live, request, "quantity")


async def test_row_3_a_close_without_use(live: Live) -> None:
    account = await live.open(messages=10)
    reservation = await live.hold(account, 4)
    events = live.journal_length()

    answer = await live.call(live.commit(reservation, 0))

    assert (answer.charge.charged_units, answer.charge.charged_micros) == (0, 0)
    assert await live.bucket(account) == (10, 0, 0)
    assert not (await live.account(account)).open_reservations
    assert live.journal_length() == events + 1


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(-1, id="row 4"),
        pytest.param(-(2**63), id="row 5"),
        pytest.param(QUANTITY_MAX + 1, id="row 6 first inexact"),
        pytest.param(2**63 - 1, id="row 6 largest"),
    ],
)
@pytest.mark.parametrize("figure", FIGURES)
async def test_rows_4_to_6_a_figure_out_of_range(live: Live, figure: str, value: int) -> None:
    request, holder, name = made(live, figure)
    setattr(holder, name, value)

    await refused_for(live, request, name)


async def test_row_6_the_largest_figure_is_one(live: Live) -> None:
    account = await live.open()

    await live.call(live.top_up(account, micros=QUANTITY_MAX))

    assert await live.bucket(account, "main") == (QUANTITY_MAX, 0, 0)


async def test_row_6_segments_may_not_add_up_to_more(live: Live) -> None:
    account = await live.open(messages=10)
    request = live.commit(await live.hold(account, 4), QUANTITY_MAX)
    for _ in range(7):
        request.used.add(units=QUANTITY_MAX)

    refusal = await live.refused(request)

    assert (refusal.code.name, refusal.reason) == ("FAILED_PRECONDITION", "CHARGE_LIMIT")
    assert await live.bucket(account) == (10, 4, 0)


def varint(value: int) -> bytes:
    """Protobuf's spelling of a number that is not negative."""
    parts = bytearray()
    while value > 127:
        parts.append(value & 127 | 128)
        value >>= 7
    parts.append(value)
    return bytes(parts)


def with_raw(live: Live, figure: str, wire_type: int, raw: bytes) -> tuple[str, bytes]:
    """A request whose figure is these bytes under this wire type."""
    request, holder, name = made(live, figure)
    number = holder.DESCRIPTOR.fields_by_name[name].number
    holder.ClearField(name)
    path = [part for part in FIGURES[figure][1].split(".") if part]
    spliced = varint(number << 3 | wire_type) + raw
    holders = [request]
    for part in path:
        inner = getattr(holders[-1], part)
        holders.append(inner[0] if part in REPEATED else inner)
    # From the inside out: what is in a message becomes a field of the one around it.
    wire = holders[-1].SerializeToString() + spliced
    for outer, part in zip(reversed(holders[:-1]), reversed(path), strict=True):
        tag = varint(outer.DESCRIPTOR.fields_by_name[part].number << 3 | TAG_BYTES)
        field = tag + varint(len(wire)) + wire
        outer.ClearField(part)
        wire = outer.SerializeToString() + field
    return type(request).__name__.removesuffix("Request"), wire


@pytest.mark.parametrize("figure", FIGURES)
async def test_row_7_all_ones_are_minus_one(live: Live, figure: str) -> None:
    minus_one = b"\xff" * 9 + b"\x01"

    await refused_for(live, with_raw(live, figure, TAG_VARINT, minus_one), made(live, figure)[2])


@pytest.mark.parametrize("figure", FIGURES)
@pytest.mark.parametrize("ones", [10, 11], ids=["ten", "eleven"])
async def test_row_7_ones_without_an_end_are_no_message(live: Live, figure: str, ones: int) -> None:
    await refused_for(live, with_raw(live, figure, TAG_VARINT, b"\xff" * ones), "")


async def test_row_7_the_spelling_by_hand_is_right(live: Live) -> None:
    account = await live.open(messages=10)
    request = live.reserve(account, 3)
    request.ClearField("requested_units")
    number = charging.ReserveRequest.REQUESTED_UNITS_FIELD_NUMBER

    answer = await live.send(
        "Reserve", request.SerializeToString() + varint(number << 3) + varint(3)
    )

    assert answer.grant.granted_units == 3


async def test_row_8_a_balance_above_the_largest_figure(live: Live) -> None:
    account = await live.open(micros=QUANTITY_MAX - 1)

    refusal = await live.refused(live.top_up(account, micros=2))

    assert (refusal.code.name, refusal.reason) == ("FAILED_PRECONDITION", "BALANCE_LIMIT")
    assert await live.bucket(account, "main") == (QUANTITY_MAX - 1, 0, 0)
    await live.call(live.top_up(account, micros=1))


@pytest.mark.parametrize(
    ("wire_type", "raw"),
    [(TAG_FIXED64, b"\x01" + bytes(7)), (TAG_FIXED32, b"\x01" + bytes(3)), (TAG_BYTES, b"\x011")],
    ids=["fixed64", "fixed32", "text"],
)
@pytest.mark.parametrize("figure", REQUIRED)
async def test_row_24_a_figure_of_the_wrong_wire_type_is_absent(
    live: Live, figure: str, wire_type: int, raw: bytes
) -> None:
    name = "limit" if figure == "SetSpendingCap money" else made(live, figure)[2]

    await refused_for(live, with_raw(live, figure, wire_type, raw), name)


@pytest.mark.parametrize(
    ("seconds", "nanos"),
    [(0, 0), (0, 999_999_999), (-1, 0), (86_400, 1), (86_401, 0), (2**62, 0), (1, -1)],
)
async def test_row_43_a_validity_out_of_range(live: Live, seconds: int, nanos: int) -> None:
    reserve = live.reserve("nobody")
    commit = live.commit_next(NAME, 1, 1)
    for request, holder in ((reserve, reserve), (commit, commit.next_grant)):
        holder.validity_duration.seconds = seconds
        holder.validity_duration.nanos = nanos
        await refused_for(live, request, "validity_duration")


@pytest.mark.parametrize("seconds", [1, 86_400])
async def test_row_43_the_ends_of_the_range_are_valid(live: Live, seconds: int) -> None:
    account = await live.open(messages=10)
    request = live.reserve(account)
    request.validity_duration.seconds = seconds

    grant = (await live.call(request)).grant

    granted_ms = grant.validity_time.ToMilliseconds() - request.request_time.ToMilliseconds()
    assert 0 <= granted_ms - seconds * 1000 < 5000
