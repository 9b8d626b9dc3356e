// Who did what, when and why; and whether the log is whole.
import type {Audit, AuditEntry, AuditVerdict} from "api-types";
import {useState} from "preact/hooks";
import {get, url, useGet, type ApiError} from "../../api";
import {count} from "../../format";
import {setFilters, usePlace, withFilters} from "../../router";
import {Badge, Command, DiffLines, Empty, Failed, Loaded, Page, Panel, Table, Tabs, Time, type Column} from "../../ui";
import "../../style/alerts.css";

const groups = ["alert", "threshold", "silence", "rollout", "prompt", "action", "configuration", "policy", "budget", "limit", "key", "user", "session", "oncall", "review", "suite"];
export const AuditTabs = ({current}: {current: "audit" | "settings"}) => <Tabs label="Audit and settings" tabs={[{href: withFilters("/audit"), text: "Audit log", current: current === "audit"}, {href: withFilters("/settings"), text: "Settings", current: current === "settings"}]} />;

export function AuditPage() {
  const {query} = usePlace(), q = (name: string) => query.get(name);
  const audit = useGet<Audit>("/audit", {action: q("action"), actor: q("actor"), subject: q("subject"), from: q("from"), to: q("to"), before: q("before"), limit: 100}, {topics: ["audit"], every: 5000});
  const typed = (name: string) => (e: Event) => setFilters({[name]: (e.currentTarget as HTMLInputElement).value.trim() || null, before: null});
  const any = ["action", "actor", "subject", "from", "to"].some(q);
  return (
    <Page title="Audit log" about="every change, by whom and why; chained, so that nothing can be taken out unseen">
      <AuditTabs current="audit" />
      <form class="row filters" role="search" aria-label="Filter the log" onSubmit={(e) => e.preventDefault()}>
        <label>What <select value={q("action") ?? ""} onChange={typed("action")}><option value="">everything</option>{[...new Set([...groups, ...(q("action") ? [q("action")!] : [])])].sort().map((g) => <option value={g}>{g}</option>)}</select></label>
        <label>Who <input key={"a" + q("actor")} defaultValue={q("actor") ?? ""} onChange={typed("actor")} placeholder="a name" /></label>
        <label>To what <input key={"s" + q("subject")} defaultValue={q("subject") ?? ""} onChange={typed("subject")} placeholder="prompt:helpdesk-answer" /></label>
        <label>Since <select value={q("from") ?? ""} onChange={typed("from")}><option value="">the beginning</option><option value="-1h">an hour ago</option><option value="-24h">a day ago</option><option value="-7d">a week ago</option><option value="-28d">four weeks ago</option>{q("from") && !/^-(1h|24h|7d|28d)$/.test(q("from")!) && <option value={q("from")!}>{q("from")}</option>}</select></label>
        {any && <button type="button" class="button" onClick={() => setFilters({action: null, actor: null, subject: null, from: null, to: null, before: null})}>All of it</button>}
      </form>
      <Panel title="Entries" note="newest first">
        <Loaded of={audit}>{(a) => <>
          <Table caption="Entries of the audit log" rows={a.entries} keyed={(e) => e.number} columns={columns} empty={<Empty command="quarterdeck audit list">{any || q("before") ? "Nothing in the log fits these filters." : "Nothing has been changed yet."}</Empty>} />
          {(q("before") || a.next_before) && <div class="row">{q("before") && <button class="button" onClick={() => setFilters({before: null})}>Newest</button>}<button class="button" disabled={!a.next_before} onClick={() => setFilters({before: String(a.next_before)})}>Older</button></div>}
        </>}</Loaded>
      </Panel>
      <Verify />
    </Page>
  );
}
const columns: Column<AuditEntry>[] = [
  {name: "at", label: "when", cell: (e) => <><Time at={e.at} /><div class="muted small">entry {e.number}</div></>},
  {name: "who", label: "who", plain: true, cell: (e) => (e.actor ? <a href={withFilters("/audit", {actor: e.actor})}>{e.actor}</a> : "–")},
  {name: "what", label: "what", plain: true, cell: (e) => <div class="what"><span class="mono">{e.action ?? "–"}</span> {e.subject && <a href={withFilters("/audit", {subject: e.subject})}>{e.subject}</a>}{e.reason && <div>“{e.reason}”</div>}<Detail detail={e.detail} chain={e.chain} /></div>},
];
/** What was before and after, as lines that differ; else as it is. */
function Detail({detail, chain}: {detail: any; chain: string}) {
  const empty = detail == null || (typeof detail === "object" && !Object.keys(detail).length);
  const {diff, before, after, ...rest} = !empty && typeof detail === "object" && !Array.isArray(detail) ? detail : ({} as any);
  const lines = Array.isArray(diff) && diff.every((l) => typeof l === "string") ? diff : before !== undefined || after !== undefined ? compare(before, after) : null;
  return (
    <details><summary class="small">{lines ? "what differs" : "more"}</summary>
      {lines && <DiffLines lines={lines} />}
      {lines ? Object.keys(rest).length > 0 && <pre>{JSON.stringify(rest, null, 2)}</pre> : !empty && <pre>{JSON.stringify(detail, null, 2)}</pre>}
      <p class="muted small wrap">chain <code>{chain}</code></p>
    </details>
  );
}
function compare(before: unknown, after: unknown): string[] {
  const flat = (v: unknown, at = ""): Array<[string, string]> => (v && typeof v === "object" ? Object.entries(v).flatMap(([k, x]) => flat(x, at ? at + "." + k : k)) : [[at, JSON.stringify(v)]]);
  const a = before == null ? new Map<string, string>() : new Map(flat(before)), b = after == null ? new Map<string, string>() : new Map(flat(after));
  return [...new Set([...a.keys(), ...b.keys()])].sort().flatMap((k) => (a.get(k) === b.get(k) ? [`  ${k}: ${a.get(k)}`] : [...(a.has(k) ? [`- ${k}: ${a.get(k)}`] : []), ...(b.has(k) ? [`+ ${k}: ${b.get(k)}`] : [])]));
}

