"""What is typed into exact values. Strict: a figure has one spelling, and no float is involved."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

import typer

from ocs.client import Identity, IdentityKind, NextGrant

# Mirrors the contract: quantities stay within 0 .. 2^53-1.
QUANTITY_MAX: Final = 2**53 - 1
MICROS_DIGITS: Final = 6
MICROS_PER_UNIT: Final = 10**MICROS_DIGITS

_WHOLE: Final = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)
_MONEY: Final = re.compile(r"(0|[1-9][0-9]{0,9})(?:\.([0-9]{1,6}))?", re.ASCII)
_SPAN: Final = re.compile(r"(0|[1-9][0-9]{0,7})(s|m|h)", re.ASCII)
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}
_INSTANT: Final = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
    r"(?:Z|[+-][0-9]{2}:[0-9]{2})",
    re.ASCII,
)
_RESERVATION: Final = re.compile(r"[^/]+/[^/]+")
_IDENTITY_KINDS: Final = ", ".join(f"{kind}:" for kind in IdentityKind)

ValueT = TypeVar("ValueT")


def whole(text: str) -> int:
    """A whole number, 0 .. 2^53-1, in plain digits; ValueError otherwise."""
    if _WHOLE.fullmatch(text) is None:
        raise ValueError("must be a whole number in plain digits: no sign, space or leading zero")
    value = int(text)
    if value > QUANTITY_MAX:
        raise ValueError(f"must be at most {QUANTITY_MAX}")
    return value


def next_grant(text: str) -> NextGrant:
    """Units to hold anew: a whole number, or `default` for as many as the tariff says."""
    return NextGrant(None if text == "default" else whole(text))


def money(text: str) -> int:
    """Money in units of the currency, like 12.50, as exact micro-units; ValueError otherwise."""
    matched = _MONEY.fullmatch(text)
    if matched is None:
        raise ValueError("must be money like 12.50: plain digits, at most 6 decimals")
    units, decimals = matched.groups()
    value = int(units) * MICROS_PER_UNIT + int((decimals or "").ljust(MICROS_DIGITS, "0"))
    if value > QUANTITY_MAX:
        raise ValueError(f"must be at most {decimal_of(QUANTITY_MAX)}")
    return value


def decimal_of(micros: int) -> str:
    """Micro-units as exact decimal text with at least two decimals; money reads it back."""
    units, rest = divmod(abs(micros), MICROS_PER_UNIT)
    decimals = f"{rest:0{MICROS_DIGITS}d}"
    kept = decimals[:2] + decimals[2:].rstrip("0")
    return f"{'-' if micros < 0 else ''}{units}.{kept}"


def instant(text: str) -> datetime:
    """A point in time like 2026-11-23T12:00:00Z, to the microsecond; ValueError otherwise."""
    rule = "must be a time like 2026-11-23T12:00:00Z"
    if _INSTANT.fullmatch(text) is None:
        raise ValueError(rule)
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise ValueError(rule) from error


def span(text: str) -> timedelta:
    """A span like 90s, 10m or 24h; ValueError otherwise."""
    matched = _SPAN.fullmatch(text)
    if matched is None:
        raise ValueError("must be a span like 90s, 10m or 24h")
    count, unit = matched.groups()
    return timedelta(seconds=int(count) * _SECONDS[unit])


def seconds(text: str) -> float:
    """A deadline in seconds like 2 or 0.5, above 0; ValueError otherwise."""
    try:
        micros = money(text)
    except ValueError:
        micros = 0
    if micros == 0:
        raise ValueError("must be seconds like 2 or 0.5, above 0")
    return micros / MICROS_PER_UNIT


def identity(text: str) -> Identity:
    """A network identity like msisdn:4915112345678; ValueError otherwise."""
    kind, separator, digits = text.partition(":")
    if not separator or kind not in set(IdentityKind):
        raise ValueError(f"must begin with one of {_IDENTITY_KINDS} e.g. msisdn:4915112345678")
    return Identity(IdentityKind(kind), digits)


@dataclass(frozen=True, slots=True)
class Payer:
    """Who pays: one of the two is set."""

    account_id: str | None
    identity: Identity | None


def payer(text: str) -> Payer:
    """An account id, or a network identity: ids hold no colon. ValueError otherwise."""
    if ":" in text:
        return Payer(None, identity(text))
    return Payer(text, None)


def reservation(text: str, name_of: Callable[[str, str], str]) -> str:
    """A reservation's full name, or ACCOUNT/RESERVATION for short."""
    if _RESERVATION.fullmatch(text) is None:
        return text
    account_id, reservation_id = text.split("/")
    return name_of(account_id, reservation_id)


def event(text: str, tenant: str) -> str:
    """A journal event's full name, or ACCOUNT/NUMBER for short."""
    if _RESERVATION.fullmatch(text) is None:
        return text
    account_id, number = text.split("/")
    return f"tenants/{tenant}/accounts/{account_id}/events/{number}"


@dataclass(frozen=True, slots=True)
class Share:
    """How much a bucket that paid gets back."""

    bucket_id: str
    quantity: int


def share(text: str) -> Share:
    """A bucket and how much it gets, like main=500000; ValueError otherwise."""
    bucket_id, separator, quantity = text.partition("=")
    if not bucket_id or not separator:
        raise ValueError("must be like main=500000")
    return Share(bucket_id, whole(quantity))


def argument(parse: Callable[[str], ValueT]) -> Callable[[str | ValueT], ValueT]:
    """A parser for typer: what breaks its rule is a usage error that says the rule.

    typer hands it the default of an option as well, which is a value already.
    """

    def parser(text: str | ValueT) -> ValueT:
        if not isinstance(text, str):
            return text
        try:
            return parse(text)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error

    return parser
