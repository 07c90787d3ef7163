// Now: what comes in, what is granted, what is refused, what is held.

import { Chart } from "./chart.js";
import { card, h, replace, table } from "./dom.js";
import { decimals, exact, grouped, milliseconds, percent, whole, words } from "./format.js";

const MINUTES = 60;
const MINUTE_S = 60;
const SECONDS_AVERAGED = 5;

export function show(main) {
  const tiles = h("div", { class: "tiles" });
  const revenue = new Chart("Revenue per minute", { text: axisMoney });
  const decisions = new Chart("Decisions per second", {
    text: (value) => grouped(Math.round(value ?? 0)),
    clock: [3, 8],
  });
  const refusals = h("div");
  replace(
    main,
    h("h1", {}, "Now"),
    h("p", { class: "lead" }, "Every charge is in these figures within a second or two."),
    tiles,
    h(
      "div",
      { class: "cards" },
      card("Revenue per minute, last hour", { class: "wide" }, revenue.element),
      card("Granted and refused per second, last minute", {}, decisions.element),
      card("Refusals by reason, last hour", {}, refusals),
    ),
  );
  return (snapshot) => {
    replace(tiles, tilesOf(snapshot));
    drawRevenue(revenue, snapshot.now);
    drawDecisions(decisions, snapshot.now);
    replace(refusals, refusalsOf(snapshot.now));
  };
}

function axisMoney(value) {
  const size = Math.abs(value ?? 0);
  if (size >= 1000) return grouped(Math.round(value));
  return (value ?? 0).toFixed(2);
}

function tile(title, key, ...content) {
  return card(title, { class: "tile", "data-tile": key }, ...content);
}

function money(micros, currency, href, more = "") {
  const attributes = {
    href,
    title: exact(micros, currency),
    "data-micros": micros ?? "0",
    "data-currency": currency,
    class: more,
  };
  return h(
    "div",
    { class: "figure" },
    h("a", attributes, decimals(micros)),
    h("span", { class: "of" }, currency),
  );
}

const NONE = () => h("div", { class: "figure" }, "0");

// One figure for each currency that has one; they are never added up.
function each(rows, draw) {
  const drawn = rows.flatMap(draw);
  return drawn.length ? drawn : [NONE()];
}

function tilesOf({ now, five_minutes: five, today }) {
  const fiveRows = five.rows ?? [];
  const todayRows = today.rows ?? [];
  const vitals = now.vitals;
  const second = (count) => averaged(now, count);
  return [
    tile(
      "Revenue, last 5 minutes",
      "revenue-5min",
      ...each(fiveRows, (row) => revenueOf(row, "/segments?range=5m")),
    ),
    tile(
      "Revenue today",
      "revenue-today",
      ...each(todayRows, (row) => revenueOf(row, "/segments?range=today")),
    ),
    tile(
      "Granted per second",
      "grants",
      h("div", { class: "figure" }, grouped(second((row) => row.granted_count))),
      h(
        "div",
        { class: "beside" },
        h(
          "a",
          { href: "/events?refused=1&range=5m" },
          `${grouped(second((row) => row.refused_count))} refused`,
        ),
      ),
    ),
    tile(
      "Answered within",
      "latency",
      h(
        "div",
        { class: "figure" },
        vitals ? milliseconds(vitals.p99_us ?? 0) : "\u2013",
        h("span", { class: "of" }, "ms, 99 of 100"),
      ),
      h(
        "div",
        { class: "beside" },
        vitals
          ? `half within ${milliseconds(vitals.p50_us ?? 0)} ms, about`
          : "the service does not tell",
      ),
    ),
    tile(
      "Held for open sessions",
      "held",
      ...each(now.held ?? [], (row) => money(row.micros, row.currency, "/events?kind=RESERVE")),
      h("div", { class: "beside" }, `${grouped(now.open_reservation_count)} open reservations`),
    ),
    tile(
      "Uncollected today",
      "uncollected",
      ...each(todayRows, (row) =>
        money(
          row.uncollected_micros,
          row.currency,
          "/events?uncollected=1&range=today",
          whole(row.uncollected_micros) > 0n ? "bad" : "",
        ),
      ),
    ),
    tile(
      "Topped up today",
      "topped-up",
      ...each(todayRows, (row) =>
        money(row.topped_up_micros, row.currency, "/events?kind=TOP_UP&range=today"),
      ),
    ),
  ];
}

