"""One logical operation, however many attempts: identity, retries, deadline, unknown outcomes."""

import time
from datetime import UTC, datetime
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from google.rpc import status_pb2
from grpc_health.v1 import health_pb2

from ocs.client import (
    AlreadyExistsError,
    AsyncClient,
    Client,
    DeadlineExceededError,
    FailedPreconditionError,
    HealthStatus,
    InternalError,
    InvalidArgumentError,
    NotFoundError,
    OcsError,
    Outcome,
    PermissionDeniedError,
    ResourceExhaustedError,
    RetryPolicy,
    UnauthenticatedError,
    UnavailableError,
    UnknownOutcomeError,
    UsageError,
)
from ocs.v1 import account_service_pb2, charging_event_pb2
from tests.client.conftest import done
from tests.client.scripted import NAME, Script, answer, committed, fail, granted, hang, refused

WANTED = {"account_id": "alice", "service_id": "data", "requested_units": 100}
SHORT_S = 0.25


async def test_every_call_carries_a_deadline_and_an_identity(client: Any, script: Script) -> None:
    script.on("Reserve", answer(granted()))
    before = datetime.now(UTC)

    await done(client.reserve(**WANTED))
    await done(client.reserve(**WANTED))

    first, second = script.calls
    assert first.remaining_s == pytest.approx(2, rel=0.25)
    assert first.request.request_id != second.request.request_id
    sent = first.request.request_time.ToDatetime(UTC)
    assert before <= sent <= datetime.now(UTC)


async def test_an_identity_and_deadline_of_the_caller_are_used(client: Any, script: Script) -> None:
    script.on("Commit", answer(committed()))
    when = datetime(2026, 11, 23, 12, 0, 0, 123456, tzinfo=UTC)

    await done(client.commit(NAME, 60, request_id="mine", request_time=when, timeout_s=30.0))

    (call,) = script.calls
    assert call.request.request_id == "mine"
    assert call.request.request_time.ToDatetime(UTC) == when
    assert call.remaining_s == pytest.approx(30, rel=0.25)


async def test_unavailable_is_tried_again_with_the_same_bytes(client: Any, script: Script) -> None:
    down = fail("UNAVAILABLE", "STORE_UNAVAILABLE")
    script.on("Commit", down, down, answer(committed()))

    result = await done(client.commit(NAME, 60))

    assert result.charge.charged_units == 60
    sent = {request.SerializeToString(deterministic=True) for request in script.requests("Commit")}
    assert len(script.calls) == 3
    assert len(sent) == 1


async def test_all_attempts_share_one_deadline(client: Any, script: Script) -> None:
    script.on("Commit", fail("UNAVAILABLE", "STORE_UNAVAILABLE"))
    began = time.monotonic()

    with pytest.raises(UnavailableError) as caught:
        await done(client.commit(NAME, 60, timeout_s=SHORT_S))

    assert time.monotonic() - began < SHORT_S + 1.0
    assert len(script.calls) > 1
    left = [call.remaining_s for call in script.calls]
    assert left == sorted(left, reverse=True)
    assert isinstance(caught.value, UnknownOutcomeError)


@pytest.mark.parametrize(
    ("code", "reason", "family"),
    [
        ("INVALID_ARGUMENT", "INVALID_FIELD", InvalidArgumentError),
        ("NOT_FOUND", "ACCOUNT_NOT_FOUND", NotFoundError),
        ("ALREADY_EXISTS", "REQUEST_ID_REUSED", AlreadyExistsError),
        ("FAILED_PRECONDITION", "RESERVATION_CLOSED", FailedPreconditionError),
        ("FAILED_PRECONDITION", "REQUEST_TOO_OLD", FailedPreconditionError),
        ("PERMISSION_DENIED", "", PermissionDeniedError),
        ("UNAUTHENTICATED", "", UnauthenticatedError),
        ("RESOURCE_EXHAUSTED", "", ResourceExhaustedError),
        ("DEADLINE_EXCEEDED", "DEADLINE_TOO_SHORT", DeadlineExceededError),
        ("INTERNAL", "STATE_CORRUPT", InternalError),
        ("UNIMPLEMENTED", "", OcsError),
    ],
)
async def test_a_failure_that_wrote_nothing_is_typed_and_final(
    client: Any, script: Script, code: str, reason: str, family: type[OcsError]
) -> None:
    script.on(
        "Commit", fail(code, reason, "in words", metadata={"k": "v"}, violations={"used": "rule"})
    )

    with pytest.raises(family) as caught:
        await done(client.commit(NAME, 60))

    error = caught.value
    assert not isinstance(error, UnknownOutcomeError)
    assert (error.code, error.reason, error.message) == (code, reason, "in words")
    assert error.metadata == ({"k": "v"} if reason else {})
    assert [(one.field, one.description) for one in error.field_violations] == [("used", "rule")]
    assert len(script.calls) == 1


