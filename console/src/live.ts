// One event stream for the whole console: topics that changed, and exchanges as they come.
import type {Exchange} from "./types";

export type Topic = "records" | "alerts" | "findings" | "rollouts" | "actions" | "audit" | "evaluations" | "reviews" | "configuration";
const all: Topic[] = ["records", "alerts", "findings", "rollouts", "actions", "audit", "evaluations", "reviews", "configuration"];
type State = "off" | "connecting" | "live";
const changed = new Set<(topics: Topic[]) => void>();
const states = new Set<(s: State) => void>();
let state: State = "off", source: EventSource | null = null, wait = 1000, timer = 0;

function become(next: State) { state = next; states.forEach((s) => s(next)); }
const told = (topics: Topic[]) => changed.forEach((c) => c(topics));

/** Connects, and again after it broke, with growing waits; then everything may have changed. */
export function startLive() {
  if (source) return;
  clearTimeout(timer);
  become("connecting");
  let before = wait > 1000;
  source = new EventSource("/api/v1/live?topics=" + all.filter((t) => t !== "records").join());
  source.addEventListener("hello", () => { wait = 1000; become("live"); if (before) told(all); before = true; });
  source.addEventListener("changed", (e) => told(JSON.parse((e as MessageEvent).data).topics));
  source.onerror = () => { stopLive(); timer = window.setTimeout(startLive, wait); wait = Math.min(wait * 2, 30_000); };
}
export function stopLive() { clearTimeout(timer); source?.close(); source = null; become("off"); }
export const onState = (then: (s: State) => void) => { states.add(then); then(state); return () => void states.delete(then); };
export function onTopics(topics: Topic[], then: () => void) {
  const one = (now: Topic[]) => { if (now.some((t) => topics.includes(t))) then(); };
  changed.add(one);
  return () => void changed.delete(one);
}
/** Exchanges as they come, filtered by the server; returns how to stop. `left` hears how many were left out. */
export function tail(query: string, each: (e: Exchange) => void, left: (s: {seen: number; shown: number; over_s: number}) => void, broken: (is: boolean) => void) {
  const own = new EventSource("/api/v1/live?topics=records" + (query ? "&" + query : ""));
  own.addEventListener("hello", () => broken(false));
  own.addEventListener("exchange", (e) => each(JSON.parse((e as MessageEvent).data)));
  own.addEventListener("sampled", (e) => left(JSON.parse((e as MessageEvent).data)));
  own.onerror = () => broken(true);
  return () => own.close();
}
