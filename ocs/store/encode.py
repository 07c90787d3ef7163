"""Turns commands into the keys and arguments of their scripts, in the headers' order."""

from collections.abc import Mapping, Sequence
from typing import Final

from ocs.domain.answer import Outcome, Reason
from ocs.domain.commands import Basis, Commit, Debit, GrantWish, Mutation, Release, Reserve
from ocs.domain.known import Profile
from ocs.domain.reservation import ServiceTerms
from ocs.domain.spending_cap import ACCOUNT_HOLDER
from ocs.store import account_encoders, bundle_encoders, keys
from ocs.store.account_encoders import Argument, CapsText, Encoded, Encoder
from ocs.store.keys import AccountKeys
from ocs.store.layout import dash, facts_text, service_terms_text
from ocs.store.scripts import Script, check_binding

CALL_KEYS: Final = ("account", "request", "journal", "due", "holds")
CALL_ARGV: Final = (
    "path",
    "now_ms",
    "server_ms",
    "deadline_ms",
    "fingerprint",
    "request_time_ms",
    "window_ms",
    "context",
)
_PROFILED: Final = ("profile_version", "holder_names")
_SESSION: Final = ("session_id", "sequence_number")
_WISH: Final = ("requested_units", "all_or_nothing", "validity_ms", "jitter_permille")
_USE: Final = ("used_units", "pieces", "prices")
_DEBIT_ARGV: Final = (*_PROFILED, "caps", "refusal", "terms", *_USE, *_SESSION)
_DEBIT_KEYS: Final = ("session", "holders...")

# What each encoder below passes behind the common keys and arguments; compared with the headers.
BINDINGS: Final = {
    "reserve": (
        ("reservation", "session", "holders..."),
        (
            *_PROFILED,
            "caps",
            "refusal",
            "terms",
            "later",
            *_WISH,
            "reservation_id",
            "session_id",
            "subscriber_id",
            "sequence_number",
        ),
    ),
    "commit": (
        ("reservation", "successor", "session", "holders..."),
        (
            *_PROFILED,
            "caps",
            "refusal",
            "facts",
            "reservation_id",
            "successor_id",
            *_USE,
            "step",
            "reject_overrun",
            *_WISH,
            "terms",
            "later",
            "grant_refusal",
            "sequence_number",
        ),
    ),
    "release": (("reservation", "holders..."), (*_PROFILED, "facts", "reservation_id")),
    "debit_authorize": (_DEBIT_KEYS, _DEBIT_ARGV),
    "debit_used": (_DEBIT_KEYS, _DEBIT_ARGV),
    **account_encoders.BINDINGS,
    **bundle_encoders.BINDINGS,
}


def check_bindings(scripts: Mapping[str, Script]) -> None:
    """Compare what is passed here with what each script's header lists.

    Raises:
        ScriptBindingError: the orders differ.
    """
    for name, (key_names, argv_names) in BINDINGS.items():
        check_binding(scripts[name], (*CALL_ARGV, *argv_names), (*CALL_KEYS, *key_names))


def encode(command: Mutation, now_ms: str, server_ms: int, caps_text: CapsText) -> Encoded:
    """Name the script of a command, and spell its keys and arguments.

    now_ms: empty, or a test's clock. caps_text: spells the caps of a profile that count a
    service and zone.
    """
    known = keys.keys_of(command.tenant, command.account_id)
    name, more_keys, more_argv = _ENCODERS[type(command)](command, known, caps_text)
    call_keys = [
        known.account,
        known.request(command.request_id),
        known.journal,
        known.due,
        known.holds,
        *more_keys,
    ]
    argv: list[Argument] = [
        known.path,
        now_ms,
        server_ms,
        command.deadline_ms,
        command.fingerprint,
        command.request_time_ms,
        command.window_ms,
        command.context,
        *more_argv,
    ]
    return name, call_keys, argv


def _holders(profile: Profile | None, at: tuple[str, str]) -> tuple[list[str], str]:
    """Keys and names of the subscriber and its groups."""
    if profile is None or not profile.subscriber_id:
        return [], ""
    subscriber = keys.subscriber_key(*at, profile.subscriber_id)
    groups = [keys.group_key(*at, group) for group in profile.group_ids]
    names = [f"subscriber/{profile.subscriber_id}", *(f"group/{g}" for g in profile.group_ids)]
    return [subscriber, *groups], " ".join(names)


def _caps(caps_text: CapsText, command: Reserve | Debit) -> str:
    profile, terms = command.profile, command.terms
    if terms is None or not profile.caps:
        return ""
    return caps_text(profile, terms.unit, terms.service_id, terms.zone, command.tiers())


