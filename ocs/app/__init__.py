"""The composition root: settings -> store -> ledger -> service -> server and jobs.

The only place that wires.
"""

from ocs.app.parts import (
    archiving_of,
    credential_file,
    load_text,
    metric_exports,
    rpc_options,
    services,
)
from ocs.app.process import (
    START_ERRORS,
    Figures,
    run_serve,
    run_up,
    spared_collections,
    start,
    who_may_call,
)
from ocs.app.serving import Running, running
from ocs.clocks import now_ms, steady_ms
from ocs.output import say

__all__ = [
    "START_ERRORS",
    "Figures",
    "Running",
    "archiving_of",
    "credential_file",
    "load_text",
    "metric_exports",
    "now_ms",
    "rpc_options",
    "run_serve",
    "run_up",
    "running",
    "say",
    "services",
    "spared_collections",
    "start",
    "steady_ms",
    "who_may_call",
]
