"""The table of failures against the contract and the domain."""

import re
from pathlib import Path

import pytest

from ocs.domain.answer import Reason
from ocs.rpc import errors
from ocs.rpc.validate import VIOLATIONS_MAX
from ocs.v1 import error_reason_pb2

PROTO = Path(__file__).resolve().parents[2] / "protos/ocs/v1/error_reason.proto"
PREFIX = "ERROR_REASON_"


def codes_in_comments() -> dict[str, str]:
    pattern = r"// ([A-Z_]+)\. (?:[^\n]|\n\s+//)+\n\s+" + PREFIX + r"([A-Z_]+) = [1-9]"
    return {reason: code for code, reason in re.findall(pattern, PROTO.read_text(encoding="utf-8"))}


def test_the_table_is_the_contract() -> None:
    values = error_reason_pb2.ErrorReason.DESCRIPTOR.values
    names = {value.name.removeprefix(PREFIX) for value in values}

    assert set(errors.FAILURES) == names - {"UNSPECIFIED"}
    assert {reason: each.code.name for reason, each in errors.FAILURES.items()} == (
        codes_in_comments()
    )


@pytest.mark.parametrize("reason", Reason)
def test_every_reason_of_the_domain_has_its_answer(reason: Reason) -> None:
    assert errors.wire_reason(reason) in errors.FAILURES


@pytest.mark.parametrize(
    ("reason", "wire"),
    [
        (Reason.REQUEST_TIME_AHEAD, "INVALID_FIELD"),
        (Reason.DEADLINE_PASSED, "DEADLINE_TOO_SHORT"),
        (Reason.STALE_PROFILE, "ACCOUNT_BUSY"),
        (Reason.STALE_RESERVATION, "ACCOUNT_BUSY"),
        (Reason.EXPIRE_MORE, "ACCOUNT_BUSY"),
        (Reason.CAP_MISMATCH, "CAP_MISMATCH"),
    ],
)
def test_a_reason_that_stays_inside_leaves_as_another(reason: Reason, wire: str) -> None:
    assert errors.wire_reason(reason) == wire


def test_only_what_may_be_sent_again_says_when() -> None:
    advised = {each.code.name for each in errors.FAILURES.values() if each.retry_ms}
    silent = {each.code.name for each in errors.FAILURES.values() if not each.retry_ms}

    assert advised == {"UNAVAILABLE", "RESOURCE_EXHAUSTED"}
    assert not advised & silent


def test_the_largest_status_fits_the_trailers() -> None:
    status = errors.status_of(
        "INVALID_FIELD",
        metadata={"account_seq": "9" * 16},
        violations=[("reservations[499].identity", "x" * 10_000)] * VIOLATIONS_MAX,
    )

    assert sum(len(key) + len(value) for key, value in status.trailing_metadata) * 4 / 3 < 8192
