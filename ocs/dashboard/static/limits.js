// Limits: who comes near a spending cap, nearest first.

import { ask, Fault, tenant } from "./api.js";
import { card, h, replace, table } from "./dom.js";
import { accountPath, grouped, moment, named, quantity, share, until } from "./format.js";
import { gauge } from "./now.js";

const REFRESH_MS = 5_000;
const MET = 10_000;
const NEAR = 8_000;

export function show(main, showAsOf) {
  const query = new URLSearchParams(location.search);
  let least = Number(query.get("from") ?? NEAR);
  let pages = 1;
  const list = h("div");
  const fault = h("p", { class: "notice fault", role: "alert", hidden: true });
  const count = h("p", { class: "beside", role: "status" });
  const more = h(
    "button",
    {
      type: "button",
      hidden: true,
      onclick: () => {
        pages += 1;
        load();
      },
    },
    "Show more",
  );

  async function load() {
    try {
      const rows = [];
      let answer = {};
      for (let page = 0; page < pages && (page === 0 || answer.next_page_token); page += 1) {
        answer = await ask("ListLimits", {
          min_share_e4: least,
          only: { tenant: tenant() },
          page_token: answer.next_page_token ?? "",
        });
        rows.push(...(answer.rows ?? []));
      }
      fault.hidden = true;
      showAsOf(answer.as_of);
      main.dataset.asOf = answer.as_of.time;
      const total = grouped(answer.total_count ?? 0);
      count.textContent = `${grouped(rows.length)} of ${total} caps from ${share(least)} on`;
      more.hidden = !answer.next_page_token;
      replace(list, limitTable(rows, answer.as_of.time));
    } catch (error) {
      if (!(error instanceof Fault)) throw error;
      fault.textContent = error.message;
      fault.hidden = false;
    }
  }

  const choose = h(
    "select",
    {
      onchange: (event) => {
        least = Number(event.target.value);
        history.replaceState(null, "", `?from=${least}`);
        load();
      },
    },
    [
      [MET, "Met: 100 % and more"],
      [NEAR, "Near: 80 % and more"],
      [5_000, "Half: 50 % and more"],
      [0, "All"],
    ].map(([value, text]) => h("option", { value, selected: value === least }, text)),
  );
  replace(
    main,
    h("h1", {}, "Limits"),
    h(
      "p",
      { class: "lead" },
      "Spending caps by how far their period has come, nearest to the limit first.",
    ),
    h(
      "form",
      { class: "choices", onsubmit: (event) => event.preventDefault() },
      h("label", {}, "Show", choose),
    ),
    fault,
    h(
      "div",
      { class: "cards" },
      card("Caps near their limit", { class: "wide" }, count, list, more),
    ),
  );
  load();
  setInterval(load, REFRESH_MS);
  return null;
}

export function limitTable(rows, now, { ofAccount = false } = {}) {
  return table(
    "Spending caps",
    [
      ...(ofAccount
        ? []
        : [
            {
              name: "Account",
              cell: (row) =>
                h("a", { href: accountPath(row.account) }, named(row.account).account),
            },
            { name: "Segment", cell: (row) => row.segment || "-" },
          ]),
      { name: "Cap", cell: (row) => row.cap_id },
      { name: "Binds", cell: (row) => holder(row.holder) },
      {
        name: "Counted",
        num: true,
        cell: (row) => quantity(row.unit, row.spent, row.currency),
      },
      { name: "Limit", num: true, cell: (row) => quantity(row.unit, row.limit, row.currency) },
      { name: "Share", num: true, cell: (row) => tag(Number(row.spent_share_e4 ?? 0)) },
      {
        name: "",
        cell: (row) =>
          gauge(Number(row.spent_share_e4 ?? 0) / MET, level(Number(row.spent_share_e4 ?? 0))),
      },
      {
        name: "Starts again in",
        num: true,
        cell: (row) =>
          row.reset_time
            ? h("span", { title: moment(row.reset_time) }, until(row.reset_time, now))
            : "\u2013",
      },
    ],
    rows,
    { empty: "No cap is that near to its limit." },
  );
}

function holder(of) {
  if (of?.subscriber_id) return `line ${of.subscriber_id}`;
  if (of?.group_id) return `group ${of.group_id}`;
  return "the account";
}

function level(shareE4) {
  if (shareE4 >= MET) return "met";
  return shareE4 >= NEAR ? "near" : "";
}

function tag(shareE4) {
  return h("span", { class: `tag ${level(shareE4)}` }, share(shareE4));
}
