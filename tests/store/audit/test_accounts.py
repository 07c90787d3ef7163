"""`audit` on a real Valkey: traffic through the scripts is proved, a changed account is named."""

from pathlib import Path

import pytest

from ocs.domain.spending_cap import group_holder, subscriber_holder
from ocs.ports import StoreUnavailableError
from ocs.service.audit import audit
from ocs.store import keys
from ocs.store.connect import make_pool
from ocs.store.event_log import ValkeyEventLog
from ocs.store.ledger import ValkeyLedger
from tests.model.pair import TENANT
from tests.model.valkey_side import ValkeySide
from tests.store.audit.stored import (
    A1,
    ACCOUNT,
    HOLDS,
    JOURNAL,
    Store,
    event_count,
    holder_key,
    ledger_on,
    machine_on,
    of_account,
    terms,
)
from tests.support.audit_traffic import Traffic
from tests.support.no_archive import NO_ARCHIVE


async def test_traffic_is_proved(store: Store) -> None:
    told: list[tuple[int, int]] = []

    report = await audit(
        store.ledger,
        ValkeyEventLog(store.ledger, NO_ARCHIVE),
        on_progress=lambda *at: told.append(at),
    )

    assert report.differences == []
    assert report.ok
    assert report.account_count == 2
    assert report.event_count == event_count(store.lua)
    assert report.event_count > 200
    assert report.partition_count == 256
    assert report.store_ms == store.lua.now_ms
    assert told[-1] == (report.event_count, report.event_count)


@pytest.mark.parametrize("seed", range(10, 16))
async def test_any_traffic_is_proved(lua: ValkeySide, seed: int) -> None:
    Traffic(machine_on(lua), seed).run(150)
    ledger = ledger_on(lua)

    report = await audit(ledger, ValkeyEventLog(ledger, NO_ARCHIVE))

    await ledger.close()
    assert report.differences == []
    assert report.event_count > 50


@pytest.mark.parametrize("delta", [-1, 1])
@pytest.mark.parametrize(
    ("field", "index", "term"),
    [
        ("b:main", 0, "bucket main balance"),
        ("b:main", 1, "bucket main reserved"),
        ("b:main", 2, "bucket main spent"),
        ("b:main", 3, "bucket main credited"),
        ("b:main", 4, "bucket main expired"),
        ("b:main", 5, "bucket main withdrawn"),
        ("c:c2", 0, "cap account/c2 period"),
        ("c:c2", 1, "cap account/c2 spent"),
        ("c:c2", 2, "cap account/c2 reserved"),
        ("state", 2, "seq"),
    ],
)
async def test_a_changed_figure_is_named(
    store: Store, field: str, index: int, term: str, delta: int
) -> None:
    before = str(store.client.hget(ACCOUNT, field)).split(" ")[index]
    store.change(ACCOUNT, field, index, delta)

    report = await store.audit()

    assert not report.ok
    found = next(one for one in report.differences if one.term == term)
    assert (found.tenant, found.account_id) == A1
    assert (found.stored, found.journal) == (str(int(before) + delta), before)
    assert of_account(report, "a2") == []


@pytest.mark.parametrize("holder", [subscriber_holder("s1"), group_holder("g1")])
async def test_a_changed_counter_of_a_line_or_group_is_named(store: Store, holder: str) -> None:
    key = holder_key(holder)
    field = next(str(f) for f in store.client.hkeys(key) if str(f).startswith("c:"))
    store.change(key, field, 1, 1)

    assert terms(await store.audit()) == [f"cap {holder}/{field[2:]} spent"]


async def test_a_changed_limit_is_named(store: Store) -> None:
    store.change(keys.profile_key(*A1), "q:c2", 0, 1)

    assert terms(await store.audit()) == ["cap account/c2"]


async def test_a_forged_status_is_named(store: Store) -> None:
    store.client.hset(ACCOUNT, "status", "suspended")

    assert terms(await store.audit()) == ["status"]


async def test_a_lost_hold_is_named(store: Store) -> None:
    reservation = str(store.client.hkeys(HOLDS)[0])
    store.client.hdel(HOLDS, reservation)

    found = (await store.audit()).differences[0]

    assert (found.account_id, found.term, found.stored) == ("a1", f"hold {reservation}", "absent")


