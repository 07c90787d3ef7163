// The figures' own API: messages of ocs.v1.InsightsService as JSON.

export class Fault extends Error {}

export async function ask(method, request) {
  let response;
  try {
    response = await fetch(`/api/${method}`, {
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
  if (!response.ok)
    throw new Fault(answer.message ?? `The service answered ${response.status}.`);
  return answer;
}

const ago = (seconds) => new Date(Date.now() - seconds * 1000).toISOString();

export const RANGES = [
  ["5m", "Last 5 minutes", () => ago(300)],
  ["1h", "Last hour", () => ago(3600)],
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
