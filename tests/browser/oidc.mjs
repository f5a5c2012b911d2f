// Logging in through a real OpenID Connect provider (the certified `oidc-provider`), on loopback: whoever linked their account
// comes in, whoever is only called like one does not, and a way back that was not begun here leads nowhere.
//   node oidc.mjs
import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { join } from "node:path";
import { folder, serve } from "./house.mjs";
import { options } from "./options.mjs";
import { browser, go, test } from "./pages.mjs";

options();

const PASSWORD = "correct horse battery staple";
const SECRET = "a-secret-of-this-test-alone-0123456789";

/** A free port, for an address that both sides must know before they start. */
async function free() {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** The provider with its own pages for logging in; whatever name is typed is who it vouches for. */
async function provider(port, back) {
  const issuer = `http://127.0.0.1:${port}`;
  const { default: Provider } = await import("oidc-provider");
  const it = new Provider(issuer, {
    clients: [{ client_id: "zaigang", client_secret: SECRET, redirect_uris: [back], response_types: ["code"], grant_types: ["authorization_code"] }],
    pkce: { required: () => true },
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
  });
  const listening = it.listen(port, "127.0.0.1");
  await once(listening, "listening");
  return { issuer, close: () => new Promise((done) => { listening.closeAllConnections(); listening.close(done); }) };
}

async function atProvider(page, from, link, name) {
  await go(page, from);
  await page.click(`a[href='${link}']`);
  await page.fill("input[name=login]", name);
  await page.fill("input[name=password]", "anything");
  await page.click("button[type=submit]");
  await page.click("button[type=submit]");
}

async function main() {
  const at = folder();
  const [web, port] = [await free(), await free()];
  const http = `http://127.0.0.1:${web}`;
  const sso = await provider(port, `${http}/login/oidc/done`);
  writeFileSync(join(at, "oidc-secret"), SECRET, { mode: 0o600 });
  const house = await serve(at, {
    listen: web,
    extra: `[oidc]\nissuer = "${sso.issuer}"\nclient_id = "zaigang"\nclient_secret_file = "oidc-secret"\npublic_url = "${http}"\n`,
  });
  const chrome = await browser();
  const first = await (await chrome.newContext()).newPage();
  await go(first, house.link);
  await first.fill("[name=name]", "wang");
  await first.fill("[name=display]", "Wang");
  await first.fill("[name=password]", PASSWORD);
  await first.uncheck("[name=totp]");
  await first.click("main button");
  await first.waitForURL("**/login");

  // Called `wang` at the provider, too, but that is no proof.
  const login = [`${http}/login`, "/login/oidc"];
  const namesake = await (await chrome.newContext()).newPage();
  await atProvider(namesake, ...login, "wang");
  await namesake.waitForURL("**/login/oidc/done?**");
  assert.match(await namesake.locator("main").innerText(), /没有与您关联的账户/);

  await go(first, `${http}/login`);
  await first.fill("[name=name]", "wang");
  await first.fill("[name=password]", PASSWORD);
  await first.click("main button");
  await first.waitForURL(`${http}/system`);
  await atProvider(first, `${http}/account`, "/account/provider", "person-17");
  await first.waitForURL("**/login/oidc/done?**");
  assert.match(await first.locator("main").innerText(), /person-17/);
  await first.fill("[name=present]", PASSWORD);
  await first.click("main button");
  await first.waitForURL(`${http}/account`);

  const known = await (await chrome.newContext()).newPage();
  await atProvider(known, ...login, "person-17");
  await known.waitForURL(`${http}/system`);
  assert.equal((await go(known, `${http}/accounts`)).status(), 200, "whoever came in by the provider is not logged in");
  const cookies = await known.context().cookies(http);
  const held = cookies.find((cookie) => cookie.name === "zaigang");
  assert(held?.httpOnly && held.sameSite === "Strict", JSON.stringify(cookies.map(({ name, sameSite }) => ({ name, sameSite }))));

  const stranger = await (await chrome.newContext()).newPage();
  await atProvider(stranger, ...login, "mallory");
  await stranger.waitForURL("**/login/oidc/done?**");
  assert.match(await stranger.locator("main").innerText(), /没有与您关联的账户/);
  assert.equal((await fetch(`${http}/login/oidc/done?state=guessed&code=guessed`)).status, 401);
  console.log("· a linked account comes in through the provider, a namesake and a stranger do not, a forged way back leads nowhere");
  await chrome.close();
  await sso.close();
}

await test(main);
