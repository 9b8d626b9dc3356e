// Keys of applications, users of the console, oneself.
import type {Key, Keys, NewKey, OpenSession, Sessions} from "api-types";
import {useState} from "preact/hooks";
import {send, setCsrf, useGet, type ApiError} from "../../api";
import {useFilter} from "../../router";
import {useSession} from "../../session";
import {roles, type Session} from "../../types";
import {Act, Badge, Command, Dialog, Empty, Failed, Field, Loaded, Note, Pairs, Panel, Table, Time, toast, type Column} from "../../ui";

export function KeysPanel() {
  const session = useSession(), [application] = useFilter("app"), [all, setAll] = useFilter("all"), [made, setMade] = useState<NewKey | null>(null);
  const keys = useGet<Keys>("/keys", {application}, {topics: ["audit", "configuration"]});
  const shown = (keys.data?.keys ?? []).filter((k) => all || !k.revoked_at);
  return (
    <Panel title="Keys of applications" note="only hashes are kept" actions={<><button class="button" aria-pressed={!!all} onClick={() => setAll(all ? null : "1")}>Revoked ones, too</button>
      <Act label="New key …" primary title="A new key" role="operator" path="/keys" fields={[{name: "application", label: "Application", type: "select", options: session.applications.length ? session.applications : [""], value: application || session.applications[0], required: true}, {name: "name", label: "Name", required: true, hint: "letters, digits, - _ . such as web-frontend"}]} done={setMade} said="Made. Copy it now." disabled={session.applications.length ? null : "there is no application"} /></>}>
      <Loaded of={keys}>{() => <Table caption="Keys" rows={shown} keyed={(k) => k.application + "/" + k.name + k.source + k.created_at} columns={keyColumns} empty={<Empty command={`quarterdeck key create ${application || session.applications[0] || "APPLICATION"} first`}>{session.applications.length ? <>No key{application ? ` of ${application}` : ""}: no application can ask anything.</> : <>No application is configured: <a href="/settings/applications/new">add one</a>, then give it a key.</>}</Empty>} />}</Loaded>
      <Dialog title="The new key" open={!!made} onClose={() => setMade(null)}>
        {made && <><p>It is shown this once. Whoever has it can ask as {made.application}.</p><p class="secret" data-secret>{made.key}</p><div class="row"><Command text={made.key} /></div>{!made.in_force && <Note tone="warn">It is not accepted yet: {made.why_not}</Note>}<footer><button class="button primary" onClick={() => setMade(null)}>I have it</button></footer></>}
      </Dialog>
    </Panel>
  );
}
const keyColumns: Column<Key>[] = [
  {name: "name", label: "key", cell: (k) => <>{k.name}<div class="muted small">{k.application}</div></>, sort: (k) => k.application + k.name},
  {name: "hint", label: "begins", cell: (k) => <code>{k.hint ?? "–"}</code>},
  {name: "from", label: "from", cell: (k) => (k.source === "configuration" ? "the configuration file" : <>{k.created_by ?? "–"}<div class="muted small"><Time at={k.created_at} /></div></>)},
  {name: "state", label: "", cell: (k) => (k.revoked_at ? <Badge>revoked <Time at={k.revoked_at} /></Badge> : k.source === "configuration" ? <span class="muted small">taken out in Applications</span>
    : <Act label="Revoke" danger title={`Revoke ${k.application}/${k.name}`} role="operator" method="DELETE" reason="query" path="/keys/{application}/{name}" params={{application: k.application, name: k.name}} about={<p>Whoever uses it is refused from the next request on. It cannot be undone.</p>} />)},
];

