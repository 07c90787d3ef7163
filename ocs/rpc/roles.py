"""Who may call what: one table of the contract's methods, and the roles that open each.

What is not in the table is closed to everyone; tests/security holds it against the descriptors.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Role(StrEnum):
    """What a credential is for; it may carry several."""

    GATEWAY = "gateway"
    """Charges use: a network gateway or charging function."""
    TOP_UP = "top_up"
    """Credits payments and sells bundles: a shop, a voucher system."""
    OPERATOR = "operator"
    """Keeps accounts, lines and caps, and reads everything."""
    READER = "reader"
    """Reads everything."""


_CHARGE: Final = frozenset({Role.GATEWAY})
_UNDO: Final = frozenset({Role.GATEWAY, Role.OPERATOR})
_CREDIT: Final = frozenset({Role.TOP_UP, Role.OPERATOR})
_KEEP: Final = frozenset({Role.OPERATOR})
_READ: Final = frozenset({Role.OPERATOR, Role.READER})
_ASK: Final = _CHARGE | _READ
# Both have a number and need its account.
_LOOK_UP: Final = frozenset(Role)
_NOBODY: Final[frozenset[Role]] = frozenset()

ROLES: Final[Mapping[str, frozenset[Role]]] = MappingProxyType(
    {
        "ocs.v1.ChargingService/Reserve": _CHARGE,
        "ocs.v1.ChargingService/Commit": _CHARGE,
        "ocs.v1.ChargingService/Release": _CHARGE,
        "ocs.v1.ChargingService/Debit": _CHARGE,
        "ocs.v1.ChargingService/Refund": _UNDO,
        "ocs.v1.ChargingService/CorrectCharge": _KEEP,
        "ocs.v1.ChargingService/Quote": _ASK,
        "ocs.v1.ChargingService/ExplainCharge": _READ,
        "ocs.v1.ChargingService/GetReservation": _ASK,
        "ocs.v1.ChargingService/ListReservations": _READ,
        "ocs.v1.ChargingService/GetRequest": frozenset(Role),
        # Opens the stream; each item is held to its own method's row.
        "ocs.v1.ChargingService/ChargeStream": _CHARGE,
        "ocs.v1.AccountService/CreateAccount": _KEEP,
        "ocs.v1.AccountService/GetAccount": _READ,
        "ocs.v1.AccountService/SuspendAccount": _KEEP,
        "ocs.v1.AccountService/ResumeAccount": _KEEP,
        "ocs.v1.AccountService/CloseAccount": _KEEP,
        "ocs.v1.AccountService/UpdateAccount": _KEEP,
        "ocs.v1.AccountService/ListAccounts": _READ,
        "ocs.v1.AccountService/AddSubscriber": _KEEP,
        "ocs.v1.AccountService/RemoveSubscriber": _KEEP,
        "ocs.v1.AccountService/UpdateSubscriber": _KEEP,
        "ocs.v1.AccountService/LookupSubscriber": _LOOK_UP,
        "ocs.v1.AccountService/TopUp": _CREDIT,
        "ocs.v1.AccountService/WithdrawBalance": _KEEP,
        "ocs.v1.AccountService/AdjustBucket": _KEEP,
        "ocs.v1.AccountService/ReverseTopUp": _CREDIT,
        "ocs.v1.AccountService/SetBucketThreshold": _KEEP,
        "ocs.v1.AccountService/ListChargingEvents": _READ,
        "ocs.v1.SpendingCapService/SetSpendingCap": _KEEP,
        "ocs.v1.SpendingCapService/DeleteSpendingCap": _KEEP,
        "ocs.v1.SpendingCapService/ListSpendingCaps": _READ,
        "ocs.v1.BundleService/PurchaseBundle": _CREDIT,
        "ocs.v1.BundleService/CancelBundleRenewal": _CREDIT,
        "ocs.v1.BundleService/ListBundles": _READ | _CREDIT,
        "ocs.v1.TariffService/LoadTariff": _KEEP,
        "ocs.v1.TariffService/ActivateTariff": _KEEP,
        "ocs.v1.TariffService/GetTariff": _READ,
        "ocs.v1.TariffService/ListTariffs": _READ,
        "ocs.v1.TariffService/DiffTariffs": _READ,
        "ocs.v1.InsightsService/GetRevenue": _READ,
        "ocs.v1.InsightsService/GetUsage": _READ,
        "ocs.v1.InsightsService/ListRefusals": _READ,
        "ocs.v1.InsightsService/GetPosition": _READ,
        "ocs.v1.InsightsService/ListLimits": _READ,
        "ocs.v1.InsightsService/ListEvents": _READ,
        "ocs.v1.InsightsService/ListTimeline": _READ,
        "ocs.v1.InsightsService/RunQuery": _KEEP,
        "ocs.v1.InsightsService/ExportEvents": _KEEP,
        "ocs.v1.InsightsService/WatchNow": _READ,
    }
)


def roles_for(method: str) -> frozenset[Role]:
    """The roles that may call a method, `package.Service/Method`; nobody if it is not listed."""
    return ROLES.get(method, _NOBODY)
