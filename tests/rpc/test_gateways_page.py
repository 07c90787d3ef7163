"""What docs/gateways.md tells gateways, against the contract."""

import re
from pathlib import Path
from typing import Final

from google.protobuf.descriptor import Descriptor

from ocs.rpc.errors import FAILURES
from ocs.v1 import charging_service_pb2 as charging
from ocs.v1 import types_pb2

PAGE: Final = (Path(__file__).resolve().parents[2] / "docs/gateways.md").read_text("utf-8")
REQUESTS: Final = (charging.ReserveRequest, charging.CommitRequest, charging.DebitRequest)
# No answer to a charge.
OF_BUNDLES: Final = {"TOO_MANY_BUCKETS"}


def section(title: str) -> str:
    """The text under a heading, up to the next one."""
    return PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def rows(text: str) -> list[list[str]]:
    """The cells of the rows of its tables, without the rules below their heads."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if set(row[0]) - {"-"} or not row[0]]


def names(message: Descriptor, *, prefix: str = "") -> set[str]:
    """Every field of a message, and of the messages of this package inside, by its path."""
    found = set()
    for name, field in message.fields_by_name.items():
        found.add(prefix + name)
        inside = field.message_type
        if inside is not None and inside.file.package == "ocs.v1":
            found |= names(inside, prefix=f"{prefix}{name}.")
    return found


def test_the_fields_of_requests_are_those_of_the_contract() -> None:
    known = set[str]().union(*(names(request.DESCRIPTOR) for request in REQUESTS))
    cells = [row[2] for row in rows(section("Request fields"))[1:]]
    said = {name for cell in cells for name in re.findall(r"`([a-z_.]+)(?:\[\])?`", cell)}

    # `used[]` names the fields of its segments beside it.
    segment = names(charging.UsedSegment.DESCRIPTOR)
    assert {"session_id", "sequence_number", "used", "units", "start_time", "other_party"} <= said
    assert said <= known | segment


def test_the_fields_of_answers_are_those_of_the_contract() -> None:
    known = names(charging.CommitResponse.DESCRIPTOR)
    said = set(re.findall(r"`((?:grant|charge)\.[a-z_.]+)`", PAGE))

    assert {"grant.granted_units", "grant.tariff_change_time", "charge.event"} <= said
    assert said <= known


def test_every_outcome_of_a_charge_has_a_result_code() -> None:
    table = rows(section("Result codes").split("A status is", 1)[0])[1:]
    said = [outcome for row in table for outcome in row[0].split(", ")]
    outcomes = {name.removeprefix("OUTCOME_") for name in types_pb2.Outcome.keys()}  # noqa: SIM118

    assert sorted(said) == sorted(outcomes - {"UNSPECIFIED"} - OF_BUNDLES)
    assert all(len(row) == 3 and all(row) for row in table)


def test_reasons_stand_beside_their_status() -> None:
    table = rows(section("Result codes").split("A status is", 1)[1])[1:]
    pairs = [
        (status, reason)
        for status, reasons, *_ in table
        for reason in re.findall(r"[A-Z_]{2,}", reasons)
    ]

    assert {"RESERVATION_NOT_FOUND", "OVERLOADED"} <= {reason for _, reason in pairs}
    assert [(FAILURES[reason].code.name, reason) for _, reason in pairs] == pairs
