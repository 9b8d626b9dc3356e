// The overview: how each application is, and what changed when, by mouse and by keyboard.
import assert from "node:assert/strict";
import {after, before, test} from "node:test";
import {launch, open, settled, sound, url} from "./rig.mjs";

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

test("every domain of an application says its state, its numbers with n and window, and an unknown one how to fill it", async () => {
  const page = await open(browser, {who: "dora", path: "/?from=-28d&app=helpdesk"});
  await page.getByText("What changed when").waitFor();
  await settled(page);
  for (const domain of ["quality", "cost", "change", "incidents", "improvement"]) await page.locator(".domain .name", {hasText: domain}).getByText(/^(good|look|needs you|not known)$/).waitFor();
  assert.match(await page.locator(".domain", {hasText: "cost"}).first().innerText(), /\n.*n [\d,]+/); // of the window that the panel names
  await page.getByText(/exchanges in the window; so are the numbers/).waitFor();
  await sound(page);
});

test("the worst application stands first, and what needs a person names the command", async () => {
  const page = await open(browser, {who: "dora", path: "/?from=-28d"});
  await page.locator(".app-block").first().waitFor();
  const order = await page.locator(".app-block > summary").evaluateAll((all) => all.slice(0, -1).map((s) => s.querySelectorAll(".badge.bad").length * 100 + s.querySelectorAll(".badge.warn").length));
  assert.deepEqual(order, [...order].sort((a, b) => b - a));
  for (const need of await page.locator(".need").all()) assert.ok(await need.locator("a").getAttribute("href"));
});

test("what needs a person stands first, each once, the most urgent before the others, without a scroll", async () => {
  const page = await open(browser, {who: "dora", path: "/?from=-28d"});
  const items = page.locator(".needs-list li");
  await items.first().waitFor();
  const titles = await items.locator("a").allTextContents(), urgency = await items.locator(".badge").allTextContents();
  assert.deepEqual(urgency, [...urgency].sort((a, b) => ["now", "soon", "when there is time"].indexOf(a) - ["now", "soon", "when there is time"].indexOf(b)));
  assert.match(await page.locator("main h2").first().innerText(), new RegExp(`^${titles.length} things need a person$`));
  const first = await items.first().boundingBox();
  assert.ok(first.y + first.height < 400, JSON.stringify(first));
});

test("two things that are called the same are two, and an alert and the finding that it follows are one", async () => {
  const page = await open(browser, {who: "dora"});
  await page.route("**/api/v1/overview?*", async (r) => {
    const answer = await (await r.fetch()).json(), all = answer.applications.find((a) => a.application === null);
    const need = (about, title, href) => ({about, title, href, command: null, since: null, severity: "warn"});
    for (const d of all.domains) d.needs = [];
    all.domains[1].needs = [need("finding 1", "unknown price", "/cost"), need("finding 2", "unknown price", "/cost"), need("finding 3", "a budget refuses", "/cost")];
    all.domains[3].needs = [need("finding 3", "money: a budget refuses", "/alerts/7")];
    await r.fulfill({json: answer});
  });
  await page.goto(url + "/?from=-28d");
  const items = page.locator(".needs-list li");
  await items.first().waitFor();
  assert.deepEqual((await items.locator("a").allTextContents()).sort(), ["money: a budget refuses", "unknown price", "unknown price"]);
});

test("events are reached by keyboard, told in words and marked through all charts; the window is zoomed and one goes back", async () => {
  const page = await open(browser, {who: "dora", path: "/?from=-28d&app=helpdesk"});
  const events = page.locator("button.event");
  await events.first().waitFor();
  await page.locator(".u-over").first().waitFor();
  await events.first().focus();
  const card = page.getByRole("region", {name: "The event"});
  const first = await card.innerText();
  assert.match(first, /\S/);
  await page.locator(".hair").waitFor();
  if (await events.count() > 1) {
    await page.keyboard.press("ArrowRight");
    await page.waitForFunction((was) => document.querySelector(".event-card").innerText !== was, first);
    await page.keyboard.press("Home");
    assert.equal(await card.innerText(), first);
  }
  assert.equal(await card.locator("a").first().getAttribute("href").then((h) => h.startsWith("/")), true);
  // a click and a drag over a chart is a window of its own, in the address; z goes back
  const over = await page.locator(".u-over").nth(1).boundingBox();
  await page.locator(".u-over").nth(1).scrollIntoViewIfNeeded();
  const at = await page.locator(".u-over").nth(1).boundingBox();
  await page.mouse.move(at.x + over.width * 0.3, at.y + 20);
  await page.mouse.down();
  await page.mouse.move(at.x + over.width * 0.6, at.y + 20, {steps: 4});
  await page.mouse.up();
  await page.waitForURL(/from=20.*to=20/);
  await settled(page);
  await page.getByRole("heading", {name: "Overview"}).click();
  await page.keyboard.press("z");
  await page.waitForURL((u) => u.searchParams.get("from") === "-28d" && !u.searchParams.has("to"));
});

test("a window without traffic names the one command that fills it", async () => {
  const page = await open(browser, {who: "dora", path: "/?from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z"});
  await page.getByText("Nothing was asked in this window").waitFor();
  await page.getByText("quarterdeck load").waitFor();
  await sound(page);
  assert.ok(url);
});
