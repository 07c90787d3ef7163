"""What the scripts keep from call to call is bounded, and never another text's."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from redis import Redis

from ocs.store.embedded import private_valkey
from ocs.store.scripts import compose_library, load_scripts

# Five times as many caps as may be kept, read as a charge reads them, twice over.
BODY = """
local wrong, most = 0, 0
for round = 1, 2 do
  for i = 1, 20000 do
    local text = '0:c' .. i .. ':micros:' .. i .. ':0:0:0'
    local caps = parse_caps(text)
    if #caps ~= 1 or caps[1].id ~= 'c' .. i or caps[1].limit ~= i then wrong = wrong + 1 end
    if parse_caps(text) ~= caps then wrong = wrong + 1 end
  end
end
local kept = {count = 0, parsed = {}}
for i = 1, 20000 do
  keep_parsed(kept, 'text ' .. i, i, 1)
  most = math_max(most, kept.count)
end
local left = 0
for _ in pairs(kept.parsed) do left = left + 1 end
return {wrong, most, kept.count - left}
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    with (
        private_valkey(tmp_path_factory.mktemp("kept")) as server,
        Redis(unix_socket_path=str(server.socket_path), decode_responses=True) as client,
    ):
        yield client


def test_what_is_kept_is_bounded_and_right(store: Redis) -> None:
    library = load_scripts()
    probe = replace(library.scripts["reserve"], name="probe", body=BODY)
    composed = compose_library({"probe": probe}, library.functions)
    store.function_load(composed.text)

    wrong, most, miscounted = store.fcall(composed.function_name("probe"), 0)

    assert (wrong, miscounted) == (0, 0)
    assert most == 4096
