"""What one call carries beside its request, and what its handler reports back."""

from dataclasses import dataclass


@dataclass(slots=True)
class CallInfo:
    """One call. The wrapper fills in the first part; the handler sets what it learns.

    now_ms: the service's clock when the call arrived. deadline_ms: when the caller stops waiting,
    on the same clock. request_id and account_id are the request's own fields, if it has them.

    For the canonical log line and the metrics: account_id (once an identity or a name is
    resolved), outcome (a name of the domain's Outcome), replayed, and of a new decision the
    currency with what was collected and what nobody could pay, in micro-units.
    """

    method: str
    tenant: str
    actor: str
    now_ms: int
    deadline_ms: int
    request_id: str = ""
    account_id: str = ""
    outcome: str = ""
    replayed: bool = False
    currency: str = ""
    charged_micros: int = 0
    uncollected_micros: int = 0
