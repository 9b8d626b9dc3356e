// Exchanges: narrowed by what the URL says, a page at a time; grouped; or as they come.
import type {CostReport, CostRow, Latency, Record, RecordPage} from "api-types";
import {useEffect, useRef, useState} from "preact/hooks";
import "../../style/exchange.css";
import {useGet} from "../../api";
import {TimeChart} from "../../charts";
import {count, ms, NONE, percent, short, usd} from "../../format";
import {useKeys} from "../../keys";
import {tail} from "../../live";
import {setFilters, usePlace, withFilters} from "../../router";
import type {Exchange, SeriesAnswer} from "../../types";
import {Badge, Command, Empty, Loaded, NoTraffic, Note, Page, Panel, Table, Time, WindowPicker, useWindow, type Column, type Window} from "../../ui";
import {statusTone} from "../exchange";

const statuses = ["ok", "truncated", "refused", "error", "cancelled", "degraded"];
const fields: Array<[string, string, string]> = [ // name, label, example
  ["model", "Model", "support-chat"], ["provider", "Provider", "openai"], ["request_type", "Request type", "chat-short"], ["user", "User", "u-17"], ["session", "Session", "s-9"], ["prompt", "Prompt", "answer or answer@7"], ["key", "Key", "web"], ["tag", "Tag", "region=eu"]];
const loose = ["session", "tag", "status", "arm"]; // no sum is kept of these
const names = [...fields.map((f) => f[0]), "status", "arm"];
const groups: Array<[string, string]> = [["application", "application"], ["model", "model"], ["provider", "provider"], ["target_model", "provider's model"], ["request_type", "request type"], ["prompt", "prompt version"], ["user", "user"], ["key", "key"], ["feature", "feature"], ["team", "team"]];
const ID = /^[0-9A-HJKMNP-TV-Z]{26}$/i;
type Filters = {[name: string]: string | null};

export function Exchanges() {
  const {query} = usePlace(), w = useWindow();
  const filters: Filters = Object.fromEntries(names.map((n) => [n, query.get(n)]));
  const by = query.get("by"), live = query.get("live") === "1";
  useKeys([{keys: "f", what: "follow what comes, or stop", run: () => setFilters({live: live ? null : "1", cursor: null})}, {keys: "/", what: "narrow the list", run: () => document.getElementById("filter-model")?.focus()}], [live]);
  return (
    <Page title="Exchanges" about={live ? "as they come" : w.words} actions={<>
      <label class="row">Group by <select value={by ?? ""} onChange={(e) => setFilters({by: e.currentTarget.value || null, live: null, cursor: null})}><option value="">nothing</option>{groups.map(([v, t]) => <option value={v}>{t}</option>)}</select></label>
      <button class={"button" + (live ? " primary" : "")} aria-pressed={live} onClick={() => setFilters({live: live ? null : "1", by: null, cursor: null})}>{live ? "Stop following" : "Follow"} <kbd>f</kbd></button>
      {!live && <WindowPicker />}</>}>
      <Narrow filters={filters} />
      {live ? <Tail filters={filters} application={w.application} /> : by ? <Grouped by={by} filters={filters} w={w} /> : <><OverTime filters={filters} w={w} /><List filters={filters} w={w} cursor={query.get("cursor")} /></>}
    </Page>
  );
}

const wide = matchMedia("(min-width: 801px)"); // on a phone what happened stands above how to narrow it
/** All filters in one form: Enter, or leaving a field, puts them into the URL. */
function Narrow({filters}: {filters: Filters}) {
  const models = useGet<{models: Array<{name: string}>}>("/models");
  const set = (name: string, value: string) => { const v = value.trim(); if ((filters[name] ?? "") !== v) setFilters(ID.test(v) && name === "user" ? {} : {[name]: v || null, cursor: null}); };
  const given = names.filter((n) => filters[n]), [isWide, setWide] = useState(wide.matches);
  useEffect(() => { // a phone that is turned is wide
    const turned = () => setWide(wide.matches);
    wide.addEventListener("change", turned);
    return () => wide.removeEventListener("change", turned);
  }, []);
  return (
    <Panel>
      <details class="fold" open={isWide || given.length > 0}><summary>Filter</summary>
      <form class="filters" role="search" aria-label="Narrow the exchanges" onSubmit={(e) => { e.preventDefault(); (document.activeElement as HTMLElement | null)?.blur(); }}>
        {fields.map(([name, label, example]) => (
          <label>{label}<input id={"filter-" + name} key={filters[name] ?? ""} defaultValue={filters[name] ?? ""} placeholder={example} list={name === "model" ? "models" : undefined} dir="auto" maxLength={256}
            onBlur={(e) => set(name, e.currentTarget.value)} onKeyDown={(e) => { if (e.key === "Escape") { e.currentTarget.value = filters[name] ?? ""; e.currentTarget.blur(); } }} /></label>))}
        <label>Status<select value={filters.status ?? ""} onChange={(e) => set("status", e.currentTarget.value)}><option value="">any</option>{statuses.map((s) => <option>{s}</option>)}</select></label>
        <label>Arm of a rollout<select value={filters.arm ?? ""} onChange={(e) => set("arm", e.currentTarget.value)}><option value="">any</option><option>rest</option><option>control</option><option>candidate</option></select></label>
        <datalist id="models">{models.data?.models.map((m) => <option value={m.name} />)}</datalist>
        <button class="hidden" tabIndex={-1}>Narrow</button>
      </form></details>
      {given.length > 0 && <div class="chips">{given.map((n) => <button class="button" onClick={() => setFilters({[n]: null, cursor: null})} aria-label={`without ${n} ${filters[n]}`}><span class="muted">{n.replace("_", " ")}</span> <span class="clip" dir="auto">{filters[n]}</span> ✕</button>)}{given.length > 1 && <button class="button" onClick={() => setFilters({...Object.fromEntries(given.map((n) => [n, null])), cursor: null})}>All of them ✕</button>}</div>}
    </Panel>
  );
}

