// The demonstration's page: comes in by the code, shows what the box sees with its verdicts, takes three pictures, and guides
// through the acts. It keeps nothing: the last picture goes with the page.

import { Refused, ask, only } from "./ask.js";
import { pixels } from "./pixels.js";
import { SOURCE, STATUS, actOf, both, element, kindOf, promised, toDo } from "./words.js";

const by = (id) => document.getElementById(id);
const shown = { number: 0, alive: false, faces: [], thresholds: null, state: null, enrolling: false, inbox: "" };

function say(id, zh, en, mood = "") {
  by(id).className = `said ${mood}`;
  by(id).replaceChildren(both(zh, en));
}

/** The programs are gone, or do not know this browser any more: nothing of the picture stays. */
function lost(error) {
  if (!shown.alive || (error instanceof Refused && error.status !== 401)) return;
  shown.alive = false;
  for (const id of ["picture", "boxes", "face"]) Object.assign(by(id), { width: 1, height: 1 });
  by("where").hidden = true;
  by("over-text").replaceChildren(both("画面与模板均已删除。再看一次请重新运行 ./scripts/demo --camera。", "Pictures and templates are gone. Run ./scripts/demo --camera again to see it once more."));
  only("over");
}

/** How often in a row nobody may answer, half a second apart, before the programs count as gone: one answer alone is
 * cut where a connection is renewed. */
const PATIENCE = 6;

const pause = (ms) => new Promise((done) => { setTimeout(done, ms); });

/* ---- the picture, its faces and what it cost ---- */

async function look() {
  let missed = 0;
  while (shown.alive) {
    try {
      const answer = await fetch(`/view?after=${shown.number}`);
      if (answer.status === 401) throw new Refused(401, {});
      if (answer.status === 200) show(await pixels(answer, by("picture")));
      missed = 0;
    } catch (error) {
      missed += 1;
      if (error instanceof Refused || missed >= PATIENCE) return lost(error);
      await pause(400);
    }
    await pause(100);
  }
}

function show(sight) {
  Object.assign(shown, { number: sight.number, faces: sight.faces, thresholds: sight.thresholds });
  by("no-picture").textContent = {
    covered: "镜头被遮挡 · The lens is covered", frozen: "画面静止 · The picture is frozen", absent: "摄像头没有画面 · The camera gives no picture",
  }[sight.camera] ?? "";
  paint();
  by("faces").replaceChildren(...(sight.faces.length ? sight.faces.map(line) : [element("li", "", both("画面中没有人脸", "no face in view"))]));
  const ms = (us) => (us === 0 ? "—" : `${(us / 1000).toFixed(us < 10_000 ? 2 : 0)} ms`);
  const { costs } = sight;
  by("detect").textContent = ms(costs.detect_us);
  by("embed").textContent = ms(costs.embed_us);
  by("match").textContent = costs.match_us === 0 && costs.embed_us === 0 ? "—" : costs.match_us === 0 ? "<0.01 ms" : ms(costs.match_us);
  by("liveness").textContent = ms(costs.liveness_us);
  by("frames").textContent = `${(costs.frames_per_1000_s / 1000).toFixed(1)} /s`;
  by("rate").textContent = `${(costs.faces_per_1000_s / 1000).toFixed(1)} /s`;
  by("cpu").textContent = `${Math.round(costs.cpu_ppm / 10_000 / costs.cores)} % · ${costs.cores} 核 cores`;
}

/** Who it is, in words: you, a colleague, or a verdict. */
function named(face) {
  if (face.person === null) return null;
  return face.person === shown.state?.you ? ["您", "you"] : ["同事", face.person];
}

function line(face) {
  const status = STATUS[face.status];
  const item = element("li", `face-line ${face.status}`);
  item.append(element("b", "chip", both(status.zh, status.en)));
  const who = named(face);
  if (who) item.append(element("span", "who", both(...who)));
  if (face.score_ppm === null) item.append(element("span", "score", both("尚未比对", "not compared yet")));
  else item.append(score(face));
  const more = [`${face.px} px`];
  if (face.masked) more.push("口罩 mask");
  const life = { live: "活体 live", spoof: "非活体 spoof", unsure: "活体待定 unsure", not_assessed: "未做活体 no liveness" }[face.liveness];
  item.append(element("span", "more", [...more, life].join(" · ")));
  return item;
}

/** The score on a scale with both thresholds. */
function score(face) {
  const t = shown.thresholds;
  const [match, reject] = face.masked ? [t.masked_t_match_ppm, t.masked_t_reject_ppm] : [t.t_match_ppm, t.t_reject_ppm];
  const meter = element("meter", "");
  Object.assign(meter, { min: 0, max: 1_000_000, low: reject, high: match, optimum: 1_000_000, value: Math.max(0, face.score_ppm) });
  const text = `${(face.score_ppm / 1e6).toFixed(2)} ${face.score_ppm >= match ? "≥" : "<"} ${(match / 1e6).toFixed(2)}`;
  meter.setAttribute("aria-label", `相似度 score ${text}`);
  return element("span", "score", meter, element("span", "number", text));
}

