import type {ComponentChildren} from "preact";
import {useLayoutEffect, useRef, useState} from "preact/hooks";
import type {ApiError, Answer} from "../api";
import {exactTime, fullTime, ago} from "../format";

export type Tone = "good" | "warn" | "bad" | "info" | "unknown";
const marks: {[tone in Tone]: string} = { // a shape beside the colour
  good: "M2 6l3 3 5-7", warn: "M6 1l5 9H1z", bad: "M2 2l8 8M10 2l-8 8", info: "M6 2v1M6 5v5", unknown: "M2 6h8",
};
export function Badge({tone = "unknown", children}: {tone?: Tone; children: ComponentChildren}) {
  return <span class={"badge " + tone}><svg viewBox="0 0 12 12" aria-hidden="true"><path d={marks[tone]} fill="none" stroke="currentColor" stroke-width="2" /></svg>{children}</span>;
}

/** A titled box. `note` says window, n, source; `actions` stand at the right. */
export function Panel({title, note, actions, children, id}: {title?: ComponentChildren; note?: ComponentChildren; actions?: ComponentChildren; children: ComponentChildren; id?: string}) {
  return (
    <section class="panel" id={id}>
      {(title || actions) && <header>{title && <h2>{title}</h2>}{note && <span class="note">{note}</span>}{actions && <div class="row">{actions}</div>}</header>}
      {children}
    </section>
  );
}

/** A command to copy. */
export function Command({text}: {text: string}) {
  const [copied, set] = useState(false);
  const copy = () => void navigator.clipboard?.writeText(text).then(() => { set(true); setTimeout(() => set(false), 1500); });
  return <span class="command"><code>{text}</code><button type="button" onClick={copy} aria-label={`copy: ${text}`}>{copied ? "copied" : "copy"}</button></span>;
}

/** Nothing is there: why, and the one command that fills it. */
export function Empty({children, command}: {children: ComponentChildren; command?: string}) {
  return <div class="empty"><p>{children}</p>{command && <Command text={command} />}</div>;
}

export function Note({tone = "unknown", children}: {tone?: Tone; children: ComponentChildren}) {
  return <div class={"note-box " + tone}>{children}</div>;
}

/** What went wrong, and what to do. */
export function Failed({error, retry}: {error: ApiError; retry?: () => void}) {
  const what = error.status === 401 ? "Sign in again." : error.status === 403 ? "Ask someone with that role, or sign in as one." : error.status === 404 ? "It may have been removed; go back to the list."
    : error.status === 429 ? "Wait a moment." : error.status !== 0 ? "" : retry ? "The page asks again by itself when it is back." : "Try again when it is back.";
  return (
    <div class="note-box bad" role="alert">
      <p>{error.message}</p>
      {error.problems.length > 0 && <ul class="mono">{error.problems.map((p) => <li>{p}</li>)}</ul>}
      <p class="muted small">{what} <code>{error.code}</code></p>
      {retry && <div><button class="button" onClick={retry}>Try again</button></div>}
    </div>
  );
}

/** The three states of an answer: asked, failed, there. What is there stays on show when asking again failed. */
export function Loaded<T>({of, children}: {of: Answer<T>; children: (data: T) => ComponentChildren}) {
  if (of.data === undefined) return of.error ? <Failed error={of.error} retry={of.reload} /> : <p class="muted" role="status">Asking the server …</p>;
  return <>{of.error && <Failed error={of.error} retry={of.reload} />}{children(of.data)}</>;
}

/** A time; the whole of it on hover. `relative`: "5 min ago". */
export function Time({at, relative}: {at: string | number | null | undefined; relative?: boolean}) {
  return <time title={fullTime(at)} class="nowrap">{relative ? ago(at) : exactTime(at)}</time>;
}

export function Tabs({label, tabs}: {label: string; tabs: Array<{href: string; text: ComponentChildren; current: boolean}>}) {
  const nav = useRef<HTMLElement>(null), at = tabs.findIndex((t) => t.current);
  useLayoutEffect(() => { // where one is can be seen, also when all of them are wider than the screen
    const n = nav.current, one = n?.children[at] as HTMLElement | undefined;
    if (n && one) n.scrollLeft = one.offsetLeft - n.offsetLeft - (n.clientWidth - one.offsetWidth) / 2;
  }, [at]);
  return <nav class="tabs" ref={nav} aria-label={label}>{tabs.map((t) => <a href={t.href} aria-current={t.current ? "page" : undefined}>{t.text}</a>)}</nav>;
}

/** Names and values. */
export function Pairs({of}: {of: Array<[ComponentChildren, ComponentChildren] | null | false>}) {
  return <dl class="pairs">{of.filter((p): p is [ComponentChildren, ComponentChildren] => !!p).map(([name, value]) => <><dt>{name}</dt><dd>{value}</dd></>)}</dl>;
}
