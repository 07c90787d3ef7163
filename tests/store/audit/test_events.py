"""`audit` on a real Valkey: an event that is deleted, doubled or altered is named."""

import pytest

from ocs.store import keys
from tests.store.audit.stored import JOURNAL, PARTITION, Entry, Line, Store, of_account, terms


@pytest.mark.parametrize("seq", [1, 2, 57, -1])
async def test_a_deleted_event_is_named(store: Store, seq: int) -> None:
    seq = seq if seq > 0 else max(store.lines())
    position, _ = store.entry(seq)
    store.client.xdel(JOURNAL, position)

    report = await store.audit()

    assert f"event {seq}" in terms(report)
    assert {found.account_id for found in report.differences} == {"a1"}


@pytest.mark.parametrize("seq", [1, 57])
async def test_a_doubled_event_is_named(store: Store, seq: int) -> None:
    _, fields = store.entry(seq)
    copied = store.client.xadd(JOURNAL, fields)

    (found,) = (await store.audit()).differences

    assert (found.account_id, found.term) == ("a1", f"event {seq}")
    assert str(copied) in found.stored


async def test_an_event_in_another_partition_is_named(store: Store) -> None:
    _, fields = store.entry(57)
    store.client.xadd(keys.journal_key((PARTITION + 1) % 256), fields)

    assert "event 1..56" in terms(await store.audit())


ALTERED = [
    # kind, token, field of the token, outcome
    *[("TOP_UP", "b=", field, "") for field in (1, 2, 3, 4)],
    *[("COMMIT", "b=", field, "") for field in (1, 2, 3, 4)],
    *[("RESERVE", "b=", field, "GRANTED") for field in (2, 4)],
    *[("EXPIRE", "b=", field, "") for field in (2, 4)],
    *[("RELEASE", "b=", field, "") for field in (2, 4)],
    *[("DEBIT", "y=", field, "CHARGED") for field in (1, 2)],
    *[("COMMIT", "y=", field, "") for field in (1, 2)],
    *[("COMMIT", "p=", field, "") for field in (0, 1, 2, 3)],
    *[("COMMIT", "u=", 0, ""), ("DEBIT", "u=", 0, "CHARGED")],
    *[("COMMIT", "x=", 0, ""), ("DEBIT", "x=", 0, "")],
    *[("RESERVE", "g=", 0, "GRANTED"), ("COMMIT", "g=", 0, "GRANTED")],
    *[("RESERVE", "d=", 1, "GRANTED"), ("COMMIT", "d=", 1, "GRANTED")],
    *[("RELEASE", "d=", field, "") for field in (0, 1)],
    *[("RESERVE", "h=", 1, ""), ("COMMIT", "h=", 1, "")],
    *[("RESERVE", "l=account:", 3, ""), ("COMMIT", "l=account:", 3, "")],
    *[("RESERVE", "k=", field, "") for field in (2, 3, 4)],
    *[("COMMIT", "k=", field, "") for field in (3, 4)],
    *[("DEBIT", "k=", field, "") for field in (2, 3, 4)],
    *[("EXPIRE", "k=", field, "") for field in (2, 3, 4)],
    *[("TOP_UP", "t=", field, "") for field in (1, 3)],
    *[("BUCKET_CLOSED", "z=", field, "") for field in (0, 1, 2, 3)],
    *[("SET_SPENDING_CAP", "q=account:live:", 3, "")],
    *[("DELETE_SPENDING_CAP", "q=account:gone:", 3, "")],
    *[("CREATE_ACCOUNT", "a=", field, "") for field in (1, 2)],
    *[("WITHDRAW_BALANCE", "b=", field, "") for field in (1, 2, 3, 4)],
    *[("ADJUST_BUCKET", "b=", field, "") for field in (1, 2, 3, 4)],
    *[("REVERSE_TOP_UP", "b=", field, "") for field in (1, 2, 3, 4)],
    *[("REFUND", "b=", field, "") for field in (1, 2, 3, 4)],
    *[("REFUND", "j=", field, "") for field in (2,)],
    *[("REFUND", "k=account:", field, "") for field in (2, 3, 4)],
    *[("UPDATE_ACCOUNT", "w=", field, "") for field in (0, 1)],
    *[("PURCHASE_BUNDLE", "b=", field, "CHARGED") for field in (1, 2, 3, 4)],
    *[("PURCHASE_BUNDLE", "y=", field, "CHARGED") for field in (1, 2)],
    *[("PURCHASE_BUNDLE", "v=", field, "CHARGED") for field in (1, 6)],
    *[("PURCHASE_BUNDLE", "s=", field, "CHARGED") for field in (0, 1, 2, 3)],
    *[("PURCHASE_BUNDLE", "k=account:", field, "CHARGED") for field in (2, 3, 4)],
    *[("RENEW_BUNDLE", "b=", field, "CHARGED") for field in (1, 2, 3, 4)],
    *[("RENEW_BUNDLE", "v=", field, "CHARGED") for field in (1, 6, 7)],
    *[("RENEW_BUNDLE", "s=", field, "CHARGED") for field in (0, 1, 2, 3)],
    *[("RENEW_BUNDLE", "o=", 2, "CHARGED")],
    *[("BUCKET_CLOSED", "o=", 2, ""), ("PURCHASE_BUNDLE", "e=", 1, "CHARGED")],
    *[("SET_BUCKET_THRESHOLD", "i=", 0, "")],
]
# An event that says a thing once is told by the account, or by the event that follows.
TOLD_ONCE = {
    ("TOP_UP", "b="),
    ("TOP_UP", "t="),
    ("WITHDRAW_BALANCE", "b="),
    ("ADJUST_BUCKET", "b="),
    ("REVERSE_TOP_UP", "b="),
    ("SET_SPENDING_CAP", "q=account:live:"),
    ("CREATE_ACCOUNT", "a="),
    ("UPDATE_ACCOUNT", "w="),
    ("PURCHASE_BUNDLE", "v="),
    ("PURCHASE_BUNDLE", "s="),
    ("RENEW_BUNDLE", "v="),
    ("SET_BUCKET_THRESHOLD", "i="),
}


