// Suites and how they stand, judges and how far they are to be trusted, online scoring, reviews by people, versions of models.
import type {DefinitionHead, Definitions, EvalRunBrief, EvalRuns, EvalSchedule, EvalTrigger} from "api-types";
import {Spark, TimeChart} from "../../charts";
import {useGet} from "../../api";
import {count, percent, usd} from "../../format";
import {go, useFilter, withFilters} from "../../router";
import type {Point} from "../../types";
import {Act, Empty, Loaded, Meter, Num, Page, Panel, Table, Tabs, Time} from "../../ui";
import {Verdict} from "../prompts/parts";
import {Judges} from "./judges";
import {ModelChanges} from "./models";
import {Online} from "./online";
import {Reviews} from "./reviews";
import "../../style/change.css";

export const runAt = (run: string) => withFilters("/evaluation/runs/" + run.replace("run-", ""));
const suiteAt = (suite: string | null) => withFilters("/evaluation", {suite, tab: null, run: null});
const over = (r: EvalRunBrief) => r.state === "finished" || r.state === "stopped";
/** Of runs, newest first, the pass rates over time. */
const rates = (runs: EvalRunBrief[]): Point[] => runs.filter((r) => over(r) && r.pass_rate != null && r.ended_at).map((r): Point => [+new Date(r.ended_at!) / 1000, r.pass_rate, r.cases ?? 0, r.interval?.[0] ?? null, r.interval?.[1] ?? null]).sort((a, b) => a[0] - b[0]);

export function RunState({r}: {r: {state: string; verdict: string | null; done: number; planned: number}}) {
  return r.state === "running" ? <div><span class="small">{count(r.done)} of {count(r.planned)}</span><Meter share={r.planned ? r.done / r.planned : 0} words={`${r.done} of ${r.planned} results`} /></div>
    : r.verdict ? <Verdict of={r.verdict} /> : <span class="muted">{r.state}</span>;
}
const Rate = ({r}: {r: EvalRunBrief}) => <><Num v={r.pass_rate} unit="share" low={r.interval?.[0]} high={r.interval?.[1]} />{r.pass_rate != null && <div class="muted small">n {count(r.cases)} {r.errors ? `· ${count(r.errors)} errors` : ""}</div>}</>;

