// One alert: what it is, what to type, what was done, who knows.
import type {AlertShown, Alerts, Audit} from "api-types";
import {useMemo} from "preact/hooks";
import {useGet} from "../../api";
import {TimeChart, type Limit, type Line} from "../../charts";
import {count, duration, percent, value} from "../../format";
import {withFilters} from "../../router";
import type {Point} from "../../types";
import {Act, Badge, Command, Empty, Loaded, Note, Page, Pairs, Panel, Table, Time} from "../../ui";
import {RunbookLink} from "./index";
import {Acknowledge, AgainstThreshold, alertHref, AlertTabs, isOpen, Judge, originOf, ruleHref, seriesText, Severity, Silence, Some, State, unitOf} from "./parts";
import {Notices} from "./receivers";

export function AlertPage({parts}: {parts: {[name: string]: string}}) {
  const number = Number(parts.number);
  const alert = useGet<AlertShown>(Number.isInteger(number) && number > 0 ? "/alerts/{number}" : null, {number}, {topics: ["alerts", "actions"], poll: 15_000});
  return (
    <Page title={`Alert ${parts.number}${alert.data ? ": " + alert.data.rule : ""}`} actions={alert.data && <><Acknowledge a={alert.data} primary /><Silence a={alert.data} /><Judge a={alert.data} /></>}>
      <AlertTabs />
      {Number.isInteger(number) && number > 0 ? <Loaded of={alert}>{(a) => <Shown a={a} />}</Loaded> : <Note tone="warn">An alert has a number. <a href="/alerts">All alerts</a></Note>}
    </Page>
  );
}
const judged: {[useful: string]: string} = {acted: "real: it was acted on", ignored: "of no consequence", noise: "noise: it should not have woken anybody"};
function Shown({a}: {a: AlertShown}) {
  const e = (a.evidence ?? {}) as any, unit = unitOf(a);
  return (
    <>
      <Panel title={<><Severity of={a.severity} /> <State of={a.state} /> {a.summary ?? a.rule}</>} actions={a.runbook ? <RunbookLink to={a.runbook} /> : undefined}>
        <Pairs of={[
          ["rule", <><a href={ruleHref(a.rule)}>{a.rule}</a>{e.condition && <span class="muted"> · {e.condition}{e.for_s ? ` for ${duration(e.for_s)}` : ""}</span>}</>],
          !e.finding && ["of", seriesText(a.series) || "everything"],
          !e.finding && ["value", <AgainstThreshold a={a} />],
          e.interval && ["95 %", `${value(e.interval[0], unit)} – ${value(e.interval[1], unit)}`],
          [isOpen(a) ? "since" : "fired", <><Time at={a.fired} /> <span class="muted">(<Time at={a.fired} relative />)</span>{a.resolved && <>, until <Time at={a.resolved} /></>} · {a.times === 1 ? "once" : `${count(a.times)} times`} in all</>],
          ["who has it", a.acknowledged ? <>{a.acknowledged.by}, <Time at={a.acknowledged.at} />: {a.acknowledged.why}</> : isOpen(a) ? <span class="bad">nobody yet{a.next_call && <>; the next is called <Time at={a.next_call} relative /> ({a.escalation})</>}</span> : "nobody took it up"],
          a.silence != null && ["silenced by", <a href={withFilters("/alerts", {tab: "silences"})}>silence {a.silence}</a>],
          a.muted_by && ["muted by", <><a href={ruleHref(a.muted_by)}>{a.muted_by}</a>, which explains it</>],
          ["judged", judged[a.useful ?? ""] ?? a.useful ?? "not yet: was it worth telling?"],
        ]} />
      </Panel>
      <Panel title="Done for it" note="by itself, or by a person">
        {a.actions.length ? <Table caption="Actions" rows={[...a.actions].reverse()} keyed={(x) => x.number} columns={[
          {name: "what", label: "what", cell: (x) => <>{x.kind.replace(/_/g, " ")} <span class="muted small">{x.number}</span>{x.why && <div class="small muted">{x.why}</div>}<Steps of={x.number} /></>}, {name: "state", label: "state", cell: (x) => <Badge tone={x.state === "in force" ? "warn" : x.state === "failed" ? "bad" : "unknown"}>{x.state}</Badge>},
          {name: "at", label: "when", cell: (x) => <Time at={x.at} />},
          {name: "undo", label: "", cell: (x) => (x.undo && /^(in force|returning)$/.test(x.state) ? <Act label="Undo" title={`Undo action ${x.number}`} role="operator" danger path="/actions/{number}/undo" params={{number: x.number}} body={() => ({})} about={<p>Everything is as before from the next exchange on.</p>} /> : x.undo ? <Command text={x.undo} /> : null)}]} />
          : <Empty>Nothing was done by itself: the rule has no <code>actions</code>, or nothing is granted.</Empty>}
      </Panel>
      <Panel title="What to type"><ul class="commands">{a.commands.map((c) => <li><Command text={c.command} /> <span class="muted">{c.what}</span></li>)}</ul></Panel>
      {e.chart ? <Evidence a={a} /> : <Panel title="Evidence"><FindingEvidence e={e} /></Panel>}
      <Panel title="Changed before it" note="in the two hours before it fired" actions={a.fired ? <a class="button" href={around(a)}>See it on the time axis</a> : undefined}>
        {a.changes.length ? <Table caption="Changes before it" rows={a.changes} keyed={(c) => c.entry} columns={[
          {name: "at", label: "when", cell: (c) => <Time at={c.at} />}, {name: "what", label: "what", cell: (c) => <>{c.action} <span class="muted">{c.subject}</span>{c.why && <div class="small">{c.why}</div>}</>}, {name: "by", label: "who", cell: (c) => c.by ?? "–"}]} /> : <Empty>Nothing was changed in the two hours before it.</Empty>}
      </Panel>
      <Mutes a={a} />
      <Notices alert={a.number} />
      <Panel title="Its states" note="newest first"><Some caption="Transitions" most={8} rows={a.history} keyed={(h) => h.at + h.to} columns={[
        {name: "at", label: "when", cell: (h) => <Time at={h.at} />}, {name: "to", label: "became", cell: (h) => <><State of={h.from} /> → <State of={h.to} /></>}, {name: "by", label: "by", cell: (h) => h.by ?? <span class="muted">itself</span>}, {name: "why", label: "why", cell: (h) => h.why ?? ""}]} /></Panel>
    </>
  );
}
const around = (a: AlertShown) => { const at = Date.parse(a.fired!); return withFilters("/", {from: new Date(at - 7200_000).toISOString(), to: new Date((a.resolved ? Date.parse(a.resolved) : Date.now()) + 1800_000).toISOString(), app: a.application}); };

