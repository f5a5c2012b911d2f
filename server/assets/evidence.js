// The pages of sealed pictures: what happens with keys, passphrases and pictures, in the browser alone. The server gets public keys,
// signatures and what was sealed for another; it never gets a passphrase, a private half or a picture.
import { able, hex, keyId, makePair, open, openPicture, readCode, recoveryCode, seal, sha256, sign, unwrap, wrap, xor } from "/assets/evidence-keys.js";
import { custodianText, fingerprint, founderHolds, founderIn, foundersIn, lines, meetFounders, Refusal, sealingKey } from "/assets/evidence-roll.js";

const zh = document.documentElement.lang.startsWith("zh");
const t = (chinese, english) => (zh ? chinese : english);
const API = "/api/v1/evidence";

/** A time as every page of this server shows it, `2026-03-02 09:20:00`: Beijing's, wherever the browser is; a Swede writes days like that. */
function beijing(time) {
  return new Date(time).toLocaleString("sv-SE", { hour12: false, timeZone: "Asia/Shanghai" });
}

/** A fault with a line for people. */
class Said extends Error {}

// What time it is, by the server: a clock that somebody sets back gives nobody longer, nor does a machine that slept.
let heardOf = null;

function serverNow() {
  if (!heardOf) return Date.now();
  return heardOf.server + Math.max(Date.now() - heardOf.wall, performance.now() - heardOf.steady);
}

async function ask(method, path, body) {
  const headers = body === undefined ? {} : { "content-type": "application/json" };
  const answer = await fetch(`${API}${path}`, { method, headers, body: body === undefined ? undefined : JSON.stringify(body), cache: "no-store" });
  const date = Date.parse(answer.headers.get("date") ?? "");
  if (date) heardOf = { server: date, wall: Date.now(), steady: performance.now() };
  const type = answer.headers.get("content-type") ?? "";
  if (!answer.ok) {
    const problem = type.includes("json") ? await answer.json() : {};
    throw new Said((zh && (problem.detail_zh || CHINESE[problem.detail])) || problem.detail || `${answer.status}`);
  }
  return type.includes("json") ? answer.json() : new Uint8Array(await answer.arrayBuffer());
}

// Lines of the API, which speaks English, that people meet most.
const CHINESE = {
  "its time has run out: a new request is needed": "申请已过时限，须重新申请",
  "you asked for this yourself: another person decides": "不能审批自己提出的申请，须由另一人决定",
  "this request is another person's to decide, or to see": "该申请不由您审批或查看",
  "ten wrong passphrases in a row: the wrapped keys are withheld for an hour; a lost passphrase is mended by the recovery sheet, or by another custodian":
    "口令连续输错十次：一小时内不再提供密钥；忘记口令请用恢复单，或由其他保管人重新准入",
  "you are no custodian: make your keys on the page of sealed pictures, and be let in": "您不是保管人：请先在「封存画面」页生成密钥并由现任保管人准入",
};

// ---- The texts that are signed or bound in; crates/evidence has them byte by byte.

const texts = {
  custodian: custodianText,
  roleKey: (jurisdiction, role, version, public_key, from) => lines("zaigang-evidence-role-key/1", { jurisdiction, role, version: String(version), public_key, from }),
  removal: (jurisdiction, { account, verification_key }, by, at) => lines("zaigang-evidence-removal/1", { jurisdiction, custodian: account, verification_key, by, at }),
  passphrase: (jurisdiction, { account, verification_key }, at) => lines("zaigang-evidence-passphrase/1", { jurisdiction, custodian: account, verification_key, at }),
  release: (it) => lines("zaigang-evidence-release/1", {
    order: it.order, device: it.device, finding: it.finding, items: it.items.join(","), case: it.case_number, basis: it.basis, purpose: it.purpose,
    requested_at: it.requested_at, expires_at: it.expires_at, supervisor: it.supervisor, reviewer: it.reviewer,
  }),
  item: (device, finding, item) => lines("zaigang-evidence-item/1", { device, finding, item: item.id, kind: item.kind, taken_at: item.taken_at }),
  half: (role) => `zaigang-evidence-half/1/${role}`,
  // Between browsers alone.
  share: (jurisdiction, role, version) => `zaigang-evidence-share/1/${jurisdiction}/${role}/${version}`,
  handover: (order, to) => `zaigang-evidence-handover/1/${order}/${to}`,
  wrapped: (jurisdiction, account, role, verification_key, sealing_key) => lines("zaigang-custodian-keys/1", { jurisdiction, account, role, verification_key, sealing_key }),
};

