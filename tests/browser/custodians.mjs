// Two people who hold keys, as the tests and the demonstration script them: a login each, and the keys made in the browser.
import assert from "node:assert/strict";
import { go } from "./pages.mjs";

export const PASSPHRASE = "a passphrase of a custodian";

/** A page of somebody who has logged in; `login` is the value of their cookie. */
export async function person(chrome, http, name, { login = `login-of-${name}`, viewport = { width: 1280, height: 860 }, locale } = {}) {
  const context = await chrome.newContext({ viewport, locale });
  await context.addCookies([{ name: "zaigang", value: login, url: http }]);
  const page = await context.newPage();
  page.on("pageerror", (error) => console.error(`${name}: ${error.stack}`));
  return page;
}

/** Makes their keys, tries passphrase and sheet, and stands on the roll; gives the sheet's code. */
export async function becomeCustodian(page, http, lang = "en") {
  await go(page, `${http}/evidence?lang=${lang}`);
  await page.fill("form[data-evidence=make] [name=passphrase]", PASSPHRASE);
  await page.fill("form[data-evidence=make] [name=again]", PASSPHRASE);
  await page.click("form[data-evidence=make] button.primary");
  await page.locator("#sheet").waitFor();
  const code = await page.locator("#code").innerText();
  assert.match(code, /^([0-9A-HJKMNP-TV-Z]{4}-){7}[0-9A-HJKMNP-TV-Z]{4}$/);
  // The sheet names the founders, for the day on which another browser meets them first.
  assert.match(await page.locator("#founders").innerText(), /[0-9a-f]{4}( [0-9a-f]{4}){5}/);
  // A slip of the fingers shows before anything is kept.
  await page.fill("form[data-evidence=try] [name=passphrase]", `${PASSPHRASE}!`);
  await page.fill("form[data-evidence=try] [name=code]", code);
  await page.click("form[data-evidence=try] button.primary");
  await page.locator("form[data-evidence=try] .outcome.bad").waitFor();
  await page.fill("form[data-evidence=try] [name=passphrase]", PASSPHRASE);
  await page.fill("form[data-evidence=try] [name=code]", code.toLowerCase().replaceAll("-", " "));
  await page.click("form[data-evidence=try] button.primary");
  await page.locator("#setup").waitFor({ state: "detached" });
  return code;
}
