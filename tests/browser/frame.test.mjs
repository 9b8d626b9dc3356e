// The frame: signing in, the palette, the keys, light and dark, the phone, what is not there, and the headers.
import assert from "node:assert/strict";
import {after, before, test} from "node:test";
import {launch, open, people, sound, url} from "./rig.mjs";

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());
const pages = ["/", "/exchanges", "/prompts", "/evaluation", "/cost", "/latency", "/providers", "/alerts", "/oncall", "/audit", "/settings"];

test("whoever is not signed in sees the form alone, and a wrong password says so", async () => {
  const page = await open(browser, {path: "/cost?tab=why"});
  await page.getByRole("heading", {name: "Sign in"}).waitFor();
  await sound(page);
  await page.getByLabel("Name", {exact: true}).fill("ana");
  await page.getByLabel("Password", {exact: true}).fill("not this one, surely");
  await page.getByRole("button", {name: "Sign in", exact: true}).click();
  await page.getByRole("alert").waitFor();
  await page.getByLabel("Password", {exact: true}).fill(people.ana);
  await page.getByRole("button", {name: "Sign in", exact: true}).click();
  await page.getByRole("heading", {name: "Cost"}).waitFor(); // where the link led
  assert.match(page.url(), /tab=why/);
});

for (const size of ["desktop", "phone"])
  for (const dark of [false, true])
    test(`every page is sound: ${size}, ${dark ? "dark" : "light"}`, async () => {
      const page = await open(browser, {who: "ana", size, dark});
      for (const path of pages) {
        await page.goto(url + path);
        await page.locator("main h1").waitFor();
        try { await sound(page); } catch (e) { e.message = `${path}: ${e.message}`; throw e; }
      }
    });

test("Ctrl-K finds a page and a prompt, ? lists the keys, g c goes to cost, all without a mouse", async () => {
  const page = await open(browser, {who: "dora"});
  await page.locator("main h1").waitFor();
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox", {name: /Find/}).fill("audit");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/audit/);
  await page.keyboard.press("Control+k");
  await page.getByRole("option", {name: /helpdesk-answer.*prompt/}).first().waitFor();
  await page.getByRole("combobox", {name: /Find/}).fill("helpdesk-answer prompt");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/prompts\/helpdesk-answer/);
  await page.keyboard.press("g");
  await page.keyboard.press("c");
  await page.waitForURL(/\/cost/);
  await page.keyboard.press("?");
  await page.getByRole("dialog", {name: "Keys"}).getByText("find anything").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({state: "detached"});
  const was = await page.evaluate(() => document.documentElement.dataset.theme);
  await page.keyboard.press("t");
  await page.waitForFunction((before) => document.documentElement.dataset.theme !== before, was);
});

test("Ctrl-K finds users, settings, keys, pages within pages, a run and an exchange by what they are called", async () => {
  const page = await open(browser, {who: "ana"}), input = page.getByRole("combobox", {name: /Find/});
  await page.locator("main h1").waitFor();
  const id = (await (await page.request.get(url + "/api/v1/records?from=-28d&limit=1")).json()).records[0].id;
  for (const [words, option, to] of [["dora user", /^dora/, "/settings/users"], ["max_body", /^server\.max_body/, "/settings/server"], ["silences", /^Silences/, "/alerts?tab=silences"],
    ["openai provider", /^openai/, "/providers?provider=openai"], ["ops receivers", /^ops/, "/settings/receivers/ops"], ["run-1", /^run-1/, "/evaluation/runs/1"], [id, /^exchange/, "/exchanges/" + id],
    ["helpdesk/app", /^helpdesk\/app/, "/exchanges?app=helpdesk&key=app"]]) {
    await page.keyboard.press("Control+k");
    await input.fill(words);
    await page.getByRole("option", {name: option}).first().waitFor();
    await page.keyboard.press("Enter");
    await page.waitForURL(url + to);
    await page.locator("main h1").waitFor();
  }
  assert.deepEqual(page.wrongs, []);
});

test("what Ctrl-K finds is of the same application and window, and an exchange is found by how its id begins", async () => {
  const page = await open(browser, {who: "dora", path: "/latency?app=assistant&from=-28d&to=-1m"}), input = page.getByRole("combobox", {name: /Find/});
  const {id} = (await (await page.request.get(url + "/api/v1/records?from=-28d&limit=1")).json()).records[0], of = "app=assistant&from=-28d&to=-1m";
  for (const [words, option, to] of [["silences", /^Silences/, "/alerts?tab=silences&" + of], ["summarise model", /^summarise/, "/exchanges?model=summarise&" + of],
    [id.slice(0, 12).toLowerCase(), "exchange " + id, `/exchanges/${id}?${of}`], [id.slice(0, 6), /^exchange /, /\/exchanges\/[0-9A-Z]{26}\?/],
    ["helpdesk/app", /^helpdesk\/app/, "/exchanges?app=helpdesk&key=app&from=-28d&to=-1m"]]) {
    await page.keyboard.press("Control+k");
    await input.fill(words);
    await page.getByRole("option", {name: option}).first().waitFor();
    await page.keyboard.press("Enter");
    await page.waitForURL(typeof to === "string" ? url + to : to);
    if (to instanceof RegExp) assert.ok(new URL(page.url()).pathname.split("/").pop().startsWith(words));
    await page.locator("main h1").waitFor();
  }
  assert.deepEqual(page.wrongs, []);
});