/** The series as it was at the last look, the threshold as a line. */
function Evidence({a}: {a: AlertShown}) {
  const e = a.evidence as any, unit = unitOf(a), end = isOpen(a) ? Math.floor(Date.now() / 10_000) * 10 : Date.parse(a.resolved ?? a.since ?? "") / 1000;
  const lines = useMemo((): Line[] => {
    const values = e.chart.values as Array<number | null>, step = e.chart.step_s as number;
    return [{label: e.metric, points: values.map((v, i): Point => [Math.round(end - (values.length - i) * step), v, e.chart.n?.[i] ?? 0, null, null])}];
  }, [JSON.stringify(e.chart), end]);
  const limits = useMemo((): Limit[] => (a.threshold == null ? [] : [{value: a.threshold, label: "threshold"}]), [a.threshold]);
  const worst = Math.max(...(e.chart.values as Array<number | null>).map((v) => v ?? -Infinity));
  return (
    <Panel title="Evidence" note={`${e.metric}, ${e.window_s ? `over ${duration(e.window_s)}, ` : ""}a value each ${duration(e.chart.step_s)}, up to ${isOpen(a) ? "the last look" : "its end"}; threshold from ${originOf(a)}`}>
      <TimeChart lines={lines} unit={unit} limits={limits} zoom={false} height={170} words={`${e.metric}: at most ${value(worst, unit)}, against ${value(a.threshold, unit)}`} />
      {e.examples?.length > 0 && <p>Exchanges behind it: {(e.examples as string[]).map((id) => <><a href={withFilters("/exchanges/" + id)} class="mono">{id}</a> </>)}</p>}
    </Panel>
  );
}
/** What is known is told as names and values; the whole of it is folded. */
function FindingEvidence({e}: {e: any}) {
  const inner = e.finding?.evidence ?? e, plain = Object.entries(inner).filter(([, v]) => v !== null && typeof v !== "object").slice(0, 12);
  if (!Object.keys(e).length) return <Empty>Nothing was kept as evidence.</Empty>;
  return <><Pairs of={plain.map(([k, v]) => [k.replace(/_/g, " "), typeof v === "number" ? String(+v.toPrecision(4)) : String(v)])} /><details><summary>All of it, as it was kept</summary><pre tabIndex={0}>{JSON.stringify(e, null, 2)}</pre></details></>;
}
const stepWords: {[action: string]: string} = {"action.return": "comes back", "action.relapse": "taken back", "action.returned": "all of it is back", "action.undo": "undone"};
/** What became of an action, step by step, from the audit log. */
function Steps({of}: {of: number}) {
  const audit = useGet<Audit>("/audit", {subject: `action:${of}`, limit: 30}, {topics: ["actions"]});
  const steps = [...(audit.data?.entries ?? [])].reverse();
  return steps.length < 2 ? null : <ol class="steps small">{steps.map((e) => <li key={e.number}><Time at={e.at} /> <strong>{stepWords[e.action ?? ""] ?? (e.action ?? "").replace("action.", "").replace(/_/g, " ")}{e.action === "action.return" && typeof (e.detail as any)?.share === "number" && `, ${percent((e.detail as any).share, 0)} of it`}</strong> {(e.detail as any)?.scope?.model}{(e.detail as any)?.scope?.from && <>, away from {(e.detail as any).scope.from}</>} <span class="muted">{e.reason}</span></li>)}</ol>;
}

function Mutes({a}: {a: AlertShown}) {
  const open = useGet<Alerts>(isOpen(a) ? "/alerts" : null, {state: "active", limit: 200}, {topics: ["alerts"]});
  const muted = open.data?.alerts.filter((x) => x.muted_by === a.rule) ?? [];
  if (!muted.length) return null;
  return <Panel title="It explains" note="these fire, and nobody is told of them">{<ul>{muted.map((m) => <li><a href={alertHref(m.number)}>{m.summary ?? m.rule}</a></li>)}</ul>}</Panel>;
}
