// Prompts and rollouts: a canary that was caught, a version approved by somebody else than its author, a rollback that is only looked at.
import assert from "node:assert/strict";
import {after, before, test} from "node:test";
import {launch, open, sound, url} from "./rig.mjs";

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

/** The API as whoever is signed in on the page. */
const call = (page, method, path, body, type = "application/json") => page.evaluate(async ([method, path, body, type]) => {
  const {csrf} = await (await fetch("/api/v1/session")).json();
  const answer = await fetch("/api/v1" + path, {method, headers: {"content-type": type, "x-quarterdeck-csrf": csrf}, body});
  return {status: answer.status, body: await answer.json()};
}, [method, path, body, type]);

test("the canary that broke amounts is found in the list, and says what was harmful", async () => {
  const page = await open(browser, {who: "dora", path: "/prompts?tab=rollouts"});
  const row = page.getByRole("row").filter({hasText: "rolled back"}).first();
  await row.waitFor();
  await row.getByRole("link").first().click();
  await page.waitForURL(/\/rollouts\/helpdesk-answer/);
  await page.getByText(/was rolled back/).first().waitFor();
  await page.getByText(/^Harmful: (over )?\d.* of the candidate's \(n \d/).first().waitFor();
  await page.locator(".rail .uplot canvas").first().waitFor();
  assert.equal(await page.getByRole("button", {name: "Abort …"}).count(), 0); // it is over
  await sound(page);
});

test("the list tells the requests of its window, neither more nor fewer", async () => {
  const at = (days) => new Date(Date.now() - days * 86_400_000).toISOString(), from = at(9), to = at(3);
  const page = await open(browser, {who: "dora", path: `/prompts?from=${from}&to=${to}`});
  const {body: {subjects}} = await call(page, "GET", "/prompts"), {body: report} = await call(page, "GET", `/cost/report?by=prompt&from=${from}&to=${to}`);
  const one = subjects.find((s) => s.name === "helpdesk-answer"), spent = report.rows.find((r) => r.prompt === `${one.name}@${one.production}`);
  const cell = page.getByRole("row").filter({has: page.getByRole("link", {name: one.name, exact: true})}).locator('td[data-label="Requests"]');
  await cell.filter({hasText: /\d/}).waitFor();
  assert.equal(Number((await cell.innerText()).replace(/\D/g, "")), spent?.count ?? 0);
});

test("its author is told why not; somebody else approves", async () => {
  const ben = await open(browser, {who: "ben", path: "/prompts/helpdesk-answer"});
  await ben.getByRole("button", {name: "Roll back …"}).waitFor();
  const shown = await call(ben, "GET", "/prompts/helpdesk-answer/versions/1");
  const {messages, ...rest} = shown.body.content;
  const text = `<img src=x onerror="document.title='broken in'"> and 🙂 ${Date.now()}`;
  const made = await call(ben, "POST", "/prompts?reason=" + encodeURIComponent("<b>to see</b>"),
    JSON.stringify({...rest, messages: [{role: "system", content: messages[0].content + " " + text}, ...messages.slice(1)], suites: shown.body.suites}), "text/plain");
  assert.equal(made.status, 200, JSON.stringify(made.body));
  await ben.goto(`${url}/prompts/helpdesk-answer?version=${made.body.version}`);
  await ben.getByRole("button", {name: "Submit …"}).click();
  await ben.getByRole("dialog").getByLabel("Why").fill("please look");
  await ben.getByRole("dialog").getByRole("button", {name: "Submit …"}).click();
  await ben.getByText(/You may not approve or reject it: its author cannot review it/).waitFor();
  assert.ok(await ben.getByRole("button", {name: "Approve …"}).isDisabled());
  await ben.locator(".diff ins").filter({hasText: "<img src=x"}).first().waitFor(); // text, and nothing else
  assert.doesNotMatch(await ben.title(), /broken in/);
  await sound(ben);

  const ana = await open(browser, {who: "ana", path: `/prompts/helpdesk-answer?version=${made.body.version}`});
  await ana.getByRole("button", {name: "Approve …"}).click();
  await ana.getByRole("dialog").getByRole("button", {name: "Approve …"}).click();
  assert.ok(await ana.getByRole("dialog").isVisible()); // without a reason nothing is sent
  await ana.getByRole("dialog").getByLabel("Why").fill("read it");
  await ana.getByRole("dialog").getByRole("button", {name: "Approve …"}).click();
  await ana.getByRole("dialog").waitFor({state: "detached"});
  await ana.locator("li").filter({hasText: "ana approved"}).waitFor();
});

test("a viewer sees all of it and may do none of it; the phone shows it, too", async () => {
  const page = await open(browser, {who: "dora", path: "/prompts/helpdesk-answer", size: "phone", dark: true});
  await page.getByRole("button", {name: "Roll back …"}).waitFor();
  assert.ok(await page.getByRole("button", {name: "Roll back …"}).isDisabled());
  await page.keyboard.press("j");
  await page.waitForURL(/version=/);
  await sound(page);
});
