// People look at answers, one at a time and blind, by the keyboard alone; where they differ somebody decides.
import type {Review as Whole, ReviewDisputes, ReviewLabels, ReviewNext} from "api-types";
import type {ComponentChildren} from "preact";
import {useEffect, useRef, useState} from "preact/hooks";
import {ApiError, get, send, useGet} from "../../api";
import {count, percent} from "../../format";
import {useKeys, type Key} from "../../keys";
import {useFilter, withFilters} from "../../router";
import {useSession} from "../../session";
import {Act, Badge, Empty, Failed, Figure, Figures, Loaded, Meter, Note, Page, Panel, Table, Tabs, Time, toast} from "../../ui";
import type {PageProps} from "..";
import "../../style/change.css";

type Choice = {label: string; text: string; keys: string[]};
const scales: {[scale: string]: Choice[]} = {
  binary: [{label: "pass", text: "pass", keys: ["y", "1"]}, {label: "fail", text: "fail", keys: ["n", "2"]}],
  "1-5": [1, 2, 3, 4, 5].map((n) => ({label: String(n), text: n === 1 ? "1 worst" : n === 5 ? "5 best" : String(n), keys: [String(n)]})),
  pairwise: [{label: "first", text: "the first", keys: ["1"]}, {label: "second", text: "the second", keys: ["2"]}, {label: "tie", text: "neither", keys: ["3", "0"]}],
};
const shown = (x: unknown) => (typeof x === "string" ? x : JSON.stringify(x, null, 1));
const Text = ({title, of}: {title: ComponentChildren; of: unknown}) => (of == null || of === "" ? null : <div class="stack"><h3>{title}</h3><pre class="text" tabIndex={0}>{Array.isArray(of) && of.every((m) => m && typeof m === "object" && "role" in m) ? of.map((m) => `${m.role}: ${shown(m.content)}`).join("\n\n") : shown(of)}</pre></div>);

interface Item { input?: unknown; context?: unknown; expected?: unknown; answers?: string[] }
function Shown({item, pair}: {item: Item; pair: boolean}) {
  return <>
    <Text title="What was asked" of={item.input} />
    <Text title="What the answer was to rest on" of={item.context} />
    <Text title="A reference answer" of={item.expected} />
    <div class={pair ? "answers" : ""}>{(item.answers ?? []).map((a, i) => <Text title={pair ? (i ? "The second" : "The first") : "The answer"} of={a || "(empty)"} />)}</div>
  </>;
}
function Choices({scale, chosen, choose}: {scale: string; chosen: string | null; choose: (label: string) => void}) {
  return <div class="choices" role="group" aria-label="Label">{scales[scale].map((c) => <button class={"button" + (chosen === c.label ? " primary" : "")} aria-pressed={chosen === c.label} onClick={() => choose(c.label)}><kbd>{c.keys[0]}</kbd> {c.text}</button>)}</div>;
}
/** Keys of the scale, comment, next and undo. */
function useDesk(scale: string | undefined, does: {choose: (label: string) => void; next: () => void; undo?: () => void; comment: () => void}, again: unknown[]) {
  const keys: Key[] = scale === undefined ? [] : [
    ...scales[scale].flatMap((c) => c.keys.map((k) => ({keys: k, what: `label: ${c.text}`, run: () => does.choose(c.label)}))),
    {keys: "Enter", what: "keep it, and the next one", run: () => { const f = document.activeElement; if (f instanceof HTMLElement && f.matches("a, button:not([aria-pressed]), summary")) f.click(); else does.next(); }},
    {keys: " ", what: "keep it, and the next one", run: does.next}, {keys: "c", what: "write a comment", run: does.comment},
    ...(does.undo ? [{keys: "u", what: "take the last one back", run: does.undo}] : []),
  ];
  useKeys(keys, again);
}