function now() {
  return new Date().toISOString();
}

// As the server tidies what comes in: both sign what it keeps.
function tidy(text) {
  const plain = text.replace(/\p{Cc}/gu, " ").trim();
  const folded = plain.normalize("NFKC");
  return /^[\x20-\x7e]*$/.test(folded) ? folded.trim() : plain;
}

// ---- The keys of whoever is here, while this page is open.

let mine = null;

function unpacked(secret, custodian) {
  return { sealing: { secret: secret.slice(0, 32), public: custodian.sealing_key }, signing: secret.slice(32) };
}

async function unlock(passphrase, code) {
  if (mine) return mine;
  const got = await ask("POST", "/unlock", {});
  const { custodian, jurisdiction } = got;
  const what = texts.wrapped(jurisdiction, custodian.account, custodian.role, custodian.verification_key, custodian.sealing_key);
  let secret = await unwrap(got.wrapped, passphrase, what);
  if (!secret && code) secret = await unwrap(got.recovery, code, what);
  if (!secret) throw new Said(t(`口令不正确，还可试 ${got.tries_left} 次`, `this is not the passphrase; ${got.tries_left} tries are left`));
  await ask("POST", "/unlock", { opened: true });
  const keys = unpacked(secret, custodian);
  const roles = {};
  for (const [version, share] of Object.entries(got.shares)) roles[version] = await open(share, keys.sealing, texts.share(jurisdiction, custodian.role, version));
  mine = { ...keys, custodian, jurisdiction, roles, what, secret };
  return mine;
}

addEventListener("pagehide", () => { mine = null; forgetPictures(); });

// The half of a picture's key that this custodian's role holds.
async function ownHalf(me, device, finding, item) {
  const role = me.custodian.role;
  const sealed = role === "supervisor" ? item.supervisor_half : item.reviewer_half;
  const secret = me.roles[sealed.version];
  const publicKey = secret && await publicOf(me, sealed);
  if (!publicKey) {
    throw new Said(t(`画面由角色密钥第 ${sealed.version} 版封存，您不持有该版：请由持有该版的保管人办理`, `the picture is sealed to version ${sealed.version} of your role's key, which you do not hold: a custodian who does has to act`));
  }
  try {
    return await open(sealed, { secret, public: publicKey }, texts.half(role), texts.item(device, finding, item));
  } catch {
    throw new Said(t("画面密钥已被改动，无法打开", "the half of the picture's key does not open: it was changed"));
  }
}

async function rollOf(me) {
  return me.roll ??= (await ask("GET", "/custodians")).roll;
}

async function publicOf(me, sealed) {
  const keys = (await rollOf(me)).role_keys;
  const found = keys.find((k) => k.role === me.custodian.role && k.version === sealed.version);
  return found && await keyId(found.public_key) === sealed.to ? found.public_key : null;
}

function foundersOf(me) {
  return foundersIn(localStorage, me.jurisdiction);
}

// ---- Custodians.

let making = null;

function fieldsOf(form) {
  return Object.fromEntries(new FormData(form));
}

