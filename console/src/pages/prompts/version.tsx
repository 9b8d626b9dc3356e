// One version in full: what it waits for, what its gate said, what differs, what it says.
import type {ReviewOfVersion, Version, VersionDiff, VersionWhole, Versions} from "api-types";
import type {ComponentChildren} from "preact";
import {useGet} from "../../api";
import {count, percent, signed, usd} from "../../format";
import {setFilters, useFilter} from "../../router";
import {useSession} from "../../session";
import {Act, Diff, DiffLines, Loaded, Meter, Note, Pairs, Panel, Table, Threshold, Time} from "../../ui";
import {called, ClassOf, rolloutAt, same, State, Verdict} from "./parts";

interface GateSuite { suite: string; version: number; run: string | null; control_run: string | null; required: string; pass_rate: number | null; control_pass_rate: number | null; compared: string | null; lost_at_most: number | null; why: string | null }
const runAt = (run: string) => "/evaluation/runs/" + run.replace("run-", "");

function Gate({review: r}: {review: ReviewOfVersion}) {
  const suites = (r.gate?.suites ?? []) as GateSuite[];
  return <>
    {r.progress.map((p) => <div><p><a href={runAt(p.run)}>{p.suite}</a> of {p.of}: {count(p.done)} of {count(p.planned)} answers</p><Meter share={p.planned ? p.done / p.planned : 0} words={`${p.suite}: ${p.done} of ${p.planned}`} /></div>)}
    {suites.length > 0 && <Table<GateSuite> caption="Suites of the gate" keyed={(s) => s.suite} rows={suites} columns={[
      {name: "suite", label: "Suite", cell: (s) => <a class="name" href={"/evaluation?suite=" + encodeURIComponent(s.suite)}>{s.suite}</a>},
      {name: "required", label: "What it requires", cell: (s) => <Verdict of={s.required} />},
      {name: "rate", label: "Pass rate", number: true, cell: (s) => (s.run ? <a href={runAt(s.run)}>{percent(s.pass_rate, 1)}</a> : percent(s.pass_rate, 1))},
      {name: "control", label: "In production", number: true, cell: (s) => (s.control_run ? <a href={runAt(s.control_run)}>{percent(s.control_pass_rate, 1)}</a> : percent(s.control_pass_rate, 1))},
      {name: "compared", label: "Against it", cell: (s) => (s.compared ? (s.control_run && s.run ? <a href={`/evaluation/compare?a=${s.control_run}&b=${s.run}`}><Verdict of={s.compared} /></a> : <Verdict of={s.compared} />) : "–")},
]} />}
    {suites.filter((s) => s.why && !r.gate?.why?.includes(s.why)).map((s) => <p class="small"><strong class="name">{s.suite}</strong>: {s.why}{s.lost_at_most != null && ` At most ${percent(s.lost_at_most, 1)} is lost.`}</p>)}
  </>;
}

