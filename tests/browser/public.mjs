// The public door in a real browser, as people meet it once: on a telephone, in both languages, without script. Then the pages of
// those who work on what comes in: clues, the grid worker's screen, self-checks, corrections. And two houses side by side, of
// which one was reported: their clinic sees no difference.
//   node public.mjs [--screenshots]
import assert from "node:assert/strict";
import { end, folder, serve, until } from "./house.mjs";
import { options } from "./options.mjs";
import { browser, comeIn, faults, go, look as lookAt, picture, test } from "./pages.mjs";
import { readFileSync } from "node:fs";
import { join } from "node:path";

options("--screenshots");

const DOOR = '[public]\nlisten = "127.0.0.1:0"\n';
const said = (text) => console.log(`· ${text}`);
const phone = { viewport: { width: 360, height: 740 } };

/** As every page is looked at, and by axe once more as it stands on a telephone. */
async function look(page, name) {
  await lookAt(page, name);
  const size = page.viewportSize();
  await page.setViewportSize(phone.viewport);
  const { AxeBuilder } = await import("@axe-core/playwright");
  const found = await new AxeBuilder({ page }).analyze();
  for (const violation of found.violations.filter((v) => ["serious", "critical"].includes(v.impact))) {
    faults.push(`${name} (360 px): ${violation.id}: ${violation.help}: ${violation.nodes.slice(0, 3).map((node) => node.target.join(" ")).join(" | ")}`);
  }
  if (size) await page.setViewportSize(size);
}

