// Figures as people read them. Whole numbers come in as text or BigInt and stay exact until here.

const MICROS = 1_000_000n;
const BINARY = [
  ["TiB", 40n],
  ["GiB", 30n],
  ["MiB", 20n],
  ["KiB", 10n],
];

let zone = "UTC";

export function useZone(name) {
  if (name) zone = name;
}

export const whole = (value) => BigInt(value ?? 0);

export function grouped(value) {
  const text = whole(value).toString();
  return text.replaceAll(/\B(?=(\d{3})+(?!\d))/g, ",");
}

// Half a cent goes up, for the eye only: the exact figure is in `exact`.
export function decimals(micros) {
  const value = whole(micros);
  const size = value < 0n ? -value : value;
  const cents = (size + 5_000n) / 10_000n;
  const sign = value < 0n && cents > 0n ? "\u2212" : "";
  return `${sign}${grouped(cents / 100n)}.${(cents % 100n).toString().padStart(2, "0")}`;
}

export function exact(micros, currency) {
  const value = whole(micros);
  const size = value < 0n ? -value : value;
  const part = (size % MICROS).toString().padStart(6, "0");
  return `${value < 0n ? "\u2212" : ""}${grouped(size / MICROS)}.${part} ${currency}`;
}

export function units(unit, value) {
  const count = whole(value);
  if (unit === "UNIT_TYPE_OCTETS") return octets(count);
  if (unit === "UNIT_TYPE_SECONDS") return seconds(count);
  return grouped(count);
}

function octets(count) {
  for (const [name, bits] of BINARY) {
    if (count >= 1n << bits) {
      const tenths = (count * 10n + (1n << (bits - 1n))) >> bits;
      return `${grouped(tenths / 10n)}.${tenths % 10n} ${name}`;
    }
  }
  return `${count} B`;
}

function seconds(count) {
  const hours = count / 3600n;
  const minute = (count / 60n) % 60n;
  const second = count % 60n;
  const tail = `${minute.toString().padStart(2, "0")}:${second.toString().padStart(2, "0")}`;
  return hours > 0n ? `${grouped(hours)}:${tail} h` : `${minute}:${tail.slice(3)} min`;
}

export function quantity(unit, value, currency) {
  return unit === "UNIT_TYPE_MICROS" ? `${decimals(value)} ${currency}` : units(unit, value);
}

export function share(permille) {
  return `${(Number(permille) / 10).toFixed(1)} %`;
}

export function percent(part, of) {
  const total = whole(of);
  if (total <= 0n) return "";
  return `${(Number((whole(part) * 1000n) / total) / 10).toFixed(1).replace("-", "\u2212")} %`;
}

export function milliseconds(micros) {
  const value = Number(micros) / 1000;
  return value >= 100 ? value.toFixed(0) : value.toFixed(1);
}

export function moment(text, style = "medium") {
  if (!text) return "";
  const options =
    style === "time"
      ? { hour: "2-digit", minute: "2-digit", second: "2-digit" }
      : {
          year: "numeric",
          month: "2-digit",
          day: "2-digit",
          hour: "2-digit",
          minute: "2-digit",
          second: "2-digit",
        };
  return new Intl.DateTimeFormat("en-GB", { ...options, timeZone: zone }).format(
    new Date(text),
  );
}

export function until(text, now) {
  const left = Math.max(0, Math.round((new Date(text) - new Date(now)) / 1000));
  const days = Math.floor(left / 86400);
  const hours = Math.floor((left % 86400) / 3600);
  const minutes = Math.floor((left % 3600) / 60);
  if (days > 0) return `${days} d ${hours} h`;
  if (hours > 0) return `${hours} h ${minutes} min`;
  return minutes > 0 ? `${minutes} min` : `${left} s`;
}

// RATING_FAILED of OUTCOME_RATING_FAILED, in words.
export function words(name, prefix) {
  const text = (name ?? "").replace(prefix, "").replaceAll("_", " ").toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

// tenants/{t}/accounts/{a}[/events/{seq}] -> its parts.
export function named(name) {
  const [, tenant, , account, , seq] = (name ?? "").split("/");
  return { tenant, account, seq };
}

export function accountPath(tenant, account) {
  return `/account?tenant=${encodeURIComponent(tenant)}&id=${encodeURIComponent(account)}`;
}
