"""The credentials file: what may stand in it, and what happens when it changes."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import grpc
import pytest

from ocs.limits import CALLERS_REMEMBERED_MAX, CREDENTIALS_BYTES_MAX, CREDENTIALS_MAX
from ocs.rpc.credential_file import CredentialFile
from ocs.rpc.credentials import (
    Caller,
    Credentials,
    CredentialsError,
    entry_text,
    hash_of,
    new_token,
    parse_credentials,
)
from ocs.rpc.errors import RefusedError
from ocs.rpc.identity import CredentialGate
from ocs.rpc.roles import Role
from ocs.store.embedded import EmbeddedValkey
from tests.security.support import Known, caller, credential, guarded, until, write

NOW_MS = 1_795_000_000_000
HASH = "0" * 64
GOOD = {"id": "gw", "tenant": "main", "roles": ["gateway"], "token_sha256": HASH}


def toml(*entries: dict[str, Any]) -> str:
    lines = []
    for entry in entries:
        lines.append("[[credential]]")
        lines += [f"{name} = {json.dumps(value)}" for name, value in entry.items()]
    return "\n".join(lines)


class Context:
    """A call with these headers."""

    def __init__(self, *values: str | bytes) -> None:
        self.values = values

    def invocation_metadata(self) -> list[tuple[str, str | bytes]]:
        return [("user-agent", "x"), *(("authorization", value) for value in self.values)]

    def auth_context(self) -> dict[str, list[bytes]]:
        return {"transport_security_type": [b"ssl"]}


def asked(gate: CredentialGate, *values: str | bytes, now_ms: int = NOW_MS) -> Caller | str:
    """Who calls, or why nobody does."""
    context: Any = Context(*values)
    try:
        return gate.identify(context, now_ms)
    except RefusedError as refused:
        return refused.reason


def test_a_token_has_256_random_bits_and_is_kept_as_its_hash() -> None:
    tokens = {new_token() for _ in range(100)}

    assert len(tokens) == 100
    assert all(token.startswith("ocs_") and len(token) == 4 + 43 for token in tokens)
    assert all(token not in credential("x").entry for token in tokens)


def test_an_entry_reads_back() -> None:
    token, then = new_token(), datetime(2027, 1, 1, tzinfo=UTC)
    text = entry_text(
        actor="gw-1", tenant="mvno", roles=["gateway", "reader"],
        token_sha256=hash_of(token), expires=then,
    )  # fmt: skip

    found = parse_credentials(text).by_token(token)

    assert found == Caller(
        "mvno", "gw-1", frozenset({Role.GATEWAY, Role.READER}), int(then.timestamp() * 1000)
    )
    assert parse_credentials(text).by_token(token[:-1]) is None
    assert token not in repr(parse_credentials(text))


def test_no_entries_are_nobody() -> None:
    assert parse_credentials("").count == 0
    assert asked(CredentialGate(Credentials()), f"Bearer {new_token()}") == "CREDENTIAL_UNKNOWN"


@pytest.mark.parametrize(
    ("entry", "rule"),
    [
        ({"id": ""}, "credential 1: id must be"),
        ({"id": "a b"}, "credential 1: id must be"),
        ({"id": "a\n"}, "credential 1: id must be"),
        ({"id": "x" * 129}, "credential 1: id must be"),
        ({"id": 7}, "credential 1: id must be"),
        ({"tenant": "{}"}, "credential 1: tenant must be"),
        ({"roles": []}, "credential 1: roles must be some of gateway, top_up, operator, reader"),
        ({"roles": ["boss"]}, "credential 1: roles must be some of"),
        ({"roles": "gateway"}, "credential 1: roles must be some of"),
        ({"roles": [["gateway"]]}, "credential 1: roles must be some of"),
        ({"token_sha256": "0" * 63}, "credential 1: token_sha256 must be 64"),
        ({"token_sha256": "A" * 64}, "credential 1: token_sha256 must be 64"),
        ({"token_sha256": ["0"]}, "credential 1: token_sha256 must be 64"),
        ({"certificate": "gateway"}, "credential 1: certificate must be CN:name or URI:name"),
        ({"certificate": "CN:"}, "credential 1: certificate must be"),
        ({"expires": "2027-01-01"}, "credential 1: expires must be a time"),
        ({"token": "ocs_secret"}, "credential 1: may have only"),
    ],
)
def test_a_bad_entry_is_named_by_number_and_rule(entry: dict[str, Any], rule: str) -> None:
    with pytest.raises(CredentialsError) as caught:
        parse_credentials(toml({**GOOD, **entry}))

    assert str(caught.value).startswith(rule)
    assert "ocs_secret" not in str(caught.value)


@pytest.mark.parametrize("missing", ["id", "tenant", "roles", "token_sha256"])
def test_an_entry_says_all_that_is_needed(missing: str) -> None:
    entry = {name: value for name, value in GOOD.items() if name != missing}

    with pytest.raises(CredentialsError, match="credential 1: "):
        parse_credentials(toml(entry))


def test_a_time_without_an_offset_is_no_time() -> None:
    with pytest.raises(CredentialsError, match="expires must be a time with its offset"):
        parse_credentials(toml(GOOD) + "\nexpires = 2027-01-01T00:00:00")


def test_a_token_has_one_owner() -> None:
    other = {**GOOD, "id": "other"}
    certificates = [
        {"id": name, "tenant": "main", "roles": ["reader"], "certificate": "CN:x"} for name in "ab"
    ]

    for entries in ([GOOD, other], certificates):
        with pytest.raises(CredentialsError, match="credential 2: its token or certificate"):
            parse_credentials(toml(*entries))


def test_one_actor_may_have_two_tokens() -> None:
    """So that a token can be exchanged without a gap."""
    assert parse_credentials(toml(GOOD, {**GOOD, "token_sha256": "1" * 64})).count == 2


def test_the_file_is_bounded() -> None:
    entries = [{**GOOD, "token_sha256": f"{n:064x}"} for n in range(CREDENTIALS_MAX + 1)]

    assert parse_credentials(toml(*entries[1:])).count == CREDENTIALS_MAX
    with pytest.raises(CredentialsError, match=f"at most {CREDENTIALS_MAX}"):
        parse_credentials(toml(*entries))


@pytest.mark.parametrize(
    "text", ["credential = 1", "[credential]\nid = 'x'", "[other]", "a = [", "a = " + "[" * 99_999]
)
def test_another_document_is_refused(text: str) -> None:
    with pytest.raises(CredentialsError, match="must be"):
        parse_credentials(text)


def test_what_is_remembered_is_bounded_and_forgotten_with_the_file() -> None:
    known = credential("gw")
    gate = CredentialGate(parse_credentials(known.entry))
    spellings = ["bearer ", "Bearer ", "BEARER "]
    for spelling in spellings:
        assert asked(gate, spelling + known.token) == gate._credentials.by_token(known.token)
    for _ in range(3):
        assert asked(gate, "Bearer " + new_token()) == "CREDENTIAL_UNKNOWN"

    assert len(gate._remembered) == len(spellings)
    filler = dict.fromkeys(map(str, range(CALLERS_REMEMBERED_MAX)), Caller("", "", frozenset()))
    gate._remembered = filler
    asked(gate, "Bearer " + known.token)
    assert len(gate._remembered) == 1

    gate.use(Credentials())
    assert asked(gate, "Bearer " + known.token) == "CREDENTIAL_UNKNOWN"


def test_a_token_ends_on_time_though_it_is_remembered() -> None:
    end = datetime.fromtimestamp(NOW_MS / 1000, UTC)
    known = credential("gw", expires=end)
    gate = CredentialGate(parse_credentials(known.entry))
    header = "Bearer " + known.token

    assert isinstance(asked(gate, header, now_ms=NOW_MS - 1), Caller)
    assert asked(gate, header, now_ms=NOW_MS) == "CREDENTIAL_EXPIRED"
    assert isinstance(asked(gate, header, now_ms=NOW_MS - 1), Caller)


def test_headers_that_are_no_text() -> None:
    gate = CredentialGate(Credentials())

    assert asked(gate, b"Bearer x") == "CREDENTIAL_UNKNOWN"
    assert asked(gate) == "CREDENTIAL_MISSING"
    assert asked(gate, "") == "CREDENTIAL_MISSING"
    assert asked(gate, "Bearer \udcff") == "CREDENTIAL_UNKNOWN"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"\xff", "must be UTF-8"),
        (b"[[credential]]", "credential 1: needs an id and a tenant"),
        (b"#" * (CREDENTIALS_BYTES_MAX + 1), "must be at most 4194304 bytes"),
    ],
)
def test_a_file_that_is_unfit_at_the_start_is_an_error(
    content: bytes | None, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "secret-place"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(CredentialsError) as caught:
        CredentialFile(path, lambda _: None)

    assert str(caught.value) == f"OCS_CREDENTIALS_PATH: {message}"


async def test_a_changed_file_counts_and_a_broken_one_does_not(tmp_path: Path) -> None:
    path, told = tmp_path / "credentials", list[bool]()
    old, new = credential("old"), credential("new")
    write(path, [old])
    file = CredentialFile(path, told.append)

    def accepted(known: Known) -> bool:
        return isinstance(asked(file.gate, "Bearer " + known.token), Caller)

    await file.refresh()
    assert (told, accepted(old), accepted(new)) == ([], True, False)

    write(path, [new])
    await file.refresh()
    assert (told, accepted(old), accepted(new)) == ([True], False, True)

    for broken in ("[[credential]]", "nonsense", None):
        if broken is None:
            path.unlink()
        else:
            path.write_text(broken)
        await file.refresh()
        await file.refresh()  # told once
        assert (told[-1], accepted(old), accepted(new)) == (False, False, True)
    assert told == [True, False, False, False]

    write(path, [old])
    await file.refresh()
    assert (told[-1], accepted(old), accepted(new)) == (True, True, False)

    path.write_text("")  # shuts everyone out
    await file.refresh()
    assert (told[-1], accepted(old), accepted(new)) == (True, False, False)


async def test_a_server_takes_a_change_up_by_itself(store: EmbeddedValkey, tmp_path: Path) -> None:
    path = tmp_path / "credentials"
    old, new = credential("old"), credential("new")
    write(path, [old])
    async with (
        guarded(store, credentials_path=path) as server,
        caller(server, old) as before,
        caller(server, new) as after,
    ):
        assert (await before.refused("Reserve")).reason == "INVALID_FIELD"
        assert (await after.refused("Reserve")).reason == "CREDENTIAL_UNKNOWN"

        path.write_text("not a credentials file")
        await until(lambda: server.reloads() == {("credentials", False): 1}, "not looked at")
        assert (await before.refused("Reserve")).reason == "INVALID_FIELD"
        assert server.events() == ["credentials kept: the new ones are unfit"]

        write(path, [new])
        await until(lambda: ("credentials", True) in server.reloads(), "not taken up")
        refused = await before.refused("Reserve")
        assert (refused.code, refused.reason) == (
            grpc.StatusCode.UNAUTHENTICATED,
            "CREDENTIAL_UNKNOWN",
        )
        assert (await after.refused("Reserve")).reason == "INVALID_FIELD"


def test_a_credential_of_tomorrow_is_good_today() -> None:
    known = credential("gw", expires=datetime.now(UTC) + timedelta(days=1))
    gate = CredentialGate(parse_credentials(known.entry))

    now_ms = int(datetime.now(UTC).timestamp() * 1000)
    assert isinstance(asked(gate, "Bearer " + known.token, now_ms=now_ms), Caller)
