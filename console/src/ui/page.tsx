import type {ComponentChildren} from "preact";
import {useEffect} from "preact/hooks";
import {useFilter, usePlace} from "../router";
import {windowWords} from "../format";
import {useSession} from "../session";
import {Empty} from "./basics";

/** A page: its title, one line about it, what can be done. */
export function Page({title, about, actions, children}: {title: string; about?: ComponentChildren; actions?: ComponentChildren; children: ComponentChildren}) {
  useEffect(() => { document.title = title + " · Quarterdeck"; }, [title]);
  return <main class="page" id="main" tabIndex={-1}><header><h1>{title}</h1>{about && <p>{about}</p>}{actions && <div class="row">{actions}</div>}</header>{children}</main>;
}

const windows: Array<[string, string]> = [["-1h", "last hour"], ["-6h", "last 6 hours"], ["-24h", "last 24 hours"], ["-7d", "last 7 days"], ["-28d", "last 28 days"]];
export interface Window { from: string; to: string | null; words: string; application: string | null }
/** The window and application that the URL names; every page's numbers are of these. */
export function useWindow(fallback = "-24h"): Window {
  const {query} = usePlace();
  const from = query.get("from") ?? fallback, to = query.get("to");
  return {from, to, words: windowWords(from, to), application: query.get("app")};
}
export function WindowPicker({fallback = "-24h"}: {fallback?: string}) {
  const [from, setFrom] = useFilter("from", fallback), [to, setTo] = useFilter("to");
  const known = !to && windows.some(([w]) => w === from);
  return (
    <span class="row">
      <label class="hidden" for="window">Window</label>
      <select id="window" value={known ? from : "other"} onChange={(e) => { const w = e.currentTarget.value; if (w !== "other") { if (to) setTo(null); setFrom(w); } }}>
        {windows.map(([w, text]) => <option value={w}>{text}</option>)}
        {!known && <option value="other">{windowWords(from, to)}</option>}
      </select>
    </span>
  );
}

/** No exchange: what is missing, and the one command that makes some. */
export function NoTraffic({words}: {words: string}) {
  const {applications} = useSession();
  return applications.length === 0 ? (
    <Empty command="quarterdeck check">No application is configured, so nobody can ask anything. Add <a href="/settings/providers/new">a provider</a>, <a href="/settings/models/new">a model</a> of it and <a href="/settings/applications/new">an application</a> that may ask for it; or write them into quarterdeck.yaml. This says what is wrong with the file:</Empty>
  ) : <Empty command={`quarterdeck load --url ${location.origin} --key "$QUARTERDECK_KEY" --model MODEL --rate 2 --requests 20`}>Nothing was asked in this window ({words}). Choose a wider one, point an application here, or let the load generator ask, with <a href="/settings/keys">a key</a>:</Empty>;
}
