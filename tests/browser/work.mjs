// A supervisor's and two reviewers' own work in a real browser: the bell, a mention, a step taken back, a file beside a lead, the
// pages of a person, a clinic and a room's day with its slider, the wall; and how many clicks the common tasks take.
//   node work.mjs [--screenshots]
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { folder, morning, serve, until } from "./house.mjs";
import { options } from "./options.mjs";
import { PASSWORD, browser, comeIn, go, look, picture, test } from "./pages.mjs";

options("--screenshots");

const said = (text) => console.log(`· ${text}`);

// ---- Clicks: each press of a pointer is one, and so is each choice from a list.

const counted = new Map();
let pressed = 0;

async function counting(context) {
  await context.exposeBinding("pressedOnce", () => { pressed += 1; });
  await context.addInitScript(() => addEventListener("pointerdown", () => window.pressedOnce(), true));
}

async function choose(page, field, value) {
  await page.selectOption(field, value);
  pressed += 1;
}

/** Counts what a task takes, from the page where its person stands. */
async function task(name, most, work) {
  pressed = 0;
  await work();
  counted.set(name, { most, clicks: pressed });
  assert(pressed <= most, `${name}: ${pressed} clicks, at most ${most}`);
}

async function invite(admin, http, role, scope) {
  await go(admin, `${http}/accounts`);
  await choose(admin, "[name=role]", role);
  if (role === "clinic") await choose(admin, "[name=institution]", scope);
  else await choose(admin, "[name=scope]", scope);
  await admin.click("main form:has([name=institution]) button.primary");
  const path = /\/welcome\/[\w-]+/.exec(await admin.locator("main").innerText());
  assert(path, `no invitation for ${role}`);
  return `${http}${path[0]}`;
}

async function leads(page, http) {
  await go(page, `${http}/?state=raised`);
  return page.locator(".inbox li a");
}

async function judge(one, two, http) {
  const lead = await (await leads(one, http)).first().getAttribute("href");
  await task("reviewer upholds", 2, async () => {
    await one.click(".inbox li a >> nth=0");
    await one.locator("#act button[value=uphold]").first().click();
    await one.locator(".undo").waitFor();
  });
  await look(one, "a step that may be taken back");
  await one.click(".undo button");
  await one.locator("button[value=uphold]").first().waitFor();
  assert.equal(await one.locator(".undo").count(), 0, "an undone step is offered again");
  said("a step is taken back within a minute, as a step of its own");

  await leads(one, http);
  await task("reviewer dismisses", 3, async () => {
    await one.click(".inbox li a >> nth=0");
    await choose(one, "#act [name=reason]", "record_outdated");
    await one.click("#act button[value=dismiss]");
    await one.locator(".undo").waitFor();
  });
  await one.fill("#act [name=note]", "@li 请复核此条");
  await one.click("#act button[value=comment]");
  await one.waitForLoadState();

  await go(two, `${http}/`);
  assert.match(await two.locator("#bell").innerText(), /\d/, "the bell counts nothing");
  await two.click("#bell");
  await two.locator(".tasks").waitFor();
  assert.match(await two.locator("main").innerText(), /提到我/, "the mention is lost");
  await look(two, "messages");
  await picture(two, "messages");
  await two.click(".tasks form button");
  await two.waitForURL("**/messages");
  await go(two, `${http}/messages?tab=done`);
  await look(two, "messages, done");
  await go(two, `${http}/account/messages`);
  await look(two, "how I am told");
  said("a colleague's mention rings, and is ended by whoever it names");
  return lead;
}

async function file(page, http, lead, at) {
  const path = join(at, "现场记录.pdf");
  writeFileSync(path, "%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n");
  await go(page, `${http}${lead}`);
  await page.setInputFiles("#files [name=file]", path);
  await page.click("#files button");
  await page.locator("#files li a").waitFor();
  const [given] = await Promise.all([page.waitForEvent("download"), page.click("#files li a")]);
  assert.deepEqual(readFileSync(await given.path()), readFileSync(path), "another file came back");
  await look(page, "a lead with a file");
  said("a file lies beside a lead and comes back as it was");
}

