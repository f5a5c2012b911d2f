// What a person has typed, chosen, ticked, opened or pressed survives whatever the server tells meanwhile, on every page that is brought
// up to date in its place, as every role: in a real browser, over a house in which something stands on each page.
//   node live.mjs
import assert from "node:assert/strict";
import { furnished, until } from "./house.mjs";
import { options } from "./options.mjs";
import { browser, faults, fromCheckout, go, test } from "./pages.mjs";

options();

const said = (text) => console.log(`· ${text}`);
const FIELDS = "#live input:not([type=hidden]), #live select, #live textarea";

/** Brings the page up to date, as an event of the server does, and waits until that is over. */
async function refreshed(page) {
  await page.evaluate(() => refresh());
  await until("the page brought up to date", () => page.evaluate(() => refreshing === null), 30);
}

/** Does to a field what a person does; gives how it then stands, or nothing where there is nothing to do. */
function touch(field) {
  return field.evaluate((it) => {
    if (it.disabled || it.readOnly) return null;
    if (it.type === "checkbox" || it.type === "radio") {
      it.checked = !it.checked;
      return String(it.checked);
    }
    if (it.options) {
      const other = [...it.options].findIndex((option) => !option.selected && !option.disabled);
      if (other < 0) return null;
      it.selectedIndex = other;
      return it.value;
    }
    const as = { date: "2026-03-02", "datetime-local": "2026-03-02T09:00", number: "7", time: "09:00", month: "2026-03" };
    it.value = as[it.type] ?? "张三 42";
    return it.value;
  });
}

const stands = (field) => field.evaluate((it) => (it.isConnected ? (it.type === "checkbox" || it.type === "radio" ? String(it.checked) : it.value) : "gone with the old page"));

const leave = (field) => field.evaluate((it) => {
  if (it.type === "checkbox" || it.type === "radio") it.checked = it.defaultChecked;
  else if (it.options) for (const [n, option] of [...it.options].entries()) option.selected = [...it.options].some((one) => one.defaultSelected) ? option.defaultSelected : n === 0;
  else it.value = it.defaultValue;
});

/** Each field of a page by itself: nobody's other field protects it. */
async function keeps(page, name) {
  let tried = 0;
  for (let n = 0; n < await page.locator(FIELDS).count(); n += 1) {
    const field = await page.locator(FIELDS).nth(n).elementHandle();
    const what = await field.evaluate((it) => `${it.name || it.id} (${it.type})`);
    if (await field.evaluate((it) => Boolean(it.closest(".pick")))) continue;
    if (await field.evaluate((it) => it.type === "file")) {
      await field.setInputFiles({ name: "现场记录.pdf", mimeType: "application/pdf", buffer: Buffer.from("%PDF-1.4\n%%EOF\n") });
      await refreshed(page);
      const files = await field.evaluate((it) => (it.isConnected ? it.files.length : "none: it is gone with the old page"));
      if (files !== 1) faults.push(`${name}: of the file chosen in ${what} is left: ${files}`);
      if (files === 1) await field.setInputFiles([]);
    } else {
      const wanted = await touch(field);
      if (wanted === null) continue;
      await refreshed(page);
      const is = await stands(field);
      if (is !== wanted) faults.push(`${name}: ${what} was ${wanted} and is ${is}`);
      await leave(field);
    }
    tried += 1;
  }
  return tried;
}

async function staysInPlace(page, http) {
  await go(page, `${http}/?state=all`);
  await page.evaluate(() => document.querySelector(".views details").setAttribute("open", ""));
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("x");
  const at = await page.evaluate(() => document.activeElement.getAttribute("href"));
  const old = await page.$("#live");
  await refreshed(page);
  assert.equal(await old.evaluate((it) => it.isConnected), false, "the list was not brought up to date");
  assert.equal(await page.evaluate(() => document.activeElement.getAttribute("href")), at, "whoever walked by keys stands elsewhere");
  assert.equal(await page.locator(".inbox li.at a").getAttribute("href"), at);
  assert.equal(await page.locator(".pick input:checked").count(), 1, "the tick is lost");
  assert.equal(await page.locator(".views details[open]").count(), 1, "what was opened closed by itself");
  assert(await page.locator("details.rest[open]").count(), "the filters closed by themselves");
  assert(await page.locator("[data-print]").first().isVisible(), "the print button is gone");
  said("the reader's place, ticks and opened parts outlive an update");
}

async function pressArrives(page, http, lead) {
  await go(page, `${http}/alerts/${lead}`);
  const up = await page.locator("a[data-up]").boundingBox();
  await page.mouse.move(up.x + up.width / 2, up.y + up.height / 2);
  await page.mouse.down();
  await refreshed(page);
  await page.mouse.up();
  await page.waitForURL(`${http}/**`, { timeout: 10_000 });
  await until("the press to arrive", () => new URL(page.url()).pathname === "/", 10);
  said("a press that an update met arrives");
}

/** News that is kept back is said, and shown once nothing is typed any more. */
async function newsWaits(page, other, http, lead) {
  await go(page, `${http}/alerts/${lead}?lang=zh`);
  const note = page.locator("#act [name=note]");
  await note.fill("正在填写");
  await note.evaluate((it) => it.blur());
  const sent = await other.request.post(`${http}/api/v1/alerts/${lead}/steps`, { data: { step: "comment", note: "另一人的备注" }, headers: { Origin: http } });
  assert(sent.ok(), await sent.text());
  await page.locator("#waits").waitFor();
  assert.equal(await note.inputValue(), "正在填写");
  await note.fill("");
  await note.evaluate((it) => it.blur());
  await page.locator("#live", { hasText: "另一人的备注" }).waitFor();
  assert.equal(await page.locator("#waits").count(), 0);
  said("news waits for whoever writes, says so, and comes once the form is empty");
}

await test(async () => {
  const { http, people } = await furnished();
  const chrome = await browser();
  const pages = {};
  for (const { role, login, paths } of people) {
    const context = await chrome.newContext({ viewport: { width: 1440, height: 1024 }, locale: "zh-CN", reducedMotion: "reduce" });
    await fromCheckout(context);
    await context.addCookies([{ name: "zaigang", value: login, url: http }]);
    pages[role] = { page: await context.newPage(), paths };
  }
  const { page } = pages.reviewer;
  // The second lead of the house.
  const lead = pages.reviewer.paths.filter((path) => /^\/alerts\/\w{32}$/.test(path))[1].split("/")[2];
  await go(page, `${http}/alerts/${lead}`);
  await staysInPlace(page, http);
  await pressArrives(page, http, lead);
  await newsWaits(page, pages.supervisor.page, http, lead);
  for (const [role, { page: own, paths }] of Object.entries(pages)) {
    let [tried, live] = [0, 0];
    for (const path of paths) {
      await go(own, `${http}${path}`);
      if (!(await own.locator("#live").count())) continue;
      live += 1;
      tried += await keeps(own, `${role} ${path}`);
    }
    said(`${role}: ${tried} fields of ${live} pages outlive an update`);
  }
  await chrome.close();
});
