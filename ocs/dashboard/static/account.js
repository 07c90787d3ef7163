// Account: what it has, what binds it, what happened to it, and why each charge cost what it did.

import { ask, Fault, tenant } from "./api.js";
import { card, h, replace, table } from "./dom.js";
import { eventTable } from "./events.js";
import { decimals, exact, grouped, moment, named, quantity } from "./format.js";
import { limitTable } from "./limits.js";

const REFRESH_MS = 5_000;
const CHARGES = ["EVENT_KIND_COMMIT", "EVENT_KIND_DEBIT"];

export function show(main, showAsOf) {
  const query = new URLSearchParams(location.search);
  const id = query.get("id") ?? "";
  const fault = h("p", { class: "notice fault", role: "alert", hidden: true });
  const body = h("div");
  const why = h("div", { role: "status" });
  replace(
    main,
    h("h1", {}, id ? `Account ${id}` : "Account"),
    h(
      "p",
      { class: "lead" },
      "Balances, caps and history of one account; each charge explains itself.",
    ),
    search(id),
    fault,
    why,
    body,
  );
  if (!id) {
    recent(body, showAsOf, fault);
    return null;
  }
  const asked = { tenant: tenant(), id, pages: 1 };
  const load = () => draw(asked, { main, body, why, fault, showAsOf, load });
  load();
  setInterval(load, REFRESH_MS);
  const seq = query.get("seq");
  if (seq) explain(`tenants/${asked.tenant || "main"}/accounts/${id}/events/${seq}`, why);
  return null;
}

function search(id) {
  const field = h("input", {
    name: "id",
    value: id,
    required: true,
    autocomplete: "off",
    spellcheck: "false",
  });
  const hidden = tenant()
    ? h("input", { type: "hidden", name: "tenant", value: tenant() })
    : null;
  return h(
    "form",
    { class: "choices", action: "/account", role: "search" },
    h("label", {}, "Account id", field),
    hidden,
    h("button", { type: "submit", class: "primary" }, "Show"),
  );
}

// Without an account: those that were charged last, to go on from.
async function recent(body, showAsOf, fault) {
  await guarded(fault, async () => {
    const answer = await ask("ListEvents", { only: { tenant: tenant() }, page_size: 20 });
    showAsOf(answer.as_of);
    replace(
      body,
      h(
        "div",
        { class: "cards" },
        card("Last events of all accounts", { class: "wide" }, eventTable(answer.rows ?? [])),
      ),
    );
  });
}

async function guarded(fault, work) {
  try {
    await work();
    fault.hidden = true;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    fault.textContent = error.message;
    fault.hidden = false;
  }
}

async function draw(asked, { main, body, why, fault, showAsOf, load }) {
  await guarded(fault, async () => {
    const account = await ask("GetAccountFigures", {
      tenant: asked.tenant,
      account_id: asked.id,
    });
    const rows = [];
    let answer = {};
    for (
      let page = 0;
      page < asked.pages && (page === 0 || answer.next_page_token);
      page += 1
    ) {
      answer = await ask("ListEvents", {
        account_id: asked.id,
        only: { tenant: named(account.account).tenant },
        page_token: answer.next_page_token ?? "",
        page_size: 30,
      });
      rows.push(...(answer.rows ?? []));
    }
    showAsOf(account.as_of);
    main.dataset.asOf = account.as_of.time;
    const more = answer.next_page_token
      ? h(
          "button",
          {
            type: "button",
            onclick: () => {
              asked.pages += 1;
              load();
            },
          },
          "Show older ones",
        )
      : null;
    const reason = (row) =>
      CHARGES.includes(row.kind)
        ? h("button", { type: "button", onclick: () => explain(row.event, why) }, "Explain")
        : "";
    replace(
      body,
      h("div", { class: "tiles" }, overview(account)),
      h(
        "div",
        { class: "cards" },
        card("Buckets", {}, buckets(account)),
        card(
          "Spending caps",
          {},
          limitTable(account.caps ?? [], account.as_of.time, { ofAccount: true }),
        ),
        card(
          "History",
          { class: "wide" },
          eventTable(rows, { ofAccount: true, explain: reason }),
          more ?? "",
        ),
      ),
    );
  });
}

function overview(account) {
  const fact = (title, value, beside) =>
    card(
      title,
      { class: "tile" },
      h("div", { class: "figure" }, value),
      h("div", { class: "beside" }, beside),
    );
  const revenue = account.revenue_today_micros ?? "0";
  return [
    fact(
      "Status",
      account.status,
      `${account.currency}, event ${grouped(account.account_seq)}`,
    ),
    fact("Segment", account.segment || "\u2013", `plan ${account.plan || "\u2013"}`),
    fact(
      "Collected today",
      h(
        "span",
        { title: exact(revenue, account.currency), "data-micros": revenue },
        decimals(revenue),
      ),
      account.currency,
    ),
    fact("Open reservations", grouped(account.open_reservation_count ?? 0), "hold units now"),
  ];
}

function buckets(account) {
  const figure = (row, value) =>
    h(
      "span",
      { "data-figure": value ?? "0" },
      quantity(row.unit, value ?? "0", account.currency),
    );
  return table(
    "What is settled, held, and free to use",
    [
      { name: "Bucket", cell: (row) => row.bucket_id },
      { name: "Balance", num: true, cell: (row) => figure(row, row.balance) },
      { name: "Held", num: true, cell: (row) => figure(row, row.reserved) },
      {
        name: "Ends",
        num: true,
        cell: (row) => (row.expire_time ? moment(row.expire_time) : "never"),
      },
    ],
    account.buckets ?? [],
    { empty: "It has no bucket." },
  );
}

// Why a charge cost what it did, line by line; the lines add up to it exactly.
async function explain(event, place) {
  try {
    const answer = await ask("ExplainCharge", { event });
    const { seq } = named(event);
    replace(
      place,
      h(
        "section",
        { class: "card", "aria-label": `Charge ${seq} explained`, id: "explained" },
        h("h2", {}, `Why event ${seq} cost what it did`),
        h(
          "ol",
          { class: "reasons" },
          (answer.lines ?? []).map((line) => h("li", {}, line.text ?? line.sentence)),
        ),
      ),
    );
    place.scrollIntoView({ block: "nearest" });
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    replace(place, h("p", { class: "notice fault" }, error.message));
  }
}