async function post(http, path, body) {
  const answer = await fetch(`${http}/api/v1/${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  assert(answer.ok, `${path}: ${answer.status} ${await answer.text()}`);
}

/** A clinic with a room, an item, three people and the checklist in force; then the same house behind accounts. */
async function house(more = "") {
  const at = folder();
  const open = await serve(at, { accounts: false, name: "open" });
  await post(open.http, "institutions", { id: "clinic-1", name: "锦城医疗美容门诊部", code: "91350100M000100Y43", grade_ceiling: 2, filed_items: ["laser-1"], jurisdiction: "510104", address: "锦江区一环路1号", licence_no: "PDY00512351010417D2152", licence_until: "2030-12-31", pledge_on: "2026-01-15", subjects: ["美容皮肤科"] });
  await post(open.http, "rooms", { id: "room-1", institution: "clinic-1", mode: "in_room" });
  await post(open.http, "items", { code: "laser-1", name_zh: "激光脱毛", kind: "energy_device", specialties: ["cosmetic_dermatology"], min_operator: "licensed_physician" });
  for (const [id, name, lead_of] of [["p-lead", "王主诊", ["cosmetic_dermatology"]], ["p-other", "李医生", []]]) {
    await post(open.http, "practitioners", { id, name, category: "licensed_physician", registration: "valid", sites: [{ institution: "clinic-1", relation: "primary", lead_of, filed_on: "2025-05-01" }] });
  }
  await post(open.http, "checklists", {});
  await end(open.server);
  const it = await serve(at, { extra: DOOR + more });
  const door = JSON.parse(readFileSync(join(at, "guarded.ready"), "utf8")).public;
  const data = await (await fetch(`${door}/p/api/v1/institutions`)).json();
  return { ...it, door, slug: data.institutions[0].slug };
}

/** A person of this role in a browser of their own. */
async function person(chrome, it, admin, name, role, scope, settings = {}) {
  const made = await admin.request.post(`${it.http}/api/v1/accounts`, { data: { role, scope }, headers: { Origin: it.http } });
  assert(made.ok(), `${role}: ${made.status()} ${await made.text()}`);
  return comeIn(await chrome.newContext(settings), `${it.http}${(await made.json()).path}`, name);
}

/** What a stranger sends by a program. */
async function report(it, text, more = {}) {
  const form = new URLSearchParams({ service_code: "lending", description: text, "attribute[institution]": it.slug, ...more });
  const answer = await fetch(`${it.door}/p/open311/requests.json`, { method: "POST", body: form });
  assert.equal(answer.status, 201, await answer.text());
}

async function lookUp(page, it, without) {
  const see = async (path, name) => {
    const answer = await go(page, `${it.door}${path}`);
    assert.equal(answer.status(), 200, path);
    if (without) {
      const wide = await page.evaluate(() => document.documentElement.scrollWidth).catch(() => 0);
      assert(wide <= 360, `${name}: ${wide} px wide without script`);
    } else await look(page, `door ${name}`);
  };
  for (const lang of ["", "lang=en"]) {
    const and = lang && `&${lang}`;
    const only = lang && `?${lang}`;
    await see(`/p${only}`, `search ${lang}`);
    await see(`/p?q=${encodeURIComponent("锦城")}${and}`, `found ${lang}`);
    await see(`/p?q=${encodeURIComponent("没有这家")}${and}`, `nothing found ${lang}`);
    await see(`/p/i/${it.slug}${only}`, `institution ${lang}`);
    if (!lang) await picture(page, "public-institution", { width: 390, height: 844, full: true });
    await see(`/p/d/${it.person}${only}`, `physician ${lang}`);
    await see(`/p/check?i=${it.slug}&d=${it.person}&item=laser-1${and}`, `check ${lang}`);
    await see(`/p/r/${it.sign}${only}`, `sign ${lang}`);
    await see(`/p/report?i=${it.slug}${and}`, `report ${lang}`);
    if (!lang) await picture(page, "public-report", { width: 390, height: 844, full: true });
    await see(`/p/report${only}`, `report of a place ${lang}`);
    await see(`/p/wrong?i=${it.slug}&d=${it.person}${and}`, `correction ${lang}`);
    await see(`/p/report/status${only}`, `receipt ${lang}`);
  }
}

/** From the search to the receipt and back, by the keyboard's own means: no script is needed. */
async function reportByHand(page, it, withScript) {
  // Two of one text, place and hour would be one clue.
  const text = withScript ? "医生走后，一个没有胸牌的人继续操作" : "没有胸牌的人先于医生开始操作";
  await go(page, `${it.door}/p?q=${encodeURIComponent("锦城")}`);
  await page.click(".list a");
  await page.click("a.button.primary");
  await page.selectOption("[name=allegation]", "unlicensed_operator");
  await page.fill("[name=day]", "2026-03-02");
  await page.fill("[name=from]", "09:02");
  await page.fill("[name=text]", text);
  await page.fill("[name=contact]", "13900139000");
  await page.click("main form button.primary");
  assert.match(await page.locator("[role=alert]").innerText(), /秒后/, "a form that nobody read is taken");
  assert.equal(await page.inputValue("[name=text]"), text, "what was typed is lost");
  if (withScript) await look(page, "door report that is sent too early");
  await until("the receipt", async () => {
    await page.click("main form button.primary");
    return await page.locator("#receipt").count() === 1;
  }, 60);
  if (withScript) await look(page, "door receipt");
  const receipt = await page.locator("#receipt").innerText();
  await page.check("main [type=checkbox]");
  await page.click("main form button.primary");
  await page.fill("[name=receipt]", receipt);
  await until("what stands behind the receipt", async () => {
    if (await page.locator(".answer").count() === 1) return true;
    await page.fill("[name=receipt]", receipt);
    await page.click("main form button.primary");
    return await page.locator(".answer").count() === 1;
  }, 30);
  assert.match(await page.locator(".answer").innerText(), /已收到/);
  if (withScript) await look(page, "door status");
  return receipt;
}

/** While it is crowded the browser computes a proof: the form goes through, and nobody else waits for it. */
async function crowded(chrome) {
  const it = await house("reports_per_min = 1\n");
  const [first, second] = await Promise.all(["一", "二"].map(async (n) => {
    const page = await (await chrome.newContext(phone)).newPage();
    await go(page, `${it.door}/p/report?i=${it.slug}`);
    await page.selectOption("[name=allegation]", "lending");
    await page.fill("[name=text]", `第${n}次看到别人的名牌`);
    return page;
  }));
  const send = "main form button.primary";
  await until("the first receipt", async () => {
    await first.click(send);
    return await first.locator("#receipt").count() === 1;
  }, 60);
  // Its own form may be a second younger.
  await until("the price", async () => {
    await second.click(send);
    return await second.locator("#report:not([data-bits='0'])").count() === 1;
  }, 30);
  assert.match(await second.locator("[role=alert]").innerText(), /当前提交较多/);
  await look(second, "door report while it is crowded");
  await second.click(send);
  await second.locator("#receipt").waitFor({ timeout: 60_000 });
}

async function officers(boss, li, it) {
  await go(boss, `${it.http}/clues?state=all`);
  assert.equal(await boss.locator(".inbox li").count(), 2, "the reports did not come in");
  await go(boss, `${it.http}/clues`);
  assert.equal(await boss.locator(".inbox li").count(), 2, "two matters wait");
  await look(boss, "clues");
  await picture(boss, "clues");
  await boss.keyboard.press("j");
  await boss.keyboard.press("Enter");
  await boss.waitForURL(/\/clues\/[0-9a-f]{32}/);
  await look(boss, "clue");
  const clue = boss.url();
  await boss.keyboard.press("u");
  await boss.waitForURL("**/clues");
  await go(boss, clue);
  await boss.fill("[name=question]", "是哪一间诊室？");
  await boss.click("button[value=ask]");
  // The record keeps the question.
  await boss.locator(".steps", { hasText: "是哪一间诊室？" }).waitFor();
  await boss.click("button[value=accept]");
  // A rule stands beside the day.
  await boss.locator("dl.kv", { hasText: "核查期限" }).first().waitFor();
  await look(boss, "clue that was accepted");
  await picture(boss, "clue", { full: true });
  for (const path of ["/clues/new", "/clues?state=overdue", "/clues?state=all", "/messages", "/system"]) {
    const answer = await go(boss, `${it.http}${path}`);
    assert.equal(answer.status(), 200, path);
    await look(boss, path);
  }
  await go(li, `${it.http}/clues?state=all&source=public_report`);
  assert.match(await li.locator(".tabs a").nth(2).getAttribute("href"), /source=public_report/, "a tab forgets the filter");
}

async function grid(page, it) {
  await go(page, `${it.http}/grid`);
  await look(page, "grid");
  await page.fill("[name=place_name]", "某美容院");
  await page.selectOption("[name=allegation]", "no_licence");
  await page.fill("[name=text]", "有人打针");
  await page.click("main form button.primary");
  await page.waitForURL("**/grid?done=*");
  assert.match(await page.locator("#mine").innerText(), /某美容院/, "what was sent is not listed");
  await look(page, "grid with what was sent");
  await picture(page, "grid", { width: 390, height: 844, full: true });
}

/** Two browsers answer one question at once: the second sees the first's answer and keeps its own. */
async function selfChecks(one, two, boss, it) {
  await go(one, `${it.http}/self-checks`);
  await look(one, "self-checks");
  const first = await one.locator("main a[href^='/self-checks/']").first().getAttribute("href");
  for (const page of [one, two]) await go(page, `${it.http}${first}`);
  await look(one, "self-check");
  const question = await one.locator("main a[href*='?q=']").first().getAttribute("href").catch(() => null);
  if (question) {
    for (const page of [one, two]) await go(page, new URL(question, `${it.http}${first}`).href);
    await look(one, "a question of a self-check");
  }
  await go(boss, `${it.http}/self-checks/overview`);
  await look(boss, "self-checks of the district");
  for (const page of [one, boss]) {
    await go(page, `${it.http}/corrections`);
    await look(page, "corrections");
  }
}

const masked = (text, it) => text.replaceAll(new URL(it.http).host, "HOST").replaceAll(new URL(it.door).host, "DOOR").replace(/\d\d:\d\d(:\d\d)?/g, "*").replace(/[0-9a-f]{16,}/g, "*");

/** Every page that a clinic reaches by links, as it reads it; and how long its place in the stream is. */
async function clinicSees(page, it) {
  const seen = new Map();
  const been = new Set();
  const ahead = ["/"];
  while (ahead.length > 0 && seen.size < 60) {
    const path = ahead.shift();
    if (been.has(path)) continue;
    been.add(path);
    // Ids are random; the pages come in the same order.
    const name = `${been.size} ${masked(path, it)}`;
    const answer = await page.goto(`${it.http}${path}`, { waitUntil: "domcontentloaded" }).catch(() => null);
    if (!answer || !/html/.test(answer.headers()["content-type"] ?? "")) {
      seen.set(name, "no page");
      continue;
    }
    seen.set(name, masked(await page.evaluate(() => document.body.innerText), it));
    const links = await page.evaluate(() => [...document.querySelectorAll("a[href^='/']")].map((a) => a.getAttribute("href").split("#")[0]));
    ahead.push(...links.filter((link) => !/logout|language|package|export/.test(link)));
  }
  await page.goto(`${it.http}/`, { waitUntil: "domcontentloaded" });
  // A clinic hears of its own leads alone (`it twin` listens to the stream); a page says where it begins.
  seen.set("place in the stream", await page.evaluate(() => document.body.dataset.feed.length));
  return seen;
}

async function twins(chrome, quiet, reported) {
  const [one, other] = await Promise.all([quiet, reported].map(async ({ it, clinic }) => clinicSees(clinic, it)));
  assert(one.size > 8, `${one.size} pages`);
  assert.deepEqual([...one.keys()], [...other.keys()], "another page is linked");
  for (const [path, text] of one) assert.equal(other.get(path), text, `${path} tells of reports`);
  said(`${one.size} things that a clinic sees are the same where it was reported`);
}

await test(async () => {
  const chrome = await browser();
  const it = await house();
  it.person = (await (await fetch(`${it.door}/p/api/v1/institutions/${it.slug}`)).json()).employee[0].slug;
  const admin = await comeIn(await chrome.newContext(), it.link, "admin-wu");
  const boss = await person(chrome, it, admin, "boss", "supervisor", "5101", { viewport: { width: 1280, height: 860 } });
  const qr = await (await boss.request.get(`${it.http}/rooms/room-1/qr`)).text();
  it.sign = /\/p\/r\/(\w+)/.exec(qr)[1];

  const stranger = await (await chrome.newContext(phone)).newPage();
  await lookUp(stranger, it, false);
  const receipt = await reportByHand(stranger, it, true);
  assert.match(receipt.replaceAll(" ", ""), /^\d{20}$/);
  assert.equal((await stranger.context().cookies()).length, 0, "the door sets a cookie");
  const plain = await (await chrome.newContext({ ...phone, javaScriptEnabled: false })).newPage();
  await lookUp(plain, it, true);
  await reportByHand(plain, it, false);
  await crowded(chrome);
  said("a browser pays for a crowded door by a proof");
  said("look-up, report, receipt and status work on a telephone, in two languages, and without script");

  const li = await person(chrome, it, admin, "li", "reviewer", "5101", { viewport: { width: 1280, height: 860 } });
  await officers(boss, li, it);
  said("a clue is asked about, accepted, and its deadline names its rule");
  await grid(await person(chrome, it, admin, "grid-7", "partner", "grid/5101", phone), it);
  said("a grid worker reports on one screen, and reads what became of it");
  const clinic = await person(chrome, it, admin, "clinic-a", "clinic", "clinic-1", { viewport: { width: 1280, height: 860 } });
  const second = await person(chrome, it, admin, "clinic-b", "clinic", "clinic-1", { viewport: { width: 1280, height: 860 } });
  await selfChecks(clinic, second, boss, it);
  said("self-checks and corrections stand on a telephone");

  const quiet = await house();
  const hers = await comeIn(await chrome.newContext(), quiet.link, "admin-wu");
  await person(chrome, quiet, hers, "boss", "supervisor", "5101");
  await person(chrome, quiet, hers, "li", "reviewer", "5101");
  await person(chrome, quiet, hers, "grid-7", "partner", "grid/5101");
  const same = await person(chrome, quiet, hers, "clinic-a", "clinic", "clinic-1", { viewport: { width: 1280, height: 860 } });
  const also = await person(chrome, quiet, hers, "clinic-b", "clinic", "clinic-1", { viewport: { width: 1280, height: 860 } });
  await also.close();
  for (let n = 0; n < 12; n += 1) await report(it, `第 ${n} 次看到没有证的人操作`);
  await twins(chrome, { it: quiet, clinic: same }, { it, clinic });
  await chrome.close();
});
