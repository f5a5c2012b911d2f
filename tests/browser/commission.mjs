// The installer's page in a real browser, served by a real box over HTTPS: the code, zones by mouse and by finger, the
// distance test, a test alert, the lock, and the unlock on the server's page of devices.
//   node commission.mjs [--screenshots]
import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { end, folder, program, run, serve, start, until } from "./house.mjs";
import { options } from "./options.mjs";
import { browser, go, look, picture, test } from "./pages.mjs";

options("--screenshots");

const said = (text) => console.log(`· ${text}`);

async function house() {
  const at = folder();
  const { http } = await serve(at, { accounts: false, name: "server" });
  const post = async (path, body) => {
    const answer = await fetch(`${http}/api/v1/${path}`, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });
    assert(answer.ok, `${path}: ${answer.status} ${await answer.clone().text()}`);
    return answer.json();
  };
  const get = async (path) => (await fetch(`${http}/api/v1/${path}`)).json();
  await post("institutions", { id: "inst-1", name: "示范门诊部", kind: "门诊部", grade_ceiling: 2, filed_items: [], jurisdiction: "510100" });
  await post("rooms", { id: "room-1", institution: "inst-1", name: "一号治疗室", mode: "in_room" });
  const { provisioning_token: token } = await post("devices", { id: "box-1", room: "room-1" });
  run(program("zaigang-agent"), ["provision", "--server", http, "--token", token, "--state", join(at, "state")]);
  // The scripted morning, fast enough that people come into view at once.
  writeFileSync(join(at, "agent.toml"), `mode = "demonstration"\nstate_dir = "${join(at, "state")}"\n[models]\npack = "avatar"\n
[camera]\nkind = "scene"\nseed = 1\nframe_rate = 1\nspeed = 20\n[vision]\ndetect_side_px = 1280\n`);
  return { at, http, get };
}

/** Starts the page; gives its address and its code, from what the box printed. */
async function commission({ at }) {
  const log = `commission-${Date.now()}.log`;
  const box = start("zaigang-agent", ["commission", "--config", join(at, "agent.toml"), "--listen", "127.0.0.1:0"], at, log);
  const printed = await until("the page's address", () => {
    const text = readFileSync(join(at, log), "utf8");
    if (box.exitCode !== null) throw new Error(text);
    return /Compare the fingerprint/.test(text) && text;
  });
  return { box, log: join(at, log), url: /https:\S+/.exec(printed)[0], code: /code\s+(\d{4} \d{4})/.exec(printed)[1] };
}

/** Where in the window a place of the picture is, in thousandths. */
async function place(page, [x, y]) {
  await page.locator("#drawing").scrollIntoViewIfNeeded();
  const box = await page.locator("#drawing").boundingBox();
  return [box.x + (box.width * x) / 1000, box.y + (box.height * y) / 1000];
}

async function draw(page, kind, corners, touch) {
  await page.check(`input[name=kind][value=${kind}]`);
  for (const corner of corners) {
    const at = await place(page, corner);
    if (touch) await page.touchscreen.tap(...at);
    else await page.mouse.click(...at);
  }
}

async function comesIn(page, url, code) {
  await go(page, url);
  await page.locator("#login").waitFor();
  await look(page, "commission: code");
  await page.fill("#code", "0000 0000");
  await page.click("#code-form button");
  await page.locator("#login-said.bad").waitFor();
  assert.match(await page.locator("#login-said").innerText(), /9/);
  await page.fill("#code", code);
  await page.click("#code-form button");
  await page.locator("#work").waitFor();
  await page.locator("#link.good").waitFor({ timeout: 60_000 });
}

async function draws(page, { get }) {
  await draw(page, "operator", [[80, 250], [450, 250], [450, 900], [80, 900]], false);
  await page.click("#finish");
  await draw(page, "bed", [[480, 450], [900, 450], [900, 850], [480, 850]], true);
  // A tap on the first corner closes it.
  await page.touchscreen.tap(...(await place(page, [480, 450])));
  await draw(page, "door", [[10, 100], [70, 100], [70, 420], [10, 420]], true);
  await page.click("#finish");
  // A window, masked.
  await draw(page, "privacy_mask", [[860, 20], [990, 20], [990, 200], [860, 200]], false);
  await page.click("#finish");
  assert.equal(await page.locator("#zones li[data-kind]").count(), 4);
  // A corner is dragged.
  const [from, to] = [await place(page, [450, 900]), await place(page, [460, 950])];
  await page.mouse.move(...from);
  await page.mouse.down();
  await page.mouse.move(...to, { steps: 4 });
  await page.mouse.up();
  // Edges that cross are refused, and nothing that was drawn is lost.
  await draw(page, "companion", [[100, 20], [300, 220], [300, 20], [100, 220]], false);
  await page.click("#finish");
  await page.click("#save");
  await page.locator("#zones-said.bad").waitFor();
  assert.match(await page.locator("#zones-said").innerText(), /companion 1: .*cross/);
  assert.equal(await page.locator("#zones li[data-kind]").count(), 5);
  await page.reload();
  await page.locator("#zones li[data-kind=companion]").waitFor();
  assert.equal(await page.locator("#zones li[data-kind]").count(), 5, "a reload lost what was drawn");
  await page.click("#zones li[data-kind=companion] button");
  await page.click("#save");
  await page.locator("#zones-said.good").waitFor({ timeout: 60_000 });
  const { zones } = (await get("rooms")).rooms[0];
  assert.deepEqual([zones.operator.length, zones.bed.length, zones.door.length, zones.privacy_mask.length, zones.companion.length], [1, 1, 1, 1, 0]);
  const near = ([x, y], [u, v]) => Math.abs(x - u) <= 4 && Math.abs(y - v) <= 4;
  assert(near(zones.operator[0][2], [460, 950]), `the dragged corner is at ${zones.operator[0][2]}`);
  assert(near(zones.bed[0][0], [480, 450]) && zones.bed[0].length === 4, `the bed drawn by finger is ${zones.bed[0]}`);
  said("zones drawn by mouse and by finger are in force");
}

