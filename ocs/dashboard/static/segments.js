// Segments: who uses what, where; what it brings and what it costs.

import { ask, BY, Fault, keyOf, RANGES, rangeOf } from "./api.js";
import { card, h, replace, table } from "./dom.js";
import { decimals, exact, grouped, percent, units, whole } from "./format.js";
import { gauge } from "./now.js";

const NOTHING = "Nothing was collected in this time.";
const REFRESH_MS = 5_000;

export function show(main, showAsOf) {
  const query = new URLSearchParams(location.search);
  const chosen = {
    range: query.get("range") ?? "1h",
    by: (query.get("by") ?? "segment,service,zone").split(",").filter((name) => name in BY),
    segment: query.get("segment") ?? "",
  };
  const revenue = h("div", { class: "wide" });
  const usage = h("div");
  const fault = h("p", { class: "notice fault", role: "alert", hidden: true });
  const command = h("p", { class: "command" });
  let shown = "";

  function turn(change) {
    Object.assign(chosen, change);
    const next = new URLSearchParams({ range: chosen.range, by: chosen.by.join(",") });
    if (chosen.segment) next.set("segment", chosen.segment);
    history.replaceState(null, "", `?${next}`);
    load();
  }

  async function load() {
    const range = rangeOf(chosen.range, chosen.by, { segment: chosen.segment });
    const asked = JSON.stringify(chosen);
    shown = asked;
    try {
      const [money, use] = await Promise.all([
        ask("GetRevenue", { range }),
        ask("GetUsage", { range }),
      ]);
      if (shown !== asked) return; // another choice came in between
      fault.hidden = true;
      showAsOf(money.as_of);
      main.dataset.asOf = money.as_of.as_of_time;
      replace(revenue, revenueCards((money.rows ?? []).filter(charged), chosen.by));
      replace(usage, usageTable(use.rows ?? [], chosen.by));
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      fault.textContent = error.message;
      fault.hidden = false;
    }
    const named = chosen.segment ? ` --segment ${chosen.segment}` : "";
    replace(
      command,
      "The same in a terminal: ",
      h(
        "code",
        {},
        `ocs report revenue --last ${chosen.range} --by ${chosen.by.join(",")}${named}`,
      ),
    );
  }

  replace(
    main,
    h("h1", {}, "Segments"),
    h("p", { class: "lead" }, "Revenue, cost and use. Currencies are never added up."),
    choices(chosen, turn),
    fault,
    h("div", { class: "cards" }, revenue, card("Use", { class: "wide" }, usage)),
    command,
  );
  load();
  setInterval(load, REFRESH_MS);
  return null;
}

function choices(chosen, turn) {
  const range = h(
    "select",
    { onchange: (event) => turn({ range: event.target.value }) },
    RANGES.map(([name, text]) =>
      h("option", { value: name, selected: name === chosen.range }, text),
    ),
  );
  const by = h(
    "select",
    { onchange: (event) => turn({ by: event.target.value.split(",") }) },
    [
      ["segment,service,zone", "Segment, service, zone"],
      ["segment,service", "Segment, service"],
      ["segment", "Segment"],
      ["segment,plan", "Segment, plan"],
      ["service,zone", "Service, zone"],
      ["partner,service", "Carrier, service"],
      ["tenant,segment", "Tenant, segment"],
    ].map(([value, text]) =>
      h("option", { value, selected: value === chosen.by.join(",") }, text),
    ),
  );
  const segment = h("input", {
    type: "search",
    value: chosen.segment,
    placeholder: "all",
    size: 12,
    onchange: (event) => turn({ segment: event.target.value.trim() }),
  });
  return h(
    "form",
    { class: "choices", onsubmit: (event) => event.preventDefault() },
    h("label", {}, "When", range),
    h("label", {}, "Broken down by", by),
    h("label", {}, "Segment only", segment),
  );
}

function labelColumns(by) {
  return by.map((name) => ({
    name: BY[name][0],
    cell: (row) => keyOf(row, name),
    sort: (row) => keyOf(row, name),
  }));
}

function eventsOf(row, by) {
  const query = new URLSearchParams({
    range: new URLSearchParams(location.search).get("range") ?? "1h",
  });
  for (const name of by) query.set(name, keyOf(row, name));
  return `/events?${query}`;
}

// A row of top-ups alone is not about use.
function charged(row) {
  return row.charge_count || row.refunded_micros || row.costs || row.uncollected_micros;
}

// A card for each currency: what is not added up does not stand in one column either.
function revenueCards(rows, by) {
  const currencies = [...new Set(rows.map((row) => row.currency))].sort();
  if (currencies.length === 0)
    return [card("Revenue", {}, table("", [], [], { empty: NOTHING }))];
  return currencies.map((currency) =>
    card(
      `Revenue and margin, ${currency}`,
      {},
      revenueTable(
        rows.filter((row) => row.currency === currency),
        by,
      ),
    ),
  );
}

function revenueTable(rows, by) {
  const most = Math.max(1, ...rows.map((row) => Number(row.revenue_micros ?? 0)));
  return table(
    "Collected, and owed to carriers for the same use",
    [
      ...labelColumns(by),
      {
        name: "Revenue",
        num: true,
        sort: (row) => whole(row.revenue_micros),
        cell: (row) =>
          h(
            "a",
            {
              href: eventsOf(row, by),
              title: exact(row.revenue_micros, row.currency),
              "data-micros": row.revenue_micros ?? "0",
            },
            decimals(row.revenue_micros),
          ),
      },
      {
        name: "Share",
        bar: true,
        cell: (row) => gauge(Number(row.revenue_micros ?? 0) / most, ""),
      },
      { name: "Cost", num: true, cell: (row) => costs(row) },
      {
        name: "Margin",
        num: true,
        cell: margin,
      },
      {
        name: "Charges",
        num: true,
        sort: (row) => whole(row.charge_count),
        cell: (row) => grouped(row.charge_count),
      },
    ],
    rows,
    { empty: NOTHING, sorted: { name: "Revenue", down: true } },
  );
}

function margin(row) {
  if (row.margin_micros === undefined) {
    const title = "Some of the use has no wholesale price, or one in another currency";
    return h("span", { title }, "\u2013");
  }
  const part = percent(row.margin_micros, row.revenue_micros);
  const attributes = {
    class: whole(row.margin_micros) < 0n ? "bad" : "good",
    title: exact(row.margin_micros, row.currency),
  };
  return h("span", attributes, decimals(row.margin_micros), part ? ` (${part})` : "");
}

function costs(row) {
  const all = row.costs ?? [];
  if (all.length === 0) return "\u2013";
  return all.map((cost) =>
    h(
      "div",
      { title: exact(cost.micros, cost.currency) },
      `${decimals(cost.micros)} ${cost.currency}`,
    ),
  );
}

function usageTable(rows, by) {
  return table(
    "Used, and who paid",
    [
      ...labelColumns(by),
      {
        name: "Used",
        num: true,
        cell: (row) =>
          h(
            "a",
            {
              href: eventsOf(row, by),
              title: `${grouped(row.used_units)}`,
              "data-units": row.used_units ?? "0",
            },
            units(row.unit, row.used_units),
          ),
      },
      {
        name: "Uncollected",
        num: true,
        cell: (row) =>
          h(
            "span",
            { class: whole(row.uncollected_units) > 0n ? "bad" : "" },
            units(row.unit, row.uncollected_units),
          ),
      },
    ],
    rows,
    { empty: "Nothing was used in this time." },
  );
}
