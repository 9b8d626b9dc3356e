import type {Approvals, Budget, Budgets, Changes, DeclaredBudget, Limits} from "api-types";
import {useState} from "preact/hooks";
import {send, useGet, type ApiError} from "../../api";
import {count, percent, time, usd} from "../../format";
import {useMay} from "../../session";
import {Act, Badge, Command, Dialog, DiffLines, Empty, Failed, Field, Loaded, Note, Pairs, Panel, Table, toast, useWindow, type FieldSpec, type Tone} from "../../ui";

const outlooks: {[o: string]: [Tone, string]} = {
  refusing: ["bad", "used up: refusing"], breached: ["bad", "over its limit"], burn_rate: ["warn", "burning too fast"], forecast: ["warn", "will likely be passed"],
  over_plan: ["warn", "over plan"], holds: ["good", "holds"], not_enough_data: ["unknown", "not enough data"],
};
const modes: {[m: string]: string} = {hard: "refuses what does not fit", soft: "tells, and lets through", degrade: "sends to a cheaper target"};
const scopeWords = (scope: any) => Object.entries(scope ?? {}).map(([k, v]) => `${k.replace("_", " ")} ${v}`).join(", ") || "everything";

export function BudgetsTab() {
  const w = useWindow();
  const budgets = useGet<Budgets>("/budgets", {}, {topics: ["configuration", "findings"], poll: 15_000});
  const limits = useGet<Limits>("/limits", {}, {topics: ["configuration"]}), approvals = useGet<Approvals>("/approvals", {}, {topics: ["configuration"]});
  const mine = (b: Budget) => !w.application || !b.scope?.application || b.scope.application === w.application || b.scope.application === "*";
  return (
    <>
      <Loaded of={budgets}>{(all) => {
        const shown = all.budgets.filter(mine).sort((a, b) => rank(a) - rank(b) || b.spent_usd / b.limit_usd - a.spent_usd / a.limit_usd);
        return (
          <Panel title="Budgets" note="the current window of each" actions={<Edit kind="budget" />}>
            {all.not_in_force.map((l) => <Note tone="warn"><p>The {l.kind} <strong>{l.name}</strong> is not in force: {l.why}</p></Note>)}
            {shown.length === 0 && <Empty command="quarterdeck budget set --name month --limit-usd 100 --window month --mode soft">No budget bounds {w.application ?? "anything"}: spending is recorded, and unlimited.</Empty>}
            {shown.map((b) => <One key={b.name + JSON.stringify(b.scope)} b={b} />)}
            {shown.length > 0 && <div class="keys budget-keys"><span><i class="spent" />spent</span><span><i class="reserved" />under way</span><span><i class="forecast" />where the window ends, 8 times in 10</span><span><i class="limit" />limit</span><span><i class="now" />where an even pace would be now</span></div>}
            {all.left_off > 0 && <p class="muted">{count(all.left_off)} further values of budgets with a <code>*</code> are left off.</p>}
          </Panel>
        );
      }}</Loaded>
      <div class="columns">
        <Panel title="Limits" note="requests, tokens, concurrency" actions={<Edit kind="limit" />}>
          <Loaded of={limits}>{(l) => <Table caption="Limits" rows={l.limits} keyed={(x) => x.name}
            empty={<Empty command={"quarterdeck limit set --name web --key web --requests-per-minute 600"}>No limit is declared.</Empty>}
            columns={[
              {name: "name", label: "name", cell: (x) => <><strong>{x.name}</strong><div class="muted small">{scopeWords(x.limit?.scope)}</div></>, sort: (x) => x.name},
              {name: "what", label: "at most", cell: (x) => Object.entries(x.limit ?? {}).filter(([k, v]) => k !== "scope" && k !== "name" && v != null).map(([k, v]) => <div>{typeof v === "number" ? count(v) : String(v)} {k.replaceAll("_", " ")}</div>)},
              {name: "source", label: "from", cell: (x) => <span class="small">{x.source === "registry" ? <>{x.set_by}, {time(x.set_at)}<div class="muted">{x.reason}</div></> : x.place}</span>},
              {name: "state", label: "", cell: (x) => <>{!x.in_force && <Badge tone="warn">not in force</Badge>} {x.source === "registry" && <><Edit kind="limit" name={x.name} is={x.limit} /> <Remove kind="limit" name={x.name} /></>}</>},
            ]} />}</Loaded>
        </Panel>
        <Panel title="Approvals" note="expensive kinds of work that need not ask">
          <Loaded of={approvals}>{(a) => <Table caption="Approvals" rows={a.approvals} keyed={(x) => x.application + x.request_type}
            empty={<Empty command="quarterdeck budget approve --application NAME --request-type LABEL --up-to 0.50">Nothing is approved. A request above its application's <code>approve_above</code> is refused until it brings its own approval.</Empty>}
            columns={[
              {name: "what", label: "work", cell: (x) => <>{x.application} · {x.request_type}<div class="muted small">{x.reason}</div></>},
              {name: "up", label: "up to", number: true, cell: (x) => usd(x.up_to_usd), sort: (x) => x.up_to_usd},
              {name: "until", label: "until", cell: (x) => x.until ? time(x.until) : "revoked", sort: (x) => x.until},
              {name: "act", label: "", cell: (x) => <Act label="Revoke" title={`Revoke the approval of ${x.application} · ${x.request_type}`} role="operator" method="DELETE" path="/approvals/{application}/{request_type}" params={{application: x.application, request_type: x.request_type}} reason="query" danger />},
            ]} />}</Loaded>
        </Panel>
      </div>
    </>
  );
}
const rank = (b: Budget) => Object.keys(outlooks).indexOf(b.outlook);

/** One budget: how far the window is, what is spent of it, and where it will end. */
function One({b}: {b: Budget}) {
  const [tone, words] = outlooks[b.outlook] ?? ["unknown", b.outlook];
  const start = +new Date(b.window_start), end = +new Date(b.window_end), gone = Math.min(1, Math.max(0, (Date.now() - start) / (end - start)));
  const p = b.breach_probability;
  return (
    <div class="budget">
      <div class="row">
        <h3>{b.name}</h3><Badge tone={tone}>{words}</Badge><span class="muted">{scopeWords(b.scope)} · {b.mode}: {modes[b.mode]}</span><span class="grow" />
        {b.source === "registry" ? <><Declared name={b.name} /><Remove kind="budget" name={b.name} /></> : <span class="muted small">declared in the configuration file</span>}
      </div>
      <Band b={b} gone={gone} />
      <Pairs of={[
        ["spent", <>{usd(b.spent_usd)} of {usd(b.limit_usd)} ({percent(b.spent_usd / b.limit_usd, 1)}), {time(b.window_start)} – {time(b.window_end)} {b.timezone}; {percent(gone, 0)} of the window is over</>],
        b.reserved_usd > 0 && ["under way", <>{usd(b.reserved_usd)} at worst</>],
        ["will end at", b.forecast_usd == null ? <span class="muted">not known: too little history, or a scope that is not forecast</span> : <>{usd(b.forecast_usd)} (80 %: {usd(b.forecast_low_usd)} – {usd(b.forecast_high_usd)})</>],
        ["P(over the limit)", p == null ? <span class="muted">not known</span> : <>{b.spent_usd > b.limit_usd ? "it is over already" : p < 0.005 ? "below 1 %: unlikely" : p > 0.995 ? "above 99 %: almost certain" : `${percent(p, 0)}${p > 0.5 ? ": more likely than not" : p > 0.1 ? ": possible" : ": unlikely"}`}</>],
        b.refused > 0 && ["refused", <>{count(b.refused)} exchanges of this window, since the server's start</>],
        b.unpriced > 0 && ["without a price", <>{count(b.unpriced)} exchanges, not in what is spent</>],
      ]} />
    </div>
  );
}

/** Spent so far, the limit, and the band of where it ends; the mark says how far the window is. */
function Band({b, gone}: {b: Budget; gone: number}) {
  const top = Math.max(b.limit_usd, b.spent_usd + b.reserved_usd, b.forecast_high_usd ?? 0) * 1.05 || 1, x = (v: number) => (100 * v) / top;
  const words = `${usd(b.spent_usd)} of ${usd(b.limit_usd)} spent after ${percent(gone, 0)} of the window${b.forecast_usd == null ? "" : `; expected ${usd(b.forecast_usd)}, 8 times in 10 between ${usd(b.forecast_low_usd)} and ${usd(b.forecast_high_usd)}`}`;
  return (
    <svg class="band" viewBox="0 0 100 26" preserveAspectRatio="none" role="img" aria-label={words}>
      <rect class="ground" x="0" y="6" width="100" height="12" />
      {b.forecast_low_usd != null && b.forecast_high_usd != null && <rect class="forecast" x={x(b.forecast_low_usd)} y="3" width={Math.max(0.5, x(b.forecast_high_usd) - x(b.forecast_low_usd))} height="18" />}
      <rect class={b.spent_usd > b.limit_usd ? "over" : "spent"} x="0" y="6" width={x(b.spent_usd)} height="12" />
      <rect class="reserved" x={x(b.spent_usd)} y="6" width={x(b.reserved_usd)} height="12" />
      {b.forecast_usd != null && <rect class="middle" x={x(b.forecast_usd) - 0.15} y="3" width="0.3" height="18" />}
      <rect class="limit" x={x(b.limit_usd) - 0.2} y="0" width="0.4" height="26" />
      <rect class="now" x={x(b.limit_usd * gone) - 0.1} y="20" width="0.4" height="6" />
    </svg>
  );
}

function Declared({name}: {name: string}) {
  const [open, set] = useState(false), budget = useGet<DeclaredBudget>(open ? "/budgets/{name}" : null, {name});
  return <>{open && budget.data ? <Edit kind="budget" name={name} is={budget.data.budget} opened close={() => set(false)} /> : <button class="button" onClick={() => set(true)}>Change</button>}</>;
}
const Remove = ({kind, name}: {kind: "budget" | "limit"; name: string}) =>
  <Act label="Remove" title={`Remove the ${kind} ${name}`} role="operator" method="DELETE" path={`/${kind}s/{name}`} params={{name}} reason="query" danger about={<p>What it bounds is not bounded by it any more, from the next exchange on.</p>} />;

const scopes = ["application", "team", "user", "feature", "key", "model", "request_type"];
const budgetFields: FieldSpec[] = [
  {name: "limit_usd", label: "At most, USD a window", type: "number", required: true}, {name: "window", label: "Window", type: "select", options: ["day", "week", "month"], value: "month"},
  {name: "timezone", label: "Whose calendar", value: "UTC", hint: "such as Europe/London"}, {name: "mode", label: "When it is used up", type: "select", options: Object.entries(modes).map(([m, w]): [string, string] => [m, `${m}: ${w}`]), value: "soft"},
];
const limitFields: FieldSpec[] = [
  {name: "requests_per_minute", label: "Requests a minute", type: "number"}, {name: "tokens_per_minute", label: "Tokens a minute", type: "number"}, {name: "concurrent", label: "At once", type: "number"},
];

/** Makes or changes a budget or limit: first what would change, then the change. Members that the form does not have stay. */
function Edit({kind, name, is, opened, close}: {kind: "budget" | "limit"; name?: string; is?: any; opened?: boolean; close?: () => void}) {
  const may = useMay("operator"), [open, setOpen] = useState(!!opened), [values, set] = useState<{[n: string]: string}>({}), [tried, setTried] = useState<Changes | null>(null), [error, setError] = useState<ApiError | null>(null);
  const specs: FieldSpec[] = [
    ...(name ? [] : [{name: "name", label: "Name", required: true, hint: "letters, digits, - _ ."}]),
    ...scopes.map((s): FieldSpec => ({name: "scope." + s, label: "Only this " + s.replace("_", " "), value: is?.scope?.[s] ?? "", hint: s === "application" ? "* : each on its own" : undefined})),
    ...(kind === "budget" ? budgetFields : limitFields).map((f) => ({...f, value: is?.[f.name] != null ? String(is[f.name]) : f.value})),
    {name: "reason", label: "Why", type: "area" as const, required: true, hint: "it goes into the audit log, with your name"},
  ];
  const of = (f: FieldSpec) => values[f.name] ?? f.value ?? "";
  const shut = () => { setOpen(false); setTried(null); setError(null); close?.(); };
  const submit = async (e: Event) => {
    e.preventDefault();
    setError(null);
    const body: any = {...is, scope: {...is?.scope}}; // what the form does not have stays
    let reason = "", called = name ?? "";
    for (const f of specs) {
      const v = of(f).trim();
      if (f.name === "reason") reason = v;
      else if (f.name === "name") called = v;
      else if (f.name.startsWith("scope.")) v ? (body.scope[f.name.slice(6)] = v) : delete body.scope[f.name.slice(6)];
      else v ? (body[f.name] = f.type === "number" ? Number(v) : v) : delete body[f.name];
    }
    delete body.name;
    try {
      const answer = await send<Changes>("PUT", `/${kind}s/{name}`, {name: called, dry_run: tried === null, reason}, body);
      if (tried === null) return setTried(answer);
      toast(answer.in_force ? `${kind} ${called}: in force.` : `${kind} ${called}: kept, and not in force: ${answer.why_not}`, !answer.in_force);
      shut();
    } catch (x) { setError(x as ApiError); setTried(null); }
  };
  return (
    <>
      {!opened && <button class="button" disabled={!may} title={may ? undefined : "this needs the role operator"} onClick={() => setOpen(true)}>{name ? "Change" : `New ${kind}`}</button>}
      <Dialog title={name ? `Change the ${kind} ${name}` : `New ${kind}`} open={open} onClose={shut}>
        <form onSubmit={submit}>
          {tried === null ? specs.map((f) => <Field spec={f} value={of(f)} set={(v) => set({...values, [f.name]: v})} />) : <Would changes={tried} />}
          {error && <Failed error={error} />}
          <footer><button type="button" class="button" onClick={() => (tried ? setTried(null) : shut())}>{tried ? "Back" : "Cancel"}</button><button class="button primary">{tried ? "Make the change" : "What would change?"}</button></footer>
        </form>
        <p class="muted small">In the terminal: <Command text={`quarterdeck ${kind} set ${name ?? "NAME"} --help`} /></p>
      </Dialog>
    </>
  );
}
function Would({changes}: {changes: Changes}) {
  const lines = (o: any, sign: string): string[] => (o ? JSON.stringify(o, null, 2).split("\n").map((l) => sign + l) : []);
  return <>{changes.changes.map((c) => {
    const before = lines(c.before, "-"), after = lines(c.after, "+"), same = new Set(before.map((l) => l.slice(1)).filter((l) => after.some((a) => a.slice(1) === l)));
    return <><p><strong>{c.kind} {c.name}</strong> would be {c.change}.</p><DiffLines lines={[...before.map((l) => (same.has(l.slice(1)) ? " " + l.slice(1) : l)), ...after.filter((l) => !same.has(l.slice(1)))]} /></>;
  })}{changes.why_not && <Note tone="warn"><p>It would not be in force: {changes.why_not}</p></Note>}</>;
}
