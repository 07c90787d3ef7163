"""The worked cases of other systems by id: which test restates each, or why none can yet.

The numbers are facts, restated in our own words in the tests; where our rule differs on purpose,
the test says so.
"""

import ast
import re
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Final

TESTS: Final = Path(__file__).parent
_NAMED: Final = re.compile(r"test_[a-z]{2}\d+_")

# Every id there is, by the system it comes from.
SECTIONS: Final = MappingProxyType(
    {
        "CGRateS, balance debits": (
            "CB1", "CB2", "CB3", "CB4", "CB7", "CB9", "CB10", "CB11", "CB12", "CB14", "CB15",
            "CB16", "CB17", "CB18",
        ),
        "Cycles, reservation ledger": (
            "CY1", "CY2", "CY3", "CY5", "CY6", "CY7", "CY9", "CY10", "CY12", "CY13", "CY14",
            "CY15", "CY16", "CY17", "CY18", "CY19", "CY20",
        ),
        "midaz, tracer and ledger": (
            "MZ1", "MZ2", "MZ3", "MZ4", "MZ5", "MZ6", "MZ9", "MZ12", "MZ13", "MZ14",
        ),
        "TigerBeetle, two-phase transfers": (
            "TB1", "TB3", "TB4", "TB5", "TB6", "TB7", "TB9", "TB13", "TB15",
        ),
        "CGRateS, rating": (
            "CG4", "CG5", "CG7", "CG8", "CG9", "CG11", "CG12", "CG14", "CG16", "CG17", "CG25",
            "CG27", "CG28", "CG29", "CG30",
        ),
        "CGRateS, end to end": (
            "CE1", "CE2", "CE5", "CE6", "CE7", "CE9", "CE11", "CE13", "CE15", "CE17",
        ),
        "Lago, charge models and alerts": (
            "LG1", "LG2", "LG4", "LG5", "LG7", "LG8", "LG9", "LG10", "LG11", "LG12", "LG13",
            "LG16", "LG18",
        ),
        "OpenMeter, credit engine": ("OM1", "OM2"),
        "Kill Bill, use in arrear": ("KB4", "KB5", "KB6", "KB7", "KB8", "KB9"),
        "RFC 8506, Appendix A": ("RF6", "RF7", "RF8"),
        "SigScale OCS, rating": ("SS1", "SS2", "SS3", "SS4", "SS5", "SS7", "SS10", "SS11"),
        "NewOpenBSS, quota": ("NB1", "NB2", "NB4", "NB5", "NB7", "NB8", "NB9", "NB10"),
    }
)  # fmt: skip

