"""Order within a session: flags, never a reason to refuse use."""

from dataclasses import dataclass, replace

from ocs.domain.reservation import SessionRating


@dataclass(frozen=True, slots=True)
class Order:
    """How a sequence_number stands to the last one of its session and service."""

    reused: bool = False
    gap: bool = False
    out_of_order: bool = False

    @property
    def flags(self) -> str:
        """Letters for the event."""
        return ("g" if self.gap else "") + ("o" if self.out_of_order else "")


def order_of(rating: SessionRating, sequence_number: int) -> Order:
    """Compare; -1 on either side means there is nothing to compare."""
    last = rating.sequence_number
    if sequence_number < 0 or last < 0:
        return Order()
    return Order(
        reused=sequence_number == last,
        gap=sequence_number > last + 1,
        out_of_order=sequence_number < last,
    )


def advance(rating: SessionRating, sequence_number: int) -> SessionRating:
    """Remember the highest number."""
    return replace(rating, sequence_number=max(rating.sequence_number, sequence_number))
