// Each role's main day, in a real browser over the real programs: an administrator invites, a clinic enrols and declares a
// session, a supervisor confirms and receives a lead live, two reviewers uphold it, the case goes out as a package.
//   node day.mjs [--screenshots]
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { box, code, end, folder, morning, program, run, serve, until } from "./house.mjs";
import { options } from "./options.mjs";
import { browser, go, look, picture, test } from "./pages.mjs";

options("--screenshots");

const PASSWORD = "correct horse battery staple";
const said = (text) => console.log(`· ${text}`);

/** Makes an account from its one-time link and logs in; with `totp` by a second factor. */
async function comeIn(context, http, link, name, totp = false) {
  const page = await context.newPage();
  await go(page, link);
  await page.fill("[name=name]", name);
  await page.fill("[name=display]", name);
  await page.fill("[name=password]", PASSWORD);
  if (!totp) await page.uncheck("[name=totp]");
  await page.click("main button");
  let secret = "";
  if (totp) {
    await page.locator(".qr svg").waitFor();
    secret = (await page.locator("details b.mono").textContent()).trim();
    await page.fill("[name=code]", code(secret, Date.now() - 30_000));
    await page.click("main form button");
    assert.equal(await page.locator(".recovery li").count(), 10, "no recovery codes");
    await page.click("main a.button");
  }
  await page.waitForURL("**/login");
  await page.fill("[name=name]", name);
  await page.fill("[name=password]", PASSWORD);
  if (totp) await page.fill("[name=code]", code(secret));
  await page.click("main button");
  await page.waitForURL((url) => !url.pathname.startsWith("/login"));
  return page;
}

async function invite(admin, http, role, scope) {
  await go(admin, `${http}/accounts`);
  await admin.selectOption("[name=role]", role);
  if (role === "clinic") await admin.selectOption("[name=institution]", scope);
  else await admin.selectOption("[name=scope]", scope);
  await admin.click("main form:has([name=institution]) button.primary");
  const text = await admin.locator("main").innerText();
  const path = /\/welcome\/[\w-]+/.exec(text);
  assert(path, `no invitation for ${role}: ${text}`);
  return `${http}${path[0]}`;
}

async function visit(page, http, role, paths) {
  for (const path of paths) {
    const answer = await go(page, `${http}${path}`);
    assert.equal(answer.status(), 200, `${role} ${path}`);
    await look(page, `${role} ${path}`);
  }
}

async function administrator(chrome, house) {
  const context = await chrome.newContext();
  const page = await comeIn(context, house.http, house.link, "admin-wu", true);
  await visit(page, house.http, "admin", ["/accounts", "/tokens", "/hooks", "/devices", "/policy", "/system", "/retention", "/guide"]);
  await go(page, `${house.http}/devices`);
  await picture(page, "devices");
  const links = {};
  for (const [key, role, scope] of [
    ["supervisor", "supervisor", "5101"], ["elsewhere", "supervisor", "5201"], ["one", "reviewer", "5101"],
    ["two", "reviewer", "5101"], ["clinic", "clinic", house.institution], ["auditor", "auditor", ""],
  ]) links[key] = await invite(page, house.http, role, scope);
  said("the administrator came in by link, password and one-time code, and invited six people");
  return links;
}

/** Enrols somebody by the camera, with a signature drawn by hand; gives the proposal's page. */
async function enrol(page, house, person) {
  await go(page, `${house.http}/enrol`);
  await page.selectOption("[name=person]", person);
  await page.click("#open");
  await page.locator("#said[data-accepted=true]").waitFor({ timeout: 90_000 });
  await page.click("#take");
  await page.locator("#shots canvas").first().waitFor({ timeout: 60_000 });
  const pad = page.locator("#pad");
  await pad.scrollIntoViewIfNeeded();
  const at = await pad.boundingBox();
  await page.mouse.move(at.x + 20, at.y + 20);
  await page.mouse.down();
  for (let n = 0; n < 30; n += 1) await page.mouse.move(at.x + 20 + n * 8, at.y + 30 + 20 * Math.sin(n / 3));
  await page.mouse.up();
  assert.match(await page.inputValue("[name=signature]"), /^data:image\/png;base64,/, "the drawn signature is not in the form");
  await page.check("[name=agreed]");
  await page.check("[name=storage_agreed]");
  await picture(page, "enrol-phone", { width: 390, height: 1400 });
  await page.click("form[data-enrol] button.primary");
  await page.waitForURL("**/enrolments/e-*", { timeout: 60_000 });
  return new URL(page.url()).pathname;
}

