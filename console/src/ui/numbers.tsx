// Every number says its unit, window and n; every rate and difference its interval; every threshold where it comes from.
import type {ComponentChildren} from "preact";
import {count, interval, NONE, value, type Unit} from "../format";

export interface FigureProps {
  what: ComponentChildren; value: number | null | undefined; unit: Unit; window?: string; n?: number | null;
  low?: number | null; high?: number | null; note?: ComponentChildren; tone?: "good" | "warn" | "bad"; href?: string;
}
/** A number that stands for itself, with all that makes it one. */
export function Figure(f: FigureProps) {
  const between = interval(f.low, f.high, f.unit);
  return (
    <div class="figure">
      <span class="what">{f.href ? <a href={f.href}>{f.what}</a> : f.what}</span>
      <span class={"value " + (f.tone ?? "")}>{value(f.value, f.unit)}</span>
      <span class="rest">{[between && `95 %: ${between}`, f.n != null && `n ${count(f.n)}`, f.window].filter(Boolean).join(" · ") || (f.value == null ? "no data" : "")}</span>
      {f.note && <span class="rest">{f.note}</span>}
    </div>
  );
}
export const Figures = ({children}: {children: ComponentChildren}) => <div class="figures">{children}</div>;

/** A number in a line or a cell, its interval behind it. */
export function Num({v, unit, low, high, n}: {v: number | null | undefined; unit: Unit; low?: number | null; high?: number | null; n?: number | null}) {
  const between = interval(low, high, unit);
  return <span class="nowrap" title={n != null ? `n ${count(n)}` : undefined}>{v == null ? NONE : value(v, unit)}{between && <span class="muted small"> ({between})</span>}</span>;
}

/** A threshold, and where it comes from. */
export function Threshold({v, unit, origin}: {v: number | null | undefined; unit: Unit; origin: string}) {
  return <span class="nowrap">{value(v, unit)} <span class="muted small">({origin})</span></span>;
}

/** Part of a whole, with its words for those who cannot see it. */
export function Meter({share, words}: {share: number; words: string}) {
  return <div class="meter" role="img" aria-label={words}><i ref={(el) => { if (el) el.style.width = Math.max(0, Math.min(100, share * 100)) + "%"; }} /></div>;
}
