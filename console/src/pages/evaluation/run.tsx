// One run: its verdict, what was required, and its cases as a matrix of checks and repeats.
import type {Definition, EvalResults, EvalRun, EvalSummary} from "api-types";
import {useEffect, useRef, useState} from "preact/hooks";
import {get, useGet} from "../../api";
import {count, duration, ms, percent, score, usd} from "../../format";
import {useKeys} from "../../keys";
import {useFilter, withFilters} from "../../router";
import {Act, Dialog, Empty, Figure, Figures, Loaded, Meter, Note, Num, Page, Pairs, Panel, Table, Threshold, Time} from "../../ui";
import type {PageProps} from "..";
import {Verdict} from "../prompts/parts";
import {StopRun} from ".";
import "../../style/change.css";

interface Check { type: string; metric?: string; weight: number; verdict: string; score: number | null; reason: string | null; judge?: string }
interface Result { case: string; case_at: number; repeat: number; verdict: string; score: number | null; refused: boolean; output: string | null; tool_calls?: unknown; finish_reason: string | null; record: string | null; target: string | null; latency_us: number | null; cost_nanousd: number | null; judge_cost_nanousd: number | null; input_tokens: number | null; output_tokens: number | null; error: string | null; checks: Check[] }
interface Row { case: string; at: number; results: Result[] }
interface Requirement { text: string; required: number; bound: string; origin: string; value: number | null; low: number | null; high: number | null; n: number; answer: string; why: string; measure: string; confidence: number | null }
const PAGE = 300;
const signs: {[v: string]: string} = {pass: "✓", fail: "✗", error: "!"};
const Mark = ({v}: {v: string | undefined}) => <span class={"mark " + (v ?? "none")} title={v ?? "not there"}>{v ? signs[v] ?? "?" : "·"}</span>;
const nameOf = (c: Check) => c.metric ?? c.type;

/** A case's own words: read when somebody looks at it, for a suite may be large. */
function Input({run, id}: {run: EvalRun; id: string}) {
  const suite = useGet<Definition>("/suites/{name}", {name: run.suite, version: String(run.suite_version)});
  return <Loaded of={suite}>{(d) => {
    const c = (d.definition?.cases as Array<{id: string; vars?: unknown; input?: unknown; messages?: unknown; expected?: unknown; context?: unknown; tags?: string[]}>).find((x) => x.id === id);
    if (!c) return <p class="muted">The case is not in this version of the suite.</p>;
    const shown = (x: unknown) => (typeof x === "string" ? x : JSON.stringify(x, null, 1));
    return <Pairs of={[!!c.tags?.length && ["Tags", c.tags.join(", ")], c.vars !== undefined && ["Variables", <pre>{shown(c.vars)}</pre>], c.input !== undefined && ["Input", <pre>{shown(c.input)}</pre>], c.messages !== undefined && ["Messages", <pre>{shown(c.messages)}</pre>], c.context !== undefined && ["Context", <pre>{shown(c.context)}</pre>], c.expected !== undefined && ["Expected", <pre>{shown(c.expected)}</pre>]]} />;
  }}</Loaded>;
}

function Cell({run, row, close}: {run: EvalRun; row: Row; close: () => void}) {
  return (
    <Dialog title={row.case} open onClose={close} wide>
      <Input run={run} id={row.case} />
      {row.results.map((r) => (
        <section class="rail" aria-label={`repeat ${r.repeat + 1}`}>
          <h3><Mark v={r.verdict} /> {row.results.length > 1 && `repeat ${r.repeat + 1}`} {r.refused && <span class="warn">a refusal</span>}</h3>
          {r.error && <Note tone="bad"><p>{r.error}</p></Note>}
          <pre class="text" tabIndex={0}>{r.output ?? "no output"}</pre>
          {r.tool_calls != null && <pre class="text plain">{JSON.stringify(r.tool_calls, null, 1)}</pre>}
          <ul class="stack">{r.checks.map((c) => <li><Mark v={c.verdict} /> <strong>{nameOf(c)}</strong>{c.metric && <span class="muted"> {c.type}</span>} {score(c.score)}{c.judge && <span class="muted"> · judge {c.judge}</span>}{c.reason && <div class="small name">{c.reason}</div>}</li>)}</ul>
          <p class="muted small">{r.target} · {ms(r.latency_us == null ? null : r.latency_us / 1000)} · {usd(r.cost_nanousd == null ? null : r.cost_nanousd / 1e9)}{r.judge_cost_nanousd ? ` and ${usd(r.judge_cost_nanousd / 1e9)} judging` : ""} · {count(r.input_tokens)} in, {count(r.output_tokens)} out{r.record && <> · <a href={withFilters("/exchanges/" + r.record)}>the exchange</a></>}</p>
        </section>))}
      <div class="row"><button class="button primary" onClick={close}>Close</button></div>
    </Dialog>
  );
}

