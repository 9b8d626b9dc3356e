// One prompt: its versions as a timeline, one of them in full, and what can be done with it.
import type {Rollouts, Version, Versions} from "api-types";
import {useEffect, useState} from "preact/hooks";
import {get, useGet} from "../../api";
import {count, percent, score, signed, usd} from "../../format";
import {useKeys} from "../../keys";
import {go, useFilter, usePlace} from "../../router";
import {Act, Badge, Empty, Loaded, Note, Page, Panel, Time, WindowPicker} from "../../ui";
import type {PageProps} from "..";
import {useSeen} from ".";
import {at, called, ClassOf, RolloutState, rolloutAt, State} from "./parts";
import {Whole} from "./version";
import "../../style/change.css";

const PAGE = 30;
export const severities: Array<[string, string]> = [["", "none of an incident"], ["SEV-1", "SEV-1"], ["SEV-2", "SEV-2"], ["SEV-3", "SEV-3"], ["SEV-4", "SEV-4"], ["SEV-5", "SEV-5"]];

function RollBack({name, versions}: {name: string; versions: Versions}) {
  const before = versions.versions.filter((v) => v.version !== versions.production && (v.state === "superseded" || v.state === "rolled back"));
  return (
    <Act label="Roll back …" title={`Roll back ${name}`} role="operator" danger path="/prompts/{name}/rollback" params={{name}} disabled={versions.production ? null : "nothing serves yet"} said="It serves, from the next exchange on."
      about={<p>v{versions.production} serves now. What you choose serves from the next exchange on, on every loop; a rollout that is under way ends. The same button takes it back.</p>}
      fields={[{name: "to", label: "To", type: "select", options: [["", "what was in production before"], ...before.map((v): [string, string] => [String(v.version), `${called(v)}: ${(v.why ?? v.state).slice(0, 60)}`])]},
        {name: "severity", label: "Severity of the incident", type: "select", options: severities, hint: "decides whose word is enough (change_policy.rollback)"}]}
      body={(f) => ({...Object.fromEntries(Object.entries(f).filter(([, v]) => v)), if_revision: versions.revision})} />
  );
}

/** Of the version's gate: pass rates of its suites. */
function GateLine({v}: {v: Version}) {
  const suites = (v.gate?.suites ?? []) as Array<{suite: string; pass_rate: number | null; required: string}>;
  if (!v.gate) return null;
  return <span class="row small">{suites.length ? suites.map((s) => <span class="nowrap"><Badge tone={s.required === "yes" ? "good" : s.required === "no" ? "bad" : "unknown"}>{s.suite} {percent(s.pass_rate, 1)}</Badge></span>) : <span class="muted">gate {v.gate.verdict ?? v.gate.state}</span>}</span>;
}

export function Prompt({parts: {name}}: PageProps) {
  const [chosen] = useFilter("version");
  const first = useGet<Versions>("/prompts/{name}/versions", {name, limit: PAGE}, {topics: ["configuration", "rollouts", "evaluations", "audit"]});
  const [older, setOlder] = useState<Version[]>([]), [next, setNext] = useState<number | null | undefined>(undefined), [loading, setLoading] = useState(false);
  const rollouts = useGet<Rollouts>("/rollouts", {prompt: name, limit: 5}, {topics: ["rollouts"]});
  const {seen, window: w} = useSeen(name);
  const {query} = usePlace();
  const data = first.data, list = data ? [...data.versions, ...older.filter((o) => !data.versions.some((v) => v.version === o.version))] : [];
  const waiting = list.find((v) => v.state === "in review");
  const current = Number(chosen) || waiting?.version || data?.production || data?.newest || null;
  useEffect(() => { setOlder([]); setNext(undefined); }, [name]);
  const more = async (before: number) => { setLoading(true); try { const page = await get<Versions>("/prompts/{name}/versions", {name, limit: PAGE * 4, before}); setOlder((o) => [...o, ...page.versions]); setNext(page.next); } finally { setLoading(false); } };
  const step = (by: number) => { const i = list.findIndex((v) => v.version === current), to = list[Math.max(0, Math.min(list.length - 1, i + by))]; if (to) go(at(name, {version: to.version, with: null}), true); };
  useKeys([{keys: "j", what: "older version", run: () => step(1)}, {keys: "k", what: "newer version", run: () => step(-1)}], [list.length, current, query.toString()]);
  const open = rollouts.data?.rollouts.find((r) => !r.ended);
  const left = next === undefined ? data?.next : next;
  return (
    <Page title={name} about={data && <>{data.production ? <>v{data.production} serves</> : "nothing serves yet"} · {count(data.newest)} {data.newest === 1 ? "version" : "versions"} · last change <Time at={data.changed_at} relative />{data.changed_by && ` by ${data.changed_by}`}{data.changed && `: ${data.changed}`}</>}
      actions={data && <><WindowPicker fallback="-7d" /><RollBack name={name} versions={data} /></>}>
      {open && <Note tone="warn"><span class="row"><RolloutState of={open.state} /><span>v{open.candidate} {open.stage === "shadow" ? "is shadowed" : `gets ${+open.weight.toFixed(2)} % of the exchanges`}{open.why && `: ${open.why}`}</span><a href={rolloutAt(name)}>See its guardrails</a></span></Note>}
      <Loaded of={first}>{(d) => d.newest === 0 ? <Empty command={`quarterdeck apply -f ${name}.yaml`}>It has no version.</Empty> : (
        <div class="beside" data-chosen={chosen ? "" : undefined}>
          <Panel title="Versions" note={`newest first; scores: ${w.words}`}>
            <ol class="timeline" reversed>{list.map((v) => {
              const s = seen.get(`${name}@${v.version}`), labels = Object.entries(d.labels as unknown as {[l: string]: number}).filter(([, n]) => n === v.version).map(([l]) => l);
              const before = list.find((x) => x.version === v.parent);
              const more = v.cost_per_call_usd != null && before?.cost_per_call_usd ? v.cost_per_call_usd / before.cost_per_call_usd - 1 : null;
              return (
                <li key={v.version} data-serves={v.version === d.production ? "" : undefined}>
                  <a class="version" href={at(name, {version: v.version, with: null})} aria-current={v.version === current ? "true" : undefined}>
                    <span class="row"><strong>{called(v)}</strong><State of={v.state} /><ClassOf of={v.class} why={v.class_reasons} />{labels.map((l) => <Badge tone="info">{l}</Badge>)}</span>
                    <span class="why clamp">{v.why ?? <span class="muted">no reason was given</span>}</span>
                    <span class="muted small">{v.author ?? "somebody"} · <Time at={v.created} />{v.ticket && ` · ${v.ticket}`}</span>
                    <span class="muted small">{count(v.tokens)} tokens · {usd(v.cost_per_call_usd)} input a call{more != null && Math.abs(more) >= 0.0005 && <> (<span class={more > 0 ? "warn" : "good"}>{signed(percent(more, 1))}</span> to v{v.parent})</>}</span>
                    {s && (s.requests > 0 || s.quality != null) && <span class="muted small">{count(s.requests)} requests · {usd(s.cost)} a call · score {score(s.quality)}{s.quality != null && ` (n ${count(s.n)})`}</span>}
                    <GateLine v={v} />
                  </a>
                </li>);
            })}</ol>
            {left && <button class="button" disabled={loading} onClick={() => void more(left)}>{loading ? "…" : `Older ones, before v${left}`}</button>}
          </Panel>
          {current && <Whole key={current} name={name} version={current} of={d} list={list} />}
        </div>)}</Loaded>
    </Page>
  );
}
