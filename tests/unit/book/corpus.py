"""Tariffs that say much, and the same with one thing wrong."""

from pathlib import Path
from typing import Final, NamedTuple

EXAMPLE: Final = Path(__file__).resolve().parents[3] / "examples" / "mvno.yaml"

BASE: Final = """\
version: v7
currency: EUR
prices: net
time_zone: Europe/Berlin
home_networks: ["26298"]
home_prefixes: ["49"]
zones:
  eu: {prefixes: ["33"], visited_networks: ["208"]}
  islands: {visited_networks: ["20801"]}
partners:
  carrier: {currency: CHF}
holidays:
  german: ["2026-12-25"]
calendars:
  hours:
    holidays: german
    entries:
      peak:
        - {days: [mon, fri], from: "08:00", to: "20:00"}
        - {days: [holiday], from: "10:00"}
      night:
        - {days: [mon], to: "06:00"}
services:
  voice:
    unit: seconds
    calendar: hours
    price: "0.10"
    per: 60
    during:
      peak: {price: "0.20"}
    changes:
      - {valid_from: "2027-01-01", price: "0.12"}
    wholesale: {partner: carrier, price: "0.01"}
    zones:
      eu:
        connect_fee: "0.05"
        steps:
          - {price: "0.30", per: 60, increment: 60}
          - {from: 120, price: "0.15", per: 60}
  data:
    unit: octets
    tiers:
      period: month
      steps:
        - {price: "0.02"}
        - {from: 100, price: "0.01"}
  sms: {unit: count, free: true}
bundles:
  pack:
    price: "5.00"
    validity: 30d
    renewals: 3
    contents:
      - {unit: seconds, quantity: 600, services: [voice], zones: [eu], roll_over: 60}
plans:
  basic:
    services: [voice, data]
  more:
    extends: basic
    services: [sms]
    discount: "12.5"
    prices:
      voice:
        zones:
          islands: {price: "0.01"}
      data: {discount: "0"}
"""

GOOD: Final = {
    "base": BASE,
    "example": EXAMPLE.read_text("utf-8"),
    "small": 'version: "1"\ncurrency: EUR\nprices: gross\n'
    'services: {sms: {unit: count, price: "0"}}\nplans: {p: {services: [sms]}}\n',
    "json": '{"version": "1", "currency": "EUR", "prices": "gross", "services":'
    ' {"sms": {"unit": "count", "price": "0.07"}}, "plans": {"p": {"services": ["sms"]}}}',
    "ids that look like paths": BASE.replace("islands", "a.b").replace("carrier", "c@d+e"),
}


class Bad(NamedTuple):
    """A change to BASE. at: stands in the line of the fault. schema: whether that sees it, too."""

    old: str
    new: str
    at: str
    path: str
    rule: str
    schema: bool = True


def text_of(bad: Bad) -> str:
    """BASE with the change."""
    assert BASE.count(bad.old) == 1, bad.old
    return BASE.replace(bad.old, bad.new)


BAD_YAML: Final = [
    Bad('price: "0.10"', "price: 0.10", "0.10", "services.voice.price", "must be in quotes"),
    Bad('price: "0.10"', "price: 1e3", "1e3", "services.voice.price", "must be in quotes"),
    Bad("per: 60\n    during", "per: 060\n    during", "060", "services.voice.per", "in quotes"),
    Bad("per: 60\n    during", "per: 0x3C\n    during", "0x3C", "services.voice.per", "in quotes"),
    Bad("per: 60\n    during", "per: 1_0\n    during", "1_0", "services.voice.per", "in quotes"),
    Bad('["2026-12-25"]', "[2026-12-25]", "2026-12-25", "holidays.german[0]", "must be in quotes"),
    Bad('from: "08:00"', "from: 08:00", "08:00", "calendars.hours.entries.peak[0].from", "quotes"),
    Bad("prices: net", "prices: no", "prices: no", "prices", "must be in quotes"),
    Bad("prices: net", "prices: ~", "prices: ~", "prices", "must be in quotes"),
    Bad("prices: net", "prices:", "prices:", "prices", "must have a value"),
    Bad("prices: net", "prices: [net", "time_zone", "prices", "is not YAML"),
    Bad("prices: net", "prices: &tax net", "&tax", "prices", "no anchors"),
    Bad("prices: net", "prices: *tax", "*tax", "prices", "no aliases"),
    Bad("prices: net", "prices: !!str net", "!!str", "prices", "no tags"),
    Bad("prices: net", "prices: !!python/object:os.system {}", "!!py", "prices", "no tags"),
    Bad("prices: net", "prices: net\n<<: {a: 1}", "<<", "", "no merge keys"),
    Bad("prices: net", "prices: net\ncurrency: USD", "USD", "", "same key as in line 2"),
    Bad("prices: net", "prices: net\n---", "---", "", "must be a single document"),
    Bad("prices: net", "prices: net\n5: x", "5: x", "", "put this key in quotes"),
    Bad("prices: net", "prices: net\n? [x]\n: y", "? [x]", "", "put this key in quotes"),
    Bad("prices: net", "prices: \u0007net", "\u0007", "", "no control characters"),
    Bad("prices: net", f"prices: {'[' * 20}net{']' * 20}", "[[", f"prices{'[0]' * 15}", "deep"),
]