@pytest.mark.parametrize("code", ["INTERNAL", "UNKNOWN", "CANCELLED", "ABORTED"])
async def test_a_fault_leaves_a_mutation_open(client: Any, script: Script, code: str) -> None:
    script.on("Commit", fail(code))

    with pytest.raises(UnknownOutcomeError) as caught:
        await done(client.commit(NAME, 60))

    assert caught.value.code == code
    assert len(script.calls) == 1


async def test_a_lost_reply_is_an_unknown_outcome_that_a_resend_resolves(
    client: Any, script: Script
) -> None:
    script.on("Commit", hang, answer(committed(replayed=True)))

    with pytest.raises(UnknownOutcomeError) as caught:
        await done(client.commit(NAME, 60, timeout_s=SHORT_S))
    error = caught.value
    assert isinstance(error, DeadlineExceededError)
    assert len(script.calls) == 1
    result = await done(client.resend(error.operation))

    assert result.receipt.replayed
    first, second = script.requests("Commit")
    assert first == second
    assert error.request_id == first.request_id
    assert error.request_time == first.request_time.ToDatetime(UTC)


async def test_a_resend_that_fails_does_not_pass_for_not_applied(
    client: Any, script: Script
) -> None:
    gone = fail("FAILED_PRECONDITION", "REQUEST_TOO_OLD")
    script.on("Debit", hang, gone, fail("PERMISSION_DENIED"), fail("NOT_FOUND"))
    with pytest.raises(UnknownOutcomeError) as caught:
        await done(
            client.debit(
                account_id="alice", service_id="sms", used_units=1, basis="USED", timeout_s=SHORT_S
            )
        )
    operation = caught.value.operation

    for _ in range(2):
        with pytest.raises(UnknownOutcomeError):
            await done(client.resend(operation))
    with pytest.raises(NotFoundError) as decided:
        await done(client.resend(operation))

    assert not isinstance(decided.value, UnknownOutcomeError)


async def test_a_read_has_no_outcome_to_be_unknown(client: Any, script: Script) -> None:
    script.on("GetAccount", hang)

    with pytest.raises(DeadlineExceededError) as caught:
        await done(client.get_account("alice", timeout_s=SHORT_S))

    assert not isinstance(caught.value, UnknownOutcomeError)


async def test_a_full_store_wrote_nothing(client: Any, script: Script) -> None:
    script.on("Reserve", fail("UNAVAILABLE", "STORE_FULL"))

    with pytest.raises(UnavailableError) as caught:
        # Long enough for the first attempt to be answered on a busy machine.
        await done(client.reserve(**WANTED, timeout_s=8 * SHORT_S))

    assert not isinstance(caught.value, UnknownOutcomeError)


@pytest.mark.parametrize(
    ("code", "reason", "family"),
    [
        ("FAILED_PRECONDITION", "RESERVATION_CLOSED", FailedPreconditionError),
        ("NOT_FOUND", "RESERVATION_NOT_FOUND", NotFoundError),
        ("ALREADY_EXISTS", "REQUEST_ID_REUSED", AlreadyExistsError),
    ],
)
async def test_a_later_decision_settles_earlier_attempts(
    client: Any, script: Script, code: str, reason: str, family: type[OcsError]
) -> None:
    script.on("Commit", fail("UNAVAILABLE"), fail(code, reason))

    with pytest.raises(family) as caught:
        await done(client.commit(NAME, 60))

    assert caught.value.reason == reason
    assert not isinstance(caught.value, UnknownOutcomeError)


async def test_a_later_refusal_at_the_door_settles_nothing(client: Any, script: Script) -> None:
    script.on("Commit", fail("UNAVAILABLE"), fail("UNAUTHENTICATED"))

    with pytest.raises(UnknownOutcomeError) as caught:
        await done(client.commit(NAME, 60))

    assert caught.value.code == "UNAUTHENTICATED"