/** A clinic's day: enrols by the camera, signs by hand, declares a session, closes it. */
async function clinic(chrome, house, link) {
  const context = await chrome.newContext({ viewport: { width: 390, height: 844 }, permissions: ["camera"] });
  const page = await comeIn(context, house.http, link, "clinic-jin");
  await visit(page, house.http, "clinic", ["/", "/people", "/enrol", "/sessions", "/sessions/new", "/checks", "/import", "/guide", "/system", `/rooms/${house.room}/qr`]);

  const enrolment = await enrol(page, house, house.person);
  await look(page, "clinic /enrolments/{id}");
  said("the clinic enrolled a person by camera with live feedback and a drawn signature");
  const twice = await enrol(page, house, house.other);
  assert.equal(await page.locator(".beside").count(), 0, "a clinic is told whom a face resembles");

  await go(page, `${house.http}/sessions/new?room=${house.room}`);
  await page.selectOption("[name=item]", { index: 1 });
  await page.selectOption("[name=declared_lead]", { index: 1 });
  await page.click("main form button.primary");
  await page.locator("#close button[value=close]").waitFor();
  await look(page, "clinic /sessions/{id}");
  const session = new URL(page.url()).pathname;
  await page.click("#close button[value=close]");
  await page.locator("button[value=reopen]").waitFor();
  said("the clinic declared a session on a phone and closed it");
  return { enrolment, twice, session, page };
}

/** The same face under another name: the other's photograph stands beside it, and nothing is decided without a reason. */
async function twins(page, house, twice) {
  await go(page, `${house.http}${twice}?lang=zh`);
  const face = page.locator(".beside figure", { hasText: house.name }).locator("img");
  await face.scrollIntoViewIfNeeded();
  await until("the other's photograph", () => face.evaluate((img) => img.complete && img.naturalWidth > 0), 30);
  assert.match(await page.locator("main").innerText(), /疑似重复人员/, "nothing says that it is the same face");
  await look(page, "supervisor /enrolments/{id} of the same face");
  await picture(page, "enrolment-twice", { full: true });
  await page.click("button[value=confirm]");
  assert.equal(await page.locator("button[value=confirm]").count(), 1, "it was confirmed without a reason");
  await page.fill("form.act [name=reason]", "照片为另一人本人");
  await page.click("button[value=refuse]");
  await page.locator("button[value=refuse]").waitFor({ state: "detached" });
  said("the same face under another name: the supervisor saw both photographs, and refused it with a reason");
}

