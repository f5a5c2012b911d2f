// A slider over one day of a room: shows what was told of the chosen moment. Without this script the whole day is listed.
"use strict";

const day = document.getElementById("day");
const slider = document.getElementById("moment");
if (day && slider) {
  const from = Number(day.dataset.from);
  const to = Number(day.dataset.to);
  const cursor = document.getElementById("now");
  const moments = [...document.querySelectorAll(".moments > li")];
  const zh = document.documentElement.lang.startsWith("zh");
  const clock = (ms) => new Date(ms).toLocaleTimeString(zh ? "zh-CN" : "en-GB", { hour12: false, timeZone: "Asia/Shanghai" });
  slider.closest(".scrub").hidden = false;

  const show = (at) => {
    let shown = 0;
    for (const moment of moments) {
      const here = at === null || (Number(moment.dataset.from) <= at && at <= Number(moment.dataset.to));
      moment.hidden = !here;
      shown += here ? 1 : 0;
    }
    document.getElementById("none").hidden = shown > 0;
    cursor.classList.toggle("on", at !== null);
    document.getElementById("clock").textContent = at === null ? "" : clock(at);
    slider.setAttribute("aria-valuetext", at === null ? "" : clock(at));
    if (at === null) return;
    // The axis of the drawing goes from 150 to 960 of 1000.
    const x = 150 + ((at - from) * 810) / Math.max(1, to - from);
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
  };
  slider.addEventListener("input", () => show(Number(slider.value)));
  document.getElementById("whole").addEventListener("click", () => show(null));
  show(null);
}
