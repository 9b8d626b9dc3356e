import type {CostAnomalies, CostReport, CostShift, CostWatch, Finding, Findings} from "api-types";
import {useGet} from "../../api";
import {TimeChart} from "../../charts";
import {count, percent, signed, time, usd, value} from "../../format";
import {withFilters} from "../../router";
import type {Point} from "../../types";
import {Act, Badge, Command, Empty, Loaded, Note, Panel, Table, useWindow} from "../../ui";

const factors: {[f: string]: string} = {mix: "mix of models", input_tokens: "input tokens", cached_share: "provider's cache", output_tokens: "output tokens", price: "prices"};

export function Anomalies() {
  const w = useWindow();
  const watched = useGet<CostAnomalies>("/cost/anomalies", {application: w.application, timezone: Intl.DateTimeFormat().resolvedOptions().timeZone});
  const findings = useGet<Findings>("/findings", {domain: "cost", application: w.application}, {topics: ["findings"]});
  return (
    <>
      <Loaded of={watched}>{(a) => {
        const shifted = a.types.filter((t) => t.verdict === "shifted");
        return (
          <>
            <Panel title={shifted.length ? `${count(a.findings)} shift${a.findings === 1 ? "" : "s"} of the cost of a request` : "No shift of the cost of a request"} note={`${a.first_day} – ${a.last_day}, days of ${a.timezone}; one false alarm in ${count(a.false_alarm_days)} days is promised, all together`}>
              {a.types.length === 0 && <Empty command="quarterdeck cost anomalies">There is no day with enough priced requests yet.</Empty>}
              {shifted.map((t) => <Watched key={`${t.application} ${t.request_type}`} watch={t} />)}
              {!shifted.length && a.types.length > 0 && <p>Every request type below costs what it did, or has too little data to say.</p>}
            </Panel>
            {a.types.length > 0 && <Panel title="All that is watched" note={`cost of a request, day by day; the alarm is at ${a.types[0].evidence.threshold_from.replaceAll("_", " ")}`}>
              <Table caption="Request types that are watched" rows={a.types} keyed={(t) => `${t.application} ${t.request_type}`} columns={[
                {name: "type", label: "request type", cell: (t) => <>{t.application} · {t.request_type ?? <span class="muted">without request type</span>}</>, sort: (t) => t.request_type},
                {name: "verdict", label: "verdict", cell: (t) => t.verdict === "shifted" ? <Badge tone="warn">shifted</Badge> : t.verdict === "none" ? <Badge tone="good">no shift</Badge> : <Badge>not enough data</Badge>, sort: (t) => t.verdict},
                {name: "stat", label: "statistic", number: true, cell: (t) => value(t.evidence.statistic, ""), sort: (t) => t.evidence.statistic},
                {name: "threshold", label: "alarm at", number: true, cell: (t) => value(t.evidence.threshold, "")},
                {name: "n", label: "n", number: true, cell: (t) => <>{count(t.evidence.requests)} in {count(t.evidence.days)} days</>, sort: (t) => t.evidence.requests},
                {name: "seen", label: "a week would show", number: true, cell: (t) => t.evidence.detectable_in_a_week == null ? "–" : "±" + percent(t.evidence.detectable_in_a_week, 0)},
                {name: "more", label: "what would change it", cell: (t) => <span class="muted small">{t.evidence.would_change_it.replaceAll("_", " ")}</span>},
              ]} />
            </Panel>}
          </>
        );
      }}</Loaded>
      <Panel title="What the server noticed about cost" note="open ones first; each as it was judged on its day">
        <Loaded of={findings}>{(f) => <Table caption="Findings about cost" rows={f.findings} keyed={(x) => x.id}
          empty={<Empty command="quarterdeck cost findings">Nothing was noticed. The server looks by itself: budgets each minute, prices and shifts each hour.</Empty>}
          columns={[
            {name: "state", label: "state", cell: (x: Finding) => x.state === "open" ? <Badge tone="warn">open</Badge> : x.state === "cleared" ? <Badge tone="good">cleared</Badge> : <Badge>dismissed</Badge>, sort: (x) => x.state},
            {name: "title", label: "what", cell: (x) => <><div>{x.title}</div><Command text={x.command} />{x.dismissed && <div class="muted small">dismissed: {(x.dismissed as any).reason}</div>}</>},
            {name: "since", label: "since", cell: (x) => time(x.first_seen), sort: (x) => x.first_seen},
            {name: "act", label: "", cell: (x) => x.state === "open" ? <Act label="Dismiss" title={`Dismiss: ${x.title}`} role="operator" path="/findings/{id}/dismiss" params={{id: x.id}} /> : null},
          ]} />}</Loaded>
      </Panel>
    </>
  );
}

