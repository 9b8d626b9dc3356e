// Rules that score production traffic, and what they say of all of it.
import type {ScoringGroup, ScoringMetric, ScoringReport, ScoringState, ScoringStates} from "api-types";
import {useGet} from "../../api";
import {count, percent, score} from "../../format";
import {useFilter, withFilters} from "../../router";
import {Act, Badge, Empty, Loaded, Note, Num, Panel, Table, Time, useWindow, WindowPicker} from "../../ui";

const metrics = (caption: string, rows: ScoringMetric[]) => (
  <Table<ScoringMetric> caption={caption} keyed={(m) => m.metric + (m.judge?.identity ?? "")} rows={rows} empty={<p class="muted">Nothing was scored in this window.</p>} columns={[
    {name: "metric", label: "Metric", cell: (m) => <span class="name">{m.metric}<div class="muted small">{m.type}{m.judge && `, judge ${m.judge.name}`}</div></span>},
    {name: "share", label: "Share in all traffic", number: true, cell: (m) => <><Num v={m.share} unit="share" low={m.interval[0]} high={m.interval[1]} /><div class="muted small">{m.share_of.replaceAll("_", " ")}</div></>},
    {name: "corrected", label: "As people would say", number: true, cell: (m) => m.judge ? <span title={m.judge.corrected.why}>{m.judge.corrected.share == null ? <span class="muted small">{m.judge.calibrated ? "cannot be told" : "judge not calibrated"}</span> : <Num v={m.judge.corrected.share} unit="share" low={m.judge.corrected.interval?.[0]} high={m.judge.corrected.interval?.[1]} />}</span> : "–"},
    {name: "mean", label: "Mean", number: true, cell: (m) => m.mean ? <><span class="nowrap">{score(m.mean.value)} <span class="muted small">({score(m.mean.interval[0])} – {score(m.mean.interval[1])})</span></span><div class="muted small">{m.mean.of.replaceAll("_", " ")}</div></> : "–"},
    {name: "n", label: "n", number: true, cell: (m) => <>{count(m.n)}<div class="muted small">as {count(Math.round(m.effective_n))} independent</div></>}, {name: "errors", label: "Could not tell", number: true, cell: (m) => count(m.errors)}]} />);

function Report({rule}: {rule: string}) {
  const w = useWindow("-7d"), [by, setBy] = useFilter("by");
  const report = useGet<ScoringReport>("/scoring/{name}/report", {name: rule, from: w.from, to: w.to, by}, {topics: ["evaluations"], every: 10_000});
  return (
    <Panel title={<span class="name">What {rule} says</span>} note={`${w.words}; estimates for all traffic the rule is about: each record counts 1 / its chance`} actions={<>
      <label class="hidden" for="by">Also by</label><select id="by" value={by} onChange={(e) => setBy(e.currentTarget.value)}><option value="">not broken down</option><option value="request_type">by request type</option><option value="prompt">by prompt version</option><option value="model">by model</option></select><WindowPicker fallback="-7d" /></>}>
      <Loaded of={report}>{(r) => <>
        <p class="muted">{r.records.matched != null && <>{count(r.records.matched)} matched, </>}{count(r.records.taken)} sampled, {count(r.records.scored)} scored, {count(r.records.waiting)} wait{r.records.not_scorable > 0 && <>, <span class="warn">{count(r.records.not_scorable)} without a captured payload that can be read</span></>}{!!r.records.beyond_at_most && <>, <span class="warn">{count(r.records.beyond_at_most)} came when at_most was used up, so nothing is known of them</span></>}.</p>
        {metrics("Metrics", r.metrics)}
        {r.length.n > 0 && <p class="small muted">Length: {percent(r.length.share)} ({percent(r.length.interval[0])} – {percent(r.length.interval[1])}) are unusually short or long against {r.length.history_days} days before, n {count(r.length.n)}; at most {percent(r.length.expected_at_most)} of ordinary ones are called so: {r.length.verdict === "more_than_expected" ? <strong class="warn">more than expected</strong> : "no evidence of a change"}.</p>}
        {r.groups.map((g: ScoringGroup) => <div class="stack"><h3 class="name">{g.name ?? "without one"} <span class="muted small">{count(g.records.scored)} scored</span></h3>{metrics(`Metrics of ${g.name ?? "records without one"}`, g.metrics)}</div>)}
      </>}</Loaded>
    </Panel>
  );
}

export function Online() {
  const rules = useGet<ScoringStates>("/scoring-states", {}, {topics: ["evaluations", "configuration"], poll: 30_000});
  const [chosen] = useFilter("rule");
  return (
    <Loaded of={rules}>{({rules: all}) => {
      const rule = all.find((r) => r.name === chosen) ?? all[0];
      return <>
        <Panel title="Scoring rules" note="records of the last 7 days">
          <Table<ScoringState> caption="Scoring rules" keyed={(r) => r.name} rows={all} href={(r) => withFilters("/evaluation", {rule: r.name})} keyboard empty={<Empty command="quarterdeck apply -f scoring.yaml">No rule scores production traffic. A rule is a file that says whose traffic, how much of it, and by which checks:</Empty>} columns={[
            {name: "name", label: "Rule", cell: (r) => <a class="name" aria-current={r === rule ? "true" : undefined} href={withFilters("/evaluation", {rule: r.name})}>{r.name}</a>}, {name: "app", label: "Application", cell: (r) => r.application ?? "all"},
            {name: "state", label: "State", cell: (r) => <><Badge tone={r.state === "on" ? "good" : r.state === "paused" ? "warn" : "unknown"}>{r.state}</Badge>{r.changed_at && <div class="muted small">{r.changed_by}, <Time at={r.changed_at} relative />{r.why && `: ${r.why}`}</div>}</>},
            {name: "matched", label: "Matched", number: true, cell: (r) => count(r.last_7_days.matched)}, {name: "taken", label: "Sampled", number: true, cell: (r) => count(r.last_7_days.taken)}, {name: "beyond", label: "Beyond at_most", number: true, cell: (r) => count(r.last_7_days.beyond_at_most)}, {name: "waiting", label: "Wait", number: true, cell: (r) => count(r.waiting)},
            {name: "act", label: "", cell: (r) => r.state === "paused" ? <Act label="Resume …" title={`Resume ${r.name}`} role="operator" path="/scoring/{name}/resume" params={{name: r.name}} body={() => ({})} about={<p>Scores what comes from now on.</p>} /> : <Act label="Pause …" title={`Pause ${r.name}`} role="operator" path="/scoring/{name}/pause" params={{name: r.name}} body={() => ({})} about={<p>What comes is passed by until it is resumed.</p>} />}]} />
        </Panel>
        {rule && <Report key={rule.name} rule={rule.name} />}
        {rule?.state === "paused" && <Note tone="warn"><p>{rule.name} is paused: nothing of what comes now is scored.</p></Note>}
      </>;
    }}</Loaded>
  );
}
