// Brings the live part of a page up to date in its place. What its reader typed, chose, ticked or opened stays, and so does where
// the reader stands: while a form is begun the page waits, and says so. It sends nothing. app.js tells it when.
"use strict";

// What the server last wrote here; what scripts and readers do to it is none of its news.
let written = document.getElementById("live")?.textContent;
let refreshing = null;
let pressing = false;
// News that came while the reader wrote or pressed.
let missed = false;

/** Whether its reader changed a field since it was made. */
function touched(field) {
  // Ticks of a list go along into the new one.
  if (field.type === "hidden" || field.closest(".pick")) return false;
  if (field.type === "file") return field.files.length > 0;
  if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
  if (!field.options) return field.value !== field.defaultValue;
  const options = [...field.options];
  // Where the page chooses none, the browser chooses the first.
  const none = !field.multiple && !options.some((option) => option.defaultSelected);
  const first = options.findIndex((option) => !option.disabled);
  return options.some((option, n) => option.selected !== (none ? n === first : option.defaultSelected));
}

function writing() {
  const live = document.getElementById("live");
  const at = document.activeElement;
  const inField = at?.matches("input:not([type=checkbox], [type=radio], [type=button]), textarea, select");
  // A form that was refused holds what its writer typed before.
  return inField || Boolean(live.querySelector("[data-refused]")) || [...live.querySelectorAll("input, textarea, select")].some(touched);
}

/** What an element is told by in another text of the same page. */
function mark(element) {
  const words = element.tagName === "DETAILS" ? element.querySelector("summary")?.textContent.replace(/\d+/g, "") : "";
  return [element.tagName, element.id, element.getAttribute("href"), element.name, element.tagName === "BUTTON" && element.value, words].join("|");
}

/** The element of `to` that stands for this one of `from`. */
function sameIn(from, to, element) {
  const alike = (root) => [...root.querySelectorAll(element.tagName)].filter((one) => mark(one) === mark(element));
  return alike(to)[alike(from).indexOf(element)];
}

/** Takes along what its reader opened, ticked, scrolled and walked to; gives what is to be focused. */
function carry(from, to) {
  for (const details of from.querySelectorAll("details")) {
    const same = sameIn(from, to, details);
    if (same) same.open = details.open;
  }
  const ticks = new Set(picked().map((box) => box.value));
  for (const box of to.querySelectorAll(".pick input")) box.checked = ticks.has(box.value);
  const at = from.querySelector(".inbox li.at a");
  if (at) sameIn(from, to, at)?.closest("li").classList.add("at");
  const scrolled = [...from.querySelectorAll("*")].filter((element) => element.scrollLeft > 0);
  const places = scrolled.map((element) => [sameIn(from, to, element), element.scrollLeft]);
  const focus = from.contains(document.activeElement) ? sameIn(from, to, document.activeElement) : null;
  return () => {
    for (const [element, left] of places) if (element) element.scrollLeft = left;
    focus?.focus({ preventScroll: true });
  };
}

/** Says that there is news which the reader's own writing keeps from being shown. */
function waits() {
  missed = true;
  if (document.getElementById("waits")) return;
  const line = document.createElement("p");
  line.id = "waits";
  line.className = "notice";
  line.setAttribute("role", "status");
  line.textContent = chinese ? "页面有新变化；您填写的内容已保留，提交或清空后显示" : "There is news. What you wrote is kept; the news is shown once it is sent or cleared";
  document.getElementById("live").before(line);
}

/** Puts a text of this page that the server wrote just now in the place of the old one. */
function showAnew(page) {
  const [here, next] = [document.getElementById("live"), page.getElementById("live")];
  if (!here || !next) return;
  if (pressing || writing()) {
    // A press that begins on the old button ends on nothing where a new one took its place.
    if (pressing) missed = true;
    else if (next.textContent !== written) waits();
    return;
  }
  missed = false;
  document.getElementById("waits")?.remove();
  written = next.textContent;
  lose.fresh = Date.now();
  const known = new Set([...here.querySelectorAll(".inbox a")].map((a) => a.href));
  awaken(next);
  const goOn = carry(here, next);
  here.replaceWith(next);
  goOn();
  wall.show?.();
  tally();
  for (const link of next.querySelectorAll(".inbox a")) {
    if (!known.has(link.href)) link.parentElement.classList.add("fresh");
  }
}

/** What stands beside the live part is nobody's writing. */
function showAround(page) {
  const broker = page.getElementById("link")?.dataset.broker;
  if (broker) document.getElementById("link").dataset.broker = broker;
  light(true);
  for (const which of [".top nav", "#bell"]) {
    const [old, fresh] = [document.querySelector(which), page.querySelector(which)];
    if (old && fresh && !old.contains(document.activeElement)) old.replaceWith(fresh);
  }
}

/** Fetches this very page and shows what is new on it. */
function refresh() {
  if (!document.getElementById("live") || refreshing) return;
  refreshing = setTimeout(async () => {
    try {
      const answer = await fetch(location.href, { headers: { accept: "text/html" }, cache: "no-store" });
      if (answer.redirected && new URL(answer.url).pathname === "/login") return void lose(true);
      if (!answer.ok) return void lose(false);
      if (lost && !lastId) heard();
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      showAnew(page);
      if (page.getElementById("live")) showAround(page);
    } catch {
      lose(false);
    } finally {
      refreshing = null;
    }
  }, 150);
}

function missedNow() {
  if (missed && !pressing && !writing()) refresh();
}

addEventListener("pointerdown", () => { pressing = true; }, true);
for (const over of ["pointerup", "pointercancel"]) {
  // The click comes right behind.
  addEventListener(over, () => setTimeout(() => { pressing = false; missedNow(); }), true);
}
for (const done of ["focusout", "change", "reset"]) addEventListener(done, () => setTimeout(missedNow), true);
