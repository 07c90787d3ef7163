"""`ocs rerate` on a live service: what it reports, what it posts, and that it can be cut short."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from typer.testing import CliRunner

from ocs.cli.main import app
from ocs.store.embedded import EmbeddedValkey, private_valkey
from ocs.upkeep import audit_store
from ocs.v1 import account_service_pb2 as accounts
from ocs.v1 import charging_event_pb2 as events
from ocs.v1 import charging_service_pb2 as charging
from ocs.v1 import spending_cap_service_pb2 as caps
from ocs.v1 import types_pb2
from tests.support.live import Live, serving

PATIENCE_S: Final = 60
BOOK: Final = """
version: {version}
currency: EUR
prices: gross
services:
  voice: {{unit: seconds, increment: {increment}, price: "{minute}", per: 60}}
  sms: {{unit: count, price: "{sms}"}}
plans:
  prepaid: {{services: [voice, sms]}}
"""
OLD: Final = BOOK.format(version="old", increment=60, minute="0.12", sms="0.05")
NEW: Final = BOOK.format(version="new", increment=1, minute="0.09", sms="0.07")
RANGE: Final = ("--from", "2020-01-01T00:00:00Z", "--to", "2100-01-01T00:00:00Z")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EmbeddedValkey]:
    with private_valkey(tmp_path / "store") as server:
        yield server


@pytest.fixture
def books(tmp_path: Path) -> Path:
    """Two versions of a tariff."""
    for name, text in (("old", OLD), ("new", NEW)):
        (tmp_path / f"{name}.yaml").write_text(text)
    return tmp_path


@pytest.fixture
async def live(store: EmbeddedValkey, books: Path) -> AsyncIterator[Live]:
    """Charges by the old version."""
    async with serving(store, tariff_path=books / "old.yaml") as service:
        yield service


async def rerate(live: Live, tariff: object, *more: str, exit_code: int = 0) -> Any:
    """Run the command; return the object it prints."""
    arguments = ["rerate", "--tariff", str(tariff), *RANGE, *more, "--json"]
    env = {"OCS_TARGET": live.address}
    result = await asyncio.to_thread(CliRunner().invoke, app, arguments, env=env)
    assert result.exit_code == exit_code, result.output
    return orjson.loads(result.stdout) if result.stdout else result.stderr


async def charge(live: Live, account: str, units: int, service_id: str) -> str:
    answer = await live.call(live.debit(account, units, service_id=service_id))
    event: str = answer.charge.event
    return event


async def balance(live: Live, account: str) -> int:
    return (await live.bucket(account, "main"))[0]


def money(figures: Any) -> tuple[int, int, int]:
    return figures["old_micros"], figures["new_micros"], figures["difference_micros"]


async def test_a_dry_run_reports_by_account_plan_and_service_and_changes_nothing(
    live: Live, books: Path
) -> None:
    one, two = await live.open(micros=10_000_000), await live.open(micros=10_000_000)
    await charge(live, one, 90, "voice")  # 0.24, anew 0.135
    await charge(live, one, 3, "sms")  # 0.15, anew 0.21
    await charge(live, two, 61, "voice")  # 0.24, anew 0.0915

    with live.unchanged():
        found = await rerate(live, books / "new.yaml")
        same = await rerate(live, "old")

    assert (found["tariff_version"], found["currency"], found["posted"]) == ("new", "EUR", None)
    by_account = {each["account_id"]: money(each["figures"]) for each in found["accounts"]}
    assert by_account == {
        one: (390_000, 345_000, -45_000),
        two: (240_000, 91_500, -148_500),
    }
    by_service = {(each["plan"], each["service_id"]): each for each in found["services"]}
    assert money(by_service["prepaid", "voice"]["figures"]) == (480_000, 226_500, -253_500)
    assert money(by_service["prepaid", "sms"]["figures"]) == (150_000, 210_000, 60_000)
    total = found["total"]
    assert money(total) == (630_000, 436_500, -193_500)
    assert (total["events"], total["differing"]) == (3, 3)
    assert (total["to_refund_micros"], total["to_debit_micros"]) == (253_500, 60_000)
    assert (same["total"]["events"], same["total"]["differing"]) == (3, 0)


async def test_the_text_has_money_in_units_of_its_currency(live: Live, books: Path) -> None:
    account = await live.open(micros=10_000_000)
    await charge(live, account, 90, "voice")
    await live.call(live.debit(account, 1, service_id="fax"))
    arguments = ["rerate", "--tariff", str(books / "new.yaml"), *RANGE]

    env = {"OCS_TARGET": live.address}
    result = await asyncio.to_thread(CliRunner().invoke, app, arguments, env=env)

    rows = [line.split() for line in result.stdout.splitlines()]
    figures = ["1", "1", "0", "0.24", "0.135", "-0.105"]
    assert ["prepaid", "voice", *figures] in rows
    assert [account, "2", "1", "1", *figures[3:]] in rows
    assert ["not", "ratable", "NEVER_RATED:", "1"] in rows
    assert ["posted", "nothing:", "no", "--apply"] in rows


async def test_what_is_posted_is_right_once_and_is_found_again(
    live: Live, books: Path, store: EmbeddedValkey
) -> None:
    """A session with a bundle, a line's cap, and an account whose money does not suffice."""
    account = await live.open(micros=10_000_000)
    await live.call(live.add_subscriber(account, "line"))
    holder = types_pb2.CapHolder(subscriber_id="line")
    await live.call(live.set_cap(account, limit_micros=5_000_000, holder=holder))
    spec = accounts.BucketSpec(bucket_id="minutes", priority=1)
    await live.call(live.top_up(account, units=60, unit=types_pb2.UNIT_TYPE_SECONDS, bucket=spec))
    held = live.reserve(account, 600, service_id="voice", subscriber_id="line")
    name = (await live.call(held)).reservation
    await live.call(live.commit(name, 70, "keep"))  # 60 s of the bundle, 60 s for 0.12; 0.015
    await live.call(live.commit(name, 80))  # 60 s for 0.12; 80 s for 0.12
    await live.call(live.debit(account, 2, subscriber_id="line"))  # 0.10; 0.14
    poor = await live.open(micros=100_000)
    await charge(live, poor, 2, "sms")  # 0.10; 0.14, of which nothing can be collected

    applied = await rerate(live, books / "new.yaml", "--apply")
    after = await balance(live, account), await balance(live, poor)
    left = await rerate(live, books / "new.yaml")
    again = await rerate(live, books / "new.yaml", "--apply")

    posted = applied["posted"]
    assert (posted["refunds"], posted["refunded_micros"]) == (1, 105_000)
    assert (posted["debits"], posted["debited_micros"]) == (2, 40_000)
    assert posted["uncollected_micros"] == 40_000
    assert after == (10_000_000 - 340_000 + 105_000 - 40_000, 0)
    assert left["total"]["differing"] == 0
    assert left["total"]["corrected_micros"] == 40_000 + 40_000 - 105_000
    assert money(left["total"]) == (15_000 + 120_000 + 2 * 140_000,) * 2 + (0,)
    assert (again["posted"]["refunds"], again["posted"]["debits"]) == (0, 0)
    assert (await balance(live, account), await balance(live, poor)) == after
    ask = caps.ListSpendingCapsRequest(account_id=account, holder=holder)
    (cap,) = (await live.call(ask)).caps
    assert cap.spent == 340_000 - 105_000 + 40_000
    assert (await audit_store(store.url, store.data_dir / "archive")).ok


