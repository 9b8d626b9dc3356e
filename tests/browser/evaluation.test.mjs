// Evaluation and review: ten cases by keyboard, a run's matrix, two runs compared.
import assert from "node:assert/strict";
import {after, before, test} from "node:test";
import {launch, open, sound, url} from "./rig.mjs";

let browser;
before(async () => { browser = await launch(); });
after(() => browser?.close());

/** A change over the API, as the page makes it. */
const change = (page, path, body) => page.evaluate(async ([path, body]) => {
  const {csrf} = await (await fetch("/api/v1/session")).json();
  const answer = await fetch("/api/v1" + path, {method: "POST", headers: {"content-type": "application/json", "x-quarterdeck-csrf": csrf}, body: JSON.stringify(body)});
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
  return answer.json();
}, [path, body]);

test("cleo reviews ten answers by the keyboard alone, and takes one back", async (t) => {
  const ana = await open(browser, {who: "ana", path: "/evaluation?tab=reviews"}), name = "Ten by keyboard " + Date.now();
  const {runs} = await ana.evaluate(async () => (await fetch("/api/v1/evals?suite=helpdesk-core&limit=1")).json());
  const made = await change(ana, "/reviews", {run: runs[0].run, name, rubric: "It answers what was asked.", scale: "binary", reviewers: ["cleo"], per_item: 1, due: new Date(Date.now() + 600_000).toISOString()});
  t.after(() => change(ana, `/reviews/${made.review}/close`, {reason: "the test is over"})); // so that the next one finds its own first
  const page = await open(browser, {who: "cleo", path: "/evaluation?tab=reviews"});
  await page.getByRole("link", {name}).waitFor();
  await page.keyboard.press("j");
  await page.keyboard.press("Enter");
  await page.waitForURL(`**/evaluation/review/${made.review.replace("review-", "")}*`); // what is due first is the first
  const heading = page.getByRole("heading", {name: /^Answer \d+ of \d+$/});
  await heading.waitFor();
  const [, from, of] = (await heading.textContent()).match(/Answer (\d+) of (\d+)/).map(Number);
  assert.ok(of - from >= 9, `${of - from + 1} are left`);
  await sound(page);
  await page.keyboard.press("Enter"); // nothing is chosen: nothing is kept
  await page.getByText(/Say pass or fail first/).waitFor();
  for (let i = 0; i < 10; i++) {
    if (i === 3) { await page.keyboard.press("c"); await page.keyboard.type("you name no amount"); await page.keyboard.press("Escape"); }
    await page.keyboard.press(i % 3 ? "y" : "n");
    await page.locator('.choices [aria-pressed="true"]').waitFor(); // it is seen before it is kept
    await page.keyboard.press(i % 2 ? "Enter" : " ");
    await page.getByText(from + i < of ? `Answer ${from + i + 1} of ${of}` : "All of yours are done").first().waitFor();
  }
  await page.keyboard.press("u");
  await page.getByText(`Answer ${from + 9} of ${of}`).first().waitFor();
  await page.keyboard.press("Enter"); // as it was labelled before
  await page.getByText(from + 9 < of ? `Answer ${from + 10} of ${of}` : "All of yours are done").first().waitFor();
  const mine = await page.evaluate(async (id) => (await (await fetch("/api/v1/reviews/" + id)).json()).reviewers.find((r) => r.name === "cleo").done, page.url().match(/review\/(\d+)/)[1]);
  assert.equal(mine, from + 9);
});

test("a run's cases are a matrix: failed ones alone, and what each check says, without a mouse", async () => {
  const page = await open(browser, {who: "dora", path: "/evaluation?suite=helpdesk-core"});
  await page.getByRole("heading", {name: "Score over time"}).waitFor();
  await sound(page);
  await page.getByRole("link", {name: /^run-\d+$/}).first().click();
  await page.locator("table.matrix").waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").locator("pre").first().waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({state: "detached"});
  await page.keyboard.press("f");
  await page.waitForURL(/verdict=fail/);
  await sound(page);
});

test("the demo's judge was held against people: its intervals and how many labels they are of; the review that is open says when it is due", async () => {
  const page = await open(browser, {who: "dora", path: "/evaluation?tab=judges"}), row = page.getByRole("row", {name: /helpful/});
  await row.getByText("calibrated", {exact: true}).waitFor();
  await row.getByText("n 54").waitFor(); // agreement is of all labels
  await row.getByRole("link", {name: "helpful"}).click();
  await page.getByText("54 labels.").waitFor();
  await sound(page);
  await page.goto(url + "/evaluation?tab=reviews");
  await page.getByRole("row", {name: /Are the answers helpful/}).waitFor();
  assert.equal(await page.getByText("no time is set").count(), 0);
});

test("two runs are compared from the list", async () => {
  const page = await open(browser, {who: "dora", path: "/evaluation?suite=helpdesk-core"});
  const pick = page.getByRole("button", {name: /^compare run-/});
  await pick.first().click();
  await pick.nth(1).click();
  await page.getByRole("link", {name: /^Compare run-\d+ with run-\d+$/}).click();
  await page.getByRole("heading", {name: "Flipped cases"}).waitFor();
  await sound(page);
});

for (const path of ["/evaluation?tab=judges", "/evaluation?tab=online", "/evaluation?tab=models", "/prompts?tab=live", "/evaluation/compare", "/evaluation/runs/999999", "/evaluation/review/999999", "/rollouts/nobody"])
  test(`sound with much, little and nothing: ${path}`, async () => {
    const page = await open(browser, {who: "ana", path, size: "phone"});
    await page.locator("main h1").waitFor();
    await sound(page);
  });

test("a model that changed silently was held, and says what its suite found", async () => {
  const page = await open(browser, {who: "ana", path: "/evaluation?tab=models"});
  await page.getByText("answers meanwhile").first().waitFor();
  await page.getByRole("button", {name: "Release …"}).first().waitFor();
  assert.ok(url);
});