function Desk({id, review}: {id: string; review: Whole}) {
  const [item, set] = useState<ReviewNext | null>(null), [error, setError] = useState<ApiError | null>(null), [busy, setBusy] = useState(false);
  const [label, setLabel] = useState<string | null>(null), [comment, setComment] = useState(""), [given, setGiven] = useState<Array<{item: number; label: string; comment: string}>>([]);
  const area = useRef<HTMLTextAreaElement>(null), top = useRef<HTMLDivElement>(null);
  const next = async () => { set(await get<ReviewNext>("/reviews/{id}/next", {id})); setLabel(null); setComment(""); };
  const working = useRef(false); // not of a render: a key that comes between two of them is not lost
  const run = async (what: () => Promise<unknown>) => { if (working.current) return; working.current = true; setBusy(true); setError(null); try { await what(); } catch (e) { setError(e as ApiError); } working.current = false; setBusy(false); };
  useEffect(() => { void run(next); }, [id]);
  const keep = () => void run(async () => {
    if (item?.item == null) return;
    if (!label) { toast(`Say ${item.say} first: ${scales[item.scale].map((c) => c.keys[0]).join(", ")}.`); return; }
    await send("POST", "/reviews/{id}/labels", {id}, {item: item.item, label, ...(comment.trim() ? {comment: comment.trim()} : {})});
    setGiven((g) => [...g, {item: item.item!, label, comment}]);
    await next();
    area.current?.blur(); top.current?.focus(); scrollTo(0, 0);
  });
  const undo = () => void run(async () => {
    const last = given[given.length - 1];
    if (!last) { toast("Nothing of this visit is left to take back."); return; }
    await send("DELETE", "/reviews/{id}/labels/{item}", {id, item: last.item});
    setGiven((g) => g.slice(0, -1));
    await next();
    setLabel(last.label); setComment(last.comment);
    toast("Taken back.");
  });
  useDesk(item?.item == null ? undefined : item.scale, {choose: setLabel, next: keep, undo, comment: () => area.current?.focus()}, [item, label, comment, busy, given]);
  useKeys(item && item.item == null ? [{keys: "u", what: "take the last one back", run: undo}] : [], [item, given]);
  if (!item) return error ? <Failed error={error} retry={() => void run(next)} /> : <p class="muted" role="status">Asking the server …</p>;
  return (
    <div class="desk">
      <Panel title={item.item == null ? "All of yours are done" : <span ref={top} tabIndex={-1}>Answer {count(item.done + 1)} of {count(item.items)}</span>} note={item.item == null ? undefined : "in an order drawn for you; whose it is stays hidden"}>
        {error && <Failed error={error} />}
        {item.item == null ? <p>Thank you: {count(item.done)} of {count(item.items)} are labelled.{given.length > 0 && <> <kbd>u</kbd> takes the last one back.</>}</p> : <>
          <Shown item={item} pair={item.scale === "pairwise"} />
          <div class="deciding stack"><Choices scale={item.scale} chosen={label} choose={setLabel} />
          <div class="field"><label for="comment">Comment (optional) <kbd>c</kbd></label><textarea id="comment" ref={area} value={comment} maxLength={4000} onInput={(e) => setComment(e.currentTarget.value)} onKeyDown={(e) => { if (e.key === "Escape") { e.stopPropagation(); e.currentTarget.blur(); } else if (e.key === "Enter" && (e.ctrlKey || e.metaKey)) { e.preventDefault(); keep(); } }} /><span class="hint"><kbd>Esc</kbd> leaves it, <kbd>Ctrl Enter</kbd> keeps the label</span></div>
          <div class="row"><button class="button primary" disabled={busy || !label} onClick={keep}><kbd>Enter</kbd> Keep, and next</button><button class="button" disabled={busy || !given.length} onClick={undo}><kbd>u</kbd> Undo</button></div></div>
        </>}
      </Panel>
      <aside class="stack">
        <Panel title="Your progress" note={review.due ? <>due <Time at={review.due} relative /> {review.overdue && <Badge tone="bad">overdue</Badge>}</> : "no time is set"}><span>{count(item.done)} of {count(item.items)}</span><Meter share={item.items ? item.done / item.items : 0} words={`${item.done} of ${item.items} labelled`} /></Panel>
        <Panel title="What to look for"><div class="text plain">{item.rubric}</div></Panel>
      </aside>
    </div>
  );
}