function OverTime({filters, w}: {filters: Filters; w: Window}) {
  const only = {application: w.application, model: filters.model, provider: filters.provider, request_type: filters.request_type, prompt: filters.prompt};
  const series = useGet<SeriesAnswer>("/series", {metrics: "requests,errors", from: w.from, to: w.to, ...only}, {poll: 15_000});
  const blind = ["user", "session", "tag", "key", "status", "arm"].filter((n) => filters[n]);
  if (!series.data?.series.some((s) => s.points.some((p) => p[1] != null))) return null;
  return (
    <Panel title="Over time" note={`exchanges and errors a step, ${w.words}${blind.length ? `; not narrowed by ${blind.join(", ")}` : ""}; drag to zoom`}>
      <TimeChart unit="count" height={110} words={`Exchanges and errors, ${w.words}`} lines={series.data.series.map((s) => ({label: s.metric, points: s.points, color: s.metric === "errors" ? 1 : 0}))} />
    </Panel>
  );
}

interface Row { id: string; time: string; application: string | null; model: string | null; provider: string | null; request_type: string | null; status: string; cost: number | null; took: number | null; first: number | null; user: string | null; prompt: string | null; error: string | null; input?: number | null; output?: number | null; fresh?: boolean }
const ofRecord = (r: Record): Row => ({id: r.id, time: r.time, application: r.application, model: r.model, provider: r.target?.provider ?? null, request_type: r.request_type, status: r.status, cost: r.cost_usd, took: r.duration_ms, first: r.ttft_ms, user: r.user,
  prompt: r.prompt ? `${r.prompt.name}@${r.prompt.version ?? "?"}` : null, error: r.error, input: r.usage.input, output: r.usage.output});
const ofLive = (e: Exchange): Row => ({id: e.id, time: e.time, application: e.application, model: e.model, provider: e.provider, request_type: e.request_type, status: e.status, cost: e.cost_usd, took: e.duration_ms, first: e.ttft_ms, user: e.user, prompt: e.prompt, error: e.error});
const clipped = (text: string | null) => (text == null ? <span class="muted">{NONE}</span> : <span class="clip" dir="auto" title={text}>{text}</span>);
const columns = (all: boolean, tokens: boolean): Column<Row>[] => [
  {name: "time", label: "Time", cell: (r) => <a href={withFilters("/exchanges/" + r.id)}><Time at={r.time} /></a>},
  {name: "status", label: "Status", plain: true, cell: (r) => <><Badge tone={statusTone[r.status] ?? "unknown"}>{r.status}</Badge>{r.error && <div class="small muted">{r.error}</div>}</>},
  ...(all ? [{name: "application", label: "Application", plain: true, cell: (r: Row) => clipped(r.application)}] : []),
  {name: "model", label: "Model, who answered", plain: true, cell: (r) => <>{clipped(r.model)}<div class="small muted">{r.provider ?? "nobody answered"}</div></>},
  {name: "type", label: "Request type, prompt", plain: true, cell: (r) => <>{clipped(r.request_type)}{r.prompt && <div class="small muted">{clipped(r.prompt)}</div>}</>}, {name: "user", label: "User", plain: true, cell: (r) => clipped(r.user)},
  ...(tokens ? [{name: "tokens", label: "Tokens in → out", number: true, cell: (r: Row) => <>{short(r.input)} → {short(r.output)}</>}] : []),
  {name: "cost", label: "Cost", plain: true, number: true, cell: (r) => usd(r.cost)},
  {name: "took", label: "Total, first token", plain: true, number: true, cell: (r) => <>{ms(r.took)}<div class="small muted">{r.first == null ? "" : "first " + ms(r.first)}</div></>},
];

