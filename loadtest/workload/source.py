"""Where actors come from: each draws its account and what it does."""

import random
import secrets
from typing import Final

from loadtest.workload.accounts import Payer
from loadtest.workload.actor import Actor, Shared
from loadtest.workload.mix import Mix, Zipf, draw_kind
from loadtest.workload.sequences import Sequences
from loadtest.workload.session import Session
from loadtest.workload.single import Message, TopUp

_ID_BYTES: Final = 5


class Source:
    """The traffic of one process, repeatable by its seed but for the ids."""

    def __init__(self, mix: Mix, account_prefix: str) -> None:
        self.mix = mix
        self._account_prefix = account_prefix
        self._zipf = Zipf(mix.account_count, mix.zipf)
        self._rng = random.Random(mix.seed)
        # The window of a request_id outlives a run, so another run's ids are others.
        prefix = f"l{secrets.token_hex(_ID_BYTES)}"
        self._shared = Shared(self._rng, prefix, mix.resend_share, Sequences())

    def charging(self) -> Actor:
        """A session or message that begins."""
        kind = draw_kind(self._rng)
        made = Message if kind.message else Session
        return made(self._shared, self._payer(), kind)

    def top_up(self) -> Actor:
        """A payment."""
        return TopUp(self._shared, self._payer())

    def _payer(self) -> Payer:
        return Payer(self._account_prefix, self._zipf.draw(self._rng))
