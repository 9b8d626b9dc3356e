// Lines over time with their intervals, by uPlot. Axes that share `sync` share their cursor; dragging zooms the page's window.
import {useEffect, useMemo, useRef} from "preact/hooks";
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import {count, exactTime, interval, value, type Unit} from "../format";
import {setFilters} from "../router";
import type {Point, Severity} from "../types";

export interface Line { label: string; points: Point[]; dashed?: boolean; color?: number; width?: number }
export interface Mark { at: number; until?: number | null; label: string; severity: Severity }
export interface Limit { value: number; label: string }
const style = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
export const seriesColor = (i: number) => style(`--series-${(i % 8) + 1}`);
const tones: {[s in Severity]: string} = {info: "--accent", good: "--good", warn: "--warn", bad: "--bad"};

/** `words` says what is to be seen, for those who cannot. `from`, `to` (Unix seconds) fix the axis. `clip`: the axis is from and to these values,
 * and an effect or an end of its interval beyond them goes up to the edge. `log`: of ratios, each line across twice the one below. */
export function TimeChart({lines, unit, height = 160, sync, marks = [], limits = [], from, to, zero = true, zoom = true, clip, log, words}: {
  lines: Line[]; unit: Unit; height?: number; sync?: string; marks?: Mark[]; limits?: Limit[]; from?: number; to?: number; zero?: boolean; zoom?: boolean; clip?: [number, number]; log?: boolean; words: string;
}) {
  const at = useRef<HTMLDivElement>(null);
  const shown = useMemo(() => JSON.stringify([lines, marks, limits]), [lines, marks, limits]); // pages are rendered more often than their numbers change
  useEffect(() => {
    const el = at.current!;
    const times = [...new Set(lines.flatMap((l) => l.points.map((p) => p[0])))].sort((a, b) => a - b);
    const column = (l: Line, k: 1 | 3 | 4) => { const by = new Map(l.points.map((p) => [p[0], p[k] == null || !clip ? p[k] : Math.max(clip[0], Math.min(clip[1], p[k]!))])); return times.map((t) => by.get(t) ?? null); };
    const edge = (l: Line, k: 3 | 4) => {
      const by = new Map(l.points.map((p) => [p[0], p[3] == null && p[4] == null ? null : Math.max(clip![0], Math.min(clip![1], p[k] ?? clip![k - 3]))]));
      return times.map((t) => by.get(t) ?? null);
    };
    const banded = lines.filter((l) => l.points.some((p) => (clip ? p[3] != null || p[4] != null : p[3] != null && p[4] != null)));
    const data = [times, ...lines.map((l) => column(l, 1)), ...banded.flatMap((l) => (clip ? [edge(l, 4), edge(l, 3)] : [column(l, 4), column(l, 3)]))] as uPlot.AlignedData;
    const counts = lines.map((l) => new Map(l.points.map((p) => [p[0], p])));
    const color = (i: number) => seriesColor(lines[i].color ?? i);
    const make = () => new uPlot({
      width: Math.max(200, el.clientWidth), height, legend: {show: true, live: true},
      cursor: {drag: {x: zoom, y: false, setScale: false}, ...(sync ? {sync: {key: sync}} : {}), points: {size: 6}},
      scales: {
        x: {time: true, range: (_u, low, high) => [from ?? low, to ?? high]},
        y: {...(log ? {distr: 3 as const, log: 2 as const} : {}), range: (_u, low, high) => {
          if (clip) return clip;
          const top = Math.max(high ?? 0, ...limits.map((l) => l.value)), bottom = zero ? Math.min(0, low ?? 0) : Math.min(low ?? 0, ...limits.map((l) => l.value));
          return [bottom, top === bottom ? bottom + 1 : top + (top - bottom) * 0.08];
        }},
      },
      axes: [
        {stroke: style("--muted"), grid: {show: false}, ticks: {stroke: style("--line")}, font: "11px system-ui", values: axisTimes},
        {stroke: style("--muted"), grid: {stroke: style("--line"), width: 1}, ticks: {show: false}, size: 64, font: "11px system-ui", ...(log ? {filter: (_u: uPlot, v: number[]) => v} : {}), values: (_u, v) => v.map((x) => (x == null ? "" : value(x, unit)))},
      ],
      series: [
        {value: (_u, v) => exactTime(v)},
        ...lines.map((l, i): uPlot.Series => ({
          label: l.label, stroke: color(i), width: l.width ?? 1.5, spanGaps: false, points: {show: times.length < 3}, ...(l.dashed ? {dash: [5, 4]} : {}),
          value: (u, v, _s, k) => {
            const p = k == null ? undefined : counts[i].get(u.data[0][k]);
            const between = p && interval(p[3], p[4], unit);
            return p ? `${value(p[1], unit)}${between ? ` (${between})` : ""}${unit === "count" ? "" : ` n ${count(p[2])}`}` : value(v, unit);
          },
        })),
        ...banded.flatMap((l): uPlot.Series[] => [{label: l.label + " 95 % high", show: true, stroke: "transparent", width: 0, points: {show: false}}, {label: l.label + " 95 % low", stroke: "transparent", width: 0, points: {show: false}}]),
      ],
      bands: banded.map((l, k) => ({series: [lines.length + 1 + 2 * k, lines.length + 2 + 2 * k] as [number, number], fill: color(lines.indexOf(l)) + "2e"})),
      hooks: {
        setSelect: [(u) => {
          if (!zoom || u.select.width < 6) return;
          const iso = (px: number) => new Date(u.posToVal(px, "x") * 1000).toISOString();
          setFilters({from: iso(u.select.left), to: iso(u.select.left + u.select.width)});
        }],
        setCursor: [latest],
        draw: [(u) => drawOver(u, marks, limits, unit)],
        ready: [latest, (u) => u.root.querySelectorAll<HTMLElement>(".u-series").forEach((row, i) => { if (i > lines.length) row.style.display = "none"; })],
      },
    }, data, el);
    let plot = make();
    const resized = new ResizeObserver(() => plot.setSize({width: Math.max(200, el.clientWidth), height}));
    resized.observe(el);
    const themed = new MutationObserver(() => { plot.destroy(); plot = make(); });
    themed.observe(document.documentElement, {attributes: true, attributeFilter: ["data-theme"]});
    return () => { resized.disconnect(); themed.disconnect(); plot.destroy(); };
  }, [shown, unit, height, sync, from, to, clip?.join()]);
  return <figure class="chart"><div ref={at} role="img" aria-label={words} /></figure>;
}

