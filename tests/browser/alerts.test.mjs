// Alerts, on call, the audit log and settings, as whoever is called, runs or audits the server uses them.
import assert from "node:assert/strict";
import {after, before, test} from "node:test";
import {launch, open, settled, sound, url} from "./rig.mjs";

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());
const api = (page, path) => page.evaluate(async (p) => (await fetch("/api/v1" + p)).json(), path);
const say = async (page, why) => page.getByRole("dialog").getByLabel("Why", {exact: true}).fill(why);

test("an alert is silenced with a reason, from itself, and the silence is ended", async () => {
  const page = await open(browser, {who: "cleo", path: "/alerts"});
  const {alerts} = await api(page, "/alerts?limit=1");
  assert.ok(alerts.length, "the demo has alerts");
  await page.goto(`${url}/alerts/${alerts[0].number}`);
  await page.getByRole("heading", {name: "What to type"}).waitFor();
  await sound(page);
  await page.getByRole("button", {name: "Silence …"}).click();
  const dialog = page.getByRole("dialog", {name: "Silence alerts"});
  assert.match(await dialog.getByLabel("Which").inputValue(), new RegExp("^rule=" + alerts[0].rule));
  await say(page, "we know, and work on it");
  await dialog.getByRole("button", {name: "Silence …"}).click();
  await dialog.waitFor({state: "detached"});
  await page.goto(url + "/alerts?tab=silences");
  const row = page.getByRole("row").filter({hasText: "we know, and work on it"});
  await row.getByText("in force").waitFor();
  await row.getByRole("button", {name: "End it"}).click();
  await say(page, "it is well");
  await page.getByRole("dialog").getByRole("button", {name: "End it"}).click();
  await row.waitFor({state: "detached"});
});

test("a threshold is tried on the past by keyboard: a higher one tells no more alarms", async () => {
  const page = await open(browser, {who: "cleo", path: "/alerts?tab=rules"});
  const {rules} = await api(page, "/alert-rules");
  const rule = rules.find((r) => r.metric && /^latency/.test(r.metric) && r.threshold_from !== "baseline");
  assert.ok(rule, "the demo has a rule about latency");
  await page.goto(`${url}/alerts/rules/${encodeURIComponent(rule.name)}`);
  const slider = page.getByRole("slider", {name: "Threshold"});
  await slider.waitFor();
  const status = page.getByText(/\d+ alarms?/).first();
  const before = Number(/([\d,]+) alarms?/.exec(await status.textContent())[1].replace(",", ""));
  const panel = page.locator(".panel", {has: slider}), tried = page.getByText(/^At .* alarms?/);
  await slider.focus();
  await page.keyboard.press("End");
  try { await tried.waitFor({timeout: 60_000}); } // weeks are gone through
  catch (e) { e.message += `\n${await page.evaluate(() => document.activeElement.outerHTML.slice(0, 300))}\n${await panel.innerText().catch(() => "no panel")}`; throw e; }
  const after = Number(/: ([\d,]+) alarms?/.exec(await tried.textContent())[1].replace(",", ""));
  assert.ok(after <= before, `${after} alarms at the highest threshold, ${before} in force`);
  await page.getByLabel("threshold in s").fill("1.23456789"); // no whole number of microseconds
  await page.getByText(/^At 1\.23 s: .* alarms?/).waitFor();
  await page.goto(url + "/alerts/rules/quality-low"); // a score of more than 1 is none
  await slider.focus();
  await page.keyboard.press("End");
  await tried.waitFor();
  await sound(page);
});

test("a threshold that is being tried stays, whatever is accepted meanwhile", async () => {
  const page = await open(browser, {who: "cleo", path: "/alerts?tab=rules"});
  const {rules} = await api(page, "/alert-rules");
  const {name} = rules.find((r) => r.metric && /^latency/.test(r.metric) && r.threshold_from !== "baseline");
  let factor = 1;
  await page.route("**/api/v1/alert-rules", async (route) => {
    const {"if-none-match": _, ...headers} = route.request().headers();
    const response = await route.fetch({headers}), body = await response.json();
    for (const r of body.rules) if (r.name === name) r.threshold *= factor;
    await route.fulfill({response, json: body});
  });
  await page.clock.install();
  await page.goto(`${url}/alerts/rules/${encodeURIComponent(name)}`);
  const slider = page.getByRole("slider", {name: "Threshold"});
  await slider.waitFor();
  await slider.focus();
  factor = 0.9;
  await page.keyboard.press("Home");
  const replayed = (pattern) => page.waitForResponse((r) => r.url().endsWith("/replay") && pattern.test(r.request().postData()));
  await replayed(/"threshold"/);
  const past = replayed(/"points"/), again = past.then(() => replayed(/"threshold"/));
  await page.clock.fastForward(16_000); // the rules are asked for again
  await Promise.all([past, again]);
  await page.getByText(/^At .* alarms?/).waitFor({timeout: 60_000});
  assert.equal(await slider.inputValue(), await slider.getAttribute("min"));
  assert.ok(await slider.evaluate((e) => e === document.activeElement), "the slider kept the focus");
});

