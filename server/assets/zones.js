// Zones drawn on a picture of the room's shape: a press sets a corner, the keyboard does as well (arrows move a cross, Enter sets,
// Backspace takes back, N begins another polygon). What is drawn is written into the fields, which go without this script; no picture
// of the room is loaded or kept.
"use strict";

const ZONES = ["operator", "bed", "companion", "door", "privacy_mask"];
const figure = document.querySelector("figure.zones");
const svg = figure.querySelector("svg");
// Of a picture that is 1000 wide.
const HIGH = Number(svg.dataset.height);
const zh = document.documentElement.lang.startsWith("zh");
const field = (zone) => document.querySelector(`textarea[name=${zone}]`);
const clamp = (value) => Math.max(0, Math.min(1000, Math.round(value)));
let zone = "operator";
let cross = { x: 500, y: 500 };

function make(name, attributes, parent) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent.append(made);
  return made;
}

/** Polygons of a field, each a list of corners in thousandths; what can not be read is left out of the drawing alone. */
function polygons(name) {
  const corner = (word) => word.split(",").map(Number);
  const lines = field(name).value.split("\n").filter((line) => line.trim());
  return lines.map((line) => line.trim().split(/\s+/).map(corner).filter(([x, y]) => Number.isFinite(x) && Number.isFinite(y)));
}

function draw() {
  for (const old of svg.querySelectorAll("polygon, circle, .cross")) old.remove();
  for (const name of ZONES) {
    for (const corners of polygons(name)) {
      const points = corners.map(([x, y]) => `${x},${(y * HIGH) / 1000}`).join(" ");
      make("polygon", { class: name, points }, svg);
      if (name === zone) for (const [x, y] of corners) make("circle", { class: name, cx: x, cy: (y * HIGH) / 1000, r: 6 }, svg);
    }
  }
  const { x, y } = { x: cross.x, y: (cross.y * HIGH) / 1000 };
  make("path", { class: "cross", d: `M${x - 14} ${y}h28M${x} ${y - 14}v28` }, svg);
}

function set(x, y) {
  const text = field(zone).value.replace(/[ \t]+$/, "");
  const joint = text === "" || text.endsWith("\n") ? "" : " ";
  field(zone).value = `${text}${joint}${clamp(x)},${clamp(y)}`;
  told();
}

function takeBack() {
  field(zone).value = field(zone).value.replace(/\s*\S+\s*$/, "");
  told();
}

function another() {
  if (field(zone).value.trim()) field(zone).value = `${field(zone).value.trimEnd()}\n`;
  told();
}

function told() {
  field(zone).dispatchEvent(new Event("input", { bubbles: true }));
}

function pressed(event) {
  const box = svg.getBoundingClientRect();
  cross = { x: clamp(((event.clientX - box.left) / box.width) * 1000), y: clamp(((event.clientY - box.top) / box.height) * 1000) };
  set(cross.x, cross.y);
}

function typed(event) {
  const step = event.shiftKey ? 1 : 10;
  const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
  if (moves[event.key]) cross = { x: clamp(cross.x + moves[event.key][0]), y: clamp(cross.y + moves[event.key][1]) };
  else if (event.key === "Enter") set(cross.x, cross.y);
  else if (event.key === "Backspace") takeBack();
  else if (event.key.toLowerCase() === "n") another();
  else return;
  event.preventDefault();
  draw();
}

function button(words, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "ghost";
  made.textContent = words;
  made.addEventListener("click", act);
  return made;
}

function tools() {
  const row = document.createElement("div");
  row.className = "filters";
  const choice = document.createElement("select");
  choice.setAttribute("aria-label", zh ? "绘制哪个区域" : "Zone to draw");
  for (const name of ZONES) choice.append(new Option(document.querySelector(`.key.${name}`).textContent, name));
  choice.addEventListener("change", () => { zone = choice.value; draw(); });
  row.append(choice, button(zh ? "另起一个" : "Another polygon", another), button(zh ? "撤销一点" : "Take a corner back", takeBack));
  const hint = document.createElement("p");
  hint.className = "hint";
  hint.textContent = zh
    ? "点击画面添加顶点；键盘：方向键移动十字，回车添加，退格撤销，N 另起一个。"
    : "Press to set a corner; by keyboard: arrows move the cross, Enter sets, Backspace takes back, N begins another.";
  figure.prepend(row, hint);
}

tools();
svg.tabIndex = 0;
svg.addEventListener("click", pressed);
svg.addEventListener("keydown", typed);
document.addEventListener("input", (event) => { if (ZONES.includes(event.target.name)) draw(); });
draw();
