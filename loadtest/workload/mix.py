"""The parameters of the canonical workload, and how it draws."""

import random
from argparse import Namespace
from bisect import bisect
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final

ACCOUNTS_MAX: Final = 1_000_000
ZIPF_MAX: Final = 4.0


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of session or message, and how often one begins.

    other_party: E.164 digits, picks the zone. units: least and most requested at a time.
    reports_max: interim reports before the last one. A message is charged at once instead.
    """

    service_id: str
    weight: int
    units: tuple[int, int]
    other_party: str = ""
    reports_max: int = 0
    message: bool = False


_MIB: Final = 1 << 20

# 60 % data, 25 % voice, 15 % messages of what begins. Home, a neighbour, abroad: prices by the
# second, by the second and by the minute.
KINDS: Final = (
    Kind("data", 60, (8 * _MIB, 64 * _MIB), reports_max=6),
    Kind("voice", 17, (60, 600), "4915199887766", reports_max=3),
    Kind("voice", 5, (60, 300), "33612345678", reports_max=2),
    Kind("voice", 3, (60, 240), "12125550123", reports_max=2),
    Kind("sms", 13, (1, 1), "4915199887766", message=True),
    Kind("sms", 2, (1, 1), "12125550123", message=True),
)

# What a top-up credits, and how often; about what four charging calls spend, so that some accounts
# run dry and come back.
TOP_UPS: Final = ((250_000, 40), (500_000, 40), (1_000_000, 20))

# Sessions that end unused, e.g. a call that is not answered.
UNUSED_SHARE: Final = 0.05


@dataclass(frozen=True, slots=True)
class Mix:
    """How the traffic is composed.

    zipf: exponent; account number k is drawn in proportion to 1 / k^zipf, 0 draws all alike.
    top_up_share: of all calls; the rest are reports and reserves. resend_share: of the calls that
    are sent a second time, which must get the same answer.
    """

    account_count: int = 1_000
    zipf: float = 1.0
    top_up_share: float = 0.2
    resend_share: float = 0.01
    seed: int = 1

    def __post_init__(self) -> None:
        if not 1 <= self.account_count <= ACCOUNTS_MAX:
            raise ValueError(f"accounts must be 1 .. {ACCOUNTS_MAX}")
        if not 0 <= self.zipf <= ZIPF_MAX:
            raise ValueError(f"zipf must be 0 .. {ZIPF_MAX:g}")
        if not (0 <= self.top_up_share < 1 and 0 <= self.resend_share < 1):
            raise ValueError("a share must be at least 0 and below 1")


CANONICAL: Final = Mix()


def add_options(parser: Any) -> None:
    """Add the parameters to an argparse parser, or to locust's, which is like one."""
    add, canonical = parser.add_argument, CANONICAL
    add("--accounts", type=int, default=canonical.account_count, help="opened before the run")
    add("--zipf", type=float, default=canonical.zipf, help="exponent; 0 draws accounts alike")
    add("--top-up-share", type=float, default=canonical.top_up_share, help="of all calls")
    add("--resend-share", type=float, default=canonical.resend_share, help="of the calls")
    add("--seed", type=int, default=canonical.seed)


def mix_of(options: Namespace) -> Mix:
    """The mix that is asked for. Raises ValueError if it is out of bounds."""
    return Mix(
        options.accounts, options.zipf, options.top_up_share, options.resend_share, options.seed
    )


class Zipf:
    """Draws numbers 0 .. count - 1, the first most often."""

    def __init__(self, count: int, exponent: float) -> None:
        self._cumulative = list(accumulate((rank + 1) ** -exponent for rank in range(count)))

    def draw(self, rng: random.Random) -> int:
        """Draw one."""
        at = bisect(self._cumulative, rng.random() * self._cumulative[-1])
        return min(at, len(self._cumulative) - 1)


def draw_kind(rng: random.Random) -> Kind:
    """Draw what begins."""
    (kind,) = rng.choices(KINDS, [kind.weight for kind in KINDS])
    return kind


def draw_top_up(rng: random.Random) -> int:
    """Draw what is credited, micro-units."""
    (credit,) = rng.choices(TOP_UPS, [weight for _, weight in TOP_UPS])
    return credit[0]
