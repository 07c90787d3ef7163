// Limits: who comes near a spending cap, nearest first.

import { ask, Fault } from "./api.js";
import { card, h, replace, table } from "./dom.js";
import { accountPath, grouped, moment, quantity, share, until } from "./format.js";
import { gauge } from "./now.js";

const REFRESH_MS = 5_000;
const MET = 1000;
const NEAR = 800;

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
          share_permille_min: least,
          page_token: answer.next_page_token ?? "",
        });
        rows.push(...(answer.limits ?? []));
      }
      fault.hidden = true;
      showAsOf(answer.as_of);
      main.dataset.asOf = answer.as_of.as_of_time;
      const andMore = answer.next_page_token ? " and more" : "";
      count.textContent = `${grouped(rows.length)}${andMore} caps from ${share(least)} on`;
      more.hidden = !answer.next_page_token;
      replace(list, limitTable(rows, answer.as_of.as_of_time));
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
      [500, "Half: 50 % and more"],
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
    "How far the periods of caps have come",
    [
      ...(ofAccount
        ? []
        : [
            {
              name: "Account",
              cell: (row) =>
                h("a", { href: accountPath(row.tenant, row.account_id) }, row.account_id),
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
      { name: "Share", num: true, cell: (row) => tag(Number(row.share_permille ?? 0)) },
      {
        name: "Bar",
        bar: true,
        cell: (row) =>
          gauge(Number(row.share_permille ?? 0) / MET, level(Number(row.share_permille ?? 0))),
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
    { empty: ofAccount ? "No cap binds the account as a whole." : "No cap is that near." },
  );
}

function holder(of) {
  if (of?.subscriber_id) return `line ${of.subscriber_id}`;
  if (of?.group_id) return `group ${of.group_id}`;
  return "the account";
}

function level(permille) {
  if (permille >= MET) return "met";
  return permille >= NEAR ? "near" : "";
}

function tag(permille) {
  return h("span", { class: `tag ${level(permille)}` }, share(permille));
}
