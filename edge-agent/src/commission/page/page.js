// The installer's page: comes in by the code, shows the picture, and asks the box for everything else. It keeps what was
// drawn until the server has it; pictures and photographs are never kept.

import { Refused, ask, only } from "./ask.js";
import { Drawing } from "./draw.js";
import { pixels } from "./pixels.js";
import { KINDS, both, kindOf, say } from "./words.js";

const by = (id) => document.getElementById(id);
const KEPT = "zaigang-zones";
const shown = { number: 0, zones: "", dirty: false, walking: false, alive: false };
const drawing = new Drawing(by("drawing"), changed);

function ended(titleZh, titleEn, zh, en) {
  shown.alive = false;
  by("picture").getContext("2d").clearRect(0, 0, by("picture").width, by("picture").height);
  sessionStorage.removeItem(KEPT);
  by("where").hidden = true;
  by("over-title").replaceChildren(both(titleZh, titleEn));
  by("over-text").replaceChildren(both(zh, en));
  only("over");
}

/** The box does not answer, or does not know this browser any more. */
function lost(error) {
  if (!shown.alive) return;
  if (error instanceof Refused && error.status !== 401) return;
  ended("页面已结束", "The page has ended", "请在设备上重新运行 zaigang-agent commission。", "Run zaigang-agent commission on the box again.");
}

/* ---- the picture ---- */

async function look() {
  while (shown.alive) {
    try {
      const answer = await fetch(`/view?after=${shown.number}`);
      if (answer.status === 401) throw new Refused(401, {});
      if (answer.status === 200) await show(answer);
    } catch (error) {
      return lost(error);
    }
    await new Promise((done) => { setTimeout(done, 120); });
  }
}

async function show(answer) {
  const about = await pixels(answer, by("picture"));
  shown.number = about.number;
  by("no-picture").textContent = "";
  drawing.faces = about.faces;
  drawing.paint();
  const [width, height] = about.camera;
  const few = about.faces.filter((face) => !face.enough).length;
  by("seen").replaceChildren(both(
    `${width}×${height} px · ${about.faces.length} 张脸${few ? `，其中 ${few} 张过窄（需 ≥40 px）` : ""}`,
    `${about.faces.length} faces${few ? `, ${few} too narrow (≥40 px needed)` : ""}`,
  ));
}

/* ---- zones ---- */

function changed() {
  const now = JSON.stringify(drawing.zones);
  shown.dirty = now !== shown.zones;
  if (shown.dirty) sessionStorage.setItem(KEPT, now);
  by("finish").disabled = drawing.corners.length < 3;
  by("undo").disabled = drawing.corners.length === 0;
  const entries = KINDS.flatMap((kind) => drawing.zones[kind.name].map((polygon, index) => entry(kind, polygon, index)));
  if (entries.length === 0) {
    const none = document.createElement("li");
    none.append(both("尚未绘制", "none drawn yet"));
    entries.push(none);
  }
  by("zones").replaceChildren(...entries);
  if (shown.dirty) say("zones-said", "有未保存的更改", "not saved yet");
}

function entry(kind, polygon, index) {
  const item = document.createElement("li");
  item.dataset.kind = kind.name;
  const remove = document.createElement("button");
  remove.type = "button";
  remove.append(both("删除", "Delete"));
  remove.setAttribute("aria-label", `删除 ${kind.zh} ${index + 1} Delete ${kind.en} ${index + 1}`);
  remove.addEventListener("click", () => drawing.remove(kind.name, index));
  const swatch = document.createElement("i");
  swatch.className = `swatch ${kind.name}`;
  const name = document.createElement("span");
  name.append(both(`${kind.zh} ${index + 1}`, `${kind.en}, ${polygon.length} corners`));
  item.append(swatch, name, remove);
  return item;
}

function kinds() {
  const choices = KINDS.map((kind) => {
    const label = document.createElement("label");
    const choice = document.createElement("input");
    Object.assign(choice, { type: "radio", name: "kind", value: kind.name, checked: kind.name === drawing.kind });
    choice.addEventListener("change", () => drawing.choose(kind.name));
    const swatch = document.createElement("i");
    swatch.className = `swatch ${kind.name}`;
    label.append(choice, swatch, both(kind.zh, kind.en));
    return label;
  });
  by("kinds").replaceChildren(...choices);
}