/** Confirms what the clinic proposed, and sees a lead come without a reload. */
async function supervisor(chrome, house, link, { enrolment, twice }) {
  const context = await chrome.newContext({ viewport: { width: 1280, height: 860 }, acceptDownloads: true });
  await context.addInitScript(() => addEventListener("pointerdown", () => { sessionStorage.pressed = Number(sessionStorage.pressed ?? 0) + 1; }, true));
  const page = await comeIn(context, house.http, link, "supervisor-li");
  await visit(page, house.http, "supervisor", [
    "/", "/?state=all&severity=L2", "/wall", "/people", "/sessions", "/registry", "/registry?noun=people", "/registry?noun=rooms",
    "/registry/rooms/new", "/registry/people/new", `/registry/rooms/${house.room}`, "/devices", "/figures", "/policy", "/checks",
    "/import", "/system", "/retention", "/guide", "/law", "/calendar", "/devices/box-1/review", "/?lang=en", "/wall?lang=en",
  ]);
  await go(page, `${house.http}${enrolment}?lang=zh`);
  await look(page, "supervisor /enrolments/{id}");
  await picture(page, "enrolment", { full: true });
  // While the other proposal stands, this face has two names, and its confirmation asks for a reason.
  await twins(page, house, twice);
  await go(page, `${house.http}/messages`);
  await page.evaluate(() => { sessionStorage.pressed = 0; });
  await page.click(`.tasks a[href="${enrolment}"]`);
  await page.click("button[value=confirm]");
  await page.locator("button[value=confirm]").waitFor({ state: "detached" });
  const pressed = Number(await page.evaluate(() => sessionStorage.pressed));
  assert(pressed > 0 && pressed <= 3, `an enrolment is confirmed by ${pressed} clicks, at most 3`);
  said(`the supervisor confirmed the enrolment: ${pressed} clicks from the message centre`);
  await go(page, `${house.http}/?lang=zh`);
  const known = await page.locator(".inbox li").count();
  const agent = box(house.at, "2026-03-04T01:00:00Z");
  await page.locator("#toast a").waitFor({ timeout: 300_000 });
  await until("the lead in the list", async () => (await page.locator(".inbox li").count()) > known, 20);
  await end(agent);
  said("a lead appeared in the open inbox without a reload");
  await page.keyboard.press("j");
  assert.equal(await page.locator(".inbox li.at").count(), 1, "j does not walk the inbox");
  await page.keyboard.press("x");
  assert.equal(await page.locator(".pick input:checked").count(), 1, "x does not tick");
  await picture(page, "alerts");
  await picture(page, "alerts-dark", { colorScheme: "dark" });
  await picture(page, "alerts-phone", { width: 360, height: 780 });
  await page.locator("details.bulk button[value=take]").click();
  await page.locator("p.notice.good").waitFor();
  await page.locator(".views summary").click();
  await page.fill(".views [name=name]", "我的待办");
  await page.click(".views form.filters button");
  await page.locator(".views .button", { hasText: "我的待办" }).waitFor();
  await look(page, "supervisor / with a view");
  said("the supervisor took a lead by keyboard and kept a view");
  await page.keyboard.press("?");
  await page.waitForURL("**/guide");
  await go(page, `${house.http}/wall`);
  await picture(page, "wall", { width: 1920, height: 1080, colorScheme: "dark" });
  await go(page, `${house.http}/figures?from=2026-03-01&to=2026-12-31`);
  await picture(page, "figures", { full: true });
  await go(page, `${house.http}/guide`);
  await picture(page, "guide");
  return page;
}

async function upholds(chrome, house, link, name, lead) {
  const context = await chrome.newContext();
  const page = await comeIn(context, house.http, link, name);
  await visit(page, house.http, "reviewer", ["/", "/wall", "/guide"]);
  await go(page, `${house.http}${lead}`);
  await look(page, "reviewer /alerts/{id}");
  await page.fill("[name=note]", `${name}: 已核对时间轴`);
  await page.click("button[value=uphold]");
  await page.locator(".steps li", { hasText: name }).first().waitFor();
  return page;
}

/** On site, a case, and the package that goes out. */
async function closes(page, house, lead) {
  await go(page, `${house.http}${lead}`);
  await page.click("button[value=go_on_site]");
  await page.locator("button[value=nothing_found]").waitFor();
  await page.locator(".act a[href$='/case'].button").click();
  await page.locator("[name=case_number]").waitFor();
  await page.fill("[name=case_number]", "2026-17");
  for (const n of [1, 2]) {
    await page.fill(`form:has([name=case_number]) [name=officer_${n}]`, `承办人${n}`);
    await page.fill(`form:has([name=case_number]) [name=certificate_${n}]`, `A-${n}`);
  }
  await page.click("form:has([name=case_number]) button");
  await page.locator("details [name=penalty_fine]").first().waitFor({ state: "attached" });
  await go(page, `${house.http}${lead}`);
  await page.locator("button[value=close]").waitFor();
  await look(page, "supervisor /alerts/{id}");
  await picture(page, "alert", { full: true });
  await page.fill("[name=why]", "案号 2026-17");
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("form[action$=package] button")]);
  const at = folder();
  const zip = join(at, "case.zip");
  await download.saveAs(zip);
  run("python3", ["-m", "zipfile", "-e", zip, join(at, "case")]);
  const files = readdirSync(join(at, "case")).sort();
  assert(files.includes("case.pdf") && files.includes("case.json") && files.includes("SHA256SUMS"), files.join(" "));
  run("sh", ["-c", `cd '${join(at, "case")}' && sha256sum -c --quiet SHA256SUMS`]);
  const chain = files.find((name) => name.startsWith("chain-"));
  assert(chain, `no chain in ${files.join(" ")}`);
  run(program("zaigang-verify"), [join(at, "case", chain)]);
  assert.match(run(program("zaigang-verify"), [zip]), /case package of 4 files/);
  const pdf = readFileSync(join(at, "case", "case.pdf"));
  assert.equal(pdf.subarray(0, 5).toString(), "%PDF-");
  if (process.env.ZAIGANG_PDF) writeFileSync(process.env.ZAIGANG_PDF, pdf);
  said(`the case went out as ${files.join(", ")}; checksums and chain verified`);
}

