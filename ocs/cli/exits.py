"""The exit codes, and what the client's errors mean to someone at a terminal."""

from typing import Final

from ocs.client import (
    AlreadyExistsError,
    DeadlineExceededError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    OcsError,
    Outcome,
    PermissionDeniedError,
    ResourceExhaustedError,
    UnauthenticatedError,
    UnavailableError,
    UnknownOutcomeError,
)

DONE: Final = 0
FAULT: Final = 1
USAGE: Final = 2
REFUSED: Final = 3
REQUEST: Final = 4
UNAVAILABLE: Final = 5

MEANINGS: Final = {
    DONE: "done, or granted",
    FAULT: "the audit found a difference, the doctor a fault, or the service failed",
    USAGE: "the command line is wrong; nothing was sent",
    REFUSED: "refused by a business decision: credit, cap, service, price",
    REQUEST: "the request does not fit: bad field, unknown, taken, wrong state, not allowed",
    UNAVAILABLE: "not available, or the outcome is unknown; safe to repeat as the text says",
}

_CODES: Final[tuple[tuple[type[OcsError], int], ...]] = (
    (UnknownOutcomeError, UNAVAILABLE),
    (UnavailableError, UNAVAILABLE),
    (DeadlineExceededError, UNAVAILABLE),
    (ResourceExhaustedError, UNAVAILABLE),
    (InvalidArgumentError, REQUEST),
    (NotFoundError, REQUEST),
    (AlreadyExistsError, REQUEST),
    (FailedPreconditionError, REQUEST),
    (PermissionDeniedError, REQUEST),
    (UnauthenticatedError, REQUEST),
)

_BY_REASON: Final = {
    "CREDENTIAL_MISSING": "put your token into OCS_TOKEN, or name its --token-file",
    "CREDENTIAL_UNKNOWN": "check OCS_TOKEN; an operator makes a new one with `ocs token new`",
    "CREDENTIAL_EXPIRED": "ask an operator for a new token, made with `ocs token new`",
    "ROLE_MISSING": "use a credential that has the role; see docs/operations.md",
    "INVALID_FIELD": "correct the field and run it again",
    "ACCOUNT_NOT_FOUND": "check the account id, or open it with `ocs account create`",
    "SUBSCRIBER_NOT_FOUND": "check the id or identity, or add it with `ocs subscriber add`",
    "RESERVATION_NOT_FOUND": "check the name; after an hour report the use with `ocs debit`",
    "REQUEST_NOT_FOUND": "not applied so far, or forgotten; see `ocs events`",
    "BUCKET_NOT_FOUND": "check the bucket id; see `ocs account show`",
    "PAYMENT_NOT_FOUND": "check the reference; see `ocs events`",
    "EVENT_NOT_FOUND": "see the numbers of its events with `ocs events`",
    "SUBSCRIBER_HOLDS_RESERVATIONS": "commit or release what `ocs reservation list` shows of it",
    "BUNDLE_NOT_FOUND": "see what is for sale with `ocs bundle list`",
    "RENEWAL_NOT_FOUND": "see what renews with `ocs bundle list`",
    "RENEWAL_NOT_OFFERED": "buy it without --renew",
    "RENEWAL_EXISTS": "buy it without --renew, or cancel the renewal first",
    "CAP_NOT_FOUND": "see the caps of a holder with `ocs cap list`",
    "TARIFF_REFUSED": "correct the file; `ocs tariff check` reads it the same way",
    "QUERY_TOO_LONG": "ask for a shorter range, fewer dimensions or rows",
    "FIGURES_BEHIND": "wait until they are, or export what there is with --partial",
    "SQL_REFUSED": "correct the SELECT; docs/operations.md lists the tables",
    "TARIFF_NOT_FOUND": "see the versions with `ocs tariff list`",
    "TARIFF_EXISTS": "give the changed tariff another version",
    "TARIFF_SCHEDULED": "see when with `ocs tariff list`; a later version can replace it",
    "ACTIVATION_TOO_SOON": "give a time at least 5 s ahead",
    "ACTIVATION_TAKEN": "give another time; see `ocs tariff list`",
    "TOO_MANY_TARIFFS": "load fewer versions",
    "TARIFF_UNCONFIRMED": "see in the log why the server does not read the tariff book",
    "REFUND_EXCEEDS": "see `ocs events` what it collected, and what was refunded of it",
    "BALANCE_TOO_LOW": "take less; see `ocs account show`",
    "TOP_UP_ALREADY_USED": "give --allow-partial to take back what is left, if anything is",
    "TOP_UP_REVERSED": "this payment is taken back already; see `ocs events`",
    "ACCOUNT_EXISTS": "see what it is with `ocs account show`",
    "SUBSCRIBER_EXISTS": "choose another subscriber id",
    "IDENTITY_TAKEN": "see whose it is with `ocs subscriber lookup`",
    "REQUEST_ID_REUSED": "repeat the command exactly as it was, or leave --request-id out",
    "RESERVATION_EXISTS": "choose another --reservation-id, or leave it out",
    "SEQUENCE_NUMBER_REUSED": "give the session's next --sequence-number",
    "PAYMENT_REFERENCE_USED": "this payment is credited already; see `ocs events`",
    "REQUEST_TOO_OLD": "see `ocs events` whether it happened before making it anew",
    "RESERVATION_CLOSED": "report further use with `ocs debit --basis used`",
    "RESERVATION_EXPIRED": "nothing is held any more; report use with `ocs commit`",
    "COMMIT_EXCEEDS_RESERVED": "leave --reject-overrun out to charge what is available",
    "UNIT_MISMATCH": "leave --unit out, or give the service's own",
    "CURRENCY_MISMATCH": "give the account's currency; see `ocs account show`",
    "BALANCE_LIMIT": "credit less",
    "TOP_UP_EXPIRED": "give an --expire-time in the future",
    "BUCKET_MISMATCH": "credit the bucket without terms, or choose another --bucket",
    "TOO_MANY_BUCKETS": "credit an existing --bucket; see `ocs account show`",
    "TOO_MANY_CAPS": "replace an existing cap; see `ocs cap list`",
    "CAP_MISMATCH": "set a cap under another id; only a limit can be replaced",
    "ACCOUNT_CLOSED": "a closed account takes use and nothing else; open another one",
    "ACCOUNT_HOLDS_RESERVATIONS": "commit or release them; see `ocs account show`",
    "ACCOUNT_HAS_BALANCE": "bring every balance to 0; see `ocs account show`",
    "ETAG_MISMATCH": "see what changed with `ocs account show`, then give its etag",
    "CHARGE_LIMIT": "ask for fewer units",
    "CLOCK_SKEW": "set the clocks of service and store right",
    "STORE_UNAVAILABLE": "see whether the store runs, then run it again",
    "DEADLINE_TOO_SHORT": "give a longer --timeout",
    "SERVICE_STOPPING": "run it again; another process serves, or this one soon",
    "OVERLOADED": "come back a little later",
    "TOO_MANY_REFUSALS": "see in the log what is sent wrong again and again",
    "STORE_FULL": "give the store more memory; commits still work",
    "JOURNAL_FULL": "see in the log why the journal is not archived; commits still work",
    "ARCHIVE_UNREADABLE": "see in the log which part of the archive is missing or damaged",
    "ACCOUNT_BUSY": "run it again",
    "STATE_CORRUPT": "leave the account as it is and call an operator; `ocs audit` says more",
}