function Suites() {
  const suites = useGet<Definitions>("/suites", {}, {topics: ["evaluations", "configuration"]});
  const runs = useGet<EvalRuns>("/evals", {limit: 300}, {topics: ["evaluations"]});
  const schedule = useGet<EvalSchedule>("/eval-schedule", {}, {topics: ["evaluations"]});
  const [find] = useFilter("q");
  return (
    <Panel title="Suites" note="pass rate: of the last run's cases, 95 % interval; trend and last run: of the newest 300 runs of all suites" actions={<><label class="hidden" for="find">Find</label><input id="find" type="search" placeholder="Find a suite …" value={find} onInput={(e) => go(withFilters(location.pathname, {q: e.currentTarget.value}), true)} /></>}>
      <Loaded of={suites}>{({definitions}) => <Loaded of={runs}>{({runs: all}) => {
        const names = new Map<string, DefinitionHead | null>(all.map((r) => [r.suite, null]));
        for (const d of definitions) names.set(d.name, d);
        const rows = [...names].map(([name, head]) => ({name, head, runs: all.filter((r) => r.suite === name), next: schedule.data?.triggers.filter((t) => t.suite === name) ?? []})).filter((s) => s.name.toLowerCase().includes(find.toLowerCase()))
          .sort((a, b) => (b.runs[0]?.started_at ?? "").localeCompare(a.runs[0]?.started_at ?? "") || a.name.localeCompare(b.name));
        return <Table caption="Suites" keyboard keyed={(s) => s.name} rows={rows.slice(0, 300)} href={(s) => suiteAt(s.name)} empty={<Empty command="quarterdeck apply -f suites/">No suite is registered, and none was run. A suite is a file of cases and checks:</Empty>} columns={[
          {name: "name", label: "Suite", sort: (s) => s.name, cell: (s) => <><a class="name" href={suiteAt(s.name)}>{s.name}</a><div class="muted small">{s.head ? `v${s.head.version}${s.head.by ? `, by ${s.head.by}` : ""}` : "run from a file, not registered"}</div></>},
          {name: "verdict", label: "Last run", sort: (s) => s.runs[0]?.verdict, cell: (s) => (s.runs[0] ? <RunState r={s.runs[0]} /> : <span class="muted">never run</span>)},
          {name: "rate", label: "Pass rate", number: true, sort: (s) => s.runs.find(over)?.pass_rate, cell: (s) => { const r = s.runs.find(over); return r ? <Rate r={r} /> : "–"; }},
          {name: "trend", label: "Trend", cell: (s) => <Spark points={rates(s.runs).map((p) => [p[0], p[1]])} words={`pass rate of ${s.name} over its runs`} />},
          {name: "of", label: "Of", cell: (s) => <span class="name small">{s.runs[0]?.prompt ?? s.runs[0]?.model ?? "–"}</span>},
          {name: "when", label: "When", sort: (s) => s.runs[0]?.started_at, cell: (s) => <Time at={s.runs[0]?.started_at} relative />},
          {name: "next", label: "By itself", cell: (s) => s.next.length ? s.next.map((t) => <div class="small">{triggerWords(t)}</div>) : <span class="muted">–</span>},
        ]} />;
      }}</Loaded>}</Loaded>
    </Panel>
  );
}
const triggerWords = (t: EvalTrigger) => <>{t.trigger === "schedule" ? <>next <Time at={t.next} /> <span class="muted">({t.schedule}{t.zone && `, ${t.zone}`})</span></> : `on ${t.trigger.replace("-", " ")}`}{t.wanted_since && <span class="warn"> · wanted since <Time at={t.wanted_since} relative /></span>}{t.note && <span class="muted"> · {t.note}</span>}</>;

