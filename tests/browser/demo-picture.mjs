// The end of `./scripts/demo --once`: a supervisor and a reviewer become custodians, the box takes pictures for them, one asks, the other
// approves, and the supervisor looks. Says on standard output when they are custodians, and what was opened.
//   node demo-picture.mjs HTTP SUPERVISORS_LOGIN REVIEWERS_LOGIN TARGET.png
import { until } from "./house.mjs";
import { becomeCustodian, PASSPHRASE, person } from "./custodians.mjs";
import { options } from "./options.mjs";
import { browser, go } from "./pages.mjs";

options("[WORDS]");

const [http, li_login, wang_login, target] = process.argv.slice(2);
const MINUTES = 8;
// Whatever hangs: the demonstration ends.
setTimeout(() => { console.error("the time for it is over"); process.exit(1); }, MINUTES * 60_000).unref();

/** An alert with pictures on the box: one that names a practitioner, where one is there already. */
async function pictured(page) {
  const get = async (path) => (await page.request.get(`${http}/api/v1/${path}`)).json();
  const found = [];
  for (const alert of (await get("alerts?limit=200")).alerts) {
    const { items } = await get(`evidence/alerts/${alert.id}`);
    if (items.some((one) => !one.gone)) found.push(alert);
  }
  return found.find((alert) => alert.kinds?.includes("LicenseLending")) ?? found[0];
}

async function main() {
  const chrome = await browser();
  const li = await person(chrome, http, "li", { login: li_login, locale: "zh-CN" });
  const wang = await person(chrome, http, "wang", { login: wang_login, locale: "zh-CN" });
  await becomeCustodian(li, http, "zh");
  await becomeCustodian(wang, http, "zh");
  console.log("custodians");
  const alert = await until("a sealed picture", () => pictured(li), 300);
  await go(li, `${http}/alerts/${alert.id}?lang=zh`);
  const form = li.locator("form[data-evidence=request]").first();
  await form.evaluate((one) => { one.closest("details").open = true; });
  await form.locator("[name=passphrase]").fill(PASSPHRASE);
  await form.locator("button.primary").click();
  await li.waitForURL("**/evidence/*");
  const opening = li.url();
  await go(wang, opening);
  await wang.fill("form[data-evidence=approve] [name=passphrase]", PASSPHRASE);
  await wang.click("form[data-evidence=approve] button.primary");
  await wang.locator("form[data-evidence=look] button").waitFor({ timeout: 180_000 });
  await go(li, opening);
  await li.fill("form[data-evidence=look] [name=passphrase]", PASSPHRASE);
  await li.click("form[data-evidence=look] button");
  await li.locator("#shown[data-done]").waitFor({ timeout: 60_000 });
  const shown = await li.locator("#shown canvas").count();
  // Beside the registry photograph the question stands; nobody but the two people answers it.
  const question = li.locator("form[data-evidence=answer]");
  const compared = await question.isVisible();
  if (compared) {
    await question.locator("button").last().click();
    await question.locator(".outcome:not(:empty)").waitFor();
  }
  await li.screenshot({ path: target, fullPage: true });
  console.log(`opened alert #${alert.number}, ${shown} pictures under the watermark${compared ? ", beside the registry photograph" : ""}`);
  await chrome.close();
}

main().then(() => process.exit(0), (error) => {
  console.error(error.message?.split("\n")[0] ?? error);
  process.exit(1);
});
