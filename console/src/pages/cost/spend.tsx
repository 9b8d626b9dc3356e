import type {CostReport, CostRow} from "api-types";
import {getText, url, useGet, type ApiError} from "../../api";
import {Stacked, type Stack} from "../../charts";
import {count, percent, short, usd} from "../../format";
import {setFilters, usePlace} from "../../router";
import {Badge, Figure, Figures, Loaded, NoTraffic, Note, Panel, Table, toast, useWindow, type Column} from "../../ui";

export const dimensions = ["application", "team", "feature", "user", "key", "model", "provider", "target_model", "request_type", "prompt", "system_prompt"] as const;
export type Dimension = (typeof dimensions)[number];
export const named = (value: string | null | undefined, dimension: string) => value ?? `without ${dimension.replace("_", " ")}`;
const MOST_ROWS = 100, MOST_STACKED = 7;

/** The name of a row by its dimensions. */
const nameOf = (row: CostRow, by: string[]) => by.map((d) => named((row as any)[d], d)).join(" · ");

/** Exchanges of a row, where its dimensions are ones that records are listed by. */
const listed: {[d: string]: string} = {application: "application", model: "model", request_type: "request_type", user: "user", provider: "provider", key: "key", prompt: "prompt"};
function exchangesOf(row: CostRow, by: string[], w: {from: string; to: string | null; application: string | null}) {
  const query = new URLSearchParams({from: w.from, ...(w.to ? {to: w.to} : {}), ...(w.application ? {app: w.application} : {})});
  for (const d of by) {
    const v = (row as any)[d];
    if (!listed[d] || v == null) return null;
    query.set(d === "application" ? "app" : listed[d], v);
  }
  return "/exchanges?" + query;
}

export function Spend() {
  const {query} = usePlace(), w = useWindow("-7d");
  const first = (query.get("by") ?? (w.application ? "feature" : "application")) as Dimension, second = query.get("then") as Dimension | null;
  const by = second && second !== first ? [first, second] : [first];
  const window = {from: w.from, to: w.to, application: w.application};
  const days = /^-\d+h$/.test(w.from) || (w.to && +new Date(w.to) - +new Date(w.from) < 3 * 86_400_000) ? "hour" : "day";
  const report = useGet<CostReport>("/cost/report", {...window, by: by.join(), limit: MOST_ROWS}, {poll: 30_000});
  const over = useGet<CostReport>("/cost/report", {...window, by: `${first},${days}`}, {poll: 30_000});
  const save = async (format: "csv" | "focus") => {
    try {
      const text = await getText("/cost/report", {...window, by: by.join(), format});
      const link = Object.assign(document.createElement("a"), {href: URL.createObjectURL(new Blob([text], {type: "text/csv"})), download: `cost-${by.join("-")}${format === "focus" ? "-focus" : ""}.csv`});
      link.click();
      URL.revokeObjectURL(link.href);
    } catch (e) { toast((e as ApiError).message, true); }
  };
  const pick = (name: string, label: string, value: string, none?: string) => (
    <label class="row">{label} <select value={value} onChange={(e) => setFilters({[name]: e.currentTarget.value || null})}>{none && <option value="">{none}</option>}{dimensions.map((d) => <option value={d}>{d.replace("_", " ")}</option>)}</select></label>
  );
  return (
    <Loaded of={report}>{(r) => r.total.count === 0 ? (
      <Panel><NoTraffic words={w.words} /></Panel>
    ) : (
      <>
        <Panel>
          <Figures>
            <Figure what="Spent" value={r.total.cost_usd} unit="usd" n={r.total.count} window={w.words} />
            <Figure what="A request" value={r.total.cost_per_request_usd} unit="usd" n={r.total.count - r.total.unpriced - (r.total.by_status.refused ?? 0)} window={w.words} note="of those with a price that were not refused" />
            <Figure what="Saved by caches" value={r.total.saved_usd} unit="usd" n={r.total.cache_hits} window={w.words} note="what the answers had cost that were given again" />
            <Figure what="Paid for no whole answer" value={r.total.lost_usd} unit="usd" window={w.words} note="truncated, cancelled, failed" />
            <Figure what="Input tokens" value={r.total.input} unit="tokens" window={w.words} note={r.total.input ? `${percent(r.total.cache_read / r.total.input)} from the providers' caches` : undefined} />
            <Figure what="Output tokens" value={r.total.output} unit="tokens" window={w.words} />
          </Figures>
          {r.total.unpriced > 0 && <Note tone="warn"><p><strong>{count(r.total.unpriced)} exchanges have no known price</strong> and are in none of these sums: the true cost is higher. <a href="/settings/models">Give their models a price</a>.</p></Note>}
        </Panel>
        <Panel title={<>By {by.map((d) => d.replace("_", " ")).join(" and ")}</>} note={`USD, ${w.words}, n ${count(r.total.count)}`}
          actions={<>{pick("by", "By", first)}{pick("then", "and", second ?? "", "nothing else")}<button class="button" onClick={() => void save("csv")}>CSV</button><button class="button" onClick={() => void save("focus")} title="columns of FOCUS 1.2, one row a meter">FOCUS</button></>}>
          <Loaded of={over}>{(o) => <Stacked stacks={stacksOf(o, first, days)} unit="usd" words={`cost a ${days} by ${first}, over ${w.words}; the table below has the sums`} by={days} />}</Loaded>
          <Table caption={`Cost by ${by.join(" and ")}`} keyboard rows={r.rows} keyed={(row) => nameOf(row, by)} href={(row) => exchangesOf(row, by, w)} columns={columns(by)} />
          {r.rest && <p class="muted">{count(r.rest.rows)} further rows: {usd(r.rest.cost_usd)}, n {count(r.rest.count)}. The CSV has all of them.</p>}
          <p class="muted small">The same in the terminal: <code>quarterdeck cost report --by {by.join(",")} --from {w.from}{w.application ? ` --application ${w.application}` : ""}</code> · <a href={url("/cost/report", {...window, by: by.join()})} target="_blank" rel="noreferrer">JSON</a></p>
        </Panel>
      </>
    )}</Loaded>
  );
}