async function dossiers(page, http) {
  // One that names somebody: a stranger has no page.
  const get = async (path) => (await page.request.get(`${http}/api/v1/${path}`)).json();
  const { alerts } = await get("alerts?state=all&limit=50");
  const whole = await Promise.all(alerts.map(({ id }) => get(`alerts/${id}`)));
  const named = whole.find((alert) => alert.findings.some((finding) => finding.persons.length > 0));
  assert(named, "no lead names anybody");
  await go(page, `${http}/alerts/${named.id}`);
  const person = await page.locator(".persons a").first().getAttribute("href");
  const room = await page.locator("dl.kv a[href^='/rooms/']").first().getAttribute("href");
  const clinic = await page.locator("dl.kv a[href^='/institutions/']").first().getAttribute("href");
  for (const [name, path] of [["person", person], ["clinic", clinic], ["room-day", room]]) {
    const answer = await go(page, `${http}${path}`);
    assert.equal(answer.status(), 200, path);
    await look(page, name);
    if (name === "room-day") await picture(page, "room-day", { full: true });
  }
  const slider = page.locator("#moment");
  const all = await page.locator(".moments > li:visible").count();
  const { from, to } = await page.locator("#day").evaluate((day) => ({ from: Number(day.dataset.from), to: Number(day.dataset.to) }));
  await slider.fill(String(Math.round((from + to) / 2000) * 1000));
  const some = await page.locator(".moments > li:visible").count();
  assert(all > 0 && some <= all, `${some} of ${all} moments`);
  assert.match(await page.locator("#clock").innerText(), /\d\d:\d\d:\d\d/, "the slider names no time");
  await page.click("#whole");
  assert.equal(await page.locator(".moments > li:visible").count(), all);
  said(`a room's day of ${all} entries is walked along by a slider`);
}

async function wall(page, http) {
  for (const [width, height] of [[1920, 1080], [3840, 2160]]) {
    await page.setViewportSize({ width, height });
    await go(page, `${http}/wall`);
    const bottom = await page.locator(".wallcols").evaluate((e) => e.getBoundingClientRect().bottom / innerHeight);
    assert(bottom > 0.8, `the wall fills ${Math.round(bottom * 100)} % of ${height} px`);
    assert.match(await page.locator("#wallclock").innerText(), /\d\d:\d\d/, "no clock");
  }
  await page.route("**/wall", (route) => route.fulfill({ status: 502, body: "bad gateway" }));
  await page.evaluate(() => refresh());
  await page.locator("#lost:not([hidden])").waitFor();
  assert(await page.locator(".wallcols").count(), "a 502 took the wall away");
  await page.unroute("**/wall");
  // The stream lives on: what stands is brought up to date in its place, and no page is loaded anew.
  await page.evaluate(() => { window.stood = true; heard(); });
  await page.locator("#lost[hidden]").waitFor({ state: "attached" });
  assert(await page.evaluate(() => window.stood), "the wall was loaded anew");
  const cookies = await page.context().cookies();
  await page.context().clearCookies();
  await until("the word that the login ended", () => page.evaluate(() => { refresh(); return Boolean(document.querySelector("#lost a")); }), 30);
  assert.match(await page.locator("#lost").innerText(), /登录已结束/, "the wall does not say that its login ended");
  assert(await page.locator(".wallcols").count(), "the login's end took the wall away");
  await page.context().addCookies(cookies);
  await page.setViewportSize({ width: 1280, height: 860 });
  said("the wall fills 1920 and 3840 px, says when it is stale, and survives a 502 and its login's end");
}

/** The channel's light of whoever is given no stream. */
async function light(page, http) {
  await go(page, `${http}/accounts`);
  await page.locator("#link.ok").waitFor();
  const says = async (status, body) => {
    await page.route("**/readyz", (route) => route.fulfill({ status, body }));
    await page.evaluate(() => ask());
    await page.unroute("**/readyz");
  };
  await says(503, "no connection to the MQTT broker\n");
  await page.locator("#link.bad").waitFor();
  assert.match(await page.locator("#link").getAttribute("title"), /消息通道中断/, "the light says another thing");
  await says(502, "<html>bad gateway</html>");
  await page.locator("#lost:not([hidden])").waitFor();
  await page.evaluate(() => ask());
  await page.locator("#link.ok").waitFor();
  assert.equal(await page.locator("#lost").isVisible(), false, "the page still calls itself stale");
  said("the light tells an administrator that the broker is gone, and that it is back");
}

