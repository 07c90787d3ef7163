"""The one place where money is multiplied is exact, up to the last price and unit allowed."""

import random
from collections.abc import Iterable, Iterator
from fractions import Fraction
from math import gcd, isqrt

import pytest
from redis import Redis

from ocs.domain.rating import Rate
from ocs.limits import QUANTITY_MAX
from ocs.store.embedded import private_valkey
from ocs.store.scripts import PRELUDE, load_scripts

# units, num, den: num / den micro-units each.
Product = tuple[int, int, int]

PRODUCTS_PER_CALL = 500
BARE = """#!lua name=muldiv_alone
{prelude}{function}
redis.register_function('muldiv_all', function(_, argv)
  take_standard_functions()
  local results = {{}}
  for i = 1, #argv, 3 do
    local units, num, den = tonumber(argv[i]), tonumber(argv[i + 1]), tonumber(argv[i + 2])
    local micros = muldiv(units, num, den, 0, 'half_up')
    results[#results + 1] = micros and string.format('%.0f', micros) or 'none'
  end
  return results
end)
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    with (
        private_valkey(tmp_path_factory.mktemp("muldiv")) as server,
        Redis(unix_socket_path=str(server.socket_path), decode_responses=True) as client,
    ):
        function = load_scripts().functions["muldiv"]
        client.function_load(BARE.format(prelude=PRELUDE, function=function))
        yield client


def in_lua(store: Redis, products: list[Product]) -> list[int | None]:
    found: list[str] = []
    for start in range(0, len(products), PRODUCTS_PER_CALL):
        some = products[start : start + PRODUCTS_PER_CALL]
        texts = [str(figure) for product in some for figure in product]
        found += store.fcall("muldiv_all", 0, *texts)
    return [None if text == "none" else int(text) for text in found]


def exactly(units: int, num: int, den: int) -> int | None:
    """Units * num / den, half up; None past the range of a quantity."""
    micros = Fraction(units * num, den) + Fraction(1, 2)
    whole = micros.numerator // micros.denominator
    return whole if whole <= QUANTITY_MAX else None


def allowed(num: int, den: int) -> bool:
    """Whether a tariff may have this price."""
    return gcd(num, den) == 1 and num <= QUANTITY_MAX and (den - 1) * num <= QUANTITY_MAX


def differences(store: Redis, products: Iterable[Product]) -> list[str]:
    wanted = list(products)
    assert all(allowed(num, den) for _, num, den in wanted)
    return [
        f"{units} * {num} / {den} = {exactly(units, num, den)}, in Lua {actual}"
        for (units, num, den), actual in zip(wanted, in_lua(store, wanted), strict=True)
        if actual != exactly(units, num, den)
    ]


def prices_at_the_bound(rng: random.Random, count: int) -> Iterator[tuple[int, int]]:
    """Odd fractions whose (den - 1) * num is as near to 2^53-1 as it gets for their den."""
    while count:
        den = rng.randrange(3, 2 ** rng.randrange(3, 53), 2)
        num = QUANTITY_MAX // (den - 1)
        num -= 1 - num % 2
        if num > 0 and allowed(num, den):
            count -= 1
            yield num, den


def units_for(rng: random.Random, num: int, den: int) -> Iterator[int]:
    """Units whose product leaves den - 1, the most there is to round, and their neighbours.

    Among the first, in the middle, as far as the price reaches, and as far as units go.
    """
    most = pow(-num, -1, den)
    last = min(QUANTITY_MAX, QUANTITY_MAX * den // num)
    half = pow(num, -1, den) * (den // 2) % den
    for rest in (most, half):
        turns = max(0, (last - rest) // den)
        for turn in (0, turns // 2, rng.randint(0, turns), turns):
            for near in (-1, 0, 1):
                units = rest + turn * den + near
                if 0 <= units <= QUANTITY_MAX:
                    yield units


def test_the_rest_that_is_nearest_to_one_more_is_exact(store: Redis) -> None:
    rng = random.Random(20_261_123)
    prices = list(prices_at_the_bound(rng, 400))

    for num, den in prices:
        assert pow(-num, -1, den) * num % den == den - 1
    assert not differences(
        store, ((units, num, den) for num, den in prices for units in units_for(rng, num, den))
    )


def test_any_price_and_use_is_exact(store: Redis) -> None:
    rng = random.Random(5_309)

    def products() -> Iterator[Product]:
        for _ in range(20_000):
            den = rng.randint(1, 2 ** rng.randint(0, 53) - 1 or 1)
            num = rng.randint(0, QUANTITY_MAX // max(1, den - 1))
            num, den = num // gcd(num, den), den // gcd(num, den)
            yield rng.randint(0, 2 ** rng.randint(0, 53) - 1), num, den

    assert not differences(store, products())


def test_the_ends_of_the_range_are_exact(store: Redis) -> None:
    root = isqrt(QUANTITY_MAX)
    figures = [0, 1, 2, 3, root - 1, root, root + 1, 2**52 - 1, 2**52, QUANTITY_MAX - 1]
    figures.append(QUANTITY_MAX)
    prices = [(num, den) for num in figures for den in figures if den > 0 and allowed(num, den)]

    assert (1, QUANTITY_MAX) in prices
    assert (QUANTITY_MAX, 2) in prices
    assert not differences(store, ((units, num, den) for num, den in prices for units in figures))


def test_the_specification_multiplies_alike() -> None:
    rng = random.Random(77)
    for num, den in prices_at_the_bound(rng, 200):
        for units in units_for(rng, num, den):
            assert Rate.flat(1, num, den).cost(units) == exactly(units, num, den)