_BY_CODE: Final = {
    UNAVAILABLE: "start the service with `ocs up`, or give its --target, and its --tls-ca if it"
    " has one; then run it again",
    REQUEST: "see `--help` of the command",
    FAULT: "look into the log of the service",
}

_BY_OUTCOME: Final = {
    Outcome.CREDIT_LIMIT_REACHED: "top up with `ocs top-up`, then ask under a new request_id",
    Outcome.SPENDING_CAP_REACHED: "see `ocs cap list`; wait for the reset, or raise the cap",
    Outcome.SERVICE_DENIED: "the account's plan does not offer the service; see `ocs account show`",
    Outcome.RATING_FAILED: "the tariff has no price for this service and zone",
    Outcome.TOO_MANY_BUCKETS: "wait until some have ended; see `ocs account show`",
    Outcome.TOO_MANY_RESERVATIONS: "commit or release some; see `ocs account show`",
    Outcome.ACCOUNT_SUSPENDED: "allow grants again with `ocs account resume`",
    Outcome.ACCOUNT_CLOSED: "the account is closed for ever; see `ocs events` why",
    Outcome.GRANT_MAX_EXCEEDED: "ask for less, or without --all-or-nothing; see `ocs quote`",
    Outcome.OUT_OF_ORDER: "report with the session's next --sequence-number",
}


def code_of(error: OcsError) -> int:
    """The exit code of a failed call."""
    return next((code for kind, code in _CODES if isinstance(error, kind)), FAULT)


def next_step(error: OcsError) -> str:
    """What to do about a failed call, in one line."""
    if isinstance(error, UnknownOutcomeError) and error.request_time is not None:
        sent = error.request_time.isoformat().replace("+00:00", "Z")
        return (
            "repeat the command with"
            f" --request-id {error.request_id} --request-time {sent}: it is applied once at most"
        )
    return _BY_REASON.get(error.reason) or _BY_CODE[code_of(error)]


def next_step_after(outcome: Outcome) -> str:
    """What to do about a refusal, in one line."""
    return _BY_OUTCOME.get(outcome, "see docs/cli.md")


def epilog() -> str:
    """The exit codes on one line, for `ocs --help`."""
    return "Exit codes: " + "; ".join(f"{code} {text}" for code, text in MEANINGS.items()) + "."