function Disputed({id, scale}: {id: string; scale: string}) {
  const disputes = useGet<ReviewDisputes>("/reviews/{id}/disputed", {id}, {topics: ["reviews"]});
  const [label, setLabel] = useState<string | null>(null), [comment, setComment] = useState(""), [error, setError] = useState<ApiError | null>(null), [busy, setBusy] = useState(false);
  const area = useRef<HTMLTextAreaElement>(null);
  const item = disputes.data?.disputed[0];
  const keep = async () => {
    if (!item || busy) return;
    if (!label) { toast("Choose a label first."); return; }
    setBusy(true); setError(null);
    try { await send("POST", "/reviews/{id}/adjudications", {id}, {item: item.item, label, ...(comment.trim() ? {comment: comment.trim()} : {})}); setLabel(null); setComment(""); area.current?.blur(); } catch (e) { setError(e as ApiError); }
    setBusy(false);
  };
  useDesk(item ? scale : undefined, {choose: setLabel, next: () => void keep(), comment: () => area.current?.focus()}, [item, label, comment, busy]);
  return (
    <Loaded of={disputes}>{(d) => !item ? <Panel title="Nothing is disputed"><p class="muted">Its reviewers agree on every item that has all of its labels, or somebody has decided.</p></Panel> : (
      <div class="desk">
        <Panel title={`Reviewers differ: ${count(d.disputed.length)} left`} note={`item ${item.item}`}>
          {error && <Failed error={error} />}
          <Shown item={item as Item} pair={scale === "pairwise"} />
          <h3>What they said</h3>
          <ul class="stack">{item.labels.map((l) => <li><Badge tone="info">{l.label}</Badge> {l.comment ?? <span class="muted">no comment</span>}{l.turned && <span class="muted small"> (saw the two the other way round)</span>}</li>)}</ul>
          <div class="deciding stack"><Choices scale={scale} chosen={label} choose={setLabel} />
          <div class="field"><label for="comment">Comment (optional) <kbd>c</kbd></label><textarea id="comment" ref={area} value={comment} onInput={(e) => setComment(e.currentTarget.value)} onKeyDown={(e) => { if (e.key === "Escape") { e.stopPropagation(); e.currentTarget.blur(); } }} /></div>
          <div class="row"><button class="button primary" disabled={busy || !label} onClick={() => void keep()}><kbd>Enter</kbd> It stands, and next</button></div></div>
        </Panel>
        <aside class="stack"><Panel title="What to look for"><div class="text plain">{d.rubric}</div></Panel></aside>
      </div>)}</Loaded>
  );
}

function Labels({id}: {id: string}) {
  const labels = useGet<ReviewLabels>("/reviews/{id}/labels", {id}, {topics: ["reviews"]});
  return (
    <Panel title="Labels" note="item by item">
      <Loaded of={labels}>{({items}) => <Table caption="Labels" keyed={(i) => i.item} rows={items.slice(0, 500)} columns={[
        {name: "item", label: "Item", number: true, sort: (i) => i.item, cell: (i) => i.item}, {name: "state", label: "State", sort: (i) => i.state, cell: (i) => <Badge tone={i.state === "disputed" ? "warn" : i.state === "waiting" ? "unknown" : "good"}>{i.state}</Badge>}, {name: "label", label: "Stands", cell: (i) => i.label ?? "–"},
        {name: "labels", label: "Said", cell: (i) => i.labels.map((l) => <div class="small">{l.reviewer}: <strong>{l.label}</strong>{l.comment && <span class="muted"> {l.comment}</span>}</div>)},
        {name: "answer", label: "Answer", cell: (i) => <span class="clamp small">{i.answers[0]}</span>}, {name: "record", label: "", cell: (i) => (i.record ? <a href={withFilters("/exchanges/" + i.record)}>exchange</a> : i.case ?? "")}]} />}</Loaded>
    </Panel>
  );
}

