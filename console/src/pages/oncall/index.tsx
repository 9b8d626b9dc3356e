// Who is on call now, who is next, where there is a gap, and who is called when nobody answers.
import type {Configuration, OncallNow, OncallSchedule, OncallStanding, OncallTurn} from "api-types";
import {useGet} from "../../api";
import {duration} from "../../format";
import {useFilter} from "../../router";
import {Act, Badge, Empty, Loaded, Note, Page, Panel, Table, Time} from "../../ui";
import {AlertTabs} from "../alerts/parts";
import "../../style/alerts.css";

const DAY = 86400_000;
export function OncallPage() {
  const now = useGet<OncallNow>("/oncall", {}, {topics: ["configuration", "audit"], poll: 60_000});
  const [weeks, setWeeks] = useFilter("weeks", "2");
  return (
    <Page title="On call" about={now.data?.schedules.length ? sentence(now.data.schedules) : undefined} actions={<label class="row">Turns of <select value={weeks} onChange={(e) => setWeeks(e.currentTarget.value)}>{["1", "2", "4", "8"].map((w) => <option value={w}>{w === "1" ? "one week" : w + " weeks"}</option>)}</select></label>}>
      <AlertTabs />
      <Loaded of={now}>{(n) => n.schedules.length ? <>{n.schedules.map((s) => <Schedule key={s.schedule} s={s} weeks={Number(weeks) || 2} />)}<Escalations /></>
        : <Panel title="Schedules"><Empty command="quarterdeck oncall now">No schedule is configured: alerts go to the receivers of their rules. Schedules stand under <code>oncall</code> in quarterdeck.yaml, or in Settings.</Empty></Panel>}</Loaded>
    </Page>
  );
}
const sentence = (all: OncallStanding[]) => all.map((s) => `${s.schedule}: ${s.person ?? "nobody"}`).join(" · ");

