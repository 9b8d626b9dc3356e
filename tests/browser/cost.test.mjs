// Cost: what a link compares, whose form is open, and which exchanges are behind a row.
import assert from "node:assert/strict";
import {after, before, test} from "node:test";
import {launch, open, settled, sound, url} from "./rig.mjs";

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

test("from a shift one comes to its own application, and to windows of one length", async () => {
  const page = await open(browser, {who: "dora", path: "/cost?tab=anomalies"});
  const link = page.locator(".note-box", {hasText: "assistant · ask"}).getByRole("link", {name: "Why did it change?"}).first();
  const query = new URL(await link.getAttribute("href"), url).searchParams;
  assert.equal(query.get("app"), "assistant");
  assert.equal((new Date(query.get("bto")) - new Date(query.get("bfrom"))) / 86_400_000, -parseInt(query.get("cfrom"), 10));
  await link.click();
  await page.getByText(/Most of it: longer inputs/).waitFor();
  assert.equal(await page.getByLabel("against from").inputValue().then((v) => v.length > 0), true);
  await sound(page);
});

test("a row of spend leads to exchanges of the application that is chosen", async () => {
  const page = await open(browser, {who: "dora", path: "/cost?from=-28d&app=helpdesk&by=model"});
  await page.getByRole("region", {name: "Cost by model"}).locator("tbody tr[data-open]").first().click();
  await page.waitForURL(/\/exchanges/);
  assert.equal(new URL(page.url()).searchParams.get("app"), "helpdesk");
});

test("a form that is open stays with its budget when another one moves before it", async () => {
  const page = await open(browser, {who: "ana", path: "/"});
  const {budgets: [first], ...rest} = await (await page.request.get(url + "/api/v1/budgets")).json();
  const budget = (name, outlook) => ({...first, name, source: "registry", outlook}), asked = [];
  let worse = false;
  await page.route(/\/api\/v1\/budgets(\?|$)/, (r) => r.fulfill({json: {...rest, budgets: worse ? [budget("second", "refusing"), budget("first", "holds")] : [budget("first", "holds"), budget("second", "holds")]}}));
  await page.route(/\/api\/v1\/budgets\/\w+/, (r) => { asked.push(r.request().url()); return r.fulfill({json: {budget: {limit_usd: 1, window: "day", scope: {}}}}); });
  await page.clock.install();
  await page.goto(url + "/cost?tab=budgets");
  await page.locator(".budget", {hasText: "first"}).getByRole("button", {name: "Change"}).click();
  await page.getByRole("dialog", {name: "Change the budget first"}).waitFor();
  worse = true;
  await page.clock.fastForward(16_000);
  await page.waitForFunction(() => document.querySelector(".budget h3").textContent === "second");
  await page.getByRole("dialog", {name: "Change the budget first"}).waitFor();
  assert.equal(asked.filter((a) => a.includes("second")).length, 0);
});
