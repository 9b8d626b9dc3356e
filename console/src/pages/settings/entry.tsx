// One entry of the configuration: a form from the table of settings, or its text.
import type {Configuration, ConfigurationEntry, ConfigurationSection, Setting, Settings} from "api-types";
import {useState} from "preact/hooks";
import {go, useFilter, usePlace, withFilters} from "../../router";
import {Empty, Note, Panel} from "../../ui";
import {ChangeDialog, useWhyNot, type Wanted} from "./change";

type Values = {[name: string]: string};
/** Settings below an entry that have one value: their names and rows. */
function rowsOf(section: string, kind: string, settings: Setting[]): Array<[string, Setting]> {
  const prefix = section === "general" ? "" : kind === "list" ? `${section}[].` : kind === "map" ? `${section}.*.` : `${section}.`;
  return settings.flatMap((s): Array<[string, Setting]> => {
    const name = s.path.startsWith(prefix) && (prefix !== "" || s.section === "general") ? s.path.slice(prefix.length) : "";
    return name && !/[*[|]/.test(name) && !/^(map|list|true, or|never, or|value in)/.test(s.type) ? [[name, s]] : [];
  });
}
const at = (value: any, name: string) => name.split(".").reduce((v, k) => (v && typeof v === "object" ? v[k] : undefined), value);
function put(value: any, name: string, to: unknown) {
  const steps = name.split("."), last = steps.pop()!;
  let in_ = value;
  for (const s of steps) { if (in_[s] == null || typeof in_[s] !== "object") { if (to === undefined) return; in_[s] = {}; } in_ = in_[s]; }
  if (to === undefined) delete in_[last]; else in_[last] = to;
  for (let i = steps.length; i > 0; i--) { const parent = steps.slice(0, i - 1).reduce((v, k) => v?.[k], value), own = parent?.[steps[i - 1]]; if (own && typeof own === "object" && !Object.keys(own).length) delete parent[steps[i - 1]]; }
}
/** As the file would have it: numbers and yes or no are no texts. */
const typed = (text: string, type: string): unknown => (/^(integer|number|USD|share)/.test(type) && /^-?(0|[1-9]\d*)(\.\d+)?$/.test(text) ? Number(text) : type.startsWith("boolean") ? text === "true" : text);

export function SettingField({name, s, value, set, disabled}: {name: string; s: Setting; value: string; set: (v: string) => void; disabled?: boolean}) {
  const id = "s-" + name.replace(/\W/g, "-"), choices = /^one of (.*)$/.exec(s.type)?.[1].split(" | ");
  const hint = `${s.help} ${s.type}${s.default != null ? `; default ${s.default}` : s.required ? "; required" : ""}${s.reloadable ? "" : "; in force after a restart"}`;
  return (
    <div class="field">
      <label for={id}>{name}</label>
      {choices ? <select id={id} value={value} disabled={disabled} aria-describedby={id + "-h"} onChange={(e) => set(e.currentTarget.value)}><option value="">{s.default != null ? `as by default: ${s.default}` : "not set"}</option>{choices.map((c) => <option>{c}</option>)}{value && !choices.includes(value) && <option>{value}</option>}</select>
        : s.type.startsWith("boolean") ? <select id={id} value={value} disabled={disabled} aria-describedby={id + "-h"} onChange={(e) => set(e.currentTarget.value)}><option value="">{s.default != null ? `as by default: ${s.default}` : "not set"}</option><option>true</option><option>false</option></select>
        : <input id={id} value={value} disabled={disabled} aria-describedby={id + "-h"} autocomplete="off" spellcheck={false} placeholder={s.default ?? ""} onInput={(e) => set(e.currentTarget.value)} />}
      <span class="hint" id={id + "-h"}>{hint}</span>
    </div>
  );
}
const dedent = (yaml: string) => {
  const lines = yaml.split("\n"), least = Math.min(...lines.filter((l) => l.trim()).map((l) => l.length - l.trimStart().length), 99);
  return lines.map((l) => l.slice(Math.min(least, l.length - l.trimStart().length))).join("\n");
};

export function EntryEditor({configuration, settings, section, entry, name}: {configuration: Configuration; settings: Settings; section: ConfigurationSection | {name: string; kind: string; entries: ConfigurationEntry[]}; entry: ConfigurationEntry | null; name: string}) {
  const {path} = usePlace(), [mode, setMode] = useFilter("as", "form");
  const [values, setValues] = useState<Values>({}), [text, setText] = useState<string | null>(null), [own, setOwn] = useState(name), [wanted, setWanted] = useState<Wanted | null>(null);
  const whyNot = useWhyNot(configuration), rows = rowsOf(section.name, section.kind, settings.settings);
  const isForm = mode === "form" && rows.length > 0, given = (entry?.value ?? {}) as any, isMap = given && typeof given === "object" && !Array.isArray(given);
  const shown = (n: string) => values[n] ?? (at(given, n) == null ? "" : typeof at(given, n) === "object" ? JSON.stringify(at(given, n)) : String(at(given, n)));
  const simple = rows.filter(([n]) => !(at(given, n) && typeof at(given, n) === "object"));
  const nested = Object.keys(isMap ? given : {}).filter((k) => !rows.some(([n]) => n === k || n.startsWith(k + ".")) || typeof given[k] === "object" && !simple.some(([n]) => n.startsWith(k + ".")));
  const merged = () => {
    const next = structuredClone(isMap ? given : {});
    for (const [n, s] of simple) if (values[n] !== undefined) put(next, n, values[n] === "" ? undefined : typed(values[n], s.type));
    if (!entry && section.kind === "list" && !next.name) next.name = own;
    return next;
  };
  const look = () => setWanted({section: section.name, name: entry ? entry.name : own, title: entry ? `Change ${section.name} ${entry.name}` : `Add ${own} to ${section.name}`, hash: configuration.hash, value: isForm ? JSON.stringify(merged()) : text ?? dedent(entry?.yaml ?? "")});
  const disabled = !!whyNot || !!entry?.alias;
  const isGiven = (n: string, s: Setting) => at(given, n) != null || s.required;
  const field = ([n, s]: [string, Setting]) => <SettingField key={n} name={n} s={s} value={shown(n)} disabled={disabled} set={(v) => setValues({...values, [n]: v})} />;
  return (
    <Panel title={entry ? entry.name : `New in ${section.name}`} note={entry ? `${configuration.file}:${entry.line}` : undefined}
      actions={<>{rows.length > 0 && <><button class="button" aria-pressed={isForm} onClick={() => setMode("form")}>Form</button><button class="button" aria-pressed={!isForm} onClick={() => { setText(null); setMode("text"); }}>Text</button></>}<a class="button" href={withFilters("/settings/" + encodeURIComponent(section.name))}>Back</a></>}>
      {entry?.alias && <Note tone="warn">It stands for a value that is written elsewhere in the file, by an alias. Edit it there.</Note>}
      {whyNot && <Note tone="warn">{whyNot}</Note>}
      <form class="form" onSubmit={(e) => { e.preventDefault(); look(); }}>
        {!entry && <div class="field"><label for="own-name">Name</label><input id="own-name" required value={own} onInput={(e) => setOwn(e.currentTarget.value)} /><span class="hint">by which others refer to it</span></div>}
        {isForm ? <>
          <div class="two">{simple.filter(([n, s]) => isGiven(n, s)).map(field)}</div>
          {nested.map((k) => <div class="field"><span class="label">{k}</span><code class="wrap">{JSON.stringify(given[k])}</code><span class="hint">as text: <a href={path + "?as=text"} onClick={(e) => { e.preventDefault(); setMode("text"); }}>edit {k}</a></span></div>)}
          {simple.some(([n, s]) => !isGiven(n, s)) && <details><summary>{simple.filter(([n, s]) => !isGiven(n, s)).length} settings that are as by default, or not set</summary><div class="two">{simple.filter(([n, s]) => !isGiven(n, s)).map(field)}</div></details>}
        </> : <div class="field"><label for="yaml">YAML</label><textarea id="yaml" class="yaml" spellcheck={false} disabled={disabled} value={text ?? dedent(entry?.yaml ?? "")} onInput={(e) => setText(e.currentTarget.value)} /><span class="hint">A secret that is (kept) stays as it is; give a new one as $&#123;NAME&#125; of the environment or file:PATH. Comments in the file stay where what they are about stays.</span></div>}
        <div class="row"><button class="button primary" disabled={disabled}>See what would change</button>
          {entry && <button type="button" class="button danger" disabled={disabled} onClick={() => setWanted({section: section.name, name: entry.name, value: null, title: `Take ${entry.name} out of ${section.name}`, hash: configuration.hash})}>Take it out …</button>}
          <span class="muted small">Nothing is changed before you have seen the difference.</span></div>
      </form>
      <ChangeDialog wanted={wanted} close={() => setWanted(null)} made={() => { setValues({}); setText(null); if (wanted?.value === null || !entry) go(withFilters("/settings/" + encodeURIComponent(section.name))); }} />
    </Panel>
  );
}

/** A section of settings that have one value each. */
export function PlainSettings({configuration, settings, section}: {configuration: Configuration; settings: Settings; section: string}) {
  const rows = rowsOf(section, "settings", settings.settings), whyNot = useWhyNot(configuration);
  const [values, setValues] = useState<Values>({}), [wanted, setWanted] = useState<Wanted | null>(null);
  if (!rows.length) return <Panel title={section}><Empty command="quarterdeck check">No setting of this name.</Empty></Panel>;
  return (
    <Panel title={section} note={`${configuration.file}; a change is made one setting at a time`}>
      {whyNot && <Note tone="warn">{whyNot}</Note>}
      <ul class="stack">{rows.map(([n, s]) => {
        const now = s.from === "file" ? String(s.value ?? "") : "", changed = values[n] !== undefined && values[n] !== now;
        return <li><form class="form" onSubmit={(e) => { e.preventDefault(); setWanted({section, name: n, value: values[n] === "" ? null : JSON.stringify(typed(values[n], s.type)), title: `Change ${s.path}`, hash: configuration.hash}); }}>
          <SettingField name={n} s={s} value={values[n] ?? now} disabled={!!whyNot} set={(v) => setValues({...values, [n]: v})} />
          <div class="row small muted">{s.from === "file" && <span>line {s.line}</span>}{changed && <button class="button primary">See what would change</button>}</div>
        </form></li>;
      })}</ul>
      <ChangeDialog wanted={wanted} close={() => setWanted(null)} made={() => setValues({})} />
    </Panel>
  );
}
