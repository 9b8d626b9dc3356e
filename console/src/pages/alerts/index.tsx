// What is wrong now, and was: on a phone, the first thing that whoever was called sees.
import type {Alert, AlertRule, AlertRules, Alerts, Silence as SilenceRow, Silences} from "api-types";
import {useGet} from "../../api";
import {count, duration, percent, value} from "../../format";
import {setFilters, usePlace} from "../../router";
import {Act, Badge, Empty, Loaded, Note, Page, Panel, Table, Threshold, Time, type Column} from "../../ui";
import {Acknowledge, AgainstThreshold, alertHref, AlertTabs, isOpen, ruleHref, seriesText, Severity, Silence, State} from "./parts";
import {Notices, ReceiverTable} from "./receivers";
import "../../style/alerts.css";

const PAGE = 50;
export function AlertsPage() {
  const {query} = usePlace(), tab = query.get("tab") ?? "alerts";
  return (
    <Page title="Alerts and on call" actions={tab === "silences" || tab === "alerts" ? <Silence /> : undefined}>
      <AlertTabs />
      {tab === "rules" ? <RuleList /> : tab === "silences" ? <SilenceList /> : tab === "receivers" ? <><ReceiverTable /><Notices /></> : <><Open /><Past /></>}
    </Page>
  );
}