function paint() {
  const canvas = by("boxes");
  const box = canvas.getBoundingClientRect();
  const scale = window.devicePixelRatio || 1;
  const [width, height] = [Math.round(box.width * scale), Math.round(box.height * scale)];
  if (width === 0 || height === 0) return;
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
  const pen = canvas.getContext("2d");
  pen.clearRect(0, 0, width, height);
  pen.font = `600 ${(box.width < 500 ? 11 : 14) * scale}px system-ui, sans-serif`;
  for (const face of shown.faces) {
    const status = STATUS[face.status];
    const [x, y, w, h] = [(face.x * width) / 1000, (face.y * height) / 1000, (face.w * width) / 1000, (face.h * height) / 1000];
    for (const [colour, wide] of [["rgba(0, 0, 0, 0.6)", 5], [status.colour, 2.5]]) {
      Object.assign(pen, { strokeStyle: colour, lineWidth: wide * scale });
      pen.strokeRect(x, y, w, h);
    }
    const who = named(face);
    const text = who ? `${who[0]} ${who[1]} · ${status.en}` : `${status.zh} ${status.en}`;
    const wide = pen.measureText(text).width + 10 * scale;
    const left = Math.max(0, Math.min(x, width - wide));
    const base = Math.min(y + h + 20 * scale, height - 5 * scale);
    pen.fillStyle = "rgba(0, 0, 0, 0.75)";
    pen.fillRect(left, base - 16 * scale, wide, 21 * scale);
    pen.fillStyle = status.colour;
    pen.fillText(text, left + 5 * scale, base);
  }
}

/* ---- enrolment ---- */

/** Takes picture after picture until three are good, saying what is wrong with each that is not. */
async function enrol() {
  shown.enrolling = true;
  by("enrol").disabled = true;
  try {
    let { photos, photos_needed: needed } = await ask("/state");
    for (let tries = 0; photos < needed && tries < 40; tries += 1) {
      say("enrol-said", "请看镜头……", "look into the camera …");
      const judged = await photograph();
      photos = judged.photos;
      by("count").textContent = `${photos} / ${needed}`;
      say("enrol-said", judged.zh, judged.en, judged.good ? "good" : "bad");
      // Time to move a little, or to read the hint.
      await pause(judged.good ? 900 : 1600);
    }
    if (photos < needed) return say("enrol-said", "没有拍到三张合格的照片，请按提示再试", "no three good pictures; try again as the hints say", "bad");
    say("enrol-said", "正在登记……", "enrolling …");
    await ask("/enrol", { agreed: by("agreed").checked });
    by("face").hidden = true;
  } catch (error) {
    say("enrol-said", "未登记：", error.message, "bad");
    lost(error);
  } finally {
    shown.enrolling = false;
    by("enrol").disabled = !by("agreed").checked;
  }
}

async function photograph() {
  const answer = await fetch("/photo", { method: "POST", headers: { "Content-Type": "application/json" }, body: "{}" });
  if (!answer.ok) throw new Refused(answer.status, await answer.json());
  if (!answer.headers.has("x-picture")) return answer.json();
  const judged = await pixels(answer, by("face"));
  by("face").hidden = false;
  return judged;
}

/* ---- acts and inbox ---- */

/** A button for each act that can be played with what there is to see with. */
function acts(state) {
  if (by("acts").children.length) return;
  by("acts").replaceChildren(...state.acts.map(({ name }) => {
    const act = actOf(name);
    const button = element("button", "", both(act.zh, act.en));
    Object.assign(button, { type: "button", disabled: true, id: `act-${name}` });
    button.addEventListener("click", () => begin(name));
    return button;
  }));
  by("recorded").hidden = state.footing !== "recorded";
}

async function begin(name) {
  for (const button of by("acts").children) button.disabled = true;
  try {
    await ask("/act", { act: name });
    tell(await ask("/state"));
    by("round").scrollIntoView({ block: "nearest", behavior: "smooth" });
  } catch (error) {
    by("round").hidden = false;
    say("round-verdict", "未开始：", error.message, "bad");
    lost(error);
  }
}

function round(state) {
  const now = state.round;
  by("round").hidden = !now;
  if (!now) return;
  const act = actOf(now.act);
  by("round-title").replaceChildren(both(act.zh, act.en));
  const { promise } = state.acts.find(({ name }) => name === now.act);
  by("round-do").replaceChildren(both(...toDo(now.act, state.footing)), element("br", ""), both(...["应见：", "Expected: "].map((word, at) => word + promised(promise)[at])));
  const stages = {
    get_ready: [`准备：${now.left_s} 秒后开始`, `get ready: begins in ${now.left_s} s`],
    session: [`诊疗进行中：还有 ${now.left_s} 秒`, `the session is on: ${now.left_s} s left`],
    verdict: ["诊疗结束，正在判定……", "the session is over; the rules decide …"],
    over: ["本场结束", "over"],
  };
  by("round-stage").replaceChildren(both(...stages[now.stage]));
  by("seen").replaceChildren(...now.seen.map((name) => element("li", `chip ${name}`, both(STATUS[name].zh, STATUS[name].en))));
  verdict(now);
}

