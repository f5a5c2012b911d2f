// Looks at pages as their readers do: light and dark, on a phone, by axe-core; and takes their picture where asked.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { over, root } from "./house.mjs";

export const faults = [];
let looked = 0;
let thoroughly = 0;

/** Debian's Chromium; `video` is what its camera shows. */
export async function browser(video) {
  // Only here, so that a script tells its help where nothing was fetched yet.
  const { chromium } = await import("playwright-core");
  const camera = video
    ? ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", `--use-file-for-fake-video-capture=${video}`]
    : [];
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    // What the browser itself writes, such as a field for a file, is in the pages' language.
    env: { ...process.env, LANGUAGE: "zh_CN" },
    args: ["--lang=zh-CN", "--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required", ...camera],
  });
}

/** Scripts and styles as they lie in the checkout, not as they were built in: for working on them alone. */
export async function fromCheckout(context) {
  if (process.env.ZAIGANG_ASSETS) await context.route("**/assets/*", (route) => route.fulfill({ path: join(process.env.ZAIGANG_ASSETS, new URL(route.request().url()).pathname.split("/").pop()) }));
}

/** Goes to a page and waits until it stands; the stream of events never ends, so the network is never idle. */
export async function go(page, address) {
  const answer = await page.goto(address, { waitUntil: "domcontentloaded", timeout: 120_000 });
  await page.locator("#main").waitFor({ timeout: 120_000 });
  return answer;
}

/** Of everybody who comes in. */
export const PASSWORD = "correct horse battery staple";

/** Makes an account from its one-time link and logs in. */
export async function comeIn(context, link, name) {
  const page = await context.newPage();
  await go(page, link);
  await page.fill("[name=name]", name);
  await page.fill("[name=display]", name);
  await page.fill("[name=password]", PASSWORD);
  await page.uncheck("[name=totp]");
  await page.click("main button");
  await page.waitForURL("**/login");
  await page.fill("[name=name]", name);
  await page.fill("[name=password]", PASSWORD);
  await page.click("main button");
  await page.waitForURL((url) => !url.pathname.startsWith("/login"));
  return page;
}

/** By axe-core: what is serious. The colours alone differ between light and dark. */
async function axe(page, name) {
  const { AxeBuilder } = await import("@axe-core/playwright");
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    // No page has a frame, so that none needs a page of its own to be looked at.
    const builder = new AxeBuilder({ page }).setLegacyMode(true);
    const found = await (colorScheme === "light" ? builder : builder.withRules(["color-contrast"])).analyze();
    for (const violation of found.violations.filter((v) => ["serious", "critical"].includes(v.impact))) {
      const where = violation.nodes.slice(0, 3).map((node) => `${node.target.join(" ")} ${node.failureSummary?.split("\n")[1]?.trim() ?? ""}`);
      faults.push(`${name} (${colorScheme}): ${violation.id}: ${violation.help}: ${where.join(" | ")}`);
    }
  }
  await page.emulateMedia({ colorScheme: "light" });
}

/** What makes a page wider than a window of this width. */
async function wide(page, name, width) {
  await page.setViewportSize({ width, height: width < 700 ? 740 : 1024 });
  const is = await page.evaluate(() => document.documentElement.scrollWidth);
  if (is <= width) return;
  const who = await page.evaluate((most) => {
    // What lies in a part that scrolls by itself makes no page wide.
    const scrolls = (e) => e && e !== document.body && (getComputedStyle(e).overflowX !== "visible" || scrolls(e.parentElement));
    const all = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > most + 1);
    const outside = all.filter((e) => !scrolls(e.parentElement));
    return (outside.length > 0 ? outside : all).slice(-4).map((e) => `${e.tagName}.${e.getAttribute("class") ?? ""} ${e.textContent.trim().slice(0, 60)}`);
  }, width);
  faults.push(`${name}: ${is} px wide in a window of ${width}: ${who.join(", ")}`);
}

