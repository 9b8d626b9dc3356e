// The API, /api/v1. Answers are kept by URL, shared by all who ask for the same, and asked again when a live topic says so.
import {useEffect, useReducer} from "preact/hooks";
import {onTopics, type Topic} from "./live";

export class ApiError extends Error {
  constructor(readonly status: number, readonly code: string, message: string, readonly problems: string[] = []) { super(message); }
}
export type Params = {[name: string]: string | number | boolean | null | undefined};

let csrf: string | null = null;
export const setCsrf = (value: string | null) => { csrf = value; };
let onSignedOut = () => {};
export const whenSignedOut = (then: () => void) => { onSignedOut = then; };

const ACTED_MS = 10_000; // what is asked later than this after somebody did something, the page asks by itself
let acted = Date.now();
for (const deed of ["pointerdown", "keydown", "wheel"]) addEventListener(deed, () => { acted = Date.now(); }, {capture: true, passive: true});

/** /api/v1 + path with the parameters that are set; parts in {} of the path are taken from them too. */
export function url(path: string, params: Params = {}): string {
  const query = new URLSearchParams();
  const filled = path.replace(/\{(\w+)\}/g, (_, name) => encodeURIComponent(String(params[name] ?? "")));
  for (const [name, value] of Object.entries(params))
    if (value !== null && value !== undefined && value !== "" && !path.includes(`{${name}}`)) query.set(name, String(value));
  const text = query.toString();
  return "/api/v1" + filled + (text ? "?" + text : "");
}

/** The body; one that breaks off, as of a server that ends, is no answer. */
async function read(response: Response, how: "json" | "text"): Promise<any> {
  try { return await response[how](); } catch { throw new ApiError(0, "unreachable", "the server's answer broke off: is it running, and is this machine on its network?"); }
}
async function failure(response: Response): Promise<ApiError> {
  const text: string = await read(response, "text");
  try {
    const {code, message, problems} = JSON.parse(text).error;
    return new ApiError(response.status, code, message, problems ?? []);
  } catch {
    return new ApiError(response.status, "unexpected", `the server answered ${response.status}: ${text.slice(0, 200)}`);
  }
}
async function ask(method: string, at: string, body?: unknown, extra: {[name: string]: string} = {}): Promise<Response> {
  const headers: {[name: string]: string} = {accept: "application/json", ...extra};
  if (method === "GET") headers["cache-control"] = "max-age=1"; // what another console was told within a second will do
  if (method === "GET" && Date.now() - acted > ACTED_MS) headers["x-quarterdeck-background"] = "1"; // it keeps no session open
  if (body !== undefined) headers["content-type"] = typeof body === "string" ? "text/plain; charset=utf-8" : "application/json";
  if (method !== "GET" && csrf) headers["x-quarterdeck-csrf"] = csrf;
  let response: Response;
  try {
    response = await fetch(at, {method, headers, body: body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body), credentials: "same-origin", cache: "no-store"});
  } catch {
    throw new ApiError(0, "unreachable", "the server does not answer: is it running, and is this machine on its network?");
  }
  if (response.ok || response.status === 304) return response;
  const error = await failure(response);
  if (error.status === 401 && at !== "/api/v1/session") onSignedOut();
  throw error;
}
/** A change. Afterwards everything that is shown is asked for again. */
export async function send<T = any>(method: "POST" | "PUT" | "DELETE", path: string, params: Params = {}, body?: unknown): Promise<T> {
  const response = await ask(method, url(path, params), body);
  const answer = response.headers.get("content-type")?.includes("json") ? await read(response, "json") : await read(response, "text");
  for (const kept of answers.values()) if (kept.watchers.size) void refresh(kept);
  return answer as T;
}
/** A question that is asked with a body, such as a replay or a dry run: it changes nothing, so nothing is asked for again. */
export const inquire = async <T>(method: "POST" | "PUT", path: string, params: Params = {}, body?: unknown): Promise<T> => read(await ask(method, url(path, params), body), "json");
export const get = async <T>(path: string, params: Params = {}): Promise<T> => read(await ask("GET", url(path, params)), "json");
export const getText = async (path: string, params: Params = {}): Promise<string> => read(await ask("GET", url(path, params)), "text");

interface Kept { at: string; data?: any; etag?: string; error?: ApiError; asked: number; loading?: Promise<void>; again?: boolean; retry?: number; watchers: Set<() => void> }
const answers = new Map<string, Kept>();
const MOST_KEPT = 200;
export const RETRY_MS = 3000;

async function refresh(kept: Kept): Promise<void> {
  if (kept.loading) { kept.again = true; return kept.loading; } // one at a time; what changed meanwhile is asked for after it
  kept.loading = (async () => {
    try {
      const response = await ask("GET", kept.at, undefined, kept.etag && kept.data !== undefined ? {"if-none-match": kept.etag} : {});
      if (response.status !== 304) { kept.data = await read(response, "json"); kept.etag = response.headers.get("etag") ?? undefined; }
      kept.error = undefined;
    } catch (error) { kept.error = error as ApiError; }
    kept.asked = Date.now();
  })();
  await kept.loading;
  kept.loading = undefined;
  kept.watchers.forEach((w) => w());
  clearTimeout(kept.retry); // a server that is away is asked again until it is back, as the page says
  if (kept.error?.status === 0) kept.retry = window.setTimeout(() => { if (kept.watchers.size) void refresh(kept); }, RETRY_MS);
  if (kept.again) { kept.again = false; if (kept.watchers.size) void refresh(kept); }
}
function keep(at: string): Kept {
  let kept = answers.get(at);
  if (!kept) {
    if (answers.size >= MOST_KEPT) for (const [old, k] of answers) if (!k.watchers.size) { answers.delete(old); break; }
    answers.set(at, (kept = {at, asked: 0, watchers: new Set()}));
  }
  return kept;
}

export interface Answer<T> { data?: T; error?: ApiError; loading: boolean; reload: () => void }
/** What a GET answers; `path` null: nothing is asked. Asked again when one of `topics` changes, at most once in `every` ms (2,000), and
 * each `poll` ms while the page is looked at; shown meanwhile is what was there before, of this URL. */
export function useGet<T>(path: string | null, params: Params = {}, options: {topics?: Topic[]; every?: number; poll?: number} = {}): Answer<T> {
  const [, again] = useReducer<number, void>((n) => n + 1, 0);
  const at = path === null ? null : url(path, params);
  const topics = options.topics?.join() ?? "";
  useEffect(() => {
    if (at === null) return;
    const kept = keep(at), watcher = () => again();
    kept.watchers.add(watcher);
    if (Date.now() - kept.asked > 1000) void refresh(kept);
    let timer = 0;
    const off = topics ? onTopics(topics.split(",") as Topic[], () => {
      const wait = Math.max(0, (options.every ?? 2000) - (Date.now() - kept.asked));
      timer ||= window.setTimeout(() => { timer = 0; void refresh(kept); }, wait);
    }) : () => {};
    const poll = options.poll ? window.setInterval(() => { if (!document.hidden) void refresh(kept); }, options.poll) : 0;
    return () => { kept.watchers.delete(watcher); off(); clearTimeout(timer); clearInterval(poll); };
  }, [at, topics]);
  const kept = at === null ? undefined : answers.get(at);
  return {data: kept?.data, error: kept?.error, loading: at !== null && !kept?.data && !kept?.error, reload: () => at && void refresh(keep(at))};
}
export const forgetAnswers = () => answers.clear();