test("on call, rules, receivers and silences are sound on a phone, and say who it is", async () => {
  const page = await open(browser, {who: "dora", size: "phone", dark: true, path: "/oncall"});
  for (const path of ["/oncall", "/alerts", "/alerts?tab=rules", "/alerts?tab=receivers", "/alerts?tab=silences", "/audit", "/settings", "/settings/keys", "/settings/me", "/settings/models", "/settings/server"]) {
    await page.goto(url + path);
    await page.locator("main h1").waitFor();
    try { await sound(page); } catch (e) { e.message = `${path}: ${e.message}`; throw e; }
  }
  await page.goto(url + "/alerts");
  await settled(page);
  assert.ok(await page.getByRole("button", {name: "Silence …"}).first().isDisabled(), "a viewer silences nothing");
});

test("the audit log is filtered by the URL, and verified", async () => {
  const page = await open(browser, {who: "dora", path: "/audit?actor=ana"});
  await page.getByRole("table", {name: "Entries of the audit log"}).waitFor();
  const who = await page.getByRole("table", {name: "Entries of the audit log"}).locator("tbody td:nth-child(2)").allTextContents();
  assert.ok(who.length && who.every((w) => w === "ana"), who.join());
  await page.getByRole("button", {name: "Verify", exact: true}).click();
  await page.getByText("whole", {exact: true}).waitFor();
});

test("a setting is changed after a look at the difference; what is wrong is not made; no secret is told", async () => {
  const page = await open(browser, {who: "ana", path: "/settings/evaluation"});
  await page.getByRole("heading", {name: "evaluation"}).waitFor();
  const field = page.getByLabel("concurrent", {exact: true});
  await field.fill("many");
  await page.getByRole("button", {name: "See what would change"}).click();
  await page.getByRole("dialog").getByText(/expected/).waitFor();
  assert.equal(await page.getByRole("button", {name: "Make the change"}).count(), 0);
  await page.getByRole("button", {name: "Back"}).click();
  await field.fill("7");
  await page.getByRole("button", {name: "See what would change"}).click();
  const dialog = page.getByRole("dialog");
  await dialog.locator("ins").filter({hasText: "concurrent: 7"}).waitFor();
  await say(page, "the gate is slow");
  await dialog.getByRole("button", {name: "Make the change"}).click();
  await dialog.waitFor({state: "detached"});
  await page.goto(url + "/audit?action=configuration");
  await page.getByText("“the gate is slow”").first().waitFor();
  assert.doesNotMatch(JSON.stringify(await api(page, "/configuration")), /"api_key":"(?!\(kept\)|\$\{|file:)/);
  await sound(page);
});

test("a key's secret is shown once, and the key is revoked", async () => {
  const page = await open(browser, {who: "cleo", path: "/settings/keys"});
  await page.getByRole("button", {name: "New key …"}).click();
  const name = "browser-" + Date.now();
  await page.getByRole("dialog").getByLabel("Name", {exact: true}).fill(name);
  await say(page, "a test");
  await page.getByRole("dialog").getByRole("button", {name: "New key …"}).click();
  const secret = await page.locator("[data-secret]").textContent();
  assert.match(secret, /^qd-/);
  await page.getByRole("button", {name: "I have it"}).click();
  const row = page.getByRole("row").filter({hasText: name});
  await row.waitFor();
  assert.ok(!(await page.content()).includes(secret));
  await row.getByRole("button", {name: "Revoke"}).click();
  await say(page, "done");
  await page.getByRole("dialog").getByRole("button", {name: "Revoke"}).click();
  await row.waitFor({state: "detached"});
});
