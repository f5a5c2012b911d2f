// Every page that a role can walk to, in a real browser: from its first page along every link, in both colours and at 360 px, by
// axe-core, with no fault of a script and nothing that answers 4xx. It sends no form.
//   node every-page.mjs [--role NAME]
import assert from "node:assert/strict";
import { end, morning, serve } from "./house.mjs";
import { browser, comeIn, faults, go, look, test } from "./pages.mjs";

const said = (text) => console.log(`· ${text}`);
/** Pages of one shape that are looked at: one lead reads as the next. */
const MOST_OF_A_SHAPE = 2;
const MOST_PAGES = 120;

const only = process.argv.includes("--role") ? process.argv[process.argv.indexOf("--role") + 1] : "";

async function invite(admin, http, role, scope) {
  await go(admin, `${http}/accounts`);
  await admin.selectOption("[name=role]", role);
  if (role === "clinic") await admin.selectOption("[name=institution]", scope);
  else await admin.selectOption("[name=scope]", scope);
  if (role === "partner") await admin.selectOption("[name=agency]", { index: 1 });
  await admin.click("main form:has([name=institution]) button.primary");
  const path = /\/welcome\/[\w-]+/.exec(await admin.locator("main").innerText());
  assert(path, `no invitation for ${role}`);
  return `${http}${path[0]}`;
}

/** Files, streams and ways out are no pages. */
const FILE = /^\/(assets|export|leads|language|logout|events|api)\b|\/(package|paper|pdf|docx|copy|csv|xlsx|attachments\/\d+|photo\/\d+|pictures\/\d+)$|\.(csv|xlsx|pdf)$/;

/** What two addresses of one kind of page have in common. */
function shape(path) {
  return path.replace(/[0-9a-f]{32,64}/g, "{id}").replace(/\/(box|room|clinic|p|s|e|item|pass|inst|person)-[\w.-]+/g, "/{id}").replace(/=[^&]*/g, "=");
}

async function walk(page, http, role) {
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(`script: ${error.message}`));
  const waiting = [new URL(page.url()).pathname];
  const seen = new Set(waiting);
  const shapes = new Map();
  let opened = 0;
  while (waiting.length && opened < MOST_PAGES) {
    const path = waiting.shift();
    const answer = await go(page, `${http}${path}`);
    if (answer.status() !== 200) wrong.push(`${path}: ${answer.status()}`);
    await look(page, `${role} ${path}`);
    opened += 1;
    const links = await page.locator("a[href^='/']").evaluateAll((all) => all.map((a) => a.getAttribute("href")));
    for (const link of links.map((href) => href.split("#")[0])) {
      if (FILE.test(link.split("?")[0]) || link.includes("lang=") || seen.has(link)) continue;
      seen.add(link);
      const of = shape(link);
      const so_far = shapes.get(of) ?? 0;
      if (so_far < MOST_OF_A_SHAPE) {
        shapes.set(of, so_far + 1);
        waiting.push(link);
      }
    }
  }
  faults.push(...wrong.map((one) => `${role}: ${one}`));
  said(`${role}: ${opened} pages of ${shapes.size} kinds`);
  assert(opened > 3, `${role} walked to ${opened} pages`);
}

await test(async () => {
  const { at } = await morning(3);
  const open = await serve(at, { accounts: false, name: "open" });
  const { rooms } = await (await fetch(`${open.http}/api/v1/rooms?limit=1`)).json();
  await end(open.server);
  const house = await serve(at);
  const chrome = await browser();
  const context = () => chrome.newContext({ viewport: { width: 1280, height: 860 } });
  const admin = await comeIn(await context(), house.link, "admin-wu");
  for (const [role, scope] of [
    ["supervisor", "5101"], ["reviewer", "5101"], ["clinic", rooms[0].institution], ["integrator", "5101"], ["auditor", ""], ["partner", "5101"],
  ]) {
    if (only && only !== role) continue;
    const page = await comeIn(await context(), await invite(admin, house.http, role, scope), `${role}-li`);
    await walk(page, house.http, role);
  }
  if (!only || only === "admin") {
    await go(admin, `${house.http}/system`);
    await walk(admin, house.http, "admin");
  }
  await chrome.close();
});
