// "Your own face" in a real browser, with drawn people: the code, the picture with its verdicts, three photographs, somebody
// else who steps in, and the alerts that the real rules raise beside it; then the end, which leaves nothing.
// --every-act plays the other acts, too; each has to end as the page promised. Where the real pack and photographs are beside the
// checkout, a folder of them, a film and an IP camera that shows them come onto the page as well (--recordings: they alone).
//   node your-own-face.mjs [--screenshots] [--every-act] [--recordings]
import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { end, folder, program, root, start, until } from "./house.mjs";
import { options } from "./options.mjs";
import { browser, go, look, picture, test } from "./pages.mjs";

options("--screenshots --every-act --recordings");

const said = (text) => console.log(`· ${text}`);
const text = (page, where) => page.locator(where).innerText();

const machines = process.env.TMPDIR;

/** Starts it in a temporary folder of its own; gives what it printed. */
async function demo(camera = "demo:crowd") {
  // Beside the folder of the last one, not in it: a socket's path is short.
  if (machines === undefined) delete process.env.TMPDIR;
  else process.env.TMPDIR = machines;
  const at = folder();
  const temporary = join(at, "tmp");
  mkdirSync(temporary);
  process.env.TMPDIR = temporary;
  const started = start("zaigang-demo", ["--camera", camera], at, "demo.log");
  const log = join(at, "demo.log");
  const printed = await until("the page's address", () => {
    const all = readFileSync(log, "utf8");
    if (started.exitCode !== null) throw new Error(all);
    return /^running/m.test(all) && all;
  });
  return { program: started, temporary, log, url: /page\s+(\S+)/.exec(printed)[1], code: /code\s+(\d{4} \d{4})/.exec(printed)[1] };
}

async function comesIn(page, { url, code }) {
  await go(page, url);
  await page.locator("#login").waitFor();
  await look(page, "your own face: code");
  await page.fill("#code", "0000 0000");
  await page.click("#code-form button");
  await page.locator("#login-said.bad").waitFor();
  // As the browser is opened where there is a display: the code in the address is used at once and taken out of it.
  await page.goto(`${url}#${code.replace(" ", "")}`);
  await page.reload();
  await page.locator("#work").waitFor();
  assert.equal(new URL(page.url()).hash, "", "the code stays in the address");
}

async function enrols(page) {
  await page.locator(".face-line").first().waitFor({ timeout: 60_000 });
  assert(await page.locator("#enrol").isDisabled(), "nobody agreed yet");
  await look(page, "your own face: before the enrolment");
  await page.check("#agreed");
  await page.click("#enrol");
  await until("the enrolment", async () => {
    if (await page.locator("#enrol-said[data-done='1']").count()) return true;
    throw new Error(`${await text(page, "#enrol-said")} ${await text(page, "#count")}`);
  }, 180);
  assert(await page.locator("#enrol-work").isHidden());
  await page.locator(".face-line.MATCHED").waitFor({ timeout: 60_000 });
  assert.match(await text(page, ".face-line.MATCHED"), /您[\s\S]*you[\s\S]*≥/);
  said(`recognised: ${(await text(page, ".face-line.MATCHED")).replaceAll("\n", " ")}`);
}

/** Figures of the last second stand on the page. */
async function costs(page) {
  await until("the costs", async () => /ms/.test(await text(page, "#detect")) && /ms/.test(await text(page, "#embed")), 60);
  said(`costs: detect ${await text(page, "#detect")}, embed ${await text(page, "#embed")}, match ${await text(page, "#match")}, ${await text(page, "#rate")} faces, CPU ${await text(page, "#cpu")}`);
}

async function stepsIn(page) {
  await page.click("#act-other");
  await page.locator("#round").waitFor();
  assert(await page.locator("#act-work").isDisabled(), "two acts at once");
  await page.locator(".face-line.UNMATCHED").waitFor({ timeout: 60_000 });
  await page.getByText("UQ-1").waitFor({ timeout: 90_000 });
  said("somebody else: UNMATCHED, and UQ-1 during the act");
  await picture(page, "your-own-face", { width: 1280, height: 1000, full: true });
  await picture(page, "your-own-face-phone", { width: 360, height: 780 });
  await page.getByText("LL-1").waitFor({ timeout: 150_000 });
  assert.match(await text(page, "#inbox"), /疑似挂证/);
  said("the lead never came: LL-1 when the session was over");
  await look(page, "your own face: after the alerts");
}

/** An act ends as the page said that it would. */
async function endsAsPromised(page, act) {
  await page.locator(`#act-${act}:not([disabled])`).waitFor({ timeout: 150_000 });
  const before = await text(page, "#round-do");
  await page.click(`#act-${act}`);
  // What stands there until then is of the act before.
  const expected = await until(`the beginning of ${act}`, async () => {
    const now = await text(page, "#round-do");
    return now !== before && now;
  }, 30);
  await until(`the end of ${act}`, async () => /本场结束/.test(await text(page, "#round-stage")), 150);
  const [seen, verdict] = [(await text(page, "#seen")).replaceAll("\n", " "), await text(page, "#round-verdict")];
  said(`${act}: ${expected.split("\n").at(-1)} | ${seen} | ${verdict}`);
  assert.match(verdict, /与预期一致/, `${act}: ${expected}`);
}

