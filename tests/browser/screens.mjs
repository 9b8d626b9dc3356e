// Pictures of every page, for people to look at: node screens.mjs OUT [PATTERN]. Desktop and phone, light and dark.
import {mkdirSync} from "node:fs";
import {launch, open, settled, url} from "./rig.mjs";

const out = process.argv[2] ?? "screens", only = new RegExp(process.argv[3] ?? ".");
const browser = await launch();
const first = async (page, path, pick) => { const answer = await page.request.get(url + "/api/v1" + path); return answer.ok() ? pick(await answer.json()) : undefined; };
const looker = await open(browser, {who: "ana"});
const record = await first(looker, "/records?limit=1", (a) => a.records[0]?.id), alert = await first(looker, "/alerts?limit=1", (a) => a.alerts[0]?.number);
const run = await first(looker, "/evals?limit=1", (a) => a.runs?.[0]?.run), review = await first(looker, "/reviews", (a) => a.reviews[0]?.review ?? a.reviews[0]?.id);
const pages = {
  overview: "/?from=-28d", overview_app: "/?from=-28d&app=helpdesk", exchanges: "/exchanges", exchange: record && "/exchanges/" + record, prompts: "/prompts", prompt: "/prompts/helpdesk-answer", rollout: "/rollouts/helpdesk-answer",
  evaluation: "/evaluation", run: run && "/evaluation/runs/" + run, review: review && "/evaluation/review/" + review, cost: "/cost?from=-28d", budgets: "/cost?tab=budgets", why: "/cost?tab=why&compare=weeks3", anomalies: "/cost?tab=anomalies",
  optimise: "/cost?tab=optimise", latency: "/latency?from=-28d", providers: "/providers?from=-28d", alerts: "/alerts", alert: alert && "/alerts/" + alert, rule: "/alerts/rules/slow-mornings", oncall: "/oncall", audit: "/audit", settings: "/settings", models: "/settings/models", users: "/settings/users", me: "/settings/me", signin: null,
};
mkdirSync(out, {recursive: true});
for (const [size, dark] of [["desktop", false], ["desktop", true], ["phone", false], ["phone", true]]) {
  const page = await open(browser, {who: "ana", size, dark});
  for (const [name, path] of Object.entries(pages)) {
    const file = `${name}-${size}-${dark ? "dark" : "light"}`;
    if (!path || !only.test(file)) continue;
    await page.goto(url + path);
    await page.locator("main h1").waitFor();
    await settled(page);
    await page.waitForTimeout(300); // charts are drawn in the next frames
    await page.screenshot({path: `${out}/${file}.png`, fullPage: true});
    if (page.wrongs.length) console.log(file, page.wrongs.splice(0));
  }
  await page.context().close();
}
await browser.close();
