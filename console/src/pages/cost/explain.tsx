import type {CostContribution, CostExplanation} from "api-types";
import {useGet} from "../../api";
import {Waterfall} from "../../charts";
import {count, percent, signed, time, usd} from "../../format";
import {setFilters, usePlace} from "../../router";
import {Command, Empty, Loaded, Note, Panel, Table, useWindow} from "../../ui";
import {named} from "./spend";

const factors: {[f: string]: {up: string; down: string; note: string}} = {
  volume: {up: "More requests", down: "Fewer requests", note: "at the cost a request had before"},
  mix: {up: "A dearer mix of work", down: "A cheaper mix of work", note: "of applications, request types, models"},
  input_tokens: {up: "Longer inputs", down: "Shorter inputs", note: "prompts, history, context"},
  cached_share: {up: "Less from the provider's cache", down: "More from the provider's cache", note: "of the input"},
  output_tokens: {up: "Longer answers", down: "Shorter answers", note: "output tokens a request"},
  price: {up: "Higher prices", down: "Lower prices", note: "of the same models"},
};
const nameOf = (c: CostContribution) => factors[c.factor][c.usd < 0 ? "down" : "up"];
const spans: Array<[string, string]> = [["1", "the last day against the day before"], ["7", "the last 7 days against the 7 before"], ["14", "the last 14 days against the 14 before"], ["weeks3", "the last 7 days against the 7 days three weeks before"]];

/** What is compared, from the query: a preset, or four times. */
function windowsOf(query: URLSearchParams): {[name: string]: string} {
  const compare = query.get("compare") ?? "7";
  if (compare === "own") return {from: query.get("cfrom") ?? "-7d", ...(query.get("cto") ? {to: query.get("cto")!} : {}), baseline_from: query.get("bfrom") ?? "-14d", baseline_to: query.get("bto") ?? "-7d"};
  if (compare === "weeks3") return {from: "-7d", baseline_from: "-28d", baseline_to: "-21d"};
  return {from: `-${compare}d`};
}

