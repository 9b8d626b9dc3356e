// A rollout: where it is on its path, what each arm gets, how surely each guardrail says that it does no harm, and what happened.
import type {Rollout as Standing, RolloutHistory, RolloutPoint, Rollouts} from "api-types";
import {TimeChart, type Mark} from "../../charts";
import {useGet} from "../../api";
import {count, duration, NONE, percent, signed, time, usd, value} from "../../format";
import {useFilter} from "../../router";
import type {Point} from "../../types";
import {Act, Command, Empty, Loaded, Meter, Note, Page, Pairs, Panel, Table, Time} from "../../ui";
import type {PageProps} from "..";
import {at, RolloutState, rolloutAt, Verdict} from "../prompts/parts";
import "../../style/change.css";

export interface Guard {
  metric: string; verdict: string; effect: number | null; interval: [number | null, number | null] | null; evidence: number | null; threshold: number; alpha: number; margin: number | null;
  scale?: "ratio" | "difference" | "share"; limit?: number | null; n_candidate: number; n_control: number; needed: number | null; candidate: number | null; control: number | null; why: string;
}
interface Planned { metric: string; margin: number; alpha?: number; tolerance?: number; on_failure?: string }
type PlanStep = {setWeight?: number; pause?: {duration?: string}};
interface Plan { way?: string; canary?: {sticky?: string; steps?: PlanStep[]; analysis?: {interval?: string; alpha?: number; min_samples?: number; guardrails?: Planned[]}}; shadow?: {share?: number; min_samples?: number; max_cost_usd?: number; judge?: string}; beside?: Plan; metric?: string; min_effect?: number; power?: number; longest_us?: number }

const scaleOf = (g: {metric: string; scale?: string}) => g.scale ?? (g.metric === "judge" ? "share" : g.metric.startsWith("score:") || g.metric === "tool_calls" ? "difference" : "ratio");
const unitOf = (scale: string) => (scale === "ratio" ? "×" : scale === "share" ? "share" : "");
const said = (v: number | null | undefined, scale: string) => (v == null ? NONE : scale === "difference" ? signed(v.toFixed(3)) : scale === "share" ? percent(v, 1) : v > 1000 ? "over 1,000 ×" : `${v.toFixed(v < 100 ? 2 : 0)} ×`);
/** What a metric of that name is. */
const meaning = (metric: string) => metric.startsWith("check:") ? `answers that fail the check “${metric.slice(6)}”` : metric.startsWith("score:") ? `mean of the score “${metric.slice(6)}”` : metric.startsWith("cost") ? "USD an exchange" : metric === "error_rate" ? "exchanges that ended as an error" : metric === "judge" ? "how often a judge prefers the candidate" : /^(latency|ttft)/.test(metric) ? "how long it takes" : null;
/** One side's own value, in its metric's unit. */
const own = (metric: string, v: number | null, scale: string) =>
  v == null ? NONE : /_p\d+$|^latency$/.test(metric) ? value(v / 1000, "ms") : /^cost/.test(metric) ? usd(v / 1e9) : /tokens|calls/.test(metric) ? value(v, "tokens") : scale === "difference" ? v.toFixed(3) : percent(v);

