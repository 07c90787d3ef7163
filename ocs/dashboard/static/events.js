// Events: the charges behind a figure, newest first.

import { ask, BY, Fault, filtersOf, RANGES, startOf } from "./api.js";
import { card, h, replace, table } from "./dom.js";
import { accountPath, decimals, exact, moment, named, units, whole, words } from "./format.js";

const OUTCOMES = [
  "OUTCOME_CREDIT_LIMIT_REACHED",
  "OUTCOME_SPENDING_CAP_REACHED",
  "OUTCOME_SERVICE_DENIED",
  "OUTCOME_RATING_FAILED",
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
const GRANTED = ["OUTCOME_GRANTED", "OUTCOME_CHARGED", "OUTCOME_RELEASED"];

export function show(main, showAsOf) {
  const query = new URLSearchParams(location.search);
  const list = h("div");
  const fault = h("p", { class: "notice fault", role: "alert", hidden: true });
  const more = h("button", { type: "button", hidden: true }, "Show older ones");
  const rows = [];
  let next = "";
  let until = "";

  async function load() {
    const only = Object.fromEntries(Object.keys(BY).map((name) => [name, query.get(name)]));
    delete only.tenant;
    const range = {
      start_time: startOf(query.get("range") ?? "24h"),
      filters: filtersOf(only),
    };
    if (until) range.end_time = until;
    try {
      const answer = await ask("ListEvents", {
        range,
        kind: query.get("kind") ?? "",
        outcome: query.get("outcome") || undefined,
        refused: query.has("refused"),
        uncollected: query.has("uncollected"),
        page_token: next,
      });
      fault.hidden = true;
      showAsOf(answer.as_of);
      main.dataset.asOf = answer.as_of.as_of_time;
      // Pages of one list: what comes in meanwhile does not move them.
      until ||= answer.as_of.as_of_time;
      rows.push(...(answer.events ?? []));
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
    until = "";
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
  const outcomes = [...new Set([...OUTCOMES, outcome])].filter(Boolean);
  const ranges = RANGES.map(([name, text]) => [name, text]);
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
      select("When", "range", ranges, query.get("range") ?? "24h"),
      select(
        "Kind",
        "kind",
        [["", "All"], ...KINDS.map((kind) => [kind, words(kind, "")])],
        query.get("kind") ?? "",
      ),
      select(
        "Outcome",
        "outcome",
        [["", "All"], ...outcomes.map((name) => [name, words(name, "OUTCOME_")])],
        outcome,
      ),
    ),
    chips(query),
    fault,
    h("div", { class: "cards" }, card("Events", { class: "wide" }, list, more)),
  );
  load();
  return null;
}

// What else narrows the list, and the way out of it.
function chips(query) {
  const named = Object.keys(BY).filter((name) => name !== "tenant" && query.get(name));
  const marks = named.map((name) => `${BY[name][0].toLowerCase()}: ${query.get(name)}`);
  if (query.has("refused")) marks.push("refused only");
  if (query.has("uncollected")) marks.push("uncollected only");
  if (marks.length === 0) return null;
  const tags = marks.flatMap((mark) => [h("span", { class: "tag" }, mark), " "]);
  return h("p", {}, ...tags, h("a", { href: "/events" }, "All events"));
}

export function eventTable(rows, { ofAccount = false, explain = null } = {}) {
  return table(
    "Events, newest first",
    [
      { name: "When", cell: (row) => moment(row.store_time) },
      ...(ofAccount ? [] : [{ name: "Account", cell: accountOf }]),
      { name: "What", cell: (row) => [words(row.kind, ""), " ", outcomeTag(row)] },
      {
        name: "Service",
        cell: (row) => [row.service_id, row.zone].filter(Boolean).join(", ") || "-",
      },
      { name: "Used", num: true, cell: (row) => positive(row.unit, row.used_units) },
      { name: "Granted", num: true, cell: (row) => positive(row.unit, row.granted_units) },
      { name: "Collected", num: true, cell: collected },
      {
        name: "Uncollected",
        num: true,
        cell: (row) => money(row, row.uncollected_micros, "bad"),
      },
      ...(explain ? [{ name: "Why", cell: (row) => explain(row) }] : []),
    ],
    rows,
    { empty: "No events in this time." },
  );
}

function accountOf(row) {
  const { tenant, account, seq } = named(row.event);
  return h("a", { href: `${accountPath(tenant, account)}&seq=${seq}` }, account);
}

const positive = (unit, count) => (whole(count) > 0n ? units(unit, count) : "");

function collected(row) {
  return money(row, whole(row.charged_micros) - whole(row.refunded_micros), "");
}

function money(row, micros, how) {
  if (whole(micros) === 0n) return "";
  const attributes = { class: how, title: exact(micros, row.currency), "data-micros": micros };
  return h("span", attributes, `${decimals(micros)} ${row.currency}`);
}

function outcomeTag(row) {
  const name = row.outcome ?? "";
  if (!name || GRANTED.includes(name)) return "";
  return h("span", { class: "tag near" }, words(name, "OUTCOME_"));
}
