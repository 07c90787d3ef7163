"""`ocs batch`: JSON in, batches out, one line or object for each item, the worst exit code."""

from collections.abc import Iterator
from typing import Any

import orjson
import pytest

from ocs.cli import exits
from ocs.v1 import charging_service_pb2 as pb
from tests.cli.conftest import Run
from tests.client.scripted import NAME, Script, committed, granted, refused, released
from tests.client.test_stream import failed

DEBIT = '{"debit":{"account_id":"a","service_id":"s","used_units":"1","basis":"DEBIT_BASIS_USED"}}'
RESERVE = '{"reserve":{"request_id":"q-1","account_id":"a","service_id":"data"}}'
COMMIT = f'{{"commit":{{"reservation":"{NAME}","used":[{{"units":"60"}}],"close":{{}}}}}}'
RELEASE = f'{{"release":{{"reservation":"{NAME}"}}}}'


def answering(script: Script, *answers: Any) -> list[pb.ChargeStreamRequest]:
    """Answer the items of all batches by these in turn; return the batches as they come."""
    left, seen = iter(answers), list[pb.ChargeStreamRequest]()

    def serve(requests: Iterator[Any], _: Any) -> Iterator[pb.ChargeStreamResponse]:
        for batch in requests:
            seen.append(batch)
            made = []
            for item in batch.items:
                answer = next(left)
                if callable(answer):
                    made.append(answer(item))
                    continue
                choice = type(answer).__name__.removesuffix("Response").lower()
                made.append(pb.ChargeAnswer(**{choice: answer}))
            yield pb.ChargeStreamResponse(batch_id=batch.batch_id, answers=made)

    script.on("ChargeStream", serve)  # type: ignore[arg-type]  # a stream's step gives several
    return seen


def test_items_are_sent_together_and_each_is_told(run: Run, script: Script) -> None:
    seen = answering(
        script, granted(5), committed(), released(), failed("NOT_FOUND", "ACCOUNT_NOT_FOUND")
    )

    result = run("batch", RESERVE, COMMIT, RELEASE, DEBIT, "--json")

    (batch,) = seen
    assert [item.WhichOneof("operation") for item in batch.items] == [
        "reserve", "commit", "release", "debit",
    ]  # fmt: skip
    assert batch.items[0].reserve.request_id == "q-1"
    assert batch.items[1].commit.request_id
    assert all(item.reserve.HasField("request_time") for item in batch.items[:1])
    items = orjson.loads(result.stdout)["items"]
    assert [item["operation"] for item in items] == ["Reserve", "Commit", "Release", "Debit"]
    assert items[0]["answer"]["granted_units"] == 5
    assert items[3]["answer"] is None
    assert items[3]["failure"]["reason"] == "ACCOUNT_NOT_FOUND"
    assert result.exit_code == exits.REQUEST


def test_it_prints_a_line_for_each(run: Run, script: Script) -> None:
    answering(script, granted(5), refused(), committed())

    result = run("batch", RESERVE, RESERVE.replace("q-1", "q-2"), COMMIT)

    assert result.exit_code == 0
    assert "GRANTED 5" in result.stdout
    assert "CREDIT_LIMIT_REACHED" in result.stdout
    assert "CHARGED 60" in result.stdout


def test_more_than_a_batch_is_several(run: Run, script: Script) -> None:
    seen = answering(script, *[released()] * 101)

    result = run("batch", *[RELEASE] * 101)

    assert result.exit_code == 0
    assert [len(batch.items) for batch in seen] == [100, 1]


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "{}", '{"refund":{}}', '{"debit":{"used_units":"1.5"}}']
)
def test_what_is_no_item_is_not_sent(run: Run, script: Script, text: str) -> None:
    answering(script)

    result = run("batch", RELEASE, text)

    assert result.exit_code == exits.USAGE
    assert "item 2" in result.stderr
    assert not script.calls
