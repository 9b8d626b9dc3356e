// Exchanges: narrowed, grouped, followed; one of them whole, run again and made a case.
import assert from "node:assert/strict";
import {after, before, test} from "node:test";
import {launch, open, settled, sound, url} from "./rig.mjs";

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());
const rows = (page) => page.getByRole("region", {name: "Exchanges", exact: true}).locator("tbody tr");
const captured = async (page) => (await (await page.request.get(url + "/api/v1/records?from=-28d&application=helpdesk&status=ok&limit=1")).json()).records[0].id;

test("filters live in the address, by keyboard alone, and are taken away one by one", async () => {
  const page = await open(browser, {who: "dora", path: "/exchanges?from=-28d"});
  await rows(page).first().waitFor();
  const type = await page.evaluate(async () => (await (await fetch("/api/v1/records?from=-28d&limit=100")).json()).records.find((r) => r.request_type).request_type);
  await page.keyboard.press("/");
  await page.getByLabel("Request type", {exact: true}).fill(type);
  await page.keyboard.press("Enter");
  await page.waitForURL((u) => u.searchParams.get("request_type") === type);
  await settled(page);
  for (const one of (await rows(page).allInnerTexts()).slice(0, 20)) assert.ok(one.includes(type), one);
  await page.getByRole("button", {name: `without request_type ${type}`}).click();
  await page.waitForURL((u) => !u.searchParams.has("request_type"));
  await page.goto(url + "/exchanges?from=-28d&user=nobody-of-this-name");
  await page.getByText("No exchange of this window is like that.").waitFor();
  await sound(page);
});

test("pages follow one another without a row twice, and j, Enter open one", async () => {
  const page = await open(browser, {who: "dora", path: "/exchanges?from=-28d&to=-1m"});
  await rows(page).first().waitFor();
  const links = () => page.locator("tbody td:first-child a").evaluateAll((all) => all.map((a) => a.pathname));
  const first = await links();
  await page.getByRole("button", {name: "Older"}).click();
  await page.waitForURL(/cursor=/);
  await page.waitForFunction((was) => document.querySelector("tbody td a") && document.querySelector("tbody td a").pathname !== was, first[0]);
  for (const path of await links()) assert.ok(!first.includes(path), path);
  await page.getByRole("heading", {name: "Exchanges"}).click();
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/exchanges\/[0-9A-Z]{26}/);
});

test("groups sum to what the books say, with the interval of each share of errors", async () => {
  const page = await open(browser, {who: "dora", path: "/exchanges?from=-28d&to=-1m&by=model"});
  const table = page.getByRole("region", {name: "Exchanges by model"});
  await table.waitFor();
  await settled(page);
  const counts = await table.locator("tbody tr td:nth-child(2)").allInnerTexts();
  const said = await page.getByText(/exchanges, \$.* in all/).innerText();
  assert.equal(counts.reduce((sum, c) => sum + Number(c.replaceAll(",", "")), 0), Number(said.split(" ")[0].replaceAll(",", "")));
  assert.match(await table.locator("tbody tr").first().innerText(), /% \(.* – .*%\)/);
  await sound(page);
});

test("groups are narrowed by whatever narrows the list", async () => {
  const page = await open(browser, {who: "dora", path: "/"}), at = "from=-28d&to=-1m&application=helpdesk";
  const one = (await (await page.request.get(`${url}/api/v1/records?${at}&status=ok&prompt=helpdesk-answer&limit=200`)).json()).records.find((r) => r.session);
  for (const [name, value] of [["status", "error"], ["session", one.session], ["arm", "candidate"], ["prompt", "helpdesk-answer"], ["tag", "no=such"]]) {
    let n = 0;
    for (let cursor = ""; cursor !== null; ) {
      const list = await (await page.request.get(`${url}/api/v1/records?${at}&${name}=${encodeURIComponent(value)}&limit=1000${cursor && "&cursor=" + cursor}`)).json();
      n += list.records.length, cursor = list.next_cursor;
    }
    await page.goto(`${url}/exchanges?from=-28d&to=-1m&app=helpdesk&by=model&${name}=${encodeURIComponent(value)}`);
    await settled(page);
    const said = n === 0 ? 0 : Number((await page.getByText(/exchanges, .* in all/).innerText()).split(" ")[0].replaceAll(",", ""));
    if (n === 0) assert.equal(await page.getByText(/in all/).count(), 0, name);
    else assert.equal(said, n, name);
  }
});