async function main() {
  const played = await morning(3);
  const known = await registered(played);
  const house = { ...played, ...known, ...(await serve(played.at, { mqtt: played.mqtt })) };
  const chrome = await browser();
  const links = await administrator(chrome, house);
  const elsewhere = await comeIn(await chrome.newContext(), house.http, links.elsewhere, "supervisor-far");
  await visit(elsewhere, house.http, "supervisor elsewhere", ["/", "/wall", "/devices", "/people", "/sessions"]);
  await go(elsewhere, `${house.http}/`);
  assert.equal(await elsewhere.locator(".top .count").count(), 0, "a badge counts another jurisdiction's leads");
  const camera = await browser(house.video);
  const proposed = await clinic(camera, house, links.clinic);
  await camera.close();
  const page = await supervisor(chrome, house, links.supervisor, proposed);
  await go(page, `${house.http}/?state=all`);
  const lead = await page.locator(".inbox li:has(.s2, .s3) > a").last().getAttribute("href");
  await upholds(chrome, house, links.one, "reviewer-zhao", lead);
  const second = await upholds(chrome, house, links.two, "reviewer-qian", lead);
  await second.locator(".state.lead").first().waitFor();
  said("two different reviewers upheld the lead");
  await closes(page, house, lead);
  const auditor = await comeIn(await chrome.newContext(), house.http, links.auditor, "auditor-sun");
  await visit(auditor, house.http, "auditor", ["/audit", "/audit?q=package", "/retention", "/figures", "/guide"]);
  await go(auditor, `${house.http}/audit?q=package`);
  assert.match(await auditor.locator("main").innerText(), /2026-17/, "the audit log does not say why the package was taken");
  const nobody = await (await chrome.newContext()).newPage();
  await visit(nobody, house.http, "nobody", ["/login"]);
  await chrome.close();
}

/** Names of what the demo registered, and a face for the camera: the photograph that a person was enrolled with. */
async function registered({ at }) {
  const open = await serve(at, { accounts: false, name: "open" });
  const get = async (path) => (await fetch(`${open.http}/api/v1/${path}`)).json();
  const room = (await get("rooms")).rooms[0];
  const enrolments = (await get("enrolments")).enrolments;
  const one = enrolments.at(-1);
  const people = (await get("practitioners?limit=100")).practitioners;
  const other = people.find(({ id, sites }) => id !== one.person && sites.some(({ institution }) => institution === room.institution));
  const photo = Buffer.from(await (await fetch(`${open.http}/enrolments/${one.id}/photo/0`)).arrayBuffer());
  await end(open.server);
  const video = join(at, "face.mjpeg");
  const frame = await jpeg(photo);
  writeFileSync(video, Buffer.concat(Array(30).fill(frame)));
  return { room: room.id, institution: room.institution, person: one.person, name: people.find(({ id }) => id === one.person).name, other: other.id, video };
}

/** Any picture as a JPEG of even size, by the browser's own encoder. */
async function jpeg(bytes) {
  const chrome = await browser();
  const page = await chrome.newPage();
  const data = await page.evaluate(async (source) => {
    const image = new Image();
    image.src = source;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = image.width & ~1;
    canvas.height = image.height & ~1;
    canvas.getContext("2d").drawImage(image, 0, 0);
    return canvas.toDataURL("image/jpeg", 0.95);
  }, `data:image/png;base64,${bytes.toString("base64")}`);
  await chrome.close();
  return Buffer.from(data.split(",")[1], "base64");
}

await test(main);