# id -> the tests that restate it, all in this folder.
TESTED: Final = MappingProxyType(
    {
        "CB1": ("test_cb1_units_pay_before_money",),
        "CB2": ("test_cb2_a_started_minute_is_taken_whole",),
        "CB3": ("test_cb3_the_next_bucket_pays_what_the_first_cannot",),
        "CB4": ("test_cb4_only_whole_minutes_are_granted",),
        "CB7": ("test_cb7_two_started_minutes",),
        "CB9": ("test_cb9_money_pays_as_far_as_it_goes",),
        "CB11": ("test_cb11_money_at_a_price_per_second",),
        "CB12": ("test_cb12_a_blocker_that_cannot_pay_stops_the_charge",),
        "CB14": ("test_cb14_less_than_the_first_item_costs_is_nothing",),
        "CB15": ("test_cb15_half_a_minute_costs_exactly_half",),
        "CB16": ("test_cb16_data_is_taken_from_its_bucket",),
        "CB17": ("test_cb17_a_message_is_one",),
        "CY1": ("test_cy1_the_rest_goes_back",),
        "CY2": ("test_cy2_nothing_is_left_to_go_back",),
        "CY3": ("test_cy3_an_overrun_is_charged_while_there_is_money",),
        "CY5": ("test_cy5_an_overrun_is_charged_as_far_as_the_money_goes",),
        "CY6": ("test_cy6_after_that_nothing_is_granted",),
        "CY7": ("test_cy7_an_overrun_is_refused_on_request",),
        "CY9": ("test_cy9_an_overrun_may_use_the_whole_credit_limit",),
        "CY10": ("test_cy10_an_overrun_beyond_it_is_uncollected",),
        "CY12": ("test_cy12_the_tightest_level_decides_and_is_the_one_named",),
        "CY13": ("test_cy13_without_credit_limit_the_balance_is_the_end",),
        "CY14": ("test_cy14_a_repeated_reserve_holds_once",),
        "CY15": ("test_cy15_the_same_id_with_another_figure_is_refused",),
        "CY16": ("test_cy16_a_repeated_commit_charges_once",),
        "CY17": ("test_cy17_a_repeated_release_gives_back_once",),
        "CY18": ("test_cy18_a_repeated_debit_charges_once",),
        "CY19": ("test_cy19_a_dry_run_of_more_than_there_is_refuses_and_changes_nothing",),
        "CY20": ("test_cy20_after_expiry_use_is_charged_late",),
        "MZ1": ("test_mz1_what_is_spent_and_what_is_held_leave_just_enough",),
        "MZ2": ("test_mz2_what_is_held_counts_against_the_limit",),
        "MZ3": (
            "test_mz3_all_of_a_limit_and_more_than_it",
            "test_mz3_nothing_and_less_than_nothing_are_no_request",
        ),
        "MZ4": ("test_mz4_a_hold_that_is_never_confirmed_lapses",),
        "MZ5": ("test_mz5_a_confirmation_that_comes_after_the_sweep_is_charged_late",),
        "MZ6": ("test_mz6_a_sweep_finds_nothing_to_do_after_confirmations",),
        "MZ9": ("test_mz9_a_day_fills_up_and_then_refuses",),
        "MZ12": ("test_mz12_a_balance_pays_and_then_the_credit_limit",),
        "MZ13": ("test_mz13_more_than_balance_and_limit_changes_nothing",),
        "MZ14": ("test_mz14_a_credit_limit_is_used_up_to_its_end",),
        "TB1": ("test_tb1_what_is_pending_adds_up_beside_what_is_posted",),
        "TB3": ("test_tb3_more_than_is_pending_is_refused_on_request",),
        "TB4": ("test_tb4_a_reservation_ends_once",),
        "TB5": ("test_tb5_the_same_id_means_the_same_request",),
        "TB6": ("test_tb6_an_id_that_found_nothing_stays_free",),
        "TB7": ("test_tb7_a_debit_is_no_reservation",),
        "TB9": ("test_tb9_as_many_as_there_are",),
        "TB13": ("test_tb13_a_part_is_posted_and_the_rest_released",),
        "TB15": ("test_tb15_holds_that_nobody_settles_limit_a_rate",),
        "CG4": ("test_cg4_without_a_price_there_is_no_charge",),
        "CG5": ("test_cg5_a_session_without_use_costs_nothing",),
        "CG7": ("test_cg7_half_a_minute_late_in_the_evening",),
        "CG8": ("test_cg8_an_hour_of_the_evening",),
        "CG9": ("test_cg9_two_minutes_of_the_evening",),
        "CG11": ("test_cg11_a_minute_then_seconds",),
        "CG12": ("test_cg12_the_first_increment_is_the_least",),
        "CG14": ("test_cg14_rounded_up_to_cents_with_a_connect_fee",),
        "CG16": ("test_cg16_a_grant_ends_where_the_most_is_spent",),
        "CG17": ("test_cg17_a_session_costs_at_most_so_much",),
        "CG25": ("test_cg25_the_connect_fee_is_taken_off_what_can_be_granted",),
        "CG27": ("test_cg27_a_line_without_money_is_paid_for_by_the_one_that_shares",),
        "CG28": ("test_cg28_own_money_goes_before_what_is_shared",),
        "CG29": ("test_cg29_below_zero_as_far_as_the_credit_limit",),
        "CG30": ("test_cg30_what_is_shared_stays_at_zero_while_main_goes_below",),
        "CE1": ("test_ce1_connect_fee_first_minute_then_seconds",),
        "CE2": ("test_ce2_a_part_of_a_minute_is_rounded_once",),
        "CE5": ("test_ce5_a_price_for_1024_units",),
        "CE6": ("test_ce6_the_price_is_that_of_the_hour",),
        "CE7": ("test_ce7_a_bucket_that_blocks_is_the_end",),
        "CE9": ("test_ce9_seconds_of_one_bucket_then_of_the_next",),
        "CE11": ("test_ce11_what_was_held_for_an_unanswered_call_is_there_again",),
        "CE13": ("test_ce13_a_package_pays_for_the_time_and_money_for_the_call",),
        "CE15": ("test_ce15_a_notice_when_little_is_left",),
        "CE17": ("test_ce17_a_connect_fee_and_three_units",),
        "LG1": ("test_lg1_a_price_for_each",),
        "LG2": ("test_lg2_packages_behind_units_that_are_free",),
        "LG4": ("test_lg4_each_tier_has_its_price_and_a_fee_of_its_own",),
        "LG5": ("test_lg5_tiers_of_parts_of_a_unit",),
        "LG7": ("test_lg7_a_part_of_the_value_and_a_fee_for_each_event",),
        "LG9": ("test_lg9_a_part_of_the_value_alone",),
        "LG11": ("test_lg11_a_price_for_each_and_one_for_all",),
        "LG13": ("test_lg13_use_that_passes_a_mark_is_told",),
        "LG16": ("test_lg16_a_balance_that_falls_to_a_mark_is_told",),
        "LG18": ("test_lg18_what_is_running_is_held_and_not_taken",),
        "OM1": ("test_om1_two_grants_are_used_up_together",),
        "OM2": ("test_om2_the_grant_of_the_first_priority_goes_first",),
        "KB6": ("test_kb6_blocks_of_two_services",),
        "KB7": ("test_kb7_tiers_of_two_services",),
        "KB8": ("test_kb8_all_tiers_of_two_services",),
        "KB9": ("test_kb9_a_top_tier_that_never_makes_more_use_cheaper",),
        "RF6": ("test_rf6_after_the_final_units_a_top_up_lets_the_session_go_on",),
        "RF7": ("test_rf7_enquiry_check_debit_and_refund_are_one_message_each",),
        "RF8": ("test_rf8_a_decimal_is_its_digits_and_an_exponent",),
        "SS1": ("test_ss1_a_package_is_held_with_all_there_is",),
        "SS2": ("test_ss2_a_package_is_not_cut",),
        "SS3": ("test_ss3_what_is_held_is_not_there_for_another_session",),
        "SS4": ("test_ss4_a_part_of_a_package_holds_the_whole",),
        "SS5": ("test_ss5_a_next_grant_replaces_the_hold",),
        "SS7": ("test_ss7_a_call_that_nobody_answers_costs_nothing",),
        "SS10": ("test_ss10_an_event_above_the_balance_is_refused",),
        "SS11": ("test_ss11_a_bucket_of_octets_pays_what_it_has",),
        "NB1": ("test_nb1_a_price_with_its_tax_is_one_price",),
        "NB2": ("test_nb2_units_first_then_money",),
        "NB4": ("test_nb4_the_rest_stays_held_or_goes_back",),
        "NB5": ("test_nb5_a_multiplier_is_in_the_price",),
        "NB7": ("test_nb7_ten_at_five",),
        "NB8": ("test_nb8_multipliers_and_tax_are_in_the_price",),
    }
)

