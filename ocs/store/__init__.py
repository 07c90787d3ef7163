"""Adapters of the ports over Valkey: keys, Lua scripts, ledger and event log; knows no RPC."""