/** What may be done with it now; what may not says why before the server does. */
function Acts({name, v, review: r, of}: {name: string; v: VersionWhole; review: ReviewOfVersion; of: Versions}) {
  const me = useSession().user?.name;
  const mine = same(me, r.author) ? "its author cannot review it: ask somebody else" : same(me, r.applied_by) ? "whoever applied it cannot review it: ask somebody else" : null;
  const params = {name, version: v.version}, base = "/prompts/{name}/versions/{version}/", label = `${name} v${v.version}`;
  const body = (f: {[k: string]: string}) => ({...Object.fromEntries(Object.entries(f).filter(([, x]) => x)), if_revision: of.revision});
  const again = ["draft", "rejected", "rolled back"].includes(v.state), overridden = v.approvals.some((a) => a.verdict === "override") && !v.approvals.some((a) => a.verdict === "review-override");
  return (
    <div class="row">
      {again && <Act label="Submit …" title={`Submit ${label} for review`} role="operator" primary path={base + "submit"} params={params} body={body} said="It is in review; its gate begins."
        fields={[{name: "class", label: "Raise its class", type: "select", options: [["", `as computed: ${v.class_computed}`], "minor", "moderate", "major"].filter((c) => typeof c !== "string" || ["minor", "moderate", "major"].indexOf(c) > ["minor", "moderate", "major"].indexOf(v.class_computed)) as Array<string | [string, string]>, hint: "it is never lowered"}]} />}
      {v.state === "in review" && <>
        <Act label="Approve …" title={`Approve ${label}`} role="approver" primary path={base + "approve"} params={params} disabled={mine} body={body} said="Approved." about={<p>{r.approvals} of {r.approvals_needed} approvals are there; its gate says: {r.gate_says}.</p>} />
        <Act label="Reject …" title={`Reject ${label}`} role="approver" danger path={base + "reject"} params={params} disabled={mine} body={body} said="Rejected; it can be submitted again." />
        <Act label="Ask the gate again …" title={`Run the gate of ${label} once more`} role="operator" path={base + "gate"} params={params} body={body} said="Its suites are run once more." />
        <Act label="Override …" title={`Put ${label} past review and gate`} role="admin" danger path={base + "override"} params={params} body={body} said="It is past review and gate; a finding stays open until somebody else has looked." about={<p>For an emergency: neither its review nor its gate counts. A finding stays open until somebody else has looked at it.</p>} />
      </>}
      {v.state === "evaluated" && <>
        <Act label="Roll out …" title={`Roll out ${label}`} role="operator" primary path="/rollouts" body={(f) => body({...f, name, version: String(v.version)})} said="Its rollout has begun." about={<p>By the way of its class, {v.class}: what its guardrails say rolls it back by itself.</p>} />
        <Act label="A/B test …" title={`Test ${label} against v${of.production ?? "–"}`} role="operator" path="/rollouts" disabled={of.production ? null : "nothing is in production to compare it with"} said="The test has begun."
          body={(f) => body({...f, name, version: String(v.version), ab: "true"})} about={<p>Half of the users each, until one is shown to be better; a person promotes.</p>}
          fields={[{name: "metric", label: "Metric", hint: "such as score:helpful; without it rollouts.ab.metric"}, {name: "min_effect", label: "Smallest difference that matters", hint: "such as 0.05; without it rollouts.ab.min_effect"}, {name: "longest", label: "At the longest", hint: "such as 14d"}]} />
      </>}
      {(v.state === "canary" || v.state === "shadow") && <a class="button" href={rolloutAt(name)}>See its rollout</a>}
      {overridden && <Act label="I have looked …" title={`Review the override of ${label}`} role="approver" path={base + "review-override"} params={params} disabled={mine} body={body} said="The finding of the override is closed." />}
      {mine && v.state === "in review" && <span class="muted small">You may not approve or reject it: {mine}.</span>}
    </div>
  );
}

function Compare({name, v, of, list}: {name: string; v: VersionWhole; of: Versions; list: Version[]}) {
  const [wanted] = useFilter("with");
  const base = Number(wanted) || (v.parent ?? (of.production && of.production !== v.version ? of.production : null));
  const diff = useGet<VersionDiff>(base && base !== v.version ? "/prompts/{name}/versions/{version}/diff" : null, {name, version: base, to: v.version});
  const other = list.find((x) => x.version === base);
  const tokens = other?.tokens != null && v.tokens != null ? v.tokens - other.tokens : null, cost = other?.cost_per_call_usd != null && v.cost_per_call_usd != null ? v.cost_per_call_usd - other.cost_per_call_usd : null;
  const choose = (value: string) => setFilters({with: value || null}, true);
  return (
    <Panel title="What differs" actions={<>
      <label for="with" class="muted small">from</label>
      <select id="with" value={String(base ?? "")} onChange={(e) => choose(e.currentTarget.value)}>
        {!base && <option value="">nothing</option>}
        {[...new Set([v.parent, of.production, of.launched, base, ...list.slice(0, 200).map((x) => x.version)])].filter((n): n is number => !!n && n !== v.version).sort((a, b) => b - a)
          .map((n) => <option value={String(n)}>v{n}{n === of.production ? " (in production)" : n === v.parent ? " (its parent)" : ""}</option>)}
      </select><span class="muted small">to v{v.version}</span></>}>
      {!base ? <p class="muted">It is the first version: there is nothing to compare it with.</p> : <Loaded of={diff}>{(d) => <>
        <p><ClassOf of={d.class} /> {d.class_reasons.join("; ")}</p>
        <p class="muted">{tokens != null ? <>{signed(count(tokens))} tokens{other!.tokens ? <> ({signed(percent(tokens / other!.tokens, 1))})</> : null}{cost != null && <>, {signed(usd(cost))} input a call</>}, against v{base}</> : `tokens of v${base} are not known here`}</p>
        {d.messages?.map((m) => <div class="stack"><h3>Message {m.message + 1}, {m.role}</h3><div class="text" tabIndex={0}><Diff pieces={m.pieces} /></div></div>)}
        {d.messages?.length === 0 && <p class="muted">No message differs.</p>}
        <details open={!d.messages?.length}><summary>Everything that differs, with parameters and tools</summary><div class="text plain"><DiffLines lines={d.text.split("\n")} /></div></details>
      </>}</Loaded>}
    </Panel>
  );
}

