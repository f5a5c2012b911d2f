// Follows the server's event stream and shows what is new without a reload. Resumes by the last number it saw; says so where
// the stream is dead, and has live.js bring the page up to date once it lives again. Without this script every page still works.
"use strict";

const toast = document.getElementById("toast");
const baseTitle = document.title;
let unseen = 0;

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

// An answer to a form stands at an address that shows nothing by itself: the list's own takes its place.
const own = document.getElementById("live")?.dataset.here;
if (own && location.pathname !== new URL(own, location.href).pathname) history.replaceState(null, "", own);

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

// ---- The live stream: one for all tabs of a browser. The tab that holds the lock reads it and tells the others; when it is
// closed, the next one goes on from the last event that it heard of.

const chinese = document.documentElement.lang.startsWith("zh");
// The server beats every 10 s.
const QUIET_MS = 25000;
const TRY_AGAIN_MS = 3000;
const channel = "BroadcastChannel" in window ? new BroadcastChannel("zaigang-feed") : null;
let lastId = document.body.dataset.feed;
let lastEventAt = 0;
let heardAt = performance.now();
let lost = false;
const shownAt = new Date();

function time(date) {
  return date.toLocaleTimeString(chinese ? "zh-CN" : "en-GB", { hour12: false, timeZone: "Asia/Shanghai" });
}

// The light is green where this page hears the server and the server hears its broker.
function light(heard) {
  const dot = document.getElementById("link");
  if (!dot) return;
  const good = heard && dot.dataset.broker === "ok";
  dot.classList.toggle("ok", good);
  dot.classList.toggle("bad", !good);
  const server = chinese ? "与服务器的连接已断开" : "not connected to the server";
  const broker = chinese ? "消息通道中断" : "broker not connected";
  dot.title = good ? (chinese ? "消息通道正常" : "broker connected") : heard ? broker : server;
}

// Old figures never pass for new ones: the page says since when it stands still.
function lose(ended) {
  light(false);
  const bar = document.getElementById("lost");
  if (!bar || (lost && !ended)) return;
  lost = true;
  document.body.classList.add("stale");
  const since = time(new Date(Math.max(shownAt.getTime(), lose.fresh ?? 0)));
  bar.textContent = ended
    ? (chinese ? `登录已结束，画面停留在 ${since}；请重新登录` : `The login has ended; this is how it stood at ${since}. Log in again`)
    : (chinese ? `连接已断开，画面停留在 ${since}；正在重新连接…` : `Disconnected; this is how it stood at ${since}. Connecting again…`);
  bar.hidden = false;
  if (!ended) return;
  const again = document.createElement("a");
  again.href = location.pathname + location.search;
  again.textContent = chinese ? "重新登录" : "Log in";
  bar.append(" ", again);
}

function heard() {
  heardAt = performance.now();
  light(true);
  if (!lost) return;
  lost = false;
  // What came meanwhile may be more than the stream tells. It is fetched beside what stands: a whole new page could be a
  // proxy's own, and that never comes back by itself.
  document.body.classList.remove("stale");
  document.getElementById("lost").hidden = true;
  refresh();
}

// Which clinic and what matter: the stream itself holds ids alone.
async function tell(data) {
  const path = `/alerts/${encodeURIComponent(data.alert)}`;
  const begin = `${chinese ? "新线索" : "New lead"} #${data.number}`;
  const answer = await fetch(`${path}/line`).catch(() => null);
  const line = answer?.ok ? await answer.json().catch(() => null) : null;
  say(line ? `${begin} · ${line.level} · ${line.place} · ${line.matter}` : `${begin} · ${data.severity} · ${data.rule}`, path);
}

function news(name, id, text) {
  lastId = id || lastId;
  lastEventAt = Date.now();
  const data = text ? JSON.parse(text) : {};
  refresh();
  if (name !== "alert" || !data.finding || data.step !== "opened" || data.news === false) return;
  if (document.hidden) {
    unseen += 1;
    document.title = `(${unseen}) ${baseTitle}`;
  }
  tell(data);
  if (data.severity === "L3") tone();
}

