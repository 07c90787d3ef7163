"""Encoders of bundles and thresholds: what each command passes behind the common part."""

from typing import Final

from ocs.domain.bundle import Bundle, BundleContent
from ocs.domain.commands import (
    CancelBundleRenewal,
    PurchaseBundle,
    RenewBundle,
    SetBucketThreshold,
)
from ocs.store.account_encoders import Argument, CapsText, Encoded, Encoder
from ocs.store.keys import AccountKeys
from ocs.store.layout import dash, service_terms_text

_SALE: Final = ("profile_version", "caps", "refusal", "terms", "bundle", "bundle_id")

# Compared with the headers; see ocs.store.encode.
BINDINGS: Final[dict[str, tuple[tuple[str, ...], tuple[str, ...]]]] = {
    "purchase_bundle": ((), (*_SALE, "renew")),
    "renew_bundle": ((), (*_SALE, "due_ms")),
    "cancel_bundle_renewal": ((), ("bundle_id",)),
    "set_bucket_threshold": ((), ("bucket_id", "unit", "threshold")),
}


def _purchase(command: PurchaseBundle, known: AccountKeys, caps_text: CapsText) -> Encoded:
    del known
    return "purchase_bundle", [], [*_sale(command, caps_text), int(command.renew)]


def _renew(command: RenewBundle, known: AccountKeys, caps_text: CapsText) -> Encoded:
    del known
    return "renew_bundle", [], [*_sale(command, caps_text), command.due_ms]


def _sale(command: PurchaseBundle | RenewBundle, caps_text: CapsText) -> list[Argument]:
    profile, bundle, refusal = command.profile, command.bundle, command.refusal
    caps = terms = text = ""
    if bundle is not None:
        metered = bundle.terms()
        caps = caps_text(profile, metered.unit, metered.service_id, metered.zone, ())
        terms = service_terms_text(metered)
        text = _bundle_text(bundle, command.month_ends)
    said = "" if refusal is None else refusal.value
    return [profile.version, caps, said, terms, text, command.bundle_id]


def _bundle_text(bundle: Bundle, month_ends: tuple[int, int]) -> str:
    """Spell a bundle as lib/parse_bundle reads it."""
    figures = (bundle.price_micros, bundle.span_ms, *month_ends, bundle.renewals)
    return " ".join([*map(str, figures), *map(_content_text, bundle.contents)])


def _content_text(content: BundleContent) -> str:
    services, zones = dash(",".join(content.service_ids)), dash(",".join(content.zones))
    threshold = str(content.threshold) if content.threshold >= 0 else "-"
    figures = (content.quantity, content.roll_over, threshold)
    return ":".join(map(str, (content.unit, content.priority, services, zones, *figures)))


def _cancel(command: CancelBundleRenewal, known: AccountKeys, _: CapsText) -> Encoded:
    del known
    return "cancel_bundle_renewal", [], [command.bundle_id]


def _threshold(command: SetBucketThreshold, known: AccountKeys, _: CapsText) -> Encoded:
    del known
    threshold = str(command.threshold) if command.threshold >= 0 else "-"
    return "set_bucket_threshold", [], [command.bucket_id, command.unit.value, threshold]


ENCODERS: Final[dict[type, Encoder]] = {
    PurchaseBundle: _purchase,  # type: ignore[dict-item]  # each takes the type it is listed under
    RenewBundle: _renew,  # type: ignore[dict-item]
    CancelBundleRenewal: _cancel,  # type: ignore[dict-item]
    SetBucketThreshold: _threshold,  # type: ignore[dict-item]
}
