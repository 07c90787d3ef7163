"""Settings of every test run: the same Hypothesis profile everywhere, no shared environment."""

import os

import hypothesis
import pytest

# derandomize: a run of `make test` is a function of the commit; the campaigns search with seeds.
# No deadline: the time of an example says more about the neighbours on the machine than about us.
hypothesis.settings.register_profile(
    "ocs", deadline=None, derandomize=True, database=None, print_blob=True
)
hypothesis.settings.load_profile("ocs")


@pytest.fixture(autouse=True)
def _no_settings_of_the_shell(monkeypatch: pytest.MonkeyPatch) -> None:
    """A variable that the developer's shell happens to set must not decide a test."""
    for name in [name for name in os.environ if name.startswith("OCS_")]:
        monkeypatch.delenv(name)