async def test_another_version_corrects_what_was_corrected(
    live: Live, books: Path, store: EmbeddedValkey
) -> None:
    account = await live.open(micros=10_000_000)
    await charge(live, account, 90, "voice")
    await charge(live, account, 3, "sms")
    before = await balance(live, account)

    await rerate(live, books / "new.yaml", "--apply")
    there = await balance(live, account)
    await rerate(live, "old", "--apply")
    back = await balance(live, account)
    await rerate(live, books / "new.yaml", "--apply")

    assert there == before + 45_000
    assert back == before
    assert await balance(live, account) == there
    assert (await rerate(live, books / "new.yaml"))["total"]["differing"] == 0
    assert (await audit_store(store.url, store.data_dir / "archive")).ok


async def test_what_was_given_back_for_other_reasons_is_not_taken_again(
    live: Live, books: Path
) -> None:
    account = await live.open(micros=10_000_000)
    all_back = await charge(live, account, 90, "voice")
    part_back = await charge(live, account, 90, "voice")
    sms_back = await charge(live, account, 1, "sms")
    await live.call(live.refund(all_back))
    share = charging.RefundShare(bucket_id="main", quantity=100_000)
    await live.call(live.refund(part_back, shares=[share]))
    await live.call(live.refund(sms_back))

    same = await rerate(live, "old")
    found = await rerate(live, books / "new.yaml", "--apply")

    assert same["total"]["differing"] == 0
    # 0.105 too much: nothing, and 0.005, are left of it. A message costs 0.02 more.
    assert found["posted"]["refunded_micros"] == 5_000
    assert found["posted"]["debited_micros"] == 20_000
    assert (await rerate(live, books / "new.yaml"))["total"]["differing"] == 0