/** What was raised, and whether it is what was expected. */
function verdict(now) {
  by("round-verdict").dataset.asPromised = String(now.as_promised);
  const raised = now.alerts.length > 0;
  const [zh, en] = raised ? ["已产生线索，见收件箱", "raised: see the inbox"] : ["没有产生线索", "nothing was raised"];
  if (now.stage !== "over") return raised ? say("round-verdict", zh, en) : say("round-verdict", "", "");
  if (now.as_promised === null) return say("round-verdict", zh, en);
  if (now.as_promised) return say("round-verdict", `${zh}。与预期一致`, `${en}, as expected`, "good");
  return say("round-verdict", `${zh}。与预期不同：动作须在准备时间内做好，可再试一次`, `${en}: not as expected. The act has to be on when the session begins; try it again`, "bad");
}

function inbox(state) {
  const text = JSON.stringify(state.inbox);
  if (text === shown.inbox) return;
  shown.inbox = text;
  const entries = state.inbox.map((alert) => {
    const findings = alert.findings.map((finding) => element("div", "finding",
      element("p", "kind", element("b", `severity ${finding.severity}`, finding.severity), ` ${kindOf(finding)} `, element("span", "rule", finding.rule)),
      element("p", "", finding.zh), element("p", "english", finding.en)));
    for (const p of findings.flatMap((finding) => [...finding.querySelectorAll(".english")])) p.lang = "en";
    const link = element("a", "", both("在监管端打开", "open"));
    Object.assign(link, { href: `${state.server}/alerts/${encodeURIComponent(alert.id)}`, target: "_blank", rel: "noopener" });
    return element("li", "", ...findings, link);
  });
  by("inbox").replaceChildren(...(entries.length ? entries : [element("li", "none", both("还没有线索", "nothing yet"))]));
}

function tell(state) {
  shown.state = state;
  by("where").hidden = false;
  by("source").replaceChildren(both(...SOURCE[state.source]));
  by("pack").className = `tag ${state.pack === "real" || state.source === "demo:crowd" ? "" : "bad"}`;
  by("pack").replaceChildren(state.pack === "real" ? both("正式模型包", "real pack") : both("手绘模型包：只认手绘的脸", "avatar pack: knows drawn faces only"));
  by("inbox-link").href = `${state.server}/alerts`;
  acts(state);
  const playing = state.phase === "play";
  by("enrol-work").hidden = playing;
  if (playing && !shown.enrolling && by("enrol-said").dataset.done !== "1") {
    by("enrol-said").dataset.done = "1";
    say("enrol-said", "已登记并确认：您是主诊医师。照片已丢弃，只留模板。", "enrolled and confirmed: you are the lead. The pictures are gone; templates alone remain.", "good");
  }
  for (const button of by("acts").children) button.disabled = !(playing && state.free);
  if (!state.looking && shown.number === 0) by("no-picture").textContent = "等待画面…… · Waiting for the picture …";
  else if (!state.looking) by("no-picture").textContent = "摄像头没有画面 · The camera gives no picture";
  round(state);
  inbox(state);
  if (by("changed-times").children.length === 0) {
    by("changed-times").replaceChildren(...state.changed_times.map((setting) => element("tr", "",
      element("td", "", element("code", "", setting.name)), element("td", "", seconds(setting.value_ms)), element("td", "", seconds(setting.default_ms)))));
  }
}

const seconds = (ms) => `${ms / 1000} s`;

async function follow() {
  let missed = 0;
  while (shown.alive) {
    try {
      tell(await ask("/state"));
      missed = 0;
    } catch (error) {
      missed += 1;
      if (error instanceof Refused || missed >= PATIENCE) return lost(error);
    }
    await pause(500);
  }
}

/* ---- coming in ---- */

async function come(code) {
  try {
    await ask("/code", { code });
    by("code").value = "";
    begun();
  } catch (error) {
    only("login");
    if (error.status === 401) say("login-said", `代码不对，还可以试 ${error.left} 次`, error.message, "bad");
    else if (error instanceof Refused) say("login-said", "代码已失效，请重新运行演示：", error.message, "bad");
    else say("login-said", "演示程序没有应答", "the demonstration does not answer", "bad");
  }
}

function begun() {
  shown.alive = true;
  only("work");
  look();
  follow();
}

/** The terminal may have put the code into the address; it is used at once and taken out of it. */
function start() {
  const code = location.hash.slice(1);
  history.replaceState(null, "", "/");
  if (/^\d{8}$/.test(code)) return come(code);
  return ask("/state").then(begun, () => only("login"));
}

by("code-form").addEventListener("submit", (event) => { event.preventDefault(); come(by("code").value); });
by("agreed").addEventListener("change", () => { by("enrol").disabled = !by("agreed").checked || shown.enrolling; });
by("enrol").addEventListener("click", enrol);
new ResizeObserver(paint).observe(by("boxes"));
start();
