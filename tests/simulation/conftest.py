"""One race for all that is asked of it: few accounts, so that each has a long history."""

import pytest

from tests.campaigns.race import Race, hold_race
from tests.campaigns.support.report import Progress

OPS = 1_600
ACCOUNTS = 4


@pytest.fixture(scope="session")
async def race(tmp_path_factory: pytest.TempPathFactory) -> Race:
    directory = tmp_path_factory.mktemp("race")
    quiet = Progress(shown=False)
    found, violations = await hold_race(directory, OPS, 1, quiet, account_count=ACCOUNTS)
    assert violations == []
    return found
