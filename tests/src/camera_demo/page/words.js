// What the page says: the verdicts, the acts with what is to be done and what must come of it, and how both languages stand.

/** Verdict → words, colour on the picture, class. */
export const STATUS = {
  MATCHED: { zh: "已识别", en: "MATCHED", colour: "#69db7c" },
  UNMATCHED: { zh: "非在册", en: "UNMATCHED", colour: "#ff8787" },
  INDETERMINATE: { zh: "无法判定", en: "INDETERMINATE", colour: "#ffd43b" },
  SPOOF: { zh: "非活体", en: "SPOOF", colour: "#e599f7" },
};

/** The acts: what whoever stands before a camera does, and what drawn people do by themselves. What comes of it the program says. */
const ACTS = {
  other: {
    zh: "换人操作", en: "Somebody else steps in",
    zhDo: "请离开画面，空出约五秒，再让另一个人坐到镜头前，直到倒计时结束。", enDo: "Leave the picture, count to five, then let somebody else sit before the camera until the time is up.",
    zhDrawn: "您走开，一个未登记的人来到床旁操作。", enDrawn: "You leave, and somebody whom nobody has enrolled works at the bed.",
    zhRecorded: "只有录像里另有他人出现时才会有结果。", enRecorded: "Something comes of it only where the recording shows somebody else.",
  },
  photo: {
    zh: "举起照片", en: "Hold up a photograph",
    zhDo: "请把您的照片（纸质或手机）举到镜头前，自己不要露脸。不是每张都能识破：占满画面的照片可能被当作您本人。",
    enDo: "Hold a photograph of yourself (paper or phone) before the camera, and keep your own face out. Not every one is found out: a photograph that fills the picture can pass for you.",
    zhDrawn: "床旁举着您的照片。手绘模型包没有活体检测，会把照片当作您本人；正式模型包在真实摄像头前才判断活体。",
    enDrawn: "Your photograph is held up at the bed. The avatar pack has no liveness and takes it for you; the real pack judges it, before a camera.",
  },
  mask: {
    zh: "戴上口罩", en: "Put on a mask",
    zhDo: "请戴上口罩继续操作。", enDo: "Put on a mask and go on.",
    zhDrawn: "您戴着口罩在床旁操作。", enDrawn: "You work at the bed with a mask on.",
  },
  leave: {
    zh: "离开", en: "Leave",
    zhDo: "请在准备时间内离开画面，不要有人接替。", enDo: "Leave the picture before the session begins, and let nobody take your place.",
    zhDrawn: "床上有人，操作位始终无人。", enDrawn: "The patient lies there, and nobody comes to work.",
  },
  work: {
    zh: "本人操作", en: "Work yourself",
    zhDo: "请坐在镜头前。", enDo: "Sit before the camera.",
    zhDrawn: "您在床旁操作。", enDrawn: "You work at the bed.",
    zhRecorded: "录像里须始终是您本人。", enRecorded: "The recording has to show you, and you alone.",
  },
};

export const actOf = (name) => ACTS[name];

/** What is to be done, by what there is to see with. */
export function toDo(name, footing) {
  const act = ACTS[name];
  if (footing === "drawn") return [act.zhDrawn, act.enDrawn];
  if (footing === "recorded") return [act.zhRecorded, act.enRecorded];
  return [act.zhDo, act.enDo];
}

export const SOURCE = {
  camera: ["本机摄像头", "camera"], rtsp: ["网络摄像头", "IP camera"], video: ["视频文件", "video file"],
  folder: ["图片文件夹", "folder of pictures"], "demo:crowd": ["手绘人物", "drawn people"],
};

const KIND = {
  LicenseLending: "疑似挂证", NonLeadOperating: "疑似非主诊医师独立执业", UnlicensedOperator: "疑似非卫技人员开展诊疗活动",
  Integrity: "完整性", RecordMismatch: "疑似登记与实际不符",
};

/** The rules that an act may lead to. */
const RULE = {
  "UQ-1": ["疑似非卫技人员开展诊疗活动", "suspected unlicensed operator"],
  "LL-1": ["疑似挂证", "suspected licence lending"],
  "LL-5": ["疑似打卡即走", "suspected clock-and-go"],
  "HB-4": ["疑似呈现攻击（照片、视频或面具）", "suspected presentation attack"],
  "HB-1": ["疑似虚假登记或异地诊疗（登记时段内未见人员），先请机构说明", "suspected false declaration (nobody was seen): the clinic is asked first"],
};

/** What a finding suspects; the rules on the camera's own picture say it by their rule. */
export const kindOf = (finding) => (finding.kind === "Integrity" ? RULE[finding.rule]?.[0] : undefined) ?? KIND[finding.kind] ?? finding.kind;

/** What the program promises of an act, in words. `null`: nothing. */
export function promised(promise) {
  if (!promise) return ["这个模型包不认识真人，无法预告结果", "this pack knows no real people: nothing can be promised"];
  const { seen, raises, may_raise: may } = promise;
  const rules = (list, at, between) => list.map((rule) => RULE[rule]?.[at] ?? rule).join(between);
  let zh = seen.length ? seen.map((name) => STATUS[name].zh).join("或") : "操作位无人";
  let en = seen.length ? seen.join(" or ") : "nobody at work";
  if (raises.length) [zh, en] = [`${zh}；随后：${rules(raises, 0, "、")}`, `${en}, then: ${rules(raises, 1, ", ")}`];
  if (may.length) [zh, en] = [`${zh}；可能另有：${rules(may, 0, "、")}`, `${en}; perhaps: ${rules(may, 1, ", ")}`];
  if (!raises.length && !may.length) [zh, en] = [`${zh}；不产生线索`, `${en}; nothing is raised`];
  return [zh, en];
}

/** Chinese first, English beside it, as elements: no text is ever read as markup. */
export function both(zh, en) {
  const small = document.createElement("span");
  small.lang = "en";
  small.textContent = en;
  const holder = document.createDocumentFragment();
  holder.append(`${zh} `, small);
  return holder;
}

/** An element with text or children. */
export function element(name, className, ...children) {
  const made = document.createElement(name);
  made.className = className;
  made.append(...children);
  return made;
}
