"""A file of a real service's charges, asked for as an operator would."""

import csv
import hashlib
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest

from ocs.client import (
    AsyncClient,
    InvalidArgumentError,
    PermissionDeniedError,
    UnavailableError,
)
from ocs.client.errors import error_of
from ocs.client.export import (
    ExportBegun,
    ExportEnded,
    ExportFormat,
    ExportKind,
    ExportPart,
    ExportPiece,
)
from ocs.client.status import failure_of
from ocs.store.embedded import EmbeddedValkey
from ocs.v1 import insights_service_pb2 as pb
from tests.insights.test_service import SINCE, Site, site, spend, store, whole
from tests.security.support import credential

__all__ = ["store"]


async def as_of(figures: AsyncClient) -> datetime:
    """Until when the figures are whole; long ago before the journal was read."""
    return (await figures.get_position()).as_of.as_of_time or SINCE


async def spent_before(here: Site, name: str) -> datetime:
    """Charge, and give a time that is behind all of it and behind which the figures are whole."""
    await spend(here.charge[name], "a1")
    event = (await here.charge[name].list_charging_events_page("a1", page_size=1)).events[0]
    assert event.store_time is not None
    behind = event.store_time + timedelta(milliseconds=1)
    await here.seen(lambda: as_of(here.figures[name]), lambda at: at >= behind)
    return behind


async def exported(
    figures: AsyncClient, end: datetime, *, kind: ExportKind = ExportKind.CHARGES, **more: Any
) -> tuple[ExportBegun, bytes, ExportEnded]:
    async with figures.export_events(kind, ExportFormat.CSV, SINCE, end, **more) as pieces:
        found: list[ExportPiece] = [piece async for piece in pieces]
    begun, *parts, ended = found
    assert isinstance(begun, ExportBegun)
    assert isinstance(ended, ExportEnded)
    data = b"".join(part.data for part in parts if isinstance(part, ExportPart))
    return begun, data, ended


def read(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode(), newline="")))


async def test_a_charge_is_a_row_with_its_price_its_cost_and_who_did_it(
    store: EmbeddedValkey, tmp_path: Path
) -> None:
    one = credential("one", tenant="first")
    async with site(store, tmp_path, one=one) as here:
        end = await spent_before(here, "one")
        figures = here.figures["one"]
        begun, data, ended = await exported(figures, end)
        (row,) = read(data)
        journal = await here.charge["one"].list_charging_events_page("a1")
        event = next(event for event in journal.events if event.kind == "DEBIT" and event.charges)
        assert event.event == row["event_id"]
        assert row | {
            "format": "charges/1", "kind": "DEBIT", "outcome": "CHARGED", "account_id": "a1",
            "segment": "gold", "plan": "prepaid", "service_id": "voice", "zone": "eu",
            "unit": "seconds", "used_units": "120", "currency": "EUR",
            "charged_micros": "380000", "refunded_micros": "0", "cost_count": "1",
            "cost_currency": "EUR", "cost_micros": "60000", "late": "false",
            "request_id": event.context.request_id, "account_seq": str(event.account_seq),
        } == row  # fmt: skip
        assert begun.end_time == end
        assert ended.row_count == begun.row_count == 1
        assert ended.sha256 == hashlib.sha256(data).hexdigest()
        (total,) = ended.totals
        revenue = await figures.get_revenue(SINCE, end)
        assert total.sums["charged_micros"] == sum(one.charged_micros for one in revenue.rows)

        _, costs, _ = await exported(figures, end, kind=ExportKind.COSTS)
        assert [(one["partner"], one["cost_micros"]) for one in read(costs)] == [
            (row["cost_partner"], "60000")
        ]
        _, balances, _ = await exported(figures, end, kind=ExportKind.BALANCES)
        assert [(one["kind"], one["change_micros"]) for one in read(balances)] == [
            ("TOP_UP", "2000000"),
            ("DEBIT", "-380000"),
        ]