/** What the numbers mean, in a sentence. */
export function inWords(g: Guard, over = false): string {
  const scale = scaleOf(g), limit = g.limit ?? (scale === "ratio" ? g.margin : g.margin == null ? null : scale === "share" ? 0.5 - g.margin : -g.margin);
  const [low, high] = g.interval ?? [null, null], worst = scale === "ratio" ? high : low, best = scale === "ratio" ? low : high;
  if (g.verdict === "Error") return g.why;
  if (limit == null) return `Shown only; nothing is decided by it: ${said(g.effect, scale)}.`;
  const allowed = scale === "ratio" ? `${limit} × is allowed` : scale === "share" ? `${percent(limit, 1)} is the least` : `${Math.abs(limit)} may be lost`;
  const rate = scale === "ratio" && g.control != null && g.control > 0 && g.control < 1 && /rate|feedback|check:|failure/.test(g.metric);
  const points = (x: number | null) => (rate && x != null ? `, ${signed(((x - 1) * g.control! * 100).toFixed(1))} points` : "");
  const rates = /rate|feedback|check:|failure/.test(g.metric) && g.candidate != null && g.control != null ? `${percent(g.candidate)} of the candidate's (n ${count(g.n_candidate)}) and ${percent(g.control)} of control's (n ${count(g.n_control)})` : "";
  const surely = best != null && (scale === "ratio" ? best > limit : best < limit) ? `, surely ${scale === "ratio" ? "more" : "less"} than ${said(best, scale)}` : "";
  if (g.verdict === "Failed") return `Harmful: ${[g.effect == null ? "" : said(g.effect, scale) + surely, rates].filter(Boolean).join(": ")}; ${allowed}.`; // of nothing there is no multiple
  if (g.verdict === "Successful") return `No worse: at worst ${worst == null || (scale === "ratio" && worst > limit) ? "within what is tolerated" : said(worst, scale) + points(worst)}; ${allowed}.`;
  const more = over ? "" : g.needed != null && g.needed > 0 ? ` About ${count(g.needed)} more exchanges decide.` : " No number of exchanges is in sight that decides.";
  if (g.n_candidate === 0 && over) return "Nothing was known of it at its end: no exchange of the candidate counted for it.";
  if (g.n_candidate === 0) return `Nothing is known yet: no exchange of the candidate counts for it.${g.needed ? more : ""}`;
  if (worst == null) return `May still be harmful by any amount: too little is known for an end of its interval; ${allowed}.${more}`;
  const beyond = scale === "ratio" ? worst > limit : worst < limit;
  return `${beyond ? "May still be harmful" : "Seems no worse, with too few samples"}: ${scale === "ratio" ? "up to" : "down to"} ${said(worst, scale)}${points(worst)}; ${allowed}.${more}`;
}

/** The axis: the limit and what is known, not the first wild guesses. */
function clipOf(points: RolloutPoint[], scale: string): [number, number] {
  if (scale === "share") return [0, 1];
  const limit = points[points.length - 1].threshold, effects = points.slice(Math.floor(points.length / 3)).flatMap((p) => (p.effect == null ? [] : [p.effect])), last = points[points.length - 1];
  if (scale === "ratio") { // a power of two, so that the axis ends at a line
    const most = Math.max(2, (limit ?? 1) * 1.3, last.low ?? 0, ...effects), least = Math.min(0.5, ...effects.filter((e) => e > 0));
    return [2 ** Math.max(-4, Math.floor(Math.log2(least))), 2 ** Math.min(7, Math.ceil(Math.log2(most * 1.1)))];
  }
  const half = Math.max(0.02, Math.abs(limit ?? 0) * 2, ...effects.map((e) => Math.abs(e) * 1.4), Math.abs(last.low ?? 0), Math.abs(last.high ?? 0));
  return [-half, half];
}

function Rail({g, over, points, marks, planned, from, to}: {g: Guard; over: boolean; points: RolloutPoint[]; marks: Mark[]; planned?: Planned; from?: number; to?: number}) {
  const scale = scaleOf(g), [low, high] = g.interval ?? [null, null];
  const drawn = points.map((p): Point => [+new Date(p.at) / 1000, p.effect, p.n_candidate + p.n_control, p.low, p.high]).sort((a, b) => a[0] - b[0]);
  const limit = points.length ? points[points.length - 1].threshold : g.limit ?? null;
  const even = scale === "ratio" ? 1 : scale === "share" ? 0.5 : 0;
  return (
    <section class="rail" aria-label={g.metric}>
      <div class="row"><h3 class="name">{g.metric}</h3><Verdict of={g.verdict} />{meaning(g.metric) && <span class="muted small">{meaning(g.metric)}</span>}{planned?.on_failure && planned.on_failure !== "rollback" && <span class="muted small">on failure: {planned.on_failure}</span>}</div>
      <p>{inWords(g, over)}</p>
      {drawn.length > 1 && !points.some((p) => p.effect != null || p.high != null || (p.low ?? 0) > 0) ? <p class="muted small">Nothing to draw: none of either arm's, so there is no {scale === "ratio" ? "ratio" : "difference"} yet.</p> : drawn.length > 1 ? <TimeChart height={190} log={scale === "ratio"} zoom={false} unit={unitOf(scale)} clip={clipOf(points, scale)} from={from} to={to} marks={marks}
        lines={[{label: scale === "ratio" ? "candidate ÷ control" : scale === "share" ? "share the candidate won" : "candidate less control", points: drawn}]}
        limits={[...(limit == null ? [] : [{value: limit, label: scale === "ratio" ? "allowed up to" : "allowed down to"}])]}
        words={`${g.metric}: effect over time with its interval, now ${said(g.effect, scale)} (${said(low, scale)} to ${said(high, scale)}), limit ${said(limit, scale)}; ${even} is no difference`} />
        : <p class="muted small">{points.length ? "Judged once so far: the chart begins with the second time." : "No history of it is kept."}</p>}
      <p class="muted small">effect <strong>{said(g.effect, scale)}</strong> ({low == null ? "−∞" : said(low, scale)} to {high == null ? "∞" : said(high, scale)}, holds at all looks together, {percent(1 - g.alpha, 2)}) · candidate {own(g.metric, g.candidate, scale)} n {count(g.n_candidate)} · control {own(g.metric, g.control, scale)} n {count(g.n_control)}</p>
      {g.evidence != null && <p class="muted small">Fails when ln E, now {g.evidence.toFixed(2)}, reaches {g.threshold.toFixed(2)} = ln(1/α): α {g.alpha.toPrecision(2)}, margin {g.margin} ({planned ? "rollouts.canary.analysis, as it was when this began" : "the plan's"}).</p>}
    </section>
  );
}

