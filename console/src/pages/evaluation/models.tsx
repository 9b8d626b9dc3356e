// Versions of providers' models that came in the place of others: what suites said, and what was decided.
import type {ModelChange, ModelChanges as All, Models} from "api-types";
import {useGet} from "../../api";
import {count} from "../../format";
import {useFilter, withFilters} from "../../router";
import {Act, Badge, Empty, Loaded, Panel, Table, Time} from "../../ui";
import {Verdict} from "../prompts/parts";

interface Run { suite: string; run: string | null; verdict: string | null; compared_with: string | null; answer: string | null }

function Decide({c, others}: {c: ModelChange; others: string[]}) {
  const params = {number: c.number}, what = `${c.model}: ${c.after}`;
  return <span class="row">
    {c.state !== "accepted" && <Act label="Accept …" title={`Accept ${what}`} role="approver" path="/model-changes/{number}/accept" params={params} body={() => ({})} said="Accepted." about={<p>The new version is good; a hold of it ends.</p>} />}
    {c.state === "open" && <Act label="Hold …" title={`Hold ${what}`} role="operator" path="/model-changes/{number}/hold" params={params} said="Held." fields={[{name: "to", label: "Who answers meanwhile", type: "select", options: others, required: true}]} disabled={others.length ? null : "no other model is configured"} about={<p>Another model answers in its stead until it is accepted or released.</p>} />}
    {c.state === "held" && <Act label="Release …" title={`Release ${what}`} role="operator" path="/model-changes/{number}/release" params={params} body={() => ({})} said="Released." about={<p>The hold ends; the change waits for a word again.</p>} />}
  </span>;
}

export function ModelChanges() {
  const [state] = useFilter("state");
  const changes = useGet<All>("/model-changes", {state}, {topics: ["evaluations", "findings", "actions", "audit"]}), models = useGet<Models>("/models");
  return (
    <Panel title="Model changes" note="a provider answers with another version or fingerprint than before" actions={<span class="row">{["", "open", "held", "accepted"].map((s) => <a class="button" aria-current={state === s ? "true" : undefined} href={withFilters("/evaluation", {state: s})}>{s || "all"}</a>)}</span>}>
      <Loaded of={changes}>{({changes: all}) => <Table<ModelChange> caption="Model changes" keyed={(c) => c.number} rows={all} empty={<Empty command="quarterdeck model changes">{state ? `None is ${state}.` : "No provider's model has changed since this server looks."}</Empty>} columns={[
        {name: "model", label: "Model", cell: (c) => <><strong class="name">{c.model}</strong><div class="muted small">{c.provider} · {c.target}</div></>},
        {name: "change", label: "Was, and is", cell: (c) => <div class="what">{c.before ?? "–"}<div>→ <strong>{c.after}</strong></div></div>},
        {name: "state", label: "State", cell: (c) => <><Badge tone={c.state === "accepted" ? "good" : c.state === "held" ? "bad" : "warn"}>{c.state}</Badge>{c.held_to && <div class="small">{c.held_to} answers meanwhile</div>}</>},
        {name: "runs", label: "What suites said", cell: (c) => { const runs = (c.runs ?? []) as Run[]; return runs.length ? runs.map((r) => <div class="row small"><span class="name">{r.suite}</span>{r.run ? <a href={withFilters("/evaluation/runs/" + r.run.replace("run-", ""))}><Verdict of={r.verdict} /></a> : <span class="muted">not yet run</span>}{r.answer && (r.compared_with && r.run ? <a href={withFilters("/evaluation/compare", {a: r.compared_with, b: r.run})}><Verdict of={r.answer} /></a> : <Verdict of={r.answer} />)}</div>) : <span class="muted">no suite is bound to it</span>; }},
        {name: "seen", label: "First seen", cell: (c) => <><Time at={c.seen} /><div class="muted small">by n {count(c.answers)} answers</div></>},
        {name: "decided", label: "Decided", cell: (c) => <>{(c.decided ? <><span>{c.decided_by}, <Time at={c.decided} relative /></span><div class="small">{c.why}</div></> : <span class="muted">not yet</span>)}<Decide c={c} others={(models.data?.models ?? []).map((m) => m.name).filter((m) => m !== c.model)} /></>}]} />}</Loaded>
    </Panel>
  );
}
