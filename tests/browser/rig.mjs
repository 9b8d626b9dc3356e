// A browser for the console's tests: Debian's Chromium by playwright-core, a page that is signed in, and what must hold on every page.
import assert from "node:assert/strict";
import {readFileSync} from "node:fs";
import {createRequire} from "node:module";
import {chromium} from "playwright-core";

export const url = process.env.QD_CONSOLE_URL; // the demo's, by run.py
export const people = JSON.parse(process.env.QD_CONSOLE_PEOPLE ?? "{}"); // name -> password
const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
export const sizes = {desktop: {width: 1360, height: 900}, phone: {width: 390, height: 844}};

/** A browser with nothing of its own going on. */
export const launch = () => chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
});

/** A page in a context of its own. What it reports as an error, or asks of another host, is in `page.wrongs`. */
export async function open(browser, {who = null, size = "desktop", dark = false, path = "/", at = url} = {}) {
  const context = await browser.newContext({viewport: sizes[size], colorScheme: dark ? "dark" : "light", timezoneId: "Europe/London", locale: "en-GB", reducedMotion: "reduce"});
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  page.wrongs = [];
  page.on("pageerror", (e) => page.wrongs.push(e.message));
  page.on("console", (m) => { if (m.type() === "error" && !/status of (401|403|404|409|422|429)/.test(m.text())) page.wrongs.push(m.text()); });
  page.on("request", (r) => { if (!r.url().startsWith(at) && !/^(data|blob):/.test(r.url())) page.wrongs.push("a request to another host: " + r.url()); });
  if (who) await signIn(page, who, path, at);
  else await page.goto(at + path);
  return page;
}
export async function signIn(page, who, path = "/", at = url) {
  await page.goto(at + path);
  await page.getByLabel("Name", {exact: true}).fill(who);
  await page.getByLabel("Password", {exact: true}).fill(people[who]);
  await page.getByRole("button", {name: "Sign in", exact: true}).click();
  await page.getByRole("navigation", {name: "Pages", includeHidden: true}).waitFor({state: "attached"});
}
/** Nothing of the page is being asked for any more. */
export async function settled(page) {
  await page.waitForFunction(() => !document.body.textContent.includes("Asking the server"), null, {timeout: 30_000});
}
/** No violation of WCAG 2 A and AA. */
export async function accessible(page) {
  await page.evaluate(axeSource); // the policy forbids script elements, not this
  const {violations} = await page.evaluate(() => window.axe.run(document, {runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"], resultTypes: ["violations"]}));
  assert.deepEqual(violations.map((v) => `${v.id}: ${v.help} at ${v.nodes.slice(0, 3).map((n) => n.target.join(" ") + " " + (n.any[0]?.message ?? "")).join(" | ")}`), []);
}
/** What holds on every page: accessible, no error, no other host, nothing wider than the screen. */
export async function sound(page) {
  await settled(page);
  await accessible(page);
  assert.deepEqual(page.wrongs, []);
  const [wide, screen] = await page.evaluate(() => [document.documentElement.scrollWidth, document.documentElement.clientWidth]);
  assert.ok(wide <= screen + 1, `the page is ${wide} wide on a screen of ${screen}`);
}
