// One rule: its threshold and where that is from, what another one would have done, what was proposed, what it has been worth.
import type {AlertRule, AlertRules, Alerts, Calibration, Replay, RuleReplay, Threshold as ThresholdRow, Thresholds} from "api-types";
import {useEffect, useMemo, useRef, useState} from "preact/hooks";
import {inquire, useGet, type ApiError} from "../../api";
import {TimeChart, type Limit, type Line, type Mark} from "../../charts";
import {count, duration, NONE, value} from "../../format";
import {setFilters, useFilter} from "../../router";
import type {Point} from "../../types";
import {Act, Badge, Empty, Failed, Figure, Figures, Loaded, Note, Page, Panel, Table, Time} from "../../ui";
import {RunbookLink, thresholdOrigin, ruleUnit} from "./index";
import {alertHref, AlertTabs, seriesText, Severity, Silence, State} from "./parts";

export function RulePage({parts}: {parts: {[name: string]: string}}) {
  const rules = useGet<AlertRules>("/alert-rules", {}, {topics: ["alerts", "configuration"], poll: 15_000});
  return (
    <Page title={parts.name} about="an alert rule" actions={<><Silence label="Silence it …" /><a class="button" href={"/settings/alerts/" + encodeURIComponent(parts.name)}>Edit the rule</a></>}>
      <AlertTabs />
      <Loaded of={rules}>{(r) => {
        const rule = r.rules.find((x) => x.name === parts.name);
        return rule ? <Shown rule={rule} /> : <Panel><Empty command="quarterdeck alert rules">No rule of this name is configured any more. Its alerts are still listed under Alerts.</Empty></Panel>;
      }}</Loaded>
    </Page>
  );
}
function Shown({rule}: {rule: AlertRule}) {
  const unit = ruleUnit(rule.metric), p = rule.precision;
  return (
    <>
      <Panel title={<><Severity of={rule.severity} /> <Badge tone={rule.state === "firing" ? "bad" : rule.state === "pending" ? "warn" : rule.state === "well" ? "good" : "unknown"}>{rule.state}</Badge> {rule.condition}{rule.for_s ? ` for ${duration(rule.for_s)}` : ""}</>} actions={rule.runbook ? <RunbookLink to={rule.runbook} /> : undefined}>
        {rule.idle && <Note tone="warn">It cannot be judged: {rule.idle}.</Note>}
        <Figures>
          <Figure what="worst series now" value={rule.worst} unit={unit} window={`${count(rule.series)} series in the last hour`} tone={rule.state === "firing" ? "bad" : undefined} />
          <Figure what="threshold" value={rule.threshold} unit={unit} window={thresholdOrigin(rule)} note={rule.clear !== rule.threshold && rule.clear != null ? `ends at ${value(rule.clear, unit)}` : undefined} />
          <Figure what="acted on" value={p && p.fired ? p.acted / p.fired : null} unit="share" n={p?.fired ?? 0} window="last 90 days" note={p ? `${p.acted} real, ${p.ignored} passed without a word, ${p.noise} noise` : "it has not fired"} />
          <Figure what="tells" value={rule.notify.length} unit="count" window={rule.notify.join(", ") || "nobody is told"} />
        </Figures>
      </Panel>
      {rule.metric && rule.threshold_from !== "baseline" ? <Try rule={rule} unit={unit} /> : <Panel title="What would another threshold have done?"><Empty>{rule.metric ? "It learns what is normal by itself: there is no number to try." : "It follows findings: there is no number to try."}</Empty></Panel>}
      <Proposals rule={rule} unit={unit} />
      <History rule={rule} />
    </>
  );
}