/** Its steps; what is done, where it is, what comes. */
function Steps({r}: {r: Standing}) {
  const plan = (r.plan ?? {}) as Plan, steps = plan.canary?.steps ?? [];
  const over = r.ended !== null, failed = r.state === "rolled back" || r.state === "aborted";
  const is = (done: boolean, now: boolean) => (now ? (failed ? "failed" : "now") : done ? "done" : undefined);
  if (r.stage === "direct") return <ol class="route"><li data-is={failed ? "failed" : "done"}><b>Direct</b><span class="small">to everybody at once</span></li></ol>;
  if (r.stage === "ab") return <ol class="route"><li data-is={is(over, !over || failed)}><b>A/B test</b><span class="small">half of the users each</span></li><li data-is={r.state === "promoted" ? "done" : undefined}><b>100 %</b><span class="small">a person promotes</span></li></ol>;
  const shadow = plan.way === "shadow-then-canary", inShadow = r.stage === "shadow", promoted = r.state === "promoted";
  const cells: Array<{label: string; note: string; from: number; to: number}> = [];
  steps.forEach((s, i) => {
    if (s.setWeight != null) cells.push({label: `${s.setWeight} %`, note: s.setWeight === 100 ? "production" : "", from: i, to: i});
    else if (cells.length) { const c = cells[cells.length - 1]; c.to = i; c.note = s.pause?.duration ? `for ${s.pause.duration}` : "until somebody promotes"; }
  });
  return (
    <ol class="route">
      {shadow && <li data-is={is(!inShadow, inShadow)} aria-current={inShadow && !over ? "step" : undefined}><b>Shadow</b><span class="small">{percent(plan.shadow?.share, 0)} of requests, {count(plan.shadow?.min_samples)} pairs</span></li>}
      {cells.map((c) => { const now = !inShadow && !promoted && r.step >= c.from && r.step <= c.to; return <li data-is={promoted ? "done" : is(!inShadow && r.step > c.to, now)} aria-current={now && !over ? "step" : undefined}><b>{c.label}</b><span class="small">{c.note}</span></li>; })}
    </ol>
  );
}

