// One run against another: the paired difference, flipped cases first, by tag.
import type {EvalComparison, EvalFlip, EvalRuns} from "api-types";
import {useGet} from "../../api";
import {count, ms, NONE, percent, signed, usd} from "../../format";
import {setFilters, useFilter, withFilters} from "../../router";
import {Empty, Figure, Figures, Loaded, Note, Page, Panel, Table} from "../../ui";
import {Verdict} from "../prompts/parts";
import {runAt} from ".";
import "../../style/change.css";

const points = (x: number | null | undefined) => (x == null ? NONE : signed((x * 100).toFixed(1)) + " points");
const between = (i: unknown) => { const [low, high] = (i ?? []) as [number | null, number | null]; return low == null || high == null ? "" : `${points(low)} to ${points(high)}`; };

function Chosen({label, name, runs}: {label: string; name: string; runs: EvalRuns | undefined}) {
  const [value] = useFilter(name);
  return <label class="row pick"><span class="muted small">{label}</span><select value={value} onChange={(e) => setFilters({[name]: e.currentTarget.value})}>{!value && <option value="">choose a run</option>}{value && !runs?.runs.some((r) => r.run === value) && <option>{value}</option>}{runs?.runs.map((r) => <option value={r.run}>{r.run}: {r.suite}{r.prompt && `, ${r.prompt}`}{r.model && `, ${r.model}`}</option>)}</select></label>;
}
const Output = ({text, why}: {text: string | null; why: string | null}) => <><span class="clamp">{text ?? "–"}</span>{why && <div class="muted small clamp">{why}</div>}</>;

