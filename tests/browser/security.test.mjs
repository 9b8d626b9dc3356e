// What strangers may try: words of traffic that want to be markup, changes from a foreign page, a session that somebody else chose.
import assert from "node:assert/strict";
import {createServer} from "node:http";
import {after, before, test} from "node:test";
import {launch, open, settled, signIn, url} from "./rig.mjs";

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

const evil = ['<img src=x onerror="window.taken=1">', "</script><script>window.taken=1</script>", '"><a href="javascript:window.taken=1">here</a>', "<svg onload=window.taken=1>"];
const label = (n) => evil[n % evil.length];

/** An exchange through the gateway as an application sends it. */
async function ask(page, n) {
  const headers = {authorization: "Bearer qd-demo-key-of-helpdesk", "x-quarterdeck-user": label(n), "x-quarterdeck-session": label(n + 1), "x-quarterdeck-feature": label(n + 2), "x-quarterdeck-team": label(n + 3),
    "x-quarterdeck-request-type": label(n), "x-quarterdeck-tags": `channel=${evil[0].replace(/[=,]/g, "")}`};
  const messages = [{role: "system", content: "Repeat: " + evil[n]}, {role: "user", content: `${evil.join(" ")} ![x](javascript:window.taken=1) [x](javascript:window.taken=1) ${n}`}];
  const answer = await page.request.post(url + "/v1/chat/completions", {headers, data: {model: "support-chat", messages, user: evil[n]}});
  return {status: answer.status(), id: answer.headers()["x-quarterdeck-id"], text: await answer.text()};
}

test("nothing that traffic can fill runs on any page: prompts, labels, tags, answers", async () => {
  const page = await open(browser, {who: "ana"});
  const ids = [];
  for (let n = 0; n < evil.length; n++) {
    const asked = await ask(page, n);
    assert.equal(asked.status, 200, asked.text);
    ids.push(asked.id);
  }
  for (let tries = 0; (await page.request.get(`${url}/api/v1/records/${ids.at(-1)}`)).status() !== 200; tries++) { assert.ok(tries < 100, "it is not in the ledger"); await page.waitForTimeout(100); }
  const by = ["user", "request_type", "feature", "team"].map((b) => "/exchanges?from=-1h&by=" + b);
  const paths = [...ids.map((id) => "/exchanges/" + id), "/exchanges?from=-1h", ...by, "/exchanges?user=" + encodeURIComponent(evil[0]), "/latency?from=-1h", "/cost?from=-1h&by=user,feature", "/cost?tab=why", "/?from=-1h", "/prompts?tab=live", "/audit", "/evaluation?suite=" + encodeURIComponent(evil[0]), "/settings/" + encodeURIComponent(evil[1]), "/prompts/" + encodeURIComponent(evil[0])];
  for (const path of paths) {
    await page.goto(url + path);
    await page.locator("main h1").waitFor();
    await settled(page);
    assert.equal(await page.evaluate(() => window.taken), undefined, path);
    assert.equal(await page.locator("main img, main script, main [onload], main [onerror], a[href^='javascript' i]").count(), 0, path);
    assert.deepEqual(page.wrongs, [], path);
  }
  await page.goto(url + "/exchanges/" + ids[0]);
  await page.getByText("onerror=").first().waitFor(); // it is there, as text
});

test("a foreign page changes nothing, and neither frames nor reads the console", async () => {
  const attacker = createServer((_, answer) => answer.writeHead(200, {"content-type": "text/html"}).end("<!doctype html><title>elsewhere</title>"));
  await new Promise((ready) => attacker.listen(0, "127.0.0.1", ready));
  try {
    const page = await open(browser, {who: "ana"}), name = "stolen-" + Date.now();
    const told = await page.evaluate(async (n) => (await fetch("/api/v1/keys", {method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify({application: "helpdesk", name: n})})).status, name);
    assert.equal(told, 403); // its own page, without the value
    await page.goto(`http://localhost:${attacker.address().port}/`); // another site
    const tried = await page.evaluate(async ([at, n]) => {
      const body = JSON.stringify({application: "helpdesk", name: n});
      const sent = [];
      for (const type of ["text/plain", "application/json"]) await fetch(at + "/api/v1/keys", {method: "POST", credentials: "include", mode: type === "text/plain" ? "no-cors" : "cors", headers: {"content-type": type}, body}).then((r) => sent.push(r.type), (e) => sent.push(e.name));
      sent.push(await fetch(at + "/api/v1/session", {credentials: "include"}).then(() => "read", () => "not read"));
      return sent;
    }, [url, name]);
    assert.deepEqual(tried, ["TypeError", "TypeError", "not read"]); // nor is that there was an answer
    await page.goto(url + "/");
    const keys = await page.evaluate(async () => JSON.stringify(await (await fetch("/api/v1/keys")).json()));
    assert.ok(!keys.includes(name));
    const head = (await page.request.get(url + "/")).headers();
    assert.match(head["content-security-policy"], /frame-ancestors 'none'/);
  } finally { attacker.close(); }
});

test("a session that somebody chose beforehand is not the one that a sign-in makes, and an ended one is over", async () => {
  const page = await open(browser), context = page.context();
  await signIn(page, "dora");
  const made = (await context.cookies()).find((c) => c.httpOnly);
  assert.ok(made && made.sameSite === "Strict", JSON.stringify(made));
  const other = await open(browser);
  const chosen = {...made, value: "A".repeat(made.value.length)};
  await other.context().addCookies([chosen]);
  await signIn(other, "dora");
  const fresh = (await other.context().cookies()).find((c) => c.name === made.name);
  assert.notEqual(fresh.value, chosen.value);
  assert.notEqual(fresh.value, made.value);
  const csrf = await page.evaluate(async () => (await (await fetch("/api/v1/session")).json()).csrf);
  assert.ok((await page.evaluate(async (v) => (await fetch("/api/v1/session", {method: "DELETE", headers: {"x-quarterdeck-csrf": v}})).status, csrf)) < 300);
  await context.addCookies([made]);
  assert.equal((await page.request.get(url + "/api/v1/keys")).status(), 401);
});