async function save() {
  if (drawing.corners.length) return say("zones-said", `请先完成或撤销正在画的${kindOf(drawing.kind).zh}`, "finish or undo the polygon that you are drawing first", "bad");
  by("save").disabled = true;
  const sent = JSON.stringify(drawing.zones);
  try {
    await ask("/zones", drawing.zones);
    shown.zones = sent;
    shown.dirty = false;
    sessionStorage.removeItem(KEPT);
    say("zones-said", "服务器已保存，等待签名后的区域返回……", "saved; waiting for it to come back signed …");
  } catch (error) {
    say("zones-said", "未保存，所画内容仍在：", error.message, "bad");
    lost(error);
  } finally {
    by("save").disabled = false;
  }
}

function inForce(state) {
  if (!state.known) return;
  const zones = JSON.stringify(Object.fromEntries(KINDS.map((kind) => [kind.name, state.zones[kind.name]])));
  if (shown.first === undefined) {
    shown.first = true;
    shown.zones = zones;
    const kept = sessionStorage.getItem(KEPT);
    drawing.load(JSON.parse(kept ?? zones));
    changed();
    if (!shown.dirty) say("zones-said", "生效中", "in force", "good");
  } else if (!shown.dirty && zones === shown.zones) {
    say("zones-said", "已保存并生效", "saved and in force", "good");
  } else if (!shown.dirty && shown.version !== state.version) {
    shown.zones = zones;
    drawing.load(JSON.parse(zones));
    changed();
  }
  shown.version = state.version;
}

/* ---- distance, test, first person, lock ---- */

function walked(walk) {
  shown.walking = walk.on;
  by("walk").setAttribute("aria-pressed", String(walk.on));
  by("walk").replaceChildren(walk.on ? both("停止", "Stop") : both("开始", "Start"));
  by("walked").hidden = walk.frames === 0;
  const px = (value) => (value === null ? "—" : `${value} px`);
  by("smallest").textContent = px(walk.smallest_px);
  by("median").textContent = px(walk.median_px);
  by("largest").textContent = px(walk.largest_px);
  by("frames").textContent = `${walk.with_face} / ${walk.frames}`;
  if (walk.enough === true) say("walk-said", "直到最远处都 ≥40 px", "40 px or more up to the farthest place", "good");
  else if (walk.enough === false) say("walk-said", "最远处不足 40 px：请移近摄像头、换窄视角镜头或提高分辨率", "below 40 px at the farthest: move the camera nearer, take a narrower lens or a higher resolution", "bad");
  else if (walk.frames > 0) say("walk-said", "看到的脸还不够多", "too few faces seen to say");
}

function tested(test) {
  by("test").disabled = test.state === "waiting";
  if (test.state === "waiting") say("test-said", "已写入发件箱，等待服务器回执……", "in the outbox, waiting for the server's receipt …");
  if (test.state === "received") say("test-said", `服务器已收到（${(test.after_ms / 1000).toFixed(1)} 秒），并已撤回`, `received by the server in ${(test.after_ms / 1000).toFixed(1)} s and withdrawn`, "good");
  if (test.state === "failed") say("test-said", "未收到回执：", test.why, "bad");
}

async function follow() {
  while (shown.alive) {
    try {
      const state = await ask("/state");
      by("device").textContent = state.device;
      by("room").textContent = state.room;
      by("where").hidden = false;
      by("link").className = `tag ${state.connected ? "good" : "bad"}`;
      by("link").textContent = state.connected ? "已连接服务器 connected" : "未连接服务器 not connected";
      if (!state.known) by("no-picture").textContent = "等待服务器发来本诊室的区域，之后才有画面 · Waiting for the room's zones; no picture before";
      else if (state.camera) by("no-picture").textContent = `摄像头 Camera: ${state.camera}`;
      inForce(state);
      walked(state.walk);
      tested(state.test);
      by("enrol").hidden = state.photos === 0;
      by("drop").hidden = state.photos === 0;
    } catch (error) {
      return lost(error);
    }
    await new Promise((done) => { setTimeout(done, 700); });
  }
}