export function Compare() {
  const [a] = useFilter("a"), [b] = useFilter("b");
  const runs = useGet<EvalRuns>("/evals", {limit: 100});
  const compared = useGet<EvalComparison>(a && b ? "/evals/compare" : null, {a, b});
  return (
    <Page title="Compare two runs" about="Case by case: what both answered is compared in pairs." actions={<><Chosen label="baseline" name="a" runs={runs.data} /><Chosen label="candidate" name="b" runs={runs.data} /></>}>
      {!a || !b ? <Empty command={`quarterdeck eval compare ${a || "run-1"} ${b || "run-2"}`}>Choose a baseline and a candidate above.</Empty> : <Loaded of={compared}>{(c) => <>
        <Note tone={c.verdict === "better" ? "good" : c.verdict === "worse" ? "bad" : "unknown"}><p><Verdict of={c.verdict} /> {c.why}</p>
          {c.verdict === "no_evidence" && <p class="small">That is not “equal”. {c.minimum_detectable != null && <>So many cases show a difference of {points(c.minimum_detectable).replace("+", "")} with a chance of 80 %.</>} {c.needed_cases != null && <>About {count(c.needed_cases)} more would probably settle one as large as this.</>}</p>}
          {!c.same_suite && <p class="small warn">The two are of different versions of the suite: its checks may differ.</p>}{!c.reliable && <p class="small warn">It is not reliable: more errors than the suite allows, or no pair.</p>}</Note>
        <Panel title="The difference" note={`candidate less baseline, over pairs; intervals ${percent(c.confidence, 1)}${c.method ? `, ${c.method}` : ""}`}>
          <Figures>
            <div class="figure"><span class="what">Pass rate</span><span class={"value " + (c.verdict === "better" ? "good" : c.verdict === "worse" ? "bad" : "")}>{points(c.difference)}</span><span class="rest">{between(c.interval)} · n {count(c.pairs)} pairs</span><span class="rest">p {c.p_value == null ? NONE : c.p_value < 0.001 ? "< 0.001" : c.p_value.toFixed(3)}; {count(c.higher)} better, {count(c.lower)} worse</span></div>
            <Figure what={<a href={runAt(c.a.run)}>baseline {c.a.run}</a>} value={c.baseline.pass_rate} unit="share" n={c.pairs} note={`${c.a.prompt ?? c.a.suite} ${c.a.model ?? ""}${c.a.whole ? "" : "; stopped early"}`} />
            <Figure what={<a href={runAt(c.b.run)}>candidate {c.b.run}</a>} value={c.candidate.pass_rate} unit="share" n={c.pairs} note={`${c.b.prompt ?? c.b.suite} ${c.b.model ?? ""}${c.b.whole ? "" : "; stopped early"}`} />
            <div class="figure"><span class="what">Cost an answer</span><span class="value">{c.cost.ratio == null ? NONE : `${c.cost.ratio.toFixed(2)} ×`}</span><span class="rest">{usd(c.cost.baseline_usd)} → {usd(c.cost.candidate_usd)} · n {count(c.cost.pairs)}</span></div>
            <div class="figure"><span class="what">Latency</span><span class="value">{c.latency.ratio == null ? NONE : `${c.latency.ratio.toFixed(2)} ×`}</span><span class="rest">{ms(c.latency.baseline_ms)} → {ms(c.latency.candidate_ms)} · n {count(c.latency.pairs)}</span></div>
            <div class="figure"><span class="what">Mean score</span><span class="value">{c.score.difference == null ? NONE : signed(c.score.difference.toFixed(3))}</span><span class="rest">{c.score.interval && (c.score.interval as number[])[0] != null ? `${signed((c.score.interval as number[])[0].toFixed(3))} to ${signed((c.score.interval as number[])[1].toFixed(3))}` : ""} · n {count(c.score.pairs)}</span></div>
          </Figures>
          <p class="muted small">Left out: {count(c.left_out.only_baseline)} only in the baseline, {count(c.left_out.only_candidate)} only in the candidate, {count(c.left_out.changed)} that ask something else now, {count(c.left_out.unanswered)} without an answer in one of them.</p>
        </Panel>
        <Panel title="Flipped cases" note={`${count(c.flips)}: share of passed runs moved by half or more; worse ones first`}>
          <Table<EvalFlip> caption="Flipped cases" keyed={(f) => f.case} rows={c.flipped.slice(0, 100)} empty={<p class="muted">None: every case that both answered came out alike.</p>} columns={[
            {name: "case", label: "Case", sort: (f) => f.case, cell: (f) => <span class="name">{f.case}</span>}, {name: "how", label: "Came out", sort: (f) => f.candidate - f.baseline, cell: (f) => <Verdict of={f.candidate < f.baseline ? "worse" : "better"} />},
            {name: "from", label: "Passed before", number: true, cell: (f) => percent(f.baseline, 0)}, {name: "to", label: "Now", number: true, cell: (f) => percent(f.candidate, 0)},
            {name: "a", label: "Baseline said", cell: (f) => <Output text={f.baseline_output} why={f.baseline_reason} />}, {name: "b", label: "Candidate said", cell: (f) => <Output text={f.candidate_output} why={f.candidate_reason} />}]} />
          {c.flips > 100 && <p class="muted small">100 of {count(c.flips)} are shown: <code>quarterdeck eval compare {a} {b} --json</code> has the rest.</p>}
        </Panel>
        <Panel title="By tag" note="verdicts by Holm's adjusted p-values, for all tags together">
          <Table caption="By tag" keyed={([t]) => t} rows={Object.entries(c.by_tag as unknown as {[t: string]: {difference: number | null; interval: unknown; verdict: string; pairs: number; p_adjusted: number | null}})} empty={<p class="muted">The suite has no tags.</p>} columns={[
            {name: "tag", label: "Tag", sort: ([t]) => t, cell: ([t]) => t}, {name: "d", label: "Difference", number: true, sort: ([, d]) => d.difference, cell: ([, d]) => <>{points(d.difference)} <span class="muted small">{between(d.interval)}</span></>}, {name: "v", label: "Verdict", cell: ([, d]) => <Verdict of={d.verdict} />}, {name: "n", label: "n", number: true, cell: ([, d]) => count(d.pairs)}, {name: "p", label: "p, adjusted", number: true, cell: ([, d]) => (d.p_adjusted == null ? NONE : d.p_adjusted.toFixed(3))}]} />
        </Panel>
      </>}</Loaded>}
      <p><a href={withFilters("/evaluation")}>All suites</a></p>
    </Page>
  );
}
