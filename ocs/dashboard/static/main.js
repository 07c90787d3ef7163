// The frame of every page: which one it is, colours, tenant, what is live and as of when.

import { tenant, useDayStart } from "./api.js";
import { redrawAll } from "./chart.js";
import { h, replace } from "./dom.js";
import { moment, useZone } from "./format.js";
import { watch } from "./live.js";

const PAGES = {
  "/": ["Now", () => import("./now.js")],
  "/segments": ["Segments", () => import("./segments.js")],
  "/limits": ["Limits", () => import("./limits.js")],
  "/events": ["Events", () => import("./events.js")],
  "/account": ["Account", () => import("./account.js")],
};
const THEMES = ["auto", "light", "dark"];

const state = document.getElementById("state");
const asOf = document.getElementById("as-of");
const tenants = document.getElementById("tenant");
const themeButton = document.getElementById("theme");

function useTheme(theme) {
  if (theme === "auto") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  const name = theme.charAt(0).toUpperCase() + theme.slice(1);
  themeButton.textContent = name;
  themeButton.setAttribute("aria-label", `Colours: ${name}`);
  redrawAll();
}

function nextTheme() {
  const current = localStorage.getItem("theme") ?? "auto";
  const next = THEMES[(THEMES.indexOf(current) + 1) % THEMES.length];
  localStorage.setItem("theme", next);
  useTheme(next);
}

function showTenants(names) {
  const known = [...tenants.options].map((option) => option.value).slice(1);
  if (names.length < 2 && known.length < 2) return;
  if (names.join() === known.join()) return;
  replace(
    tenants,
    h("option", { value: "" }, "All"),
    names.map((name) => h("option", { value: name, selected: name === tenant() }, name)),
  );
  tenants.closest("label").hidden = false;
}

function chooseTenant() {
  sessionStorage.setItem("tenant", tenants.value);
  const query = new URLSearchParams(location.search);
  query.delete("tenant");
  location.search = query.toString();
}

// Every figure of the page is as of this moment, or says its own.
export function showAsOf(of) {
  useZone(of.time_zone);
  const lag = (Number(of.lag_ms ?? 0) / 1000).toFixed(1);
  asOf.textContent = `As of ${moment(of.as_of_time)}, ${lag} s behind the last charge`;
  document.getElementById("zone").textContent = `Times and days in ${of.time_zone}`;
}

const SAID = {
  live: () => "",
  lost: () => "Connection lost. Trying again\u2026",
  waiting: (why) => why,
};

async function start() {
  const [name, load] = PAGES[location.pathname] ?? PAGES["/"];
  document.title = `${name} \u00b7 OCS`;
  for (const link of document.querySelectorAll("nav a")) {
    if (link.getAttribute("href") === location.pathname)
      link.setAttribute("aria-current", "page");
  }
  useTheme(localStorage.getItem("theme") ?? "auto");
  themeButton.addEventListener("click", nextTheme);
  tenants.addEventListener("change", chooseTenant);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redrawAll);

  const page = await load();
  const onSnapshot = await page.show(document.getElementById("main"), showAsOf);
  watch(tenant(), {
    onSnapshot(snapshot) {
      document.body.dataset.live = snapshot.now.as_of.as_of_time;
      showTenants(snapshot.now.tenants ?? []);
      if (snapshot.today.rows?.[0]) useDayStart(snapshot.today.rows[0].start_time);
      if (onSnapshot) {
        showAsOf(snapshot.now.as_of);
        onSnapshot(snapshot);
      }
    },
    onState(how, why) {
      const said = SAID[how](why);
      if (state.textContent !== said) state.textContent = said;
    },
  });
}

start();