/** Rows: cases. Columns: checks; a mark a repeat. Arrows move, Enter opens. */
function Matrix({run}: {run: EvalRun}) {
  const [verdict, setVerdict] = useFilter("verdict");
  const [results, set] = useState<Result[]>([]), [next, setNext] = useState<string | null>(null), [busy, setBusy] = useState(true), [error, setError] = useState<string | null>(null), [open, setOpen] = useState<Row | null>(null);
  const table = useRef<HTMLTableElement>(null), asked = useRef(0);
  const read = async (after: string | null, keep: Result[]) => {
    const mine = ++asked.current;
    setBusy(true); setError(null);
    try { const page = await get<EvalResults>("/evals/{run}/results", {run: run.run, verdict, limit: PAGE, after}); if (mine === asked.current) { set([...keep, ...(page.results as Result[])]); setNext(page.next); } } catch (e) { if (mine === asked.current) setError((e as Error).message); }
    if (mine === asked.current) setBusy(false);
  };
  useEffect(() => { void read(null, []); }, [verdict, run.run, run.state]);
  useEffect(() => { if (run.state === "running" && results.length < PAGE) void read(null, []); }, [run.done]);
  const rows: Row[] = [], by = new Map<number, Row>();
  for (const r of results) { let row = by.get(r.case_at); if (!row) { by.set(r.case_at, (row = {case: r.case, at: r.case_at, results: []})); rows.push(row); } row.results.push(r); }
  const columns: string[] = []; // nth check of a name, so that two of one kind are two columns
  for (const r of results) { const seen = new Map<string, number>(); for (const c of r.checks) { const n = (seen.get(nameOf(c)) ?? 0) + 1; seen.set(nameOf(c), n); const key = nameOf(c) + (n > 1 ? " " + n : ""); if (!columns.includes(key)) columns.push(key); } }
  const of = (r: Result, key: string) => { const seen = new Map<string, number>(); return r.checks.find((c) => { const n = (seen.get(nameOf(c)) ?? 0) + 1; seen.set(nameOf(c), n); return nameOf(c) + (n > 1 ? " " + n : "") === key; }); };
  const move = (dr: number, dc: number) => {
    const cells = [...(table.current?.tBodies[0]?.rows ?? [])].map((tr) => [...tr.querySelectorAll<HTMLElement>("button.cell")]);
    const r = cells.findIndex((line) => line.includes(document.activeElement as HTMLElement)), c = r < 0 ? 0 : cells[r].indexOf(document.activeElement as HTMLElement);
    cells[r < 0 ? 0 : Math.max(0, Math.min(cells.length - 1, r + dr))]?.[r < 0 ? 0 : Math.max(0, Math.min(cells[r].length - 1, c + dc))]?.focus();
  };
  useKeys([{keys: "ArrowDown", what: "next case", run: () => move(1, 0)}, {keys: "ArrowUp", what: "case before", run: () => move(-1, 0)}, {keys: "ArrowRight", what: "next check", run: () => move(0, 1)}, {keys: "ArrowLeft", what: "check before", run: () => move(0, -1)}, {keys: "f", what: "failed ones alone, or all", run: () => setVerdict(verdict === "fail" ? null : "fail")}], [verdict, rows.length]);
  return (
    <Panel title="Cases" note={<>{count(rows.length)} cases{next && " so far"}; a mark a repeat: <Mark v="pass" /> passed <Mark v="fail" /> failed <Mark v="error" /> error, which counts as neither</>} actions={<span class="row">{[["", "all"], ["fail", "failed"], ["error", "errors"], ["pass", "passed"]].map(([v, text]) => <button class="button" aria-pressed={verdict === v} onClick={() => setVerdict(v || null)}>{text}</button>)}</span>}>
      {error && <Note tone="bad"><p>{error}</p></Note>}
      {rows.length > 0 && <div class="scroll" tabIndex={0} role="region" aria-label="Cases by checks">
        <table class="matrix" ref={table}><caption class="hidden">Cases by checks; arrows move, Enter opens</caption>
          <thead><tr><th scope="col">Case</th><th scope="col">All</th>{columns.map((c) => <th scope="col">{c}</th>)}<th scope="col" class="half">Output</th></tr></thead>
          <tbody>{rows.map((row) => <tr key={row.at}>
            <th scope="row" title={row.case}>{row.case}</th>
            <td><button class="cell" aria-label={`${row.case}: ${row.results.map((r) => r.verdict).join(", ")}`} onClick={() => setOpen(row)}>{row.results.map((r) => <Mark v={r.verdict} />)}</button></td>
            {columns.map((c) => <td><button class="cell" aria-label={`${row.case}, ${c}: ${row.results.map((r) => of(r, c)?.verdict ?? "not there").join(", ")}`} onClick={() => setOpen(row)}>{row.results.map((r) => <Mark v={of(r, c)?.verdict} />)}</button></td>)}
            <td class="small"><span class="clamp">{(row.results.find((r) => r.verdict !== "pass") ?? row.results[0]).error ?? (row.results.find((r) => r.verdict !== "pass") ?? row.results[0]).output ?? "–"}</span></td>
          </tr>)}</tbody></table>
      </div>}
      {busy ? <p class="muted" role="status">Asking the server …</p> : rows.length === 0 && <p class="muted">{verdict ? `None with the verdict ${verdict}.` : "There is no result yet."}</p>}
      {next && !busy && <div><button class="button" onClick={() => void read(next, results)}>{PAGE} more results</button></div>}
      {open && <Cell run={run} row={open} close={() => setOpen(null)} />}
    </Panel>
  );
}

