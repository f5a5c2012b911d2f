// What the page says: the verdicts, the acts with what is to be done and what must come of it, and how both languages stand.

/** Verdict → words, colour on the picture, class. */
export const STATUS = {
  MATCHED: { zh: "已识别", en: "MATCHED", colour: "#69db7c" },
  UNMATCHED: { zh: "非登记人员", en: "UNMATCHED", colour: "#ff8787" },
  INDETERMINATE: { zh: "无法判定", en: "INDETERMINATE", colour: "#ffd43b" },
  SPOOF: { zh: "非活体", en: "SPOOF", colour: "#e599f7" },
};

/** The acts in the order in which they make sense. `raises` is what the real rules make of it. */
export const ACTS = [
  {
    name: "other", zh: "换人操作", en: "Somebody else steps in",
    zhDo: "请离开画面，空出约五秒，再让另一个人坐到镜头前，直到倒计时结束。", enDo: "Leave the picture, count to five, then let somebody else sit before the camera until the time is up.",
    zhCome: "UNMATCHED；随后：疑似非卫技人员开展诊疗活动、疑似挂证", enCome: "UNMATCHED, then: suspected unlicensed operator, suspected licence lending",
  },
  {
    name: "photo", zh: "举起照片", en: "Hold up a photograph",
    zhDo: "请把您的照片（纸质或手机）举到镜头前，自己不要露脸。", enDo: "Hold a photograph of yourself (paper or phone) before the camera, and keep your own face out.",
    zhCome: "SPOOF；随后：疑似呈现攻击", enCome: "SPOOF, then: suspected presentation attack",
  },
  {
    name: "mask", zh: "戴上口罩", en: "Put on a mask",
    zhDo: "请戴上口罩继续操作。", enDo: "Put on a mask and go on.",
    zhCome: "MATCHED 或 INDETERMINATE；不产生线索", enCome: "MATCHED or INDETERMINATE; nothing is raised",
  },
  {
    name: "leave", zh: "离开", en: "Leave",
    zhDo: "请离开画面，不要有人接替。", enDo: "Leave the picture, and let nobody take your place.",
    zhCome: "画面无人；不产生线索", enCome: "nobody; nothing is raised",
  },
  {
    name: "work", zh: "本人操作", en: "Work yourself",
    zhDo: "请坐在镜头前。", enDo: "Sit before the camera.",
    zhCome: "MATCHED；不产生线索", enCome: "MATCHED; nothing is raised",
  },
];

export const actOf = (name) => ACTS.find((act) => act.name === name);

export const SOURCE = {
  camera: ["本机摄像头", "camera"], rtsp: ["网络摄像头", "IP camera"], video: ["视频文件", "video file"],
  folder: ["图片文件夹", "folder of pictures"], "demo:crowd": ["手绘人物", "drawn people"],
};

const KIND = {
  LicenseLending: "疑似挂证", NonLeadOperating: "疑似非主诊医师独立执业", UnlicensedOperator: "疑似非卫技人员开展诊疗活动",
  Integrity: "完整性", RecordMismatch: "疑似登记与实际不符",
};

/** What a finding suspects; the rules on the camera's own picture say it by their rule. */
const RULE = { "HB-4": "疑似呈现攻击（照片、视频或面具）" };

export const kindOf = (finding) => RULE[finding.rule] ?? KIND[finding.kind] ?? finding.kind;

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
