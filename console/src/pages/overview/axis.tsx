// One time axis for all: charts that share a cursor, and the events of the same time, so that what changed when it broke is seen.
import {useEffect, useMemo, useRef, useState} from "preact/hooks";
import {useGet} from "../../api";
import {TimeChart, type Mark} from "../../charts";
import {count, duration, exactTime} from "../../format";
import {useKeys} from "../../keys";
import {setFilters} from "../../router";
import type {SeriesAnswer, TimelineEvent} from "../../types";
import {Badge, Loaded, NoTraffic, Panel, Time, type Window} from "../../ui";
import {laned, seconds, type Marker} from "./events";

const METRICS = "latency.p50,latency.p95,cost,quality,requests,errors";
const charts: Array<{title: string; about: string; unit: string; metrics: string[]; height: number}> = [
  {title: "Latency", about: "whole answer, P50 and P95", unit: "ms", metrics: ["latency.p50", "latency.p95"], height: 190},
  {title: "Cost", about: "USD a step", unit: "usd", metrics: ["cost"], height: 150},
  {title: "Quality", about: "mean of the scores of production traffic, 0 to 1, with 95 %", unit: "score", metrics: ["quality"], height: 150},
  {title: "Traffic and errors", about: "exchanges a step", unit: "count", metrics: ["requests", "errors"], height: 150},
];
interface TimelineAnswer { from: string; to: string; events: TimelineEvent[]; more: boolean }

export function Axis({w}: {w: Window}) {
  const asked = {from: w.from, to: w.to, application: w.application};
  const series = useGet<SeriesAnswer>("/series", {metrics: METRICS, ...asked}, {poll: 30_000});
  const timeline = useGet<TimelineAnswer>("/timeline", {...asked, limit: 500}, {topics: ["alerts", "rollouts", "actions", "audit", "findings", "configuration"], every: 5000});
  return (
    <Panel title="What changed when" note={series.data && `${w.words}; a point is ${duration(series.data.step_s)}; drag over a chart to look closer`} actions={<Zoom w={w} of={series.data} />}>
      <Loaded of={series}>{(s) => s.series.some((x) => x.points.some((p) => p[1] != null))
        ? <Stack s={s} t={timeline.data} /> : <NoTraffic words={w.words} />}</Loaded>
      {timeline.error && <p class="muted" role="alert">Events could not be read: {timeline.error.message}</p>}
    </Panel>
  );
}

/** Closer, wider, sideways, and back to where one was. */
function Zoom({w, of}: {w: Window; of?: SeriesAnswer}) {
  const before = useRef<Array<{from: string; to: string | null}>>([]), now = useRef({from: w.from, to: w.to}), goingBack = useRef(false);
  if (now.current.from !== w.from || now.current.to !== w.to) {
    if (!goingBack.current) before.current.push(now.current);
    goingBack.current = false;
    now.current = {from: w.from, to: w.to};
  }
  const span = () => (of ? [Date.parse(of.from), Date.parse(of.to)] : null);
  const set = (from: number, to: number) => setFilters(to >= Date.now() ? {from: "-" + Math.max(60, Math.round((Date.now() - from) / 1000)) + "s", to: null} : {from: new Date(from).toISOString(), to: new Date(to).toISOString()});
  const scale = (by: number) => { const s = span(); if (s) { const middle = (s[0] + s[1]) / 2, half = Math.max(150_000, ((s[1] - s[0]) / 2) * by); set(middle - half, middle + half); } };
  const shift = (by: number) => { const s = span(); if (s) set(s[0] + (s[1] - s[0]) * by, s[1] + (s[1] - s[0]) * by); };
  const back = () => { const to = before.current.pop(); if (to) { goingBack.current = true; setFilters({from: to.from, to: to.to}); } };
  useKeys([{keys: "+", what: "look closer", run: () => scale(0.5)}, {keys: "-", what: "look wider", run: () => scale(2)}, {keys: "[", what: "earlier", run: () => shift(-0.5)}, {keys: "]", what: "later", run: () => shift(0.5)}, {keys: "z", what: "back to the window before", run: back}], [of, w.from, w.to]);
  return <>{before.current.length > 0 && <button class="button" onClick={back}>Back <kbd>z</kbd></button>}<button class="button" onClick={() => scale(0.5)} aria-label="Look closer">+</button><button class="button" onClick={() => scale(2)} aria-label="Look wider">−</button></>;
}