function Open() {
  const application = usePlace().query.get("app");
  const open = useGet<Alerts>("/alerts", {state: "active", application, limit: 200}, {topics: ["alerts"], poll: 15_000});
  return (
    <Loaded of={open}>{(o) => <>
      {!o.watching && <Note tone="warn">No server looks at the moment: this is what was.</Note>}
      {o.alerts.length === 0 ? <Panel title="Open"><p><Badge tone="good">nothing is wrong</Badge> <span class="muted">No alert fires{application ? ` of ${application}` : ""}. Rules look every few seconds.</span></p></Panel>
        : <section class="stack" aria-label="Open alerts">{o.alerts.map((a) => <OpenAlert key={a.number} a={a} />)}</section>}
    </>}</Loaded>
  );
}
function OpenAlert({a}: {a: Alert}) {
  const quiet = a.silence != null ? `silenced (${a.silence})` : a.muted_by ? `muted: ${a.muted_by} explains it` : null;
  return (
    <article class={"panel alert " + a.severity} aria-label={`alert ${a.number}`}>
      <header><Severity of={a.severity} /> <State of={a.state} /> <h2><a href={alertHref(a.number)}>{a.summary ?? a.rule}</a></h2></header>
      <div class="facts">
        <span>since <Time at={a.fired ?? a.since} relative /> <span class="muted small">(<Time at={a.fired ?? a.since} />)</span></span>
        <span><AgainstThreshold a={a} /></span>
        <span class="muted"><a href={ruleHref(a.rule)}>{a.rule}</a>{a.application && ` · ${a.application}`}{seriesText(a.series) && ` · ${seriesText(a.series)}`}</span>
        <span>{a.acknowledged ? <>{a.acknowledged.by} has it: {a.acknowledged.why}</> : quiet ? <Badge>{quiet}</Badge> : a.told ? <>told <Time at={a.told} relative />{a.next_call && <>; the next is called <Time at={a.next_call} relative /></>}</> : <span class="muted">nobody was told</span>}</span>
      </div>
      <div class="row"><Acknowledge a={a} primary /><Silence a={a} /><a class="button" href={alertHref(a.number)}>Evidence and commands</a>{a.runbook && <RunbookLink to={a.runbook} />}</div>
    </article>
  );
}
/** A runbook may be a link or a path; only http(s) is followed. */
export const RunbookLink = ({to}: {to: string}) => (/^https?:\/\//.test(to) ? <a class="button" href={to} target="_blank" rel="noreferrer noopener">Runbook ↗</a> : <span>Runbook: <code>{to}</code></span>);

function Past() {
  const {query} = usePlace(), skip = Math.max(0, Number(query.get("skip")) || 0), application = query.get("app"), rule = query.get("rule");
  const past = useGet<Alerts>("/alerts", {application, rule, skip, limit: PAGE + 1}, {topics: ["alerts"], every: 5000});
  return (
    <Panel title="Before" note="each rule and series once, with its last firing; newest first" id="past">
      <Loaded of={past}>{(p) => <>
        <Table caption="Alerts that are over or wait" keyboard rows={p.alerts.slice(0, PAGE).filter((a) => !isOpen(a))} keyed={(a) => a.number} href={(a) => alertHref(a.number)} columns={columns}
          empty={<Empty command="quarterdeck alert rules">No alert has ended{skip ? " on this page" : ""}. Rules are written under <code>alerts</code>, in Settings.</Empty>} />
        <Pager skip={skip} more={p.alerts.length > PAGE} page={PAGE} />
      </>}</Loaded>
    </Panel>
  );
}
export function Pager({skip, more, page}: {skip: number; more: boolean; page: number}) {
  if (!skip && !more) return null;
  return <div class="row"><button class="button" disabled={!skip} onClick={() => setFilters({skip: skip > page ? String(skip - page) : null})}>Newer</button><span class="muted small">{skip + 1} – {skip + page}</span><button class="button" disabled={!more} onClick={() => setFilters({skip: String(skip + page)})}>Older</button></div>;
}
const columns: Column<Alert>[] = [
  {name: "state", label: "state", cell: (a) => <State of={a.state} />},
  {name: "what", label: "what", cell: (a) => <div class="what"><a href={alertHref(a.number)}>{a.summary ?? a.rule}</a><div class="muted small">{a.rule}{seriesText(a.series) && " · " + seriesText(a.series)}</div></div>},
  {name: "severity", label: "severity", cell: (a) => <Severity of={a.severity} />},
  {name: "fired", label: "fired", cell: (a) => (a.fired ? <Time at={a.fired} /> : <span class="muted">never</span>), sort: (a) => a.fired},
  {name: "lasted", label: "lasted", number: true, cell: (a) => (a.fired && a.resolved ? duration((Date.parse(a.resolved) - Date.parse(a.fired)) / 1000) : "–")},
  {name: "times", label: "times", number: true, cell: (a) => count(a.times), sort: (a) => a.times},
  {name: "useful", label: "came to", cell: (a) => (a.useful ? <Badge tone={a.useful === "acted" ? "good" : "warn"}>{a.useful}</Badge> : <span class="muted">not judged</span>)},
];

function RuleList() {
  const rules = useGet<AlertRules>("/alert-rules", {}, {topics: ["alerts", "configuration"], poll: 15_000});
  return (
    <Panel title="Rules" note="as in the configuration; precision is of the last 90 days" actions={<a class="button" href="/settings/alerts">Edit rules</a>}>
      <Loaded of={rules}>{(r) => <Table caption="Alert rules" keyboard rows={r.rules} keyed={(x) => x.name} href={(x) => ruleHref(x.name)} columns={ruleColumns}
        empty={<Empty command="quarterdeck alert metrics">No rule is configured, so nobody is told of anything. This lists what can be watched; rules stand under <code>alerts</code> in quarterdeck.yaml.</Empty>} />}</Loaded>
    </Panel>
  );
}
export const ruleUnit = (metric: string | null): string => {
  if (!metric) return "";
  if (/^(latency|ttft|per_token)\.p|lag$|^watcher/.test(metric)) return "s";
  if (/rate|share|over_budget/.test(metric)) return "share";
  return /^cost/.test(metric) ? "USD" : metric === "requests" ? "count" : "";
};
const origins: {[from: string]: string} = {rule: "configured, never calibrated", calibrated: "calibrated", promise: "a promise, not calibrated", baseline: "its own baseline", finding: "a finding"};
export const thresholdOrigin = (r: AlertRule) => origins[r.threshold_from] + (r.threshold_number ? ` (${r.threshold_number})` : "");
const ruleColumns: Column<AlertRule>[] = [
  {name: "state", label: "state", cell: (r) => <Badge tone={r.state === "firing" ? "bad" : r.state === "pending" ? "warn" : r.state === "well" ? "good" : "unknown"}>{r.state}</Badge>},
  {name: "name", label: "rule", cell: (r) => <div class="what"><a href={ruleHref(r.name)}>{r.name}</a><div class="muted small">{r.condition}{r.for_s ? ` for ${duration(r.for_s)}` : ""}</div></div>, sort: (r) => r.name},
  {name: "severity", label: "severity", cell: (r) => <Severity of={r.severity} />},
  {name: "worst", label: "worst now", number: true, cell: (r) => value(r.worst, ruleUnit(r.metric))},
  {name: "threshold", label: "threshold", cell: (r) => (r.threshold == null ? <span class="muted">{origins[r.threshold_from]}</span> : <Threshold v={r.threshold} unit={ruleUnit(r.metric)} origin={thresholdOrigin(r)} />)},
  {name: "precision", label: "acted on", number: true, cell: (r) => (r.precision ? <>{percent(r.precision.fired ? r.precision.acted / r.precision.fired : null, 0)}<div class="muted small">{r.precision.acted} of {r.precision.fired}</div></> : <span class="muted">never fired</span>)},
  {name: "tells", label: "tells", cell: (r) => (r.notify.length ? r.notify.join(", ") : <span class="warn">nobody</span>)},
];

function SilenceList() {
  const all = usePlace().query.get("all") === "true";
  const silences = useGet<Silences>("/silences", {all}, {topics: ["alerts"]});
  return (
    <Panel title="Silences" note={all ? "those that are over, too" : "in force, or to come"} actions={<button class="button" aria-pressed={all} onClick={() => setFilters({all: all ? null : "true"})}>Also what is over</button>}>
      <Loaded of={silences}>{(s) => <Table caption="Silences" rows={s.silences} keyed={(x) => x.number} columns={silenceColumns}
        empty={<Empty command={"quarterdeck alert silence rule=NAME --for 1h --why \"...\""}>Nothing is silenced.</Empty>} />}</Loaded>
    </Panel>
  );
}
const silenceColumns: Column<SilenceRow>[] = [
  {name: "state", label: "state", cell: (s) => <Badge tone={s.state === "in force" ? "warn" : "unknown"}>{s.state}</Badge>},
  {name: "which", label: "which", cell: (s) => <span class="mono">{s.matchers.join(", ")}</span>},
  {name: "why", label: "why", cell: (s) => <>{s.why}<div class="muted small">{s.by}, <Time at={s.made} /></div></>},
  {name: "to", label: "until", cell: (s) => <><Time at={s.to} /><div class="muted small"><Time at={s.to} relative /></div></>, sort: (s) => s.to},
  {name: "end", label: "", cell: (s) => (s.state === "in force" || s.state === "waiting" ? <Act label="End it" title={`End silence ${s.number}`} role="operator" path="/silences/{number}/end" params={{number: s.number}} body={() => ({})} /> : s.ended ? <span class="muted small">ended <Time at={s.ended} /></span> : null)},
];
