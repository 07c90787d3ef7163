"""Rows 10 and 11: figures as people and files write them, where there is only one right way."""

import asyncio
from typing import Final

import pytest
from typer.testing import CliRunner, Result

from ocs.book.document import read_tariff
from ocs.cli.main import app
from ocs.domain.tariff import Tariff
from ocs.ports import BookError
from tests.support.live import Live
from tests.support.seen import SEEN

USAGE: Final = 2
NOT_A_FIGURE: Final = [
    pytest.param(text, id=f"row {row} {text!r}")
    for row, texts in {
        10: ["NaN", "nan", "Inf", "-Infinity", "infinity"],
        11: ["1e3", "1E3", "0x10", "0b1", "0o7", " 5", "5 ", "+5", "-5", "007", "00", "5\n", "\t5",
             "1_000", "1,000", "\u0665", "\u096b", "\uff15", "5.", ".5", "", "five",
             "9007199254740992"],
    }.items()
    for text in texts
]  # fmt: skip
NOT_UNITS: Final = [*NOT_A_FIGURE, pytest.param("1.5", id="row 10 '1.5'")]


async def run(live: Live, *arguments: str) -> Result:
    """Run `ocs` against the service, beside its event loop."""
    return await asyncio.to_thread(
        CliRunner().invoke, app, [*arguments], env={"OCS_TARGET": live.address, "COLUMNS": "200"}
    )


async def is_usage(live: Live, *arguments: str) -> None:
    """The command line is wrong: nothing is sent, whatever the account."""
    before = len(live.log.getvalue())
    result = await run(live, *arguments)
    assert result.exit_code == USAGE, result.output
    assert b'"rpc"' not in live.log.getvalue()[before:]
    SEEN.answered("usage error", f"exit {result.exit_code}")


async def test_a_right_figure_is_sent(live: Live) -> None:
    account = await live.open(messages=10)

    debit = await run(live, "debit", account, "sms", "3", "--basis", "used")
    credit = await run(
        live, "top-up", account, "--money", "0.5", "--currency", "EUR", "--reference", "p"
    )

    assert (debit.exit_code, credit.exit_code) == (0, 0), debit.output + credit.output
    assert await live.bucket(account) == (7, 0, 3)
    assert await live.bucket(account, "main") == (500_000, 0, 0)


@pytest.mark.parametrize("text", NOT_UNITS)
async def test_units_on_the_command_line(live: Live, text: str) -> None:
    # `--` ends the options, so that a sign reaches the parser.
    await is_usage(live, "debit", "--basis", "used", "--", "a", "sms", text)


@pytest.mark.parametrize("text", [*NOT_A_FIGURE, pytest.param("0.0000001", id="row 11 too fine")])
async def test_money_on_the_command_line(live: Live, text: str) -> None:
    await is_usage(live, "top-up", "a", f"--money={text}", "--currency", "EUR", "--reference", "p")


@pytest.mark.parametrize("text", ["1.5", "1e3", "-1"])
async def test_every_other_figure_on_the_command_line(live: Live, text: str) -> None:
    cap = ("cap", "set", "a", "c", "--period", "day")
    await is_usage(live, "reserve", "--", "a", "sms", text)
    await is_usage(live, "commit", "--", "a/r", text)
    await is_usage(live, "commit", f"--next={text}", "a/r", "1")
    await is_usage(live, "top-up", "a", f"--units={text}", "--unit", "count", "--reference", "p")
    await is_usage(live, *cap, f"--units={text}", "--unit", "count")
    if text != "1.5":  # which is money
        await is_usage(live, *cap, f"--money={text}")


TARIFF: Final = """
version: v1
currency: EUR
prices: gross
services:
  data:
    unit: octets
    price: {price}
    per: {per}
plans:
  prepaid: {{services: [data]}}
"""


def read(price: str = '"1.00"', per: str = "1024") -> Tariff:
    return read_tariff(TARIFF.format(price=price, per=per).encode())


def refused_at(error: BookError, path: str, line: int) -> None:
    assert [(fault.path, fault.line) for fault in error.faults] == [(path, line)]
    SEEN.answered("tariff refused", path)


def test_a_right_tariff_is_one() -> None:
    assert read().version == "v1"


@pytest.mark.parametrize(
    "price",
    ["1.5", "nan", "inf", "-inf", "1e3", "1", "true", '"\u0665"']
    + [
        f'"{text}"'
        for text in (
            "NaN",
            "Inf",
            "1e3",
            "0x10",
            " 5",
            "+5",
            "-5",
            "007",
            "5\\n",
            "\u0665",
            "5.",
            ".5",
            "",
        )
    ],
)
def test_prices_in_a_tariff(price: str) -> None:
    with pytest.raises(BookError) as caught:
        read(price=price)

    refused_at(caught.value, "services.data.price", 8)


@pytest.mark.parametrize("per", ["1.5", "nan", "inf", "0", "-1", '"1"', '"1e3"', "true"])
def test_quantities_in_a_tariff(per: str) -> None:
    with pytest.raises(BookError) as caught:
        read(per=per)

    refused_at(caught.value, "services.data.per", 9)
