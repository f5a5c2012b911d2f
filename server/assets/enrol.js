// The camera on the enrolment page with live feedback on quality, and a signature drawn by hand. Pictures go to the quality
// check, which keeps nothing, and into the form; without this script files and a typed signature do as well.
"use strict";

const zh = document.documentElement.lang.startsWith("zh");
const video = document.getElementById("video");
const said = document.getElementById("said");
const shots = document.getElementById("shots");
const files = document.querySelector("input[name=photo]");
const taken = new DataTransfer();
const MOST = 8;
let stream = null;

function frame() {
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  return new Promise((done) => { canvas.toBlob((blob) => done({ canvas, blob }), "image/jpeg", 0.92); });
}

async function judged(blob) {
  const answer = await fetch("/api/v1/enrolments/quality", { method: "POST", headers: { "content-type": "image/jpeg" }, body: blob });
  if (!answer.headers.get("content-type")?.includes("json")) return { accepted: false, text: byProxy(answer.status) };
  const body = await answer.json();
  if (!answer.ok) return { accepted: false, text: body.detail };
  const reasons = body.reasons.map((r) => (zh ? r.zh : r.en)).join(zh ? ";" : "; ");
  const good = zh ? "画质合格,可以拍摄" : "good: take it";
  return { accepted: body.accepted, text: body.accepted ? `${good} (${Math.round((body.quality_ppm ?? 0) / 10000)} %)` : reasons };
}

// The answer is a proxy's page and none of the server's.
function byProxy(status) {
  if (status === 413) return zh ? "照片超出代理服务器的大小限制(413):请管理员调大 client_max_body_size" : "the proxy refuses a file of this size (413): ask the administrator to raise client_max_body_size";
  return zh ? `服务器未应答,代理返回 ${status}` : `the server did not answer; the proxy says ${status}`;
}

// Sends the form and stays on this page where a proxy refuses it, so that nothing typed is lost.
async function send(event) {
  event.preventDefault();
  const form = event.target;
  form.querySelector("button.primary").disabled = true;
  try {
    const answer = await fetch(form.action, { method: "POST", body: new FormData(form) });
    const text = await answer.text();
    if (answer.redirected) {
      location.href = answer.url;
    } else if (text.includes("data-feed=")) {
      // Our own page again, with its fault: what was typed and chosen stays as it is here.
      const page = new DOMParser().parseFromString(text, "text/html");
      fail(page.querySelector("main .notice.bad, main [role=alert]")?.textContent ?? byProxy(answer.status));
    } else {
      fail(byProxy(answer.status));
    }
  } catch {
    fail(zh ? "连接中断,未提交:请重试" : "the connection broke, nothing was sent: try again");
  } finally {
    form.querySelector("button.primary").disabled = false;
  }
}

function fail(text) {
  const line = document.getElementById("unsent") ?? document.createElement("p");
  line.id = "unsent";
  line.className = "notice bad";
  line.setAttribute("role", "alert");
  line.textContent = text;
  document.querySelector("form[data-enrol]").before(line);
  line.scrollIntoView();
}

function show(verdict) {
  said.textContent = verdict.text;
  said.className = verdict.accepted ? "notice good" : "notice bad";
  said.dataset.accepted = String(verdict.accepted);
}

// One look after the other: a slow server is never asked twice at once.
async function watch() {
  while (stream) {
    if (video.videoWidth) {
      try {
        const { blob } = await frame();
        if (stream) show(await judged(blob));
      } catch {
        show({ accepted: false, text: zh ? "画质检查暂不可用" : "the quality check does not answer" });
      }
    }
    await new Promise((done) => { setTimeout(done, 600); });
  }
}

async function open() {
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { width: { ideal: 1280 }, height: { ideal: 720 }, facingMode: "user" } });
  } catch {
    show({ accepted: false, text: zh ? "无法打开摄像头:请允许使用,或改为上传照片" : "no camera: allow it, or upload photographs" });
    return;
  }
  video.srcObject = stream;
  video.parentElement.hidden = false;
  await video.play();
  watch();
}

function close() {
  for (const track of stream?.getTracks() ?? []) track.stop();
  stream = null;
}

async function take() {
  const { canvas, blob } = await frame();
  const verdict = await judged(blob);
  show(verdict);
  if (!verdict.accepted || taken.files.length >= MOST) return;
  taken.items.add(new File([blob], `camera-${taken.files.length + 1}.jpg`, { type: "image/jpeg" }));
  files.files = taken.files;
  const small = document.createElement("canvas");
  small.width = 120;
  small.height = Math.round((120 * canvas.height) / canvas.width);
  small.getContext("2d").drawImage(canvas, 0, 0, small.width, small.height);
  shots.append(small);
}

// What is drawn becomes the signature; a line that is too short is none.
function signature() {
  const pad = document.getElementById("pad");
  const field = document.querySelector("input[name=signature]");
  const pen = pad.getContext("2d");
  let drawing = false;
  let length = 0;
  const at = (event) => {
    const box = pad.getBoundingClientRect();
    return [((event.clientX - box.left) * pad.width) / box.width, ((event.clientY - box.top) * pad.height) / box.height];
  };
  pen.lineWidth = 3;
  pen.lineCap = "round";
  pen.strokeStyle = "#111";
  pad.addEventListener("pointerdown", (event) => {
    drawing = true;
    pad.setPointerCapture(event.pointerId);
    pen.beginPath();
    pen.moveTo(...at(event));
  });
  pad.addEventListener("pointermove", (event) => {
    if (!drawing) return;
    pen.lineTo(...at(event));
    pen.stroke();
    length += 1;
  });
  pad.addEventListener("pointerup", () => {
    drawing = false;
    if (length > 4) field.value = pad.toDataURL("image/png");
    shown();
  });
  document.getElementById("unsign").addEventListener("click", () => {
    pen.clearRect(0, 0, pad.width, pad.height);
    length = 0;
    field.value = "";
    shown();
  });
  // A form that came back brings the drawing back too; a picture is never read as text.
  const shown = () => field.closest("label").classList.toggle("drawn", field.value.startsWith("data:image/png"));
  if (field.value.startsWith("data:image/png")) {
    const earlier = new Image();
    earlier.onload = () => pen.drawImage(earlier, 0, 0);
    earlier.src = field.value;
  }
  shown();
}

document.getElementById("open").addEventListener("click", open);
document.getElementById("take").addEventListener("click", take);
document.querySelector("form[data-enrol]").addEventListener("submit", close);
document.querySelector("form[data-enrol]").addEventListener("submit", send);
document.querySelector("[data-script]").hidden = false;
document.getElementById("padbox").hidden = false;
signature();
