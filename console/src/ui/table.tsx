import type {ComponentChildren} from "preact";
import {useLayoutEffect, useRef, useState} from "preact/hooks";
import {useKeys} from "../keys";
import {go, setFilters, useFilter} from "../router";

export interface Column<R> {
  name: string; label: ComponentChildren; cell: (row: R) => ComponentChildren; number?: boolean;
  plain?: boolean; /* says on a phone, without its label, what it is */
  sort?: (row: R) => number | string | null | undefined; /* by its heading; null last */
}
/** On a phone a table that is too wide becomes a list: a row a paragraph, each value behind its column's name. Sideways nobody finds anything. */
const narrow = matchMedia("(max-width: 800px)");
function useList(rows: unknown[]) {
  const box = useRef<HTMLDivElement>(null), needed = useRef(0), [list, set] = useState(false);
  useLayoutEffect(() => {
    const el = box.current;
    if (!el) return;
    const look = () => {
      if (!list && narrow.matches && el.scrollWidth > el.clientWidth + 1) { needed.current = el.scrollWidth; set(true); }
      if (list && (!narrow.matches || el.clientWidth >= needed.current)) set(false);
    };
    const seen = new ResizeObserver(look);
    seen.observe(el);
    look();
    return () => seen.disconnect();
  }, [list, rows]);
  return {box, list};
}
/** A table; with `href` its rows open (Enter, click), and j and k go through them. `caption` is for those who cannot see it. The order of one with
 * `keyboard`, which is its page's main one, is in the address: sort=cost, or -cost for the largest first. */
export function Table<R>({caption, columns, rows, href, keyed, empty, keyboard}: {
  caption: string; columns: Column<R>[]; rows: R[]; href?: (row: R) => string | null; keyed: (row: R) => string | number; empty?: ComponentChildren; keyboard?: boolean;
}) {
  const [shared] = useFilter("sort"), [own, setOwn] = useState("");
  const sorted = keyboard ? shared : own, order = sorted ? {name: sorted.replace(/^-/, ""), down: sorted.startsWith("-")} : null;
  const [at, setAt] = useState(-1);
  const body = useRef<HTMLTableSectionElement>(null), {box, list} = useList(rows);
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
  const turn = (c: Column<R>) => {
    const next = order?.name !== c.name ? "-" + c.name : order.down ? c.name : "";
    keyboard ? setFilters({sort: next || null}, true) : setOwn(next);
  };
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={caption} ref={box}>
      <table role="table" class={list ? "list" : ""}>
        <caption class="hidden">{caption}</caption>
        <thead role="rowgroup"><tr role="row">{columns.map((c) => (
          <th role="columnheader" scope="col" class={c.number ? "number" : ""} aria-sort={order?.name === c.name ? (order.down ? "descending" : "ascending") : undefined}>
            {c.sort ? <button type="button" onClick={() => turn(c)}>{c.label}{order?.name === c.name ? (order.down ? " ↓" : " ↑") : ""}</button> : c.label}
          </th>))}</tr></thead>
        <tbody role="rowgroup" ref={body}>{shown.map((row, i) => (
          <tr role="row" key={keyed(row)} data-open={href?.(row) ? "" : undefined} data-at={i === at ? "" : undefined}
            onClick={(e) => { if (!(e.target as Element).closest("a, button, input, summary") && !getSelection()?.toString()) open(row); }}>
            {columns.map((c) => <td role="cell" class={(c.number ? "number" : "") + (c.plain ? " plain" : "")} data-label={c.label === "" ? undefined : typeof c.label === "string" ? c.label : c.name}>{c.cell(row)}</td>)}
          </tr>))}</tbody>
      </table>
    </div>
  );
}
