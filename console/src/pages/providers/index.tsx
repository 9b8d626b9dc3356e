// Providers: is it us or them; who answers instead; how the first comes back; and what vendors changed under a model's name.
import type {Action, Actions, ModelChange, ModelChanges, Models, Provider, Providers, Target} from "api-types";
import {useEffect, useState} from "preact/hooks";
import {useGet} from "../../api";
import {TimeChart} from "../../charts";
import {count, duration, ms, percent, time, value} from "../../format";
import {usePlace, withFilters} from "../../router";
import type {SeriesAnswer} from "../../types";
import {Act, Badge, Command, Empty, Loaded, Page, Pairs, Panel, Table, Tabs, Time, WindowPicker, useWindow, type Tone} from "../../ui";

const verdicts: {[v: string]: [Tone, string]} = {them: ["bad", "it is them"], us: ["bad", "it is us"], slow: ["warn", "slow"], unsure: ["warn", "not enough evidence"], well: ["good", "well"], idle: ["unknown", "no traffic"]};
const worst = Object.keys(verdicts);

export function ProvidersPage() {
  const w = useWindow("-24h"), {query} = usePlace();
  const providers = useGet<Providers>("/providers", {}, {topics: ["findings", "alerts"], poll: 5_000});
  const models = useGet<Models>("/models", {}, {topics: ["configuration", "actions"], poll: 5_000});
  const actions = useGet<Actions>("/actions", {limit: 50}, {topics: ["actions"]});
  const changes = useGet<ModelChanges>("/model-changes", {}, {topics: ["findings", "audit"]});
  return (
    <Page title="Providers" about="Is it us or them, who answers instead, and what vendors changed" actions={<WindowPicker />}>
      <Tabs label="Latency and providers" tabs={[{href: withFilters("/latency"), text: "Latency", current: false}, {href: withFilters("/providers"), text: "Providers", current: true}]} />
      <Loaded of={providers}>{(p) => p.providers.length === 0 ? <Panel><Empty command="quarterdeck provider list">{models.data?.models.length === 0 ? <>No provider is configured. <a href="/settings/providers/new">Add one</a>; the watch looks at it within seconds.</> : "The watch has not looked yet. It does so every few seconds."}</Empty></Panel> : (
        <>{p.providers.filter((x) => x.upstream_model === null).sort((a, b) => worst.indexOf(a.verdict) - worst.indexOf(b.verdict)).map((x) => <One key={x.provider} p={x} models={p.providers.filter((m) => m.provider === x.provider && m.upstream_model !== null)} window={w} opened={query.get("provider") === x.provider} />)}</>
      )}</Loaded>
      <Panel title="Who answers" note="targets of each model in their order, and their breakers">
        <Loaded of={models}>{(m) => <Targets models={m} actions={actions.data?.actions ?? []} />}</Loaded>
      </Panel>
      <Panel title="What was done to traffic" note="by itself, by a grant, or by a person; newest first" actions={<a class="button" href={withFilters("/alerts")}>Alerts</a>}>
        <Loaded of={actions}>{(a) => <ActionList actions={a.actions} />}</Loaded>
      </Panel>
      <Panel title="Models that changed under their name" actions={<a class="button" href={withFilters("/evaluation", {tab: "models"})}>What suites said, and decide</a>}>
        <Loaded of={changes}>{(c) => <Changed changes={c.changes} />}</Loaded>
      </Panel>
    </Page>
  );
}

