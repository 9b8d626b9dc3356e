// Which hours are surely slower than the rest, in words.
import {count, value} from "../../format";

export interface Hours { metric: string; unit: string; cells: Array<[string, number, number | null, number]>; by_hour: Array<[number, number | null, number, number | null, number | null]> }

/** An hour counts as slow when the lower end of its interval is above `MARGIN` times the middle hour: surely, and by enough to matter. */
const MARGIN = 1.25;

/** `known`: there is enough to say so. */
export function hoursInWords(h: Hours): {text: string; slow: boolean; known: boolean; hours: number[]} {
  const known = h.by_hour.filter((x) => x[1] != null).sort((a, b) => a[1]! - b[1]!);
  if (known.length < 6) return {text: "Fewer than six hours of the day have traffic: too little to tell them apart.", slow: false, known: false, hours: []};
  const middle = known[Math.floor((known.length - 1) / 2)][1]!;
  const slow = h.by_hour.filter((x) => x[3] != null && x[3] > MARGIN * middle).map((x) => x[0]).sort((a, b) => a - b);
  if (!slow.length) {
    const unsure = h.by_hour.filter((x) => x[1] != null && x[1] > MARGIN * middle);
    return {text: unsure.length ? `No hour is surely slower than the middle one (${value(middle, h.unit)}) by a quarter; ${unsure.length} may be, on too few exchanges.` : `All hours of the day are alike: the middle one has ${value(middle, h.unit)}, and none is surely a quarter above it.`, slow: false, known: !unsure.length, hours: []};
  }
  const spans: Array<[number, number]> = [];
  for (const hour of slow) { const last = spans[spans.length - 1]; if (last && last[1] === hour) last[1] = hour + 1; else spans.push([hour, hour + 1]); }
  const at = (hour: number) => String(hour % 24).padStart(2, "0") + ":00";
  const worst = h.by_hour.filter((x) => slow.includes(x[0])).sort((a, b) => b[1]! - a[1]!)[0];
  const all = h.by_hour.reduce((n, x) => n + x[2], 0), inside = h.by_hour.filter((x) => slow.includes(x[0])).reduce((n, x) => n + x[2], 0);
  return {
    text: `Slow from ${spans.map(([a, b]) => `${at(a)} to ${at(b)}`).join(" and ")}: P95 up to ${value(worst[1], h.unit)} (95 %: ${value(worst[3], h.unit)} – ${value(worst[4], h.unit)}) at ${at(worst[0])}, against ${value(middle, h.unit)} in the middle hour. `
      + `Only ${Math.round((100 * inside) / all)} % of all ${count(all)} exchanges fall into these hours, so a day's average hides them.`,
    slow: true, known: true, hours: slow,
  };
}