/** One kind of work: each of its shifts, and its cost by day with the first days marked. */
function Watched({watch}: {watch: CostWatch}) {
  const days = useGet<CostReport>("/cost/report", {application: watch.application, request_type: watch.request_type, by: "day", from: "-60d"});
  return (
    <div class="stack">
      {watch.shifts.map((s) => <Shift key={s.first_day} watch={watch} shift={s} />)}
      {watch.request_type && <Loaded of={days}>{(r) => {
        const points: Point[] = r.rows.map((row) => [Date.parse(row.day + "T12:00:00Z") / 1000, row.cost_per_request_usd, row.count, null, null]);
        return <section><h3>{watch.application} · {watch.request_type} <span class="muted small">USD a request, a point is a day (UTC); dashed: first days of the shifts</span></h3>
          <TimeChart lines={[{label: "a request", points}]} unit="usd" height={140} zoom={false} marks={watch.shifts.map((s) => ({at: Date.parse(s.first_day + "T00:00:00Z") / 1000, label: "first day", severity: "bad"}))} words={`cost of a request by day; it shifted on ${watch.shifts.map((s) => s.first_day).join(", ")}`} /></section>;
      }}</Loaded>}
    </div>
  );
}
function Shift({watch, shift}: {watch: CostWatch; shift: CostShift}) {
  const change = shift.usd_per_request_after / shift.usd_per_request_before - 1;
  const label = shift.prompt ? `prompt ${shift.prompt.value}` : shift.model ? `model ${shift.model.value}` : shift.system_prompt ? `system prompt ${shift.system_prompt.value.slice(0, 8)}…` : null;
  return (
    <Note tone={change > 0 ? "warn" : "good"}>
      <p><strong>{watch.application} · {watch.request_type ?? "without request type"}: {shift.text} on {shift.first_day}, {signed(percent(change, 1))} a request</strong></p>
      <p>{usd(shift.usd_per_request_before)} before, {usd(shift.usd_per_request_after)} since: {signed(usd(shift.usd_month))} a month at today's traffic.{label && <> It came with {label}.</>} The alarm was raised by the numbers of {shift.alarm_day}.</p>
      <details><summary>What moved it, and how that is known</summary><p class="muted small">{shift.contributions.map((c) => `${factors[c.factor]} ${signed(usd(c.usd_per_request))}`).join(" · ")} a request, which sum to the change. {watch.evidence.method}.</p></details>
      <div class="row"><a class="button" href={withFilters("/cost", {tab: "why", compare: "own", ...beforeAndNow(shift.first_day), app: watch.application, request_type: watch.request_type})}>Why did it change?</a></div>
    </Note>
  );
}
/** The last days against as many before the shift, a week at most: windows of one length, or the larger one would seem to have more requests. */
function beforeAndNow(first: string) {
  const at = Date.parse(first + "T00:00:00Z"), days = Math.max(1, Math.min(7, Math.floor((Date.now() - at) / 86_400_000)));
  return {bfrom: new Date(at - days * 86_400_000).toISOString(), bto: new Date(at).toISOString(), cfrom: `-${days}d`, cto: null};
}
