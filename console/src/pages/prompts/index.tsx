// All prompts, what serves, what waits; rollouts; prompts that nobody registered.
import type {CostReport, Rollouts, Subject, Subjects} from "api-types";
import {useGet} from "../../api";
import {count, usd} from "../../format";
import {setFilters, useFilter, withFilters} from "../../router";
import type {SeriesAnswer} from "../../types";
import {Badge, Empty, Loaded, Num, Page, Panel, Table, Tabs, Time, WindowPicker, useWindow} from "../../ui";
import {LivePrompts} from "./live";
import {at, called, ClassOf, RolloutState, rolloutAt, Verdict, waits} from "./parts";
import "../../style/change.css";

const PAGE = 50;
interface Seen { requests: number; cost: number | null; quality: number | null; n: number; low: number | null; high: number | null }
const SPENT = 1000, SCORED = 100;
const seconds = (from: string, to: string | null) => { const m = from.match(/^-(\d+)([smhd])$/); return m ? +m[1] * {s: 1, m: 60, h: 3600, d: 86400}[m[2]]! : (+(to ? new Date(to) : new Date()) - +new Date(from)) / 1000; };
/** Of each version ("name@3"), in the window: how much, what it costs and how good it is. `whole`: one that is not in `seen` had no request; else
 * only the dearest are told. Scores are kept by the hour, and told of the busiest versions: those of one prompt where it is named. */
export function useSeen(prompt?: string) {
  const w = useWindow("-7d"), window = {from: w.from, to: w.to, application: w.application}, span = seconds(w.from, w.to);
  const spent = useGet<CostReport>("/cost/report", {...window, by: "prompt", limit: SPENT}, {poll: 60_000});
  const scores = useGet<SeriesAnswer>("/series", {...window, metrics: "quality", by: "prompt", limit: SCORED, step: span <= 2 * 86400 ? "1h" : span <= 8 * 86400 ? "6h" : null, prompt}, {poll: 60_000});
  const seen = new Map<string, Seen>();
  for (const r of spent.data?.rows ?? []) if (r.prompt) seen.set(r.prompt, {requests: r.count, cost: r.cost_per_request_usd, quality: null, n: 0, low: null, high: null});
  for (const s of scores.data?.series ?? []) {
    const known = s.points.filter((p) => p[1] != null && p[2] > 0), n = known.reduce((sum, p) => sum + p[2], 0);
    if (!s.label || !n) continue;
    seen.set(s.label, {...(seen.get(s.label) ?? {requests: 0, cost: null}), quality: known.reduce((sum, p) => sum + p[1]! * p[2], 0) / n, n, low: known.length === 1 ? known[0][3] : null, high: known.length === 1 ? known[0][4] : null});
  }
  return {window: w, seen, whole: !!spent.data && !spent.data.rest, left: (scores.data?.left_off ?? 0) > 0, error: spent.error ?? scores.error};
}

function List() {
  const subjects = useGet<Subjects>("/prompts", {}, {topics: ["configuration", "rollouts", "evaluations"]});
  const {window: w, seen, whole, left, error} = useSeen();
  const [find] = useFilter("q"), [page] = useFilter("page", "1");
  return (
    <Panel title="Prompts" note={<>requests, cost and score: {w.words}{left && `; scores of the ${SCORED} busiest versions`}{error && <> · not known: {error.message}</>}</>} actions={<>
      <label class="hidden" for="find">Find</label>
      <input id="find" type="search" placeholder="Find a name, owner, state …" value={find} onInput={(e) => setFilters({q: e.currentTarget.value, page: null}, true)} /><WindowPicker fallback="-7d" /></>}>
      <Loaded of={subjects}>{({subjects: all}) => {
        const words = find.toLowerCase().split(/\s+/).filter(Boolean);
        const text = (s: Subject) => [s.name, s.latest?.owner, s.latest?.author, s.latest?.state, ...s.on_their_way.map((v) => v.state)].join(" ").toLowerCase();
        const found = all.filter((s) => words.every((x) => text(s).includes(x)))
          .sort((a, b) => +(b.on_their_way.length > 0) - +(a.on_their_way.length > 0) || (b.changed_at ?? "").localeCompare(a.changed_at ?? ""));
        const from = Math.max(0, Math.min((+page || 1) - 1, Math.ceil(found.length / PAGE) - 1)) * PAGE;
        return <>
          <Table<Subject> caption="Prompts" keyboard keyed={(s) => s.name} rows={found.slice(from, from + PAGE)} href={(s) => at(s.name)}
            empty={all.length ? <p class="muted">No prompt has “{find}”.</p> : <Empty command="quarterdeck apply -f prompts/">No prompt is registered. A file a prompt, out of your repository:</Empty>}
            columns={[
              {name: "name", label: "Prompt", sort: (s) => s.name, cell: (s) => <><a class="name" href={at(s.name)}>{s.name}</a>{s.latest?.owner && <div class="muted small name">{s.latest.owner}</div>}</>},
              {name: "serves", label: "Serves", sort: (s) => s.production, cell: (s) => s.serving ? <><strong>{called(s.serving)}</strong><div class="muted small nowrap"><Time at={s.serving.state_at} relative /></div></> : <span class="muted">nothing yet</span>},
              {name: "last", label: "Last version", sort: (s) => s.changed_at, cell: (s) => s.latest && <><span class="row"><span>{called(s.latest)}</span><ClassOf of={s.latest.class} /></span><div class="muted small">{s.latest.author && <>by {s.latest.author}, </>}<Time at={s.changed_at} relative /></div></>},
              {name: "waits", label: "What waits", sort: (s) => s.on_their_way.length, cell: (s) => s.on_their_way.length ? <span class="row">{s.on_their_way.slice(0, 3).map((v) => { const [t, to] = waits(s.name, v); return <a href={to}><Badge tone={v.state === "canary" || v.state === "shadow" ? "info" : "warn"}>{t}</Badge></a>; })}{s.on_their_way.length > 3 && <span class="muted small">and {s.on_their_way.length - 3} more</span>}</span> : <span class="muted">–</span>},
              {name: "requests", label: "Requests", number: true, sort: (s) => seen.get(`${s.name}@${s.production}`)?.requests, cell: (s) => count(seen.get(`${s.name}@${s.production}`)?.requests ?? (whole && s.production ? 0 : null))},
              {name: "cost", label: <span title="mean of what exchanges of the serving version cost in the window; below: its input alone, without variables and answer">Cost a call</span>, number: true, sort: (s) => seen.get(`${s.name}@${s.production}`)?.cost ?? s.serving?.cost_per_call_usd,
                cell: (s) => { const x = seen.get(`${s.name}@${s.production}`); return <>{usd(x?.cost)}{s.serving?.cost_per_call_usd != null && <div class="muted small">{usd(s.serving.cost_per_call_usd)} input</div>}</>; }},
              {name: "score", label: <span title="mean of the scores of production traffic of the serving version, 0 to 1">Score</span>, number: true, sort: (s) => seen.get(`${s.name}@${s.production}`)?.quality, cell: (s) => { const x = seen.get(`${s.name}@${s.production}`); return x?.quality == null ? "–" : <><Num v={x.quality} unit="score" low={x.low} high={x.high} /><div class="muted small">n {count(x.n)}</div></>; }},
            ]} />
          <Pages of={found.length} from={from} />
        </>;
      }}</Loaded>
    </Panel>
  );
}

