"""The clocks of a process."""

import time


def now_ms() -> int:
    """Return the service's clock: milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000


def steady_ms() -> int:
    """Return a clock that is never set, milliseconds."""
    return time.monotonic_ns() // 1_000_000
