// Account: what it has, what binds it, what happened to it, and why each charge cost what it did.

import { ask, Fault, startOf, tenant } from "./api.js";
import { card, h, replace, table } from "./dom.js";
import { eventTable } from "./events.js";
import { decimals, grouped, moment, named, quantity, units, whole, words } from "./format.js";
import { limitTable } from "./limits.js";

const REFRESH_MS = 5_000;
const CHARGES = ["COMMIT", "DEBIT", "REFUND"];
// As many as one page of limits has.
const CAPS_MAX = 500;
const FIRST_TENANT = "main";

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
  const asked = { tenant: tenant() || FIRST_TENANT, id, pages: 1 };
  const load = () => draw(asked, { main, body, why, fault, showAsOf, load });
  load();
  setInterval(load, REFRESH_MS);
  const seq = query.get("seq");
  if (seq) explain(`tenants/${asked.tenant}/accounts/${id}/events/${seq}`, why);
  return null;
}

function search(id) {
  const field = (name, value) =>
    h("input", { name, value, required: true, autocomplete: "off", spellcheck: "false" });
  return h(
    "form",
    { class: "choices", action: "/account", role: "search" },
    h("label", {}, "Tenant", field("tenant", tenant() || FIRST_TENANT)),
    h("label", {}, "Account id", field("id", id)),
    h("button", { type: "submit", class: "primary" }, "Show"),
  );
}

// Without an account: those that were charged last, to go on from.
async function recent(body, showAsOf, fault) {
  await guarded(fault, async () => {
    const answer = await ask("ListEvents", {
      range: { start_time: startOf("24h") },
      page_size: 20,
    });
    showAsOf(answer.as_of);
    const last = card(
      "Last events of all accounts",
      { class: "wide" },
      eventTable(answer.events ?? []),
    );
    replace(body, h("div", { class: "cards" }, last));
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
    const { account, store_time: now } = await ask(
      "GetAccount",
      { account_id: asked.id },
      asked.tenant,
    );
    const rows = [];
    let answer = {};
    for (
      let page = 0;
      page < asked.pages && (page === 0 || answer.next_page_token);
      page += 1
    ) {
      const request = { account_id: asked.id, page_token: answer.next_page_token ?? "" };
      answer = await ask("ListTimeline", request, asked.tenant);
      rows.push(...(answer.events ?? []));
    }
    const held = await ask(
      "ListLimits",
      { account_id: asked.id, share_permille_min: 0, page_size: CAPS_MAX },
      asked.tenant,
    );
    const shared = (held.limits ?? []).filter((cap) => cap.holder);
    showAsOf(answer.as_of);
    main.dataset.asOf = now;
    const onMore = () => {
      asked.pages += 1;
      load();
    };
    const more = answer.next_page_token
      ? h("button", { type: "button", onclick: onMore }, "Show older ones")
      : "";
    const reason = (row) =>
      CHARGES.includes(row.kind)
        ? h("button", { type: "button", onclick: () => explain(row.event, why) }, "Explain")
        : "";
    const caps = (account.caps ?? []).map((cap) => limitOf(cap, account));
    replace(
      body,
      h("div", { class: "tiles" }, overview(account, now)),
      h(
        "div",
        { class: "cards" },
        card("Buckets", {}, buckets(account)),
        card("Spending caps", {}, limitTable(caps, now, { ofAccount: true })),
        shared.length > 0
          ? card(
              "Caps of lines and groups",
              { class: "wide" },
              limitTable(shared, now, { ofAccount: true }),
            )
          : "",
        card(
          "History",
          { class: "wide" },
          eventTable(rows, { ofAccount: true, explain: reason }),
          more,
        ),
      ),
    );
  });
}

// A cap of the account in the form of the list of limits.
function limitOf(cap, account) {
  const limit = whole(cap.limit_micros ?? cap.limit_units?.units ?? 0);
  return {
    cap_id: cap.cap_id,
    holder: cap.holder,
    unit: cap.limit_units?.unit ?? "UNIT_TYPE_MICROS",
    currency: account.currency,
    limit,
    spent: cap.spent,
    share_permille: limit > 0n ? (whole(cap.spent) * 1000n) / limit : 1000n,
    reset_time: cap.reset_time,
  };
}

function overview(account, now) {
  const fact = (title, value, beside) =>
    card(
      title,
      { class: "tile" },
      h("div", { class: "figure" }, value),
      h("div", { class: "beside" }, beside),
    );
  const open = account.open_reservations ?? [];
  const lines = account.subscriber_ids ?? [];
  return [
    fact(
      "Status",
      words(account.status, "ACCOUNT_STATUS_"),
      `${account.currency}, event ${grouped(account.account_seq)}`,
    ),
    fact("Segment", account.segment || "\u2013", `plan ${account.plan || "\u2013"}`),
    fact("Lines", grouped(lines.length), lines.slice(0, 4).join(", ")),
    fact("Open reservations", grouped(open.length), `as of ${moment(now, "time")}`),
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
      { name: "Available", num: true, cell: (row) => figure(row, row.available) },
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
  const { tenant: of, seq } = named(event);
  try {
    const answer = await ask("ExplainCharge", { event }, of);
    const lines = (answer.explanation ?? []).map((line) => h("li", {}, line.text));
    const charged = `${decimals(answer.charged_micros)} ${answer.currency}`;
    const used = units(answer.unit, answer.used_units);
    replace(
      place,
      h(
        "section",
        { class: "card", id: "explained-card", "aria-labelledby": "explained" },
        h("h2", { id: "explained" }, `Why event ${seq} cost ${charged}`),
        h("p", { class: "beside" }, `${used} by tariff ${answer.tariff_version || "\u2013"}`),
        lines.length ? h("ol", { class: "reasons" }, lines) : null,
        answer.unexplained_text ? h("p", {}, answer.unexplained_text) : null,
      ),
    );
    place.scrollIntoView({ block: "nearest" });
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    replace(place, h("p", { class: "notice fault" }, error.message));
  }
}
