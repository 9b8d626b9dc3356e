// Events on a strip: in lanes by what they are, and those whose beginnings would cover one another as one; how long they lasted is a line below.
import type {Severity, TimelineEvent} from "../../types";

export interface Marker { events: TimelineEvent[]; at: number; until: number | null; severity: Severity }
export interface Lane { name: string; markers: Marker[] }
const lanes: Array<[string, string[]]> = [
  ["Changes: prompts, rollouts, models, configuration", ["prompt", "rollout", "model", "configuration", "evaluation"]],
  ["Alerts and findings", ["alert", "finding", "provider", "budget"]],
  ["Actions", ["action"]],
];
const order: Severity[] = ["info", "good", "warn", "bad"];
export const worst = (of: Severity[]): Severity => of.reduce((a, b) => (order.indexOf(b) > order.indexOf(a) ? b : a), "info");
export const seconds = (at: string) => Date.parse(at) / 1000;

/** `near`: how many seconds one marker covers at the strip's width. */
export function laned(events: TimelineEvent[], from: number, to: number, near: number): Lane[] {
  return lanes.map(([name, kinds]) => {
    const markers: Marker[] = [];
    for (const e of events.filter((e) => kinds.includes(e.kind)).sort((a, b) => seconds(a.at) - seconds(b.at))) {
      const at = Math.max(from, seconds(e.at)), until = e.until ? Math.min(to, seconds(e.until)) : e.kind === "alert" && e.state === "firing" ? to : null, last = markers[markers.length - 1];
      if (at > to || (until ?? at) < from) continue;
      if (last && at < last.at + near) {
        last.events.push(e);
        last.until = Math.max(last.until ?? 0, until ?? 0) || null;
        last.severity = worst([last.severity, e.severity]);
      } else markers.push({events: [e], at, until, severity: e.severity});
    }
    return {name, markers};
  });
}