async function opensTheInbox(page) {
  const [other] = await Promise.all([page.context().waitForEvent("page"), page.locator("#inbox a").first().click()]);
  await other.waitForLoadState("domcontentloaded");
  assert.match(await other.locator("#main").innerText(), /UQ-1|LL-1/);
  await other.close();
}

async function main() {
  const there = await demo();
  const chrome = await browser();
  const context = await chrome.newContext({ viewport: { width: 1280, height: 900 } });
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => { if (message.type() === "error" && !/status of 4\d\d/.test(message.text())) complaints.push(message.text()); });
  page.on("pageerror", (error) => complaints.push(String(error)));
  await comesIn(page, there);
  await enrols(page);
  await costs(page);
  await stepsIn(page);
  await opensTheInbox(page);
  if (process.argv.includes("--every-act")) for (const act of ["mask", "leave", "work", "photo"]) await endsAsPromised(page, act);
  const other = await (await chrome.newContext()).newPage();
  await go(other, `${there.url}#${there.code.replace(" ", "")}`);
  await other.locator("#login-said.bad").waitFor();
  assert.match(await other.locator("#login-said").innerText(), /used already/, "a code opened a second browser");
  assert.deepEqual(complaints, []);
  await end(there.program);
  await page.locator("#over").waitFor({ timeout: 20_000 });
  await look(page, "your own face: over");
  assert.deepEqual(readdirSync(there.temporary).filter((name) => name.startsWith("zaigang")), [], "something is left");
  assert.match(readFileSync(there.log, "utf8"), /^over/m);
  said("over: the page is empty, and nothing is left");
  await chrome.close();
}

/** A recording comes onto the page with its faces, and is asked for no act that it cannot play. */
async function showsARecording(what, camera) {
  const there = await demo(camera);
  const chrome = await browser();
  const page = await (await chrome.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
  await page.goto(`${there.url}#${there.code.replace(" ", "")}`);
  await page.locator(".face-line").first().waitFor({ timeout: 120_000 });
  await page.locator("#recorded").waitFor();
  assert.deepEqual(await page.locator("#acts button").evaluateAll((all) => all.map((one) => one.id)), ["act-work", "act-other"]);
  await look(page, `your own face: ${what}`);
  await chrome.close();
  await end(there.program);
  said(`${what}: pictures and faces come`);
}

/** Photographs by RTSP: the page holds them for a live camera, offers every act, and shows no password. */
async function showsAnIpCamera(photographs) {
  const served = folder();
  readdirSync(photographs).sort().forEach((name, number) => copyFileSync(join(photographs, name), join(served, `${number}.jpg`)));
  const port = await free();
  const server = spawn("/usr/bin/python3", [join(root, "hardware/rtsp/server.py"), `${port}`, "installer", "correct-horse-7", served], { stdio: ["ignore", "pipe", "ignore"] });
  const serving = await new Promise((told) => {
    server.stdout.once("data", (line) => told(`${line}`.trim() === "serving"));
    server.once("error", () => told(false));
    server.once("exit", () => told(false));
  });
  if (!serving) return said("SKIPPED an IP camera: no GStreamer RTSP server (scripts/rtsp-test installs one)");
  try {
    const there = await demo(`rtsp://installer:correct-horse-7@127.0.0.1:${port}/stream`);
    const chrome = await browser();
    const page = await (await chrome.newContext({ viewport: { width: 1280, height: 900 } })).newPage();
    await page.goto(`${there.url}#${there.code.replace(" ", "")}`);
    await page.locator(".face-line").first().waitFor({ timeout: 120_000 });
    assert.equal(await page.locator("#acts button").count(), 5, "a live camera can play every act");
    assert(!(await page.content()).includes("correct-horse"), "the password is on the page");
    await look(page, "your own face: an IP camera");
    await chrome.close();
    await end(there.program);
  } finally {
    server.kill();
  }
  said("an IP camera: pictures and faces come, and no password");
}

/** A port that nothing listens on. */
async function free() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port } = probe.address();
  probe.close();
  await once(probe, "close");
  return port;
}

/** A folder of one person, and a film, where the photographs and the real pack are. */
async function recordings() {
  const data = join(root, "../shared/data");
  try {
    execFileSync(program("zaigang-agent"), ["models", "verify", "real"], { cwd: root, stdio: "ignore" });
  } catch {
    return said("SKIPPED recordings: the real pack is not here");
  }
  const [people, film] = [join(data, "lfw_dev"), join(data, "videos/one-by-one-person-detection.mp4")];
  if (!existsSync(people)) return said("SKIPPED recordings: no photographs beside the checkout");
  const folders = readdirSync(people, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const person = folders.map((entry) => entry.name).sort().reverse().find((name) => readdirSync(join(people, name)).length >= 6);
  await showsARecording("a folder of photographs", join(people, person));
  await showsAnIpCamera(join(people, person));
  if (existsSync(film)) await showsARecording("a film", film);
}

await test(async () => {
  if (!process.argv.includes("--recordings")) await main();
  await recordings();
});
