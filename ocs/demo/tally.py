"""What a gateway counts: plain whole numbers under names, so that they travel and add up."""

from collections import Counter
from typing import Final

from ocs.client import Charge, CommitResult, DebitResult, GrantResult, Outcome
from ocs.client.errors import OcsError
from ocs.demo.figures import of_currency

REFUSED: Final = "refused."
FAILED: Final = "failed."
REPLAY_DIFFERS: Final = "REPLAY_DIFFERS"
DECISIONS: Final = frozenset({Outcome.GRANTED, Outcome.CHARGED, Outcome.RELEASED})
SERVICES: Final = ("data", "voice", "sms", "esim_activation")


class Tally:
    """The counters of one gateway since it began; money under the name of its currency."""

    def __init__(self, currency: str) -> None:
        self.currency = currency
        self.counts: Counter[str] = Counter()

    def answered(self, service_id: str, result: object) -> None:
        """Count the answer of a charging call."""
        counts = self.counts
        counts["operations"] += 1
        counts["charges"] += 1
        counts[f"{service_id}.charges"] += 1
        match result:
            case GrantResult(outcome=outcome):
                self._decided(service_id, outcome)
            case CommitResult(charge=charge, grant=grant):
                self._charged(service_id, charge)
                if grant is not None:
                    self._decided(service_id, grant.outcome)
            case DebitResult(outcome=outcome, charge=charge):
                self._decided(service_id, outcome)
                self._charged(service_id, charge)

    def kept(self) -> None:
        """Count the answer of another mutation: an account, a line, a cap, a bucket."""
        self.counts["operations"] += 1

    def topped_up(self, micros: int) -> None:
        """Count money paid in."""
        self.counts["top_ups"] += 1
        self._money("topped_up_micros", micros)

    def held(self, micros: int) -> None:
        """Take note of the money held now."""
        self.counts[of_currency("held_micros", self.currency)] = micros

    def resent(self, *, same: bool) -> None:
        """Count an answer that was sent for once more: it must say what the first one said."""
        self.counts["replays" if same else FAILED + REPLAY_DIFFERS] += 1

    def failed(self, error: OcsError) -> None:
        """Count a call that ended without a decision."""
        self.counts[FAILED + (error.reason or error.code)] += 1

    def _decided(self, service_id: str, outcome: Outcome) -> None:
        if outcome in DECISIONS:
            self.counts["granted"] += 1
            self.counts[f"{service_id}.granted"] += 1
        else:
            self.counts["refused"] += 1
            self.counts[f"{service_id}.refused"] += 1
            self.counts[REFUSED + outcome] += 1

    def _charged(self, service_id: str, charge: Charge) -> None:
        counts = self.counts
        self._money("collected_micros", charge.charged_micros)
        self._money("uncollected_micros", charge.uncollected_micros)
        counts["late"] += charge.late
        counts[f"{service_id}.units"] += charge.charged_units
        self._money(f"{service_id}.collected_micros", charge.charged_micros)

    def _money(self, name: str, micros: int) -> None:
        self.counts[of_currency(name, self.currency)] += micros


def named(counts: Counter[str], prefix: str) -> list[tuple[str, int]]:
    """The counters under a prefix that counted anything, the largest first."""
    found = [
        (name.removeprefix(prefix), count)
        for name, count in counts.items()
        if name.startswith(prefix) and count
    ]
    return sorted(found, key=lambda one: (-one[1], one[0]))