test("followed, exchanges come by themselves, and hold still", async () => {
  const page = await open(browser, {who: "dora", path: "/exchanges?live=1"});
  const table = page.getByRole("region", {name: "Exchanges as they come"});
  await page.getByText("Nothing has come since").or(table).first().waitFor();
  const other = await open(browser, {who: "cleo", path: "/"}), id = await captured(other);
  const status = await other.evaluate(async (of) => { // at night nobody else asks
    const {csrf} = await (await fetch("/api/v1/session")).json();
    return (await fetch(`/api/v1/records/${of}/again`, {method: "POST", headers: {"content-type": "application/json", "x-quarterdeck-csrf": csrf}, body: JSON.stringify({reason: "somebody follows"})})).status;
  }, id);
  assert.equal(status, 200);
  await table.locator("tbody tr").first().waitFor();
  await page.getByRole("button", {name: /Hold/}).click();
  await page.getByRole("button", {name: /Go on/}).waitFor();
  await sound(page);
});

test("one exchange: its time adds up, its cost sums, its words are text, and a viewer may not run it again", async () => {
  const page = await open(browser, {who: "dora", path: "/"});
  const id = await captured(page);
  await page.goto(url + "/exchanges/" + id);
  await page.getByText("What was said").waitFor();
  await settled(page);
  await page.getByText("= the sum").waitFor();
  await page.locator(".wf [role=listitem]").nth(1).waitFor();
  await page.locator(".message.assistant .said").first().waitFor();
  assert.ok(await page.getByRole("button", {name: "Run again"}).isDisabled());
  await page.getByText("quarterdeck record show " + id, {exact: true}).waitFor();
  await sound(page);
});

test("what traffic says is never more than text", async () => {
  const evil = '<img src=x onerror="window.taken=1"><script>window.taken=1</script>';
  const page = await open(browser, {who: "dora", path: "/"});
  const id = await captured(page), record = await (await page.request.get(url + "/api/v1/records/" + id)).json();
  await page.route(`**/api/v1/records/${id}`, (r) => r.fulfill({json: {...record, user: evil, session: evil, model: evil, tags: {[evil]: evil}, error: evil, error_text: evil, request_type: evil, target: {provider: evil, model: evil}}}));
  await page.route(`**/api/v1/records/${id}/payload`, (r) => r.fulfill({json: {id, application: null, request: {cut: false, json: {messages: [{role: evil, content: [{type: "text", text: evil}, null, 7, {type: evil}]}, null, "x"], tools: [{function: {name: evil}}]}}, reply: {cut: true, text: `data: {"choices":[{"delta":{"content":${JSON.stringify(evil)}}}]}\n\ndata: {"cut` }}}));
  await page.goto(url + "/exchanges/" + id);
  await page.locator(".message.assistant .said", {hasText: "onerror"}).waitFor();
  assert.equal(await page.evaluate(() => window.taken), undefined);
  assert.equal(await page.locator("main img, main script").count(), 0);
  await sound(page); // however long it is
});

test("an operator runs one again and makes it a case, once", async () => {
  const page = await open(browser, {who: "cleo", path: "/"});
  const id = await captured(page);
  await page.goto(url + "/exchanges/" + id);
  await page.getByRole("button", {name: "Run again"}).waitFor();
  await page.keyboard.press("r");
  const again = page.getByRole("dialog", {name: "Run it again"});
  await again.getByLabel("Why").fill("to see it once more");
  await again.getByRole("button", {name: "Run again"}).click();
  await page.getByText(/^Run again: /).waitFor();
  await page.getByRole("region", {name: "Runs of this exchange"}).waitFor();
  for (const once of [true, false]) {
    await page.goto(url + "/exchanges/" + id);
    await page.getByRole("button", {name: "Add to suite"}).click();
    const add = page.getByRole("dialog", {name: "Make it a case of a suite"});
    await add.getByLabel("Suite").selectOption("helpdesk-core");
    await add.getByLabel(/What a good answer is/).fill("as it was");
    await add.getByLabel("Why").fill("customers ask it");
    await add.getByRole("button", {name: "Add to suite"}).click();
    if (once) await page.waitForURL(/\/evaluation/);
    else await add.getByText(/is in the suite already/).waitFor();
  }
});

test("an exchange of a version that serves no more shows the words that differ from the one that does", async () => {
  const page = await open(browser, {who: "dora"});
  const id = (await (await page.request.get(url + "/api/v1/records?from=-28d&prompt=helpdesk-answer@2&limit=1")).json()).records[0].id;
  await page.goto(url + "/exchanges/" + id);
  await page.getByText(/What is different in helpdesk-answer@4/).click();
  await page.locator(".diff ins").first().waitFor();
  assert.ok(await page.locator(".diff del").count() > 0 && (await page.locator(".diff ins").allInnerTexts()).join(" ").includes("two short"), await page.locator(".diff").first().innerText());
  await sound(page);
});