async function make(form) {
  const { passphrase, again } = fieldsOf(form);
  if (passphrase !== again) throw new Said(t("两次口令不一致", "the two are not the same"));
  const [signing, sealing] = [await makePair("Ed25519"), await makePair("X25519")];
  const { account, role, jurisdiction } = form.dataset;
  const code = recoveryCode();
  const secret = new Uint8Array([...sealing.secret, ...signing.secret]);
  const what = texts.wrapped(jurisdiction, account, role, signing.public, sealing.public);
  making = { account, role, jurisdiction, signing, sealing, what, first: "first" in form.dataset, wrapped: await wrap(secret, passphrase, what), recovery: await wrap(secret, code, what) };
  document.getElementById("code").textContent = code;
  const line = { account, role, verification_key: signing.public, sealing_key: sealing.public };
  document.getElementById("print").textContent = await fingerprint(line);
  const { roll } = await ask("GET", "/custodians");
  document.getElementById("founders").textContent = await foundersLine(making.first ? { custodians: [...roll.custodians, { ...line, from: now() }] } : roll);
  document.getElementById("sheet-time").textContent = now().slice(0, 10);
  document.getElementById("sheet").hidden = false;
  form.hidden = true;
  form.reset();
  document.getElementById("sheet").scrollIntoView();
}

// Both ways in are tried before anything is kept: a sheet that was not printed, or a slip of the fingers, shows here.
async function tryAndSave(form) {
  const { passphrase, code } = fieldsOf(form);
  const it = making;
  const secret = await unwrap(it.wrapped, passphrase, it.what);
  if (!secret) throw new Said(t("口令与刚才设定的不同", "this is not the passphrase that you set"));
  if (!await unwrap(it.recovery, readCode(code), it.what)) throw new Said(t("恢复码与恢复单不同", "this is not the code of the sheet"));
  const body = { verification_key: it.signing.public, sealing_key: it.sealing.public, wrapped: it.wrapped, recovery: it.recovery };
  const line = { account: it.account, role: it.role, verification_key: body.verification_key, sealing_key: body.sealing_key };
  if (it.first) {
    const [from, role] = [now(), await makePair("X25519")];
    body.first = {
      from, role_key: role.public,
      sig: await sign(it.signing.secret, texts.custodian(it.jurisdiction, { ...line, from })),
      role_key_sig: await sign(it.signing.secret, texts.roleKey(it.jurisdiction, it.role, 1, role.public, from)),
      share: await seal(role.secret, it.sealing.public, texts.share(it.jurisdiction, it.role, 1)),
    };
  }
  await ask("POST", "/custodians", body);
  if (it.first) await founderHolds(line, foundersIn(localStorage, it.jurisdiction));
  location.reload();
}

// Whoever waits, as the fingerprint on this page was computed: they and nobody else are let in.
const waiting = new Map();

async function admit(form) {
  const me = await unlock(fieldsOf(form).passphrase);
  const { id } = form.dataset;
  const from = now();
  const role = me.custodian.role;
  const line = waiting.get(id);
  if (line?.role !== role) throw new Said(t("尚未核对该人的指纹：请刷新页面后重试", "their fingerprint was not computed here: load the page anew"));
  const shares = {};
  for (const [version, secret] of Object.entries(me.roles)) shares[version] = await seal(secret, line.sealing_key, texts.share(me.jurisdiction, role, version));
  const sig = await sign(me.signing, texts.custodian(me.jurisdiction, { ...line, from }));
  await ask("POST", `/custodians/${id}/steps`, { step: "admit", from, sig, shares });
  location.reload();
}

// Signed: whoever comes by a login alone removes nobody. Who only waits has no key that anybody believes, and needs none.
async function remove(form) {
  const { id } = form.dataset;
  const step = { step: "remove" };
  const { passphrase } = fieldsOf(form);
  if (passphrase !== undefined) {
    const me = await unlock(passphrase);
    const line = (await ask("GET", "/custodians")).roll.custodians.find((c) => String(c.id) === id);
    if (!line) throw new Said(t("名册已变：请刷新页面", "the roll has changed: load the page anew"));
    step.at = now();
    step.sig = await sign(me.signing, texts.removal(me.jurisdiction, line, me.custodian.account, step.at));
  }
  await ask("POST", `/custodians/${id}/steps`, step);
  location.reload();
}