// Of the lines of an event stream (HTML, 9.2) those that our server writes.
async function read(answer) {
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  let event = {};
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    heard();
    channel?.postMessage({ beat: true });
    rest += value;
    const lines = rest.split("\n");
    rest = lines.pop();
    for (const line of lines) {
      const [, field, text] = line.match(/^(id|event|data): ?(.*)$/) ?? [];
      if (field) {
        event[field] = text;
      } else if (line === "" && event.data !== undefined) {
        channel?.postMessage({ event });
        news(event.event, event.id, event.data);
        event = {};
      } else if (line === "") {
        event = {};
      }
    }
  }
}

async function lead() {
  for (;;) {
    const stop = new AbortController();
    // A stream that is silent is dead, whatever the connection says.
    const watch = setInterval(() => { if (performance.now() - heardAt > QUIET_MS) stop.abort(); }, 5000);
    try {
      heardAt = performance.now();
      const answer = await fetch("/events", { headers: { accept: "text/event-stream", "last-event-id": lastId }, cache: "no-store", signal: stop.signal });
      if (answer.redirected || answer.status === 401 || answer.status === 403) {
        channel?.postMessage({ ended: true });
        lose(true);
      } else if (answer.ok && answer.headers.get("content-type")?.startsWith("text/event-stream")) {
        await read(answer);
      } else {
        channel?.postMessage({ lost: true });
        lose(false);
      }
    } catch {
      channel?.postMessage({ lost: true });
      lose(false);
    } finally {
      clearInterval(watch);
    }
    await new Promise((done) => { setTimeout(done, TRY_AGAIN_MS); });
  }
}

// Whoever is given no stream asks whether the server lives and hears its broker.
const ASK_MS = 10000;
async function ask() {
  const dot = document.getElementById("link");
  if (!dot) return;
  try {
    const answer = await fetch("/readyz", { cache: "no-store", signal: AbortSignal.timeout(ASK_MS) });
    const text = await answer.text();
    // Any other answer is a proxy's.
    if (!/^(ready|no connection|the database)/.test(text)) return void lose(false);
    dot.dataset.broker = answer.ok ? "ok" : "bad";
    heard();
  } catch {
    lose(false);
  }
}

function follow() {
  if (!lastId) {
    ask();
    setInterval(ask, ASK_MS);
    return;
  }
  channel?.addEventListener("message", ({ data }) => {
    if (data.hello) channel.postMessage({ beat: true, lastEventAt });
    if (data.beat) {
      // What happened after this page was made and before it listened.
      if (data.lastEventAt > performance.timeOrigin) refresh();
      heard();
    }
    if (data.event) news(data.event.event, data.event.id, data.event.data);
    if (data.lost) lose(false);
    if (data.ended) lose(true);
  });
  channel?.postMessage({ hello: true });
  setInterval(() => { if (performance.now() - heardAt > 2 * QUIET_MS) lose(false); }, 5000);
  // Whoever looks at the wall sees by its time that it lives.
  if (document.body.classList.contains("wall")) setInterval(refresh, 60000);
  if (channel && navigator.locks) navigator.locks.request("zaigang-feed", lead);
  else lead();
}

// A list too long to be looked through is found by a search: of the typed name or id the server gives what fits. Where
// several may be named, the last of them is looked for.
function searchList(event) {
  const field = event.target;
  if (!field.matches?.("input[data-search]") || !field.value) return;
  clearTimeout(searchList.timer);
  searchList.timer = setTimeout(async () => {
    const noun = field.dataset.search;
    const [, before, typed] = "several" in field.dataset ? /^(.*[,，、;；\s])?([^,，、;；\s]*)$/.exec(field.value) : [null, "", field.value];
    if (!typed) return;
    const answer = await fetch(`/api/v1/${noun}?limit=50&q=${encodeURIComponent(typed)}`).catch(() => null);
    if (!answer?.ok) return;
    const found = (await answer.json())[noun];
    const option = (one) => new Option(`${one.name ?? one.name_zh} (${one.id ?? one.code})`, `${before ?? ""}${one.id ?? one.code}`);
    field.list.replaceChildren(...found.map(option));
  }, 250);
}