function Content({v}: {v: VersionWhole}) {
  const {messages = [], ...rest} = (v.content ?? {}) as {messages?: Array<{role: string; content: unknown}>; [k: string]: unknown};
  return (
    <Panel title="What it says" note={v.counted ? <>{count(v.tokens)} tokens by {v.counted.encoding}{v.counted.exact ? "" : ", an estimate"}; variables and answer not counted</> : "tokens not counted"}>
      {messages.map((m) => <div class="stack"><h3>{m.role}</h3><pre class="text" tabIndex={0}>{typeof m.content === "string" ? m.content : JSON.stringify(m.content, null, 1)}</pre></div>)}
      <details><summary>Model, parameters, variables, tools</summary><pre class="text plain">{JSON.stringify(rest, null, 1)}</pre></details>
    </Panel>
  );
}

export function Whole({name, version, of, list}: {name: string; version: number; of: Versions; list: Version[]}) {
  const whole = useGet<VersionWhole>("/prompts/{name}/versions/{version}", {name, version}, {topics: ["configuration", "rollouts", "evaluations", "audit"]});
  const review = useGet<ReviewOfVersion>("/prompts/{name}/versions/{version}/review", {name, version}, {topics: ["configuration", "rollouts", "evaluations", "audit"]});
  const facts = (v: VersionWhole): Array<[ComponentChildren, ComponentChildren] | false> => [
    ["Why", v.why ?? "–"], ["Author", <>{v.author ?? "–"}{v.applied_by && !same(v.applied_by, v.author) && <span class="muted"> · applied by {v.applied_by}</span>}</>], !!v.ticket && ["Ticket", v.ticket], !!v.commit && ["Commit", <code>{v.commit}</code>],
    ["Made", <Time at={v.created} />], ["State", <>{v.state}, since <Time at={v.state_at} />{v.state_by && ` by ${v.state_by}`}{v.state_why && `: ${v.state_why}`}</>],
    ["Class", <>{v.class}{v.class !== v.class_computed && `, raised from ${v.class_computed}`}: {v.class_reasons.join("; ") || "–"}</>],
    ["Input a call", <>{usd(v.cost_per_call_usd)}, {count(v.tokens)} tokens{v.compared?.launched && <span class="muted"> · {signed(percent(v.compared.launched.tokens_more_share, 1))} tokens to v{v.compared.launched.version}, the first in production</span>}</>],
    ["Hash", <code class="name">{v.hash.slice(0, 16)}…</code>],
  ];
  return (
    <div class="stack">
      <Loaded of={whole}>{(v) => <>
        <Panel title={<>{called(v)} <State of={v.state} /></>} note={<ClassOf of={v.class} why={v.class_reasons} />}>
          <Loaded of={review}>{(r) => <>
            {v.state === "in review" && <Note tone={r.gate_says === "no" ? "bad" : "warn"}>
              <p><strong>{r.approvals >= r.approvals_needed ? "Its approvals are there" : `It needs ${r.approvals_needed - r.approvals} more ${r.approvals_needed - r.approvals === 1 ? "approval" : "approvals"}`}</strong> (<Threshold v={r.approvals_needed} unit="" origin={`change_policy of class ${r.class}`} />, by people who are not its author), and its gate says: <Verdict of={r.gate_says === "yes" || r.gate_says === "no" ? r.gate_says : null} /> {r.gate_says !== "yes" && r.gate_says !== "no" && r.gate_says}</p>
              {r.gate?.why && <p class="small">{r.gate.why}</p>}
            </Note>}
            <Acts name={name} v={v} review={r} of={of} />
            <Pairs of={facts(v)} />
            {v.lint.length > 0 && <ul>{v.lint.map((l) => <li><Verdict of={l.level === "error" ? "failed" : "inconclusive"} /> {l.rule}: {l.words}</li>)}</ul>}
            {v.approvals.length > 0 && <><h3>Review</h3><ul>{v.approvals.map((a) => <li><strong>{a.by}</strong> {{submit: "submitted it", approve: "approved", reject: "rejected", override: "overrode review and gate", "review-override": "looked at the override"}[a.verdict]}, <Time at={a.at} />{a.why && `: ${a.why}`}</li>)}</ul></>}
            {(r.gate || r.progress.length > 0) && <><h3>Gate {r.gate && <Verdict of={r.gate_says === "yes" || r.gate_says === "no" ? r.gate_says : "inconclusive"} />}</h3><Gate review={r} /></>}
            {!r.gate && v.suites.length > 0 && <p class="muted">Its gate runs {v.suites.join(", ")} once it is submitted.</p>}
          </>}</Loaded>
        </Panel>
        <Compare name={name} v={v} of={of} list={list} />
        <Content v={v} />
      </>}</Loaded>
    </div>
  );
}
