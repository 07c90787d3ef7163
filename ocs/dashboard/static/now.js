// Now: what comes in, what is granted, what is refused, what is held.

import { Chart } from "./chart.js";
import { card, h, replace, table } from "./dom.js";
import { decimals, exact, grouped, milliseconds, percent, whole, words } from "./format.js";

const SECONDS_AVERAGED = 5;

export function show(main) {
  const tiles = h("div", { class: "tiles" });
  const revenue = new Chart("Revenue per minute", { text: axisMoney });
  const decisions = new Chart("Decisions per second", {
    text: (value) => grouped(Math.round(value ?? 0)),
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
      card("Refusals by reason, last 5 minutes", {}, refusals),
    ),
  );
  return (snapshot) => {
    replace(tiles, tilesOf(snapshot));
    drawRevenue(revenue, snapshot);
    drawDecisions(decisions, snapshot);
    replace(refusals, refusalsOf(snapshot));
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
  return h(
    "div",
    { class: "figure" },
    h(
      "a",
      { href, title: exact(micros, currency), "data-micros": micros, class: more },
      decimals(micros),
    ),
    h("span", { class: "of" }, currency),
  );
}

function tilesOf(snapshot) {
  const moneys = snapshot.money ?? [];
  const none = h("div", { class: "figure" }, "\u2013");
  const each = (draw) => (moneys.length ? moneys.flatMap(draw) : [none]);
  const five = each((of) => [
    money(of.revenue_5min_micros ?? "0", of.currency, "/segments?range=5m"),
    h("div", { class: "beside" }, costLine(of.revenue_5min_micros, of.cost_5min_micros)),
  ]);
  const today = each((of) => [
    money(of.revenue_today_micros ?? "0", of.currency, "/segments?range=24h"),
    h("div", { class: "beside" }, costLine(of.revenue_today_micros, of.cost_today_micros)),
  ]);
  const held = each((of) => money(of.held_micros ?? "0", of.currency, "/events?kind=RESERVE"));
  const lost = each((of) =>
    money(
      of.uncollected_today_micros ?? "0",
      of.currency,
      "/events?uncollected=1&range=24h",
      whole(of.uncollected_today_micros) > 0n ? "bad" : "",
    ),
  );
  const paid = each((of) =>
    money(of.topped_up_today_micros ?? "0", of.currency, "/events?kind=TOP_UP"),
  );
  const vitals = snapshot.vitals;
  return [
    tile("Revenue, last 5 minutes", "revenue-5min", ...five),
    tile("Revenue today", "revenue-today", ...today),
    tile(
      "Granted per second",
      "grants",
      h("div", { class: "figure" }, rate(snapshot.grants_by_second)),
      h(
        "div",
        { class: "beside" },
        h(
          "a",
          { href: "/events?refused=1" },
          `${rate(snapshot.refusals_by_second)} refused per second`,
        ),
      ),
    ),
    tile(
      "Answer within",
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
        vitals ? `half of them ${milliseconds(vitals.p50_us ?? 0)} ms` : "not published",
      ),
    ),
    tile(
      "Held for open sessions",
      "held",
      ...held,
      h(
        "div",
        { class: "beside" },
        h(
          "a",
          { href: "/events?kind=RESERVE" },
          `${grouped(snapshot.open_reservation_count ?? 0)} open reservations`,
        ),
      ),
    ),
    tile("Uncollected today", "uncollected", ...lost),
    tile("Topped up today", "topped-up", ...paid),
    tile(
      "Near a limit",
      "limits",
      h(
        "div",
        { class: "figure" },
        h("a", { href: "/limits" }, grouped(snapshot.caps_near_count ?? 0)),
      ),
      h(
        "div",
        { class: "beside" },
        `${grouped(snapshot.caps_met_count ?? 0)} met; `,
        `${grouped(snapshot.account_count ?? 0)} accounts`,
      ),
    ),
  ];
}

function costLine(revenue, cost) {
  const margin = whole(revenue) - whole(cost);
  const part = percent(margin, revenue);
  return `cost ${decimals(cost)}, margin ${decimals(margin)}${part ? ` (${part})` : ""}`;
}

function rate(bySecond) {
  const last = (bySecond ?? []).slice(-SECONDS_AVERAGED).map(Number);
  if (last.length === 0) return "\u2013";
  return grouped(Math.round(last.reduce((sum, count) => sum + count, 0) / last.length));
}

function drawRevenue(chart, snapshot) {
  const moneys = snapshot.money ?? [];
  const first = new Date(snapshot.first_minute).getTime() / 1000;
  const count = moneys[0]?.revenue_by_minute_micros?.length ?? 0;
  const times = Array.from({ length: count }, (_, place) => first + 60 * place);
  const inUnits = (values) => (values ?? []).map((micros) => Number(micros) / 1e6);
  chart.show(
    times,
    moneys.map((of) => ({
      name: of.currency,
      values: inUnits(of.revenue_by_minute_micros),
    })),
  );
}

function drawDecisions(chart, snapshot) {
  const grants = (snapshot.grants_by_second ?? []).map(Number);
  const refused = (snapshot.refusals_by_second ?? []).map(Number);
  const last = Math.floor(new Date(snapshot.as_of.time).getTime() / 1000);
  const times = grants.map((_, place) => last - grants.length + place);
  chart.show(times, [
    { name: "granted", values: grants },
    { name: "refused", values: refused },
  ]);
}

function refusalsOf(snapshot) {
  const rows = snapshot.refusals ?? [];
  const most = Math.max(1, ...rows.map((row) => Number(row.count)));
  return table(
    "Refused in the last 5 minutes",
    [
      {
        name: "Reason",
        cell: (row) =>
          h(
            "a",
            { href: `/events?range=5m&outcome=${row.outcome}` },
            words(row.outcome, "OUTCOME_"),
          ),
      },
      { name: "Refusals", num: true, cell: (row) => grouped(row.count) },
      { name: "", cell: (row) => gauge(Number(row.count) / most, "") },
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
