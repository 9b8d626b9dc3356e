// Charts without axes of their own, in SVG: they need no script to be drawn and scale with the text.
import {count, dayOf, signed, value, type Unit} from "../format";

/** A trend; null is a gap. */
export function Spark({points, words}: {points: Array<[number, number | null]>; words: string}) {
  const known = points.filter((p): p is [number, number] => p[1] != null);
  if (known.length < 2) return <span class="muted small">too little data for a trend</span>;
  const low = Math.min(...known.map((p) => p[1])), high = Math.max(...known.map((p) => p[1])), first = points[0][0], last = points[points.length - 1][0];
  const x = (t: number) => 2 + (116 * (t - first)) / (last - first || 1), y = (v: number) => 26 - (24 * (v - low)) / (high - low || 1);
  let path = "", open = false;
  for (const [t, v] of points) { if (v == null) open = false; else { path += `${open ? "L" : "M"}${x(t).toFixed(1)} ${y(v).toFixed(1)}`; open = true; } }
  return <svg class="spark" viewBox="0 0 120 28" role="img" aria-label={words}><path d={path} /></svg>;
}

export interface Step { label: string; value: number; total?: boolean; note?: string }
/** What makes up a change: steps that sum from one total to the next. */
export function Waterfall({steps, unit, words}: {steps: Step[]; unit: Unit; words: string}) {
  let level = 0;
  const spans = steps.map((s) => { const from = s.total ? 0 : level, to = s.total ? s.value : level + s.value; level = to; return {...s, from, to}; });
  const low = Math.min(0, ...spans.map((s) => Math.min(s.from, s.to))), high = Math.max(0, ...spans.map((s) => Math.max(s.from, s.to)));
  const x = (v: number) => (100 * (v - low)) / (high - low || 1);
  return (
    <figure>
      <table class="spans"><caption class="hidden">{words}</caption><tbody>{spans.map((s) => (
        <tr><td>{s.label}{s.note && <div class="muted small">{s.note}</div>}</td>
          <td class="half"><svg viewBox="0 0 100 10" preserveAspectRatio="none" width="100%" height="16" aria-hidden="true">
            <rect x={Math.min(x(s.from), x(s.to))} width={Math.max(0.4, Math.abs(x(s.to) - x(s.from)))} y="0" height="10" fill={s.total ? "var(--series-8)" : s.value > 0 ? "var(--series-2)" : "var(--series-3)"} /></svg></td>
          <td class="number">{s.total ? value(s.value, unit) : signed(value(s.value, unit))}</td></tr>))}</tbody></table>
    </figure>
  );
}

const shade = (el: HTMLElement | null, share: number | null) => {
  if (el) el.style.background = share === null ? "" : `color-mix(in srgb, var(--bad) ${Math.round(8 + 88 * Math.max(0, Math.min(1, share)))}%, var(--sunken))`;
};
/** Hour of day by day. Cells: [day, hour, value, n]. */
export function HourMap({cells, unit, words}: {cells: Array<[string, number, number | null, number]>; unit: Unit; words: string}) {
  const days = [...new Set(cells.map((c) => c[0]))].sort(), known = cells.flatMap((c) => (c[2] == null ? [] : [c[2]])).sort((a, b) => a - b);
  const at = new Map(cells.map((c) => [c[0] + " " + c[1], c]));
  const low = known[0] ?? 0, high = known[Math.floor(known.length * 0.98)] ?? 1; // the worst 2 % share the darkest shade
  return (
    <figure class="heat" role="img" aria-label={words}>
      <div class="line muted"><span />{Array.from({length: 24}, (_, h) => <span class="small">{h % 6 ? "" : h}</span>)}</div>
      {days.map((d) => (
        <div class="line"><span class="muted nowrap">{dayOf(d + "T12:00:00Z")}</span>{Array.from({length: 24}, (_, h) => {
          const c = at.get(d + " " + h), v = c?.[2];
          return <span class="cell" title={`${d} ${h}:00 · ${value(v, unit)} · n ${count(c?.[3] ?? 0)}`} ref={(el) => shade(el, v == null ? null : (v - low) / (high - low || 1))} />;
        })}</div>))}
      <div class="muted small scale"><span>{value(low, unit)}</span>{[0, 0.25, 0.5, 0.75, 1].map((s) => <span class="cell" ref={(el) => shade(el, s)} />)}<span>{value(high, unit)} and more; grey: no traffic</span></div>
    </figure>
  );
}
