// What the pages about changes share: states, classes and what a version is called.
import type {Version, VersionGlance} from "api-types";
import {withFilters} from "../../router";
import {Badge, type Tone} from "../../ui";

type More = {[k: string]: string | number | null | undefined};
const texts = (more: More) => Object.fromEntries(Object.entries(more).map(([k, v]) => [k, v == null ? null : String(v)]));
/** Of a prompt's page, with today's window and application. */
export const at = (name: string, more: More = {}) => withFilters("/prompts/" + encodeURIComponent(name), texts(more));
export const rolloutAt = (name: string, number?: number | null) => withFilters("/rollouts/" + encodeURIComponent(name), texts({rollout: number}));
export const called = (v: {version: number; human?: string | null}) => "v" + v.version + (v.human ? ` (${v.human})` : "");

const states: {[state: string]: Tone} = {production: "good", canary: "info", shadow: "info", "in review": "warn", evaluated: "warn", rejected: "bad", "rolled back": "bad"};
export const State = ({of}: {of: string}) => <Badge tone={states[of] ?? "unknown"}>{of}</Badge>;
const classes: {[name: string]: Tone} = {minor: "unknown", moderate: "info", major: "warn"};
export const ClassOf = ({of, why}: {of: string; why?: string[]}) => <span title={why?.join("\n")}><Badge tone={classes[of] ?? "unknown"}>{of}</Badge></span>;

const rollouts: {[state: string]: Tone} = {progressing: "info", paused: "warn", promoted: "good", "rolled back": "bad", aborted: "unknown"};
export const RolloutState = ({of}: {of: string}) => <Badge tone={rollouts[of] ?? "unknown"}>{of}</Badge>;
const verdicts: {[verdict: string]: Tone} = {Successful: "good", Failed: "bad", Error: "bad", Inconclusive: "unknown", yes: "good", no: "bad", passed: "good", failed: "bad", better: "good", worse: "bad", "not enough evidence": "unknown", inconclusive: "unknown", no_evidence: "unknown"};
const words: {[verdict: string]: string} = {Successful: "no worse", Failed: "harmful", Error: "cannot be judged", Inconclusive: "too early to tell", no_evidence: "not enough evidence"};
export const Verdict = ({of}: {of: string | null | undefined}) => <Badge tone={verdicts[of ?? ""] ?? "unknown"}>{of ? words[of] ?? of : "not known"}</Badge>;

/** What a version that is not at its end waits for, and where one sees it. */
export const waits = (name: string, v: VersionGlance | Version): [string, string] =>
  v.state === "canary" || v.state === "shadow" ? [`v${v.version} in ${v.state}`, rolloutAt(name)]
    : v.state === "in review" ? [`v${v.version} waits for review`, at(name, {version: v.version})] : [`v${v.version} waits for its rollout`, at(name, {version: v.version})];
export const same = (a: string | null | undefined, b: string | null | undefined) => !!a && !!b && a.toLowerCase() === b.toLowerCase();