// The answer is a proxy's page and none of the server's.
function proxySaid(status) {
  if (status === 413) return chinese ? "文件超出代理服务器的大小限制(413):请管理员调大 client_max_body_size" : "the proxy refuses a file of this size (413): ask the administrator to raise client_max_body_size";
  return chinese ? `服务器未应答，代理返回 ${status}` : `the server did not answer; the proxy says ${status}`;
}

// What was not sent is said above the form, which stays as it is.
function unsent(form, text) {
  const line = document.getElementById("unsent") ?? document.createElement("p");
  line.id = "unsent";
  line.className = "notice bad";
  line.setAttribute("role", "alert");
  line.textContent = text;
  form.before(line);
  line.scrollIntoView();
}

// Sends a form with files and stays on this page where a proxy refuses it, so that nothing typed is lost.
async function upload(event) {
  const form = event.target;
  if (event.defaultPrevented || form.enctype !== "multipart/form-data" || form.method !== "post") return;
  event.preventDefault();
  const body = new FormData(form, event.submitter);
  const buttons = form.querySelectorAll("button");
  for (const button of buttons) button.disabled = true;
  try {
    const answer = await fetch(form.action, { method: "POST", body });
    const text = await answer.text();
    if (answer.redirected) {
      location.href = answer.url;
    } else if (text.includes("data-feed=")) {
      const page = new DOMParser().parseFromString(text, "text/html");
      // Our own page again: what was typed and chosen for an enrolment stays, beside its fault.
      const fault = page.querySelector("main .notice.bad, main [role=alert]");
      if ("enrol" in form.dataset) unsent(form, fault?.textContent ?? proxySaid(answer.status));
      else {
        awaken(page);
        document.querySelector("main").replaceWith(page.querySelector("main"));
        scrollTo(0, 0);
      }
    } else {
      unsent(form, proxySaid(answer.status));
    }
  } catch {
    unsent(form, chinese ? "连接中断，未提交：请重试" : "the connection broke, nothing was sent: try again");
  } finally {
    for (const button of buttons) button.disabled = false;
  }
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
    location.href = document.querySelector("a[data-up]")?.href ?? "/";
  } else if (event.key === "u" && location.pathname.startsWith("/clues/")) {
    location.href = "/clues";
  } else if (event.key === "]" || event.key === "[") {
    document.querySelector(event.key === "]" ? "a[rel=next]" : "a[rel=prev]")?.click();
  } else if (event.key === "x" && at >= 0) {
    const box = rows[at].querySelector(".pick input");
    if (box) box.checked = !box.checked;
    tally();
  } else if (event.key === "?") {
    document.querySelector("a.help")?.click();
  } else if (event.key === "/") {
    document.querySelector(".filters input[type=search], .filters select")?.focus();
    event.preventDefault();
  }
}

// Of a list of many boxes only what fits the typed text is shown, and what is ticked.
function searchChecks(field) {
  const typed = field.value.trim().toLowerCase();
  for (const label of field.closest("fieldset").querySelectorAll(".check")) {
    const fits = typed !== "" && label.textContent.toLowerCase().includes(typed);
    label.hidden = !fits && !label.querySelector("input").checked;
  }
}

// Whoever is not filed here for the item's specialty is no lead of it: greyed, and the list says why.
function leadsThatFit() {
  const lead = document.querySelector("select[name=declared_lead]");
  const mark = (name) => document.querySelector(`select[name=${name}]`)?.selectedOptions[0]?.dataset.mark ?? "";
  if (!lead) return;
  const [place, needed] = [mark("room"), mark("item").split(" ").filter(Boolean)];
  // Who is filed nowhere here stands apart, and stays there.
  const filedHere = [...lead.querySelectorAll(":scope > option")];
  for (const option of filedHere) {
    if (!option.value) continue;
    option.dataset.words ??= option.textContent;
    const filed = (option.dataset.mark ?? "").split(" ");
    const fits = needed.length === 0 || needed.some((specialty) => filed.includes(`${place}:${specialty}`));
    // What was declared before stays declared until somebody changes it.
    option.disabled = !fits && !option.defaultSelected;
    option.textContent = fits ? option.dataset.words : `${option.dataset.words} · ${chinese ? "未在本机构备案该项目的专业" : "not filed here for this item's specialty"}`;
  }
  const chosen = lead.selectedOptions[0]?.disabled ? "" : lead.value;
  lead.prepend(...filedHere.sort((one, other) => Number(one.disabled) - Number(other.disabled)));
  lead.value = chosen;
}

