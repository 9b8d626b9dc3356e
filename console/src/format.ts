// Numbers as people read them. Unknown is "–", never 0.
export const NONE = "–";

const formats = Array.from({length: 10}, (_, most) => new Intl.NumberFormat("en-US", {maximumFractionDigits: most})); // one is dear to make, and a page has thousands of numbers
const digits = (value: number, most: number) => formats[most].format(value);
// three significant digits, no exponent
const significant = (value: number) => {
  const size = Math.abs(value);
  return digits(value, size === 0 || size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : Math.min(9, 2 - Math.floor(Math.log10(size))));
};

export const count = (n: number | null | undefined) => (n == null ? NONE : digits(n, 0));
export const short = (n: number | null | undefined) =>
  n == null ? NONE : Math.abs(n) >= 1e9 ? significant(n / 1e9) + " G" : Math.abs(n) >= 1e6 ? significant(n / 1e6) + " M" : Math.abs(n) >= 1e4 ? significant(n / 1e3) + " k" : digits(n, 2);
export const usd = (n: number | null | undefined) =>
  n == null ? NONE : (n < 0 ? "−$" : "$") + (Math.abs(n) >= 1000 ? digits(Math.abs(n), 0) : Math.abs(n) >= 1 ? Math.abs(n).toFixed(2) : significant(Math.abs(n)));
export const ms = (n: number | null | undefined) =>
  n == null ? NONE : n < 1000 ? significant(n) + " ms" : n < 60_000 ? significant(n / 1000) + " s" : digits(n / 60_000, 1) + " min";
export const percent = (share: number | null | undefined, most = 2) =>
  share == null ? NONE : digits(share * 100, Math.abs(share) >= 0.1 && most > 1 ? 1 : most) + " %";
export const score = (n: number | null | undefined) => (n == null ? NONE : n.toFixed(3));
export const signed = (text: string) => (text === NONE || text.startsWith("-") || text.startsWith("−") ? text.replace("-", "−") : "+" + text);

export type Unit = "ms" | "usd" | "share" | "count" | "tokens" | "score" | string;
/** A value of a unit of the API. */
export function value(n: number | null | undefined, unit: Unit): string {
  if (n == null) return NONE;
  switch (unit) {
    case "ms": return ms(n);
    case "s": return Math.abs(n) < 60 ? ms(n * 1000) : duration(n);
    case "usd": case "USD": return usd(n);
    case "share": return percent(n);
    case "score": return score(n);
    case "count": case "tokens": return short(n);
    default: return unit ? `${significant(n)} ${unit}` : significant(n);
  }
}
/** "0.81 – 0.86"; "" where there is none. */
export const interval = (low: number | null | undefined, high: number | null | undefined, unit: Unit) =>
  low == null && high == null ? "" : `${low == null ? "−∞" : value(low, unit)} – ${high == null ? "∞" : value(high, unit)}`;

/** Seconds as "2 h 5 min". */
export function duration(seconds: number | null | undefined): string {
  if (seconds == null) return NONE;
  const s = Math.round(Math.abs(seconds));
  if (s < 1) return significant(Math.abs(seconds) * 1000) + " ms";
  const parts: Array<[number, string]> = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const at = parts.findIndex(([unit]) => s >= unit);
  const [unit, name] = parts[at], next = parts[at + 1];
  const rest = next ? Math.floor((s % unit) / next[0]) : 0;
  return `${Math.floor(s / unit)} ${name}` + (rest ? ` ${rest} ${next[1]}` : "");
}

const zone = () => Intl.DateTimeFormat().resolvedOptions().timeZone;
const shape = (options: Intl.DateTimeFormatOptions) => new Intl.DateTimeFormat("en-GB", {hourCycle: "h23", ...options});
const minute = shape({day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit"});
const second = shape({day: "2-digit", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit"});
const day = shape({weekday: "short", day: "2-digit", month: "short"});
type When = string | number | null | undefined;
const date = (at: When) => (typeof at === "number" ? new Date(at * 1000) : new Date(at ?? NaN));
const shown = (at: When, by: Intl.DateTimeFormat) => (at == null || isNaN(+date(at)) ? NONE : by.format(date(at)));
/** Local times; of RFC 3339 or Unix seconds. */
export const time = (at: When) => shown(at, minute);
export const exactTime = (at: When) => shown(at, second);
export const dayOf = (at: When) => shown(at, day);
export const fullTime = (at: When) => (at == null ? NONE : `${date(at).toISOString()} (${zone()}: ${second.format(date(at))})`);
export function ago(at: When): string {
  if (at == null) return NONE;
  const s = (Date.now() - +date(at)) / 1000;
  return s < 0 ? "in " + duration(-s) : s < 5 ? "just now" : duration(s).split(" ").slice(0, 2).join(" ") + " ago";
}
const lastWords = (n: number, unit: string) => (n === 1 ? `last ${unit}` : `last ${n} ${unit}s`);
/** The window of a page in words: "-24h" -> "last 24 hours". */
export const windowWords = (from: string, to: string | null) =>
  !to && /^-\d+[smhd]$/.test(from) ? lastWords(+from.slice(1, -1), {s: "second", m: "minute", h: "hour", d: "day"}[from.slice(-1)]!) : `${time(from)} – ${to ? time(to) : "now"}`;
