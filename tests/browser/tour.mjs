// The pictures of docs/tour.md, of a demo that has lived through its weeks: node tour.mjs [OUT], with run.py's variables. Look at each of them.
import {mkdirSync, statSync} from "node:fs";
import {fileURLToPath} from "node:url";
import {launch, open, settled, url} from "./rig.mjs";

const out = process.argv[2] ?? fileURLToPath(new URL("../../docs/tour/", import.meta.url)), most = 180 * 1024;
const browser = await launch(), page = await open(browser, {who: "dora"});
const api = async (path) => (await page.request.get(url + "/api/v1" + path)).json();
const outage = (await api("/alerts?rule=provider-down")).alerts.at(-1).number, canary = (await api("/rollouts")).rollouts.find((r) => r.candidate === 3).rollout;
const panel = (title) => page.locator("section.panel", {has: page.locator("h2, summary", {hasText: title})}).first();

/** From the top of the first to the end of the last of what is shown, a little around it. */
async function picture(name, path, from, to, {width = 1180, tall = 1300, before} = {}) {
  await page.setViewportSize({width, height: 900});
  await page.goto(url + path);
  await page.locator("main h1").waitFor();
  await settled(page);
  await before?.();
  await from().waitFor();
  await page.waitForTimeout(600); // charts are drawn in the next frames
  const height = await page.evaluate(() => document.documentElement.scrollHeight);
  await page.setViewportSize({width, height});
  await page.waitForTimeout(600);
  const a = await from().boundingBox(), b = await to().boundingBox();
  const wide = await page.evaluate(() => { const all = [...document.querySelectorAll("main section")].map((s) => s.getBoundingClientRect()), x = Math.min(...all.map((r) => r.left)); return {x, width: Math.max(...all.map((r) => r.right)) - x}; });
  const clip = {x: wide.x - 8, y: Math.max(0, a.y - 8), width: wide.width + 16, height: Math.min(tall, b.y + b.height - a.y + 16)};
  const file = `${out}/tour-${name}.png`;
  await page.screenshot({path: file, clip});
  const size = statSync(file).size;
  console.log(`tour-${name}.png ${Math.round(clip.width)} x ${Math.round(clip.height)}, ${Math.ceil(size / 1024)} KiB`);
  if (size > most) { console.error("  is too large"); process.exitCode = 1; }
}

mkdirSync(out, {recursive: true});
const h1 = () => page.locator("main h1");
const all = {
  overview: () => picture("overview", "/?from=-28d", h1, () => page.locator("section.panel", {has: page.locator(".app-block")}).last(), {before: () => page.locator("details.app-block[open]").evaluateAll((all) => all.forEach((d) => { d.open = false; }))}),
  axis: () => picture("axis", "/?from=-28d", () => panel("What changed when"), () => panel("What changed when").locator("section").nth(1), {before: () => page.locator("button.event.bad").first().hover()}),
  outage: () => picture("outage", `/alerts/${outage}`, h1, () => panel("Done for it"), {tall: 664}),
  model: () => picture("model", "/evaluation?tab=models", h1, () => panel("Model changes")),
  canary: () => picture("canary", `/rollouts/helpdesk-answer?rollout=${canary}`, h1, () => page.locator(".rails > *").first()),
  cost: () => picture("cost", "/cost?tab=why&app=assistant&compare=weeks3", h1, () => page.locator("main .columns").first()),
  mornings: () => picture("mornings", "/latency?app=helpdesk&request_type=summary&from=-28d", () => panel("By hour of the day"), () => panel("By hour of the day")),
};
for (const [name, take] of Object.entries(all)) if (!process.argv[3] || new RegExp(process.argv[3]).test(name)) await take().catch((e) => { console.error(name, e.message); process.exitCode = 1; });
await browser.close();