// Words of short lists of the page's own: severities, units, tabs, steps, heads of columns.
const FIXED = ".sev, .unit, .tabs a, .path li, th";
const LONG = "Donaudampfschifffahrtsgesellschaftskapitaenswitwenrentenstelle";

/** Writes a word of 62 letters without a break in the place of every text: a name of a file, a person, a number may be as long. */
async function stretch(page) {
  await page.evaluate(([long, fixed]) => {
    const texts = document.createTreeWalker(document.querySelector("main"), NodeFilter.SHOW_TEXT);
    const all = [];
    while (texts.nextNode()) all.push(texts.currentNode);
    for (const text of all) if (text.textContent.trim() && !text.parentElement.closest(`script, style, svg, option, textarea, ${fixed}`)) text.textContent = long;
  }, [LONG, FIXED]);
}

/** A page in both colours and on a phone: no serious violation, nothing that scrolls sideways. */
export async function look(page, name) {
  await axe(page, name);
  const size = page.viewportSize();
  await wide(page, name, 360);
  if (size) await page.setViewportSize(size);
  looked += 1;
}

// Every way in which an element stood in a page that axe-core looked at: its own kind and all kinds around it.
const built = new Set();

/** How the elements of a page stand in it: what contrast, names and widths hang on. Two rows of one list stand alike. */
async function ways(page) {
  return page.evaluate(() => {
    const asked = ["class", "role", "type", "alt", "title", "aria-label", "aria-labelledby", "aria-current", "disabled", "tabindex"];
    // Of a text that names something it counts that it is there; of the others, what it says.
    const text = new Set(["alt", "title", "aria-label", "aria-labelledby"]);
    const own = (e) => `${e.tagName}${e.labels ? e.labels.length : ""}${asked.filter((name) => e.hasAttribute(name)).map((name) => ` ${name}=${text.has(name) ? e.getAttribute(name) !== "" : e.getAttribute(name)}`).join("")}${e.textContent.trim() === "" ? " empty" : ""}`;
    const all = new Map([[document.body, ""]]);
    for (const e of document.querySelectorAll("body *")) all.set(e, `${all.get(e.parentElement)}>${own(e)}`);
    return [...new Set(all.values())];
  });
}

/**
 * As `look`, on a telephone, a tablet and a desk; axe-core and long words for a page on which anything stands as nowhere before. It leaves
 * the page spoilt.
 */
export async function lookThoroughly(page, name) {
  const how = await ways(page);
  const widths = [360, 768, 1440];
  for (const width of widths) await wide(page, name, width);
  looked += 1;
  if (how.every((way) => built.has(way))) return;
  for (const way of how) built.add(way);
  thoroughly += 1;
  await axe(page, name);
  await stretch(page);
  for (const width of widths) await wide(page, `${name} with long words`, width);
}

const wanted = process.argv.includes("--screenshots");

/** A picture of the page for docs/, where asked. */
export async function picture(page, name, { width = 1280, height = 860, colorScheme = "light", full = false } = {}) {
  if (!wanted) return;
  const folder = join(root, "docs/screenshots");
  mkdirSync(folder, { recursive: true });
  const before = page.viewportSize();
  await page.setViewportSize({ width, height });
  await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
  // What was pressed last may lie far below.
  await page.evaluate(() => scrollTo(0, 0));
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: full });
  await page.emulateMedia({ colorScheme: "light" });
  if (before) await page.setViewportSize(before);
}

/** Runs a test to its end, ends what it started, and says every fault, or how much was looked at. */
export async function test(main) {
  try {
    await main();
  } catch (error) {
    faults.push(error.stack ?? String(error));
  } finally {
    await over();
  }
  for (const fault of faults) console.error(`FAULT ${fault}`);
  const by = thoroughly > 0 ? `; ${thoroughly} of them, each built otherwise than those before it, by axe-core and with long words` : " in two colours and at 360 px";
  console.log(`${looked} pages looked at${by}, ${faults.length} faults`);
  process.exit(faults.length === 0 ? 0 : 1);
}
