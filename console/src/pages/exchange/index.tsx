// One exchange: where its time went, what was said, what it cost, how good it was; run again, made a case.
import type {Definitions, Finding, Findings, Payload, Record, RecordAgain, RecordPage, Scores, VersionDiff, Versions} from "api-types";
import {useState} from "preact/hooks";
import "../../style/exchange.css";
import {useGet} from "../../api";
import {count, ms, NONE, percent, score, usd} from "../../format";
import {useKeys} from "../../keys";
import {go, withFilters} from "../../router";
import {Act, Badge, Command, Diff, Empty, Failed, Loaded, Meter, Note, Page, Pairs, Panel, Table, Time, type Tone} from "../../ui";
import type {PageProps} from "..";
import {answered, asked, tools, type Message, type Piece} from "./messages";
import {ExchangeWaterfall} from "./waterfall";

export const statusTone: {[status: string]: Tone} = {ok: "good", truncated: "warn", refused: "warn", error: "bad", cancelled: "unknown", degraded: "warn"};

export function ExchangePage({parts: {id}}: PageProps) {
  const record = useGet<Record>("/records/{id}", {id});
  useKeys([{keys: "b", what: "back to the list", run: () => go(withFilters("/exchanges"))}]);
  return (
    <Page title={"Exchange " + id} about={record.data && <Summary r={record.data} />} actions={record.data && <Actions r={record.data} />}>
      <Loaded of={record}>{(r) => <Whole r={r} key={r.id} />}</Loaded>
    </Page>
  );
}

function Summary({r}: {r: Record}) {
  return <><Badge tone={statusTone[r.status]}>{r.status}</Badge> <Time at={r.time} /> · {r.application ?? "no application"} asked {r.model ?? "no model"}{r.target && <>, {r.target.provider} / {r.target.model} answered</>} in {ms(r.duration_ms)} for {usd(r.cost_usd)}.</>;
}

