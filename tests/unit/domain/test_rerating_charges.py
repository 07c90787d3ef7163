"""What is to be posted for one charge: whom it goes back to, and under which ids."""

from ocs.domain.rerating.charges import Correction, Part, RatedCharge


def charged(new: int, *parts: Part) -> RatedCharge:
    return RatedCharge("plan", "sms", new, None, list(parts))


def sent(charge: RatedCharge) -> list[tuple[int, int, tuple[tuple[str, int], ...]]]:
    return [(one.seq, one.micros, one.shares) for one in charge.corrections("v")]


def test_what_is_too_much_goes_back_from_the_last_payer_on() -> None:
    charge = charged(30, Part(7, (("bonus", 50), ("main", 40)), 0))

    assert sent(charge) == [(7, 60, (("main", 40), ("bonus", 20)))]


def test_what_rerating_debited_goes_back_first() -> None:
    charge = charged(30, Part(7, (("main", 50),), 0), Part(9, (("main", 10),), 5))
    charge.corrected_count = 1

    assert sent(charge) == [(9, 10, (("main", 10),)), (7, 20, (("main", 20),))]
    assert charge.difference == -30


def test_no_bucket_gets_more_than_is_left_of_what_it_paid() -> None:
    charge = charged(10, Part(7, (("bonus", 50), ("main", 40)), 0))
    charge.given_back[(7, "main")] = 35
    charge.by_others = 35

    assert sent(charge) == [(7, 45, (("main", 5), ("bonus", 40)))]


def test_ids_go_by_event_count_and_version() -> None:
    charge = charged(100, Part(7, (("main", 40),), 0))
    first = charge.corrections("v")
    charge.corrected_count = 2

    assert charge.corrections("v") != first
    assert charge.corrections("w") != charge.corrections("v")
    (debit,) = first
    assert isinstance(debit, Correction)
    assert (debit.seq, debit.micros, debit.shares) == (7, 60, ())
    assert debit.request_id.startswith("rerate.7.0.")


def test_what_equals_needs_nothing() -> None:
    assert sent(charged(40, Part(7, (("main", 30),), 10))) == []
    assert sent(charged(35, Part(7, (("main", 30),), 10))) == []
    assert charged(35, Part(7, (("main", 30),), 10)).old == 35
