// The figures' own API: messages of ocs.v1.InsightsService as JSON.

export class Fault extends Error {}

export async function ask(method, request, of = tenant()) {
  const query = of ? `?tenant=${encodeURIComponent(of)}` : "";
  let response;
  try {
    response = await fetch(`/api/${method}${query}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(request),
    });
  } catch {
    throw new Fault("The service does not answer. This page tries again by itself.");
  }
  if (response.status === 401) {
    location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  }
  const answer = await response.json().catch(() => ({}));
  if (!response.ok) throw new Fault(told(answer, response.status));
  return answer;
}

// The reporting day began at this moment; told by the figures themselves.
let dayStart = "";

export function useDayStart(time) {
  dayStart = time;
  sessionStorage.setItem("day-start", time);
}

function told(answer, status) {
  const broken = (answer.violations ?? []).map(({ field, rule }) => `${field}: ${rule}`);
  const message = answer.message ?? `the service answered ${status}`;
  return [message, ...broken].join("; ");
}

const ago = (seconds) => new Date(Date.now() - seconds * 1000).toISOString();

export const RANGES = [
  ["5m", "Last 5 minutes", () => ago(300)],
  ["1h", "Last hour", () => ago(3600)],
  ["today", "Today", () => dayStart || sessionStorage.getItem("day-start") || ago(86_400)],
  ["24h", "Last 24 hours", () => ago(86_400)],
  ["7d", "Last 7 days", () => ago(7 * 86_400)],
];

export function startOf(range) {
  return (RANGES.find(([name]) => name === range) ?? RANGES[1])[2]();
}

// The tenant that was chosen, where there are several; empty: all.
export function tenant() {
  return (
    new URLSearchParams(location.search).get("tenant") ?? sessionStorage.getItem("tenant") ?? ""
  );
}

// What figures can be broken down by: name in addresses -> [in words, in the API].
export const BY = {
  tenant: ["Tenant", "FIGURE_DIMENSION_TENANT"],
  segment: ["Segment", "FIGURE_DIMENSION_SEGMENT"],
  plan: ["Plan", "FIGURE_DIMENSION_PLAN"],
  service: ["Service", "FIGURE_DIMENSION_SERVICE"],
  zone: ["Zone", "FIGURE_DIMENSION_ZONE"],
  partner: ["Carrier", "FIGURE_DIMENSION_PARTNER"],
};

// only: {name: value}, empty values are left out.
export function rangeOf(range, by, only) {
  return {
    start_time: startOf(range),
    group_by: by.map((name) => BY[name][1]),
    filters: filtersOf(only),
  };
}

export function filtersOf(only) {
  return Object.entries(only)
    .filter(([, value]) => value)
    .map(([name, value]) => ({ dimension: BY[name][1], values: [value === "-" ? "" : value] }));
}

// The value of a dimension in a row; "-" where an event has none.
export function keyOf(row, name) {
  const found = (row.keys ?? []).find((key) => key.dimension === BY[name][1]);
  return found?.value || "-";
}
