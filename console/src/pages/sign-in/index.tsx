// Before anything else: who it is. And, once in a server's life, the first user.
import type {ComponentChildren} from "preact";
import {useEffect, useState} from "preact/hooks";
import {send, type ApiError} from "../../api";
import type {Session} from "../../types";
import {Command, Note} from "../../ui/basics";
import {Field, type FieldSpec} from "../../ui/acts";
import {Logo} from "../../ui/frame";

type Values = {[name: string]: string};
/** What went wrong, in words for somebody who is not in yet. */
const wrong = (e: ApiError) => (e.status === 429 ? `${e.message}. After several wrong tries each next one has to wait.` : e.message);

function Form({title, about, fields, label, submit, check, names}: {
  title: string; about?: ComponentChildren; fields: FieldSpec[]; label: string; submit: (values: Values) => Promise<void>; check?: (values: Values) => string | null; names?: string[];
}) {
  const [values, set] = useState<Values>({}), [error, setError] = useState<ApiError | null>(null), [busy, setBusy] = useState(false);
  useEffect(() => { document.title = title + " · Quarterdeck"; document.getElementById("f-" + fields[0].name)?.focus(); }, [title]);
  const not = check?.(values) ?? null;
  const send = async (e: Event) => {
    e.preventDefault();
    if (not) return;
    setBusy(true); setError(null);
    try { await submit(values); } catch (x) { setError(x as ApiError); document.getElementById("f-" + fields[fields.length - 1].name)?.focus(); }
    setBusy(false);
  };
  return (
    <main class="lone" id="main"><div class="panel">
      <div class="brand"><Logo />Quarterdeck</div>
      <h1>{title}</h1>{about && <div class="muted">{about}</div>}
      {names && names.length > 0 && <div class="row" role="group" aria-label="Who there is in the demo">{names.map((n) => <button type="button" class="button" aria-pressed={values.name === n} onClick={() => { set({...values, name: n}); document.getElementById("f-password")?.focus(); }}>{n}</button>)}</div>}
      <form class="stack" onSubmit={send}>
        {fields.map((f) => <Field spec={f} value={values[f.name] ?? f.value ?? ""} set={(v) => set({...values, [f.name]: v})} />)}
        {not && <p class="bad small">{not}</p>}
        {error && <div class="note-box bad" role="alert"><p>{wrong(error)}</p></div>}
        <button class="button primary" disabled={busy || !!not}>{busy ? "One moment …" : label}</button>
      </form>
    </div></main>
  );
}

export function SignIn({session, done}: {session: Session; done: (s: Session) => void}) {
  const [token, setToken] = useState(false);
  return (
    <Form key={String(token)} title="Sign in" label="Sign in" names={token ? [] : session.users}
      about={<>{session.demo && <p>This is a demo. Choose somebody; the terminal that runs it says the passwords.</p>}
        {session.setup_needed && <p>There are no users yet: open the link that the server printed when it started, or add one: <Command text="quarterdeck user add NAME --role admin" /></p>}
        <button type="button" class="button" onClick={() => setToken(!token)}>{token ? "With name and password" : "With an operator's token"}</button></>}
      fields={token ? [{name: "token", label: "Token", type: "password", required: true, hint: "one of tokens in quarterdeck.yaml", autocomplete: "off"}]
        : [{name: "name", label: "Name", required: true, autocomplete: "username"}, {name: "password", label: "Password", type: "password", required: true, autocomplete: "current-password"}]}
      submit={async (v) => done(await send<Session>("POST", "/session", {}, v))} />
  );
}

/** The one-time link of the first start: its secret is behind the #, so that it reaches no log. */
export function SetUp({done}: {done: (s: Session) => void}) {
  const secret = location.hash.slice(1);
  if (!secret) return <main class="lone" id="main"><div class="panel"><div class="brand"><Logo />Quarterdeck</div><h1>Set up the console</h1><Note tone="warn">The link is not whole: its secret stands behind a #. Copy all of the line that the server printed when it started; it prints another one with each start until there is a user.</Note><a class="button" href="/">To the console</a></div></main>;
  return (
    <Form title="Set up the console" label="Make the first user" about={<p>The first user is an admin and can add others. From then on everybody signs in.</p>}
      fields={[{name: "name", label: "Name", required: true, hint: "as it will stand in the audit log", autocomplete: "username"}, {name: "password", label: "Password", type: "password", required: true, hint: "at least 12 characters", autocomplete: "new-password"}, {name: "again", label: "Once more", type: "password", required: true, autocomplete: "new-password"}]}
      check={(v) => (v.password && v.password.length < 12 ? "The password has less than 12 characters." : v.again && v.again !== v.password ? "The two passwords are not the same." : null)}
      submit={async (v) => done(await send<Session>("POST", "/setup", {}, {name: v.name, password: v.password, secret}))} />
  );
}
