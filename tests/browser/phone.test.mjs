// On a phone: nothing has to be pushed sideways, what is to be touched is large enough, and charts say their numbers without a pointer.
import assert from "node:assert/strict";
import {after, before, test} from "node:test";
import {launch, open, settled, sound, url} from "./rig.mjs";

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());
const pages = ["/?from=-28d", "/exchanges?from=-28d", "/exchanges?from=-28d&by=model", "/prompts", "/cost?from=-28d", "/cost?tab=why&compare=weeks3", "/cost?tab=anomalies", "/cost?tab=optimise", "/latency?from=-28d", "/providers",
  "/alerts", "/alerts/rules/slow-mornings", "/audit", "/settings/users", "/settings/models", "/evaluation", "/evaluation?tab=models"];

test("no table is wider than the phone, and what is touched is 40 pixels high", async () => {
  const page = await open(browser, {who: "ana", size: "phone"});
  for (const path of pages) {
    await page.goto(url + path);
    await page.locator("main h1").waitFor();
    await sound(page);
    const wide = await page.evaluate(() => [...document.querySelectorAll("main .scroll[role=region]")].filter((el) => el.querySelector("table[role=table]") && el.scrollWidth > el.clientWidth + 1).map((el) => `${el.ariaLabel}: ${el.scrollWidth} in ${el.clientWidth}`));
    assert.deepEqual(wide, [], path);
    const small = await page.evaluate(() => [...document.querySelectorAll("main .button, main select, main input:not([type=checkbox]):not([type=radio]), .top .button, .top select")].filter((el) => el.checkVisibility() && el.clientWidth > 1 && el.getBoundingClientRect().height < 40).map((el) => el.outerHTML.slice(0, 80)));
    assert.deepEqual(small, [], path);
  }
});

test("a row of a list says its columns' names, and opens", async () => {
  const page = await open(browser, {who: "dora", size: "phone", path: "/latency?from=-28d"});
  const row = page.locator("table.list tbody tr").filter({hasText: "summary"}).first();
  await row.waitFor();
  assert.equal(await row.locator("td").nth(4).getAttribute("data-label"), "P95");
  await row.locator("td").first().click();
  await page.waitForURL(/request_type=summary/);
});

test("the tab that is shown can be seen, and a chart says its newest number with n", async () => {
  const page = await open(browser, {who: "dora", size: "phone", path: "/cost?tab=optimise"});
  await settled(page);
  const tab = await page.locator(".tabs a[aria-current]").boundingBox();
  assert.ok(tab.x >= 0 && tab.x + tab.width <= 390, JSON.stringify(tab));
  await page.goto(url + "/latency?from=-28d");
  await page.locator(".u-legend").getByText(/^\d.* n [\d,]+$/).first().waitFor();
});

test("a phone that is turned has the filters of exchanges", async () => {
  const page = await open(browser, {who: "dora", size: "phone", path: "/exchanges"});
  const filters = page.getByRole("search", {name: "Narrow the exchanges"});
  await page.locator(".fold > summary").waitFor();
  assert.equal(await filters.isVisible(), false);
  await page.setViewportSize({width: 844, height: 390});
  await filters.waitFor();
});