function List({filters, w, cursor}: {filters: Filters; w: Window; cursor: string | null}) {
  const page = useGet<RecordPage>("/records", {...filters, application: w.application, from: w.from, to: w.to, limit: 50, cursor}, cursor ? {} : {poll: 10_000});
  const narrowed = names.some((n) => filters[n]);
  return (
    <Panel title="One by one" note={cursor ? "older ones, newest first, 50 a page" : "newest first, 50 a page; j and k go through them, Enter opens"}>
      <Loaded of={page}>{(p) => <>
        <Table caption="Exchanges" keyboard rows={p.records.map(ofRecord)} keyed={(r) => r.id} href={(r) => withFilters("/exchanges/" + r.id)} columns={columns(!w.application, true)}
          empty={narrowed ? <div class="empty"><p>No exchange of this window is like that.</p><button class="button" onClick={() => setFilters({...Object.fromEntries(names.map((n) => [n, null])), cursor: null})}>Show all of the window</button></div>
            : <NoTraffic words={w.words} />} />
        <div class="row">{cursor && <button class="button" onClick={() => setFilters({cursor: null})}>Newest</button>}{p.next_cursor && <button class="button" onClick={() => { setFilters({cursor: p.next_cursor}); document.getElementById("main")?.focus(); }}>Older</button>}
          <span class="grow" /><Command text={"quarterdeck record list" + (w.application ? ` -a ${w.application}` : "") + ` --from ${w.from}` + (filters.status ? ` --status ${filters.status}` : "")} /></div>
      </>}</Loaded>
    </Panel>
  );
}

function Grouped({by, filters, w}: {by: string; filters: Filters; w: Window}) {
  const apart = by === "user" || ["user", ...loose].some((n) => filters[n]); // in no sum: each record is read, so once is enough
  const report = useGet<CostReport>("/cost/report", {...filters, by, application: w.application, from: w.from, to: w.to, limit: 200}, apart ? {} : {poll: 30_000});
  const timed = ["application", "request_type", "model", "prompt", "feature", "team"].includes(by) && names.every((n) => !filters[n] || n === "model" || n === "request_type");
  const latency = useGet<Latency>(timed ? "/latency" : null, {by, from: w.from, to: w.to, application: w.application, request_type: filters.request_type, model: filters.model}, {poll: 30_000});
  const name = (r: any): string | null => r[by] ?? null;
  const of = (r: CostRow) => latency.data?.rows.find((l) => name(l) === name(r))?.total_ms ?? null;
  const failed = (r: CostRow) => (r.by_status.error ?? 0) + (r.by_status.truncated ?? 0);
  const href = (r: CostRow) => { const v = name(r); return v == null ? null : by === "application" ? withFilters("/exchanges", {app: v, by: null}) : names.includes(by) ? withFilters("/exchanges", {[by]: v, by: null}) : null; };
  const label = groups.find((g) => g[0] === by)?.[1] ?? by;
  const cols: Column<CostRow>[] = [
    {name: "what", label, sort: name, cell: (r) => { const v = name(r), to = href(r); return v == null ? <span class="muted">without one</span> : to ? <a class="clip wide" dir="auto" title={v} href={to}>{v}</a> : <span class="clip wide" dir="auto" title={v}>{v}</span>; }},
    {name: "count", label: "Exchanges", number: true, sort: (r) => r.count, cell: (r) => count(r.count)},
    {name: "errors", label: "Errors, truncated", number: true, sort: (r) => failed(r) / r.count, cell: (r) => <span class={failed(r) > 0 ? "bad" : ""}>{count(failed(r))} <span class="small muted">{percent(r.count ? failed(r) / r.count : null)}{wilson(failed(r), r.count)}</span></span>},
    {name: "refused", label: "Refused", number: true, sort: (r) => r.by_status.refused ?? 0, cell: (r) => count(r.by_status.refused ?? 0)},
    {name: "cost", label: "Cost", number: true, sort: (r) => r.cost_usd, cell: (r) => <>{usd(r.cost_usd)}{r.unpriced > 0 && <div class="small warn">{count(r.unpriced)} without a price</div>}</>},
    {name: "each", label: "An exchange", number: true, sort: (r) => r.cost_per_request_usd, cell: (r) => usd(r.cost_per_request_usd)},
    ...(timed ? [{name: "p50", label: "P50", number: true, sort: (r: CostRow) => of(r)?.p50, cell: (r: CostRow) => ms(of(r)?.p50)}, {name: "p95", label: "P95", number: true, sort: (r: CostRow) => of(r)?.p95, cell: (r: CostRow) => <>{ms(of(r)?.p95)}<div class="small muted">n {count(of(r)?.n ?? 0)}</div></>}] : [])];
  return (
    <Panel title={"By " + label} note={`${w.words}; the dearest first, at most 200${timed ? "" : "; latency is kept by application, request type, model, prompt, feature and team only, of a model or a request type"}${apart ? "; read one by one, and not again by itself" : ""}`}>
      <Loaded of={report}>{(r) => <>
        <Table caption={"Exchanges by " + label} keyboard rows={r.rows} keyed={(x) => String(name(x))} href={href} columns={cols} empty={<NoTraffic words={w.words} />} />
        {r.rows.length > 0 && <p class="muted small">{count(r.total.count)} exchanges, {usd(r.total.cost_usd)} in all{r.rest ? `; ${count(r.rest.rows)} more groups are not shown` : ""}.</p>}
      </>}</Loaded>
    </Panel>
  );
}
/** 95 % of a share by Wilson's score, as the server's own (docs/evaluation.md). */
function wilson(k: number, n: number): string {
  if (n === 0) return "";
  const z = 1.959964, p = k / n, d = 1 + (z * z) / n, middle = (p + (z * z) / (2 * n)) / d, half = (z * Math.sqrt((p * (1 - p)) / n + (z * z) / (4 * n * n))) / d;
  return ` (${percent(Math.max(0, middle - half))} – ${percent(Math.min(1, middle + half))})`;
}