function Schedule({s, weeks}: {s: OncallStanding; weeks: number}) {
  const from = Math.floor(Date.now() / DAY) * DAY, to = from + weeks * 7 * DAY;
  const turns = useGet<OncallSchedule>("/oncall/{schedule}", {schedule: s.schedule, from: new Date(from).toISOString(), to: new Date(to).toISOString()}, {topics: ["configuration", "audit"]});
  const people = [...new Set((turns.data?.turns ?? []).flatMap((t) => (t.person ? [t.person] : [])))].sort();
  return (
    <Panel title={s.schedule} note={s.timezone} actions={<Override schedule={s.schedule} people={people} />}>
      <div class="oncall-now">
        {s.person ? <><strong class="who">{s.person}</strong> <span>is on call {s.override ? <Badge tone="warn">override {s.override}</Badge> : "by rotation"}{s.receiver ? <>, told at {s.receiver}</> : <span class="bad">, and has no receiver</span>}{s.to && <> until <Time at={s.to} /> (<Time at={s.to} relative />)</>}</span></>
          : <><strong class="who bad">Nobody</strong> <span>is on call{s.to && <> until <Time at={s.to} />, <Time at={s.to} relative /></>}. Escalations go on with their next step.</span></>}
        {s.next && <div class="muted">Then {s.next.person ?? "nobody"}{s.next.from && <>, from <Time at={s.next.from} /></>}.</div>}
      </div>
      <Loaded of={turns}>{(t) => <>
        <Bars turns={t.turns} from={from} to={to} people={people} />
        <details><summary>All {t.turns.length} turns as a table</summary>
          <Table caption={`Turns of ${s.schedule}`} rows={t.turns} keyed={(x) => (x.from ?? "") + x.person} columns={[
            {name: "who", label: "who", cell: (x) => x.person ?? <Badge tone="bad">nobody</Badge>}, {name: "from", label: "from", cell: (x) => <Time at={x.from} />}, {name: "to", label: "to", cell: (x) => <Time at={x.to} />},
            {name: "long", label: "for", number: true, cell: (x) => (x.from && x.to ? duration((Date.parse(x.to) - Date.parse(x.from)) / 1000) : "–")}, {name: "why", label: "", cell: (x) => (x.override ? <Badge tone="warn">override {x.override}</Badge> : "")}]} />
        </details>
        {t.overrides.length > 0 && <Table caption="Overrides" rows={t.overrides} keyed={(o) => o.number} columns={[
          {name: "who", label: "override", cell: (o) => <>{o.person} <span class="muted small">{o.number}</span></>}, {name: "when", label: "when", cell: (o) => <><Time at={o.from} /> – <Time at={o.to} /></>}, {name: "why", label: "why", cell: (o) => <>{o.why ?? ""}<div class="muted small">{o.by}, <Time at={o.made} /></div></>},
          {name: "end", label: "", cell: (o) => <Act label="Remove" title={`Remove override ${o.number}`} role="operator" path="/oncall-overrides/{number}/remove" params={{number: o.number}} body={() => ({})} about={<p>The rotation has that time again.</p>} />}]} />}
      </>}</Loaded>
    </Panel>
  );
}
/** One bar a person, gaps below them. */
function Bars({turns, from, to, people}: {turns: OncallTurn[]; from: number; to: number; people: string[]}) {
  const x = (t: string | null, other: number) => Math.max(0, Math.min(100, (100 * ((t ? Date.parse(t) : other) - from)) / (to - from)));
  const days = Array.from({length: Math.round((to - from) / DAY)}, (_, i) => from + i * DAY), every = Math.ceil(days.length / (matchMedia("(min-width: 801px)").matches ? 14 : 3));
  const rows: Array<[string | null, OncallTurn[]]> = [...people.map((p): [string | null, OncallTurn[]] => [p, turns.filter((t) => t.person === p)]), [null, turns.filter((t) => !t.person)]];
  const words = turns.slice(0, 40).map((t) => `${t.person ?? "nobody"} ${t.from ?? ""} to ${t.to ?? ""}`).join("; ");
  return (
    <figure class="turns" role="img" aria-label={`Turns: ${words}`}>
      <div class="turn-row axis muted small"><span /><span class="bar">{days.filter((_, i) => i % every === 0).map((d) => <i ref={(el) => { if (el) el.style.left = (100 * (d - from)) / (to - from) + "%"; }}>{new Date(d).toLocaleDateString("en-GB", {day: "numeric", month: "short"})}</i>)}</span></div>
      {rows.filter(([, t]) => t.length).map(([who, list], i) => (
        <div class="turn-row"><span class={"name " + (who ? "" : "bad")}>{who ?? "nobody"}</span><span class="bar">{list.map((t) => {
          const a = x(t.from, from), b = x(t.to, to);
          return <i class={who ? `turn c${i % 8}${t.override ? " override" : ""}` : "gap"} title={`${who ?? "nobody"}: ${t.from ?? ""} – ${t.to ?? ""}`} ref={(el) => { if (el) { el.style.left = a + "%"; el.style.width = Math.max(0.3, b - a) + "%"; } }} />;
        })}</span></div>))}
    </figure>
  );
}
const local = (at: Date) => new Date(+at - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
function Override({schedule, people}: {schedule: string; people: string[]}) {
  const all = usePeople(), names = [...new Set([...all, ...people])].sort();
  const soon = new Date(Math.ceil(Date.now() / 3600_000) * 3600_000);
  return <Act label="Override …" title={`Somebody else has ${schedule}`} role="operator" path="/oncall/{schedule}/overrides" params={{schedule}} disabled={names.length ? null : "there is nobody under oncall.people"}
    fields={[{name: "person", label: "Who takes it", type: "select", options: names.length ? names : [""], required: true}, {name: "from", label: "From (your time)", type: "datetime-local", value: local(soon), required: true}, {name: "to", label: "To", type: "datetime-local", value: local(new Date(+soon + 8 * 3600_000)), required: true}]}
    body={(f) => ({person: f.person, from: new Date(f.from).toISOString(), to: new Date(f.to).toISOString()})} about={<p>They have this time instead of whoever has it by rotation. Of two overrides the later one holds.</p>} />;
}
const useOncall = (): any => {
  const c = useGet<Configuration>("/configuration", {}, {topics: ["configuration"]});
  const section = c.data?.sections.find((s) => s.name === "oncall");
  return section ? Object.fromEntries(section.entries.map((e) => [e.name, e.value])) : null;
};
const usePeople = (): string[] => Object.keys(useOncall()?.people ?? {});

function Escalations() {
  const oncall = useOncall(), escalations = Object.entries((oncall?.escalations ?? {}) as {[name: string]: any});
  return (
    <Panel title="Escalations" note="who is called when nobody acknowledges" actions={<a class="button" href="/settings/oncall">Edit</a>}>
      {escalations.length ? <ul class="stack">{escalations.map(([name, e]) => <li><strong>{name}</strong>: <ol class="steps">{((e?.steps ?? []) as any[]).map((s, i, all) => <li>{s.schedule ? <>whoever is on call in {s.schedule}</> : s.person ? s.person : <>receiver {s.receiver}</>}{i + 1 < all.length && <span class="muted">, then after {String(s.wait ?? "5m")}</span>}</li>)}</ol>{e?.repeat ? <span class="muted">from the beginning, {String(e.repeat)} times more</span> : null}</li>)}</ul>
        : <Empty command="quarterdeck oncall now">No escalation is configured: a rule tells the receivers that it names, once.</Empty>}
      <Note>Acknowledging an alert ends its escalation.</Note>
    </Panel>
  );
}