def _use(command: Commit | Debit) -> tuple[int, str, str]:
    """How much was used, by which prices, and those that the script does not know itself."""
    if not command.pieces:
        return command.used_units, "", ""
    listed: dict[str, int] = {}
    places = []
    for units, terms in command.pieces:
        place = 0
        if terms is not None:
            place = listed.setdefault(service_terms_text(terms), len(listed) + 1)
        places.append(f"{units}:{place}")
    return command.used_units, ",".join(places), "|".join(listed)


def _priced(command: Reserve | Commit, profile: Profile | None) -> str:
    """The price that a reservation keeps, with the plan that has it."""
    if command.terms is None or profile is None:
        return ""
    return service_terms_text(command.terms, profile.terms.plan, command.change_ms)


def _later(terms: ServiceTerms | None) -> str:
    return "" if terms is None else service_terms_text(terms)


def _wish(wish: GrantWish) -> tuple[int, int, int, int]:
    return (
        wish.requested_units,
        int(wish.all_or_nothing),
        wish.validity_ms,
        wish.jitter_permille,
    )


def _refusal(refusal: Outcome | Reason | None) -> str:
    return "" if refusal is None else refusal.value


def _reserve(command: Reserve, known: AccountKeys, caps_text: CapsText) -> Encoded:
    profile = command.profile
    holders, names = _holders(profile, known.at)
    return (
        "reserve",
        [
            known.reservation(command.reservation_id),
            known.session(command.session_id, command.service_id),
            *holders,
        ],
        [
            profile.version,
            names,
            _caps(caps_text, command),
            _refusal(command.refusal),
            _priced(command, profile),
            _later(command.later),
            *_wish(command.wish),
            command.reservation_id,
            command.session_id,
            dash(profile.subscriber_id),
            command.sequence_number,
        ],
    )


def _commit(command: Commit, known: AccountKeys, caps_text: CapsText) -> Encoded:
    profile, facts = command.profile, command.reservation
    holders, names = _holders(profile, known.at)
    # Without facts the script refuses before it looks at the session.
    session = (facts.session_id, facts.service_id) if facts is not None else ("-", "-")
    successor_id = command.next_reservation_id or command.request_id
    wish = command.wish or GrantWish(requested_units=0)
    caps = ""
    if profile is not None and facts is not None and profile.caps:
        tiers = command.tiers()
        caps = caps_text(profile, facts.unit, facts.service_id, facts.zone, tiers)
    return (
        "commit",
        [
            known.reservation(command.reservation_id),
            known.reservation(successor_id),
            known.session(*session),
            *holders,
        ],
        [
            profile.version if profile is not None else 0,
            names,
            caps,
            _refusal(command.refusal),
            facts_text(facts) if facts is not None else "",
            command.reservation_id,
            successor_id,
            *_use(command),
            command.step.value,
            int(command.reject_overrun),
            *_wish(wish),
            _priced(command, profile),
            _later(command.later),
            _refusal(command.grant_refusal),
            command.sequence_number,
        ],
    )


def _release(command: Release, known: AccountKeys, _: CapsText) -> Encoded:
    profile, facts = command.profile, command.reservation
    holders, names = _holders(profile, known.at)
    return (
        "release",
        [known.reservation(command.reservation_id), *holders],
        [
            profile.version if profile is not None else 0,
            names,
            facts_text(facts) if facts is not None else "",
            command.reservation_id,
        ],
    )


def _debit(command: Debit, known: AccountKeys, caps_text: CapsText) -> Encoded:
    profile, terms = command.profile, command.terms
    holders, names = _holders(profile, known.at)
    return (
        "debit_used" if command.basis is Basis.USED else "debit_authorize",
        [known.session(command.session_id or "-", command.service_id), *holders],
        [
            profile.version,
            names,
            _caps(caps_text, command),
            _refusal(command.refusal),
            service_terms_text(terms) if terms is not None else "",
            *_use(command),
            dash(command.session_id),
            command.sequence_number,
        ],
    )


_ENCODERS: Final[dict[type, Encoder]] = {
    Reserve: _reserve,  # type: ignore[dict-item]  # each takes the type it is listed under
    Commit: _commit,  # type: ignore[dict-item]
    Release: _release,  # type: ignore[dict-item]
    Debit: _debit,  # type: ignore[dict-item]
    **account_encoders.ENCODERS,
    **bundle_encoders.ENCODERS,
}


def holder_names(profile: Profile) -> Sequence[str]:
    """Names of the holders whose caps may bind, in the order of the script's keys."""
    if not profile.subscriber_id:
        return [ACCOUNT_HOLDER]
    groups = [f"group/{group}" for group in profile.group_ids]
    return [ACCOUNT_HOLDER, f"subscriber/{profile.subscriber_id}", *groups]
