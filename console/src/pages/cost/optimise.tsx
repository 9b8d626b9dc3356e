import type {CacheThresholds, CostReview, Models, Route} from "api-types";
import {useGet} from "../../api";
import {count, time, usd, value} from "../../format";
import {Act, Badge, Command, Empty, Figure, Figures, Loaded, Pairs, Panel, Table, useWindow} from "../../ui";

const names: {[a: string]: string} = {cache_prefix: "Let the provider cache the prefix", shorten_prompt: "Shorten the prompt", fewer_chunks: "Send fewer chunks", cheaper_target: "Use a cheaper target", lost_spend: "Stop paying for nothing", cap_output: "Cap the output", exact_cache: "Answer repeats from the cache", steady_load: "Steadier load", unpriced: "Give it a price"};

export function Optimise() {
  const w = useWindow();
  const review = useGet<CostReview>("/cost/review", {application: w.application, from: "-30d"});
  const caches = useGet<CacheThresholds>("/cost/cache-calibration", {application: w.application});
  const models = useGet<Models>("/models");
  return (
    <>
      <Loaded of={review}>{(r) => { const missed = r.prefixes.filter((p) => p.missed_tokens > 0); return (
        <>
          <Panel title="What would lower it" note={r.first ? `measured ${time(r.first)} – ${time(r.to)}, scaled to a month; read beside the sums: ${count(r.sample.records)} records, ${count(r.sample.exchanges)} captured exchanges` : undefined}>
            <Figures>
              <Figure what="Spend a month" value={r.spend_usd_month} unit="usd" window="scaled to a month" />
              <Figure what="Known savings" value={r.actions.length ? r.actions.reduce((s, a) => s + (a.at_most ? 0 : a.usd_month ?? 0), 0) : null} unit="usd" window="a month" note="upper bounds left out; they may overlap" />
            </Figures>
            {r.verdict === "not_enough_data" && <Empty command="quarterdeck cost review">Less than a day was observed: nothing can be scaled to a month yet.</Empty>}
            {r.verdict === "nothing" && <p>Nothing above 1 % of the spend was found.</p>}
            {r.actions.length > 0 && <Table caption="Actions by what they save" rows={r.actions} keyed={(a) => a.action + a.text} columns={[
              {name: "usd", label: "USD a month", number: true, cell: (a) => a.usd_month == null ? <span class="muted">not known</span> : <>{a.at_most && "at most "}{usd(a.usd_month)}</>, sort: (a) => a.usd_month},
              {name: "what", label: "what to do", cell: (a) => <><strong>{names[a.action] ?? a.action}</strong><div>{a.text}</div><div class="muted small">{a.why}</div></>},
              {name: "where", label: "where", cell: (a) => <span class="small">{[a.application, a.request_type, a.feature, a.model, a.target_model].filter(Boolean).join(" · ") || "everywhere"}</span>},
              {name: "how", label: "how", cell: (a) => <Command text={a.act} />},
              {name: "evidence", label: "evidence", cell: (a) => <details><summary>numbers</summary><ul class="small">{Object.entries(a.evidence).map(([k, v]) => <li>{k.replaceAll("_", " ")}: {value(v, "")}</li>)}</ul></details>},
            ]} />}
            {r.left_off > 0 && <p class="muted">{count(r.left_off)} smaller ones, below 1 % of the spend, are left off.</p>}
            {r.not_answered.length > 0 && <details><summary>What this cannot say ({r.not_answered.length})</summary><ul>{r.not_answered.map((q) => <li><strong>{q.question}</strong> <span class="muted">{q.why}</span></li>)}</ul></details>}
          </Panel>
          {r.prefixes.length > 0 && <Panel title="Prefixes that a provider could cache" note={`the most missed first; ${count(r.prefixes.length - missed.length)} further prompts miss nothing`}>
            <Table caption="Cacheable prefixes" rows={missed} keyed={(p) => p.system_prompt + p.request_type + p.target_model} empty={<p class="muted">No prompt misses tokens that its provider would have cached.</p>} columns={[
              {name: "who", label: "prompt", cell: (p) => <>{p.application} · {p.request_type ?? "without request type"} <code>{p.system_prompt.slice(0, 8)}</code><div class="muted small">{p.provider} {p.target_model}</div></>},
              {name: "n", label: "requests", number: true, cell: (p) => count(p.requests), sort: (p) => p.requests},
              {name: "prefix", label: "prefix, tokens", number: true, cell: (p) => <>{p.at_most && "at most "}{count(p.prefix_tokens)}</>, sort: (p) => p.prefix_tokens},
              {name: "missed", label: "tokens missed", number: true, cell: (p) => count(p.missed_tokens), sort: (p) => p.missed_tokens},
              {name: "usd", label: "USD a month", number: true, cell: (p) => usd(p.usd_month), sort: (p) => p.usd_month},
            ]} />
          </Panel>}
        </>
      ); }}</Loaded>
      <div class="columns">
        <Panel title="Answers given again" note="caches">
          <Loaded of={caches}>{(c) => <Caches of={c} />}</Loaded>
        </Panel>
        <Panel title="Routing by difficulty" note="easy questions to a cheaper model">
          <Loaded of={models}>{(m) => <Tiers models={m} />}</Loaded>
        </Panel>
      </div>
    </>
  );
}

