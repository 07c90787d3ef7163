// Events: the charges behind a figure, newest first.

import { ask, Fault, RANGES, startOf, tenant } from "./api.js";
import { card, h, replace, table } from "./dom.js";
import { accountPath, decimals, exact, moment, named, units, whole, words } from "./format.js";

const REFUSED = [
  "CREDIT_LIMIT_REACHED",
  "SPENDING_CAP_REACHED",
  "SERVICE_DENIED",
  "RATING_FAILED",
];
const KINDS = [
  "RESERVE",
  "COMMIT",
  "RELEASE",
  "DEBIT",
  "EXPIRE",
  "REFUND",
  "TOP_UP",
  "PURCHASE_BUNDLE",
  "RENEW_BUNDLE",
];
const LABELS = {
  segment: "segment",
  service: "service_id",
  zone: "zone",
  plan: "plan",
  partner: "partner",
  tenant: "tenant",
};

export function show(main, showAsOf) {
  const query = new URLSearchParams(location.search);
  const list = h("div");
  const fault = h("p", { class: "notice fault", role: "alert", hidden: true });
  const more = h("button", { type: "button", hidden: true }, "Show older ones");
  const rows = [];
  let next = "";

  function request() {
    const only = { tenant: tenant() };
    for (const [name, field] of Object.entries(LABELS))
      if (query.get(name)) only[field] = query.get(name);
    return {
      only,
      kinds: query.get("kind") ? [`EVENT_KIND_${query.get("kind")}`] : [],
      outcome: query.get("outcome") || undefined,
      uncollected: query.has("uncollected"),
      start_time: startOf(query.get("range") ?? "24h"),
      page_size: 50,
      page_token: next,
    };
  }

  async function load() {
    try {
      const answer = await ask("ListEvents", request());
      fault.hidden = true;
      showAsOf(answer.as_of);
      main.dataset.asOf = answer.as_of.time;
      rows.push(...(answer.rows ?? []));
      next = answer.next_page_token ?? "";
      more.hidden = !next;
      replace(list, eventTable(rows));
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      fault.textContent = error.message;
      fault.hidden = false;
    }
  }

  function turn(name, value) {
    if (value) query.set(name, value);
    else query.delete(name);
    history.replaceState(null, "", `?${query}`);
    rows.length = 0;
    next = "";
    load();
  }

  const select = (label, name, options, chosen) =>
    h(
      "label",
      {},
      label,
      h(
        "select",
        { onchange: (event) => turn(name, event.target.value) },
        options.map(([value, text]) =>
          h("option", { value, selected: value === chosen }, text),
        ),
      ),
    );
  more.addEventListener("click", load);
  const outcome = query.get("outcome") ?? "";
  const chips = Object.keys(LABELS).filter((name) => name !== "tenant" && query.get(name));
  replace(
    main,
    h("h1", {}, "Events"),
    h(
      "p",
      { class: "lead" },
      "What stands behind a figure: the events themselves, newest first.",
    ),
    h(
      "form",
      { class: "choices", onsubmit: (event) => event.preventDefault() },
      select(
        "When",
        "range",
        RANGES.map(([name, text]) => [name, text]),
        query.get("range") ?? "24h",
      ),
      select(
        "Kind",
        "kind",
        [["", "All"], ...KINDS.map((kind) => [kind, words(kind, "")])],
        query.get("kind") ?? "",
      ),
      select(
        "Outcome",
        "outcome",
        [
          ["", "All"],
          ...[
            ...new Set([...REFUSED.map((name) => `OUTCOME_${name}`), outcome].filter(Boolean)),
          ].map((name) => [name, words(name, "OUTCOME_")]),
        ],
        outcome,
      ),
    ),
    chips.length
      ? h(
          "p",
          {},
          ...chips.flatMap((name) => [
            h("span", { class: "tag" }, `${name}: ${query.get(name)}`),
            " ",
          ]),
          h("a", { href: "/events" }, "All events"),
        )
      : null,
    fault,
    h("div", { class: "cards" }, card("Events", { class: "wide" }, list, more)),
  );
  load();
  return null;
}

export function eventTable(rows, { ofAccount = false, explain = null } = {}) {
  return table(
    "Events, newest first",
    [
      { name: "When", cell: (row) => moment(row.store_time) },
      ...(ofAccount
        ? []
        : [
            {
              name: "Account",
              cell: (row) =>
                h(
                  "a",
                  { href: `${accountPath(row.event)}&seq=${named(row.event).seq}` },
                  named(row.event).account,
                ),
            },
          ]),
      { name: "What", cell: (row) => [words(row.kind, "EVENT_KIND_"), " ", outcomeTag(row)] },
      {
        name: "Service",
        cell: (row) =>
          [row.labels?.service_id, row.labels?.zone].filter(Boolean).join(", ") || "-",
      },
      {
        name: "Used",
        num: true,
        cell: (row) => (whole(row.used_units) > 0n ? units(row.unit, row.used_units) : ""),
      },
      {
        name: "Granted",
        num: true,
        cell: (row) =>
          whole(row.granted_units) > 0n ? units(row.unit, row.granted_units) : "",
      },
      {
        name: "Collected",
        num: true,
        cell: (row) =>
          whole(row.revenue_micros) === 0n
            ? ""
            : h(
                "span",
                {
                  title: exact(row.revenue_micros, row.currency),
                  "data-micros": row.revenue_micros,
                },
                `${decimals(row.revenue_micros)} ${row.currency}`,
              ),
      },
      {
        name: "Uncollected",
        num: true,
        cell: (row) =>
          whole(row.uncollected_micros) === 0n
            ? ""
            : h(
                "span",
                { class: "bad", title: exact(row.uncollected_micros, row.currency) },
                `${decimals(row.uncollected_micros)} ${row.currency}`,
              ),
      },
      ...(explain ? [{ name: "", cell: (row) => explain(row) }] : []),
    ],
    rows,
    { empty: "No events in this time." },
  );
}

function outcomeTag(row) {
  const name = row.outcome ?? "";
  if (!name || ["OUTCOME_GRANTED", "OUTCOME_CHARGED", "OUTCOME_RELEASED"].includes(name))
    return "";
  return h("span", { class: "tag near" }, words(name, "OUTCOME_"));
}