/** Slider, field and chart: what of the past weeks a threshold would have told. */
function Try({rule, unit}: {rule: AlertRule; unit: string}) {
  const [days, setDays] = useFilter("days", "7"), [given] = useFilter("threshold");
  const [base, setBase] = useState<RuleReplay | null>(null), [tried, setTried] = useState<Replay | null>(null);
  const [failed, setFailed] = useState<{error: ApiError; retry: () => void} | null>(null);
  const [at, setAt] = useState<number | null>(null), [busy, setBusy] = useState({base: false, tried: false});
  const asked = useRef({base: 0, tried: 0});
  const wanted = useRef<number | null>(null); // null: the one in force, whatever that becomes
  const move = (to: number) => { wanted.current = to; setAt(to); };
  const ask = (threshold: number | null) => {
    const kind = threshold == null ? "base" : "tried", mine = ++asked.current[kind], isLast = () => mine === asked.current[kind];
    const take = (r: RuleReplay) => {
      setFailed(null);
      if (kind === "tried") return setTried(r.replay);
      setBase(r);
      setTried((before) => (wanted.current == null || !before ? r.replay : before)); // what is tried is asked for again
      setAt(wanted.current ?? r.replay.threshold);
    };
    setBusy((now) => ({...now, [kind]: true}));
    inquire<RuleReplay>("POST", "/alert-rules/{name}/replay", {name: rule.name}, {from: `-${days}d`, ...(threshold == null ? {points: 400} : {threshold: asText(threshold)})})
      .then((r) => { if (isLast()) take(r); }, (error) => { if (isLast()) setFailed({error, retry: () => ask(threshold)}); })
      .finally(() => { if (isLast()) setBusy((now) => ({...now, [kind]: false})); });
  };
  const settle = () => { asked.current.tried++; setFailed(null); setBusy((now) => ({...now, tried: false})); }; // what is still being answered is of what was left
  useEffect(() => { wanted.current = given && isFinite(Number(given)) ? Number(given) : null; }, [rule.name]);
  useEffect(() => { settle(); setBase(null); setTried(null); }, [rule.name, days]);
  useEffect(() => ask(null), [rule.name, rule.threshold, days]);
  useEffect(() => { // what is dragged is asked for once it rests
    if (at == null || !base) return;
    const timer = setTimeout(() => {
      const same = at === base.replay.threshold;
      setFilters({threshold: same ? null : String(+at.toPrecision(6))}, true);
      if (!same) return ask(at);
      settle();
      setTried(base.replay);
    }, 250);
    return () => clearTimeout(timer);
  }, [at, base]);
  const lines = useMemo((): Line[] => (base?.values ?? []).map((v) => ({label: seriesText(v.series) || base!.metric, points: gapped(v.points as Array<[number, number, number]>, base!.step_s)})), [base]);
  const limits = useMemo((): Limit[] => [...(rule.threshold != null && at !== rule.threshold ? [{value: rule.threshold, label: "in force"}] : []), ...(at == null ? [] : [{value: at, label: at === rule.threshold ? "in force" : "tried"}])], [at, rule.threshold]);
  const marks = useMemo((): Mark[] => (tried?.firings ?? []).flatMap((f) => (f.from ? [{at: Date.parse(f.from) / 1000, until: f.to ? Date.parse(f.to) / 1000 : null, label: seriesText(f.series), severity: "bad" as const}] : [])), [tried]);
  const values = lines.flatMap((l) => l.points.flatMap((p) => (p[1] == null ? [] : [p[1]])));
  const worst = Math.max(...values, rule.threshold ?? 0), whole = (base?.unit === "share" || base?.unit === "0..1") && worst <= 1; // more than all is no threshold
  const high = whole ? Math.min(worst * 1.1, 1) : worst * 1.1, low = Math.min(0, ...values), step = (high - low) / 400 || 0.01;
  const shown = at == null ? "" : unit === "share" ? +(at * 100).toPrecision(4) : +at.toPrecision(4);
  return (
    <Panel title="What would another threshold have done?" note={base ? `${base.metric}, the worst of each ${duration(base.step_s)}; last ${days === "1" ? "day" : days + " days"}; alarms by the rule's own evaluation` : undefined}
      actions={<label class="row">Past <select value={days} onChange={(e) => setDays(e.currentTarget.value)}>{["1", "3", "7", "14", "28"].map((d) => <option value={d}>{d === "1" ? "day" : d + " days"}</option>)}</select></label>}>
      {failed && <Failed {...failed} />}
      {base && tried && (base.replay.series === 0 ? <Empty command="quarterdeck alert metrics">There is no data of this series in the last {days} days; what can be watched, and of what it is:</Empty> : <>
        <div class="try">
          <label for="threshold">Threshold</label>
          <input id="threshold" type="range" min={low} max={high} step={step} value={at ?? 0} aria-valuetext={value(at, unit)} onInput={(e) => move(Number(e.currentTarget.value))} />
          <span class="row"><input type="number" step="any" aria-label={`threshold in ${unit === "share" ? "percent" : unit || "the metric's unit"}`} value={shown} onInput={(e) => { const v = Number(e.currentTarget.value); if (e.currentTarget.value !== "" && isFinite(v)) move(unit === "share" ? v / 100 : v); }} />{unit === "share" ? "%" : unit}</span>
          <button class="button" disabled={at === base.replay.threshold} onClick={() => { wanted.current = null; setAt(base.replay.threshold); }}>As in force</button>
        </div>
        <TimeChart lines={lines} unit={unit} limits={limits} marks={marks} height={220} zoom={false} words={`${base.metric} over ${days} days; at ${value(at, unit)} it would have told ${tried.alarms} alarms`} />
        <div role="status" class={busy.base || busy.tried ? "muted" : ""}><Compared now={base.replay} then={tried} unit={unit} /></div>
        {tried.firings.length > 0 && <details><summary>{count(tried.alarms)} alarms at {value(tried.threshold, unit)}{tried.alarms > tried.firings.length ? `; the first ${tried.firings.length}` : ""}</summary>
          <Table caption="Alarms it would have told" rows={tried.firings} keyed={(f) => (f.from ?? "") + seriesText(f.series)} columns={[
            {name: "from", label: "told", cell: (f) => <Time at={f.from} />}, {name: "for", label: "lasted", number: true, cell: (f) => (f.from && f.to ? duration((Date.parse(f.to) - Date.parse(f.from)) / 1000) : "–")},
            {name: "series", label: "series", cell: (f) => seriesText(f.series) || "all"}, {name: "worst", label: "worst", number: true, cell: (f) => value(f.worst, unit)}]} /></details>}
      </>)}
      {!base && !failed && <p class="muted" role="status">Asking the server …</p>}
    </Panel>
  );
}
/** A plain number is taken of any unit, and of any length: "4.3121925s" is no time, since it is no whole number of microseconds. */
const asText = (v: number) => String(+v.toPrecision(9));
/** A gap in the data is a gap in the line. */
function gapped(points: Array<[number, number, number]>, step: number): Point[] {
  const out: Point[] = [];
  for (const [t, v, n] of points) {
    const last = out[out.length - 1];
    if (last && t - last[0] > 2.5 * step) out.push([last[0] + step, null, 0, null, null]);
    out.push([t, v, n, null, null]);
  }
  return out;
}
const short = (n: number | null) => (n == null ? NONE : n >= 100 ? count(n) : n.toFixed(1));
function Compared({now, then, unit}: {now: Replay; then: Replay; unit: string}) {
  const rate = (r: Replay) => `${short(r.alarms_per_month)} a month${r.low != null ? ` (95 %: ${short(r.low)} – ${short(r.high)})` : ""}`;
  const little = now.days < 2 ? "Less than two days of data: too little to speak of a month. " : "";
  const of = `${little}${now.days.toFixed(1)} days with data, ${count(now.series)} series, some ${count(now.samples)} samples`;
  if (then.threshold === now.threshold) return <p><strong>{count(now.alarms)} alarms</strong> at {value(now.threshold, unit)}, the threshold in force: {rate(now)}. <span class="muted small">{of}. What people took up as real is not counted.</span></p>;
  const fewer = now.alarms - then.alarms;
  return <p>At {value(then.threshold, unit)}: <strong>{count(then.alarms)} alarms</strong>, {rate(then)}; in force ({value(now.threshold, unit)}): {count(now.alarms)}, {rate(now)}. {fewer === 0 ? "As many." : fewer > 0 ? `${count(fewer)} fewer.` : `${count(-fewer)} more.`} <span class="muted small">{of}. What people took up as real is not counted.</span></p>;
}