function Actions({r}: {r: Record}) {
  const suites = useGet<Definitions>("/suites"), models = useGet<{models: Array<{name: string}>}>("/models");
  const name = r.prompt?.name ?? null, versions = useGet<Versions>(name ? "/prompts/{name}/versions" : null, {name});
  const [result, setResult] = useState<RecordAgain | null>(null), [again, setAgain] = useState(false), [adding, setAdding] = useState(false);
  useKeys([{keys: "r", what: "run it again", run: () => setAgain(true)}, {keys: "s", what: "add it to a suite", run: () => setAdding(true)}]);
  const names = suites.data?.definitions.map((d) => d.name) ?? [];
  const others = models.data?.models.map((m) => m.name).filter((n) => n !== r.model) ?? [];
  return (
    <>
      <a class="button" href={withFilters("/exchanges")}>All exchanges</a>
      <Act label="Add to suite" title="Make it a case of a suite" role="operator" open={{is: adding, set: setAdding}} path={(f) => `/suites/${encodeURIComponent(f.suite)}/cases`}
        disabled={suites.data && names.length === 0 ? "no suite is registered: quarterdeck suite add FILE" : null}
        about="What was asked becomes a case, in a new version of the suite; the suite's checks hold for it, and those you add."
        fields={[{name: "suite", label: "Suite", type: "select", options: names.length ? names : [["", "none is registered"]], required: true}, {name: "id", label: "Name of the case", hint: "without one: record-" + r.id},
          {name: "expected", label: "What a good answer is", type: "area", hint: "for checks that compare"}, {name: "checks", label: "Its own checks", type: "area", hint: 'a list as JSON: [{"type": "icontains", "value": "refund"}]'}]}
        body={(f) => ({record: r.id, ...(f.id ? {id: f.id} : {}), ...(f.expected ? {expected: f.expected} : {}), ...(f.checks ? {checks: f.checks} : {})})}
        done={(a) => go(withFilters("/evaluation", {suite: a.suite}))} said="It is in the suite." />
      <Act primary label="Run again" title="Run it again" role="operator" open={{is: again, set: setAgain}} path="/records/{id}/again" params={{id: r.id}}
        about={<>It is sent as {r.application}'s own: its budget pays, and the record says again-of. It may take as long as an answer takes.</>}
        fields={[{name: "model", label: "Model", type: "select", options: [["", `the same (${r.model ?? "none"})`], ...others.map((n): [string, string] => [n, n])]},
          ...(name && versions.data ? [{name: "prompt", label: "Version of its prompt", type: "select" as const, hint: "with the variables and messages that its client sent", options: [["", `as it was sent (${name}@${r.prompt?.version ?? "?"})`], ...versions.data.versions.map((v): [string, string] => [`${name}@${v.version}`, `${name}@${v.version}, ${v.state}`])] as Array<[string, string]>}] : [])]}
        body={(f) => ({...(f.model ? {model: f.model} : {}), ...(f.prompt ? {prompt: f.prompt} : {})})} done={setResult} said="It was run again." />
      {result && <Again result={result} close={() => setResult(null)} />}
    </>
  );
}

function Again({result: a, close}: {result: RecordAgain; close: () => void}) {
  return (
    <div class="note-box info" role="status">
      <p><strong>Run again: {a.status ?? "refused"}</strong> · {a.target_model ? `${a.provider} / ${a.target_model}` : a.model ?? NONE} · {ms(a.duration_ms)} · {usd(a.cost_usd)}{a.record && <> · <a href={withFilters("/exchanges/" + a.record)}>its record</a></>}</p>
      {a.error ? <p class="bad">{a.error}: {a.error_text}</p> : <Long text={a.output ?? (a.tool_calls > 0 ? `${a.tool_calls} calls of tools, no text` : "an empty answer")} />}
      <div><button class="button" onClick={close}>Close</button></div>
    </div>
  );
}

function Whole({r}: {r: Record}) {
  const payload = useGet<Payload>("/records/{id}/payload", {id: r.id});
  return (
    <>
      {r.error && <Note tone="bad"><p><strong>{r.error}</strong>{r.error_text && <>: {r.error_text}</>}</p></Note>}
      <Panel title="Where the time went" note={`${ms(r.duration_ms)} in all · first token ${ms(r.ttft_ms)} · our own time ${ms(r.overhead_us / 1000)} · ${r.attempts.length} ${r.attempts.length === 1 ? "attempt" : "attempts"}`}><ExchangeWaterfall r={r} /></Panel>
      <div class="two">
        <div><Messages of={payload} r={r} /><Runs r={r} /></div>
        <div><Cost r={r} /><Quality r={r} /><Prompt r={r} /><Labels r={r} /></div>
      </div>
      <Panel title="Elsewhere"><div class="row"><Command text={`quarterdeck record show ${r.id}`} /><Command text={`quarterdeck record show ${r.id} --payload`} /></div><Raw title="The record as JSON" of={r} />{payload.data && <Raw title="What was captured, as JSON" of={payload.data} />}</Panel>
    </>
  );
}

const FOLD = 1200;
function Long({text, code}: {text: string; code?: boolean}) {
  const [whole, set] = useState(text.length <= FOLD * 1.25);
  return <div class="piece"><div class={code ? "code" : "said"} dir="auto">{whole ? text : text.slice(0, FOLD) + " …"}</div>{text.length > FOLD * 1.25 && <button type="button" class="button" onClick={() => set(!whole)}>{whole ? "Fold" : `All ${count(text.length)} characters`}</button>}</div>;
}
const kinds: {[kind in Piece["kind"]]: string} = {text: "", call: "calls the tool", result: "a tool's result", thinking: "thinks", refusal: "refuses", other: ""};
function Said({m}: {m: Message}) {
  return (
    <div class={"message " + m.role.replace(/[^a-z]/gi, "")}>
      <span class="who">{m.role}</span>
      {m.pieces.length === 0 && <span class="muted small">nothing</span>}
      {m.pieces.map((p) => <div>{(kinds[p.kind] || p.name) && <span class="small muted">{kinds[p.kind]} {p.name && <code>{p.name}</code>}</span>}<Long text={p.text} code={p.kind === "call" || p.kind === "result" || p.kind === "other"} /></div>)}
    </div>
  );
}
const FIRST = 12;
function Messages({of, r}: {of: ReturnType<typeof useGet<Payload>>; r: Record}) {
  const [all, setAll] = useState(false);
  if (of.error?.status === 404) return (
    <Panel title="What was said"><Empty command={r.application ? "quarterdeck check -c quarterdeck.yaml" : undefined}>
      Nothing of it is kept: {r.status === "refused" ? "it was refused before it was sent." : <>messages are stored only where <code>applications.{r.application}.payloads.capture</code> is <code>full</code>, and for as long as its <code>retention</code> says.</>}
    </Empty></Panel>);
  return (
    <Panel title="What was said" note={r.stream ? "a stream, shown as one text" : undefined}>
      <Loaded of={of}>{(p) => {
        const before = asked(p.request?.json), after = p.reply ? answered(p.reply) : [], used = tools(p.request?.json);
        const shown = all || before.length <= FIRST + 2 ? before : [...before.slice(0, 2), ...before.slice(-(FIRST - 2))];
        return (
          <div class="messages">
            {used.length > 0 && <p class="small muted">Tools it may call: {used.slice(0, 20).map((t) => <><code>{t}</code> </>)}{used.length > 20 && `and ${used.length - 20} more`}</p>}
            {(p.request?.cut || p.reply?.cut) && <Note tone="warn">Longer than what is kept (1 MiB): the end of {p.request?.cut ? "the request" : "the reply"} is missing.</Note>}
            {!p.request && <p class="muted">The request was not captured.</p>}
            {p.request && before.length === 0 && <p class="muted">{p.request.cut ? "The request was cut, and cannot be read as messages; it is below, as text." : "No messages: see the request below."}</p>}
            {shown.map((m, i) => <>{!all && shown.length < before.length && i === 2 && <div><button class="button" onClick={() => setAll(true)}>{before.length - shown.length} messages between</button></div>}<Said m={m} /></>)}
            {!p.reply ? <p class="muted">The answer was not captured.</p> : after.length ? after.map((m) => <Said m={m} />) : <p class="muted">{r.status === "ok" ? "The answer has no words: see the reply below." : "There was no answer."}</p>}
          </div>);
      }}</Loaded>
    </Panel>
  );
}

const meters: {[name: string]: string} = {input: "input, not cached", cache_read: "input, read from the provider's cache", cache_write: "input, written to it", output: "output", reasoning: "reasoning", unsplit: "not told apart"};
function Cost({r}: {r: Record}) {
  const charges = Object.entries(r.charges_nanousd), sum = charges.reduce((s, [, n]) => s + n, 0), u = r.usage;
  return (
    <Panel title="Cost" note={r.cost_usd == null ? "unknown: no price of the model is known" : r.usage_estimated ? "tokens in part our estimate" : "as the provider counted"}>
      <table><caption class="hidden">Cost by meter</caption><thead><tr><th scope="col">Meter</th><th scope="col" class="number">USD</th><th scope="col" class="number">Share</th></tr></thead>
        <tbody>{charges.map(([name, nano]) => <tr><td>{meters[name] ?? name.replace(/_/g, " ")}<Meter share={sum ? nano / sum : 0} words={percent(sum ? nano / sum : null)} /></td><td class="number">{usd(nano / 1e9)}</td><td class="number">{percent(sum ? nano / sum : null)}</td></tr>)}
          <tr><td><strong>All</strong>{charges.length > 0 && r.cost_nanousd === sum && <span class="muted small"> = the sum</span>}</td><td class="number"><strong>{usd(r.cost_usd)}</strong></td><td /></tr></tbody></table>
      <Pairs of={[
        ["Input", <>{count(u.input)} tokens{u.cache_read != null && u.cache_read > 0 && <span class="muted"> · {count(u.cache_read)} from the provider's cache</span>}</>],
        ["Output", <>{count(u.output)} tokens{u.reasoning != null && u.reasoning > 0 && <span class="muted"> · {count(u.reasoning)} of them reasoning</span>}</>],
        r.cache && ["Our cache", <>{r.cache}{r.saved_usd != null && <>, saved {usd(r.saved_usd)}</>}{r.cache_similarity != null && <>, {percent(r.cache_similarity)} alike</>}</>],
        r.history_tokens_saved != null && ["History cut", `${count(r.history_tokens_saved)} tokens, an estimate`], r.output_cap != null && ["Output's limit", `${count(r.output_cap)} tokens`]]} />
    </Panel>
  );
}

function Quality({r}: {r: Record}) {
  const scores = useGet<Scores>("/scores", {record: r.id}), findings = useGet<Findings>("/findings", {application: r.application, limit: 200});
  const mine = (findings.data?.findings ?? []).filter((f: Finding) => JSON.stringify(f.evidence ?? "").includes(r.id));
  return (
    <Panel title="How good it was" note={scores.data ? `${scores.data.scores.length} scores, each 0 to 1` : undefined}>
      <Loaded of={scores}>{(s) => s.scores.length === 0 ? <Empty command={`quarterdeck record score ${r.id} --value 1 --name tone`}>Nobody and nothing has scored it.</Empty>
        : <table><caption class="hidden">Scores</caption><tbody>{s.scores.map((x) => <tr><td>{x.name}<div class="muted small">{x.source}, <Time at={x.at} /></div>{x.comment && <div class="small said" dir="auto">{x.comment}</div>}</td><td class="number">{score(x.value)}</td></tr>)}</tbody></table>}</Loaded>
      {findings.error && <Failed error={findings.error} />}
      {mine.map((f) => <p><Badge tone={f.state === "open" ? "warn" : "unknown"}>{f.state}</Badge> {f.title} <Command text={f.command} /></p>)}
    </Panel>
  );
}

function Prompt({r}: {r: Record}) {
  const name = r.prompt?.name ?? null, version = r.prompt?.version ?? null;
  const versions = useGet<Versions>(name ? "/prompts/{name}/versions" : null, {name});
  const current = versions.data?.production ?? null, differs = current != null && version != null && String(current) !== version;
  const diff = useGet<VersionDiff>(differs ? "/prompts/{name}/versions/{version}/diff" : null, {name, version, to: current});
  if (!name) return <Panel title="Prompt"><p class="muted">It came without a registered prompt.</p>{r.system_prompt_hash && <Command text={`quarterdeck prompt live ${r.system_prompt_hash.slice(0, 12)}`} />}</Panel>;
  return (
    <Panel title="Prompt" note={r.arm ? `arm ${r.arm} of rollout ${r.rollout}` : undefined}>
      <p><a href={withFilters("/prompts/" + encodeURIComponent(name), {version})}>{name}@{version ?? "?"}</a> {versions.data && (current == null ? "; none is in production" : differs ? <>; {name}@{current} is in production now</> : "; it is the one in production now")}</p>
      {differs && <Loaded of={diff}>{(d) => <details><summary>What is different in {name}@{current}: {d.class}</summary>{d.messages?.length ? d.messages.map((m) => <><p class="small muted">message {m.message + 1}, {m.role}</p><Diff pieces={m.pieces} /></>) : <pre>{d.text}</pre>}</details>}</Loaded>}
    </Panel>
  );
}

function Labels({r}: {r: Record}) {
  const to = (name: string, value: string | null) => value && <a class="clip wide" dir="auto" title={value} href={withFilters("/exchanges", {[name]: value})}>{value}</a>;
  return (
    <Panel title="Whose it was">
      <Pairs of={[["Application", r.application ?? NONE], ["Key", to("key", r.key) ?? NONE], ["User", to("user", r.user) ?? NONE], ["Session", to("session", r.session) ?? NONE], ["Request type", to("request_type", r.request_type) ?? NONE],
        r.feature != null && ["Feature", r.feature], r.team != null && ["Team", r.team],
        Object.keys(r.tags).length > 0 && ["Tags", <>{Object.entries(r.tags).map(([k, v]) => <div>{k === "again-of" ? <a href={withFilters("/exchanges/" + v)}>run again of {v}</a> : <a class="clip wide" dir="auto" href={withFilters("/exchanges", {tag: v ? `${k}=${v}` : k})}>{k}{v && "=" + v}</a>}</div>)}</>],
        ["Asked as", `${r.dialect ?? NONE}, ${r.endpoint}${r.stream ? ", a stream" : ""}`], ["Answered as", `HTTP ${r.http_status}${r.finish_reason ? `, ${r.finish_reason}` : ""}`],
        r.upstream_model != null && ["Provider calls it", <code>{r.upstream_model}</code>], r.system_fingerprint != null && ["Fingerprint", <code>{r.system_fingerprint}</code>],
        r.tier != null && ["Tier", `${r.tier}${r.tier_applied === false ? " (in shadow)" : ""}`], r.knowledge != null && ["Knowledge", r.knowledge], r.batch != null && ["Batch", r.batch],
        r.dropped_events > 0 && ["Dropped events", count(r.dropped_events)], ["Bytes", `${count(r.request_bytes)} in, ${count(r.response_bytes)} out`]]} />
    </Panel>
  );
}

/** What came of running it again, before and now. */
function Runs({r}: {r: Record}) {
  const runs = useGet<RecordPage>("/records", {tag: "again-of=" + r.id, from: r.time, limit: 20});
  if (!runs.data?.records.length) return null;
  return <Panel title="Run again" note="newest first"><Table caption="Runs of this exchange" rows={runs.data.records} keyed={(x) => x.id} href={(x) => withFilters("/exchanges/" + x.id)} columns={[
    {name: "time", label: "When", cell: (x) => <a href={withFilters("/exchanges/" + x.id)}><Time at={x.time} /></a>}, {name: "status", label: "Status", cell: (x) => <Badge tone={statusTone[x.status]}>{x.status}</Badge>},
    {name: "target", label: "Answered", cell: (x) => (x.target ? `${x.target.provider} / ${x.target.model}` : x.error ?? NONE)}, {name: "cost", label: "Cost", number: true, cell: (x) => usd(x.cost_usd)}, {name: "took", label: "Took", number: true, cell: (x) => ms(x.duration_ms)}]} /></Panel>;
}

function Raw({title, of}: {title: string; of: unknown}) {
  const [open, set] = useState(false), text = open ? JSON.stringify(of, null, 2) : "";
  return <details onToggle={(e) => set(e.currentTarget.open)}><summary>{title}</summary>{open && <div class="stack"><div><button class="button" onClick={() => void navigator.clipboard?.writeText(text)}>Copy</button></div><pre class="raw" tabIndex={0}>{text}</pre></div>}</details>;
}
