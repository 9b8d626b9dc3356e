// Cmd/Ctrl-K: pages, and whatever has a name. `?`: the keys.
import {useEffect, useMemo, useRef, useState} from "preact/hooks";
import type {RecordPage} from "api-types";
import {get, useGet} from "../api";
import {boundKeys} from "../keys";
import {carried, go} from "../router";
import {pages} from "../pages";
import {Dialog} from "./acts";

interface Found { text: string; kind: string; href: string }
const sources: Array<{kind: string; path: string; list: (a: any) => Found[]}> = [
  {kind: "prompt", path: "/prompts", list: (a) => (a.prompts ?? a.subjects ?? []).map((p: any) => ({text: p.name, kind: "prompt", href: "/prompts/" + encodeURIComponent(p.name)}))},
  {kind: "model", path: "/models", list: (a) => a.models.map((m: any) => ({text: m.name, kind: "model", href: "/exchanges?model=" + encodeURIComponent(m.name)}))},
  {kind: "rollout", path: "/rollouts", list: (a) => a.rollouts.map((r: any) => ({text: `${r.prompt} → version ${r.candidate}`, kind: "rollout", href: "/rollouts/" + encodeURIComponent(r.prompt)}))},
  {kind: "rule", path: "/alert-rules", list: (a) => a.rules.map((r: any) => ({text: r.name, kind: "alert rule", href: "/alerts/rules/" + encodeURIComponent(r.name)}))},
  {kind: "suite", path: "/suites", list: (a) => (a.definitions ?? []).map((s: any) => ({text: s.name, kind: "suite", href: "/evaluation?suite=" + encodeURIComponent(s.name)}))},
  {kind: "user", path: "/users", list: (a) => a.users.map((u: any) => ({text: u.name, kind: "user, " + u.role, href: "/settings/users"}))},
  {kind: "key", path: "/keys", list: (a) => a.keys.filter((k: any) => !k.revoked_at).map((k: any) => ({text: `${k.application}/${k.name}`, kind: "key", href: "/exchanges?app=" + encodeURIComponent(k.application) + "&key=" + encodeURIComponent(k.name)}))},
  {kind: "provider", path: "/providers", list: (a) => a.providers.filter((p: any) => p.upstream_model === null).map((p: any) => ({text: p.provider, kind: "provider", href: "/providers?provider=" + encodeURIComponent(p.provider)}))},
  {kind: "budget", path: "/budgets", list: (a) => a.budgets.map((b: any) => ({text: b.name, kind: "budget", href: "/cost?tab=budgets"}))},
  {kind: "configuration", path: "/configuration", list: (a) => a.sections.filter((s: any) => s.kind !== "settings").flatMap((s: any) => s.entries.filter((e: any) => e.name).map((e: any) => ({text: e.name, kind: s.name.replace("_", " ") + ", in settings", href: `/settings/${s.name}/${encodeURIComponent(e.name)}`})))},
  {kind: "setting", path: "/settings", list: (a) => a.settings.map((s: any) => ({text: s.path, kind: "setting", href: "/settings/" + s.section}))},
];
/** Pages within pages. */
const places: Found[] = ([
  ["Providers", "/providers"], ["On call", "/oncall"], ["Alert rules", "/alerts?tab=rules"], ["Silences", "/alerts?tab=silences"], ["Receivers and notices", "/alerts?tab=receivers"], ["Rollouts", "/prompts?tab=rollouts"],
  ["Prompts that are not registered", "/prompts?tab=live"], ["Human review", "/evaluation?tab=reviews"], ["Judges", "/evaluation?tab=judges"], ["Scores of production traffic", "/evaluation?tab=online"], ["Model changes", "/evaluation?tab=models"],
  ["Compare two runs", "/evaluation/compare"], ["Budgets and limits", "/cost?tab=budgets"], ["Why did cost change?", "/cost?tab=why"], ["Cost anomalies", "/cost?tab=anomalies"], ["Optimise cost", "/cost?tab=optimise"], ["Reconcile an invoice", "/cost?tab=reconcile"],
  ["Settings", "/settings"], ["Users", "/settings/users"], ["Keys of applications", "/settings/keys"], ["You: password", "/settings/me"],
] as Array<[string, string]>).map(([text, href]) => ({text, kind: "page", href}));

/** Ids begin with their time, ten digits of Crockford's 32 for milliseconds: what begins like this came between two times. */
const ID = /^0[0-9A-HJKMNP-TV-Z]{5,24}$/, DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
function timesOf(begin: string) {
  const time = (filled: string) => [...begin.slice(0, 10).padEnd(10, filled)].reduce((ms, digit) => ms * 32 + DIGITS.indexOf(digit), 0);
  return {from: new Date(time("0")).toISOString(), to: new Date(time("Z") + 1).toISOString(), limit: 20};
}

