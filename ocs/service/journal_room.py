"""Whether the journal has room in the store's memory: without, nothing new is granted."""

from ocs.domain.answer import Reason
from ocs.service.errors import ServiceError


class JournalRoom:
    """What was measured last. A journal that nobody archives must not fill the store."""

    def __init__(self) -> None:
        self.used_bytes = 0
        self.limit_bytes = 0

    def note(self, used_bytes: int, limit_bytes: int) -> None:
        """Take a measurement. limit_bytes: 0 for none."""
        self.used_bytes = used_bytes
        self.limit_bytes = limit_bytes

    @property
    def full(self) -> bool:
        """Whether grants and sales have to stop."""
        return 0 < self.limit_bytes < self.used_bytes

    @property
    def pressed(self) -> bool:
        """Whether what is archived should go at once: half of the room is taken."""
        return 0 < self.limit_bytes < 2 * self.used_bytes

    def check(self) -> None:
        """Raise ServiceError if there is no room."""
        if self.full:
            raise ServiceError(Reason.JOURNAL_FULL)