NOT_EXPRESSIBLE: Final = MappingProxyType(
    {
        "CB10": "a bucket of units that costs money as well: buckets have no price of their own",
        "CB18": "a counter that tops up by itself: thresholds notify, they do not act",
        "LG8": "free up to 3 events or a value of 500, whichever is first: what is free of one"
        " service does not end with what is free of another",
        "LG10": "volume prices: all units get cheaper at the 101st; a cost never falls with use",
        "LG12": "a least amount of a period: charges follow use, and nothing is charged for none",
        "KB4": "a top tier that makes more use cheaper: a cost never falls with use",
        "KB5": "a top tier that makes more use cheaper: a cost never falls with use",
        "NB9": "a loan that later top-ups repay: an account has a credit limit, and no loans",
        "NB10": "tax apart from the price: prices are as loaded, an event carries one amount",
    }
)


@dataclass(frozen=True, slots=True)
class Restated:
    """A case and the tests that restate it, as pytest names them; else the reason why none does."""

    case_id: str
    tests: tuple[str, ...]
    reason: str


def restated() -> list[Restated]:
    """Return every case, in the order of SECTIONS. Raises ValueError if the lists do not fit."""
    problems = faults()
    if problems:
        raise ValueError("\n".join(problems))
    files = _files_by_test()
    return [
        Restated(
            case_id,
            tuple(f"tests/cases/{files[name]}::{name}" for name in TESTED.get(case_id, ())),
            NOT_EXPRESSIBLE.get(case_id, ""),
        )
        for ids in SECTIONS.values()
        for case_id in ids
    ]


def faults() -> list[str]:
    """Return what is wrong with the lists, a line for each: gaps, doubles, tests that are not."""
    ids = [case_id for section in SECTIONS.values() for case_id in section]
    named = [name for names in TESTED.values() for name in names]
    there = _files_by_test()
    found = [f"{case_id}: is listed twice" for case_id in ids if ids.count(case_id) > 1]
    found += [
        f"{case_id}: must be either tested or not expressible"
        for case_id in ids
        if (case_id in TESTED) == (case_id in NOT_EXPRESSIBLE)
    ]
    listed = {*TESTED, *NOT_EXPRESSIBLE}
    found += [f"{case_id}: is no case of any section" for case_id in listed - {*ids}]
    for case_id, names in TESTED.items():
        for name in names:
            if name not in there:
                found.append(f"{case_id}: there is no test {name}")
            elif not name.startswith(f"test_{case_id.lower()}_"):
                found.append(f"{case_id}: {name} restates another case")
    unlisted = there.keys() - {*named}
    return found + [f"{name}: restates a case and is not listed under it" for name in unlisted]


def _files_by_test() -> dict[str, str]:
    """The tests of this folder that name a case, and the file of each."""
    return {
        node.name: path.name
        for path in sorted(TESTS.glob("test_*.py"))
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _NAMED.match(node.name)
    }
