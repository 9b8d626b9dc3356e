// Latency: by request type against its budget, over time, and by hour of the day, which is where averages hide the slow mornings.
import type {Distribution, Latency, LatencyBudget, LatencyRow} from "api-types";
import type {ComponentChildren} from "preact";
import {useState} from "preact/hooks";
import {useGet} from "../../api";
import {HourMap, TimeChart, type Limit} from "../../charts";
import {count, ms, value} from "../../format";
import {setFilters, usePlace, withFilters} from "../../router";
import type {SeriesAnswer} from "../../types";
import {Badge, Command, Loaded, NoTraffic, Note, Page, Panel, Table, Tabs, WindowPicker, useWindow, type Column, type Window} from "../../ui";
import {hoursInWords, type Hours} from "./hours";

type Of = "total" | "first_token" | "per_token";
type Quantile = "p50" | "p90" | "p95" | "p99";
const measures: Array<[Of, string, string]> = [["total", "whole answer", "latency"], ["first_token", "first token", "ttft"], ["per_token", "each further token", "per_token"]];
const quantiles: Quantile[] = ["p50", "p90", "p95", "p99"];
const dimensions = ["request_type", "model", "prompt", "feature", "team", "application"] as const;

export function LatencyPage() {
  const {query} = usePlace(), w = useWindow("-24h");
  const of = (query.get("of") ?? "total") as Of, by = (query.get("by") ?? "request_type") as (typeof dimensions)[number], type = query.get("request_type");
  const measure = measures.find((m) => m[0] === of) ?? measures[0];
  const window = {from: w.from, to: w.to, application: w.application};
  const split = by === "application" ? "application" : "application," + by;
  const rows = useGet<Latency>("/latency", {...window, request_type: type, by: split}, {poll: 15_000});
  return (
    <Page title="Latency" about={<>{measure[1]}, {w.words}{type && <> · {type}</>}</>} actions={<>
      <label class="row">Of <select value={of} onChange={(e) => setFilters({of: e.currentTarget.value === "total" ? null : e.currentTarget.value})}>{measures.map(([v, t]) => <option value={v}>{t}</option>)}</select></label>
      <label class="row">by <select value={by} onChange={(e) => setFilters({by: e.currentTarget.value === "request_type" ? null : e.currentTarget.value})}>{dimensions.map((d) => <option value={d}>{d.replace("_", " ")}</option>)}</select></label>
      {type && <button class="button" onClick={() => setFilters({request_type: null})}>{type} ✕</button>}<WindowPicker /></>}>
      <Tabs label="Latency and providers" tabs={[{href: withFilters("/latency"), text: "Latency", current: true}, {href: withFilters("/providers"), text: "Providers", current: false}]} />
      <Panel title={`By ${by.replace("_", " ")}`} note={`${measure[1]}, ${w.words}; percentiles are read off merged histograms, exact to 2 %; budgets are those of the applications in the configuration`}>
        <Loaded of={rows}>{(l) => <Table caption={`Latency by ${by}`} keyboard rows={l.rows} keyed={(r) => `${r.application} ${(r as any)[by]}`}
          href={(r) => by === "request_type" && r.request_type ? withFilters("/latency", {request_type: r.request_type, app: r.application}) : null}
          empty={<NoTraffic words={w.words} />} columns={columns(by, of, l.budgets)} />}</Loaded>
      </Panel>
      <OverTime window={window} w={w.words} type={type} metric={measure[2]} of={of} budgets={rows.data?.budgets ?? []} />
      {of !== "per_token" && (rows.data || rows.error) && <ByHour application={w.application} type={type} metric={measure[2] + ".p95"} name={measure[1]} rows={by === "request_type" ? rows.data?.rows ?? [] : []} />}
      <Panel title="The slow ones" note="one by one"><p><a class="button" href={withFilters("/exchanges", {request_type: type})}>Exchanges of this window</a> <Command text={commandOf(w, type, split)} /></p></Panel>
    </Page>
  );
}

const commandOf = (w: Window, type: string | null, by: string) =>
  `quarterdeck record latency --from ${w.from}${w.to ? ` --to ${w.to}` : ""}${w.application ? ` --application ${w.application}` : ""}${type ? ` --request-type ${type}` : ""} --by ${by}`;
