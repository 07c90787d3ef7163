"""A price list costs in Lua what the specification says, up to the last unit and price allowed."""

import random
from collections.abc import Iterator
from fractions import Fraction

import pytest
from redis import Redis

from ocs.domain.rating import PriceTooFineError, Rate, Rounding, Stretch
from ocs.domain.reservation import ServiceTerms
from ocs.domain.units import Unit
from ocs.limits import QUANTITY_MAX, RATE_STEPS_MAX
from ocs.store.embedded import private_valkey
from ocs.store.layout import service_terms_text
from ocs.store.scripts import PRELUDE, load_scripts

BARE = """#!lua name=cost_alone
{prelude}{functions}
redis.register_function('cost_all', function(_, argv)
  take_standard_functions()
  local rate, results = parse_terms(argv[1]).rate, {{}}
  for i = 2, #argv do
    local units = tonumber(argv[i])
    local micros = cost(rate, units)
    results[#results + 1] = (micros and string.format('%.0f', micros) or 'none')
      .. string.format(' %.0f', round_down(rate, units))
  end
  return results
end)
"""
NEEDED = ("keep_parsed", "parse_terms", "muldiv", "step_at", "cost", "round_down")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    with (
        private_valkey(tmp_path_factory.mktemp("cost")) as server,
        Redis(unix_socket_path=str(server.socket_path), decode_responses=True) as client,
    ):
        functions = "".join(load_scripts().functions[name] for name in NEEDED)
        client.function_load(BARE.format(prelude=PRELUDE, functions=functions))
        yield client


def price_lists(rng: random.Random, count: int) -> Iterator[Rate]:
    """Rates of all lengths, roundings and sizes, those that are too fine left out."""
    while count:
        lines, start = [], 0
        for _ in range(rng.randint(1, RATE_STEPS_MAX)):
            increment = rng.randint(1, 2 ** rng.randint(1, 20))
            den = rng.randint(1, 2 ** rng.randint(1, 24))
            lines.append(Stretch(start, increment, Fraction(rng.randint(0, 10**6), den)))
            start += increment * rng.randint(1, 2 ** rng.randint(1, 16))
        most = rng.choice([0, 0, rng.randint(1, 10**9), QUANTITY_MAX])
        quantum = rng.choice([1, 1, 10, 10_000])
        rounding = rng.choice(list(Rounding))
        try:
            yield Rate.compiled(lines, rounding=rounding, quantum=quantum, max_micros=most)
        except PriceTooFineError:
            continue
        count -= 1


def units_for(rng: random.Random, rate: Rate) -> list[int]:
    """Both sides of every step, what any session may come to, and the end of the range."""
    edges = [step.start + near for step in rate.steps for near in (-1, 0, 1)]
    anywhere = [rng.randint(0, 2 ** rng.randint(0, 53) - 1) for _ in range(20)]
    return [units for units in (*edges, *anywhere, QUANTITY_MAX) if units >= 0]


def test_a_price_list_costs_what_the_specification_says(store: Redis) -> None:
    rng = random.Random(20_261_123)
    lengths = set()
    for rate in price_lists(rng, 400):
        lengths.add(len(rate.steps))
        text = service_terms_text(ServiceTerms("s", Unit.OCTETS, "", rate, 1, 1_000, "v"))
        units = units_for(rng, rate)

        found = store.fcall("cost_all", 0, text, *map(str, units))

        costs = ("none" if (cost := rate.cost(each)) is None else str(cost) for each in units)
        assert found == [
            f"{cost} {rate.round_down(each)}" for cost, each in zip(costs, units, strict=True)
        ], text
    assert max(lengths) >= 5
