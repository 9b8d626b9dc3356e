// How soon each page can be worked with: node pages.mjs [ROUNDS] [PATTERN], with QD_CONSOLE_URL and the operator's token in QD_CONSOLE_TOKEN. One line of JSON a page.
// From the navigation, with nothing kept, until the page shows what it asked for (no question is under way, no frame is owed) and has answered a key: `?` opens the list of keys.
// With QD_CONSOLE_PID, the server's, also the processor time that it and the browser took meanwhile: what the machine's other work does not change.
import {readdirSync, readFileSync} from "node:fs";
import {launch, open, url} from "./rig.mjs";

const rounds = Number(process.argv[2] ?? 5), only = new RegExp(process.argv[3] ?? ".");
const QUIET = 150; // ms without a question, before the page counts as done asking; not in the time

/** In the page, before its own script: when it last had a question under way, or a part that waits for one. */
function watch(quiet) {
  const asked = window.fetch, found = {under_way: 0, requests: [], ready: null};
  let busy = 0;
  window.fetch = async (...of) => {
    const began = performance.now();
    found.under_way++;
    try {
      const answer = await asked(...of), json = answer.json.bind(answer);
      answer.json = async () => { try { return await json(); } finally { found.requests.push([String(of[0]), Math.round(performance.now() - began)]); } };
      return answer;
    } finally { found.under_way--; }
  };
  const look = (now) => {
    const waits = found.under_way > 0 || !document.querySelector("main h1") || document.body.textContent.includes("Asking the server");
    if (waits) busy = 0;
    else busy ||= performance.now();
    if (busy && now - busy > quiet) found.ready = busy;
    else requestAnimationFrame(look);
  };
  requestAnimationFrame(look);
  window.found = found;
}

const browser = await launch();
const first = await open(browser), context = first.context();
const signed = await first.request.post(url + "/api/v1/session", {data: {token: process.env.QD_CONSOLE_TOKEN}});
if (!signed.ok()) throw new Error(`sign-in: ${signed.status()} ${await signed.text()}`);
const ask = async (path, pick) => { const answer = await first.request.get(url + "/api/v1" + path); return answer.ok() ? pick(await answer.json()) : undefined; };
const record = await ask("/records?limit=1", (a) => a.records[0]?.id), alert = await ask("/alerts?limit=1", (a) => a.alerts[0]?.number);
const rule = await ask("/alert-rules", (a) => a.rules[0]?.name), prompt = await ask("/prompts", (a) => a.subjects[0]?.name);
const pages = {
  overview: "/", "overview, 28 days": "/?from=-28d", "overview of one application, 28 days": "/?from=-28d&app=app-1", exchanges: "/exchanges", "exchanges by user": "/exchanges?by=user", exchange: record && "/exchanges/" + record,
  prompts: "/prompts", "prompts, 28 days": "/prompts?from=-28d", rollouts: "/prompts?tab=rollouts", prompt: prompt && "/prompts/" + prompt,
  evaluation: "/evaluation", "evaluation: online": "/evaluation?tab=online", "evaluation: judges": "/evaluation?tab=judges", "evaluation: reviews": "/evaluation?tab=reviews", "evaluation: models": "/evaluation?tab=models",
  cost: "/cost", "cost, 28 days by prompt": "/cost?from=-28d&by=prompt", "cost: budgets": "/cost?tab=budgets", "cost: why": "/cost?tab=why", "cost: anomalies": "/cost?tab=anomalies", "cost: optimise": "/cost?tab=optimise", "cost: reconcile": "/cost?tab=reconcile",
  latency: "/latency", "latency by prompt, 28 days": "/latency?from=-28d&by=prompt", providers: "/providers", "providers, 28 days": "/providers?from=-28d",
  alerts: "/alerts", "alerts: rules": "/alerts?tab=rules", alert: alert && "/alerts/" + alert, rule: rule && "/alerts/rules/" + rule, oncall: "/oncall", audit: "/audit", settings: "/settings", "settings: keys": "/settings/keys", "settings: users": "/settings/users",
};
/** Milliseconds of processor time, in ticks of 10, of a process and all that it started; those of the dead are in who waited for them. */
function cpu(of) {
  const all = new Map();
  for (const pid of readdirSync("/proc").filter((name) => /^[0-9]+$/.test(name))) {
    try {
      const text = readFileSync(`/proc/${pid}/stat`, "latin1"), part = text.slice(text.lastIndexOf(")") + 2).split(" ");
      all.set(+pid, {parent: +part[1], ms: 10 * (+part[11] + +part[12] + +part[13] + +part[14])});
    } catch { /* it has ended */ }
  }
  const within = (pid) => { for (; all.has(pid); pid = all.get(pid).parent) if (pid === of) return true; return false; };
  return [...all].reduce((sum, [pid, p]) => sum + (pid !== process.pid && within(pid) ? p.ms : 0), 0);
}
const server = Number(process.env.QD_CONSOLE_PID) || null;
const middle = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
for (const [name, path] of Object.entries(pages)) {
  if (!only.test(name)) continue;
  if (!path) throw new Error(`${name}: the ledger has none to open`);
  const ready = [], key = [], wrongs = [], server_ms = [], browser_ms = [];
  let requests = [];
  for (let i = 0; i < rounds; i++) {
    const page = await context.newPage();
    page.on("pageerror", (e) => wrongs.push(e.message));
    await page.addInitScript(watch, QUIET);
    const before = [server ? cpu(server) : NaN, cpu(process.pid)];
    await page.goto(url + path, {waitUntil: "commit"});
    await page.waitForFunction(() => window.found?.ready, null, {timeout: 30_000});
    const pressed = Date.now();
    await page.keyboard.press("?");
    await page.getByRole("dialog").first().waitFor();
    key.push(Date.now() - pressed);
    server_ms.push(server ? cpu(server) - before[0] : NaN);
    browser_ms.push(cpu(process.pid) - before[1]);
    const found = await page.evaluate(() => window.found);
    ready.push(Math.round(found.ready));
    requests = found.requests;
    await page.close();
  }
  const total = ready.map((ms, i) => ms + key[i]);
  console.log(JSON.stringify({page: name, path, ms: middle(total), max_ms: Math.max(...total), ready_ms: middle(ready), key_ms: middle(key), server_cpu_ms: middle(server_ms), browser_cpu_ms: middle(browser_ms), requests: requests.sort((a, b) => b[1] - a[1]), wrongs}));
}
await browser.close();
