"""TariffService on a real store: what is loaded, what is refused, and that nothing changes then."""

import random
from datetime import UTC, datetime

import pytest

from ocs.client import (
    AlreadyExistsError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    OcsError,
)
from ocs.limits import TARIFF_BYTES_MAX, TARIFF_CHUNK_BYTES_MAX
from ocs.store.embedded import EmbeddedValkey
from tests.support.live import serving
from tests.tariffs.support import ahead, client_of, tariff_text
from tests.unit.book.corpus import BAD_BOOKS, EXAMPLE, text_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


async def test_a_tariff_is_loaded_listed_and_read_back(store: EmbeddedValkey) -> None:
    text = EXAMPLE.read_bytes()
    at = ahead(60)
    async with serving(store) as live, client_of(live) as client:
        loaded = await client.load_tariff(text, activate_time=at)
        later = await client.load_tariff(tariff_text("later"))
        page = await client.list_tariffs_page()
        found = await client.get_tariff("mvno-2026-12")

    assert (loaded.plan_count, loaded.service_count, loaded.zone_count) == (3, 5, 6)
    assert (loaded.tariff.version, loaded.tariff.activate_time) == ("mvno-2026-12", at)
    assert loaded.tariff.text_bytes == len(text)
    assert later.tariff.activate_time is None
    assert page.tariffs == (loaded.tariff, later.tariff)
    assert (found.text, found.tariff) == (text, loaded.tariff)


async def test_a_tenant_without_a_book_sees_the_installations(store: EmbeddedValkey) -> None:
    async with serving(store) as live, client_of(live) as client:
        (first,) = (await client.list_tariffs_page()).tariffs
        text = (await client.get_tariff(first.version)).text

    assert (first.version, first.activate_time, first.inherited) == (
        "default-2026-11", EPOCH, True,
    )  # fmt: skip
    assert text.startswith(b"# The tariff that is used when none is named")


async def test_a_load_is_repeated_without_harm(store: EmbeddedValkey) -> None:
    at = ahead(60)
    async with serving(store) as live, client_of(live) as client:
        first = await client.load_tariff(tariff_text("v1"), activate_time=at)
        again = await client.load_tariff(tariff_text("v1"), activate_time=at)
        without = await client.load_tariff(tariff_text("v1"))
        same = await client.activate_tariff("v1", at)

    assert first == again == without
    assert same.tariff == first.tariff


async def test_to_validate_is_to_store_nothing(store: EmbeddedValkey) -> None:
    async with serving(store) as live, client_of(live) as client:
        with live.unchanged():
            checked = await client.load_tariff(tariff_text("v1"), validate_only=True)
        with pytest.raises(NotFoundError):
            await client.get_tariff("v1")

    assert (checked.tariff.version, checked.tariff.load_time) == ("v1", None)


async def test_a_version_never_changes(store: EmbeddedValkey) -> None:
    async with serving(store) as live, client_of(live) as client:
        loaded = await client.load_tariff(tariff_text("v1"))
        at = ahead(60)
        scheduled = await client.activate_tariff("v1", at)
        await client.load_tariff(tariff_text("v2"))
        with live.unchanged():
            await refused(
                client.load_tariff(tariff_text("v1", "0.11")), "TARIFF_EXISTS", AlreadyExistsError
            )
            for time in (ahead(90), ahead(0)):
                await refused(client.activate_tariff("v1", time), "TARIFF_SCHEDULED")
            await refused(client.activate_tariff("v2", at), "ACTIVATION_TAKEN")
            await refused(client.activate_tariff("v2", ahead(4)), "ACTIVATION_TOO_SOON")
            await refused(
                client.activate_tariff("v2", EPOCH), "INVALID_FIELD", InvalidArgumentError
            )
            await refused(client.activate_tariff("v3", at), "TARIFF_NOT_FOUND", NotFoundError)
            await refused(
                client.load_tariff(tariff_text("v3"), activate_time=ahead(4)), "ACTIVATION_TOO_SOON"
            )
            await refused(client.diff_tariffs("v1", "v3"), "TARIFF_NOT_FOUND", NotFoundError)

    assert (loaded.tariff.activate_time, scheduled.tariff.activate_time) == (None, at)


