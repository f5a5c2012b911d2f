// Follows the server's event stream and shows what is new without a reload. Resumes by the last number it saw.
// Sends nothing by itself; without this script every page still works.
"use strict";

const toast = document.getElementById("toast");
const baseTitle = document.title;
let unseen = 0;
let refreshing = null;

function say(text, href) {
  toast.replaceChildren();
  if (href) {
    const link = document.createElement("a");
    link.href = href;
    link.textContent = text;
    toast.append(link);
  } else {
    toast.textContent = text;
  }
  toast.hidden = false;
  clearTimeout(say.timer);
  say.timer = setTimeout(() => { toast.hidden = true; }, 8000);
}

// One short tone for an urgent lead, where the reader's browser allows sound.
function tone() {
  try {
    const audio = new AudioContext();
    const sound = audio.createOscillator();
    const volume = audio.createGain();
    volume.gain.value = 0.08;
    sound.frequency.value = 880;
    sound.connect(volume).connect(audio.destination);
    sound.start();
    sound.stop(audio.currentTime + 0.18);
  } catch { /* no sound here */ }
}

function writing() {
  const at = document.activeElement;
  const typed = [...document.querySelectorAll("[data-keep] input:not([type=hidden], [type=checkbox], [type=radio]), [data-keep] textarea")].some((i) => i.value);
  return typed || (at && ["INPUT", "TEXTAREA", "SELECT"].includes(at.tagName) && at.type !== "checkbox");
}

// Fetches this very page and puts the live part in place; what somebody is writing is left alone.
function refresh() {
  const here = document.getElementById("live");
  if (!here || writing() || refreshing) return;
  refreshing = setTimeout(async () => {
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" } });
      if (!answer.ok) return;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const next = page.getElementById("live");
      const known = new Set([...here.querySelectorAll(".inbox a")].map((a) => a.href));
      if (!next || writing()) return;
      const ticks = new Set(picked().map((box) => box.value));
      document.getElementById("live").replaceWith(next);
      for (const box of document.querySelectorAll(".pick input")) box.checked = ticks.has(box.value);
      tally();
      const nav = page.querySelector(".top nav");
      if (nav) document.querySelector(".top nav").replaceWith(nav);
      for (const link of next.querySelectorAll(".inbox a")) {
        if (!known.has(link.href)) link.parentElement.classList.add("fresh");
      }
    } finally {
      refreshing = null;
    }
  }, 150);
}

function picked() {
  return [...document.querySelectorAll(".pick input:checked")];
}

// How many leads are ticked; the first one opens the form for all of them.
function tally() {
  const count = document.getElementById("ticked");
  if (!count) return;
  const n = picked().length;
  count.textContent = n ? `(${n})` : "";
  if (n) count.closest("details").open = true;
}

function follow() {
  const feed = document.body.dataset.feed;
  const source = new EventSource(`/events${feed ? `?after=${encodeURIComponent(feed)}` : ""}`);
  source.addEventListener("alert", (event) => {
    const data = JSON.parse(event.data);
    refresh();
    if (!data.finding || data.step !== "opened") return;
    if (document.hidden) {
      unseen += 1;
      document.title = `(${unseen}) ${baseTitle}`;
    }
    const zh = document.documentElement.lang.startsWith("zh");
    say(`${zh ? "新线索" : "New lead"} #${data.number} · ${data.severity} · ${data.rule}`, `/alerts/${encodeURIComponent(data.alert)}`);
    if (data.severity === "L3") tone();
  });
  for (const name of ["device", "session", "enrolment"]) source.addEventListener(name, refresh);
  const dot = document.getElementById("link");
  source.onopen = () => dot.classList.replace("bad", "ok");
  source.onerror = () => dot.classList.replace("ok", "bad");
}

// j and k walk the inbox, Enter opens, x ticks, u goes back, / reaches the filter, ? opens the guide.
function keys(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || (/INPUT|TEXTAREA|SELECT/.test(event.target.tagName) && event.target.type !== "checkbox")) return;
  const rows = [...document.querySelectorAll(".inbox li")];
  const at = rows.findIndex((row) => row.classList.contains("at"));
  if (event.key === "j" || event.key === "k") {
    const next = rows[Math.max(0, Math.min(rows.length - 1, at + (event.key === "j" ? 1 : -1)))];
    if (!next) return;
    rows[at]?.classList.remove("at");
    next.classList.add("at");
    next.querySelector("a").focus();
  } else if (event.key === "u" && location.pathname.startsWith("/alerts/")) {
    location.href = "/";
  } else if (event.key === "x" && at >= 0) {
    const box = rows[at].querySelector(".pick input");
    if (box) box.checked = !box.checked;
    tally();
  } else if (event.key === "?") {
    document.querySelector("a.help")?.click();
  } else if (event.key === "/") {
    document.querySelector(".filters select")?.focus();
    event.preventDefault();
  }
}

document.addEventListener("keydown", keys);
document.addEventListener("change", (event) => { if (event.target.closest(".pick")) tally(); });
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  unseen = 0;
  document.title = baseTitle;
});
follow();