@pytest.mark.parametrize(("kind", "token", "field", "outcome"), ALTERED)
async def test_an_event_altered_by_one_is_named(
    store: Store, kind: str, token: str, field: int, outcome: str
) -> None:
    seq = store.find(kind, token, outcome)

    def by_one(words: Line) -> Line:
        at = next(i for i, word in enumerate(words) if i > 7 and word.startswith(token))
        fields = words[at][2:].split(":")
        fields[field] = str(int(fields[field]) + 1)
        words[at] = token[:2] + ":".join(fields)
        return words

    store.alter(seq, by_one)
    report = await store.audit()

    assert not report.ok
    assert {found.account_id for found in report.differences} == {"a1"}
    if (kind, token) in TOLD_ONCE:
        return
    assert any(term.startswith(f"event {seq} ") for term in terms(report)), terms(report)


@pytest.mark.parametrize(
    ("kind", "word", "value"),
    [
        ("RESERVE", 1, "DEBIT"),
        ("COMMIT", 1, "RESERVE"),
        ("RELEASE", 1, "EXPIRE"),
        ("EXPIRE", 1, "RELEASE"),
        ("TOP_UP", 1, "DEBIT"),
        ("DEBIT", 1, "NOTHING"),
        ("RESERVE", 6, "CREDIT_LIMIT_REACHED"),
        ("COMMIT", 6, "GRANTED"),
        ("DEBIT", 6, "SPENDING_CAP_REACHED"),
        ("RELEASE", 6, "-"),
        ("COMMIT", 7, "r77"),
        ("RELEASE", 7, "r77"),
        ("EXPIRE", 7, "r77"),
        ("TOP_UP", 7, "b77"),
        ("WITHDRAW_BALANCE", 1, "TOP_UP"),
        ("REFUND", 1, "ADJUST_BUCKET"),
        ("REFUND", 7, "9999"),
        ("REVERSE_TOP_UP", 7, "b77"),
        ("DEBIT", 7, "r77"),
        ("COMMIT", 5, "1-1"),
        ("COMMIT", 5, "-"),
        ("COMMIT", 0, "2"),
        ("COMMIT", 4, "1"),
        ("COMMIT", 3, "9999"),
        ("COMMIT", 2, "main/a7"),
        ("COMMIT", 2, "main/a2"),
    ],
)
async def test_an_event_with_another_word_is_named(
    store: Store, kind: str, word: int, value: str
) -> None:
    outcome = {"RESERVE": "GRANTED", "COMMIT": "CHARGED", "DEBIT": "CHARGED"}.get(kind, "")
    # A token tells apart an event that did something.
    # Nor did it come too late: then no hold says whose it was.
    seq = store.find(kind, "b=", outcome, without="f=l")

    store.alter(seq, lambda words: [*words[:word], value, *words[word + 1 :]])
    report = await store.audit()

    assert any(term.startswith(f"event {seq}") for term in terms(report)), terms(report)
    assert of_account(report, "a1")


@pytest.mark.parametrize("kind", ["SUSPEND_ACCOUNT", "RESUME_ACCOUNT"])
async def test_another_status_is_named(store: Store, kind: str) -> None:
    seq = store.find(kind)
    other = {"SUSPEND_ACCOUNT": "RESUME_ACCOUNT", "RESUME_ACCOUNT": "SUSPEND_ACCOUNT"}[kind]

    store.alter(seq, lambda words: [words[0], other, *words[2:]])

    # The refusal, or the grant, that follows says otherwise.
    assert any(term.endswith(" outcome") for term in terms(await store.audit()))


@pytest.mark.parametrize("token", ["b=", "y=", "h=", "l=account:", "k=", "d=", "p=", "u="])
async def test_an_event_without_one_of_its_parts_is_named(store: Store, token: str) -> None:
    part = "u=1" if token.startswith("u") else token
    granting = token in ("h=", "l=account:")
    seq = store.find("RESERVE" if granting else "COMMIT", part)

    def without(words: Line) -> Line:
        at = next(i for i, word in enumerate(words) if i > 7 and word.startswith(token))
        return words[:at] + words[at + 1 :]

    store.alter(seq, without)

    assert any(term.startswith(f"event {seq} ") for term in terms(await store.audit()))


async def test_an_entry_that_is_no_event_is_named_and_the_audit_goes_on(store: Store) -> None:
    position = str(store.client.xadd(JOURNAL, {"e": "1 COMMIT main/a1 oops", "c": ""}))

    (found,) = (await store.audit()).differences

    assert (found.account_id, found.term) == ("a1", f"event oops at {position}")


async def test_an_entry_that_names_nobody_is_named(store: Store) -> None:
    position = str(store.client.xadd(JOURNAL, {"x": "y"}))

    (found,) = (await store.audit()).differences

    assert (found.account_id, found.term) == ("", f"event ? at {position}")


async def test_many_differences_are_counted_and_a_hundred_kept(store: Store) -> None:
    def double_all(entries: list[Entry]) -> None:
        last = entries[-1][0].split("-")[0]
        entries += [
            (f"{int(last) + n}-0", fields) for n, (_, fields) in enumerate(list(entries), start=1)
        ]

    store.rewrite(double_all)

    report = await store.audit()

    assert report.difference_count == len(store.lines())
    assert len(report.differences) == 100