test("the order of a table and the threshold that is tried are in the address, and outlive a reload", async () => {
  const page = await open(browser, {who: "dora", path: "/cost?by=request_type&from=-28d"});
  const names = () => page.locator("tbody tr td:nth-child(1)").allInnerTexts();
  await page.getByRole("button", {name: "exchanges", exact: true}).click();
  await page.getByRole("button", {name: "exchanges ↓"}).click();
  await page.waitForURL(/sort=requests/);
  const fewest = await names();
  await page.reload();
  await page.getByRole("button", {name: "exchanges ↑"}).waitFor();
  assert.deepEqual(await names(), fewest);
  await page.goto(url + "/alerts/rules/slow-chat");
  const threshold = page.getByLabel("threshold in s");
  await threshold.fill("1.5");
  await page.waitForURL(/threshold=1\.5/);
  await page.reload();
  await page.getByText(/^At 1\.5 s:/).waitFor();
  assert.equal(await threshold.inputValue(), "1.5");
  const asked = page.waitForRequest((r) => r.url().endsWith("/replay") && /"-3d".*"1\.5"/.test(r.postData() ?? "")); // of other days, too, not what the one in force told
  await page.getByLabel("Past").selectOption("3");
  await asked;
  await page.getByText(/^At 1\.5 s:/).waitFor();
});

test("a page that finds no server asks again by itself until there is one", async () => {
  const page = await open(browser, {who: "dora", path: "/"});
  await page.locator("main h1").waitFor();
  await page.route("**/api/v1/cost/explain**", (r) => r.abort());
  await page.getByRole("link", {name: "Cost", exact: true}).click();
  await page.getByRole("link", {name: "Why did it change?"}).click();
  await page.getByRole("alert").getByText("the server does not answer").waitFor();
  await page.unroute("**/api/v1/cost/explain**");
  await page.getByText("From before to after").waitFor();
  assert.equal(await page.getByRole("alert").count(), 0);
  await page.route("**/api/v1/cost/anomalies**", (r) => r.fulfill({status: 200, contentType: "application/json", body: '{"types": ['})); // it ended amid its answer
  await page.getByRole("link", {name: "Anomalies", exact: true}).click();
  await page.getByRole("alert").getByText("the server's answer broke off").waitFor();
  await page.unroute("**/api/v1/cost/anomalies**");
  await page.getByText("All that is watched").waitFor();
  await page.route("**/api/v1/session", (r) => r.abort());
  await page.reload();
  await page.getByRole("alert").getByText("the server does not answer").waitFor();
  await page.unroute("**/api/v1/session");
  await page.locator("main h1").waitFor();
  assert.deepEqual(page.wrongs.filter((w) => !/Failed to load resource|ERR_FAILED/.test(w)), []);
});

test("what an open page asks by itself says so, and what somebody asks does not", async () => {
  const page = await open(browser, {path: "/exchanges?from=-28d"}), asked = [];
  await page.getByRole("heading", {name: "Sign in"}).waitFor();
  await page.clock.install();
  await page.getByLabel("Name", {exact: true}).fill("dora");
  await page.getByLabel("Password", {exact: true}).fill(people.dora);
  await page.keyboard.press("Enter");
  await rowsOf(page).first().waitFor();
  const list = () => page.waitForRequest((r) => r.url().includes("/api/v1/records?"));
  let next = list();
  await page.clock.fastForward(60_000);
  asked.push((await next).headers()["x-quarterdeck-background"]);
  next = list();
  await page.getByRole("button", {name: "Older"}).click();
  asked.push((await next).headers()["x-quarterdeck-background"]);
  assert.deepEqual(asked, ["1", undefined]);
});
const rowsOf = (page) => page.getByRole("region", {name: "Exchanges", exact: true}).locator("tbody tr");

test("what is not there says so, and the policy is strict on every answer", async () => {
  const page = await open(browser, {who: "dora", path: "/"});
  for (const [path, status] of [["/settings/nothing/of/this/kind", 200], ["/no/such/page", 404]]) {
    assert.equal((await page.goto(url + path)).status(), status);
    await page.getByRole("heading", {name: "No such page"}).waitFor();
  }
  for (const path of ["/", "/api/v1/status", "/cost", "/no/such/page"]) {
    const answer = await page.request.get(url + path, {headers: {accept: "text/html"}});
    assert.match(answer.headers()["content-security-policy"] ?? "", /default-src 'none'.*script-src 'self'/, path);
    assert.equal(answer.headers()["x-content-type-options"], "nosniff", path);
  }
});