function Summary({run, s}: {run: EvalRun; s: EvalSummary}) {
  const c = s.corrected as {pass_rate: number | null; interval: [number, number] | null; judge: string | null; why: string | null} | null, q = (s.requirements ?? []) as Requirement[];
  const tags = Object.entries((s.by_tag ?? {}) as {[tag: string]: {pass_rate: number | null; interval: [number, number] | null; cases: number; errors: number}});
  const cost = s.cost as {p50_usd: number | null; p95_usd: number | null; n: number; unpriced: number} | null, lat = s.latency_ms as {p50: number | null; p95: number | null; n: number} | null;
  return <>
    <Note tone={s.verdict === "passed" ? "good" : s.verdict === "failed" ? "bad" : "warn"}><p><Verdict of={s.verdict} /> {s.why}{s.stopped && <> Not all was run: {s.stopped}.</>}</p>
      {s.verdict === "inconclusive" && s.needed_cases ? <p class="small">About {count(Number(s.needed_cases))} more cases would settle it.</p> : null}</Note>
    <Panel title="What it says" note={s.scope === "these-cases" ? "of these cases alone" : "of cases like these; intervals 95 %"}>
      <Figures>
        <Figure what="Pass rate" value={s.pass_rate} unit="share" n={s.cases} low={s.interval?.[0]} high={s.interval?.[1]} note={`${count(s.runs)} results`} />
        {c && <Figure what="As people would say" value={c.pass_rate} unit="share" low={c.interval?.[0]} high={c.interval?.[1]} note={c.why ?? `corrected for what judge ${c.judge} gets wrong`} />}
        <Figure what="Errors" value={s.errors} unit="count" n={s.runs} tone={s.errors ? "warn" : undefined} note="neither passed nor failed" />
        <Figure what="Latency p95" value={lat?.p95} unit="ms" n={lat?.n} note={`p50 ${ms(lat?.p50)}`} />
        <Figure what="Cost, answers and judges" value={s.cost_usd} unit="usd" n={s.runs} note={`an answer p95 ${usd(cost?.p95_usd)}${cost?.unpriced ? `; ${count(cost.unpriced)} without a known price` : ""}`} />
      </Figures>
      {q.length > 0 && <Table<Requirement> caption="What was required" keyed={(r) => r.text} rows={q} columns={[
        {name: "text", label: "Required", cell: (r) => <>{r.text}{r.confidence != null && <span class="muted"> with a confidence of {percent(r.confidence, 1)}</span>}<div class="small"><Threshold v={r.required} unit={r.measure === "pass_rate" ? "share" : ""} origin={r.origin === "suite" ? "the suite says so" : "a default"} /></div></>},
        {name: "answer", label: "Answer", cell: (r) => <Verdict of={r.answer === "undecided" ? "inconclusive" : r.answer} />}, {name: "value", label: "Value", number: true, cell: (r) => <><Num v={r.value} unit={r.measure === "pass_rate" ? "share" : ""} low={r.low === r.high ? null : r.low} high={r.low === r.high ? null : r.high} /><div class="muted small">n {count(r.n)}</div></>}, {name: "why", label: "Why", cell: (r) => <span class="small">{r.why}</span>}]} />}
      {tags.length > 0 && <Table caption="By tag" keyed={([t]) => t} rows={tags} columns={[{name: "tag", label: "Tag", sort: ([t]) => t, cell: ([t]) => t}, {name: "rate", label: "Pass rate", number: true, sort: ([, x]) => x.pass_rate, cell: ([, x]) => <Num v={x.pass_rate} unit="share" low={x.interval?.[0]} high={x.interval?.[1]} />}, {name: "n", label: "n", number: true, sort: ([, x]) => x.cases, cell: ([, x]) => count(x.cases)}, {name: "errors", label: "Errors", number: true, cell: ([, x]) => count(x.errors)}]} />}
      <p class="small muted">{run.prompt ?? "the suite's own prompt"}{run.model && ` on ${run.model}`} · begun by {run.by ?? "–"} ({run.trigger ?? "person"}), <Time at={run.started_at} />{run.ended_at && `, took ${duration((+new Date(run.ended_at) - +new Date(run.started_at!)) / 1000)}`}</p>
    </Panel>
  </>;
}