function Verify() {
  const [head, setHead] = useState(""), [verdict, set] = useState<AuditVerdict | null>(null), [error, setError] = useState<ApiError | null>(null), [busy, setBusy] = useState(false);
  const verify = async (e: Event) => {
    e.preventDefault(); setBusy(true); setError(null);
    try { set(await get<AuditVerdict>("/audit/verify", {head: head.trim()})); } catch (x) { setError(x as ApiError); set(null); }
    setBusy(false);
  };
  return (
    <Panel title="Is it whole?" note="each entry's hash covers the one before it">
      <form class="row" onSubmit={verify}>
        <label class="grow">A head that you kept (optional) <input class="mono head" value={head} onInput={(e) => setHead(e.currentTarget.value)} placeholder="64 hex digits" /></label>
        <button class="button primary" disabled={busy}>{busy ? "Verifying …" : "Verify"}</button>
        <a class="button" href={url("/audit/export")} download="audit.jsonl">Export</a>
      </form>
      {error && <Failed error={error} />}
      {verdict && <div role="status" class="stack">
        <p>{verdict.whole ? <Badge tone="good">whole</Badge> : <Badge tone="bad">not whole</Badge>} {count(verdict.entries)} entries{verdict.first_bad && <>; entry {verdict.first_bad} is the first that does not fit</>}{verdict.kept_head && (verdict.kept_head_entry ? <>; your head is that of entry {verdict.kept_head_entry}</> : <>; your head is in it no more: it was cut or changed since</>)}.</p>
        {verdict.head && <p>Keep this head elsewhere, and ask with it later: <Command text={verdict.head} /></p>}
      </div>}
      <p class="muted">That the last entries were cut off shows only by a head that was kept. From a shell: <Command text={`quarterdeck audit verify${verdict?.head ? " --head " + verdict.head : ""}`} /> The export has each entry with its hash, so that anybody can compute the chain without this server.</p>
    </Panel>
  );
}
