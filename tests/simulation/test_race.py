"""A small share of `make race`."""

import pytest

from tests.campaigns.race import Race, prove
from tests.campaigns.support.report import Progress

pytestmark = pytest.mark.xdist_group("services")


def test_every_caller_got_the_reply_of_the_specification(race: Race) -> None:
    compared, violations = prove(race, 0, Progress(shown=False))

    assert violations == []
    assert compared == len(race.calls) >= 1_600
    assert {call.account_id for call in race.calls} == set(race.account_ids)
