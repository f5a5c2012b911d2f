// Every page of every role in a real browser, over a house in which something stands on each: by axe-core in both colours, at 360, 768 and
// 1440 px, with words of 62 letters, no fault of a script, nothing that answers 4xx. Then along every link to pages of another kind. It
// sends no form.
//   node every-page.mjs [--role NAME]
import assert from "node:assert/strict";
import { furnished } from "./house.mjs";
import { options } from "./options.mjs";
import { browser, faults, fromCheckout, go, lookThoroughly, test } from "./pages.mjs";

options("--role=");

const said = (text) => console.log(`· ${text}`);
const only = process.argv.includes("--role") ? process.argv[process.argv.indexOf("--role") + 1] : "";
/** At once: a page waits for the server half of its time. */
const AT_ONCE = 2;
/** Pages of one kind that are walked to by links: one lead reads as the next. */
const MOST_OF_A_KIND = 2;

/** Files, streams and ways out are no pages. */
const FILE = /^\/(assets|export|leads|language|logout|events|api|welcome)\b|\/(package|paper|pdf|docx|copy|csv|xlsx|export|attachments\/\d+|photo\/\d+|pictures\/\d+)$|\.(csv|xlsx|pdf)$/;

/** What two addresses of one kind of page have in common. */
function kind(path) {
  return path.replace(/[0-9a-f]{32,64}/g, "{id}").replace(/\/(box|room|clinic|p|s|e|item|laser|pass|inst|person)-[\w.-]+/g, "/{id}").replace(/=[^&]*/g, "=");
}

async function walk(context, http, { role, paths }) {
  const page = await context.newPage();
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(`script: ${error.message}`));
  page.on("console", (message) => { if (message.type() === "error" && !/status of 4\d\d/.test(message.text())) wrong.push(`${page.url()}: ${message.text()}`); });
  const waiting = [...paths];
  const listed = new Set(paths);
  const kinds = new Map();
  for (const path of paths) kinds.set(kind(path), MOST_OF_A_KIND);
  let opened = 0;
  while (waiting.length > 0) {
    const path = waiting.shift();
    const answer = await go(page, `${http}${path}`);
    // What is not there is a page, too: of a place that the house leaves empty.
    if (answer.status() !== 200 && !(paths.includes(path) && [404, 409].includes(answer.status()))) wrong.push(`${path}: ${answer.status()}`);
    const links = await page.locator("a[href^='/']").evaluateAll((all) => all.map((a) => a.getAttribute("href")));
    await lookThoroughly(page, `${role} ${path}`);
    opened += 1;
    for (const link of links.map((href) => href.split("#")[0])) {
      if (FILE.test(link.split("?")[0]) || link.includes("lang=") || listed.has(link)) continue;
      listed.add(link);
      const of = kind(link);
      if ((kinds.get(of) ?? 0) >= MOST_OF_A_KIND) continue;
      kinds.set(of, (kinds.get(of) ?? 0) + 1);
      waiting.push(link);
    }
  }
  await page.close();
  faults.push(...wrong.map((one) => `${role}: ${one}`));
  said(`${role}: ${opened} pages of ${kinds.size} kinds`);
  assert(opened > 3, `${role} opened ${opened} pages`);
}

await test(async () => {
  const { http, people } = await furnished();
  const chrome = await browser();
  const left = people.filter(({ role }) => !only || only === role);
  assert(left.length > 0, `nobody is called ${only}`);
  const some = async () => {
    for (let person = left.shift(); person; person = left.shift()) {
      const context = await chrome.newContext({ viewport: { width: 1440, height: 1024 }, reducedMotion: "reduce", locale: "zh-CN" });
      await fromCheckout(context);
      await context.addCookies([{ name: "zaigang", value: person.login, url: http }]);
      await walk(context, http, person);
      await context.close();
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, some));
  await chrome.close();
});
