// What changes something: a button, a dialog that asks for the reason, the call, and what came of it.
import type {ComponentChildren} from "preact";
import {useEffect, useRef, useState} from "preact/hooks";
import {ApiError, send, type Params} from "../api";
import {useMay} from "../session";
import type {Role} from "../types";
import {Failed} from "./basics";

export function Dialog({title, open, onClose, wide, children}: {title: string; open: boolean; onClose: () => void; wide?: boolean; children: ComponentChildren}) {
  const ref = useRef<HTMLDialogElement>(null);
  useEffect(() => { const d = ref.current; if (open && d && !d.open) d.showModal(); if (!open && d?.open) d.close(); }, [open]);
  if (!open) return null;
  return <dialog ref={ref} class={wide ? "wide" : ""} aria-label={title} onClose={onClose} onCancel={onClose}><h2>{title}</h2><div class="stack">{children}</div></dialog>;
}

let tell: (text: string, bad?: boolean) => void = () => {};
/** Says something for some seconds. */
export const toast = (text: string, bad = false) => tell(text, bad);
export function Toasts() {
  const [list, set] = useState<Array<{id: number; text: string; bad: boolean}>>([]);
  useEffect(() => {
    let id = 0;
    tell = (text, bad = false) => { const mine = ++id; set((l) => [...l, {id: mine, text, bad}]); setTimeout(() => set((l) => l.filter((t) => t.id !== mine)), bad ? 12000 : 5000); };
  }, []);
  return <div class="toasts" role="status" aria-live="polite">{list.map((t) => <div key={t.id} class={"toast" + (t.bad ? " bad" : "")}>{t.text}</div>)}</div>;
}

export interface FieldSpec { name: string; label: string; type?: "text" | "number" | "select" | "area" | "password" | "check" | "datetime-local"; options?: Array<string | [string, string]>; value?: string; hint?: string; required?: boolean; autocomplete?: string }
export function Field({spec, value, set}: {spec: FieldSpec; value: string; set: (v: string) => void}) {
  const id = "f-" + spec.name, hint = spec.hint ? id + "-hint" : undefined;
  const common = {id, name: spec.name, required: spec.required, "aria-describedby": hint, autocomplete: spec.autocomplete};
  return (
    <div class="field">
      <label for={id}>{spec.label}{spec.required ? "" : " (optional)"}</label>
      {spec.type === "select" ? <select {...common} value={value} onChange={(e) => set(e.currentTarget.value)}>{spec.options!.map((o) => { const [v, t] = typeof o === "string" ? [o, o] : o; return <option value={v}>{t}</option>; })}</select>
        : spec.type === "area" ? <textarea {...common} value={value} onInput={(e) => set(e.currentTarget.value)} />
        : spec.type === "check" ? <input {...common} required={false} type="checkbox" checked={value === "true"} onChange={(e) => set(String(e.currentTarget.checked))} />
        : <input {...common} type={spec.type ?? "text"} step="any" value={value} onInput={(e) => set(e.currentTarget.value)} />}
      {spec.hint && <span class="hint" id={hint}>{spec.hint}</span>}
    </div>
  );
}

export interface ActProps {
  label: ComponentChildren; title: string; role: Role; method?: "POST" | "PUT" | "DELETE"; path: string | ((fields: {[name: string]: string}) => string); params?: Params;
  /** the rest of the body; gets the dialog's fields */
  body?: (fields: {[name: string]: string}) => unknown;
  /** where `reason` goes: a member of the body (default), the query, or nowhere */
  reason?: "body" | "query" | "none"; fields?: FieldSpec[]; about?: ComponentChildren; danger?: boolean; primary?: boolean;
  done?: (answer: any) => void; said?: string; disabled?: string | null; open?: {is: boolean; set: (is: boolean) => void};
}
/** A button that changes something. Who may not, sees why; a reason is asked for; errors stay in the dialog with what was typed. */
export function Act(a: ActProps) {
  const may = useMay(a.role);
  const [own, setOwn] = useState(false);
  const open = a.open?.is ?? own, setOpen = a.open?.set ?? setOwn;
  const [values, setValues] = useState<{[name: string]: string}>({});
  const [reason, setReason] = useState("");
  const [error, setError] = useState<ApiError | null>(null);
  const [busy, setBusy] = useState(false);
  const why = !may ? `this needs the role ${a.role}` : a.disabled;
  const given = Object.fromEntries((a.fields ?? []).map((f) => [f.name, values[f.name] ?? f.value ?? (f.type === "select" ? (([] as string[]).concat(f.options![0])[0]) : "")]));
  const submit = async (event: Event) => {
    event.preventDefault();
    setBusy(true); setError(null);
    try {
      const body: any = a.body ? a.body(given) : {...given};
      const asked = a.reason ?? "body";
      if (asked === "body" && body && typeof body === "object") body.reason = reason;
      const answer = await send(a.method ?? "POST", typeof a.path === "string" ? a.path : a.path(given), asked === "query" ? {...a.params, reason} : a.params, a.method === "DELETE" ? undefined : body);
      setOpen(false); setReason(""); setValues({});
      toast(a.said ?? `${a.title}: done.`);
      a.done?.(answer);
    } catch (e) { setError(e as ApiError); }
    setBusy(false);
  };
  return (
    <>
      <button type="button" class={"button" + (a.danger ? " danger" : a.primary ? " primary" : "")} disabled={!!why} title={why ?? undefined} onClick={() => setOpen(true)}>{a.label}</button>
      <Dialog title={a.title} open={open} onClose={() => setOpen(false)}>
        {a.about && <div>{a.about}</div>}
        <form onSubmit={submit}>
          {a.fields?.map((f) => <Field spec={f} value={given[f.name]} set={(v) => setValues({...values, [f.name]: v})} />)}
          {a.reason !== "none" && <Field spec={{name: "reason", label: "Why", type: "area", required: true, hint: "it goes into the audit log, with your name"}} value={reason} set={setReason} />}
          {error && <Failed error={error} />}
          <footer><button type="button" class="button" onClick={() => setOpen(false)}>Cancel</button><button class={"button " + (a.danger ? "danger" : "primary")} disabled={busy}>{busy ? "…" : a.label}</button></footer>
        </form>
      </Dialog>
    </>
  );
}