const loud = (e: TimelineEvent) => e.severity === "bad" || ["rollout", "model", "action"].includes(e.kind);
const MOST_MARKS = 24;
/** The lines through the charts: few enough to see the charts. What lasts long, or still goes on, is no band: it would cover all. */
function marksOf(events: TimelineEvent[], span: number): Mark[] {
  const marks: Mark[] = [];
  for (const e of events.filter(loud).sort((a, b) => seconds(a.at) - seconds(b.at))) {
    const at = seconds(e.at), last = marks[marks.length - 1];
    if (e.severity === "bad" || !last || at - last.at > span / 40) marks.push({at, until: e.kind === "alert" && e.until && seconds(e.until) - at < span / 10 ? seconds(e.until) : null, label: e.title, severity: e.severity});
  }
  return marks.slice(-MOST_MARKS);
}

function Stack({s, t}: {s: SeriesAnswer; t?: TimelineAnswer}) {
  const box = useRef<HTMLDivElement>(null), hair = useRef<HTMLDivElement>(null);
  const [plot, setPlot] = useState({left: 64, width: 0}), [chosen, setChosen] = useState<Marker | null>(null);
  const from = seconds(s.from), to = seconds(s.to);
  useEffect(() => { // the strip and the charts have one axis: where uPlot draws is measured, not guessed
    const measure = () => {
      const over = box.current?.querySelector<HTMLElement>(".u-over"), outer = box.current?.getBoundingClientRect(), at = over?.getBoundingClientRect();
      if (outer && at && at.width > 0) setPlot((p) => (p.left === at.left - outer.left && p.width === at.width ? p : {left: at.left - outer.left, width: at.width}));
    };
    const soon = () => requestAnimationFrame(measure), seen = new ResizeObserver(soon);
    if (box.current) seen.observe(box.current);
    soon();
    return () => seen.disconnect();
  }, [s]);
  const lanes = useMemo(() => laned(t?.events ?? [], from, to, ((to - from) * 30) / (plot.width || 800)), [t, from, to, plot.width]);
  const marks = useMemo(() => marksOf(t?.events ?? [], to - from), [t, from, to]);
  const drawn = useMemo(() => charts.map((c) => ({...c, lines: c.metrics.flatMap((m, i) => s.series.filter((x) => x.metric === m).map((x) => ({label: m.replace("latency.p", "P"), points: x.points, color: m === "errors" ? 1 : i === 1 ? 1 : 0})))})), [s]);
  useEffect(() => {
    const el = hair.current;
    if (el) { el.hidden = !chosen; if (chosen) el.style.left = plot.left + (plot.width * (chosen.at - from)) / (to - from || 1) + "px"; }
  }, [chosen, plot, from, to]);
  return (
    <div class="axis" ref={box}>
      <div class="hair" ref={hair} hidden />
      <Strip lanes={lanes} from={from} to={to} plot={plot} chosen={chosen} choose={setChosen} />
      <Card marker={chosen} more={t?.more ?? false} n={t?.events.length ?? null} />
      {drawn.map((c) => (
        <section>
          <h3>{c.title} <span class="muted small">{c.about}</span></h3>
          {c.lines.some((l) => l.points.some((p) => p[1] != null)) ? <TimeChart lines={c.lines} unit={c.unit} height={c.height} sync="overview" marks={marks} from={from} to={to} zero={c.unit !== "score"} words={`${c.title}, ${c.about}: ${inWords(c.lines)}`} />
            : <p class="muted small">{c.unit === "score" ? "Nothing scored production traffic in this window: a scoring rule does, see docs/evaluation.md; " : "No data in this window."}{c.unit === "score" && <code>quarterdeck apply -f scoring.yaml</code>}</p>}
        </section>))}
    </div>
  );
}
const inWords = (lines: Array<{label: string; points: SeriesAnswer["series"][0]["points"]}>) => lines.map((l) => {
  const known = l.points.filter((p) => p[1] != null), top = known.reduce((a, b) => ((b[1] ?? 0) > (a[1] ?? 0) ? b : a), known[0]);
  return known.length ? `${l.label} has ${known.length} points, its highest at ${exactTime(top[0])}` : `${l.label} has none`;
}).join("; ");