async function turn(form) {
  const me = await unlock(fieldsOf(form).passphrase);
  const { roll } = await ask("GET", "/custodians");
  const role = me.custodian.role;
  const version = 1 + Math.max(...roll.role_keys.filter((k) => k.role === role).map((k) => k.version));
  const [from, pair] = [now(), await makePair("X25519")];
  const shares = {};
  for (const one of roll.custodians.filter((c) => c.role === role && c.from && !c.until)) {
    const key = await sealingKey(roll, one.account, role, foundersOf(me));
    shares[one.id] = await seal(pair.secret, key, texts.share(me.jurisdiction, role, version));
  }
  const sig = await sign(me.signing, texts.roleKey(me.jurisdiction, role, version, pair.public, from));
  await ask("POST", "/keys", { version, public_key: pair.public, from, sig, shares });
  location.reload();
}

async function renew(form) {
  const { code, passphrase } = fieldsOf(form);
  const me = await unlock(code, readCode(code));
  const [fresh, at] = [recoveryCode(), now()];
  const sig = await sign(me.signing, texts.passphrase(me.jurisdiction, me.custodian, at));
  await ask("POST", "/passphrase", { wrapped: await wrap(me.secret, passphrase, me.what), recovery: await wrap(me.secret, fresh, me.what), at, sig });
  const shown = document.getElementById("renewed");
  shown.textContent = `${t("新恢复码", "New recovery code")}: ${fresh}`;
  shown.hidden = false;
  form.reset();
  return t("已更换；旧口令与旧恢复单失效。请打印新恢复单", "Done: the old passphrase and sheet open nothing any more. Print the new sheet");
}

// ---- Requests.

async function request(form) {
  const it = fieldsOf(form);
  const { alert, device, finding } = form.dataset;
  const items = form.dataset.items.split(" ").sort();
  const me = await unlock(it.passphrase);
  const order = hex(crypto.getRandomValues(new Uint8Array(16)));
  const key = await sealingKey(await rollOf(me), it.reviewer, "reviewer", foundersOf(me));
  const requested_at = now();
  const said = {
    order, device, finding, items, case_number: tidy(it.case_number), basis: tidy(it.basis), purpose: tidy(it.purpose), requested_at,
    expires_at: new Date(Date.parse(requested_at) + 24 * 3600 * 1000).toISOString(), reviewer: it.reviewer,
  };
  const halves = {};
  for (const item of await itemsOf(alert, device, finding, items)) {
    const half = await ownHalf(me, device, finding, item);
    halves[item.id] = await seal(half, key, texts.handover(order, it.reviewer), texts.item(device, finding, item));
  }
  const sig = await sign(me.signing, texts.release({ ...said, supervisor: me.custodian.account }));
  const made = await ask("POST", "/requests", { ...said, alert, sig, halves });
  location.href = `/evidence/${made.id}`;
}

async function itemsOf(alert, device, finding, ids) {
  const { items } = await ask("GET", `/alerts/${encodeURIComponent(alert)}`);
  const found = items.filter((i) => i.device === device && i.finding === finding && ids.includes(i.item.id)).map((i) => i.item);
  if (found.length !== ids.length) throw new Said(t("部分画面已不在设备上：请刷新页面", "some pictures are gone from the box: load the page anew"));
  return found;
}

async function approve(form, id) {
  const me = await unlock(fieldsOf(form).passphrase);
  const it = await ask("GET", `/requests/${id}`);
  const { opening: { ask: asked }, open: whole, device } = it;
  const said = {
    order: it.id, device, finding: whole.finding, items: [...asked.items].sort(), case_number: asked.case_number, basis: asked.basis, purpose: asked.purpose,
    requested_at: whole.requested_at, expires_at: whole.expires_at, supervisor: asked.by, reviewer: me.custodian.account,
  };
  const text = texts.release(said);
  // They sign what this page showed them, and nothing that it did not.
  if (text !== whole.text) throw new Said(t("待签内容与所示不符，未批准", "the text to sign is not what is shown; nothing was approved"));
  const key = await sealingKey(whole.roll, asked.by, "supervisor", foundersOf(me));
  const halves = {};
  for (const { item } of whole.items) {
    const about = texts.item(device, whole.finding, item);
    await theOtherHalf(me, it.id, whole.halves[item.id], about);
    halves[item.id] = await seal(await ownHalf(me, device, whole.finding, item), key, texts.handover(it.id, asked.by), about);
  }
  await ask("POST", `/requests/${id}/steps`, { step: "approve", sig: await sign(me.signing, text), halves });
  await follow(id, "requested");
}

