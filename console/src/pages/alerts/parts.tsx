// What the pages about alerts share: words, badges, and what can be done to an alert.
import type {Alert, AlertShown} from "api-types";
import {exactTime, value} from "../../format";
import {useState} from "preact/hooks";
import {Act, Badge, Table, Tabs, type Tone} from "../../ui";
import {usePlace, withFilters} from "../../router";

export type AnyAlert = Alert | AlertShown;
export const isOpen = (a: AnyAlert) => ["firing", "acknowledged", "flapping"].includes(a.state);
const severities: {[s: string]: Tone} = {critical: "bad", error: "bad", warning: "warn", info: "info"};
export const Severity = ({of}: {of: string}) => <Badge tone={severities[of] ?? "unknown"}>{of}</Badge>;
const states: {[s: string]: Tone} = {firing: "bad", flapping: "bad", acknowledged: "warn", pending: "warn", resolved: "good", inactive: "good", nodata: "unknown"};
export const State = ({of}: {of: string}) => <Badge tone={states[of] ?? "unknown"}>{of === "nodata" ? "no data" : of}</Badge>;
export const unitOf = (a: AnyAlert): string => { const u = (a.evidence as any)?.unit; return u === "1" ? "count" : u ?? ""; };
/** {request_type: chat} as text; of a finding, its kind. */
export function seriesText(series: any): string {
  if (!series || typeof series !== "object") return "";
  return Object.entries(series).map(([k, v]) => `${k.replace("_", " ")} ${v === "" ? "none" : String(v)}`).join(" · ");
}
export const originOf = (a: AnyAlert): string => { const e = a.evidence as any; return typeof e?.threshold_from === "string" ? e.threshold_from : "the rule"; };
export function AgainstThreshold({a}: {a: AnyAlert}) {
  const unit = unitOf(a), e = (a.evidence ?? {}) as any;
  if (a.threshold == null) return <span class="muted">{e.condition ?? (e.finding ? "a finding" : "no threshold")}</span>;
  return <span><strong>{value(a.value, unit)}</strong>{a.n != null && <span class="muted small"> n {Math.round(a.n)}{e.window_s ? ` in ${value(e.window_s, "s")}` : ""}</span>} against {value(a.threshold, unit)} <span class="muted small">({originOf(a)})</span></span>;
}
const command = (text: string) => `’${text}’`;
export const Acknowledge = ({a, primary}: {a: AnyAlert; primary?: boolean}) => (
  <Act label="Acknowledge" title={`Acknowledge alert ${a.number}`} role="operator" primary={primary} path="/alerts/{number}/acknowledge" params={{number: a.number}} body={() => ({})}
    disabled={a.state === "acknowledged" ? `${a.acknowledged?.by ?? "somebody"} has it` : !isOpen(a) ? "it does not fire" : null}
    about={<p>You have it: nobody else is called. {a.rule}: {a.summary}</p>} said="It is yours: nobody else is called." />);
export const Judge = ({a}: {a: AnyAlert}) => (
  <Act label="Judge" title={`What alert ${a.number} came to`} role="operator" path="/alerts/{number}/judge" params={{number: a.number}} disabled={a.times === 0 ? "it has not fired" : null}
    fields={[{name: "useful", label: "Its last firing was", type: "select", options: [["acted", "real: it was acted on"], ["ignored", "of no consequence: nobody had to do a thing"], ["noise", "noise: it should not have woken anybody"]], value: a.useful ?? "acted", required: true}]}
    about={<p>The rule's precision counts it, and calibration leaves real ones out.</p>} />);
/** From an alert the matchers are filled in; they can be changed. */
export const Silence = ({a, label = "Silence …"}: {a?: AnyAlert; label?: string}) => {
  const matchers = a ? [`rule=${a.rule}`, ...Object.entries(typeof a.series === "object" && a.series ? a.series as {[k: string]: unknown} : {}).filter(([k, v]) => k !== "finding" && k !== "kind" && v !== "").map(([k, v]) => `${k}=${v}`)].join("\n") : "";
  return <Act label={label} title="Silence alerts" role="operator" path="/silences" fields={[
    {name: "matchers", label: "Which", type: "area", value: matchers, required: true, hint: `one a line, all have to fit: ${command("rule=slow-*")}, ${command("application!=helpdesk")}, ${command("model=~gpt.*")}`},
    {name: "lasts", label: "For how long", type: "select", options: ["30m", "1h", "2h", "4h", "8h", "1d", "3d", "7d"], value: "1h", required: true, hint: "it ends by itself; ending it earlier takes one click"}]}
    about={<p>Nobody is told while it lasts; the alerts are still seen here.</p>} said="Silenced. It is listed under Silences." />;
};
export function AlertTabs() {
  const {path, query} = usePlace(), tab = path === "/oncall" ? "oncall" : path.startsWith("/alerts/rules/") ? "rules" : query.get("tab") ?? "alerts";
  return <Tabs label="Alerts and on call" tabs={[
    {href: withFilters("/alerts"), text: "Alerts", current: tab === "alerts"}, {href: withFilters("/alerts", {tab: "rules"}), text: "Rules", current: tab === "rules"},
    {href: withFilters("/alerts", {tab: "silences"}), text: "Silences", current: tab === "silences"}, {href: withFilters("/oncall"), text: "On call", current: tab === "oncall"},
    {href: withFilters("/alerts", {tab: "receivers"}), text: "Receivers and notices", current: tab === "receivers"}]} />;
}
export const ruleHref = (name: string) => withFilters("/alerts/rules/" + encodeURIComponent(name));
export const alertHref = (n: number) => withFilters("/alerts/" + n);
export const span = (from: string | null, to: string | null) => `${exactTime(from)} – ${to ? exactTime(to) : "now"}`;
/** A table of which the first are shown, and the others on demand. */
export function Some<R>({most, ...table}: {most: number} & Parameters<typeof Table<R>>[0]) {
  const [all, setAll] = useState(false);
  return <><Table {...table} rows={all ? table.rows : table.rows.slice(0, most)} />{table.rows.length > most && !all && <div><button class="button" onClick={() => setAll(true)}>All {table.rows.length}</button></div>}</>;
}
