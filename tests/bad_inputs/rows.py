"""The bad inputs a charging system has to answer rightly, by number: which test shows each.

Numbers are stable and have gaps. A row that no method reaches yet says what it waits for.
"""

import ast
from pathlib import Path
from types import MappingProxyType
from typing import Final

TESTS: Final = Path(__file__).parent

SHOWN: Final = MappingProxyType(
    {
        1: ("test_row_1_a_figure_that_is_absent", "test_row_1_no_credit_and_no_use"),
        2: ("test_row_2_nothing_is_no_request",),
        3: ("test_row_3_a_close_without_use",),
        4: ("test_rows_4_to_6_a_figure_out_of_range",),
        5: ("test_rows_4_to_6_a_figure_out_of_range",),
        6: (
            "test_rows_4_to_6_a_figure_out_of_range",
            "test_row_6_the_largest_figure_is_one",
            "test_row_6_segments_may_not_add_up_to_more",
        ),
        7: (
            "test_row_7_all_ones_are_minus_one",
            "test_row_7_ones_without_an_end_are_no_message",
            "test_row_7_the_spelling_by_hand_is_right",
        ),
        8: ("test_row_8_a_balance_above_the_largest_figure",),
        10: (
            "test_units_on_the_command_line",
            "test_money_on_the_command_line",
            "test_every_other_figure_on_the_command_line",
            "test_prices_in_a_tariff",
            "test_quantities_in_a_tariff",
        ),
        11: (
            "test_units_on_the_command_line",
            "test_money_on_the_command_line",
            "test_every_other_figure_on_the_command_line",
            "test_prices_in_a_tariff",
            "test_quantities_in_a_tariff",
        ),
        12: (
            "test_row_12_units_of_another_kind",
            "test_row_12_a_refused_unit_stands_under_its_id",
            "test_row_12_money_of_another_currency",
            "test_row_12_a_bucket_of_another_unit",
        ),
        13: ("test_row_13_an_empty_id",),
        14: (
            "test_rows_14_15_17_21_a_text_that_is_no_id",
            "test_rows_14_15_17_21_no_part_of_a_name_is_better",
            "test_row_14_the_longest_id_is_one",
        ),
        15: (
            "test_rows_14_15_17_21_a_text_that_is_no_id",
            "test_rows_14_15_17_21_no_part_of_a_name_is_better",
        ),
        17: (
            "test_rows_14_15_17_21_a_text_that_is_no_id",
            "test_rows_14_15_17_21_no_part_of_a_name_is_better",
            "test_row_17_a_call_has_one_line_whatever_is_in_it",
        ),
        19: ("test_row_19_bytes_that_are_no_text",),
        20: ("test_row_20_case_tells_accounts_apart",),
        21: (
            "test_rows_14_15_17_21_a_text_that_is_no_id",
            "test_rows_14_15_17_21_no_part_of_a_name_is_better",
        ),
        22: (
            "test_row_22_10000_unknown_fields_within_the_bound_do_no_harm",
            "test_row_22_a_charge_over_its_bound",
            "test_row_22_a_message_over_the_receive_bound",
        ),
        23: ("test_row_23_a_choice_that_is_none",),
        24: ("test_row_24_a_figure_of_the_wrong_wire_type_is_absent",),
        25: (
            "test_row_25_a_batch_that_is_none",
            "test_row_25_a_request_id_stands_in_one_item_only",
            "test_row_25_the_stream_goes_on_after_a_bad_batch",
        ),
        26: ("test_row_26_no_mutation_without_an_id",),
        27: ("test_row_27_the_same_again_is_answered_alike",),
        28: ("test_row_28_the_same_id_with_another_figure",),
        29: ("test_row_29_the_same_id_under_another_method",),
        30: ("test_row_30_another_account_is_another_scope",),
        31: ("test_row_31_a_hundred_at_once_are_one",),
        33: (
            "test_row_33_older_than_its_window",
            "test_row_33_after_its_window_a_record_does_not_answer",
            "test_row_33_a_record_outlives_the_reservation_it_ended",
        ),
        34: ("test_row_34_a_refusal_stands_under_its_id",),
        35: ("test_row_35_what_was_malformed_may_be_corrected",),
        36: ("test_row_36_a_lost_answer_is_given_again",),
        37: ("test_row_37_two_accounts_may_name_a_reservation_alike",),
        38: (
            "test_row_38_a_gap_is_flagged_and_charged",
            "test_row_38_an_older_number_is_charged_and_gets_no_next_grant",
            "test_row_38_a_number_used_by_another_request",
        ),
        39: ("test_row_39_all_or_nothing_is_nothing",),
        40: ("test_row_40_all_there_is_and_then_one_more",),
        42: ("test_row_42_a_part_if_that_is_allowed",),
        43: (
            "test_row_43_a_validity_out_of_range",
            "test_row_43_the_ends_of_the_range_are_valid",
        ),
        44: ("test_row_44_a_time_that_is_none", "test_row_44_a_request_from_the_future"),
        45: ("test_row_45_no_more_open_reservations_than_allowed",),
        46: ("test_row_46_a_reservation_id_is_used_once",),
        47: ("test_row_47_less_than_was_held",),
        48: (
            "test_row_48_more_than_was_held",
            "test_row_48_more_than_was_held_refused_on_request",
        ),
        49: (
            "test_rows_49_to_51_what_is_closed_stays_closed",
            "test_row_49_a_refusal_stands_under_its_id",
        ),
        50: ("test_rows_49_to_51_what_is_closed_stays_closed",),
        51: ("test_rows_49_to_51_what_is_closed_stays_closed",),
        52: (
            "test_row_52_use_reported_after_expiry",
            "test_row_52_late_use_is_no_free_headroom",
            "test_row_52_the_hold_stands_to_its_last_millisecond",
            "test_row_52_a_reservation_is_remembered_for_an_hour",
            "test_row_52_a_release_after_expiry",
        ),
        55: (
            "test_row_55_a_next_grant_on_what_has_expired",
            "test_row_55_a_successor_needs_a_name_of_its_own",
        ),
        56: ("test_row_56_a_reservation_that_never_was",),
        57: ("test_row_57_a_reservation_of_someone_else",),
        58: (
            "test_row_58_a_service_that_the_plan_lacks",
            "test_row_58_a_suspended_account_settles_and_is_granted_nothing",
        ),
        59: (
            "test_row_59_no_more_than_was_collected_is_refunded",
            "test_row_59_a_refund_names_an_event_of_its_own",
        ),
        60: ("test_row_60_the_tightest_of_several_caps",),
        61: ("test_row_61_a_cap_lowered_below_what_is_spent",),
        62: (
            "test_row_62_a_cap_of_nothing_and_no_cap",
            "test_row_62_a_cap_that_counts_something_else_is_another",
        ),
        63: (
            "test_row_63_held_before_midnight_used_after",
            "test_row_63_a_grant_ends_with_the_period_of_its_cap",
        ),
        65: (
            "test_row_65_the_31st_is_the_last_of_shorter_months",
            "test_row_65_what_is_spent_starts_again_with_the_month",
        ),
        66: ("test_row_66_a_year_that_begins_on_the_leap_day",),
        67: ("test_row_67_a_day_of_23_or_25_hours_is_one",),
        69: ("test_row_69_an_hour_that_comes_twice_is_one",),
        70: ("test_row_70_the_zone_of_an_account_cannot_be_changed",),
        71: ("test_row_71_a_zone_that_is_none",),
        72: (
            "test_row_72_a_clock_that_steps_back_opens_nothing_again",
            "test_row_72_a_record_stands_when_the_clock_steps_back",
        ),
        73: ("test_row_73_clocks_that_disagree",),
        74: (
            "test_row_74_a_payment_is_credited_once",
            "test_row_74_a_reused_request_id_does_not_free_the_payment",
            "test_row_74_many_accounts_claim_one_payment_at_once",
            "test_row_74_a_payment_whose_claim_lapsed_is_free",
            "test_row_74_a_payment_whose_claim_lapsed_after_the_credit_is_used",
        ),
        75: (
            "test_row_75_what_is_over_is_not_credited",
            "test_row_75_a_bucket_that_ends_before_it_begins",
        ),
        77: ("test_row_77_the_earliest_to_expire_pays_first",),
        78: (
            "test_row_78_validity_ends_with_its_instant",
            "test_row_78_what_is_not_yet_valid_is_counted_apart",
        ),
        79: ("test_row_79_a_top_up_that_is_used_is_not_taken_back",),
        80: (
            "test_row_80_an_account_opened_twice",
            "test_row_80_an_account_that_cannot_be_charged",
        ),
        81: (
            "test_row_81_an_account_that_is_not_there_leaves_no_key",
            "test_row_81_a_line_that_is_not_there_leaves_no_key",
        ),
        82: ("test_row_82_what_holds_or_has_something_is_not_closed",),
        83: ("test_row_83_a_closed_account_takes_use_and_nothing_else",),
        84: (
            "test_row_84_what_does_not_parse_is_left_as_it_is",
            "test_row_84_the_account_goes_on_once_it_is_mended",
            "test_row_84_another_account_does_not_notice",
            "test_row_84_an_index_entry_that_does_not_parse",
        ),
        85: ("test_row_85_no_bad_or_expired_token",),
        86: ("test_row_86_a_role_that_does_not_open_the_method",),
        87: (
            "test_row_87_a_deadline_too_short_to_begin",
            "test_row_87_what_the_store_gets_to_too_late_is_not_done",
        ),
        89: (
            "test_row_89_a_store_that_is_gone_and_comes_back",
            "test_row_89_a_store_that_comes_back_within_the_deadline",
            "test_row_89_a_store_that_takes_no_writes",
            "test_row_89_a_store_that_does_not_even_read",
            "test_row_89_a_store_that_is_full_still_settles",
            "test_row_89_a_service_that_starts_on_a_full_store_settles_too",
            "test_row_89_what_a_store_says_of_itself",
        ),
        90: (
            "test_row_90_scripts_that_are_gone_are_loaded_again",
            "test_row_90_many_calls_find_them_gone_at_once",
        ),
        93: ("test_row_93_calls_that_run_end_and_new_ones_go_elsewhere",),
        94: (
            "test_row_94_calls_beyond_the_bound_are_shed_with_advice",
            "test_row_94_more_calls_than_streams_on_one_connection_all_end_well",
        ),
    }
)

LATER: Final = MappingProxyType(
    {
        92: "durability replicated(k)",
        95: "no consumer acknowledges the journal yet",
    }
)

NUMBERS: Final = (
    *range(1, 9), *range(10, 16), 17, *range(19, 32), *range(33, 41), *range(42, 53),
    *range(55, 64), *range(65, 68), *range(69, 76), *range(77, 88), 89, 90, *range(92, 96),
)  # fmt: skip


def faults() -> list[str]:
    """Return what is wrong with the table, a line for each: gaps, doubles, tests that are not."""
    there = _tests()
    named = {name for names in SHOWN.values() for name in names}
    found = [
        f"row {number}: must be either shown or later"
        for number in NUMBERS
        if (number in SHOWN) == (number in LATER)
    ]
    found += [f"row {number}: is no row" for number in {*SHOWN, *LATER} - {*NUMBERS}]
    found += [f"there is no test {name}" for name in named - there]
    unlisted = {name for name in there if name.startswith("test_row")} - named
    return found + [f"{name}: is not listed under its row" for name in unlisted]


def _tests() -> set[str]:
    return {
        node.name
        for path in TESTS.glob("test_*.py")
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