async function theOtherHalf(me, order, sealed, about) {
  try {
    return await open(sealed, me.sealing, texts.handover(order, me.custodian.account), about);
  } catch {
    throw new Said(t("对方交来的密钥之半无法打开：须重新申请", "the other's half does not open for you: a new request is needed"));
  }
}

async function refuse(form, id) {
  await ask("POST", `/requests/${id}/steps`, { step: "refuse", reason: tidy(fieldsOf(form).reason) });
  location.reload();
}

// The page as it stands now, in place of this one, with the keys kept: nothing has to be typed twice.
async function swap() {
  const answer = await fetch(location.href, { cache: "no-store" });
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  const fresh = page.getElementById("main");
  if (!answer.ok || !fresh) return void location.reload();
  document.getElementById("main").replaceChildren(...fresh.childNodes);
  ready();
}

/** Waits while the opening stays in this state, and shows the page anew. */
async function follow(id, state) {
  // Each asking stands in the audit log: a box that is off is waited for in longer and longer steps.
  // People take hours where a box takes seconds.
  const most_ms = state === "requested" ? 300_000 : 60_000;
  for (let wait_ms = 1000; ; wait_ms = Math.min(wait_ms * 1.4, most_ms)) {
    const it = await ask("GET", `/requests/${id}`);
    if (it.opening.state !== state) break;
    await new Promise((done) => { setTimeout(done, wait_ms); });
  }
  await swap();
}

// ---- Looking.

async function look(form, id) {
  const me = await unlock(fieldsOf(form).passphrase);
  const it = await ask("GET", `/requests/${id}`);
  const { open: whole, device, opening } = it;
  const shown = document.getElementById("shown");
  const mark = `${me.custodian.account} · ${beijing(serverNow())} (UTC+8) · ${opening.ask.case_number}`;
  shown.replaceChildren();
  const faults = [];
  const arrived = whole.items.map((one) => one.item).filter((item) => opening.items[item.id].is === "arrived");
  const show = async (items) => {
    for (const item of items) {
      try {
        shown.append(await figure(await picture(me, it, whole, item), mark, kindOf(item)));
      } catch (error) {
        if (!(error instanceof Said)) throw error;
        faults.push(error.message);
      }
    }
  };
  // Faces stand beside the registry photographs, the room after them.
  await show(arrived.filter((item) => item.kind === "subject_crop"));
  let registered = 0;
  for (const person of whole.persons.filter((p) => p.registry_photo)) {
    const answer = await fetch(`/registry-photo/${encodeURIComponent(person.person)}/picture?opening=${it.id}`, { cache: "no-store" });
    if (!answer.ok) continue;
    const from = person.photo_at ? ` · ${person.photo_by} ${beijing(person.photo_at)}` : "";
    shown.append(await figure(await answer.arrayBuffer(), mark, `${t("注册照片", "registry photograph")} · ${person.name}${from}`));
    registered += 1;
  }
  await show(arrived.filter((item) => item.kind !== "subject_crop"));
  form.hidden = true;
  // With nothing to compare with there is nothing to answer.
  document.querySelector("[data-evidence=answer]").hidden = !registered || shown.children.length === registered;
  shown.dataset.done = "";
  forgetAt(opening.until);
  watch(id);
  if (faults.length) throw new Said(faults.join("; "));
}

// The server shows nothing beyond their time; a page that was left open shows it no longer either, nor once the opening ended
// early, or whoever looks is a custodian no more.
let ending = 0;
let watching = 0;
const ASK_AGAIN_MS = 300_000;

function forgetAt(until) {
  clearTimeout(ending);
  shownUntil = Date.parse(until);
  const left_ms = shownUntil - serverNow();
  if (left_ms > 0) ending = setTimeout(() => forgetAt(until), Math.min(left_ms, 60_000));
  else forgetPictures();
}