/** Which of a long list is shown, and how to go on. */
export function Pages({of, from, size = PAGE, name = "page"}: {of: number; from: number; size?: number; name?: string}) {
  if (of <= size) return null;
  const page = Math.floor(from / size) + 1, to = (n: number) => withFilters(location.pathname, {[name]: n > 1 ? String(n) : null});
  return (
    <nav class="row" aria-label="Pages of the list">
      <span class="muted small">{count(from + 1)} – {count(Math.min(of, from + size))} of {count(of)}</span>
      {page > 1 && <a class="button" href={to(page - 1)}>Before</a>}{from + size < of && <a class="button" href={to(page + 1)}>Next</a>}
    </nav>
  );
}

function RolloutList() {
  const [open] = useFilter("under_way");
  const rollouts = useGet<Rollouts>("/rollouts", {under_way: open === "true" ? "true" : null, limit: 200}, {topics: ["rollouts"]});
  const newest = new Map<string, number>();
  for (const r of rollouts.data?.rollouts ?? []) newest.set(r.prompt, Math.max(newest.get(r.prompt) ?? 0, r.rollout));
  return (
    <Panel title="Rollouts" note="newest first, at most 200" actions={<a class="button" aria-current={open === "true" ? "true" : undefined} href={withFilters(location.pathname, {under_way: open ? null : "true"})}>Under way only</a>}>
      <Loaded of={rollouts}>{({rollouts: all}) => (
        <Table caption="Rollouts" keyboard keyed={(r) => r.rollout} rows={all} href={(r) => rolloutAt(r.prompt, newest.get(r.prompt) === r.rollout ? null : r.rollout)}
          empty={<Empty command="quarterdeck rollout start NAME@VERSION --why '…'">{open ? "No rollout is under way." : "Nothing was rolled out yet."}</Empty>}
          columns={[
            {name: "what", label: "Prompt", sort: (r) => r.prompt, cell: (r) => <a class="name" href={rolloutAt(r.prompt, newest.get(r.prompt) === r.rollout ? null : r.rollout)}>{r.prompt}</a>},
            {name: "from", label: "From", cell: (r) => (r.control ? "v" + r.control : "nothing")}, {name: "to", label: "To", cell: (r) => "v" + r.candidate},
            {name: "state", label: "State", sort: (r) => r.state, cell: (r) => <RolloutState of={r.state} />},
            {name: "stage", label: "Stage", cell: (r) => r.stage === "ab" ? "A/B test" : r.stage},
            {name: "weight", label: "Weight", number: true, sort: (r) => r.weight, cell: (r) => `${+r.weight.toFixed(2)} %`},
            {name: "verdict", label: "Guardrails", cell: (r) => (r.verdict ? <Verdict of={r.verdict} /> : "–")},
            {name: "why", label: "Why", cell: (r) => <span class="clamp" title={r.why ?? ""}>{r.why ?? "–"}</span>},
            {name: "by", label: "By", cell: (r) => r.started_by ?? "–"}, {name: "started", label: "Started", sort: (r) => r.started, cell: (r) => <Time at={r.started} />},
            {name: "ended", label: "Ended", sort: (r) => r.ended, cell: (r) => (r.ended ? <Time at={r.ended} /> : <span class="muted">under way</span>)},
          ]} />)}</Loaded>
    </Panel>
  );
}

export function Prompts() {
  const [tab] = useFilter("tab", "prompts");
  const tabs: Array<[string, string]> = [["prompts", "Prompts"], ["rollouts", "Rollouts"], ["live", "Not registered"]];
  return (
    <Page title="Prompts" about="What shapes the answers: which version serves, what is on its way, and what waits for a person.">
      <Tabs label="Prompts" tabs={tabs.map(([name, text]) => ({href: withFilters("/prompts", {tab: name === "prompts" ? null : name, page: null, q: null}), text, current: tab === name}))} />
      {tab === "rollouts" ? <RolloutList /> : tab === "live" ? <LivePrompts /> : <List />}
    </Page>
  );
}