async def test_what_is_not_whole_is_not_exported_unless_it_may_be_less(
    store: EmbeddedValkey, tmp_path: Path
) -> None:
    async with site(store, tmp_path) as here:
        behind = await spent_before(here, "anyone")
        figures = here.figures["anyone"]
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        with pytest.raises(UnavailableError) as refused:
            await exported(figures, tomorrow)
        assert refused.value.reason == "FIGURES_BEHIND"
        (violation,) = refused.value.field_violations
        assert violation.field == "end_time"
        assert "until then the figures are whole" in violation.description
        begun, data, _ = await exported(figures, tomorrow, partial=True)
        assert begun.end_time is not None
        assert behind <= begun.end_time < tomorrow
        assert begun.as_of.as_of_time is not None
        assert begun.end_time <= begun.as_of.as_of_time
        assert len(read(data)) == 1
        with pytest.raises(UnavailableError):
            async with figures.export_events(
                ExportKind.CHARGES,
                ExportFormat.CSV,
                tomorrow,
                tomorrow + timedelta(1),
                partial=True,
            ) as pieces:
                await anext(pieces)


async def test_only_an_operator_exports_and_only_his_own(
    store: EmbeddedValkey, tmp_path: Path
) -> None:
    people = {
        "one": credential("one", tenant="first"),
        "two": credential("two", tenant="second"),
        "reader": credential("reader", "reader", tenant="first"),
        "gateway": credential("gateway", "gateway", tenant="first"),
    }
    async with site(store, tmp_path, **people) as here:
        end = await spent_before(here, "one")
        await here.seen(lambda: here.figures["one"].get_revenue(SINCE), whole)
        for kind in ExportKind:
            _, data, ended = await exported(here.figures["two"], end, kind=kind)
            assert (read(data), ended.row_count, ended.totals) == ([], 0, ())
            assert (await exported(here.figures["one"], end, kind=kind))[2].row_count > 0
            for name in ("reader", "gateway"):
                with pytest.raises(PermissionDeniedError):
                    await exported(here.figures[name], end, kind=kind)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"kind": 0}, "kind"),
        ({"kind": 77}, "kind"),
        ({"format": 0}, "format"),
        ({"start_time": None}, "start_time"),
        ({"end_time": None}, "end_time"),
        ({"end_time": SINCE}, "end_time"),
        ({"end_time": SINCE + timedelta(days=401)}, "end_time"),
        ({"start_time": datetime(1999, 1, 1, tzinfo=UTC)}, "start_time"),
        ({"start_time": datetime(2300, 1, 1, tzinfo=UTC)}, "start_time"),
    ],
)
async def test_a_request_that_makes_no_sense_is_refused_by_field(
    store: EmbeddedValkey, tmp_path: Path, change: dict[str, Any], field: str
) -> None:
    given: dict[str, Any] = {"kind": 1, "format": 1, "start_time": SINCE, "end_time": None}
    given |= {"end_time": SINCE + timedelta(days=1)} | change
    request = pb.ExportEventsRequest(kind=given["kind"], format=given["format"])
    for name in ("start_time", "end_time"):
        if given[name] is not None:
            getattr(request, name).FromDatetime(given[name])
    async with site(store, tmp_path) as here:
        figures = here.figures["anyone"]
        with pytest.raises(InvalidArgumentError) as refused:
            await _answer(figures, request)
        assert field in {one.field for one in refused.value.field_violations}


async def _answer(figures: AsyncClient, request: pb.ExportEventsRequest) -> None:

    try:
        async for _ in figures.stubs.insights.ExportEvents(request):
            pass
    except grpc.RpcError as error:
        raise error_of(failure_of(error)) from error


async def test_who_leaves_ends_the_export_and_nothing_else(
    store: EmbeddedValkey, tmp_path: Path
) -> None:
    async with site(store, tmp_path) as here:
        end = await spent_before(here, "anyone")
        figures = here.figures["anyone"]
        for _ in range(3):
            async with figures.export_events(
                ExportKind.CHARGES, ExportFormat.PARQUET, SINCE, end
            ) as pieces:
                assert isinstance(await anext(pieces), ExportBegun)
        assert (await exported(figures, end))[2].row_count == 1
