import type {ComponentChildren} from "preact";
import {useState} from "preact/hooks";
import {send, type ApiError} from "../../api";
import type {Session} from "../../types";
import {Failed} from "../../ui/basics";
import {Field, type FieldSpec} from "../../ui/acts";
import {Logo} from "../../ui/frame";

function Form({title, about, fields, label, submit}: {title: string; about: ComponentChildren; fields: FieldSpec[]; label: string; submit: (values: {[name: string]: string}) => Promise<void>}) {
  const [values, set] = useState<{[name: string]: string}>({}), [error, setError] = useState<ApiError | null>(null), [busy, setBusy] = useState(false);
  const send = async (e: Event) => { e.preventDefault(); setBusy(true); setError(null); try { await submit(values); } catch (x) { setError(x as ApiError); } setBusy(false); };
  return (
    <main class="lone" id="main"><div class="panel">
      <div class="brand"><Logo />Quarterdeck</div>
      <h1>{title}</h1><div class="muted">{about}</div>
      <form class="stack" onSubmit={send}>
        {fields.map((f) => <Field spec={f} value={values[f.name] ?? f.value ?? ""} set={(v) => set({...values, [f.name]: v})} />)}
        {error && <Failed error={error} />}
        <button class="button primary" disabled={busy}>{busy ? "…" : label}</button>
      </form>
    </div></main>
  );
}

export function SignIn({session, done}: {session: Session; done: (s: Session) => void}) {
  const [token, setToken] = useState(false);
  return (
    <>
      <Form key={String(token)} title="Sign in" label="Sign in"
        about={<>{session.demo && <p>This is a demo: sign in as {session.users.join(", ")}; the terminal says the password.</p>}<button class="button" onClick={() => setToken(!token)}>{token ? "With name and password" : "With an operator's token"}</button></>}
        fields={token ? [{name: "token", label: "Token", type: "password", required: true, hint: "one of `tokens` in quarterdeck.yaml"}]
          : [{name: "name", label: "Name", required: true}, {name: "password", label: "Password", type: "password", required: true}]}
        submit={async (v) => done(await send<Session>("POST", "/session", {}, v))} />
    </>
  );
}

/** The one-time link of the first start: its secret is behind the #, so that it reaches no log. */
export function SetUp({done}: {done: (s: Session) => void}) {
  return (
    <Form title="Set up the console" label="Make the first user" about={<p>The first user is an admin, and can make others.</p>}
      fields={[{name: "name", label: "Name", required: true}, {name: "password", label: "Password", type: "password", required: true, hint: "at least 12 characters"}]}
      submit={async (v) => done(await send<Session>("POST", "/setup", {}, {...v, secret: location.hash.slice(1)}))} />
  );
}
