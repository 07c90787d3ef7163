"""The tariff books that a server charges by, and how long it may still trust them."""

from collections.abc import Callable, Mapping

from ocs.domain.answer import Reason
from ocs.domain.tariff import Tariff
from ocs.domain.tariff_book import TariffBook
from ocs.limits import BOOK_CONFIRMED_MAX_MS
from ocs.service.errors import ServiceError


def _never() -> int:
    return 0


class Books:
    """One book for each tenant that has one, the installation's for the others.

    Whoever keeps them replaces them as a whole and confirms them each second; grants ask whether
    they were confirmed lately, so that none is priced by a book that others have replaced.
    """

    def __init__(self, installation: TariffBook, steady_ms: Callable[[], int]) -> None:
        """steady_ms: a clock that is never set."""
        self._installation = installation
        self._tenants: Mapping[str, TariffBook] = {}
        self._steady_ms = steady_ms
        self._confirmed_ms = steady_ms()

    @classmethod
    def fixed(cls, tariff: Tariff) -> "Books":
        """One tariff for everyone and for ever, which nobody has to confirm."""
        return cls.of_book(TariffBook.of(tariff))

    @classmethod
    def of_book(cls, book: TariffBook) -> "Books":
        """One book for everyone and for ever."""
        return cls(book, _never)

    def of(self, tenant: str) -> TariffBook:
        """Return the book of a tenant."""
        return self._tenants.get(tenant, self._installation)

    def replace(self, installation: TariffBook, tenants: Mapping[str, TariffBook]) -> None:
        """Charge by these from now on."""
        self._installation = installation
        self._tenants = tenants

    def confirm(self, asked_ms: int) -> None:
        """Note that the books are those of the store. asked_ms: when it was asked, steady."""
        self._confirmed_ms = asked_ms

    @property
    def confirmed(self) -> bool:
        """Whether they were confirmed within the last 3 s."""
        return self._steady_ms() - self._confirmed_ms <= BOOK_CONFIRMED_MAX_MS

    def check(self) -> None:
        """Raise ServiceError unless grants may go by them."""
        if not self.confirmed:
            raise ServiceError(Reason.TARIFF_UNCONFIRMED)