@pytest.mark.parametrize("kind", [Client, AsyncClient])
async def test_what_was_never_sent_was_not_applied(kind: Any) -> None:
    client = kind("127.0.0.1:1")  # nobody listens there

    with pytest.raises(UnavailableError) as caught:
        await done(client.reserve(**WANTED, timeout_s=SHORT_S))
    await done(client.close())

    assert not isinstance(caught.value, UnknownOutcomeError)


async def test_overload_is_not_retried_and_says_when_to_come_back(
    client: Any, script: Script
) -> None:
    script.on("Reserve", fail("RESOURCE_EXHAUSTED", retry_delay_ms=50))

    with pytest.raises(ResourceExhaustedError) as caught:
        await done(client.reserve(**WANTED))

    assert caught.value.retry_delay_s == pytest.approx(0.05)
    assert len(script.calls) == 1


@pytest.mark.parametrize("kind", [Client, AsyncClient])
async def test_overload_is_retried_after_the_delay_if_asked_for(
    kind: Any, target: str, script: Script
) -> None:
    script.on("Reserve", fail("RESOURCE_EXHAUSTED", retry_delay_ms=80), answer(granted()))
    client = kind(target, retry=RetryPolicy(overload_too=True))
    began = time.monotonic()

    reservation = await done(client.reserve(**WANTED))
    await done(client.close())

    assert reservation.granted
    assert time.monotonic() - began >= 0.08


async def test_a_refusal_is_an_answer(client: Any, script: Script) -> None:
    script.on("Reserve", answer(refused()))

    reservation = await done(client.reserve(**WANTED))

    assert not reservation.granted
    assert reservation.outcome is Outcome.CREDIT_LIMIT_REACHED
    assert reservation.granted_units == 0


async def test_a_wrong_call_sends_nothing(client: Any, script: Script) -> None:
    for wrong in (
        {**WANTED, "requested_units": 1.0},
        {**WANTED, "requested_units": True},
        {**WANTED, "requested_units": 2**63},
        {**WANTED, "account_id": None},
        {**WANTED, "timeout_s": 0.0},
        {**WANTED, "event_time": datetime(2026, 1, 1)},  # noqa: DTZ001  # naive on purpose
    ):
        with pytest.raises(UsageError):
            await done(client.reserve(**wrong))

    assert script.calls == []


@pytest.mark.parametrize("kind", [Client, AsyncClient])
async def test_the_target_comes_from_the_environment(
    kind: Any, target: str, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    script.on("Reserve", answer(granted()))
    monkeypatch.setenv("OCS_TARGET", target)
    client = kind()

    await done(client.reserve(**WANTED))
    await done(client.close())

    assert client.target == target
    assert len(script.calls) == 1


async def test_a_list_is_read_page_by_page(client: Any, script: Script) -> None:
    first, second = (
        account_service_pb2.ListChargingEventsResponse(
            events=[charging_event_pb2.ChargingEvent(account_seq=seq) for seq in numbers],
            next_page_token=token,
        )
        for numbers, token in (((5, 4), "4-0"), ((3,), ""))
    )
    script.on("ListChargingEvents", answer(first), answer(second))

    events = client.list_charging_events("alice", page_size=2)
    if isinstance(client, AsyncClient):
        numbers = [event.account_seq async for event in events]
    else:
        numbers = [event.account_seq for event in events]

    assert numbers == [5, 4, 3]
    assert [request.page_token for request in script.requests("ListChargingEvents")] == ["", "4-0"]


async def test_health_is_what_the_service_says(client: Any, script: Script) -> None:
    serving, not_serving = (health_pb2.HealthCheckResponse(status=status) for status in (1, 2))
    script.on("Check", answer(serving), answer(not_serving))

    up = await done(client.health())
    down = await done(client.health("ready"))

    assert (up.serving, down.serving) == (True, False)
    assert down.status is HealthStatus.NOT_SERVING
    assert down.service == "ready"


async def test_details_that_contradict_the_status_are_not_believed(
    client: Any, script: Script
) -> None:
    def lie(_request: object, context: grpc.ServicerContext) -> Message:
        contradiction = status_pb2.Status(code=5, message="other")
        context.set_trailing_metadata(
            (("grpc-status-details-bin", contradiction.SerializeToString()),)
        )
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, "words")
        raise AssertionError

    script.on("GetAccount", lie)

    with pytest.raises(FailedPreconditionError) as caught:
        await done(client.get_account("alice"))

    assert caught.value.reason == ""
    assert caught.value.message == "words"
