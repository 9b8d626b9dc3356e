// Where we are is the URL: paths name pages and subjects, the query holds filters, so that every view can be sent to a colleague.
import {useEffect, useState} from "preact/hooks";

export interface Place { path: string; query: URLSearchParams }
const listeners = new Set<() => void>();
const here = (): Place => ({path: location.pathname, query: new URLSearchParams(location.search)});
const tell = () => listeners.forEach((l) => l());
addEventListener("popstate", tell);

/** Goes to a path of the console; `replace`: without an entry in the history. */
export function go(href: string, replace = false) {
  if (href === location.pathname + location.search) return;
  history[replace ? "replaceState" : "pushState"](null, "", href);
  if (!replace) scrollTo(0, 0);
  tell();
}
export function usePlace(): Place {
  const [place, set] = useState(here);
  useEffect(() => {
    const l = () => set(here());
    listeners.add(l);
    return () => void listeners.delete(l);
  }, []);
  return place;
}
/** A filter that lives in the query string. Setting "" or null removes it. */
export function useFilter(name: string, fallback = ""): [string, (value: string | null) => void] {
  const {query} = usePlace();
  return [query.get(name) ?? fallback, (value) => setFilters({[name]: value === fallback ? null : value})];
}
export function setFilters(values: {[name: string]: string | null | undefined}, replace = false) {
  go(withFilters(location.pathname, values), replace);
}
/** A path with today's window and application, and these filters. */
export function withFilters(path: string, values: {[name: string]: string | null | undefined} = {}): string {
  const now = new URLSearchParams(location.search), next = new URLSearchParams();
  const keep = path === location.pathname ? [...now.keys()] : ["app", "from", "to"];
  for (const name of keep) if (now.has(name)) next.set(name, now.get(name)!);
  for (const [name, value] of Object.entries(values)) value ? next.set(name, value) : next.delete(name);
  const text = next.toString();
  return path + (text ? "?" + text : "");
}
/** A link with filters of its own, and today's window and application where it says none. */
export function carried(href: string): string {
  const to = new URL(href, location.origin);
  for (const [name, value] of new URLSearchParams(location.search)) if (["app", "from", "to"].includes(name) && !to.searchParams.has(name)) to.searchParams.set(name, value);
  return to.pathname + to.search;
}
/** Clicks on plain links inside the console stay inside it. */
export function followLinks(event: MouseEvent) {
  if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = (event.target as Element).closest?.("a");
  if (!link || link.target || link.hasAttribute("download") || link.origin !== location.origin || /^\/(api|v1|metrics|assets)\b/.test(link.pathname)) return;
  if (link.hash && link.pathname === location.pathname) return;
  event.preventDefault();
  go(link.pathname + link.search);
}