async def test_a_correction_says_what_it_corrects(live: Live, books: Path) -> None:
    account = await live.open(micros=10_000_000)
    voice = await charge(live, account, 90, "voice")
    sms = await charge(live, account, 1, "sms")
    await rerate(live, books / "new.yaml", "--apply")

    page = await live.call(accounts.ListChargingEventsRequest(account_id=account, page_size=2))

    debit, refund = page.events
    assert (refund.kind, refund.refunded_event) == (events.EVENT_KIND_REFUND, voice)
    assert refund.context.reason == "rerated by new"
    assert (debit.kind, debit.outcome) == (events.EVENT_KIND_DEBIT, types_pb2.OUTCOME_CHARGED)
    assert debit.context.corrects_seq == int(sms.rpartition("/")[2])
    assert (debit.context.price_id, debit.context.tariff_version) == ("rerate", "new")
    assert (debit.context.service_id, debit.context.plan) == ("sms", "prepaid")


async def test_a_run_that_is_killed_is_run_again(
    live: Live, books: Path, store: EmbeddedValkey
) -> None:
    opened = [await live.open(micros=10_000_000) for _ in range(30)]
    for account in opened:
        for _ in range(5):
            await charge(live, account, 90, "voice")
            await charge(live, account, 1, "sms")
    charged = live.journal_length()
    arguments = ["rerate", "--tariff", str(books / "new.yaml"), *RANGE, "--apply"]
    command = [sys.executable, "-m", "ocs", *arguments, "--target", live.address]

    process = await asyncio.to_thread(subprocess.Popen, command)
    deadline = time.monotonic() + PATIENCE_S
    while live.journal_length() == charged:
        assert time.monotonic() < deadline
        assert process.poll() is None
        await asyncio.sleep(0.001)  # lets the service answer
    process.kill()
    await asyncio.to_thread(process.wait)
    cut = live.journal_length() - charged
    rest = await rerate(live, books / "new.yaml", "--apply")

    assert 0 < cut < 30 * 10
    posted = rest["posted"]
    # What was on its way when it was killed may have come in since.
    assert cut + posted["refunds"] + posted["debits"] + posted["made_meanwhile"] >= 30 * 10
    assert live.journal_length() == charged + 30 * 10
    for account in opened:
        assert await balance(live, account) == 10_000_000 - 5 * (135_000 + 70_000)
    assert (await rerate(live, books / "new.yaml"))["total"]["differing"] == 0
    assert (await audit_store(store.url, store.data_dir / "archive")).ok


async def test_what_cannot_be_read_is_told_and_changes_nothing(live: Live, books: Path) -> None:
    account = await live.open(micros=10_000_000)
    await charge(live, account, 1, "sms")
    broken = books / "broken.yaml"
    broken.write_text(NEW.replace('"0.07"', "-1"))
    backwards = ("--to", "2020-01-01T00:00:00Z")

    with live.unchanged():
        faulty = await rerate(live, broken, "--apply", exit_code=4)
        unknown = await rerate(live, "no-such-version", "--apply", exit_code=4)
        empty = await rerate(live, books / "new.yaml", *backwards, "--apply", exit_code=2)
        nobody = await rerate(
            live, books / "new.yaml", "--account", "nobody", "--apply", exit_code=4
        )

    assert f"{broken}:7:" in faulty
    assert "TARIFF_NOT_FOUND" in unknown
    assert "--from must be before --to" in empty
    assert "ACCOUNT_NOT_FOUND" in nobody