export function Explain() {
  const {query} = usePlace(), w = useWindow(), compare = query.get("compare") ?? "7", windows = windowsOf(query);
  const feature = query.get("feature"), type = query.get("request_type");
  const answer = useGet<CostExplanation>("/cost/explain", {...windows, application: w.application, feature, request_type: type});
  const at = (name: string, of: string, label: string) => <label class="row">{label} <input type="datetime-local" value={local(windows[of])} onChange={(e) => setFilters({[name]: e.currentTarget.value ? new Date(e.currentTarget.value).toISOString() : null})} /></label>;
  return (
    <>
      <Panel>
        <div class="row">
          <label class="row">Compare <select value={compare} onChange={(e) => setFilters({compare: e.currentTarget.value === "7" ? null : e.currentTarget.value})}>{spans.map(([v, t]) => <option value={v}>{t}</option>)}<option value="own">windows of my own</option></select></label>
          {compare === "own" && <>{at("cfrom", "from", "from")}{at("cto", "to", "to")}{at("bfrom", "baseline_from", "against from")}{at("bto", "baseline_to", "to")}</>}
          {(feature || type) && <button class="button" onClick={() => setFilters({feature: null, request_type: null})}>Only {[feature, type].filter(Boolean).join(", ")} ✕</button>}
        </div>
      </Panel>
      <Loaded of={answer}>{(e) => <Answer e={e} windows={windows} only={{application: w.application, feature, "request-type": type}} />}</Loaded>
    </>
  );
}
/** A time as its field wants it; "-7d" is what it means now. */
function local(text: string | undefined) {
  const back = /^-(\d+)d$/.exec(text ?? ""), at = back ? new Date(Date.now() - +back[1] * 86_400_000) : new Date(text ?? NaN);
  return isNaN(+at) ? "" : new Date(+at - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

function Answer({e, windows, only}: {e: CostExplanation; windows: {[name: string]: string}; only: {[option: string]: string | null}}) {
  const change = e.after_usd - e.before_usd;
  if (e.before_usd === 0 && e.after_usd === 0) return <Panel><Empty command="quarterdeck cost explain --from -7d">Nothing was spent in either window.</Empty></Panel>;
    const small = Math.abs(change) < 0.02 * Math.max(e.before_usd, e.after_usd); // parts of next to nothing say nothing
  const part = (usd: number) => (small ? "" : ` (${percent(usd / change, 0)} of the change)`);
  const moved = e.contributions.filter((c) => c.usd !== 0), where = e.where[0];
  const first = moved.find((c) => small || c.usd > 0 === change > 0); // the largest that goes the way of the whole
  return (
    <>
      <Note tone={change > 0 ? "warn" : "good"}>
        <p><strong>{usd(e.before_usd)} became {usd(e.after_usd)}: {signed(usd(change))}{e.before_usd > 0 && <> ({signed(percent(change / e.before_usd, 1))})</>}.</strong>{" "}
          {first && <>{small ? "What moved it either way evens out; the largest" : "Most of it"}: {nameOf(first).toLowerCase()}, {signed(usd(first.usd))}{part(first.usd)}. </>}
          {where && !small && <>It came from {where.dimension.replace("_", " ")} <strong>{named(where.value, where.dimension)}</strong>{where.inside && <> within {where.inside.dimension.replace("_", " ")} {named(where.inside.value, where.inside.dimension)}</>}: {signed(usd(where.usd))}.</>}
        </p>
        <p class="muted small">{time(e.baseline_from)} – {time(e.baseline_to)} against {time(e.from)} – {time(e.to)}. Contributions are Shapley values; they sum to the change exactly.{(e.unpriced_before > 0 || e.unpriced_after > 0) && <> In none of this: {count(e.unpriced_before)} exchanges before and {count(e.unpriced_after)} after, whose price is not known.</>}</p>
      </Note>
      <div class="columns">
        <Panel title="From before to after" note="USD">
          <Waterfall unit="usd" words={`cost from ${usd(e.before_usd)} to ${usd(e.after_usd)} by what moved it`}
            steps={[{label: "before", value: e.before_usd, total: true}, ...moved.map((c) => ({label: nameOf(c), note: factors[c.factor].note, value: c.usd})), {label: "after", value: e.after_usd, total: true}]} />
        </Panel>
        <Panel title="Where" note="the values whose share of the cost moved most unlike the rest's">
          {e.where.length === 0 ? <p class="muted">{e.where_note ?? "No value changed unlike the rest."}</p> :
            <Table caption="Where the change came from" rows={e.where} keyed={(r) => r.dimension + r.value + (r.inside?.value ?? "")} columns={[
              {name: "where", label: "where", cell: (r) => <>{r.dimension.replace("_", " ")} <strong>{named(r.value, r.dimension)}</strong>{r.inside && <span class="muted"> within {named(r.inside.value, r.inside.dimension)}</span>}</>},
              {name: "usd", label: "change", number: true, cell: (r) => signed(usd(r.usd)), sort: (r) => r.usd},
              {name: "share", label: "of the difference", number: true, cell: (r) => (small ? "–" : percent(r.share, 0)), sort: (r) => r.share},
              {name: "only", label: "", cell: (r) => (r.dimension === "feature" || r.dimension === "request_type") && r.value ? <button class="button" onClick={() => setFilters({[r.dimension]: r.value})}>only this</button> : null},
            ]} />}
        </Panel>
      </div>
      <p class="muted">In the terminal: <Command text={`quarterdeck cost explain ${Object.entries(windows).map(([name, at]) => `--${name.replace("_", "-")} ${at}`).join(" ")}${Object.entries(only).map(([option, v]) => (v ? ` --${option} ${v}` : "")).join("")}`} /></p>
    </>
  );
}
