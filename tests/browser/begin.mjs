// How each role begins, by page alone: the administrator's first login with QR and recovery codes, invitations, a box with its
// token, tables, and the address asked for that survives a login.
//   node begin.mjs [--screenshots]
import assert from "node:assert/strict";
import { code, end, folder, serve } from "./house.mjs";
import { options } from "./options.mjs";
import { browser, faults, go, look, picture, test } from "./pages.mjs";

options("--screenshots");

const PASSWORD = "correct horse battery staple";
const said = (text) => console.log(`· ${text}`);

async function seeded() {
  const at = folder();
  const open = await serve(at, { accounts: false, name: "open" });
  const post = async (path, body) => {
    const answer = await fetch(`${open.http}/api/v1/${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    assert(answer.ok, `${path}: ${answer.status} ${await answer.text()}`);
  };
  await post("institutions", { id: "clinic-1", name: "锦城医疗美容门诊部", grade_ceiling: 2, filed_items: [], jurisdiction: "510104" });
  await post("rooms", { id: "room-1", institution: "clinic-1", mode: "in_room", name: "激光室" });
  await post("practitioners", { id: "p-1", name: "王主诊", category: "licensed_physician", registration: "valid", sites: [{ institution: "clinic-1", relation: "primary", lead_of: ["cosmetic_dermatology"] }] });
  await end(open.server);
  return at;
}

/** Opens an invitation with a second factor; gives its secret and a recovery code. */
async function welcome(page, link, name) {
  await go(page, link);
  await page.fill("[name=name]", name);
  await page.fill("[name=display]", `${name} 女士`);
  await page.fill("[name=password]", PASSWORD);
  await page.click("main button");
  await page.locator(".qr svg").waitFor();
  const secret = (await page.locator("details b.mono").textContent()).trim();
  await look(page, "welcome, the code");
  await picture(page, "welcome-code");
  await page.fill("[name=code]", "000000");
  await page.click("main form button");
  assert.equal((await page.locator("details b.mono").textContent()).trim(), secret, "a mistyped code lost the secret");
  await page.fill("[name=code]", code(secret, Date.now() - 30_000));
  await page.click("main form button");
  const codes = await page.locator(".recovery li").allInnerTexts();
  assert.equal(codes.length, 10);
  await look(page, "welcome, recovery codes");
  await page.click("main a.button");
  return { secret, recovery: codes[0] };
}

await test(async () => {
  const house = await serve(await seeded());
  const chrome = await browser();
  try {
    const admin = await (await chrome.newContext()).newPage();
    const { secret, recovery } = await welcome(admin, house.link, "admin-wu");
    const away = `${house.http}/devices/new?room=room-1`;
    await go(admin, away);
    assert.match(admin.url(), /\/login\?to=/, "the address asked for is lost");
    await admin.fill("[name=name]", "admin-wu");
    await admin.fill("[name=password]", PASSWORD);
    await admin.fill("[name=code]", code(secret));
    await admin.click("main button");
    await admin.waitForURL(away);
    assert.match(await admin.locator("header.top .who").innerText(), /admin-wu 女士/);
    await look(admin, "admin /devices/new");
    await admin.fill("[name=name]", "激光室门口");
    await admin.fill("[name=planned_on]", "2026-12-01");
    await admin.click("main form button.primary");
    await admin.locator(".qr svg").waitFor();
    await look(admin, "admin box token");
    await picture(admin, "box-token");
    await admin.click("main a.button.primary");
    await look(admin, "admin /devices/{id}");
    said("the administrator came in with a verified code and registered a box");

    await go(admin, `${house.http}/accounts`);
    await admin.selectOption("[name=role]", "supervisor");
    await admin.selectOption("[name=scope]", "5101");
    await admin.click("main form:has([name=institution]) button.primary");
    const link = await admin.locator("[data-copy]").first().getAttribute("data-copy");
    await look(admin, "admin /accounts");
    await picture(admin, "accounts", { full: true });
    const boss = await (await chrome.newContext()).newPage();
    await go(boss, link);
    await boss.uncheck("[name=totp]");
    await boss.fill("[name=name]", "li");
    await boss.fill("[name=display]", "李督");
    await boss.fill("[name=password]", PASSWORD);
    await boss.click("main button");
    await boss.waitForURL("**/login");
    await boss.fill("[name=name]", "li");
    await boss.fill("[name=password]", PASSWORD);
    await boss.click("main button");
    await boss.waitForURL(`${house.http}/`);
    await look(boss, "supervisor /");
    for (const path of ["/people", "/consent/p-1", "/import", "/devices", "/devices/new", "/account", "/nothing", "/sessions", "/registry"]) {
      await go(boss, `${house.http}${path}`);
      await look(boss, `supervisor ${path}`);
    }
    said("a supervisor began on the leads, and every page fits a phone");

    await go(admin, `${house.http}/accounts/li`);
    await look(admin, "admin /accounts/{id}");
    await go(admin, `${house.http}/audit`);
    await look(admin, "admin /audit");
    await go(boss, `${house.http}/import?lang=zh`);
    const download = boss.waitForEvent("download");
    await boss.click("a[href='/export/practitioners/xlsx']");
    const file = await (await download).path();
    await boss.setInputFiles("[name=file]", { name: "people.xlsx", mimeType: "application/octet-stream", buffer: (await import("node:fs")).readFileSync(file) });
    await boss.selectOption("[name=noun]", "practitioners");
    // A proxy that takes no file of this size answers with a page of its own.
    const page413 = "<html>\r\n<head><title>413 Request Entity Too Large</title></head>\r\n</html>";
    const tooLarge = (route) => (route.request().method() === "POST" ? route.fulfill({ status: 413, contentType: "text/html", body: page413 }) : route.continue());
    await boss.route("**/import?lang=zh", tooLarge);
    await boss.click("button[value=check]");
    await boss.locator("#unsent").waitFor();
    assert.match(await boss.locator("#unsent").innerText(), /413.*client_max_body_size/);
    assert.equal(await boss.locator("[name=file]").evaluate((field) => field.files.length), 1, "the chosen file is lost");
    await boss.unroute("**/import?lang=zh", tooLarge);
    await boss.click("button[value=check]");
    await boss.locator("main", { hasText: "Excel 工作簿" }).waitFor();
    assert.match(await boss.locator("main").innerText(), /没有错误/);
    said("a table went out as XLSX and came in again");

    const lost = await (await chrome.newContext()).newPage();
    await go(lost, `${house.http}/login`);
    await lost.fill("[name=name]", "admin-wu");
    await lost.fill("[name=password]", PASSWORD);
    await lost.click("details summary");
    await lost.fill("[name=recovery]", recovery.toLowerCase());
    await lost.click("main form button.primary");
    await lost.waitForURL(`${house.http}/system`);
    said("a recovery code stood in for the lost phone");
  } finally {
    await chrome.close();
  }
  assert.deepEqual(faults, []);
});
