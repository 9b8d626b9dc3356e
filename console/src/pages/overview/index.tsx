// How it is, and what needs a person: a row a domain of each application; and below it all of it on one axis of time.
import type {Overview as Answer, OverviewDomain, OverviewNeed, OverviewRow} from "api-types";
import "../../style/overview.css";
import {useGet} from "../../api";
import {Spark} from "../../charts";
import {count, interval, value} from "../../format";
import {withFilters} from "../../router";
import {Badge, Command, Empty, Loaded, Page, Panel, Time, WindowPicker, useWindow} from "../../ui";
import type {Severity} from "../../types";
import {Axis} from "./axis";

const rank = {bad: 3, warn: 2, unknown: 1, good: 0};
const said = {bad: "needs you", warn: "look", unknown: "not known", good: "good"};
const weight = (r: OverviewRow) => r.domains.reduce((sum, d) => sum + 10 ** rank[d.state], 0);

export function Overview() {
  const w = useWindow();
  const overview = useGet<Answer>("/overview", {application: w.application, from: w.from, to: w.to}, {topics: ["alerts", "findings", "rollouts", "actions", "reviews", "configuration", "evaluations"], every: 5000, poll: 60_000});
  const needs = overview.data && needsOf(overview.data, w.application);
  return (
    <Page title="Overview" about={<>{w.application ? <span dir="auto">{w.application}</span> : "all applications"}, {w.words}</>} actions={<WindowPicker />}>
      {needs && <Needs of={needs} app={w.application} more={overview.data!.applications.some((a) => a.application === w.application && a.domains.some((d) => d.needs.length >= MOST_TOLD))} />}
      <Loaded of={overview}>{(o) => <Blocks o={o} one={w.application !== null} />}</Loaded>
      <Axis w={w} />
    </Page>
  );
}

const urgency: {[s in Severity]: number} = {bad: 2, warn: 1, info: 0, good: 0}, FIRST = 4;
/** What needs a person, the most urgent and then the newest first. An alert and the finding that it follows are about one thing. */
function needsOf(o: Answer, application: string | null): OverviewNeed[] {
  const by = new Map<string, OverviewNeed>();
  for (const n of o.applications.filter((a) => a.application === application).flatMap((a) => a.domains.flatMap((d) => d.needs)))
    if (!by.has(n.about) || n.href.startsWith("/alerts/")) by.set(n.about, n);
  return [...by.values()].sort((a, b) => urgency[b.severity] - urgency[a.severity] || (b.since ?? "").localeCompare(a.since ?? ""));
}
/** Where it is seen, of this application alone. */
const hrefOf = (n: OverviewNeed, app: string | null) => (app && !n.href.startsWith("/alerts/") ? `${n.href}${n.href.includes("?") ? "&" : "?"}app=${encodeURIComponent(app)}` : n.href);
const MOST_TOLD = 20; // of each domain, by the server
function Needs({of: all, app, more}: {of: OverviewNeed[]; app: string | null; more: boolean}) {
  const list = (needs: OverviewNeed[]) => <ul class="needs-list">{needs.map((n) => (
    <li key={n.about}><Badge tone={n.severity}>{soon[n.severity]}</Badge><div><a href={hrefOf(n, app)} dir="auto">{n.title}</a>{n.command && <div class="wide-only"><Command text={n.command} /></div>}</div><span class="muted small">{n.since && <Time at={n.since} relative />}</span></li>))}</ul>;
  return (
    <Panel title={all.length === 0 ? "Nothing needs a person" : all.length === 1 ? "One thing needs a person" : `${all.length}${more ? " or more" : ""} things need a person`} note="open now, whatever the window; the most urgent first, then the newest">
      {all.length > 0 && list(all.slice(0, FIRST))}
      {all.length > FIRST && <details><summary>{all.length - FIRST} more</summary>{list(all.slice(FIRST))}</details>}
    </Panel>
  );
}
const soon: {[s in Severity]: string} = {bad: "now", warn: "soon", info: "when there is time", good: "done"};