async function photograph() {
  by("photo").disabled = true;
  try {
    const answer = await fetch("/face");
    if (!answer.ok) throw new Refused(answer.status, await answer.json());
    await pixels(answer, by("face"));
    by("face").hidden = false;
    const file = await new Promise((done) => { by("face").toBlob(done, "image/png"); });
    const told = await fetch("/enrol/photo", { method: "POST", headers: { "Content-Type": "image/png" }, body: file });
    const judged = await told.json();
    if (!told.ok) throw new Refused(told.status, judged);
    say("photo-said", judged.zh, judged.en, judged.good ? "good" : "bad");
  } catch (error) {
    say("photo-said", "未拍到：", error.message, "bad");
    lost(error);
  } finally {
    by("photo").disabled = false;
  }
}

async function sha256(file) {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer()));
  return [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

async function enrol(event) {
  event.preventDefault();
  const form = event.target;
  const text = (name) => form.elements[name].value.trim();
  const state = await ask("/state").catch(() => ({}));
  const consent = {
    text_version: text("text_version"), text_sha256: await sha256(form.elements.text.files[0]),
    purposes: ["recognition", "server_storage"].concat(form.elements.keep_photo.checked ? ["keep_photo"] : []),
    scope: state.institution ?? "", signature: text("signature"), signed_at: new Date().toISOString(),
  };
  if (text("guardian")) consent.guardian = text("guardian");
  try {
    const made = await ask("/enrol", { person: text("person"), consent });
    const like = made.duplicates.length ? `；与 ${made.duplicates.join("、")} 相似` : "";
    say("enrol-said", `已提交 ${made.id}，等待主管部门确认${like}`, "proposed; a supervisor must confirm it", "good");
    form.reset();
    by("face").hidden = true;
    say("photo-said", "", "");
  } catch (error) {
    say("enrol-said", "未提交：", error.message, "bad");
    lost(error);
  }
}

async function lock() {
  by("lock").disabled = true;
  if (shown.dirty || drawing.corners.length) {
    by("lock").disabled = false;
    return say("lock-said", "请先保存所画的区域", "save the zones that you drew first", "bad");
  }
  try {
    await ask("/lock", {});
    ended("已锁定", "Locked", "安装调试已结束，画面不再可见。请启动设备程序；需要再次调试时由主管部门在设备页面解锁。", "Commissioning is over and nobody sees the picture any more. Start the agent; a supervisor unlocks this box on the server's page of devices.");
  } catch (error) {
    by("lock").disabled = false;
    say("lock-said", "未锁定：", error.message, "bad");
    lost(error);
  }
}

/* ---- coming in ---- */

async function come(event) {
  event.preventDefault();
  try {
    await ask("/code", { code: by("code").value });
    by("code").value = "";
    begin();
  } catch (error) {
    if (error.status === 401) say("login-said", `代码不对，还可以试 ${error.left} 次`, error.message, "bad");
    else if (error instanceof Refused) ended("页面已结束", "The page has ended", "请在设备上重新运行 zaigang-agent commission:", error.message);
    else say("login-said", "设备没有应答", "the box does not answer", "bad");
  }
}

function begin() {
  shown.alive = true;
  only("work");
  drawing.paint();
  look();
  follow();
}

kinds();
by("code-form").addEventListener("submit", come);
by("finish").addEventListener("click", () => drawing.finish());
by("undo").addEventListener("click", () => drawing.undo());
by("save").addEventListener("click", save);
by("walk").addEventListener("click", () => ask("/walk", { on: !shown.walking }).then(() => ask("/state")).then((state) => walked(state.walk)).catch(lost));
by("test").addEventListener("click", () => ask("/test", {}).catch((error) => { say("test-said", "未发送：", error.message, "bad"); lost(error); }));
by("photo").addEventListener("click", photograph);
by("drop").addEventListener("click", () => ask("/enrol/drop", {}).then(() => { by("face").hidden = true; say("photo-said", "", ""); }).catch(lost));
by("enrol").addEventListener("submit", enrol);
by("sure").addEventListener("change", () => { by("lock").disabled = !by("sure").checked; });
by("lock").addEventListener("click", lock);
ask("/state").then(begin, () => only("login"));