const MOST = 200, EVERY = 250;
/** The newest ones as they come; the page is drawn at most four times a second, whatever comes. */
function Tail({filters, application}: {filters: Filters; application: string | null}) {
  const [rows, setRows] = useState<Row[]>([]), [paused, setPaused] = useState(false), [left, setLeft] = useState<{seen: number; shown: number; over_s: number} | null>(null), [broken, setBroken] = useState(false), [since] = useState(Date.now());
  const waiting = useRef<Row[]>([]), held = useRef(false), heard = useRef(0), total = useRef(0);
  held.current = paused;
  const query = new URLSearchParams(Object.entries({application, model: filters.model, request_type: filters.request_type, status: filters.status}).filter((e): e is [string, string] => !!e[1])).toString();
  const here = (r: Row) => (!filters.provider || r.provider === filters.provider) && (!filters.user || r.user === filters.user) && (!filters.prompt || r.prompt === filters.prompt || r.prompt?.replace(/@[^@]*$/, "") === filters.prompt);
  const blind = ["session", "tag", "key", "arm"].filter((n) => filters[n]);
  useEffect(() => {
    const stop = tail(query, (e) => { const r = ofLive(e); total.current++; if (here(r)) { waiting.current.push(r); if (waiting.current.length > MOST) waiting.current.shift(); } }, (s) => { heard.current = Date.now(); setLeft(s); }, setBroken);
    const timer = window.setInterval(() => {
      if (Date.now() - heard.current > 3000) setLeft(null);
      if (held.current || waiting.current.length === 0) return;
      const fresh = waiting.current.splice(0).reverse().map((r) => ({...r, fresh: true}));
      setRows((old) => [...fresh, ...old.map((r) => (r.fresh ? {...r, fresh: false} : r))].slice(0, MOST));
    }, EVERY);
    return () => { stop(); clearInterval(timer); };
  }, [query, filters.provider, filters.user, filters.prompt]);
  useKeys([{keys: "p", what: "hold the list still, or go on", run: () => setPaused((p) => !p)}]);
  return (
    <Panel title="As they come" note={<span role="status">{broken ? "the stream broke; it connects again by itself" : left ? `shown ${count(left.shown)} of ${count(left.seen)} in ${left.over_s} s: the rest is left out here, not in the books` : rows.length ? "all of them are shown" : "waiting"}</span>}
      actions={<button class="button" aria-pressed={paused} onClick={() => setPaused(!paused)}>{paused ? "Go on" : "Hold"} <kbd>p</kbd></button>}>
      {blind.length > 0 && <Note tone="warn">Following is not narrowed by {blind.join(", ")}.</Note>}
      <Table caption="Exchanges as they come" keyboard rows={rows} keyed={(r) => r.id} href={(r) => withFilters("/exchanges/" + r.id)} columns={columns(!application, false)}
        empty={<Empty command="quarterdeck record list --follow">Nothing has come since <Time at={since / 1000} />. It will stand here within a second of its end.</Empty>} />
      {rows.length >= MOST && <p class="muted small">The newest {MOST} are kept.</p>}
    </Panel>
  );
}
