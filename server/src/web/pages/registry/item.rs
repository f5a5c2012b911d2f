//! The form of an item of the catalogue: which leads, which least operator, how long.

use serde_json::{Map, Value};

use super::{NEW, Sheet, serde_name};
use crate::access::Who;
use crate::app::App;
use crate::problem::Problem;
use crate::web::pages::forms::{Field, Given, Kind, or_none, worded};
use crate::web::pages::place_choice;
use crate::web::view::words::Lang;

pub(super) const SPECIALTIES: [&str; 4] =
    ["cosmetic_surgery", "cosmetic_dentistry", "cosmetic_dermatology", "cosmetic_tcm"];

pub(super) fn kind_words(l: Lang, kind: &str) -> String {
    match kind {
        "surgery" => l.t("手术", "surgery"),
        "injection" => l.t("注射", "injection"),
        "thread" => l.t("埋线", "thread"),
        "energy_device" => l.t("光电", "energy device"),
        _ => l.t("其他", "other"),
    }
    .to_owned()
}

pub(super) fn sheet(a: &App, who: &Who, l: Lang, id: &str) -> Result<Sheet, Problem> {
    let found = a.store.items()?.into_iter().find(|i| i.code.as_str() == id);
    if found.is_none() && id != NEW {
        return Err(Problem::unknown("item", id));
    }
    let mut stored = Given::default();
    if let Some(i) = &found {
        stored.set("id", vec![i.code.to_string()]);
        stored.set("name_zh", vec![i.name_zh.clone()]);
        stored.set("name_en", vec![i.name_en.clone()]);
        stored.set("kind", vec![serde_name(&i.kind)]);
        stored.set("specialties", i.specialties.iter().map(serde_name).collect());
        stored.set("surgery_grade", i.surgery_grade.iter().map(ToString::to_string).collect());
        stored.set("min_operator", vec![serde_name(&i.min_operator)]);
        stored.set("min_duration_ms", vec![(i.min_duration_ms / 60_000).to_string()]);
        stored.set("prep_ms", vec![(i.prep_ms / 60_000).to_string()]);
        stored.set(
            "lead_part_ms",
            i.lead_part_ms.iter().map(|ms| (ms / 1_000).to_string()).collect(),
        );
        stored.set("jurisdiction", vec![i.jurisdiction.clone()]);
    }
    let stands = found.as_ref().map_or_else(String::new, |i| i.jurisdiction.clone());
    let kinds =
        worded(&["surgery", "injection", "thread", "energy_device", "other"], |k| kind_words(l, k));
    let grades = or_none(l, worded(&["1", "2", "3", "4"], str::to_owned));
    let least =
        worded(&["licensed_physician", "assistant_physician", "nurse", "technician"], |c| {
            l.category(c)
        });
    let fields = vec![
        Field::new(Kind::Text, "id", l.t("编码", "Code")).needed().fixed(found.is_some()),
        Field::new(Kind::Text, "name_zh", l.t("中文名称", "Name in Chinese")).needed(),
        Field::new(Kind::Text, "name_en", l.t("英文名称", "Name in English")),
        Field::new(Kind::Choice, "kind", l.t("类型", "Kind")).options(kinds).needed().hint(
            l.t("按类别决定主诊须在场的时长", "physician without a lead (NL-1) is judged by it"),
        ),
        Field::new(
            Kind::Many,
            "specialties",
            l.t(
                "可由哪些专业的主诊医师实施或指导",
                "Leads of which specialties may perform or guide it",
            ),
        )
        .options(worded(&SPECIALTIES, |s| l.specialty(s))),
        Field::new(
            Kind::Choice,
            "surgery_grade",
            l.t("手术级别（仅美容外科）", "Surgery grade (cosmetic surgery only)"),
        )
        .options(grades),
        Field::new(Kind::Choice, "min_operator", l.t("最低操作资质", "Least qualified operator"))
            .options(least)
            .needed()
            .hint(l.t("用于判定操作人资质", "read by: nurse or technician without a lead (NL-2)")),
        Field::new(
            Kind::Number,
            "min_duration_ms",
            l.t("最短合理时长（分钟）", "Least plausible duration, minutes"),
        )
        .hint(l.t("用于判定诊疗时长过短", "read by: lead there too briefly (LL-5)")),
        Field::new(
            Kind::Number,
            "prep_ms",
            l.t("准备时间（敷麻、拍照，分钟）", "Preparation (numbing, photographs), minutes"),
        )
        .hint(l.t("不计入操作时间", "no operating time")),
        Field::new(
            Kind::Number,
            "lead_part_ms",
            l.t("主诊医师本人部分至少（秒）", "The lead's own part, at least, seconds"),
        )
        .hint(l.t(
            "用于判定诊疗时长过短；空：按类别",
            "read by: lead there too briefly (LL-5); empty: by the kind",
        )),
        Field::new(Kind::Choice, "jurisdiction", l.t("适用行政区划", "Jurisdiction"))
            .options(place_choice::options(who, l.t("全部", "everywhere"), &stands)),
    ];
    let title = found.map_or_else(|| l.t("新增项目", "New item").to_owned(), |i| i.name_zh);
    Ok(Sheet { fields, stored, title, intro: String::new(), picture: None })
}

pub(super) fn read(given: &Given, code: &str) -> Result<Map<String, Value>, String> {
    let mut fields = Map::from_iter([("code".to_owned(), Value::from(code))]);
    for name in ["name_zh", "name_en", "kind", "min_operator", "jurisdiction"] {
        given.put_text(&mut fields, name);
    }
    given.put_many(&mut fields, "specialties");
    given.put_number(&mut fields, "surgery_grade", 1)?;
    let durations = [
        ("min_duration_ms", "minutes", 60_000),
        ("prep_ms", "minutes", 60_000),
        ("lead_part_ms", "seconds", 1_000),
    ];
    for (name, unit, unit_ms) in durations {
        if given.text(name).starts_with('-') {
            return Err(format!("{name}: {unit} are needed, 0 or more"));
        }
        given.put_number(&mut fields, name, unit_ms)?;
    }
    Ok(fields)
}
