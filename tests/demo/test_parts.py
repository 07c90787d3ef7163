"""The parts of the demo that need no service: people, figures, the board, the table."""

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from ocs.client import CapHolder
from ocs.demo import figures
from ocs.demo.board import Board
from ocs.demo.operators import OPERATORS
from ocs.demo.people import HOUSEHOLDS_MAX, HOUSEHOLDS_MIN, Persona, household
from ocs.demo.screen import frame
from ocs.demo.tally import FAILED, REFUSED, REPLAY_DIFFERS


def test_every_persona_lives_in_the_smallest_demo() -> None:
    assert {household(index).persona for index in range(HOUSEHOLDS_MIN)} == set(Persona)


def test_each_operator_has_households_of_all_segments() -> None:
    homes = [household(index) for index in range(3 * HOUSEHOLDS_MIN)]
    for operator in OPERATORS:
        own = [home for home in homes if home.operator is operator]
        assert {home.segment for home in own} == {"gold", "silver", "basic"}
        assert {home.persona for home in own} == set(Persona)


def test_no_two_lines_share_an_identity() -> None:
    lines = [line for index in range(HOUSEHOLDS_MAX) for line in household(index).lines]

    identities = {one for line in lines for one in (line.msisdn, line.imsi)}
    assert len(identities) == 2 * len(lines)


def test_an_index_is_the_same_household_in_every_run() -> None:
    assert household(7) == household(7)
    assert household(7).account_id != household(17).account_id


def test_a_cap_binds_a_line_or_group_of_its_own_household() -> None:
    for index in range(HOUSEHOLDS_MIN):
        home = household(index)
        if home.cap is not None:
            subscribers = {line.subscriber_id for line in home.lines}
            groups = {group for line in home.lines for group in line.group_ids}
            holders = {CapHolder(subscriber_id=one) for one in subscribers}
            assert home.cap.holder in holders | {CapHolder(group_id=one) for one in groups}


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        (0, "0.00 CHF"),
        (4_999, "0.00 CHF"),
        (5_000, "0.01 CHF"),
        (1_234_567_890_000, "1,234,567.89 CHF"),
        (-1_500_000, "-1.50 CHF"),
        (2**53 - 1, "9,007,199,254.74 CHF"),
    ],
)
def test_money_is_shown_in_cents(micros: int, text: str) -> None:
    assert figures.money(micros, "CHF") == text


def test_money_of_two_currencies_stands_beside_each_other() -> None:
    counts = {"collected_micros.EUR": 1_500_000, "collected_micros.CHF": 20_000}

    assert figures.moneys(counts, "collected_micros") == "1.50 EUR + 0.02 CHF"


def test_use_is_shown_in_the_unit_of_its_service() -> None:
    assert figures.used("data", 3 << 29) == "1.5 GiB"
    assert figures.used("data", 1000) == "1000 B"
    assert figures.used("voice", 125 * 60) == "125 min"
    assert figures.used("sms", 1234) == "1,234"


def test_times_are_those_of_the_households() -> None:
    assert figures.local_time(datetime(2026, 6, 1, 22, 0, tzinfo=UTC)).startswith("00:00 ")
    assert figures.clock(59.9) == "0:59"
    assert figures.clock(3_725) == "1:02:05"


def test_a_percentile_is_one_of_the_measured() -> None:
    assert figures.percentile_ms([], 50) == "-"
    assert figures.percentile_ms([3000, 1000, 2000], 50) == "2.0 ms"
    assert figures.percentile_ms([1000] * 98 + [9000] * 2, 99) == "9.0 ms"


def report(charges: int, **more: int) -> dict[str, object]:
    return {
        "counts": {"charges": charges, "operations": charges, "held_micros.EUR": 5, **more},
        "latencies_us": [1000],
        "notes": [],
    }


def test_the_board_adds_up_the_gateways_and_takes_reports_as_totals() -> None:
    now = [100.0]
    board = Board(clock=lambda: now[0])

    board.take("one", report(100))
    board.take("two", report(50))
    now[0] = 102.0
    board.take("one", report(500))

    assert board.counts["charges"] == 550
    assert board.counts["held_micros.EUR"] == 10
    assert board.charges_per_s == pytest.approx(225.0)


def test_the_rate_forgets_what_is_long_past() -> None:
    now = [0.0]
    board = Board(clock=lambda: now[0])
    for second, charges in enumerate((0, 1000, 1000, 1000, 1000, 1000, 1000)):
        now[0] = float(second)
        board.take("one", report(charges))

    assert board.charges_per_s == 0.0


def test_the_summary_lists_the_largest_refusal_first_and_failures_only_if_any() -> None:
    board = Board()
    board.take(
        "one",
        report(
            9,
            top_ups=2,
            replays=1,
            bundles=3,
            renewals=2,
            price_changes=1,
            cut_grants=40,
            split_calls=5,
            **{f"{REFUSED}SMALL": 1, f"{REFUSED}LARGE": 3},
        ),
    )

    assert board.summary() == [
        "operations: 9 (9 charges, 2 top-ups; 1 sent again and replayed)",
        "bundles: 3 bought, 2 seen renewed",
        (
            "tariffs: 1 activated while sessions ran, 40 grants ended there;"
            " 5 calls over the peak's end"
        ),
        "refused: 4 (LARGE 3, SMALL 1)",
    ]
    assert not board.replays_differ

    board.take("two", report(0, **{FAILED + REPLAY_DIFFERS: 1}))

    assert board.summary()[0] == "failed: 1 (REPLAY_DIFFERS 1)"
    assert board.replays_differ


def test_the_table_fits_a_terminal_of_80_columns() -> None:
    board = Board()
    large = {
        f"{service}.collected_micros.{currency}": 990_000_000_000
        for service in ("data", "voice", "sms")
        for currency in ("EUR", "CHF")
    }
    refusals = {f"{REFUSED}CREDIT_LIMIT_REACHED": 1_000_000, f"{REFUSED}SERVICE_DENIED": 1}
    board.take("one", report(1_000_000, **large, **refusals))
    board.notes.append("n" * 200)
    output = io.StringIO()

    Console(file=output, width=80, force_terminal=True, color_system=None).print(
        frame(board, 3_725, "traffic")
    )

    lines = [line.rstrip() for line in output.getvalue().splitlines()]
    assert max(map(len, lines)) <= 80
    assert sum(line.count("990,000.00") for line in lines) == len(large)
    assert any(line.startswith(" traffic") and line.endswith("1:02:05") for line in lines)
