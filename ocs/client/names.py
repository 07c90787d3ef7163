"""Resource names of the contract."""


def reservation_name(tenant: str, account_id: str, reservation_id: str) -> str:
    """`tenants/{t}/accounts/{a}/reservations/{r}`."""
    return f"tenants/{tenant}/accounts/{account_id}/reservations/{reservation_id}"
