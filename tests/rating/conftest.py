"""Prices are tried where cases are: over the specification, and over the scripts in a Valkey."""

from tests.cases.conftest import stage, store

__all__ = ["stage", "store"]
