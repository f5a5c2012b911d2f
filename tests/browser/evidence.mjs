// Sealed pictures in a real browser: two people make their keys, one asks, the other approves, a box delivers, both look. A third
// person, the same person twice, the clinic, the administrator and the auditor see nothing; ten wrong passphrases close the door.
//   node evidence.mjs [--screenshots]
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { end, folder, start, until } from "./house.mjs";
import { becomeCustodian, PASSPHRASE, person } from "./custodians.mjs";
import { options } from "./options.mjs";
import { browser, go, look, picture, test } from "./pages.mjs";

options("--screenshots");

const said = (text) => console.log(`· ${text}`);

async function house() {
  const at = folder();
  const child = start("examples/evidence_house", [at], at, "evidence_house.log");
  const log = () => readFileSync(join(at, "evidence_house.log"), "utf8");
  const line = await until("the server", () => {
    if (child.exitCode !== null) throw new Error(log());
    return /^\{.*\}$/m.exec(log())?.[0];
  });
  return { child, ...JSON.parse(line) };
}

async function status(page, it, path) {
  return (await page.request.get(`${it.http}${path}`, { maxRedirects: 0 })).status();
}

async function main() {
  const it = await house();
  const chrome = await browser();
  const li = await person(chrome, it.http, "li");
  const wang = await person(chrome, it.http, "wang", { viewport: { width: 390, height: 844 } });
  const code = await becomeCustodian(li, it.http);
  await picture(li, "evidence-custodians");
  await becomeCustodian(wang, it.http);
  await look(li, "supervisor /evidence");
  said("a supervisor and a reviewer made their keys, tried passphrase and sheet, and stand on the roll");

  const alert = `${it.http}/alerts/${it.alert}?lang=en`;
  await until("the pictures on the alert's page", async () => {
    await go(li, alert);
    return (await li.locator("form[data-evidence=request]").count()) === 1;
  }, 60);
  await look(li, "supervisor /alerts/{id} with pictures");

  // Ten wrong passphrases close the door, each with its line.
  const zhao = await person(chrome, it.http, "zhao");
  await go(zhao, `${it.http}/evidence?lang=en`);

  // One click from the alert: the request. (The fields are filled in; a passphrase is typed.)
  await li.fill("form[data-evidence=request] [name=passphrase]", "not the passphrase");
  await li.click("form[data-evidence=request] button.primary");
  await li.locator("form[data-evidence=request] .outcome.bad").waitFor();
  assert.match(await li.locator("form[data-evidence=request] .outcome").innerText(), /9 tries are left/);
  // Whoever writes the server's database would have the half sealed to themselves.
  await li.route("**/api/v1/evidence/custodians", async (route) => {
    const response = await route.fetch();
    const json = await response.json();
    const { custodians } = json.roll;
    custodians.find((c) => c.account === "wang").sealing_key = custodians.find((c) => c.account === "li").sealing_key;
    await route.fulfill({ response, json });
  });
  await li.fill("form[data-evidence=request] [name=passphrase]", PASSPHRASE);
  await li.click("form[data-evidence=request] button.primary");
  await li.locator("form[data-evidence=request] .outcome.bad", { hasText: "nobody vouches for the keys of wang" }).waitFor();
  await li.unroute("**/api/v1/evidence/custodians");
  await go(li, alert);
  said("a reviewer's key that was swapped on the way got nothing, with a line");
  await li.fill("form[data-evidence=request] [name=passphrase]", PASSPHRASE);
  await li.click("form[data-evidence=request] button.primary");
  await li.waitForURL("**/evidence/*");
  const opening = new URL(li.url()).pathname;
  said("the supervisor asked from the alert's page in one click");

  // The reviewer, on a phone: the inbox says it, one click leads there, one approves.
  await go(wang, `${it.http}/?lang=en`);
  await look(wang, "reviewer / with a request");
  await wang.click("p.notice a");
  await wang.waitForURL(`**${opening}`);
  assert.match(await wang.locator("main").innerText(), /whether the operator is the registered practitioner/);
  await look(wang, "reviewer /evidence/{id} to decide");
  await wang.fill("form[data-evidence=approve] [name=passphrase]", PASSPHRASE);
  await wang.click("form[data-evidence=approve] button.primary");
  await wang.locator("form[data-evidence=look] button").waitFor({ timeout: 60_000 });
  said("the reviewer saw it in the inbox, read it whole and approved in two clicks; the box delivered");

  // Their keys are still open on this page: one more click shows the pictures.
  await wang.click("form[data-evidence=look] button");
  await wang.locator("#shown canvas").nth(1).waitFor({ timeout: 60_000 });
  await go(li, `${it.http}${opening}?lang=en`);
  await li.fill("form[data-evidence=look] [name=passphrase]", PASSPHRASE);
  await li.click("form[data-evidence=look] button");
  await li.locator("#shown canvas").nth(2).waitFor({ timeout: 60_000 });
  assert.match(await li.locator("#shown canvas").first().getAttribute("aria-label"), /li · \d{4}-\d\d-\d\d \d\d:\d\d:\d\d \(UTC\+8\) · lead #1/);
  assert.match(await li.locator("#shown figcaption").first().innerText(), / · 2026-03-02 \d\d:\d\d:\d\d$/);
  await look(li, "supervisor /evidence/{id} looking");
  if (process.env.ZAIGANG_SHOT) await li.screenshot({ path: process.env.ZAIGANG_SHOT, fullPage: true });
  await picture(li, "evidence-opened", { full: true });
  const colours = await li.evaluate(() => {
    const canvas = document.querySelector("#shown canvas");
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    let light = 0;
    for (let n = 0; n < data.length; n += 4) if (data[n + 1] > 165 && data[n + 2] > 170) light += 1;
    return light / (data.length / 4);
  });
  assert(colours > 0.005, `no watermark lies across the picture (${colours})`);
  await li.click("form[data-evidence=answer] button[value=no]");
  await li.locator("form[data-evidence=answer] button[aria-pressed=true]").waitFor();
  said("both looked: decrypted in the browser, the watermark across it, beside the registry photograph; the answer stands");

  // A clock that is set back gives nobody longer: the server's time ends what a tab shows.
  const whole = `**/api/v1/evidence/requests/${opening.split("/").pop()}`;
  await wang.route(whole, async (route) => {
    const response = await route.fetch();
    const json = await response.json();
    json.opening.until = new Date(Date.now() + 4000).toISOString();
    await route.fulfill({ response, json });
  });
  await go(wang, `${it.http}${opening}?lang=en`);
  await wang.evaluate(() => { Date.now = () => 0; });
  await wang.fill("form[data-evidence=look] [name=passphrase]", PASSPHRASE);
  await wang.click("form[data-evidence=look] button");
  await wang.locator("#shown p", { hasText: "their time has run out" }).waitFor({ timeout: 60_000 });
  assert.equal(await wang.locator("#shown canvas").count(), 0, "a picture stands beyond its time");
  await wang.unroute(whole);
  said("a tab whose clock was set back showed nothing beyond the time");

  // Everybody else.
  const item = (await (await li.request.get(`${it.http}/api/v1/evidence/requests/${opening.split("/").pop()}`)).json()).opening.ask.items[0];
  const cipher = `/api/v1/evidence/requests/${opening.split("/").pop()}/items/${item}`;
  assert.equal(await status(li, it, cipher), 200);
  for (const name of ["zhao", "qian", "shen", "wu", "jin"]) {
    const other = await person(chrome, it.http, name);
    assert.equal(await status(other, it, cipher), 403, `${name} fetches a picture`);
    assert.equal(await status(other, it, opening), name === "shen" ? 200 : 403, `${name} opens the page`);
    if (name === "shen") {
      await go(other, `${it.http}${opening}?lang=en`);
      assert.equal(await other.locator("#viewer").count(), 0, "the auditor is shown a viewer");
      assert.match(await other.locator("main").innerText(), /opened/);
      await look(other, "auditor /evidence/{id}");
    }
    await other.context().close();
  }
  said("a third supervisor and reviewer, the auditor, the administrator and the clinic got no picture");

  // A second supervisor is let in, by the first, who compared the fingerprint.
  await becomeCustodian(zhao, it.http);
  await go(li, `${it.http}/evidence?lang=en`);
  await li.check("form[data-evidence=admit] [name=compared]");
  await li.fill("form[data-evidence=admit] [name=passphrase]", PASSPHRASE);
  await li.click("form[data-evidence=admit] button");
  await li.locator("form[data-evidence=admit]").waitFor({ state: "detached" });
  // The sheet replaces a lost passphrase, and the new one opens the old pictures.
  await li.fill("form[data-evidence=renew] [name=code]", code);
  await li.fill("form[data-evidence=renew] [name=passphrase]", "another passphrase altogether");
  await li.click("form[data-evidence=renew] button");
  await li.locator("#renewed").waitFor();
  await go(li, `${it.http}${opening}?lang=en`);
  await li.fill("form[data-evidence=look] [name=passphrase]", "another passphrase altogether");
  await li.click("form[data-evidence=look] button");
  await li.locator("#shown canvas").nth(2).waitFor({ timeout: 60_000 });
  await go(li, `${it.http}/evidence?lang=en`);
  await li.fill("form[data-evidence=turn] [name=passphrase]", "another passphrase altogether");
  await li.click("form[data-evidence=turn] button");
  await until("the old key's pictures are named", async () => /with this old version alone/.test(await li.locator("main").innerText()), 30);
  said("a second custodian was let in, a lost passphrase replaced by its sheet, the role's key turned over");

  await go(zhao, `${it.http}/evidence?lang=en`);
  for (let n = 0; n < 11; n += 1) {
    await zhao.fill("form[data-evidence=turn] [name=passphrase]", "wrong");
    await zhao.click("form[data-evidence=turn] button");
    const line = zhao.locator("form[data-evidence=turn] .outcome.bad");
    await until("a line", async () => (n < 10 ? `${9 - n} tries` : "ten wrong passphrases") && (await line.count()) && (await line.innerText()).includes(n < 10 ? `${9 - n} tries` : "ten wrong passphrases"), 30);
  }
  said("ten wrong passphrases closed the door, with a line");
  // A browser that has met nobody says whom it will believe; and a custodian is removed over another's signature alone.
  const elsewhere = await person(chrome, it.http, "li");
  await go(elsewhere, `${it.http}/evidence?lang=en`);
  await elsewhere.locator("#first-met", { hasText: "supervisors li" }).waitFor();
  const line = elsewhere.locator("li", { hasText: "zhao" });
  await line.locator("form[data-evidence=remove] [name=passphrase]").fill("not the passphrase");
  await line.locator("form[data-evidence=remove] button").click();
  await line.locator(".outcome.bad").waitFor();
  await line.locator("form[data-evidence=remove] [name=passphrase]").fill("another passphrase altogether");
  await line.locator("form[data-evidence=remove] button").click();
  await elsewhere.locator("li", { hasText: /zhao removed/ }).waitFor();
  await elsewhere.reload();
  assert(await elsewhere.locator("#first-met").isHidden(), "it meets the same founders again and again");
  said("a new browser named the founders once; a custodian was removed over another's signature");
  await chrome.close();
  await end(it.child);
}

await test(main);
