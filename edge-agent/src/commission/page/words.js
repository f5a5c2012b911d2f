// The five kinds of zones with their words and colours, and how a line of the page is said in both languages.

export const KINDS = [
  { name: "operator", zh: "操作区", en: "Operator", colour: "#37b24d", dash: [] },
  { name: "bed", zh: "床位", en: "Bed", colour: "#339af0", dash: [10, 5] },
  { name: "companion", zh: "陪同区", en: "Companion", colour: "#fab005", dash: [4, 4] },
  { name: "door", zh: "门区", en: "Door", colour: "#cc5de8", dash: [14, 4, 3, 4] },
  { name: "privacy_mask", zh: "隐私遮蔽", en: "Privacy mask", colour: "#ffffff", dash: [2, 3] },
];

export const kindOf = (name) => KINDS.find((kind) => kind.name === name);

/** Chinese first, English beside it, as elements: no text is ever read as markup. */
export function both(zh, en) {
  const small = document.createElement("span");
  small.lang = "en";
  small.textContent = en;
  const holder = document.createDocumentFragment();
  holder.append(`${zh} `, small);
  return holder;
}

/** Says a line in an element; `mood` is "", "good" or "bad". */
export function say(id, zh, en, mood = "") {
  const where = document.getElementById(id);
  where.className = `said ${mood}`;
  where.replaceChildren(both(zh, en));
}