const OPEN = 3, wide = matchMedia("(min-width: 801px)");
function Blocks({o, one}: {o: Answer; one: boolean}) {
  const apps = o.applications.filter((a) => a.application !== null).sort((a, b) => weight(b) - weight(a)), all = o.applications.find((a) => a.application === null);
  if (one || apps.length === 0) {
    const row = one ? apps[0] ?? all : all;
    return row ? <Panel title={row.application ?? "All applications"} note={`${count(row.requests)} exchanges in the window; so are the numbers, where they say nothing else`}><Domains row={row} /></Panel>
      : <Panel><Empty command="quarterdeck key create NAME first">No application has asked anything yet. Give one a key:</Empty></Panel>;
  }
  return (
    <>
      {apps.map((a, i) => (
        <section class="panel" key={a.application}><details class="app-block" open={i < OPEN && wide.matches}>
          <summary><h2 dir="auto">{a.application}</h2><span class="muted small">{count(a.requests)} exchanges</span>{a.domains.map((d) => <Badge tone={d.state}>{d.domain}<span class="hidden">: {said[d.state]}</span></Badge>)}</summary>
          <p class="only small"><a href={withFilters("/", {app: a.application})}>only {a.application}</a></p>
          <Domains row={a} />
        </details></section>))}
      {all && <section class="panel"><details class="app-block"><summary><h2>All together</h2><span class="muted small">{count(all.requests)} exchanges</span>{all.domains.map((d) => <Badge tone={d.state}>{d.domain}<span class="hidden">: {said[d.state]}</span></Badge>)}</summary><Domains row={all} /></details></section>}
      {o.left_off && <p class="muted">More applications had less traffic and are not shown: choose one above.</p>}
    </>
  );
}

const pageOf: {[domain: string]: string} = {quality: "/evaluation", cost: "/cost", change: "/prompts", incidents: "/alerts"};
function Domains({row}: {row: OverviewRow}) {
  return <div class="domains">{row.domains.map((d) => <Domain d={d} app={row.application} key={d.domain} />)}</div>;
}
function Domain({d, app}: {d: OverviewDomain; app: string | null}) {
  const to = pageOf[d.domain];
  return (
    <div class={"domain" + (d.needs.length ? "" : " calm")}>
      <div class="name">{to ? <a href={withFilters(to, {app})}>{d.domain}</a> : <span>{d.domain}</span>}<Badge tone={d.state}>{said[d.state]}</Badge></div>
      <div class="what">
        {d.needs.length === 0 && <span class="headline" dir="auto">{d.headline}</span>}
        {d.numbers.length > 0 && <div class="numbers">{d.numbers.map((n) => (
          <span class="number-of"><span class="small muted">{n.label}</span><span class="v">{value(n.value, n.unit)}</span>
            <span class="small muted">{[interval(n.low, n.high, n.unit), n.n != null && `n ${count(n.n)}`, n.window !== "the window" && n.window].filter(Boolean).join(" · ")}</span>{n.note && <span class="small muted">{n.note}</span>}</span>))}</div>}
      </div>
      <div class="trend">{d.trend_metric && <><Spark points={d.trend as Array<[number, number | null]>} words={`${trends[d.trend_metric] ?? d.trend_metric} over the window`} /><span class="muted small">{trends[d.trend_metric] ?? d.trend_metric}</span></>}</div>
      {d.needs.length > 0 && <div class="needs">{d.needs.slice(0, SHOWN).map((n) => <Need n={n} app={app} />)}{d.needs.length > SHOWN && <details><summary class="small">{d.needs.length - SHOWN} more</summary><div class="needs">{d.needs.slice(SHOWN).map((n) => <Need n={n} app={app} />)}</div></details>}</div>}
    </div>
  );
}
const SHOWN = 2, trends: {[metric: string]: string} = {quality: "score", "latency.p95": "latency, P95", cost: "cost", error_rate: "errors"};
const Need = ({n, app}: {n: OverviewNeed; app: string | null}) => (
  <div class="need"><Badge tone={n.severity}>{soon[n.severity]}</Badge><span class="clamp"><a href={hrefOf(n, app)} dir="auto" title={n.title}>{n.title}</a>{n.since && <span class="muted small"> · <Time at={n.since} relative /></span>}</span></div>
);
