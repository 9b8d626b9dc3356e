// Parts of a whole over time, as stacked bars. In SVG: some hundred rectangles, no axis code of its own but the marks that are read.
import {useMemo, useState} from "preact/hooks";
import {dayOf, time, value, type Unit} from "../format";

export interface Stack { label: string; values: Array<[number, number]> } /* unix seconds; every stack has the same times */
const WIDTH = 1000, HEIGHT = 190, BOTTOM = 18;

/** `words` says what is to be seen. Values below 0 are not shown: parts of a whole have none. */
export function Stacked({stacks, unit, words, by}: {stacks: Stack[]; unit: Unit; words: string; by: "day" | "hour"}) {
  const [at, setAt] = useState<number | null>(null);
  const times = stacks[0]?.values.map((v) => v[0]) ?? [];
  const columns = useMemo(() => times.map((_, i) => { let sum = 0; return stacks.map((s) => { const from = sum; sum += Math.max(0, s.values[i][1]); return [from, sum] as const; }); }), [stacks]);
  const top = Math.max(...columns.map((c) => c[c.length - 1]?.[1] ?? 0), 0) || 1;
  const wide = WIDTH / Math.max(1, times.length), y = (v: number) => (HEIGHT - BOTTOM) * (1 - v / (top * 1.05));
  const name = (t: number) => (by === "day" ? dayOf(t + 43_200) : time(t));
  const marks = times.length <= 8 ? times.map((_, i) => i) : [0, 0.25, 0.5, 0.75, 1].map((s) => Math.round(s * (times.length - 1)));
  return (
    <figure class="stacked">
      <div class="muted small stacked-note">{at === null ? `highest: ${value(top, unit)} a ${by} (UTC)` : `${name(times[at])}: ${stacks.map((s) => `${s.label} ${value(s.values[at][1], unit)}`).reverse().join(" · ")} · together ${value(columns[at][stacks.length - 1][1], unit)}`}</div>
      <svg viewBox={`0 0 ${WIDTH} ${HEIGHT - BOTTOM}`} preserveAspectRatio="none" role="img" aria-label={words} onMouseLeave={() => setAt(null)}>
        {columns.map((parts, i) => (
          <g onMouseEnter={() => setAt(i)} opacity={at === null || at === i ? 1 : 0.55}>
            <rect x={i * wide} y="0" width={wide} height={HEIGHT - BOTTOM} fill="transparent" />
            {parts.map(([from, to], k) => to > from && <rect x={i * wide + wide * 0.08} width={wide * 0.84} y={y(to)} height={Math.max(0.5, y(from) - y(to))} fill={`var(--series-${(k % 8) + 1})`} />)}
          </g>))}
      </svg>
      <div class="stacked-marks muted small">{marks.map((i) => <span>{name(times[i])}</span>)}</div>
      <div class="keys">{stacks.map((s, k) => <span><i class={`c${(k % 8) + 1}`} />{s.label}</span>)}</div>
    </figure>
  );
}