const letters: {[kind: string]: string} = {prompt: "P", rollout: "R", model: "M", configuration: "C", evaluation: "E", alert: "!", finding: "?", provider: "V", budget: "$", action: "A"};
function Strip({lanes, from, to, plot, chosen, choose}: {lanes: ReturnType<typeof laned>; from: number; to: number; plot: {left: number; width: number}; chosen: Marker | null; choose: (m: Marker | null) => void}) {
  const x = (v: number) => (plot.width * (v - from)) / (to - from || 1);
  const place = (el: HTMLElement | null, m: Marker) => { if (el) el.style.left = Math.max(0, Math.min(plot.width - 24, x(m.at) - 12)) + "px"; };
  const lasts = (el: HTMLElement | null, m: Marker) => { if (el) { el.style.left = Math.max(0, x(m.at)) + "px"; el.style.width = Math.max(2, x(m.until!) - Math.max(0, x(m.at))) + "px"; } };
  const along = (e: KeyboardEvent) => { // the arrows go from one to the next, Home and End to the ends
    if (!["ArrowLeft", "ArrowRight", "Home", "End"].includes(e.key)) return;
    const all = [...(e.currentTarget as HTMLElement).querySelectorAll<HTMLButtonElement>("button.event")], at = all.indexOf(document.activeElement as HTMLButtonElement);
    const next = e.key === "Home" ? 0 : e.key === "End" ? all.length - 1 : at + (e.key === "ArrowRight" ? 1 : -1);
    if (all[next]) { e.preventDefault(); all[next].focus(); }
  };
  const first = lanes.find((l) => l.markers.length)?.markers[0];
  const words = (m: Marker) => `${exactTime(m.at)}: ${m.events.length > 1 ? m.events.length + " events, " : ""}${m.events[0].title}${m.until ? `, until ${exactTime(m.until)}` : ""}`;
  return (
    <div class="events" role="group" aria-label="Events on the same axis; arrows go from one to the next" onKeyDown={along}>
      {lanes.map((l) => (
        <div><span class="lane-name">{l.name}{l.markers.length === 0 && ": none"}</span>
          {l.markers.length > 0 && <div class="lane" ref={(el) => { if (el) { el.style.marginLeft = plot.left + "px"; el.style.width = plot.width + "px"; } }}>
            {l.markers.filter((m) => m.until).map((m) => <i key={m.at} class={"lasts " + m.severity} ref={(el) => lasts(el, m)} />)}
            {l.markers.map((m) => (
              <button key={m.at + " " + m.events[0].subject} type="button" class={"event " + m.severity} ref={(el) => place(el, m)} aria-pressed={chosen?.events[0] === m.events[0]} aria-label={words(m)} title={words(m)} tabIndex={(chosen ? chosen.events[0] === m.events[0] : m === first) ? 0 : -1}
                onFocus={() => choose(m)} onMouseEnter={() => choose(m)} onClick={() => choose(m)}>{m.events.length > 1 ? m.events.length : letters[m.events[0].kind] ?? "·"}</button>))}
          </div>}
        </div>))}
    </div>
  );
}

/** What is chosen, in words; it stays until another is. */
function Card({marker, more, n}: {marker: Marker | null; more: boolean; n: number | null}) {
  return (
    <div class="event-card" aria-live="polite" tabIndex={marker && marker.events.length > 3 ? 0 : undefined} role="region" aria-label="The event">
      {!marker ? <p class="muted small">{n === null ? "Asking for events …" : n === 0 ? "Nothing was changed, and nothing was noticed, in this window." : `${count(n)} events${more ? ", the newest; there are older ones: look closer" : ""}. Point at one, or Tab to the strip and use the arrows.`}</p>
        : marker.events.slice(0, 50).map((e) => (
          <div class="one"><Badge tone={e.severity}>{e.kind}</Badge><a href={e.href} dir="auto">{e.title}</a><span class="muted small"><Time at={e.at} />{e.until && <> to <Time at={e.until} /> ({duration(seconds(e.until) - seconds(e.at))})</>}{e.actor && <> · by {e.actor}</>}{e.state && <> · {e.state}</>}{e.record && <> · <a href={"/exchanges/" + e.record}>its exchange</a></>}</span></div>))}
      {marker && marker.events.length > 50 && <p class="muted small">and {marker.events.length - 50} more: look closer</p>}
    </div>
  );
}