function revenueOf(row, href) {
  return [
    money(row.revenue_micros, row.currency, href),
    h("div", { class: "beside" }, marginLine(row)),
  ];
}

function marginLine(row) {
  const costs = (row.costs ?? []).map((cost) => `${decimals(cost.micros)} ${cost.currency}`);
  const cost = `cost ${costs.join(" + ") || "0.00"}`;
  if (row.margin_micros === undefined) return `${cost}, more is not known`;
  const part = percent(row.margin_micros, row.revenue_micros);
  return `${cost}, margin ${decimals(row.margin_micros)}${part ? ` (${part})` : ""}`;
}

// The last whole seconds, those without a decision too.
function averaged(now, count) {
  const end = Math.floor(new Date(now.as_of.as_of_time).getTime() / 1000) * 1000;
  const begin = end - SECONDS_AVERAGED * 1000;
  const sum = (now.decisions ?? [])
    .filter((row) => inside(new Date(row.second_time).getTime(), begin, end))
    .reduce((total, row) => total + Number(count(row) ?? 0), 0);
  return Math.round(sum / SECONDS_AVERAGED);
}

const inside = (time, begin, end) => time >= begin && time < end;

function drawRevenue(chart, now) {
  const last =
    Math.floor(new Date(now.as_of.as_of_time).getTime() / 1000 / MINUTE_S) * MINUTE_S;
  const times = Array.from(
    { length: MINUTES },
    (_, place) => last - MINUTE_S * (MINUTES - 1 - place),
  );
  const place = new Map(times.map((time, index) => [time, index]));
  const currencies = [...new Set((now.revenue ?? []).map((row) => row.currency))].sort();
  const series = currencies.map((name) => ({ name, values: times.map(() => 0) }));
  for (const row of now.revenue ?? []) {
    const index = place.get(new Date(row.minute_time).getTime() / 1000);
    const values = series[currencies.indexOf(row.currency)].values;
    if (index !== undefined) values[index] = Number(row.micros) / 1e6;
  }
  chart.show(times, series);
}

function drawDecisions(chart, now) {
  const last = Math.floor(new Date(now.as_of.as_of_time).getTime() / 1000);
  const times = Array.from({ length: MINUTE_S - 1 }, (_, place) => last - MINUTE_S + 1 + place);
  const rows = new Map(
    (now.decisions ?? []).map((row) => [new Date(row.second_time).getTime() / 1000, row]),
  );
  const of = (count) => times.map((time) => Number(count(rows.get(time) ?? {}) ?? 0));
  chart.show(times, [
    { name: "granted", values: of((row) => row.granted_count) },
    { name: "refused", values: of((row) => row.refused_count) },
  ]);
}

function refusalsOf(now) {
  const rows = now.refusals ?? [];
  const most = Math.max(1, ...rows.map((row) => Number(row.count)));
  return table(
    "Refused in the last hour",
    [
      {
        name: "Reason",
        cell: (row) =>
          h(
            "a",
            { href: `/events?range=1h&outcome=${row.outcome}` },
            words(row.outcome, "OUTCOME_"),
          ),
      },
      { name: "Refusals", num: true, cell: (row) => grouped(row.count) },
      { name: "Share", bar: true, cell: (row) => gauge(Number(row.count) / most, "") },
    ],
    rows,
    { empty: "Nothing was refused." },
  );
}

export function gauge(part, how) {
  const bar = h("i");
  bar.style.width = `${Math.min(100, Math.max(0, part * 100)).toFixed(1)}%`;
  return h("span", { class: `gauge ${how}`, "aria-hidden": "true" }, bar);
}
