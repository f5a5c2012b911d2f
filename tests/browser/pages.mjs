// Looks at pages as their readers do: light and dark, on a phone, by axe-core; and takes their picture where asked.
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { AxeBuilder } from "@axe-core/playwright";
import { chromium } from "playwright-core";
import { over, root } from "./house.mjs";

export const faults = [];
let looked = 0;

/** Debian's Chromium; `video` is what its camera shows. */
export function browser(video) {
  const camera = video
    ? ["--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream", `--use-file-for-fake-video-capture=${video}`]
    : [];
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--autoplay-policy=no-user-gesture-required", ...camera],
  });
}

/** Goes to a page and waits until it stands; the stream of events never ends, so the network is never idle. */
export async function go(page, address) {
  const answer = await page.goto(address, { waitUntil: "domcontentloaded" });
  await page.locator("#main").waitFor();
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

/** A page in both colours and on a phone: no serious violation, nothing that scrolls sideways. */
export async function look(page, name) {
  for (const colorScheme of ["light", "dark"]) {
    await page.emulateMedia({ colorScheme, reducedMotion: "reduce" });
    const found = await new AxeBuilder({ page }).analyze();
    for (const violation of found.violations.filter((v) => ["serious", "critical"].includes(v.impact))) {
      const where = violation.nodes.slice(0, 3).map((node) => `${node.target.join(" ")} ${node.failureSummary?.split("\n")[1]?.trim() ?? ""}`);
      faults.push(`${name} (${colorScheme}): ${violation.id}: ${violation.help}: ${where.join(" | ")}`);
    }
  }
  const size = page.viewportSize();
  await page.setViewportSize({ width: 360, height: 740 });
  const wide = await page.evaluate(() => document.documentElement.scrollWidth);
  if (wide > 360) {
    const who = await page.evaluate(() => {
      // What lies in a part that scrolls by itself makes no page wide.
      const scrolls = (e) => e && e !== document.body && (getComputedStyle(e).overflowX !== "visible" || scrolls(e.parentElement));
      const all = [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > 361);
      const outside = all.filter((e) => !scrolls(e.parentElement));
      return (outside.length > 0 ? outside : all).slice(-4).map((e) => `${e.tagName}.${e.getAttribute("class") ?? ""} ${e.textContent.trim().slice(0, 60)}`);
    });
    faults.push(`${name}: ${wide} px wide on a phone of 360: ${who.join(", ")}`);
  }
  if (size) await page.setViewportSize(size);
  await page.emulateMedia({ colorScheme: "light" });
  looked += 1;
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
  console.log(`${looked} pages looked at in two colours and at 360 px, ${faults.length} faults`);
  process.exit(faults.length === 0 ? 0 : 1);
}