let shownUntil = Infinity;

function watch(id) {
  clearTimeout(watching);
  watching = setTimeout(async () => {
    if (!document.getElementById("shown")?.querySelector("canvas")) return;
    try {
      const { opening } = await ask("GET", `/requests/${id}`);
      if (opening.state !== "open" && opening.state !== "delivered") return forgetPictures();
    } catch (error) {
      // The server says no; where nobody can be asked, their time ends them.
      if (error instanceof Said) return forgetPictures();
    }
    watch(id);
  }, ASK_AGAIN_MS);
}

document.addEventListener("visibilitychange", () => { if (!document.hidden && serverNow() >= shownUntil) forgetPictures(); });

function forgetPictures() {
  const shown = document.getElementById("shown");
  if (!shown?.children.length) return;
  const line = document.createElement("p");
  line.textContent = t("查看时限已到", "their time has run out");
  shown.replaceChildren(line);
}

function kindOf(item) {
  const kind = item.kind === "subject_crop" ? t("当事人面部", "face of the subject") : t("诊室场景", "view of the room");
  return `${kind} · ${beijing(item.taken_at)}`;
}

async function picture(me, it, whole, item) {
  const ciphertext = await ask("GET", `/requests/${it.id}/items/${item.id}`);
  if (ciphertext.length !== item.bytes || hex(await sha256(ciphertext)) !== item.sha256) {
    throw new Said(t(`画面 ${item.id.slice(0, 8)} 与设备记录链中的哈希不符，未打开`, `picture ${item.id.slice(0, 8)} is not the one that the box's chain names; it was not opened`));
  }
  const about = texts.item(it.device, whole.finding, item);
  const key = xor(await ownHalf(me, it.device, whole.finding, item), await theOtherHalf(me, it.id, whole.halves[item.id], about));
  try {
    return await openPicture(ciphertext, key, about);
  } catch {
    throw new Said(t(`画面 ${item.id.slice(0, 8)} 无法解密：已被改动或密钥不符`, `picture ${item.id.slice(0, 8)} does not open: it was changed, or the key is another`));
  } finally {
    key.fill(0);
  }
}

