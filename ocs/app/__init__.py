"""The composition root: settings -> store -> ledger -> service -> server and jobs.

The only place that wires.
"""

from ocs.app.clocks import now_ms
from ocs.app.parts import load_text
from ocs.app.process import run_serve, run_up
from ocs.app.serving import Running, running

__all__ = ["Running", "load_text", "now_ms", "run_serve", "run_up", "running"]
