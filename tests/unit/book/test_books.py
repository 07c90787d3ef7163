"""Tariff files: every fault by place, path and rule, and a schema that says the same."""

import json
from importlib.resources import files
from pathlib import Path
from time import process_time
from typing import Any

import pytest
from jsonschema.validators import Draft7Validator

from ocs.book.document import read_tariff
from ocs.book.file import UnreadableError, tariff_of_file
from ocs.book.yaml_text import read_yaml
from ocs.limits import TARIFF_BYTES_MAX, TARIFF_FAULTS_MAX, TARIFF_NODES_MAX
from ocs.ports import BookError, Fault
from tests.unit.book.corpus import BAD_BOOKS, BAD_YAML, BASE, GOOD, Bad, text_of

SCHEMA = json.loads(files("ocs").joinpath("tariffs", "tariff.schema.json").read_text("utf-8"))
# A text is refused in a time that does not depend on what it would grow to.
AT_ONCE_S = 2.0


def schema_faults(document: object) -> list[Any]:
    return list(Draft7Validator(SCHEMA).iter_errors(document))


def faults_of(text: str | bytes) -> tuple[Fault, ...]:
    with pytest.raises(BookError) as caught:
        read_tariff(text.encode() if isinstance(text, str) else text)
    return caught.value.faults


@pytest.mark.parametrize("name", GOOD)
def test_reader_and_schema_take_a_good_book(name: str) -> None:
    text = GOOD[name].encode()

    read_tariff(text)

    assert schema_faults(read_yaml(text).value) == []


@pytest.mark.parametrize("bad", BAD_YAML + BAD_BOOKS, ids=lambda bad: f"{bad.path}: {bad.rule}")
def test_a_bad_book_is_refused_by_line_path_and_rule(bad: Bad) -> None:
    text = text_of(bad)
    line = text[: text.index(bad.at)].count("\n") + 1

    (fault,) = faults_of(text)

    assert (fault.path, fault.line) == (bad.path, line)
    assert bad.rule in fault.rule
    assert 1 <= fault.column <= len(text.splitlines()[line - 1]) + 1


@pytest.mark.parametrize("bad", BAD_BOOKS, ids=lambda bad: f"{bad.path}: {bad.rule}")
def test_the_schema_sees_what_a_schema_can(bad: Bad) -> None:
    found = schema_faults(read_yaml(text_of(bad).encode()).value)

    assert bool(found) is bad.schema, found


def test_the_schema_is_one_and_every_key_has_a_description() -> None:
    Draft7Validator.check_schema(SCHEMA)

    silent = [
        f"{name}.{key}"
        for name, table in {"": SCHEMA, **SCHEMA["$defs"]}.items()
        for key, value in table.get("properties", {}).items()
        if "description" not in {**SCHEMA["$defs"].get(value.get("$ref", "/").split("/")[-1], {}),
                                 **value}
    ]  # fmt: skip
    assert silent == []


def test_all_faults_are_told_at_once_in_the_order_of_the_text() -> None:
    declared = BASE.replace("EUR", "eur").replace("[holiday]", "[easter]").replace("CHF", "chf")
    priced = BASE.replace('"0.10"', '"x"').replace('"0.02"', '"y"').replace("[voice", "[fax")

    assert [(fault.line, fault.path) for fault in faults_of(declared)] == [
        (2, "currency"),
        (11, "partners.carrier.currency"),
        (20, "calendars.hours.entries.peak[1].days[0]"),
    ]
    assert [(fault.line, fault.path) for fault in faults_of(priced)] == [
        (27, "services.voice.price"),
        (45, "services.data.tiers.steps[0].price"),
    ]


def test_what_several_lines_are_read_from_is_wrong_once() -> None:
    text = BASE.replace("carrier, price", "nobody, price")

    assert [fault.path for fault in faults_of(text)] == ["services.voice.wholesale.partner"]


def test_no_more_faults_are_told_than_one_reads() -> None:
    zones = "".join(f"  z{number}: {{prefixes: [1]}}\n" for number in range(50))

    assert len(faults_of(BASE.replace("zones:\n", f"zones:\n{zones}", 1))) == TARIFF_FAULTS_MAX


@pytest.mark.parametrize(
    ("plans", "circles"),
    [
        ("{a: {extends: b, services: [sms]}, b: {extends: a}}", 2),
        ("{a: {extends: b}, b: {extends: c}, c: {extends: a, services: [sms]}}", 3),
        ("{a: {extends: b, services: [sms]}, b: {extends: c}, c: {extends: b}}", 2),
    ],
)
def test_plans_in_a_circle_are_refused(plans: str, circles: int) -> None:
    faults = faults_of(f"{BASE[: BASE.index('plans:')]}plans: {plans}\n")

    assert [fault.rule for fault in faults] == [
        "leads back to this plan: plans in a circle"
    ] * circles


def test_a_bomb_of_aliases_is_refused_at_its_first_anchor() -> None:
    levels = ["a0: &a0 [x]"]
    levels += [
        f"a{number}: &a{number} [{', '.join([f'*a{number - 1}'] * 10)}]" for number in range(1, 30)
    ]

    (fault,) = faults_of("\n".join(levels))

    assert (fault.line, fault.rule) == (1, "must have no anchors (&name)")


@pytest.mark.parametrize("opening", ["[", "{", "- ", "? "])
def test_a_deep_text_is_refused_at_once(opening: str) -> None:
    before = process_time()

    (fault,) = faults_of(opening * 1_000_000)

    assert "deep" in fault.rule or "is not YAML" in fault.rule
    assert process_time() - before < AT_ONCE_S


def test_a_large_file_is_refused_before_it_is_read(tmp_path: Path) -> None:
    large = tmp_path / "large.yaml"
    with large.open("wb") as file:
        file.truncate(50_000_000)
    before = process_time()

    with pytest.raises(BookError, match=f"must have at most {TARIFF_BYTES_MAX} bytes"):
        tariff_of_file(large)

    assert process_time() - before < AT_ONCE_S


def test_too_many_values_are_refused() -> None:
    (fault,) = faults_of("a: [" + "x," * TARIFF_NODES_MAX + "]")

    assert fault.rule == f"must have at most {TARIFF_NODES_MAX} values and keys"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (b"", (1, 1)),
        (b"# nothing\n", (1, 1)),
        (b"[]", (1, 1)),
        (b"version: v\nname: \xff", (2, 7)),
        (b"version: v\nname: \x00", (2, 7)),
        (b"@", (1, 1)),
    ],
)
def test_a_text_that_is_no_table_is_refused(text: bytes, place: tuple[int, int]) -> None:
    (fault,) = faults_of(text)

    assert (fault.line, fault.column) == place


def test_a_file_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="No such file"):
        tariff_of_file(tmp_path / "none.yaml")
    with pytest.raises(UnreadableError, match="Is a directory"):
        tariff_of_file(tmp_path)


def test_a_file_may_begin_with_a_byte_order_mark() -> None:
    assert read_tariff(b"\xef\xbb\xbf" + BASE.encode()).version == "v7"
