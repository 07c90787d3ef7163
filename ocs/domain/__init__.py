"""The charging rules as pure functions: no I/O, clock, randomness, logging or third party."""
