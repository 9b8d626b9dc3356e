// The table of pages: what is not in here does not exist. The first whose pattern matches is shown; `:name` is a part of the path.
import type {ComponentType} from "preact";
import {Overview} from "./overview";
import {Cost} from "./cost";
import {ExchangePage} from "./exchange";
import {Exchanges} from "./exchanges";
import {Evaluation} from "./evaluation";
import {Compare} from "./evaluation/compare";
import {Run} from "./evaluation/run";
import {LatencyPage} from "./latency";
import {AlertsPage} from "./alerts";
import {AlertPage} from "./alerts/one";
import {RulePage} from "./alerts/rule";
import {AuditPage} from "./audit";
import {OncallPage} from "./oncall";
import {SettingsPage} from "./settings";
import {NotFound} from "./missing";
import {Prompts} from "./prompts";
import {Prompt} from "./prompts/prompt";
import {ProvidersPage} from "./providers";
import {Review} from "./review";
import {Rollout} from "./rollouts";

export interface PageProps { parts: {[name: string]: string} }
export interface PageEntry { path: string; pattern?: string; title: string; key?: string; nav?: boolean; also?: string[]; page: ComponentType<PageProps> }
export const pages: PageEntry[] = [
  {path: "/", title: "Overview", key: "o", nav: true, page: Overview},
  {path: "/exchanges", title: "Exchanges", key: "x", nav: true, page: Exchanges},
  {path: "/exchanges/", pattern: "/exchanges/:id", title: "Exchange", page: ExchangePage},
  {path: "/prompts", title: "Prompts", key: "p", nav: true, also: ["/rollouts"], page: Prompts},
  {path: "/prompts/", pattern: "/prompts/:name", title: "Prompt", page: Prompt},
  {path: "/rollouts/", pattern: "/rollouts/:name", title: "Rollout", page: Rollout},
  {path: "/evaluation", title: "Evaluation", key: "e", nav: true, page: Evaluation},
  {path: "/evaluation/runs/", pattern: "/evaluation/runs/:n", title: "Run", page: Run},
  {path: "/evaluation/compare", title: "Compare", page: Compare},
  {path: "/evaluation/review/", pattern: "/evaluation/review/:id", title: "Review", page: Review},
  {path: "/cost", title: "Cost", key: "c", nav: true, page: Cost},
  {path: "/latency", title: "Latency & providers", key: "l", nav: true, also: ["/providers"], page: LatencyPage},
  {path: "/providers", title: "Providers", page: ProvidersPage},
  {path: "/alerts", title: "Alerts", key: "a", nav: true, also: ["/oncall"], page: AlertsPage},
  {path: "/alerts/rules", pattern: "/alerts/rules/:name", title: "Alert rule", page: RulePage},
  {path: "/alerts/one", pattern: "/alerts/:number", title: "Alert", page: AlertPage},
  {path: "/oncall", title: "On call", page: OncallPage},
  {path: "/audit", title: "Audit & settings", key: "s", nav: true, also: ["/settings"], page: AuditPage},
  {path: "/settings", title: "Settings", page: SettingsPage},
  {path: "/settings/section", pattern: "/settings/:section", title: "Settings", page: SettingsPage},
  {path: "/settings/entry", pattern: "/settings/:section/:name", title: "Settings", page: SettingsPage},
];

export function pageOf(path: string): {page: ComponentType<PageProps>; parts: {[name: string]: string}} {
  const have = path.split("/").filter(Boolean);
  for (const p of pages) {
    const want = (p.pattern ?? p.path).split("/").filter(Boolean), parts: {[name: string]: string} = {};
    if (want.length === have.length && want.every((w, i) => (w.startsWith(":") ? ((parts[w.slice(1)] = decode(have[i])), true) : w === have[i]))) return {page: p.page, parts};
  }
  return {page: NotFound, parts: {}};
}
const decode = (part: string) => { try { return decodeURIComponent(part); } catch { return part; } };