// Of a long list only the lines that hold the typed text, and the one that is chosen.
function searchOptions(field) {
  const list = document.getElementById(field.dataset.searchOptions);
  const typed = field.value.trim().toLowerCase();
  for (const option of list.options) option.hidden = !option.textContent.toLowerCase().includes(typed) && !option.selected;
  for (const group of list.querySelectorAll("optgroup")) group.hidden = !group.querySelector("option:not([hidden])");
}

/** What is of use with this script alone: hidden where it did not run, and closed where there is no room for it. */
function awaken(root) {
  for (const field of root.querySelectorAll("[data-search-options], [data-search-checks], [data-print]")) field.hidden = false;
  for (const field of root.querySelectorAll("[data-search-checks]")) searchChecks(field);
  // Without the right to copy its button stays hidden.
  if (navigator.clipboard) for (const button of root.querySelectorAll("[data-copy]")) button.hidden = false;
  // What a wide screen has room for stands open.
  if (window.innerWidth > 620) for (const rest of root.querySelectorAll("details[data-wide-open]")) rest.open = true;
}

async function copies(event) {
  const button = event.target.closest?.("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(button.dataset.copy);
  button.textContent = "✓";
}

awaken(document);
document.addEventListener("click", copies);
document.addEventListener("input", ({ target }) => {
  if (target.matches("[data-search-options]")) searchOptions(target);
  if (target.matches("[data-search-checks]")) searchChecks(target);
});
document.addEventListener("change", (event) => { if (event.target.matches("select[name=room], select[name=item]")) leadsThatFit(); });
leadsThatFit();

// The wall: a clock that runs, and districts that take turns.
function wall() {
  if (!document.body.classList.contains("wall")) return;
  const tick = () => {
    const clock = document.getElementById("wallclock");
    if (clock) clock.textContent = time(new Date());
  };
  wall.show = () => {
    const districts = [...document.querySelectorAll(".district")];
    const at = districts.length ? wall.at % districts.length : 0;
    districts.forEach((district, n) => { district.hidden = n !== at; });
    for (const leads of document.querySelectorAll("[data-leads-of]")) leads.hidden = leads.dataset.leadsOf !== districts[at]?.dataset.district;
  };
  const turn = () => {
    wall.at = (wall.at ?? -1) + 1;
    wall.show();
  };
  tick();
  turn();
  setInterval(tick, 1000);
  setInterval(turn, 12000);
}

wall();

// Among many settings those that hold the typed text, or that were changed.
function searchSettings() {
  const field = document.querySelector("[data-search-settings]");
  if (!field) return;
  const typed = field.value.trim().toLowerCase();
  const changed = document.querySelector("[data-changed-settings]").checked;
  for (const setting of document.querySelectorAll(".setting")) {
    const text = `${setting.textContent} ${setting.querySelector("input")?.value ?? ""}`.toLowerCase();
    setting.hidden = !text.includes(typed) || (changed && !setting.classList.contains("changed"));
  }
  for (const group of document.querySelectorAll(".settings")) group.closest(".card").hidden = !group.querySelector(".setting:not([hidden])");
}
document.addEventListener("input", (event) => { if (event.target.matches("[data-search-settings], [data-changed-settings]")) searchSettings(); });

/** Printing is the browser's; the style sheet leaves out what is no use on paper. */
function prints(event) {
  if (event.target.closest?.("[data-print]")) window.print();
}

document.addEventListener("click", prints);
document.addEventListener("keydown", keys);
document.addEventListener("input", searchList);
document.addEventListener("submit", upload);
document.addEventListener("change", (event) => { if (event.target.closest(".pick")) tally(); });
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  unseen = 0;
  document.title = baseTitle;
});
follow();