BAD_BOOKS: Final = [
    # What a line of a schema can say.
    Bad("version: v7\n", "", "currency", "version", "is required"),
    Bad("v7", "v 7", "v 7", "version", "must match"),
    Bad("EUR", "Eur", "Eur", "currency", "ISO 4217"),
    Bad("prices: net", "prices: taxed", "taxed", "prices", "must be one of gross, net"),
    Bad("prices: net\n", "", "version", "prices", "is required", schema=True),
    Bad('["26298"]', '["262"]', "262", "home_networks[0]", "must be a PLMN"),
    Bad('["49"]', "[49]", "[49]", "home_prefixes[0]", "must be 1 to 15 digits, in quotes"),
    Bad("eu: {prefixes", "e u: {prefixes", "e u", 'zones."e u"', "its id must match"),
    Bad('visited_networks: ["208"]', 'visited: ["208"]', "visited:", "zones.eu.visited", "known"),
    Bad("CHF", "francs", "francs", "partners.carrier.currency", "ISO 4217"),
    Bad('"2026-12-25"', '"25.12.2026"', "25.12", "holidays.german[0]", "must be a date"),
    Bad('"2026-12-25"', '"2026-12-25", "2026-12-25"', "12-25", "holidays.german[1]", "twice"),
    Bad('to: "20:00"', 'to: "25:00"', "25:00", "calendars.hours.entries.peak[0].to", "a time"),
    Bad("[mon, fri]", "[mon, friday]", "friday", "calendars.hours.entries.peak[0].days[1]", "one"),
    Bad("[mon, fri]", "[]", "[]", "calendars.hours.entries.peak[0].days", "at least one day"),
    Bad("unit: seconds\n", "unit: minutes\n", "minutes", "services.voice.unit", "must be one of"),
    Bad('price: "0.10"', "price: 1", "price: 1", "services.voice.price", "must be a string such"),
    Bad('price: "0.10"', 'price: "-0.10"', "-0.10", "services.voice.price", "without sign"),
    Bad('price: "0.10"', 'price: "0,10"', "0,10", "services.voice.price", "must be a string such"),
    Bad("per: 60\n    during", "per: -60\n    during", "-60", "services.voice.per", "whole number"),
    Bad("per: 60\n    during", 'per: "60"\n    during', '"60"', "services.voice.per", "whole"),
    Bad('price: "0.10"\n', 'price: "0.10"\n    free: true\n', "free: true\n    per",
        "services.voice.free", "one of them is right"),
    Bad("free: true", "free: false", "false", "services.sms.free", "must be true"),
    Bad("unit: count, free: true", "unit: count", "unit: count", "services.sms.price", "required"),
    Bad('{price: "0.30", per', '{from: 5, price: "0.30", per', "from: 5",
        "services.voice.zones.eu.steps[0].from", "is 0 in the first step"),
    Bad('        steps:\n          - {price: "0.30"', "        per: 5\n        steps:\n"
        '          - {price: "0.30"', "per: 5", "services.voice.zones.eu.per", "each of the"),
    Bad("period: month", "period: decade", "decade", "services.data.tiers.period", "one of hour"),
    Bad('peak: {price: "0.20"}', "peak: {grant_min: 5}", "grant_min: 5",
        "services.voice.during.peak.price", "is required"),
    Bad('- {valid_from: "2027-01-01", price: "0.12"}', '- {valid_from: "2027-01-01"}', "2027",
        "services.voice.changes[0].price", "is required"),
    Bad('"2027-01-01", price', '"2027-1-1", price', "2027-1-1",
        "services.voice.changes[0].valid_from", "must be a date"),
    Bad('partner: carrier, price: "0.01"', "partner: carrier", "partner: carrier",
        "services.voice.wholesale.price", "is required"),
    Bad('discount: "12.5"', 'discount: "101"', "101", "plans.more.discount", "must be a percent"),
    Bad("services: [voice, data]", 'discount: "1"', "basic:", "plans.basic.services",
        "at least one service"),
    Bad('      data: {discount: "0"}', "      sms: {during: {}}", "during: {}",
        "plans.more.prices.sms.during", "must stand beside a price"),
    Bad("validity: 30d", "validity: 30 days", "30 days", "bundles.pack.validity", "must be a str"),
    Bad("quantity: 600", "quantity: 0", "quantity: 0", "bundles.pack.contents[0].quantity",
        "whole number"),
    # What only a reader knows.
    Bad("services: [voice], zones", "services: [data], zones", "zones: [eu]",
        "bundles.pack.contents[0].services[0]", "is metered in octets", schema=False),
    Bad("Europe/Berlin", "Europe/Bonn", "Bonn", "time_zone", "IANA time zone", schema=False),
    Bad("time_zone: Europe/Berlin\n", "", "version", "time_zone", "required", schema=False),
    Bad("islands: {visited", "home: {visited", "home:", "zones.home", "no zone is", schema=False),
    Bad('["20801"]', '["208"]', '["208"]}\npartners', "zones.islands.visited_networks[0]",
        "is in zone eu already", schema=False),
    Bad('{prefixes: ["33"]', '{prefixes: ["49"]', '["49"], v', "zones.eu.prefixes[0]",
        "is home already", schema=False),
    Bad("holidays: german\n    entries", "holidays: french\n    entries", "french",
        "calendars.hours.holidays", "must be one of the holidays", schema=False),
    Bad('to: "06:00"', 'to: "08:01"', "peak:", "calendars.hours.entries.peak",
        "night and peak overlap on mon", schema=False),
    Bad('from: "08:00", to: "20:00"', 'from: "20:00", to: "08:00"', "20:00",
        "calendars.hours.entries.peak[0].to", "must be after from", schema=False),
    Bad('"2026-12-25"', '"2026-02-30"', "02-30", "holidays.german[0]", "a date", schema=False),
    Bad("calendar: hours", "calendar: days", "calendar: days", "services.voice.calendar",
        "must be one of the calendars", schema=False),
    Bad("    calendar: hours\n", "", "during:", "services.voice.during", "needs a calendar",
        schema=False),
    Bad('peak: {price: "0.20"}', 'peek: {price: "0.20"}', "peek", "services.voice.during.peek",
        "is not known here", schema=False),
    Bad("      eu:\n        connect", "      mars:\n        connect", "mars",
        "services.voice.zones.mars", "is not one of the zones", schema=False),
    Bad("partner: carrier", "partner: nobody", "nobody", "services.voice.wholesale.partner",
        "must be one of the partners", schema=False),
    Bad("from: 120", "from: 90", "from: 90", "services.voice.zones.eu.steps[1].from",
        "whole number of increments of 60", schema=False),
    Bad('"0.05"', '"0.0000001"', "0.0000001", "services.voice.zones.eu.connect_fee",
        "must be whole micro-units", schema=False),
    Bad('price: "0.10"\n    per: 60', 'price: "9999999999.999999999999"\n    per: 7',
        "9999999999", "services.voice.price", "PRICE_TOO_FINE", schema=False),
    Bad('islands: {price: "0.01"}', 'islands: {price: "0.01", grant_default: 7, grant_max: 6}',
        "6}", "plans.more.prices.voice.zones.islands.grant_max", "must be at least 7",
        schema=False),
    Bad("services: [voice, data]", "services: [voice, fax]", "fax", "plans.basic.services[1]",
        "is not one of the services", schema=False),
    Bad('      data: {discount: "0"}', '      fax: {discount: "0"}', "fax",
        "plans.more.prices.fax", "is not one of the services of this plan", schema=False),
    Bad("extends: basic", "extends: best", "best", "plans.more.extends", "not one of the plans",
        schema=False),
    Bad("extends: basic", "extends: more", "extends: more", "plans.more.extends", "in a circle",
        schema=False),
    Bad('islands: {price: "0.01"}', "islands: {per: 5}", "per: 5",
        "plans.more.prices.voice.zones.islands.price", "is required", schema=False),
    Bad('- {valid_from: "2027-01-01", price: "0.12"}',
        '- {valid_from: "2027-01-01", price: "0.12"}\n'
        '      - {valid_from: "2026-12-31", price: "0.13"}',
        "2026-12-31", "services.voice.changes[1].valid_from", "must be after 2027-01-01",
        schema=False),
]  # fmt: skip