function Suite({name}: {name: string}) {
  const runs = useGet<EvalRuns>("/evals", {suite: name, limit: 200}, {topics: ["evaluations"], poll: 30_000});
  const schedule = useGet<EvalSchedule>("/eval-schedule", {}, {topics: ["evaluations"]});
  const versions = useGet<Definitions>("/suites/{name}/versions", {name});
  const [a] = useFilter("a"), [b] = useFilter("b");
  const pick = (run: string) => withFilters(location.pathname, a === run ? {a: b || null, b: null} : b === run ? {b: null} : a ? {b: run} : {a: run});
  const triggers = schedule.data?.triggers.filter((t) => t.suite === name) ?? [];
  const order = [a, b].filter(Boolean).sort((x, y) => Number(x.slice(4)) - Number(y.slice(4)));
  return <>
    <p class="row"><a href={suiteAt(null)}>All suites</a> <span class="muted">/</span> <strong class="name">{name}</strong>{triggers.map((t) => <span class="muted small">runs by itself: {triggerWords(t)}</span>)}</p>
    <Loaded of={runs}>{({runs: all, reference}) => <>
      <Panel title="Score over time" note="pass rate of each run with its 95 % interval">
        {rates(all).length > 1 ? <TimeChart height={180} unit="share" zoom={false} clip={[0, 1.02]} lines={[{label: "pass rate", points: rates(all)}]} words={`pass rate of ${name} over ${rates(all).length} runs, the last ${percent(rates(all).at(-1)![1])}`} /> : <p class="muted">A line takes two runs that are over.</p>}
      </Panel>
      <Panel title="Runs" note="newest first, at most 200; choose two to compare them" actions={a && b ? <a class="button primary" href={withFilters("/evaluation/compare", {a: order[0], b: order[1]})}>Compare {order[0]} with {order[1]}</a> : <span class="muted small">{a ? `${a} chosen; choose another` : ""}</span>}>
        <Table caption="Runs" keyboard keyed={(r) => r.run} rows={all} href={(r) => runAt(r.run)} empty={<Empty command={`quarterdeck eval run ${name} --key "$QUARTERDECK_KEY"`}>It was never run.</Empty>} columns={[
          {name: "pick", label: <span class="hidden">Compare</span>, cell: (r) => <a class="button" role="button" aria-pressed={a === r.run || b === r.run} aria-label={`compare ${r.run}`} href={pick(r.run)}>{a === r.run || b === r.run ? "✓" : "+"}</a>},
          {name: "run", label: "Run", sort: (r) => Number(r.run.slice(4)), cell: (r) => <><a href={runAt(r.run)}>{r.run}</a>{reference === r.run && <div class="small muted">reference</div>}</>},
          {name: "verdict", label: "Verdict", cell: (r) => <RunState r={r} />}, {name: "rate", label: "Pass rate", number: true, sort: (r) => r.pass_rate, cell: (r) => <Rate r={r} />},
          {name: "of", label: "Of", cell: (r) => <span class="name">{r.prompt ?? "the suite's own prompt"}{r.model && <div class="muted small">{r.model}</div>}</span>},
          {name: "why", label: "Why", cell: (r) => <span class="clamp small" title={r.why ?? ""}>{r.why ?? "–"}</span>}, {name: "cost", label: "Cost", number: true, sort: (r) => r.cost_usd, cell: (r) => usd(r.cost_usd)},
          {name: "by", label: "By", cell: (r) => <>{r.by ?? "–"}<div class="muted small">{r.trigger ?? ""}</div></>}, {name: "when", label: "Begun", sort: (r) => r.started_at, cell: (r) => <Time at={r.started_at} />},
        ]} />
      </Panel>
    </>}</Loaded>
    <Panel title="Versions of the suite" note="newest first"><Loaded of={versions}>{({definitions}) => <Table caption="Versions of the suite" keyed={(d) => d.version} rows={definitions.slice(0, 50)} columns={[
      {name: "version", label: "Version", cell: (d) => "v" + d.version}, {name: "registered", label: "", cell: (d) => (d.registered ? "registered" : <span class="muted">run from a file</span>)}, {name: "at", label: "Since", cell: (d) => <Time at={d.at} />}, {name: "by", label: "By", cell: (d) => d.by ?? "–"},
      {name: "why", label: "Why", cell: (d) => <>{d.why ?? "–"}{d.ticket && ` · ${d.ticket}`}</>}]} />}</Loaded></Panel>
  </>;
}

export const StopRun = ({run}: {run: string}) => <Act label="Stop …" title={`Stop ${run}`} role="operator" danger path="/evals/{run}/stop" params={{run}} said="It is asked to end." about={<p>It ends with what it has; its verdict says that not all was run.</p>} body={() => ({})} />;

export function Evaluation() {
  const [tab] = useFilter("tab", "suites"), [suite] = useFilter("suite");
  const tabs: Array<[string, string]> = [["suites", "Suites"], ["reviews", "Human review"], ["online", "Production traffic"], ["judges", "Judges"], ["models", "Model changes"]];
  return (
    <Page title="Evaluation" about="How good the answers are: by suites before a change, by scores of production traffic after it, by people where it counts.">
      <Tabs label="Evaluation" tabs={tabs.map(([name, text]) => ({href: withFilters("/evaluation", {tab: name === "suites" ? null : name, suite: null, judge: null, rule: null, by: null, q: null, a: null, b: null, state: null}), text, current: tab === name}))} />
      {tab === "judges" ? <Judges /> : tab === "online" ? <Online /> : tab === "reviews" ? <Reviews /> : tab === "models" ? <ModelChanges /> : suite ? <Suite key={suite} name={suite} /> : <Suites />}
    </Page>
  );
}