async def refused(
    call: object, reason: str, kind: type[OcsError] = FailedPreconditionError
) -> OcsError:
    with pytest.raises(kind) as caught:
        await call  # type: ignore[misc]  # any of the client's calls
    assert caught.value.reason == reason
    return caught.value


@pytest.mark.parametrize("bad", BAD_BOOKS[::6], ids=lambda bad: bad.path)
async def test_a_bad_tariff_is_refused_by_line_and_rule(store: EmbeddedValkey, bad: object) -> None:
    text = text_of(bad)  # type: ignore[arg-type]  # a row of the corpus
    async with serving(store) as live, client_of(live) as client:
        with live.unchanged():
            error = await refused(client.load_tariff(text.encode()), "TARIFF_REFUSED",
                                  InvalidArgumentError)  # fmt: skip

    (violation,) = error.field_violations
    assert violation.field == "text"
    assert bad.path in violation.description  # type: ignore[attr-defined]  # as above
    assert bad.rule in violation.description  # type: ignore[attr-defined]  # as above


async def test_texts_that_are_too_large_or_none(store: EmbeddedValkey) -> None:
    async with serving(store) as live, client_of(live) as client:
        with live.unchanged():
            await refused(client.load_tariff(b""), "INVALID_FIELD", InvalidArgumentError)
            large = b"#" * (TARIFF_BYTES_MAX + 1)
            await refused(client.load_tariff(large), "TARIFF_REFUSED", InvalidArgumentError)
            larger = b"#" * (TARIFF_BYTES_MAX + TARIFF_CHUNK_BYTES_MAX)
            await refused(client.load_tariff(larger), "INVALID_FIELD", InvalidArgumentError)


async def test_a_large_text_comes_in_pieces_and_back(store: EmbeddedValkey) -> None:
    """Noise in comments: it does not compress, so what the store holds is large, too."""
    noise = random.Random(1)
    lines = (f"# {noise.randbytes(60).hex()}\n".encode() for _ in range(20_000))
    text = tariff_text("large") + b"".join(lines)
    assert len(text) > 4 * TARIFF_CHUNK_BYTES_MAX
    async with serving(store) as live, client_of(live) as client:
        await client.load_tariff(text)
        found = await client.get_tariff("large")

    assert found.text == text


async def test_versions_are_listed_in_pages(store: EmbeddedValkey) -> None:
    async with serving(store) as live, client_of(live) as client:
        for number in range(5):
            await client.load_tariff(tariff_text(f"v{number}"), activate_time=ahead(60 - number))
        listed, token = [], ""
        while True:
            page = await client.list_tariffs_page(page_size=2, page_token=token)
            listed += [tariff.version for tariff in page.tariffs]
            token = page.next_page_token
            if not token:
                break

    assert listed == ["v4", "v3", "v2", "v1", "v0"]


async def test_what_changes_is_told_by_sample_uses(store: EmbeddedValkey) -> None:
    async with serving(store) as live, client_of(live) as client:
        await client.load_tariff(tariff_text("old", "0.10"))
        await client.load_tariff(tariff_text("new", "0.12"))
        found = await client.diff_tariffs("old", "new")
        nothing = await client.diff_tariffs("old", "old")

    assert nothing.difference_count == 0
    assert [(one.used_units, one.micros_before, one.micros_after) for one in found.differences] == [
        (1, 100_000, 120_000), (10, 1_000_000, 1_200_000), (1_000, 100_000_000, 120_000_000),
    ]  # fmt: skip
    assert {one.price_id_after for one in found.differences} == {"sms/home"}