// Pixels on a canvas, the mark across them: no file, no address, nothing that a browser keeps.
async function figure(bytes, mark, words) {
  const bitmap = await createImageBitmap(new Blob([bytes]));
  const canvas = document.createElement("canvas");
  const scale = Math.max(1, Math.min(4, 320 / bitmap.width));
  canvas.width = Math.round(bitmap.width * scale);
  canvas.height = Math.round(bitmap.height * scale);
  const pen = canvas.getContext("2d");
  pen.drawImage(bitmap, 0, 0, canvas.width, canvas.height);
  bitmap.close();
  watermark(pen, canvas, mark);
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${words} · ${mark}`);
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  const made = document.createElement("figure");
  const caption = document.createElement("figcaption");
  caption.textContent = words;
  made.append(canvas, caption);
  return made;
}

function watermark(pen, canvas, mark) {
  const size = Math.max(11, Math.round(canvas.width / 26));
  pen.font = `600 ${size}px sans-serif`;
  const width = pen.measureText(mark).width + 3 * size;
  pen.translate(canvas.width / 2, canvas.height / 2);
  pen.rotate(-Math.PI / 7);
  const reach = Math.hypot(canvas.width, canvas.height);
  pen.lineWidth = size / 7;
  for (let row = 0, y = -reach / 2; y < reach / 2; row += 1, y += 4 * size) {
    for (let x = -reach / 2 - (row % 2 ? width / 2 : 0); x < reach / 2; x += width) {
      pen.strokeStyle = "rgb(0 0 0 / .35)";
      pen.fillStyle = "rgb(255 255 255 / .5)";
      pen.strokeText(mark, x, y);
      pen.fillText(mark, x, y);
    }
  }
}

async function answer(form, id, button) {
  await ask("POST", `/requests/${id}/steps`, { step: "answer", same_person: button.value });
  for (const one of form.querySelectorAll("button")) one.setAttribute("aria-pressed", String(one === button));
  return t(`已记录：${button.textContent}`, `Written down: ${button.textContent}`);
}

// ---- Forms.

const ACTS = { make, try: tryAndSave, admit, remove, turn, renew, request, approve, refuse, look, answer };

function lineOf(error) {
  if (error instanceof Refusal) return t(error.zh, error.message);
  return error instanceof Said ? error.message : null;
}

async function submitted(event) {
  const form = event.target.closest("form[data-evidence]");
  const act = form && ACTS[form.dataset.evidence];
  if (!act) return;
  event.preventDefault();
  const id = document.querySelector("[data-evidence-decide]")?.dataset.evidenceDecide ?? document.querySelector("[data-evidence-viewer]")?.dataset.evidenceViewer;
  const said = form.querySelector(".outcome");
  const buttons = form.querySelectorAll("button");
  for (const button of buttons) button.disabled = true;
  said.className = "outcome";
  said.textContent = t("正在处理…", "Working…");
  try {
    said.textContent = (await act(form, id, event.submitter)) ?? "";
  } catch (error) {
    said.className = "outcome notice bad";
    said.textContent = lineOf(error) ?? t("未完成：浏览器或连接出错，请重试", "not done: the browser or the connection failed, try again");
    if (!lineOf(error)) console.error(error);
  } finally {
    for (const button of buttons) button.disabled = false;
  }
}

const ROLES = { supervisor: t("卫生监督员", "supervisors"), reviewer: t("核查员", "reviewers") };

async function foundersLine(roll) {
  const parts = [];
  for (const role of Object.keys(ROLES)) {
    const first = founderIn(roll, role);
    if (first) parts.push(`${ROLES[role]} ${first.account} ${await fingerprint(first)}`);
  }
  return parts.join(" · ");
}

// The founders are met when the page of custodians is first seen, and fingerprints are this browser's own work.
async function meet(jurisdiction) {
  const { roll } = await ask("GET", "/custodians");
  for (const print of document.querySelectorAll("[data-print]")) {
    const line = roll.custodians.find((c) => String(c.id) === print.dataset.print);
    print.textContent = line ? await fingerprint(line) : "";
    if (line && !line.from && !line.until) waiting.set(print.dataset.print, line);
  }
  const founders = foundersIn(localStorage, jurisdiction);
  const unmet = Object.keys(ROLES).some((role) => founderIn(roll, role) && founders.of(role) === null);
  await meetFounders(roll, founders);
  const shown = document.getElementById("first-met");
  if (!unmet || !shown) return;
  const prints = await foundersLine(roll);
  shown.textContent = t(
    `本浏览器首次见到本辖区的创始保管人，将以此为准。请与恢复单上所印核对：${prints}`,
    `This browser meets the founders of this place for the first time, and will believe them from now on. Compare with a recovery sheet: ${prints}`,
  );
  shown.hidden = false;
}

function ready() {
  const line = document.querySelector("[data-roll]");
  if (line) meet(line.dataset.roll).catch((error) => {
    line.textContent = lineOf(error) ?? t("未能核对保管人密钥：请刷新页面", "the custodians' keys could not be checked: load the page anew");
    line.hidden = false;
  });
  const state = document.getElementById("state")?.dataset.state;
  if (mine) for (const field of document.querySelectorAll("form[data-evidence=look] [name=passphrase]")) {
    field.required = false;
    field.closest("label").hidden = true;
  }
  if (["requested", "approved", "released"].includes(state) && !document.querySelector("[data-evidence-decide]")) follow(location.pathname.split("/").pop(), state).catch(() => {});
}

document.addEventListener("submit", submitted);
document.addEventListener("click", (event) => { if (event.target.closest("[data-evidence-print]")) print(); });
if (document.querySelector("[data-evidence], [data-evidence-viewer]") && !await able()) {
  const line = document.getElementById("unable");
  if (line) line.hidden = false;
}
ready();