/** What lies under the mask is black on the installer's page too. */
async function masked(page) {
  const black = () => page.evaluate(() => {
    const canvas = document.getElementById("picture");
    const [x, y] = [Math.round(canvas.width * 0.92), Math.round(canvas.height * 0.1)];
    const [red, green, blue] = canvas.getContext("2d").getImageData(x, y, 1, 1).data;
    return red + green + blue === 0;
  });
  await until("the mask", black, 30);
}

/** Waits until an element's text is so. (The page's own policy forbids the waiting that evaluates text.) */
function reads(page, where, what) {
  return until(`${where} to read ${what}`, async () => what.test(await page.locator(where).textContent()), 120);
}

async function tests(page, { get }) {
  await reads(page, "#seen", /[1-9] 张脸/);
  await page.click("#walk");
  await page.locator("#walk[aria-pressed=true]").waitFor();
  await reads(page, "#frames", /^([5-9]|\d\d)/);
  await page.click("#walk");
  await page.locator("#walk[aria-pressed=false]").waitFor();
  assert.match(await page.locator("#smallest").innerText(), /^\d+ px$/);
  assert.match(await page.locator("#walk-said").innerText(), /40 px/);
  said(`distance test: ${await page.locator("#smallest").innerText()} to ${await page.locator("#largest").innerText()}`);
  await page.click("#test");
  await page.locator("#test-said.good").waitFor({ timeout: 60_000 });
  await until("the withdrawn test on the server", async () => (await get("alerts?state=all")).alerts.some((alert) => alert.state === "dismissed"));
  said(`test alert: ${await page.locator("#test-said").innerText()}`);
  await reads(page, "#seen", /[1-9] 张脸/);
  await page.click("#photo");
  await reads(page, "#photo-said", /\S/);
  said(`a photograph: ${await page.locator("#photo-said").innerText()}`);
}

async function locks(page, { url, box, log }) {
  assert(await page.locator("#lock").isDisabled(), "one click must not lock a box");
  await page.check("#sure");
  await page.click("#lock");
  await page.locator("#over").waitFor({ timeout: 60_000 });
  assert.match(await page.locator("#over-title").innerText(), /已锁定/);
  await look(page, "commission: locked");
  await until("the page's end", () => box.exitCode !== null, 20);
  assert.equal(box.exitCode, 0, readFileSync(log, "utf8"));
  await assert.rejects(page.goto(url), "the page is still there");
  said("locked: the view is gone");
}

async function main() {
  const there = await house();
  const box = await commission(there);
  const chrome = await browser();
  const context = await chrome.newContext({ ignoreHTTPSErrors: true, hasTouch: true, viewport: { width: 1280, height: 860 } });
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => { if (message.type() === "error" && !/status of 4\d\d/.test(message.text())) complaints.push(message.text()); });
  page.on("pageerror", (error) => complaints.push(String(error)));
  await comesIn(page, box.url, box.code);
  await draws(page, there);
  await masked(page);
  await tests(page, there);
  await look(page, "commission: work");
  await page.evaluate(() => window.scrollTo(0, 0));
  await picture(page, "commission", { width: 1280, height: 900 });
  await page.evaluate(() => window.scrollTo(0, 0));
  await picture(page, "commission-phone", { width: 360, height: 780 });
  const other = await (await chrome.newContext({ ignoreHTTPSErrors: true })).newPage();
  await go(other, box.url);
  await other.fill("#code", box.code);
  await other.click("#code-form button");
  await other.locator("#over").waitFor();
  assert.match(await other.locator("#over-text").innerText(), /used already/, "a code opened a second browser");
  await locks(page, box);
  assert.deepEqual(complaints.filter((text) => !/ERR_CONNECTION|Failed to load resource/.test(text)), []);
  const devices = await context.newPage();
  await go(devices, `${there.http}/devices?lang=en`);
  await devices.getByRole("button", { name: "Unlock for commissioning" }).click();
  await devices.getByText(/Unlocked for commissioning|安装调试已解锁/).waitFor();
  await look(devices, "devices with an unlocked box");
  const again = await commission(there);
  await go(devices, again.url);
  await devices.locator("#login").waitFor();
  await end(again.box);
  said("unlocked on the server's page: the page is there again");
  await chrome.close();
}

await test(main);