function State({id, review: r}: {id: string; review: Whole}) {
  const a = r.agreement;
  return <>
    {r.settled == null ? <Note><p>How its reviewers agree is told once it is closed, since you review or decide it yourself.</p></Note> : (
      <Panel title="How far they agree" note="before adjudication">
        <Figures>
          <Figure what="Krippendorff's alpha" value={a?.alpha} unit="score" n={a?.items} low={a?.interval?.[0]} high={a?.interval?.[1]} note={a?.alpha == null ? "too few items with two labels, or nothing could differ" : a.alpha >= 0.8 ? "1 is full agreement, 0 is chance; 0.8 is held to be reliable" : a.alpha >= 0.667 ? "0.667 to 0.8 bears tentative conclusions alone" : "below 0.667: the rubric may be read in different ways"} />
          <Figure what="All labels the same" value={a && a.items ? a.agreed / a.items : null} unit="share" n={a?.items} />
          <Figure what="Disputed" value={r.disputed} unit="count" tone={r.disputed ? "warn" : undefined} note={`${count(r.adjudicated)} were decided`} /><Figure what="Settled" value={r.settled} unit="count" n={r.items} note={`${count(r.waiting)} wait for labels`} />
          {r.people_would_say && <Figure what="Pass rate, as people would say" value={r.people_would_say.pass_rate} unit="share" n={r.people_would_say.labelled} low={r.people_would_say.interval?.[0]} high={r.people_would_say.interval?.[1]} note={r.people_would_say.why_not ?? `of the whole run, by PPI++${r.people_would_say.few_labels ? "; under 100 labels its interval may be too narrow" : ""}`} />}
        </Figures>
        {r.labels && <p class="muted">What stands: {Object.entries(r.labels as unknown as {[l: string]: number}).map(([l, n]) => `${l} ${count(n)}`).join(", ") || "nothing yet"}.</p>}
      </Panel>)}
    <Panel title="Reviewers"><Table caption="Reviewers" keyed={(x) => x.name} rows={r.reviewers} columns={[{name: "name", label: "Reviewer", cell: (x) => x.name}, {name: "done", label: "Done", number: true, cell: (x) => <>{count(x.done)} of {count(x.items)}<Meter share={x.items ? x.done / x.items : 0} words={`${x.name}: ${x.done} of ${x.items}`} /></>}, {name: "share", label: "", number: true, cell: (x) => percent(x.items ? x.done / x.items : null, 0)},
      {name: "act", label: "", cell: (x) => !r.closed_at && x.done < x.items && <Act label="Reassign …" title={`Give what ${x.name} has not labelled to another`} role="operator" path="/reviews/{id}/reassign" params={{id}} fields={[{name: "to", label: "To whom", required: true}]} body={(f) => ({from: x.name, to: f.to})} />}]} /></Panel>
    {(r.settled != null || r.closed_at) && <Labels id={id} />}
  </>;
}

export function Review({parts: {id}}: PageProps) {
  const review = useGet<Whole>("/reviews/{id}", {id}, {topics: ["reviews"]});
  const me = useSession().user?.name ?? "";
  const [tab] = useFilter("tab"), r = review.data;
  const mine = r?.reviewers.some((x) => x.name === me), decides = r && !mine && (r.adjudicator === null || r.adjudicator === me);
  const now = tab || (r && !r.closed_at ? (mine ? "label" : r.adjudicator === me ? "disputed" : "state") : "state");
  const tabs = r ? [...(!r.closed_at && mine ? [["label", "Label"]] : []), ...(!r.closed_at && decides ? [["disputed", r.disputed ? `Disputed, ${r.disputed}` : "Disputed"]] : []), ["state", "How it stands"]] : [];
  return (
    <Page title={r ? r.name ?? r.review : `review-${id}`} about={r && <>{r.review} · {count(r.items)} items, {count(r.per_item)} {r.per_item === 1 ? "reviewer" : "reviewers"} each{r.source && ` · of ${r.source}`} · {r.closed_at ? <>closed <Time at={r.closed_at} /></> : r.due ? <>due <Time at={r.due} relative /> {r.overdue && <Badge tone="bad">overdue</Badge>}</> : "no time is set"}</>}
      actions={r && !r.closed_at && <Act label="Close …" title={`Close ${r.review}`} role="operator" path="/reviews/{id}/close" params={{id}} about={<p>No label is taken any more. {count(r.labels_expected - r.labels_given)} of {count(r.labels_expected)} labels are missing.</p>} fields={[{name: "score", label: "Keep what stands as scores of this name", hint: "of the items' records; such as helpful"}]} body={(f) => (f.score ? {score: f.score} : {})} />}>
      <Tabs label="Review" tabs={tabs.map(([name, text]) => ({href: withFilters(location.pathname, {tab: name}), text, current: now === name}))} />
      <Loaded of={review}>{(r) => now === "label" ? (mine ? <Desk id={id} review={r} /> : <Empty>You do not review it: {r.reviewers.map((x) => x.name).join(", ")} do.</Empty>) : now === "disputed" ? <Disputed id={id} scale={r.scale} /> : <State id={id} review={r} />}</Loaded>
    </Page>
  );
}