async def test_an_added_hold_is_named(store: Store) -> None:
    store.client.hset(HOLDS, "r99", f"{store.lua.now_ms + 1} 5 main:5 -")

    found = (await store.audit()).differences[0]

    assert (found.term, found.journal) == ("hold r99", "absent")


@pytest.mark.parametrize("index", [0, 1])
async def test_an_altered_hold_is_named(store: Store, index: int) -> None:
    reservation = str(store.client.hkeys(HOLDS)[0])
    store.change(HOLDS, reservation, index, 1)

    assert f"hold {reservation}" in terms(await store.audit())


@pytest.mark.parametrize("holder", [subscriber_holder("s1"), group_holder("g1")])
async def test_a_lost_copy_of_a_hold_is_named(store: Store, holder: str) -> None:
    key = holder_key(holder)
    held = [str(f) for f in store.client.hkeys(key) if str(f).startswith("h:live")]
    store.client.hdel(key, held[0])

    (found,) = (await store.audit()).differences

    assert (found.term, found.stored) == (f"hold {held[0][2:]} of {holder}", "absent")


async def test_a_copy_of_no_hold_is_named(store: Store) -> None:
    key = holder_key("subscriber/s1")
    store.client.hset(key, "h:r99", f"{store.lua.now_ms + 99_000} c2:0:5")

    (found,) = (await store.audit()).differences

    assert (found.term, found.journal) == ("hold r99 of subscriber/s1", "absent")


async def test_a_lapsed_copy_is_no_difference(store: Store) -> None:
    store.client.hset(holder_key("subscriber/s1"), "h:r99", "1790000000000 c2:0:5")

    assert (await store.audit()).ok


async def test_a_deleted_account_is_named(store: Store) -> None:
    store.client.delete(ACCOUNT)

    report = await store.audit()

    assert [(found.account_id, found.term) for found in report.differences] == [("a1", "account")]
    assert report.account_count == 2


async def test_an_account_without_events_is_named(store: Store) -> None:
    store.client.delete(JOURNAL)

    report = await store.audit()

    assert {found.account_id for found in report.differences} == {"a1"}
    assert report.account_count == 2


async def test_a_forged_account_is_named(store: Store) -> None:
    forged = keys.account_key(TENANT, "a8")
    store.client.copy(ACCOUNT, forged)

    report = await store.audit()

    assert {found.account_id for found in report.differences} == {"a8"}
    assert report.account_count == 3


async def test_an_account_that_cannot_be_read_is_named(store: Store) -> None:
    store.client.hset(ACCOUNT, "b:main", "12 x 0 0 0 0")

    (found,) = (await store.audit()).differences

    assert (found.account_id, found.term, found.stored) == ("a1", "account", "unreadable")


async def test_a_pointer_to_an_older_event_is_named(store: Store) -> None:
    position, _ = store.entry(57)
    words = str(store.client.hget(ACCOUNT, "state")).split(" ")
    store.client.hset(ACCOUNT, "state", " ".join([*words[:7], position]))

    (found,) = (await store.audit()).differences

    assert (found.term, found.journal) == ("last event", "event 57")


async def test_a_lost_line_is_named(store: Store) -> None:
    store.client.srem(keys.subscribers_key(*A1), "s1")

    assert "subscriber s1" in terms(await store.audit())


async def test_charges_during_an_audit_are_no_difference(lua: ValkeySide) -> None:
    """Charges run whenever the audit reports progress: between its fold and its snapshots."""
    traffic = Traffic(machine_on(lua), 99)
    traffic.run(20)
    before = event_count(lua)
    ledger = ledger_on(lua)

    report = await audit(
        ledger, ValkeyEventLog(ledger, NO_ARCHIVE), on_progress=lambda *_: traffic.go_on(15)
    )

    await ledger.close()
    assert report.differences == []
    assert report.event_count > before + 10


async def test_a_lost_store_proves_nothing(tmp_path: Path) -> None:
    pool = make_pool(f"unix://{tmp_path}/nobody", 1)
    ledger = ValkeyLedger(pool, connections=1, now_ms=lambda: 0)

    with pytest.raises(StoreUnavailableError):
        await audit(ledger, ValkeyEventLog(ledger, NO_ARCHIVE))
    await ledger.close()
