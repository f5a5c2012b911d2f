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
  if (!answer.headers.get("content-type")?.includes("json")) return { accepted: false, text: proxySaid(answer.status) };
  const body = await answer.json();
  if (!answer.ok) return { accepted: false, text: body.detail };
  const reasons = body.reasons.map((r) => (zh ? r.zh : r.en)).join(zh ? ";" : "; ");
  const good = zh ? "画质合格，可以拍摄" : "good: take it";
  return { accepted: body.accepted, text: body.accepted ? `${good} (${Math.round((body.quality_ppm ?? 0) / 10000)} %)` : reasons };
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
    show({ accepted: false, text: zh ? "无法打开摄像头：请允许使用，或改为上传照片" : "no camera: allow it, or upload photographs" });
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
document.querySelector("[data-script]").hidden = false;
document.getElementById("padbox").hidden = false;
signature();