/** Without a pointer over it the legend says the newest point: on a phone, and in a picture, there is none. */
function latest(u: uPlot) {
  if (u.cursor.idx != null) return;
  let last = u.data[0].length - 1;
  while (last > 0 && u.data.slice(1).every((of) => of[last] == null)) last--;
  if (last >= 0) u.setLegend({idx: last}, false);
}
const pad = (n: number) => String(n).padStart(2, "0");
/** Days by their date, hours by the 24-hour clock; the first mark and each midnight say the day. */
function axisTimes(_u: uPlot, splits: number[], _axis: number, _space: number, step: number): string[] {
  return splits.map((t, i) => {
    const d = new Date(t * 1000), date = dayMonth.format(d), clock = `${pad(d.getHours())}:${pad(d.getMinutes())}` + (step < 60 ? `:${pad(d.getSeconds())}` : "");
    return step >= 86400 ? date : i === 0 || (d.getHours() === 0 && d.getMinutes() === 0) ? `${clock}\n${date}` : clock;
  });
}
const dayMonth = new Intl.DateTimeFormat("en-GB", {day: "numeric", month: "short"});

function drawOver(u: uPlot, marks: Mark[], limits: Limit[], unit: Unit) {
  const {ctx} = u, {left, top, width, height} = u.bbox, ratio = devicePixelRatio;
  ctx.save();
  ctx.beginPath(); ctx.rect(left, top, width, height); ctx.clip();
  for (const m of marks) {
    const x = u.valToPos(m.at, "x", true);
    ctx.strokeStyle = ctx.fillStyle = style(tones[m.severity]);
    if (m.until) { ctx.globalAlpha = 0.1; ctx.fillRect(x, top, Math.max(1, u.valToPos(m.until, "x", true) - x), height); ctx.globalAlpha = 1; }
    ctx.lineWidth = ratio; ctx.setLineDash([3 * ratio, 3 * ratio]);
    ctx.beginPath(); ctx.moveTo(x, top); ctx.lineTo(x, top + height); ctx.stroke();
  }
  for (const l of limits) {
    const y = u.valToPos(l.value, "y", true);
    ctx.strokeStyle = ctx.fillStyle = style("--bad");
    ctx.lineWidth = 1.5 * ratio; ctx.setLineDash([6 * ratio, 4 * ratio]);
    ctx.beginPath(); ctx.moveTo(left, y); ctx.lineTo(left + width, y); ctx.stroke();
    ctx.font = `${11 * ratio}px system-ui`; ctx.textAlign = "right"; ctx.setLineDash([]);
    ctx.strokeStyle = style("--surface"); ctx.lineWidth = 4 * ratio; ctx.lineJoin = "round"; // legible over lines and bands
    for (const draw of ["strokeText", "fillText"] as const) ctx[draw](`${l.label} ${value(l.value, unit)}`, left + width - 4 * ratio, y - 4 * ratio);
  }
  ctx.restore();
}