interface User { name: string; role: string; enabled: boolean; created_at: string; created_by: string | null; password_at: string; signed_in_at: string | null; sessions: number }
const asRole = (value?: string) => ({name: "role", label: "Role", type: "select" as const, options: roles.map((r): [string, string] => [r, `${r}: ${{viewer: "sees everything", operator: "acts on alerts, rollouts, keys", approver: "approves versions, thresholds, models", admin: "users and configuration"}[r]}`]), value, required: true});
const secret = (name: string, label: string) => ({name, label, type: "password" as const, required: true, hint: "at least 12 characters"});
export function UsersPanel() {
  const users = useGet<{users: User[]}>("/users", {}, {topics: ["audit"]});
  return (
    <Panel title="Users" note="who may sign in at the console" actions={<Act label="Add a user …" primary title="Add a user" role="admin" path="/users" fields={[{name: "name", label: "Name", required: true, hint: "as it stands in the audit log"}, asRole("viewer"), secret("password", "First password")]} />}>
      <Loaded of={users}>{(u) => <Table caption="Users" rows={u.users} keyed={(x) => x.name} columns={userColumns} empty={<Empty command="quarterdeck user add NAME --role admin">There are no users: the console answers this machine alone, or operators' tokens.</Empty>} />}</Loaded>
    </Panel>
  );
}
const userColumns: Column<User>[] = [
  {name: "name", label: "user", cell: (u) => <>{u.name}{!u.enabled && <> <Badge tone="warn">disabled</Badge></>}<div class="muted small">since <Time at={u.created_at} />{u.created_by && `, by ${u.created_by}`}</div></>, sort: (u) => u.name},
  {name: "role", label: "role", cell: (u) => u.role, sort: (u) => roles.indexOf(u.role as any)},
  {name: "signed", label: "signed in", cell: (u) => <>{u.signed_in_at ? <Time at={u.signed_in_at} /> : <span class="muted">never</span>}<div class="muted small">{u.sessions} open</div></>},
  {name: "do", label: "", cell: (u) => <span class="row">
    <Act label="Role …" title={`Role of ${u.name}`} role="admin" path="/users/{name}/role" params={{name: u.name}} fields={[asRole(u.role)]} />
    <Act label="Password …" title={`Another password for ${u.name}`} role="admin" path="/users/{name}/password" params={{name: u.name}} fields={[secret("password", "Password")]} about={<p>It ends the user's sessions.</p>} />
    {u.sessions > 0 && <Act label="Sign out" title={`End the sessions of ${u.name}`} role="admin" method="DELETE" reason="query" path="/users/{name}/sessions" params={{name: u.name}} about={<p>All that are open, on every device; {u.name} can sign in again.</p>} />}
    {u.enabled ? <Act label="Disable" danger title={`Disable ${u.name}`} role="admin" path="/users/{name}/disable" params={{name: u.name}} body={() => ({})} about={<p>{u.name} is signed out and cannot sign in again.</p>} /> : <Act label="Enable" title={`Enable ${u.name}`} role="admin" path="/users/{name}/enable" params={{name: u.name}} body={() => ({})} />}
    <Act label="Remove" danger title={`Remove ${u.name}`} role="admin" method="DELETE" reason="query" path="/users/{name}" params={{name: u.name}} about={<p>What they did stays in the audit log, under their name.</p>} /></span>},
];

export function Me() {
  const session = useSession(), [v, set] = useState({old: "", fresh: "", again: ""}), [error, setError] = useState<ApiError | null>(null), [busy, setBusy] = useState(false);
  const change = async (e: Event) => {
    e.preventDefault(); setBusy(true); setError(null);
    try { const s = await send<Session>("POST", "/session/password", {}, {old: v.old, new: v.fresh}); setCsrf(s.csrf); set({old: "", fresh: "", again: ""}); toast("Another password. All your other sessions have ended."); } catch (x) { setError(x as ApiError); }
    setBusy(false);
  };
  return (
    <>
      <Panel title="You">
        {session.user ? <Pairs of={[["name", session.user.name], ["role", session.user.role], ["this session ends", session.expires ? <><Time at={session.expires} />, unless it is used before</> : "with the browser's token"]]} /> : <Note>This machine, without sign-in: there are neither users nor tokens yet. <Command text="quarterdeck user add NAME --role admin" /></Note>}
      </Panel>
      {session.user && <SessionsPanel />}
      {session.user && session.csrf && <Panel title="Another password">
        <form class="form" onSubmit={change}>
          <Field spec={{name: "old", label: "The one until now", type: "password", required: true}} value={v.old} set={(old) => set({...v, old})} />
          <Field spec={secret("fresh", "The new one")} value={v.fresh} set={(fresh) => set({...v, fresh})} />
          <Field spec={{name: "again", label: "Once more", type: "password", required: true}} value={v.again} set={(again) => set({...v, again})} />
          {v.again && v.fresh !== v.again && <p class="bad">The two are not the same.</p>}
          {error && <Failed error={error} />}
          <div><button class="button primary" disabled={busy || !v.fresh || v.fresh !== v.again}>Change it</button></div>
        </form>
      </Panel>}
    </>
  );
}

function SessionsPanel() {
  const sessions = useGet<Sessions>("/sessions", {}, {topics: ["audit"]}), others = (sessions.data?.sessions ?? []).filter((s) => !s.current).length;
  return (
    <Panel title="Your sessions" note="where you are signed in; where each was begun, shortened" actions={<Act label="End all others" danger title="End all your other sessions" role="viewer" method="DELETE" reason="query" path="/sessions" disabled={others ? null : "there is no other"} about={<p>Whoever sits there has to sign in again. Is one of them not yours? Then change your password, too.</p>} />}>
      <Loaded of={sessions}>{(s) => <Table caption="Your sessions" rows={s.sessions} keyed={(x) => x.id} columns={sessionColumns} empty={<Empty>None: this page is open by a token or as this machine.</Empty>} />}</Loaded>
    </Panel>
  );
}
const sessionColumns: Column<OpenSession>[] = [
  {name: "agent", label: "where", cell: (s) => <>{s.agent ?? "unknown program"}<div class="muted small">{s.network ?? "from within the server"}</div></>},
  {name: "began", label: "began", cell: (s) => <Time at={s.began_at} />},
  {name: "seen", label: "last used", cell: (s) => <Time at={s.seen_at} />},
  {name: "do", label: "", cell: (s) => (s.current ? <Badge tone="good">this one</Badge> : <Act label="End" danger title={`End the session ${s.agent ? "of " + s.agent : s.id}`} role="viewer" method="DELETE" reason="query" path="/sessions/{id}" params={{id: s.id}} about={<p>Its pages are signed out within seconds.</p>} />)},
];