function Now({r}: {r: Standing}) {
  const open = r.ended === null, unit = r.stage === "shadow" ? "pairs" : "exchanges of the candidate at this weight";
  return (
    <Panel title="Where it is" note={<>begun by {r.started_by ?? "somebody"}, <Time at={r.started} />{r.ended && <>; ended <Time at={r.ended} />, after {duration((+new Date(r.ended) - +new Date(r.started)) / 1000)}</>}</>}>
      <Steps r={r} />
      {open ? <Note tone={r.for_person ? "warn" : r.verdict === "Failed" ? "bad" : "unknown"}><p>{r.for_person ? <strong>It waits for a person. </strong> : "It goes on by itself. "}{r.waits_for ? `Waits for: ${r.waits_for}.` : ""}</p></Note>
        : <Note tone={r.state === "promoted" ? "good" : "bad"}><p>{{promoted: `v${r.candidate} was promoted.`, "rolled back": `v${r.candidate} was rolled back.`, aborted: `It was aborted.`}[r.state as string]} {r.why}</p></Note>}
      {open && r.exchanges_needed > 0 && <div><span class="small">{count(r.exchanges)} of at least {count(r.exchanges_needed)} {unit}</span><Meter share={r.exchanges / r.exchanges_needed} words={`${r.exchanges} of ${r.exchanges_needed}`} /></div>}
      {open && r.hold_s != null && <div><span class="small">{duration(r.held_s)} of {duration(r.hold_s)} of served time at this step</span><Meter share={r.hold_s ? r.held_s / r.hold_s : 1} words={`${duration(r.held_s)} of ${duration(r.hold_s)}`} /></div>}
      {r.ab && <Pairs of={[["Test", r.ab.verdict], ["Needed an arm", r.ab.needed_an_arm == null ? "not known before it began" : `about ${count(r.ab.needed_an_arm)} exchanges, for a difference of ${(r.plan as Plan).min_effect} with a power of ${percent((r.plan as Plan).power, 0)}`], ["Could have seen", r.ab.detectable == null ? NONE : `differences of ${Number(r.ab.detectable).toFixed(3)} or more, with so much data`]]} />}
    </Panel>
  );
}

function Arms({r, guards}: {r: Standing; guards: Guard[]}) {
  const most = (k: "n_candidate" | "n_control") => (guards.length ? Math.max(...guards.map((g) => g[k])) : null), shadow = r.stage === "shadow", over = r.ended !== null;
  const rows = [
    {arm: "candidate", version: r.candidate as number | null, weight: over ? (r.state === "promoted" ? 100 : 0) : shadow ? 0 : r.weight, n: most("n_candidate"), note: shadow ? "asked beside, seen by nobody" : over && r.state !== "promoted" ? "serves nobody any more" : ""},
    {arm: "control", version: r.control, weight: over ? (r.state === "promoted" ? 0 : 100) : shadow ? 100 : 100 - r.weight, n: most("n_control"), note: !shadow && !over && r.weight < 50 ? `compared with an equal arm of ${+r.weight.toFixed(2)} %, failures with all of it` : ""},
  ];
  return (
    <Panel title="Arms" note="n: exchanges that a guardrail compared, the most of any">
      <Table caption="Arms" keyed={(x) => x.arm} rows={rows} columns={[
        {name: "arm", label: "Arm", cell: (x) => <>{x.arm}{x.note && <div class="muted small">{x.note}</div>}</>},
        {name: "version", label: "Version", cell: (x) => (x.version ? <a href={r.kind === "prompt" ? at(r.prompt, {version: x.version}) : undefined}>v{x.version}</a> : "nothing served")},
        {name: "weight", label: "Weight", number: true, cell: (x) => `${+x.weight.toFixed(2)} %`}, {name: "n", label: "n", number: true, cell: (x) => count(x.n)}]} />
    </Panel>
  );
}

const actions: {[action: string]: string} = {"rollout.start": "began", "rollout.step": "went on", "rollout.fail": "rolled back by a guardrail", "rollout.promote": "promoted", "rollout.pause": "paused", "rollout.resume": "resumed", "rollout.abort": "aborted"};
interface Happened { at: string; actor: string | null; action: string; why: string | null; stage: string | null; state: string | null; step: number | null; weight: number | null; verdict: string | null }