export function Run({parts: {n}}: PageProps) {
  const run = useGet<EvalRun>("/evals/{run}", {run: n}, {topics: ["evaluations"], poll: 10_000});
  const r = run.data;
  return (
    <Page title={r ? `${r.suite}: ${r.run}` : `run-${n}`} about={r && <><a href={withFilters("/evaluation", {suite: r.suite})}>{r.suite} v{r.suite_version}</a>{r.chosen && ` · only ${r.chosen}`} · each case {r.repeat === 1 ? "once" : `${r.repeat} times`}</>}
      actions={r && <>{r.state === "running" && <StopRun run={r.run} />}{r.ended_at && <Act label="Make it the reference …" title={`Compare others of ${r.suite} with ${r.run}`} role="operator" path="/evals/{run}/reference" params={{run: r.run}} body={() => ({suite: r.suite})} said="It is the reference." />}<a class="button" href={withFilters("/evaluation", {suite: r.suite, a: r.run})}>Compare with …</a></>}>
      <Loaded of={run}>{(r) => <>
        {r.state === "running" && <Panel title="Under way" note={<>heard of <Time at={r.seen_at} relative /></>}><span>{count(r.done)} of {count(r.planned)} results, {usd(r.cost_usd)} so far{r.done > 0 && r.started_at && r.done < r.planned ? `, about ${duration(((Date.now() - +new Date(r.started_at)) / 1000 / r.done) * (r.planned - r.done))} left` : ""}{r.stop_by && ` · ${r.stop_by} asked it to stop`}</span><Meter share={r.planned ? r.done / r.planned : 0} words={`${r.done} of ${r.planned} results`} /></Panel>}
        {r.state === "interrupted" && <Empty command={`quarterdeck eval run ${r.suite} --resume ${r.run}`}>Its process is gone after {count(r.done)} of {count(r.planned)} results. The same command again goes on with it:</Empty>}
        {r.summary && <Summary run={r} s={r.summary as unknown as EvalSummary} />}
        <Matrix run={r} />
      </>}</Loaded>
    </Page>
  );
}