const columns = (by: string[]): Column<CostRow>[] => [
  ...by.map((d): Column<CostRow> => ({name: d, label: d.replace("_", " "), cell: (r) => <span class={(r as any)[d] == null ? "muted" : ""}>{named((r as any)[d], d)}</span>, sort: (r) => (r as any)[d]})),
  {name: "cost", label: "cost", number: true, cell: (r) => <>{usd(r.cost_usd)}{r.unpriced > 0 && <> <Badge tone="warn">{count(r.unpriced)} unpriced</Badge></>}</>, sort: (r) => r.cost_usd},
  {name: "share", label: "share", number: true, cell: (r) => percent(r.share, 1), sort: (r) => r.share},
  {name: "requests", label: "exchanges", number: true, cell: (r) => count(r.count), sort: (r) => r.count},
  {name: "each", label: "a request", number: true, cell: (r) => usd(r.cost_per_request_usd), sort: (r) => r.cost_per_request_usd},
  {name: "input", label: "input tokens", number: true, cell: (r) => short(r.input), sort: (r) => r.input},
  {name: "output", label: "output tokens", number: true, cell: (r) => short(r.output), sort: (r) => r.output},
  {name: "saved", label: "saved", number: true, cell: (r) => usd(r.saved_usd), sort: (r) => r.saved_usd},
  {name: "failed", label: "errors", number: true, cell: (r) => count(r.by_status.error ?? 0), sort: (r) => r.by_status.error ?? 0},
];

/** The largest values of a dimension, each over time; what is behind them is one more. */
function stacksOf(report: CostReport, first: string, days: "day" | "hour"): Stack[] {
  const times = [...new Set(report.rows.map((r) => (r as any)[days] as string))].sort();
  const by = new Map<string, Map<string, number>>();
  for (const row of report.rows) {
    const name = named((row as any)[first], first), at = by.get(name) ?? new Map<string, number>();
    at.set((row as any)[days], (at.get((row as any)[days]) ?? 0) + (row.cost_usd ?? 0));
    by.set(name, at);
  }
  const sum = (m: Map<string, number>) => [...m.values()].reduce((a, b) => a + b, 0);
  const ordered = [...by].sort((a, b) => sum(b[1]) - sum(a[1])), top = ordered.slice(0, MOST_STACKED), rest = ordered.slice(MOST_STACKED);
  const stamp = (t: string) => Date.parse(days === "day" ? t + "T00:00:00Z" : t) / 1000;
  const stack = (label: string, of: Array<Map<string, number>>): Stack => ({label, values: times.map((t) => [stamp(t), of.reduce((s, m) => s + (m.get(t) ?? 0), 0)])});
  return [...top.map(([name, m]) => stack(name, [m])), ...(rest.length ? [stack(`${rest.length} others`, rest.map(([, m]) => m))] : [])];
}
