"""Who lives in the demo: households with their lines, money and limits. Pure and repeatable.

The same index is the same household in every run, so a later run continues with the earlier one's
accounts.
"""

import enum
from dataclasses import dataclass
from typing import Final

from ocs.client import CapHolder, Identity
from ocs.demo.operators import Operator, operator_of

EURO: Final = 1_000_000  # a franc likewise
MIB: Final = 1 << 20
SHARED_DATA: Final = "family-10s"  # ocs/demo/price_book.py
KIDS: Final = "kids"


class Persona(enum.StrEnum):
    """How a household behaves; its accounts are named after it."""

    COMMUTER = "commuter"  # a bit of everything, tops up in time
    TALKER = "talker"  # long calls, also abroad
    FAMILY = "family"  # four lines, shared data, a daily cap on the kids together
    CAPPED = "capped"  # a daily cap on the line, soon met
    ROAMER = "roamer"  # abroad, at sea without a price, and reported late
    RUNS_DRY = "runs-dry"  # tops up only once nothing works any more
    METER = "meter"  # a connected thing: data only


_STREET: Final = (
    Persona.COMMUTER,
    Persona.FAMILY,
    Persona.CAPPED,
    Persona.RUNS_DRY,
    Persona.ROAMER,
    Persona.TALKER,
    Persona.METER,
    Persona.COMMUTER,
    Persona.RUNS_DRY,
    Persona.COMMUTER,
)
HOUSEHOLDS_MIN: Final = len(_STREET)  # with fewer, someone would be missing
HOUSEHOLDS_MAX: Final = 5_000

# How much they are worth to their operator.
_SEGMENTS: Final = {
    Persona.TALKER: "gold",
    Persona.FAMILY: "gold",
    Persona.RUNS_DRY: "basic",
    Persona.METER: "basic",
}
_SEGMENT_DEFAULT: Final = "silver"
_PLANS: Final = {Persona.FAMILY: "family", Persona.METER: "data-only"}
_OPENING_MICROS: Final = {
    Persona.RUNS_DRY: 6 * EURO,
    Persona.FAMILY: 40 * EURO,
    Persona.METER: 10 * EURO,
}
_OPENING_DEFAULT_MICROS: Final = 20 * EURO


@dataclass(frozen=True, slots=True)
class Line:
    """A SIM: an account pays for it, the network knows it by its identities."""

    account_id: str
    subscriber_id: str
    persona: Persona
    msisdn: Identity
    imsi: Identity
    group_ids: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """How the screen calls it."""
        return f"{self.account_id}/{self.subscriber_id}"


@dataclass(frozen=True, slots=True)
class Cap:
    """A daily ceiling on money."""

    cap_id: str
    holder: CapHolder
    limit_micros: int


@dataclass(frozen=True, slots=True)
class Household:
    """An account and who charges it."""

    account_id: str
    operator: Operator
    persona: Persona
    segment: str
    plan: str
    opening_micros: int
    lines: tuple[Line, ...]
    cap: Cap | None


def household(index: int) -> Household:
    """Return the household of an index, 0 .. HOUSEHOLDS_MAX - 1."""
    persona = _STREET[index % len(_STREET)]
    account_id = f"{persona}-{index:03d}"
    subscribers = ("mum", "dad", "mia", "tom") if persona is Persona.FAMILY else ("sim",)
    return Household(
        account_id=account_id,
        operator=operator_of(index),
        persona=persona,
        segment=_SEGMENTS.get(persona, _SEGMENT_DEFAULT),
        plan=_PLANS.get(persona, "prepaid"),
        opening_micros=_OPENING_MICROS.get(persona, _OPENING_DEFAULT_MICROS),
        lines=tuple(
            Line(
                account_id=account_id,
                subscriber_id=subscriber_id,
                persona=persona,
                msisdn=Identity.msisdn(f"4915{index:07d}{place}"),
                imsi=Identity.imsi(f"26298{index:09d}{place}"),
                group_ids=(KIDS,) if subscriber_id in {"mia", "tom"} else (),
            )
            for place, subscriber_id in enumerate(subscribers)
        ),
        cap=_cap(persona),
    )


def _cap(persona: Persona) -> Cap | None:
    if persona is Persona.FAMILY:
        return Cap("kids-day", CapHolder(group_id=KIDS), EURO)
    if persona is Persona.CAPPED:
        return Cap("my-day", CapHolder(subscriber_id="sim"), 3 * EURO // 2)
    return None