async function narrow(page, http) {
  for (const width of [768, 1280, 1366, 1920]) {
    await page.setViewportSize({ width, height: 1024 });
    await go(page, `${http}/`);
    const cut = await page.locator(".top nav").evaluate((nav) => nav.scrollWidth - nav.clientWidth);
    assert(cut <= 1, `${cut} px of the menu are hidden at ${width} px`);
    const rows = await page.locator(".top nav a").evaluateAll((all) => new Set(all.map((a) => Math.round(a.getBoundingClientRect().top))).size);
    assert(rows === 1 || width < 1000, `the menu takes ${rows} rows at ${width} px`);
  }
  await page.setViewportSize({ width: 390, height: 844 });
  await go(page, `${http}/`);
  const first = await page.locator(".inbox li").first().boundingBox();
  assert(first && first.y < 844, `the first lead stands at ${first?.y} px of a phone`);
  await page.click(".inbox li a >> nth=0");
  await page.locator(".actbar button").waitFor();
  const bar = await page.locator(".actbar").boundingBox();
  assert(bar && bar.y + bar.height <= 844, `the verdict stands at ${bar?.y} px of a phone`);
  const timeline = page.locator(".timeline").first();
  if (await timeline.count()) {
    const { inner, outer } = await timeline.evaluate((e) => ({ inner: e.scrollWidth, outer: e.clientWidth }));
    assert.equal(await timeline.locator("figcaption").isVisible(), true, "nothing says that the timeline scrolls");
    assert(inner > outer, `the timeline of ${inner} px does not scroll in ${outer} px`);
  }
  await page.setViewportSize({ width: 1280, height: 860 });
  said("768 to 1920 px show the whole menu, a phone the first lead and its verdict");
}

async function boxes(page, http, room) {
  await go(page, `${http}/devices`);
  await task("administrator registers a box", 6, async () => {
    await page.click("a[href='/devices/new']");
    await page.click("[name=id]");
    await page.keyboard.type("box-new");
    await choose(page, "[name=room]", room);
    await page.click("main form button.primary");
    await page.locator("svg, .qr").first().waitFor();
  });
}

// What is pressed is the corner, in the shape of the camera's picture.
async function zones(page, http, room) {
  await go(page, `${http}/registry/rooms/${room}`);
  const drawing = page.locator("figure.zones svg");
  const box = await drawing.boundingBox();
  const shape = await drawing.evaluate((svg) => svg.viewBox.baseVal.height / svg.viewBox.baseVal.width);
  assert(Math.abs(box.height / box.width - shape) < 0.02, `a picture of ${shape} is drawn as ${box.height / box.width}`);
  await page.locator("figure.zones button").first().click();
  for (const [x, y] of [[0.2, 0.2], [0.6, 0.2], [0.6, 0.7]]) await drawing.click({ position: { x: box.width * x, y: box.height * y } });
  const corners = (await page.inputValue("textarea[name=operator]")).trim().split("\n").pop().trim().split(/\s+/).map((corner) => corner.split(",").map(Number));
  const near = ([x, y], [wantedX, wantedY]) => Math.abs(x - wantedX) <= 5 && Math.abs(y - wantedY) <= 5;
  assert(corners.length === 3 && near(corners[0], [200, 200]) && near(corners[1], [600, 200]) && near(corners[2], [600, 700]), `three presses wrote ${corners.join(" ")}`);
  said("three presses draw a zone in the shape of the camera's picture");
}

// Two hundred people of whom nobody is filed as a lead: none of them can be declared as one.
async function crowd(page, http, institution) {
  const rows = Array.from({ length: 200 }, (_, n) => `p-crowd-${n},员工${n},nurse,valid,${institution},primary`);
  const csv = ["id,name,category,registration,institution,relation", ...rows].join("\n");
  await go(page, `${http}/registry`);
  const status = await page.evaluate(async (body) => (await fetch("/api/v1/import/practitioners", { method: "POST", headers: { "content-type": "text/csv" }, body })).status, csv);
  assert.equal(status, 200, "two hundred people were not taken");
}