const distribution = (r: LatencyRow, of: Of): Distribution | null => (of === "total" ? r.total_ms : of === "first_token" ? r.first_token_ms : r.per_token_ms);
function columns(by: string, of: Of, budgets: LatencyBudget[]): Column<LatencyRow>[] {
  const budget = (r: LatencyRow, q: Quantile) => by === "request_type" ? budgets.find((b) => b.application === r.application && b.request_type === r.request_type && b.of === of && b.quantile === q) : undefined;
  return [
    {name: "what", label: by.replace("_", " "), cell: (r) => <>{by !== "application" && <span class="muted">{r.application ?? "–"} · </span>}{(r as any)[by] ?? <span class="muted">without {by.replace("_", " ")}</span>}</>, sort: (r) => (r as any)[by]},
    {name: "n", label: "n", number: true, cell: (r) => count(distribution(r, of)?.n ?? 0), sort: (r) => distribution(r, of)?.n},
    ...quantiles.map((q): Column<LatencyRow> => ({name: q, label: q.toUpperCase(), number: true, sort: (r) => distribution(r, of)?.[q],
      cell: (r) => {
        const v = distribution(r, of)?.[q], b = budget(r, q);
        return <>{ms(v)}{b && <div class={"small " + (v == null ? "muted" : v > b.ms ? "bad" : "good")}>budget {ms(b.ms)}</div>}</>;
      }})),
    {name: "verdict", label: "against its budget", cell: (r) => {
      const held = quantiles.flatMap((q) => { const b = budget(r, q), v = distribution(r, of)?.[q]; return b ? [{q, b, v}] : []; });
      if (!held.length) return by === "request_type" ? <span class="muted small">no budget declared</span> : null;
      const over = held.filter((h) => h.v != null && h.v > h.b.ms);
      return over.length ? <Badge tone="bad">{over.map((h) => h.q.toUpperCase()).join(", ")} over</Badge> : held.some((h) => h.v == null) ? <Badge>no data</Badge> : <Badge tone="good">within</Badge>;
    }},
  ];
}

function OverTime({window, w, type, metric, of, budgets}: {window: any; w: string; type: string | null; metric: string; of: Of; budgets: LatencyBudget[]}) {
  const names = metric === "per_token" ? ["p50", "p95"] : ["p50", "p90", "p95", "p99"];
  const series = useGet<SeriesAnswer>("/series", {...window, request_type: type, metrics: names.map((q) => `${metric}.${q}`).join()}, {poll: 15_000});
  const limits: Limit[] = type ? budgets.filter((b) => b.of === of).map((b) => ({value: b.ms, label: `budget ${b.quantile.toUpperCase()}`})) : [];
  return (
    <Panel title="Over time" note={<>{w}; bands are 95 % intervals; drag to zoom{!type && "; choose a request type above to see its budget"}</>}>
      <Loaded of={series}>{(s) => <TimeChart lines={s.series.map((x) => ({label: x.metric.split(".").pop()!.toUpperCase(), points: x.points}))} unit="ms" height={240} limits={limits} words={`${metric} percentiles, ${w}`} />}</Loaded>
    </Panel>
  );
}

const TYPES = 6, ENOUGH = 200;
/** Every request type by itself: work that is quick in its nature hides another's slow hours. The slowest hours first. */
function ByHour({application, type, metric, name, rows}: {application: string | null; type: string | null; metric: string; name: string; rows: LatencyRow[]}) {
  const kinds = type !== null ? [{application, request_type: type}] : rows.filter((r) => r.request_type && r.n >= ENOUGH).sort((a, b) => b.n - a.n).slice(0, TYPES);
  if (!kinds.length) return <Hourly application={application} type={null} metric={metric} name={name} />;
  return <div class="stack hourly">{kinds.map((k) => <Hourly key={`${k.application} ${k.request_type}`} application={k.application ?? application} type={k.request_type ?? null} metric={metric} name={name} folded={type === null} />)}</div>;
}
function Hourly({application, type, metric, name, folded}: {application: string | null; type: string | null; metric: string; name: string; folded?: boolean}) {
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  const hours = useGet<Hours>("/hours", {metric, from: "-28d", application, request_type: type, timezone: zone}, {poll: 60_000});
  return (
    <Panel title={<>By hour of the day{type && <>: {application && <span class="muted">{application} · </span>}{type}</>}</>} note={`P95 of the ${name}, last 28 days, ${zone}`}>
      <Loaded of={hours}>{(h) => {
        const said = hoursInWords(h), body = <Map h={h} said={said} />;
        if (h.cells.every((c) => c[2] === null)) return <p class="muted">Nothing of it was measured in 28 days.</p>;
        return <><Note tone={said.slow ? "warn" : said.known ? "good" : "unknown"}><p>{said.text}</p></Note>{folded ? <Folded open={said.slow}>{body}</Folded> : body}</>;
      }}</Loaded>
    </Panel>
  );
}
/** What is folded is not drawn: six maps of 28 days are some thousand cells. */
function Folded({open, children}: {open: boolean; children: ComponentChildren}) {
  const [shown, set] = useState(open);
  return <details open={open} onToggle={(e) => set(e.currentTarget.open)}><summary>Hours and days</summary>{shown && children}</details>;
}
function Map({h, said}: {h: Hours; said: ReturnType<typeof hoursInWords>}) {
  return (
    <div class="columns">
      <HourMap cells={h.cells} unit="ms" words={said.text} />
      <Table caption="P95 by hour of the day" rows={h.by_hour.filter((x) => x[2] > 0)} keyed={(x) => x[0]} columns={[
        {name: "hour", label: "hour", cell: (x) => <span class={said.hours.includes(x[0]) ? "bad" : ""}>{String(x[0]).padStart(2, "0")}:00</span>},
        {name: "v", label: "P95", number: true, cell: (x) => value(x[1], h.unit), sort: (x) => x[1]},
        {name: "i", label: "95 % interval", number: true, cell: (x) => x[3] == null ? <span class="muted">–</span> : <span class="muted">{value(x[3], h.unit)} – {value(x[4], h.unit)}</span>},
        {name: "n", label: "n", number: true, cell: (x) => count(x[2]), sort: (x) => x[2]},
      ]} />
    </div>
  );
}