function Proposals({rule, unit}: {rule: AlertRule; unit: string}) {
  const [said, setSaid] = useState<Calibration | null>(null);
  const list = useGet<Thresholds>("/thresholds", {rule: rule.name}, {topics: ["alerts", "audit"]});
  return (
    <Panel title="Calibration" note="thresholds learned from its own history; one is in force once a person accepted it"
      actions={<Act label="Calibrate …" title={`Calibrate ${rule.name}`} role="operator" path="/alert-rules/{name}/calibrate" params={{name: rule.name}} disabled={rule.calibrates ? null : "the rule says `calibrate: never`, or has no number"}
        fields={[{name: "alarms_per_month", label: "False alarms a month, all series together", type: "number", value: "1", required: true, hint: "as many as you are ready to get up for"}, {name: "from", label: "Of the past", type: "select", options: [["-28d", "28 days"], ["-14d", "14 days"], ["-7d", "7 days"], ["-56d", "56 days"]], value: "-28d", required: true}]}
        about={<p>A threshold is proposed, with what it rests on. Nothing changes until it is accepted.</p>} said="Calibrated: see what it says." done={setSaid} />}>
      {said && <Note tone={said.enough ? "good" : "warn"}><p>{said.words}</p></Note>}
      <Loaded of={list}>{(t) => <Table caption="Thresholds" rows={t.thresholds} keyed={(x) => x.number} columns={[
        {name: "state", label: "state", cell: (x) => <><Badge tone={x.in_force ? "good" : x.state === "proposed" ? "warn" : "unknown"}>{x.in_force ? "in force" : x.state}</Badge>{x.not_in_force_because && <div class="muted small">{x.not_in_force_because}</div>}</>},
        {name: "value", label: "threshold", number: true, cell: (x) => <>{value(x.value, unit)}<div class="muted small">ends at {value(x.clear, unit)}</div></>},
        {name: "words", label: "what it rests on", cell: (x) => <Rationale t={x} />},
        {name: "by", label: "by", cell: (x) => <>{x.by ?? "–"}<div class="muted small"><Time at={x.decided ?? x.made} /></div></>},
        {name: "do", label: "", cell: (x) => (x.state === "proposed" ? <span class="row"><Act label="Accept" primary title={`Accept ${value(x.value, unit)}`} role="approver" path="/thresholds/{number}/accept" params={{number: x.number}} body={() => ({})} disabled={x.not_in_force_because} /><Act label="Refuse" title={`Refuse ${value(x.value, unit)}`} role="approver" path="/thresholds/{number}/refuse" params={{number: x.number}} body={() => ({})} /></span> : null)}]}
        empty={<Empty command={`quarterdeck alert calibrate ${rule.name}`}>{rule.calibrates ? "It was never calibrated: its number is what somebody wrote down." : "Its threshold is a promise to somebody, or learned by itself; it is not calibrated."}</Empty>} />}</Loaded>
    </Panel>
  );
}
function Rationale({t}: {t: ThresholdRow}) {
  const r = (t.rationale ?? {}) as {[k: string]: unknown};
  const simple = Object.entries(r).filter(([k, v]) => k !== "words" && (typeof v === "number" || typeof v === "string" || typeof v === "boolean"));
  return <>{t.words ?? "–"}{t.why && <div class="small">“{t.why}”</div>}{simple.length > 0 && <details><summary class="small">data and method</summary><dl class="pairs small">{simple.map(([k, v]) => <><dt>{k.replace(/_/g, " ")}</dt><dd>{typeof v === "number" ? +v.toPrecision(4) : String(v)}</dd></>)}</dl></details>}</>;
}
function History({rule}: {rule: AlertRule}) {
  const alerts = useGet<Alerts>("/alerts", {rule: rule.name, limit: 100}, {topics: ["alerts"]});
  return (
    <Panel title="Its alerts" note="one a series, with its last firing; the first 100">
      <Loaded of={alerts}>{(a) => <Table caption="Alerts of the rule" rows={a.alerts} keyed={(x) => x.number} href={(x) => alertHref(x.number)} keyboard columns={[
        {name: "state", label: "state", cell: (x) => <State of={x.state} />}, {name: "series", label: "series", cell: (x) => <a href={alertHref(x.number)}>{seriesText(x.series) || "all"}</a>},
        {name: "fired", label: "last fired", cell: (x) => <Time at={x.fired} />}, {name: "value", label: "value", number: true, cell: (x) => value(x.value, ruleUnit(rule.metric))},
        {name: "times", label: "times", number: true, cell: (x) => count(x.times)}, {name: "came", label: "came to", cell: (x) => x.useful ?? <span class="muted">not judged</span>}]}
        empty={<Empty>It has never fired.</Empty>} />}</Loaded>
    </Panel>
  );
}