export function Rollout({parts: {name}}: PageProps) {
  const [number] = useFilter("rollout"), [kind] = useFilter("kind");
  const params = {name, rollout: number, kind};
  const standing = useGet<Standing>("/rollouts/{name}", params, {topics: ["rollouts", "audit"], poll: 10_000});
  const open = standing.data?.ended === null;
  const history = useGet<RolloutHistory>("/rollouts/{name}/history", params, {topics: ["rollouts"], poll: open ? 20_000 : undefined});
  const others = useGet<Rollouts>("/rollouts", {prompt: name, limit: 20}, {topics: ["rollouts"]});
  const r = standing.data, plan = (r?.plan ?? {}) as Plan, planned = [...(plan.canary?.analysis?.guardrails ?? []), ...(plan.beside?.canary?.analysis?.guardrails ?? [])];
  const happened = (r?.history ?? []) as Happened[];
  const marks = happened.map((h): Mark => ({at: +new Date(h.at) / 1000, label: h.action, severity: h.state === "rolled back" ? "bad" : h.state === "promoted" ? "good" : h.state === "paused" ? "warn" : "info"}));
  const points = history.data?.points ?? [], times = points.map((p) => +new Date(p.at) / 1000);
  const newest = !number || others.data?.rollouts[0]?.rollout === Number(number);
  const body = () => ({if_revision: r?.revision}), words = r && `${r.prompt} v${r.candidate}`;
  const act = (label: string, path: string, more: {title: string; said: string; danger?: boolean; primary?: boolean; disabled?: string | null; about?: string}) =>
    <Act label={label} role="operator" path={`/rollouts/{name}/${path}`} params={{name}} body={body} {...more} about={more.about && <p>{more.about}</p>} />;
  return (
    <Page title={r ? `${r.prompt}: ${r.control ? `v${r.control}` : "nothing"} → v${r.candidate}` : name} about={r && <><RolloutState of={r.state} /> {r.stage === "ab" ? "A/B test" : r.stage}{r.verdict && <> · all guardrails: <Verdict of={r.verdict} /></>}</>}
      actions={r && open && newest && <>
        {act("Promote …", "promote", {title: `Promote ${words}`, said: "It goes on.", primary: true, about: "The next step now; from the last one: production. Refused when a guardrail is Failed, or with too few samples."})}
        {r.state === "paused" ? act("Resume …", "resume", {title: `Resume ${words}`, said: "It goes on."}) : act("Pause …", "pause", {title: `Pause ${words}`, said: "It stays where it is.", about: "It stays where it is; guardrails still roll it back."})}
        {act("Abort …", "abort", {title: `Abort ${words}`, said: "It is over; what was in production serves everybody.", danger: true, about: "It ends, and what was in production serves everybody from the next exchange on."})}
      </>}>
      <Loaded of={standing}>{(r) => <>
        {!newest && <Note tone="warn"><p>This is an earlier rollout. <a href={rolloutAt(name, null)}>See the newest one.</a></p></Note>}
        <div class="columns"><Now r={r} /><Arms r={r} guards={r.guardrails as Guard[]} /></div>
        <Panel title="Guardrails" note={<>{plan.canary?.analysis?.interval && `judged each ${plan.canary.analysis.interval}; `}bands: where the true effect lies, at all looks together; they close as exchanges come{r.ended && "; as they stood at its end"}</>}>
          {history.error && <p class="muted small">Its history cannot be shown: {history.error.message}</p>}
          {(r.guardrails as Guard[]).length === 0 ? <Empty>{r.stage === "direct" ? "It went to everybody at once: nothing was compared." : "No guardrail is declared: rollouts.canary.analysis.guardrails of quarterdeck.yaml has them."}</Empty>
            : <div class="rails">{[...(r.guardrails as Guard[])].sort((a, b) => +(b.verdict === "Failed") - +(a.verdict === "Failed")).map((g) => <Rail key={g.metric} g={g} over={r.ended !== null} points={points.filter((p) => p.metric === g.metric && p.stage === r.stage)} marks={marks} planned={planned.find((p) => p.metric === g.metric)} from={times.length > 1 ? Math.min(...times) : undefined} to={times.length > 1 ? Math.max(...times) : undefined} />)}</div>}
        </Panel>
        <div class="columns">
          <Panel title="What happened" note="from the audit log, newest first">
            <ul class="stack">{[...happened].reverse().map((h) => <li><Time at={h.at} /> · <strong>{h.actor ?? "somebody"}</strong> {actions[h.action] ?? h.action}{h.weight != null && <span class="muted"> · {h.stage}, {+h.weight.toFixed(2)} %</span>}{h.why && <div class="small">{h.why}</div>}</li>)}</ul>
          </Panel>
          <Panel title="Other rollouts of it">
            <Loaded of={others}>{({rollouts}) => rollouts.length < 2 ? <p class="muted">There is no other.</p> : <ul class="stack">{rollouts.filter((o) => o.rollout !== r.rollout).map((o) => <li class="row"><a href={rolloutAt(o.prompt, rollouts[0].rollout === o.rollout ? null : o.rollout)}>v{o.control ?? "–"} → v{o.candidate}</a><RolloutState of={o.state} /><span class="muted small">{time(o.started)}</span></li>)}</ul>}</Loaded>
            {open && newest && <div><p class="muted small">At a terminal:</p><Command text={`quarterdeck rollout status ${r.prompt}`} /></div>}
          </Panel>
        </div>
      </>}</Loaded>
    </Page>
  );
}
