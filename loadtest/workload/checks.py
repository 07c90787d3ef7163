"""What an answer must say, given what was asked. Each raises WrongAnswerError if it does not."""

from dataclasses import dataclass
from typing import Final

from loadtest.traffic import WrongAnswerError
from loadtest.workload.accounts import PACK
from ocs.domain.allocation import cost_between, target_of
from ocs.domain.reservation import ServiceTerms, SessionRating
from ocs.v1 import account_service_pb2 as accounts
from ocs.v1 import charging_service_pb2 as charging
from ocs.v1 import types_pb2 as types

CREDIT_LIMIT: Final = types.OUTCOME_CREDIT_LIMIT_REACHED
CAP_REACHED: Final = types.OUTCOME_SPENDING_CAP_REACHED
_BUSINESS: Final = (CREDIT_LIMIT, CAP_REACHED)
_UNITS: Final = {
    "octets": types.UNIT_TYPE_OCTETS,
    "seconds": types.UNIT_TYPE_SECONDS,
    "count": types.UNIT_TYPE_COUNT,
}


def require(holds: object, what: str, answer: object) -> None:
    """Fault an answer in which something does not hold."""
    if not holds:
        raise WrongAnswerError(f"{what}:\n{answer}")


def word_of(outcome: int) -> str:
    """How an outcome is called in a report."""
    return types.Outcome.Name(outcome).removeprefix("OUTCOME_")  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class Stretch:
    """Where a session stands and what it may cost from there."""

    terms: ServiceTerms
    rating: SessionRating

    def price(self, units: int) -> tuple[int, int]:
        """Units that so much use is rated as, and their price in micro-units."""
        target = target_of(self.terms.rate, self.rating, units)
        assert target is not None, "the workload stays far below the bounds"
        paid_to = self.rating.paid_to
        return target - paid_to, cost_between(self.terms.rate, paid_to, target)


def check_grant(
    answer: charging.ReserveResponse | charging.CommitResponse,
    stretch: Stretch,
    requested_units: int,
    *,
    money_only: bool,
) -> None:
    """The decision on a wish: a grant as the rules have it, or a refusal that gives nothing."""
    grant, terms = answer.grant, stretch.terms
    if grant.outcome != types.OUTCOME_GRANTED:
        require(grant.outcome in _BUSINESS, "an outcome that nothing here leads to", answer)
        require(not grant.granted_units and not grant.reserved_micros, "refused and held", answer)
        capped = grant.outcome == CAP_REACHED
        require(
            grant.HasField("cap") == capped, "a cap without its refusal, or the reverse", answer
        )
        return
    granted = grant.granted_units
    require(0 < granted <= requested_units, "granted more than requested, or nothing", answer)
    require(grant.unit == _UNITS[terms.unit.value], "granted in another unit", answer)
    require(grant.report_at_units <= granted, "to be reported after the end", answer)
    _, price = stretch.price(granted)
    held = grant.reserved_micros
    require(held == price if money_only else held <= price, f"held is not {price}", answer)
    if granted < requested_units:
        end = stretch.rating.position + granted
        whole = terms.rate.round_down(end) == end
        least = min(requested_units, max(1, terms.grant_min))
        require(whole and granted >= least, "a part that is not whole, or below the least", answer)
    else:
        require(not grant.final_grant, "final, though granted in full", answer)
    require(grant.final_grant == bool(grant.final_unit_action), "final without action", answer)
    now = answer.receipt.store_time.ToNanoseconds()
    until = grant.validity_time.ToNanoseconds()
    ends = grant.expire_time.ToNanoseconds()
    require(now < until <= ends, "valid until before now, or after the hold", answer)


def check_charge(
    answer: charging.CommitResponse | charging.DebitResponse,
    stretch: Stretch,
    used_units: int,
    held_units: int,
) -> None:
    """Charged is what was used, to the unit and micro-unit, and what was held is paid for."""
    charge = answer.charge
    units, price = stretch.price(used_units)
    require(charge.charged_units == units, f"charged units are not {units}", answer)
    total = charge.charged_micros + charge.uncollected_micros
    packed = any(line.bucket_id == PACK for line in charge.lines)
    require(total <= price if packed else total == price, f"the price is not {price}", answer)
    paid_units = sum(line.units for line in charge.lines)
    paid_micros = sum(line.micros for line in charge.lines)
    require(paid_units + charge.uncollected_units == units, "the lines do not add up", answer)
    require(paid_micros == charge.charged_micros, "the lines' money does not add up", answer)
    covered = used_units <= held_units
    require(not (covered and charge.uncollected_units), "held, and yet not collected", answer)
    require(not charge.late, "late, though the hold cannot have lapsed", answer)
    require(not (charge.sequence_gap or charge.out_of_order), "in order, and yet not", answer)
    ours = charge.event.endswith(f"/events/{answer.receipt.account_seq}")
    require(ours, "the event is not this one", answer)


def check_nothing_charged(answer: charging.DebitResponse) -> None:
    """A refusal that takes nothing."""
    require(answer.outcome in _BUSINESS, "an outcome that nothing here leads to", answer)
    charge = answer.charge
    taken = (
        charge.charged_units or charge.charged_micros or charge.uncollected_units or charge.lines
    )
    require(not taken, "refused and charged", answer)
    capped = answer.outcome == CAP_REACHED
    require(answer.HasField("cap") == capped, "a cap without its refusal, or the reverse", answer)


def check_top_up(answer: accounts.TopUpResponse, micros: int) -> None:
    """Credited in full: nothing here goes below zero, so at least that much is there now."""
    require(answer.bucket_id == "main", "credited to another bucket", answer)
    require(answer.available >= micros, f"less than {micros} is available", answer)
    require(answer.balance >= answer.available, "more is available than there is", answer)