async function fromQr(context, http, room, link) {
  const out = await context.newPage();
  pressed = 0;
  const page = await comeIn(context, link, "clinic-q");
  await out.close();
  await task("clinic declares a session from the room's code", 5, async () => {
    await go(page, `${http}/sessions/new?room=${room}`);
    await choose(page, "[name=item]", { index: 1 });
    const leads = page.locator("select[name=declared_lead]");
    assert(await leads.locator("option:not([disabled])").count() < 20, "people who are filed nowhere are offered as leads");
    assert(await leads.locator("optgroup option[disabled]").count() >= 200, "whoever can not be declared is not shown with the reason");
    const lead = await page.locator("[name=declared_lead] option:not([disabled])").nth(1).getAttribute("value");
    await choose(page, "[name=declared_lead]", lead);
    await page.click("main form button.primary");
    await page.waitForURL(/\/sessions\/s-/);
  });
  await look(page, "session");
  await go(page, `${http}/sessions`);
  await look(page, "sessions");
  await task("clinic ends a session on the list", 1, async () => {
    await page.click("td form button");
    await page.waitForURL(/\/sessions\/s-/);
  });
  assert.match(await page.locator("main").innerText(), /已结束/, "the session still seems to go on");
  await context.clearCookies();
  await task("clinic declares a session from the room's code, logged out", 5, async () => {
    await go(page, `${http}/sessions/new?room=${room}`);
    assert.match(page.url(), /\/login/, "a page of the clinic opened to nobody");
    await page.fill("[name=name]", "clinic-q");
    await page.fill("[name=password]", PASSWORD);
    await page.click("main button");
    await page.waitForURL(/\/sessions\/new\?room=/);
    await choose(page, "[name=item]", { index: 1 });
    const lead = await page.locator("[name=declared_lead] option:not([disabled])").nth(1).getAttribute("value");
    await choose(page, "[name=declared_lead]", lead);
    await page.click("main form button.primary");
    await page.waitForURL(/\/sessions\/s-/);
  });
}

await test(async () => {
  const { at } = await morning(3);
  const house = await serve(at);
  const chrome = await browser();
  const context = () => chrome.newContext({ viewport: { width: 1280, height: 860 } });
  const own = await context();
  await counting(own);
  const admin = await comeIn(own, house.link, "admin-wu");
  const link = {};
  await task("administrator invites", 5, async () => { link.boss = await invite(admin, house.http, "supervisor", "5101"); });
  for (const name of ["wang", "li"]) link[name] = await invite(admin, house.http, "reviewer", "5101");
  const rooms = await (await own.request.get(`${house.http}/api/v1/rooms?limit=1`)).json().catch(() => ({ rooms: [] }));
  const people = {};
  for (const name of ["boss", "wang", "li"]) {
    const his = await context();
    await counting(his);
    people[name] = await comeIn(his, link[name], name);
  }
  const found = await (await people.boss.request.get(`${house.http}/api/v1/rooms?limit=1`)).json();
  const room = (rooms.rooms?.[0] ?? found.rooms[0]).id;
  const institution = (rooms.rooms?.[0] ?? found.rooms[0]).institution;
  await narrow(people.wang, house.http);
  const lead = await judge(people.wang, people.li, house.http);
  await file(people.boss, house.http, lead.split("?")[0], folder());
  await dossiers(people.boss, house.http);
  await wall(people.boss, house.http);
  await go(people.boss, `${house.http}/policy`);
  await people.boss.fill("[data-search-settings]", "到场");
  assert(await people.boss.locator(".setting:visible").count() > 0, "the search finds no setting");
  await light(admin, house.http);
  await boxes(admin, house.http, room);
  await zones(people.boss, house.http, room);
  await crowd(people.boss, house.http, institution);
  const clinics = await context();
  await counting(clinics);
  await fromQr(clinics, house.http, room, await invite(admin, house.http, "clinic", institution));
  for (const [name, { most, clicks }] of counted) said(`clicks: ${name}: ${clicks} of at most ${most}`);
  await chrome.close();
});