function Caches({of}: {of: CacheThresholds}) {
  return <Table caption="Semantic caches" rows={of.applications.filter((a) => a.declared.length > 0 || a.verification)} keyed={(a) => a.application}
    empty={<Empty command="quarterdeck cost cache-calibrate --application NAME">No application has a semantic cache. It stays off until a threshold has been verified.</Empty>}
    columns={[
      {name: "app", label: "application", cell: (a) => a.application},
      {name: "state", label: "state", cell: (a) => a.declared.map((d) => <div>{d.request_type ?? "all"}: {d.in_force == null ? <><Badge>off</Badge> <span class="muted small">{d.why_off}</span></> : <><Badge tone="good">on</Badge> from {d.in_force.toFixed(3)}</>}</div>)},
      {name: "verified", label: "verified", cell: ({verification: v}) => v ? <>{v.threshold.toFixed(3)} <span class="muted small">({v.method}; precision surely {value(v.lower_bound, "share")}, n {count(v.n)})</span></> : <span class="muted">no</span>},
    ]} />;
}

const MOST_MODELS = 12;
function Tiers({models}: {models: Models}) {
  const tiered = models.models.filter((m) => m.tiered);
  if (!tiered.length) return <Empty command="quarterdeck model route-train NAME">No model has <code>tiers</code> in the configuration, so every question goes to the model that it asks for.</Empty>;
  return <>{tiered.slice(0, MOST_MODELS).map((m) => <Tier key={m.name} name={m.name} />)}{tiered.length > MOST_MODELS && <p class="muted">{count(tiered.length - MOST_MODELS)} more have tiers: <code>quarterdeck model list</code></p>}</>;
}
function Tier({name}: {name: string}) {
  const route = useGet<Route>("/models/{model}/route", {model: name, from: "-7d"});
  return <Loaded of={route}>{(r) => <TierState name={name} r={r} />}</Loaded>;
}
function TierState({name, r}: {name: string; r: Route}) {
  const s = r.seen;
  return (
    <div class="stack">
      <div class="row"><h3>{name}</h3>{r.state === "on" ? <Badge tone="good">on</Badge> : <Badge tone="info">shadow: only recorded</Badge>}<span class="grow" />
        <Act label={r.state === "on" ? "Back to shadow" : "Turn on"} title={r.state === "on" ? `Routing of ${name} back to shadow` : `Turn routing of ${name} on`} role="admin" path="/models/{model}/route" params={{model: name}} body={() => ({state: r.state === "on" ? "shadow" : "on"})} /></div>
      <Pairs of={[
        ["tiers", r.tiers.join(" < ")],
        ["last 7 days", <>{Object.entries(s.chosen).map(([tier, n]) => `${tier} ${count(n)}`).join(", ") || "nothing routed"}, n {count(s.records)}</>],
        ["would save", <>{usd(s.would_save_usd)} on {count(s.would_save_records)} answers of a more capable tier than was chosen, in 7 days</>],
        ["trained", r.trained_at ? <>{time(r.trained_at)} by {r.trained_by}</> : "never: rules alone"],
        ["downgrade test", r.downgrade_test_at ? time(r.downgrade_test_at) : "none yet"],
      ]} />
    </div>
  );
}