const charted: {[metric: string]: string} = {error_rate: "failures", "ttft.p95": "first token, P95", requests: "exchanges"};
function One({p, models, window: w, opened}: {p: Provider; models: Provider[]; window: {from: string; to: string | null; words: string; application: string | null}; opened: boolean}) {
  const [tone, words] = verdicts[p.verdict] ?? ["unknown", p.verdict];
  const e: any = p.evidence ?? {}, live = e.live ?? {}, page = e.status_page;
  const [open, setOpen] = useState(opened);
  useEffect(() => { if (opened) setOpen(true); }, [opened]); // chosen by Ctrl-K, on this very page
  const series = useGet<SeriesAnswer>(open ? "/series" : null, {metrics: "error_rate,ttft.p95,requests", from: w.from, to: w.to, application: w.application, provider: p.provider}, {poll: 15_000});
  const causes = Object.entries(live.causes ?? {}).filter(([, n]) => (n as number) > 0) as Array<[string, number]>;
  const probes = (e.probes ?? []) as Array<{at: string | null; ok: boolean; took_s: number; why: string | null}>, last = probes[0]; // newest first
  return (
    <Panel title={p.provider} id={"provider-" + p.provider} actions={<Badge tone={tone}>{words}</Badge>} note={<>looked <Time at={p.looked} relative />{p.since && <> · so since <Time at={p.since} /></>}</>}>
      <p>{p.line}</p>
      <div class="columns">
        <Pairs of={[
          ["live traffic", <>{count(live.failed)} of {count(live.requests)} failed, last {duration(live.window_s)}{causes.length > 0 && <> ({causes.map(([c, n]) => `${c} ${count(n)}`).join(", ")})</>}</>],
          ["held normal", <>{percent(live.held_normal)} failures <span class="muted small">({live.held_normal_from}; n {count(live.baseline_requests)})</span></>],
          ["first token P95", <>{live.ttft_p95_s == null ? "–" : ms(live.ttft_p95_s * 1000)} <span class="muted small">normal {live.normal_ttft_p95_s == null ? "not known" : ms(live.normal_ttft_p95_s * 1000)}</span></>],
        ]} />
        <Pairs of={[
          ["our probes", last ? <>{last.ok ? <Badge tone="good">answers</Badge> : <Badge tone="bad">fails</Badge>} in {duration(last.took_s)}, <Time at={last.at} relative />{last.why && <> · {last.why}</>}<div class="muted small">{probes.filter((x) => x.ok).length} of the last {probes.length} were answered</div></> : <span class="muted">none</span>],
          ["other hosts", <>{count(e.hosts_reached)} of {count(e.hosts_asked)} reached from here</>],
          ["vendor's status page", page ? <>{page.error ? <Badge tone="warn">could not be read</Badge> : <Badge tone={page.indicator === "none" ? "good" : "warn"}>{page.words ?? page.indicator}</Badge>} <span class="muted small">read <Time at={page.read} relative /></span>
            {(page.incidents ?? []).map((i: any) => <div class="small">{/^https?:\/\//.test(i.url ?? "") ? <a href={i.url} target="_blank" rel="noreferrer">{i.name}</a> : i.name}: {i.status}, since {time(i.started)}</div>)}</> : <span class="muted">none configured: <code>providers.{p.provider}.status_page</code></span>],
        ]} />
      </div>
      <details open={open} onToggle={(e) => setOpen(e.currentTarget.open)}><summary>Over time, by model, and the evidence</summary>
        <div class="stack">
          <p class="muted small">Evidence: {value(e.statistic, "")} against {value(e.threshold, "")} ({e.statistic_is}; {e.threshold_from}).</p>
          {open && <Loaded of={series}>{(s) => <>{s.series.map((x) => <section key={x.metric}><h3>{charted[x.metric] ?? x.metric} <span class="muted small">{w.application ?? "all applications"}, {w.words}, a point is {duration(s.step_s)}</span></h3>
            <TimeChart lines={[{label: charted[x.metric] ?? x.metric, points: x.points}]} unit={x.unit} height={110} sync={"provider-" + p.provider} words={`${x.metric} of ${p.provider}, ${w.words}`} /></section>)}</>}</Loaded>}
          <Table caption={`Models of ${p.provider}`} rows={models} keyed={(m) => m.upstream_model!} empty={<p class="muted">None of its models had traffic.</p>} columns={[
            {name: "model", label: "model", cell: (m) => m.upstream_model}, {name: "verdict", label: "", cell: (m) => <Badge tone={verdicts[m.verdict]?.[0]}>{verdicts[m.verdict]?.[1] ?? m.verdict}</Badge>}, {name: "line", label: "why", cell: (m) => m.line},
          ]} />
        </div>
      </details>
    </Panel>
  );
}

function Targets({models, actions}: {models: Models; actions: Action[]}) {
  const rows = models.models.flatMap((m) => m.targets.map((t, i) => ({m, t, i})));
  const away = (m: string) => actions.find((a) => a.kind === "fail_over" && a.scope?.model === m && (a.state === "in force" || a.state === "returning"));
  return <Table caption="Targets and their breakers" rows={rows} keyed={(r) => r.m.name + r.i} empty={<Empty command="quarterdeck model list">No model is configured: <a href="/settings/models/new">add one</a>.</Empty>} columns={[
    {name: "model", label: "model", cell: (r) => r.i ? <span class="hidden">{r.m.name}</span> : <>{r.m.name}{away(r.m.name) && <div><Badge tone="warn">failed over{away(r.m.name)!.state === "returning" && `, coming back: ${percent(away(r.m.name)!.share)}`}</Badge></div>}</>},
    {name: "target", label: "target", cell: (r) => <>{r.t.provider} <span class="muted">{r.t.model}</span></>},
    {name: "order", label: orderLabel(models), cell: (r) => (r.m.order === "weighted" ? `weight ${r.t.weight}` : r.i === 0 ? "first" : `${r.i + 1}.`)},
    {name: "breaker", label: "breaker", cell: (r) => <BreakerState t={r.t} />},
    {name: "rate", label: "failures", number: true, cell: (r) => r.t.breaker?.failure_rate == null ? <span class="muted">no requests</span> : <>{percent(r.t.breaker.failure_rate)} <span class="muted small">n {count(r.t.breaker.requests)}</span></>},
    {name: "act", label: "", cell: (r) => <div class="row">
      {r.t.breaker?.state === "closed" ? <Act label="Open breaker" danger title={`Send nothing to ${r.t.provider}/${r.t.model}`} role="operator" path="/actions" body={() => ({kind: "open_breaker", provider: r.t.provider, upstream_model: r.t.model, for: "30m"})} about={<p>For 30 minutes at most; undo it under “What was done to traffic”.</p>} />
        : <Act label="Close breaker" title={`Send to ${r.t.provider}/${r.t.model} again`} role="operator" path="/actions" body={() => ({kind: "close_breaker", provider: r.t.provider, upstream_model: r.t.model, for: "30m"})} />}
      {r.i === 0 && r.m.targets.length > 1 && !away(r.m.name) && <Act label="Fail over" danger title={`Ask ${r.t.provider} last for ${r.m.name}`} role="operator" path="/actions" body={() => ({kind: "fail_over", model: r.m.name})} about={<p>The other targets are asked first. It comes back in steps, each with its own checks.</p>} />}
    </div>},
  ]} />;
}
const orderLabel = (models: Models) => (models.models.some((m) => m.order === "weighted") ? "order or weight" : "order");
function BreakerState({t}: {t: Target}) {
  if (!t.breaker) return <span class="muted">not known</span>;
  const b = t.breaker;
  return <>{b.state === "closed" ? <Badge tone="good">closed</Badge> : <Badge tone="bad">{b.state}</Badge>}{b.next_probe && <div class="muted small">tries again <Time at={b.next_probe} /></div>}{b.held_by != null && <div class="muted small">held by action {b.held_by}</div>}</>;
}

const states: {[s: string]: Tone} = {"in force": "warn", returning: "warn", done: "good", undone: "unknown", expired: "unknown", returned: "good", would: "info", "not granted": "info", "too often": "warn", failed: "bad"};
export function ActionList({actions}: {actions: Action[]}) {
  return <Table caption="Actions" rows={actions} keyed={(a) => a.number ?? a.at + a.about} empty={<Empty command="quarterdeck action list">Nothing was done to traffic. Rules act by themselves only where a grant allows it.</Empty>} columns={[
    {name: "at", label: "when", cell: (a) => <Time at={a.at} />, sort: (a) => a.at},
    {name: "what", label: "what", cell: (a) => <><strong>{a.kind.replaceAll("_", " ")}</strong> {a.about}{a.why && <div class="muted small">{a.why}</div>}{a.ended_why && <div class="muted small">{a.state}: {a.ended_why}</div>}</>},
    {name: "by", label: "by", cell: (a) => <>{a.by ?? "–"}{a.rule && <div class="small"><a href={"/alerts/rules/" + encodeURIComponent(a.rule)}>{a.rule}</a>{a.alert != null && <>, <a href={"/alerts/" + a.alert}>alert {a.alert}</a></>}</div>}</>},
    {name: "state", label: "state", cell: (a) => <><Badge tone={states[a.state]}>{a.state}</Badge>{a.state === "returning" && a.share != null && <div class="small">{percent(a.share)} asks it first again</div>}{a.ended && <div class="muted small">until <Time at={a.ended} /></div>}</>, sort: (a) => a.state},
    {name: "undo", label: "", cell: (a) => (a.state === "in force" || a.state === "returning") && a.number != null ? <Act label="Undo" title={`Undo: ${a.kind.replaceAll("_", " ")} ${a.about}`} role="operator" path="/actions/{number}/undo" params={{number: a.number}} /> : a.undo ? <Command text={a.undo} /> : null},
  ]} />;
}

const changeStates: {[s: string]: [Tone, string]} = {open: ["warn", "waits for a person"], held: ["bad", "held"], accepted: ["good", "accepted"]};
/** That one changed; what suites found of it, and what is done about it, is told in one place. */
function Changed({changes}: {changes: ModelChange[]}) {
  if (!changes.length) return <Empty command="quarterdeck model changes">No provider's model changed. Each answer says which version gave it; another one is a finding within seconds.</Empty>;
  return <ul class="stack">{changes.map((c) => { const [tone, words] = changeStates[c.state] ?? ["unknown", c.state]; return (
    <li key={c.number} class="row"><Badge tone={tone}>{words}</Badge><span class="wrap"><strong>{c.model}</strong> <span class="muted">{c.provider}</span>: <code>{c.before ?? "–"}</code> became <code>{c.after}</code>{c.held_to && <>; {c.held_to} answers meanwhile</>}</span><span class="muted small">seen <Time at={c.seen} /></span></li>); })}</ul>;
}
