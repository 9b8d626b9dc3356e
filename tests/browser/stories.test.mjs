// What people look for on the demo's pages: the slow mornings, why cost rose, what was done in the outage, what a model's change led to.
import assert from "node:assert/strict";
import {after, before, test} from "node:test";
import {launch, open, settled, sound, url} from "./rig.mjs";

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

test("an SRE finds the slow mornings: by hour of the day, for the request type that has them", async () => {
  const page = await open(browser, {who: "cleo", path: "/latency?from=-28d&app=helpdesk"});
  const types = page.getByRole("region", {name: "Latency by request type"}).or(page.getByRole("table", {name: /Latency by/}));
  await types.getByRole("link", {name: /summary/}).or(types.getByRole("row").filter({hasText: "summary"})).first().click();
  await page.waitForURL(/request_type=summary/);
  await page.getByText(/^Slow from 09:00 to 11:00: P95 up to/).waitFor();
  const cells = page.getByRole("table", {name: "P95 by hour of the day"}).getByRole("row");
  const seconds = async (hour) => parseFloat((await cells.filter({hasText: new RegExp(`^${hour}:00`)}).locator("td").nth(1).innerText()).replace(/ s$/, ""));
  assert.ok(Math.min(await seconds("09"), await seconds("10")) > 2 * await seconds("14"));
  await sound(page);
});

test("a finance lead explains the cost: longer inputs, of one feature, and the parts sum", async () => {
  const page = await open(browser, {who: "dora", path: "/cost?tab=why&app=assistant&compare=weeks3"});
  await page.getByText(/Most of it: longer inputs/).waitFor();
  await page.getByText(/It came from feature/).getByText("handbook-search").waitFor();
  const why = await page.evaluate(async () => { // a whole week against a whole week, as the page asks
    const to = new Date(), ago = (d) => new Date(to - d * 86_400_000).toISOString();
    return (await fetch(`/api/v1/cost/explain?application=assistant&from=${ago(7)}&to=${to.toISOString()}&baseline_from=${ago(28)}&baseline_to=${ago(21)}`)).json();
  });
  const sum = why.contributions.reduce((s, c) => s + c.usd, why.before_usd);
  assert.ok(Math.abs(sum - why.after_usd) < 1e-6 * why.after_usd, `${sum} and ${why.after_usd}`);
  await page.goto(url + "/cost?tab=anomalies&app=assistant");
  await page.getByText(/the context grew on \d{4}-\d\d-\d\d/).first().waitFor();
  await sound(page);
  await page.goto(url + "/cost?tab=optimise&app=assistant&from=-28d");
  await settled(page);
  await page.locator("main").getByText(/quarterdeck /).first().waitFor(); // the command to do it
});

test("whoever was called sees what was done in the outage, step by step", async () => {
  const page = await open(browser, {who: "ben", path: "/alerts"});
  const number = (await (await page.request.get(url + "/api/v1/alerts?rule=provider-down")).json()).alerts.at(-1).number;
  await page.goto(`${url}/alerts/${number}`);
  const done = page.getByRole("table", {name: "Actions"}).or(page.getByRole("region", {name: "Actions"}));
  for (const step of ["fail over", "comes back, 1 % of it", "comes back, 50 % of it", "all of it is back"]) await done.getByText(step).first().waitFor();
  await sound(page);
});
