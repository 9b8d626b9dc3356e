import type {ComponentChildren} from "preact";
import {useRef, useState} from "preact/hooks";
import {useKeys} from "../keys";
import {go} from "../router";

export interface Column<R> {
  name: string; label: ComponentChildren; cell: (row: R) => ComponentChildren; number?: boolean;
  sort?: (row: R) => number | string | null | undefined; /* by its heading; null last */
}
/** A table; with `href` its rows open (Enter, click), and j and k go through them. `caption` is for those who cannot see it. */
export function Table<R>({caption, columns, rows, href, keyed, empty, keyboard}: {
  caption: string; columns: Column<R>[]; rows: R[]; href?: (row: R) => string | null; keyed: (row: R) => string | number; empty?: ComponentChildren; keyboard?: boolean;
}) {
  const [order, setOrder] = useState<{name: string; down: boolean} | null>(null);
  const [at, setAt] = useState(-1);
  const body = useRef<HTMLTableSectionElement>(null);
  const by = order && columns.find((c) => c.name === order.name)?.sort;
  const shown = by ? [...rows].sort((a, b) => {
    const x = by(a), y = by(b);
    if (x == null || y == null) return x == null ? (y == null ? 0 : 1) : -1;
    return (x < y ? -1 : x > y ? 1 : 0) * (order.down ? -1 : 1);
  }) : rows;
  const move = (by: number) => {
    const next = Math.max(0, Math.min(shown.length - 1, at + by));
    setAt(next);
    body.current?.rows[next]?.scrollIntoView({block: "nearest"});
  };
  const open = (row: R | undefined) => { const to = row && href?.(row); if (to) go(to); };
  useKeys(keyboard && href ? [
    {keys: "j", what: "next row", run: () => move(1)}, {keys: "k", what: "row before", run: () => move(-1)},
    {keys: "Enter", what: "open the row", run: () => { const f = document.activeElement; if (f instanceof HTMLElement && f.matches("a, button, summary")) f.click(); else open(shown[at]); }},
  ] : [], [at, shown, !!keyboard]);
  if (!rows.length && empty) return <>{empty}</>;
  const turn = (c: Column<R>) => setOrder(order?.name === c.name ? (order.down ? {name: c.name, down: false} : null) : {name: c.name, down: true});
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={caption}>
      <table>
        <caption class="hidden">{caption}</caption>
        <thead><tr>{columns.map((c) => (
          <th scope="col" class={c.number ? "number" : ""} aria-sort={order?.name === c.name ? (order.down ? "descending" : "ascending") : undefined}>
            {c.sort ? <button type="button" onClick={() => turn(c)}>{c.label}{order?.name === c.name ? (order.down ? " ↓" : " ↑") : ""}</button> : c.label}
          </th>))}</tr></thead>
        <tbody ref={body}>{shown.map((row, i) => (
          <tr key={keyed(row)} data-open={href?.(row) ? "" : undefined} data-at={i === at ? "" : undefined}
            onClick={(e) => { if (!(e.target as Element).closest("a, button, input, summary") && !getSelection()?.toString()) open(row); }}>
            {columns.map((c) => <td class={c.number ? "number" : ""}>{c.cell(row)}</td>)}
          </tr>))}</tbody>
      </table>
    </div>
  );
}
