// Judges held against people: agreement, confusion, sensitivity and specificity with intervals, drift.
import type {Judge, JudgeRate, Judges as All} from "api-types";
import {useGet} from "../../api";
import {count, percent, score} from "../../format";
import {useFilter, withFilters} from "../../router";
import {Badge, Empty, Figure, Figures, Loaded, Num, Note, Pairs, Panel, Table, Time, type Tone} from "../../ui";

const tones: {[state: string]: Tone} = {calibrated: "good", drifted: "bad", too_unlike_people: "bad", too_few_labels: "warn", uncalibrated: "warn"};
const State = ({of}: {of: string}) => <Badge tone={tones[of] ?? "unknown"}>{of.replaceAll("_", " ")}</Badge>;
const Rate = ({of}: {of: JudgeRate | undefined}) => (of ? <><Num v={of.value} unit="share" low={of.interval[0]} high={of.interval[1]} /><div class="muted small">n {count(of.n)}</div></> : <>–</>);

function One({judge: j}: {judge: Judge}) {
  const c = j.in_force;
  return (
    <Panel title={<>{j.name} <State of={j.state} /></>} note={j.calibrated_at ? <>labels added <Time at={j.calibrated_at} />{j.by && ` by ${j.by}`}{j.source && `, from ${j.source}`}</> : "nobody has labelled for it"} actions={<a class="button" href={withFilters("/evaluation", {judge: null})}>Close</a>}>
      {j.state === "drifted" && <Note tone="bad"><p>It agrees with people less than it did: {percent(j.drift?.before_agreement, 1)} of {count(j.drift?.before_n)} before, {percent(j.drift?.agreement, 1)} of {count(j.drift?.n)} since (Fisher's exact test, p {j.drift?.p_value.toPrecision(2)}, α {j.drift?.alpha}). What was labelled before no longer counts.</p></Note>}
      {c ? <>
        {c.answer !== "calibrated" && <Note tone="warn"><p>{c.answer === "too_few_labels" ? `Too few labels to correct what it says: about ${count(c.needed_labels)} more, drawn as these were.` : "It says too little of what people say for its errors to be corrected."}</p></Note>}
        <Figures>
          <Figure what="Agreement with people" value={c.agreement.value} unit="share" n={c.agreement.n} low={c.agreement.interval[0]} high={c.agreement.interval[1]} />
          <Figure what={`Cohen's kappa${c.kappa_weights === "quadratic" ? ", quadratic" : ""}`} value={c.kappa.value} unit="score" n={c.kappa.n} low={c.kappa.interval[0]} high={c.kappa.interval[1]} note="beyond what chance makes equal" />
          <Figure what="Sensitivity" value={c.sensitivity.value} unit="share" n={c.sensitivity.n} low={c.sensitivity.interval[0]} high={c.sensitivity.interval[1]} note="of what people pass, it passes" />
          <Figure what="Specificity" value={c.specificity.value} unit="share" n={c.specificity.n} low={c.specificity.interval[0]} high={c.specificity.interval[1]} note="of what people fail, it fails" />
        </Figures>
        <div class="scroll" tabIndex={0} role="region" aria-label="What people and the judge say">
          <table class="confusion"><caption class="small muted">Rows: what people say. Columns: what the judge says. {count(c.n)} labels.</caption>
            <thead><tr><th scope="col">people</th>{c.levels.map((l) => <th scope="col">{l}</th>)}</tr></thead>
            <tbody>{c.table.map((row, i) => <tr><th scope="row">{c.levels[i]}</th>{row.map((n, k) => <td class={i === k ? "good" : n ? "bad" : "muted"}>{count(n)}</td>)}</tr>)}</tbody></table>
        </div>
        <p class="muted small">People pass {percent(c.prevalence, 1)} of these, the judge {percent(c.judge_pass_rate, 1)}. Passed rates of suites that it decides are corrected by sensitivity and specificity (Rogan and Gladen). It lets {count(c.counts.let_through)} through that people fail, and misses {count(c.counts.missed)} that people pass. {count(j.errors)} gave no verdict, {count(j.contested)} were left out since people differ.</p>
      </> : <Empty command={`quarterdeck eval judge calibrate ${j.name} --labels labels.jsonl --key "$QUARTERDECK_KEY"`}>Nobody has labelled answers for it, so nothing is known of how far it says what people say.</Empty>}
      <Pairs of={[["Models", (j.judge?.models ?? []).join(", ") || "–"], ["Rubric", <span class="name">{j.check?.rubric ?? j.judge?.rubric ?? "–"}</span>], ["Identity", <code class="name">{j.identity.slice(0, 16)}…</code>], ["Decides in", j.used_by.length ? j.used_by.join(", ") : "no registered suite"]]} />
    </Panel>
  );
}

export function Judges() {
  const judges = useGet<All>("/calibrations", {}, {topics: ["evaluations", "reviews"]});
  const [chosen] = useFilter("judge");
  return (
    <Loaded of={judges}>{({judges: all}) => {
      const one = all.find((j) => j.identity.startsWith(chosen) && chosen);
      return <>
        {one && <One judge={one} />}
        <Panel title="Judges" note="one with another model, rubric, scale or temperature is another judge; intervals 95 %">
          <Table<Judge> caption="Judges" keyboard keyed={(j) => j.identity + j.name} rows={all} href={(j) => withFilters("/evaluation", {judge: j.identity.slice(0, 16)})} empty={<Empty command={'quarterdeck eval judge calibrate NAME --labels labels.jsonl --key "$QUARTERDECK_KEY"'}>No judge was declared by itself or held against people yet. A judge is a model that decides checks, such as those of a scoring rule; people's labels say how far to trust it.</Empty>} columns={[
            {name: "name", label: "Judge", cell: (j) => <><a class="name" href={withFilters("/evaluation", {judge: j.identity.slice(0, 16)})}>{j.name}</a><div class="muted small"><code>{j.identity.slice(0, 8)}</code> {(j.judge?.models ?? []).join(", ")}</div></>},
            {name: "state", label: "State", cell: (j) => <State of={j.state} />}, {name: "agreement", label: "Agreement", number: true, cell: (j) => <Rate of={j.in_force?.agreement} />},
            {name: "kappa", label: "Kappa", number: true, cell: (j) => score(j.in_force?.kappa.value)}, {name: "se", label: "Sensitivity", number: true, cell: (j) => <Rate of={j.in_force?.sensitivity} />}, {name: "sp", label: "Specificity", number: true, cell: (j) => <Rate of={j.in_force?.specificity} />},
            {name: "used", label: "Decides in", cell: (j) => <span class="name">{j.used_by.join(", ") || "–"}</span>}, {name: "at", label: "Labels added", cell: (j) => <Time at={j.calibrated_at} />}]} />
        </Panel>
      </>;
    }}</Loaded>
  );
}