export function Palette({open, close}: {open: boolean; close: () => void}) {
  const [text, setText] = useState(""), [at, setAt] = useState(0), [named, setNamed] = useState<Found[]>([]);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (!open) return;
    setText(""); setAt(0);
    setTimeout(() => input.current?.focus());
    void Promise.allSettled(sources.map((s) => get<any>(s.path).then(s.list))).then((all) => setNamed(all.flatMap((a) => (a.status === "fulfilled" ? a.value : []))));
  }, [open]);
  const begin = text.trim().toUpperCase(), ids = useGet<RecordPage>(open && ID.test(begin) ? "/records" : null, ID.test(begin) ? timesOf(begin) : {});
  const found = useMemo(() => {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const list: Found[] = [...pages.filter((p) => p.nav).map((p) => ({text: p.title, kind: "page", href: p.path})), ...places, ...named];
    const run = text.trim().match(/^run-?\s?(\d+)$/i), alert = text.trim().match(/^alert\s+(\d+)$/i);
    if (run) list.unshift({text: "run-" + run[1], kind: "run of a suite", href: "/evaluation/runs/" + run[1]});
    if (alert) list.unshift({text: "alert " + alert[1], kind: "alert", href: "/alerts/" + alert[1]});
    list.unshift(...(ids.data?.records ?? []).filter((r) => r.id.startsWith(begin)).map((r) => ({text: "exchange " + r.id, kind: `exchange of ${r.application ?? "nobody"}, ${r.status}`, href: "/exchanges/" + r.id})));
    if (/^[0-9A-HJKMNP-TV-Z]{26}$/.test(begin)) list.unshift({text: "exchange " + begin, kind: "exchange", href: "/exchanges/" + begin});
    const fits = list.filter((f) => words.every((w) => (f.text + " " + f.kind).toLowerCase().includes(w))).slice(0, 40);
    return text.trim() ? [...fits, {text: `exchanges of user “${text.trim()}”`, kind: "search", href: "/exchanges?user=" + encodeURIComponent(text.trim())}] : fits;
  }, [text, named, ids.data]);
  const pick = (f: Found | undefined) => { if (f) { close(); go(carried(f.href)); } };
  const key = (e: KeyboardEvent) => {
    if (e.key === "ArrowDown" || e.key === "ArrowUp") { e.preventDefault(); setAt((n) => Math.max(0, Math.min(found.length - 1, n + (e.key === "ArrowDown" ? 1 : -1)))); }
    if (e.key === "Enter") { e.preventDefault(); pick(found[at]); }
  };
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => { if (open && !dialog.current?.open) dialog.current?.showModal(); }, [open]);
  useEffect(() => { dialog.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({block: "nearest"}); }, [at]);
  if (!open) return null;
  return (
    <dialog ref={dialog} class="palette" aria-label="Find anything" onClose={close} onCancel={close} onClick={(e) => { if (e.target === dialog.current) close(); }}>
      <input ref={input} role="combobox" aria-expanded="true" aria-controls="found" aria-activedescendant={found[at] ? "found-" + at : undefined} aria-label="Find a page, prompt, model, rule, suite, user, key, setting, or an exchange by its id"
        placeholder="Find a page, prompt, rule, user, setting, exchange …" value={text} onInput={(e) => { setText(e.currentTarget.value); setAt(0); }} onKeyDown={key} />
      <ul id="found" role="listbox" aria-label="Found">{found.map((f, i) => <li id={"found-" + i} role="option" aria-selected={i === at} onClick={() => pick(f)}>{f.text}<span class="muted">{f.kind}</span></li>)}</ul>
    </dialog>
  );
}

export function Help({open, close}: {open: boolean; close: () => void}) {
  const known = [...new Map(boundKeys().filter((k) => k.what).map((k) => [k.keys, k])).values()];
  return (
    <Dialog title="Keys" open={open} onClose={close}>
      <table><caption class="hidden">Keys that hold on this page</caption><tbody>{known.map((k) => <tr><td class="nowrap">{k.keys.replace("mod+", "Ctrl/Cmd ").split(" ").map((s) => <><kbd>{s}</kbd> </>)}</td><td>{k.what}</td></tr>)}</tbody></table>
      <div><button class="button" onClick={close}>Close</button></div>
    </Dialog>
  );
}
