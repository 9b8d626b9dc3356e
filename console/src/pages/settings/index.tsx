// What the server was told: by section, each with its file and line, each change with its difference first.
import type {Configuration, ConfigurationEntry, Settings} from "api-types";
import {useGet} from "../../api";
import {withFilters} from "../../router";
import {useMay} from "../../session";
import {Act, Badge, Command, Empty, Loaded, Note, Page, Panel, Table} from "../../ui";
import {AuditTabs} from "../audit";
import {EntryEditor, PlainSettings} from "./entry";
import {KeysPanel, Me, UsersPanel} from "./people";
import "../../style/alerts.css";

const named = ["applications", "models", "providers", "alerts", "grants", "receivers", "oncall", "inhibit", "grouping", "budgets", "limits", "change_policy", "rollouts", "tokens"];
const about: {[section: string]: string} = {
  applications: "Applications with their keys, what is kept of their messages, and their request types.", models: "Names that applications ask for, and who answers.", providers: "Upstream accounts.",
  alerts: "When somebody is told.", grants: "What alerts may do without a person.", receivers: "Where alerts are told.", oncall: "People, schedules, escalations.", inhibit: "Which alerts are muted by which.",
  grouping: "What is told together.", budgets: "What may be spent. Budgets that teams set are under Cost.", limits: "How fast, and how much at once.", change_policy: "What a change has to pass.", rollouts: "How a change is tried on traffic.", tokens: "Operators and programs: names and roles; the secret is never shown.",
};
const href = (...parts: string[]) => withFilters("/settings/" + parts.map(encodeURIComponent).join("/"));

export function SettingsPage({parts}: {parts: {[name: string]: string}}) {
  const section = parts.section ?? "", own = ["me", "keys", "users"].includes(section), admin = useMay("admin");
  const configuration = useGet<Configuration>("/configuration", {}, {topics: ["configuration"]}), settings = useGet<Settings>("/settings", {}, {topics: ["configuration"]});
  const plain = settings.data ? [...new Set(settings.data.settings.filter((s) => s.from !== "each" && !named.includes(s.section)).map((s) => s.section))] : [];
  const link = (name: string, text = name.replace("_", " ")) => <a href={href(name)} aria-current={section === name ? "page" : undefined}>{text}</a>;
  return (
    <Page title="Settings" about={configuration.data?.file}>
      <AuditTabs current="settings" />
      <div class="settings">
        <nav aria-label="Sections">
          {link("me", "You")}<span class="group">Who</span>{link("users", "Users")}{link("keys", "Keys")}{link("tokens", "Tokens")}
          <span class="group">What</span>{named.filter((n) => n !== "tokens").map((n) => link(n))}
          <span class="group">The server</span>{plain.map((p) => link(p))}
        </nav>
        <div class="stack">
          {section === "me" ? <Me /> : section === "keys" ? <KeysPanel /> : section === "users" ? (admin ? <UsersPanel /> : <Note tone="warn">Seeing and changing users needs the role admin.</Note>) : null}
          {!own && <Loaded of={configuration}>{(c) => <Loaded of={settings}>{(s) => (section === "" ? <Start c={c} /> : <Section c={c} s={s} section={section} name={parts.name} plain={plain.includes(section)} />)}</Loaded>}</Loaded>}
        </div>
      </div>
    </Page>
  );
}
function Start({c}: {c: Configuration}) {
  return (
    <>
      <Panel title="The configuration file" actions={<Act label="Reload" title="Read the file again" role="admin" path="/reload" body={() => ({})} about={<p>With errors in it, the policy in force stays. No stream is dropped.</p>} done={(a) => void a} />}>
        <div class="about-bar"><code>{c.file}</code>{c.in_force ? <Badge tone="good">in force</Badge> : <Badge tone="warn">edited since, and not read again</Badge>}{c.writable ? <Badge tone="info">can be changed here</Badge> : <Badge>read only here</Badge>}</div>
        {!c.writable && <Note tone="warn">{c.why_not}</Note>}
        <p class="muted small wrap">SHA-256 <code>{c.hash}</code></p>
        <p class="muted">Changes made here are written into the file where they belong: comments and order stay, the file before is kept as <code>.before</code>, and the audit log has the difference. Prompts, suites and rollouts are not in it: they live in the registry.</p>
      </Panel>
      <Panel title="Sections" note="as they stand in the file"><Table caption="Sections" keyboard rows={c.sections} keyed={(x) => x.name} href={(x) => href(x.name)} columns={[
        {name: "name", label: "section", cell: (x) => <><a href={href(x.name)}>{x.name.replace("_", " ")}</a><div class="muted small">{about[x.name]}</div></>}, {name: "n", label: "entries", number: true, cell: (x) => x.entries.length}, {name: "line", label: "line", number: true, cell: (x) => x.line}]} /></Panel>
    </>
  );
}
function Section({c, s, section, name, plain}: {c: Configuration; s: Settings; section: string; name?: string; plain: boolean}) {
  if (plain) return <PlainSettings configuration={c} settings={s} section={section} />;
  const list = s.settings.some((x) => x.path === section && x.type.startsWith("list"));
  const known = s.settings.some((x) => x.section === section || x.path === section);
  const found = c.sections.find((x) => x.name === section) ?? {name: section, kind: list ? "list" : "map", entries: [] as ConfigurationEntry[]};
  if (!known && !found.entries.length) return <Panel title={section}><Empty command="quarterdeck check">There is no section of this name. <a href="/settings">All sections</a></Empty></Panel>;
  if (name === "new") return <EntryEditor key="new" configuration={c} settings={s} section={found} entry={null} name="" />;
  const entry = name == null ? undefined : found.entries.find((e) => e.name === name);
  if (entry) return <EntryEditor key={entry.name} configuration={c} settings={s} section={found} entry={entry} name={entry.name} />;
  return (
    <>
      {name != null && <Note tone="warn">There is no {name} in {section}. {(section === "budgets" || section === "limits") && "It may have been set by a team: see Cost."}</Note>}
      <Panel title={section.replace("_", " ")} note={about[section]} actions={<>{(section === "budgets" || section === "limits") && <a class="button" href={withFilters("/cost", {tab: "budgets"})}>Those that teams set</a>}{section === "applications" && <a class="button" href={href("keys")}>Keys</a>}<a class="button primary" href={href(section, "new")}>Add …</a></>}>
        <Table caption={section} keyboard rows={found.entries} keyed={(e) => e.name} href={(e) => href(section, e.name)} columns={[
          {name: "name", label: "name", cell: (e) => <a href={href(section, e.name)}>{e.name}</a>, sort: (e) => e.name},
          {name: "value", label: "as it stands", cell: (e) => <span class="small">{section === "tokens" ? String((e.value as any)?.role ?? "–") : brief(e.value)}</span>},
          {name: "line", label: "line", number: true, cell: (e) => e.line}]}
          empty={<Empty>Nothing of it stands in {c.file}. <Command text="quarterdeck check" /> says what is there.</Empty>} />
      </Panel>
    </>
  );
}
const brief = (v: unknown): string => {
  if (v === null || typeof v !== "object") return v === null ? "–" : String(v);
  const text = JSON.stringify(v).replace(/[{}"[\]]/g, "").replace(/,/g, ", ").replace(/:/g, ": ");
  return text.length > 140 ? text.slice(0, 140) + " …" : text;
};
