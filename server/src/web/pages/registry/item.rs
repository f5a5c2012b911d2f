//! The form of an item of the catalogue: which leads, which least operator, how long.

use protocol::down::{ItemKind, PractitionerCategory, Specialty};

use super::{NEW, Sheet};
use crate::access::Who;
use crate::app::App;
use crate::model::Item;
use crate::problem::Problem;
use crate::text::FoldFault;
use crate::web::pages::forms::{
    FieldKind, FormField, Given, choices, code_of, id, or_none, worded,
};
use crate::web::pages::place_choice;
use crate::web::view::words::Lang;

/// Who may be the least qualified operator of an item.
const OPERATORS: [PractitionerCategory; 4] = [
    PractitionerCategory::LicensedPhysician,
    PractitionerCategory::AssistantPhysician,
    PractitionerCategory::Nurse,
    PractitionerCategory::Technician,
];

pub(super) fn sheet(a: &App, who: &Who, l: Lang, id: &str) -> Result<Sheet, Problem> {
    let found = a.store.items()?.into_iter().find(|i| i.code.as_str() == id);
    if found.is_none() && id != NEW {
        return Err(Problem::unknown("item", id));
    }
    let stored = found.as_ref().map(stored).unwrap_or_default();
    let jurisdiction = found.as_ref().map_or("", |i| i.jurisdiction.as_str());
    let fields = fields(l, who, found.is_some(), jurisdiction);
    let title = found.map_or_else(|| l.t("新增项目", "New item").to_owned(), |i| i.name_zh);
    Ok(Sheet { fields, stored, title, intro: String::new(), picture: None })
}

fn stored(i: &Item) -> Given {
    let mut stored = Given::default();
    stored.set("id", vec![i.code.to_string()]);
    stored.set("name_zh", vec![i.name_zh.clone()]);
    stored.set("name_en", vec![i.name_en.clone()]);
    stored.set("kind", vec![code_of(i.kind)]);
    stored.set("specialties", i.specialties.iter().map(|s| code_of(*s)).collect());
    stored.set("surgery_grade", i.surgery_grade.iter().map(ToString::to_string).collect());
    stored.set("min_operator", vec![code_of(i.min_operator)]);
    stored.set("min_duration_ms", vec![(i.min_duration_ms / 60_000).to_string()]);
    stored.set("prep_ms", vec![(i.prep_ms / 60_000).to_string()]);
    stored.set("lead_part_ms", i.lead_part_ms.iter().map(|ms| (ms / 1_000).to_string()).collect());
    stored.set("jurisdiction", vec![i.jurisdiction.clone()]);
    stored
}

fn fields(l: Lang, who: &Who, stands: bool, jurisdiction: &str) -> Vec<FormField> {
    let kinds = choices(|kind: ItemKind| l.item_kind(kind));
    let grades = or_none(l, worded(&["1", "2", "3", "4"], str::to_owned));
    let least = OPERATORS.map(|one| (code_of(one), l.category(one))).to_vec();
    vec![
        FormField::new(FieldKind::Text, "id", l.t("编码", "Code")).needed().fixed(stands),
        FormField::new(FieldKind::Text, "name_zh", l.t("中文名称", "Name in Chinese")).needed(),
        FormField::new(FieldKind::Text, "name_en", l.t("英文名称", "Name in English")),
        FormField::new(FieldKind::Choice, "kind", l.t("类型", "Kind"))
            .options(kinds)
            .needed()
            .hint(l.t(
                "按类别决定主诊须在场的时长",
                "physician without a lead (NL-1) is judged by it",
            )),
        FormField::new(
            FieldKind::Many,
            "specialties",
            l.t(
                "可由哪些专业的主诊医师实施或指导",
                "Leads of which specialties may perform or guide it",
            ),
        )
        .options(choices(|it: Specialty| l.specialty(it))),
        FormField::new(
            FieldKind::Choice,
            "surgery_grade",
            l.t("手术级别（仅美容外科）", "Surgery grade (cosmetic surgery only)"),
        )
        .options(grades),
        FormField::new(
            FieldKind::Choice,
            "min_operator",
            l.t("最低操作资质", "Least qualified operator"),
        )
        .options(least)
        .needed()
        .hint(l.t("用于判定操作人资质", "read by: nurse or technician without a lead (NL-2)")),
        FormField::new(
            FieldKind::Number,
            "min_duration_ms",
            l.t("最短合理时长（分钟）", "Least plausible duration, minutes"),
        )
        .hint(l.t("用于判定诊疗时长过短", "read by: lead there too briefly (LL-5)")),
        FormField::new(
            FieldKind::Number,
            "prep_ms",
            l.t("准备时间（敷麻、拍照，分钟）", "Preparation (numbing, photographs), minutes"),
        )
        .hint(l.t("不计入操作时间", "no operating time")),
        FormField::new(
            FieldKind::Number,
            "lead_part_ms",
            l.t("主诊医师本人部分至少（秒）", "The lead's own part, at least, seconds"),
        )
        .hint(l.t(
            "用于判定诊疗时长过短；空：按类别",
            "read by: lead there too briefly (LL-5); empty: by the kind",
        )),
        FormField::new(FieldKind::Choice, "jurisdiction", l.t("适用行政区划", "Jurisdiction"))
            .options(place_choice::options(who, l.t("全部", "everywhere"), jurisdiction)),
    ]
}

pub(super) fn read(given: &Given, code: &str) -> Result<Item, FoldFault> {
    Ok(Item {
        code: id(code)?,
        name_zh: given.needed("name_zh")?.to_owned(),
        name_en: given.text("name_en").to_owned(),
        kind: given.word("kind")?,
        specialties: given.words("specialties")?,
        surgery_grade: given.number("surgery_grade", 1)?,
        min_operator: given.word("min_operator")?,
        min_duration_ms: duration(given, "min_duration_ms", "minutes", 60_000)?.unwrap_or(0),
        prep_ms: duration(given, "prep_ms", "minutes", 60_000)?.unwrap_or(0),
        lead_part_ms: duration(given, "lead_part_ms", "seconds", 1_000)?,
        jurisdiction: given.text("jurisdiction").to_owned(),
    })
}

fn duration(given: &Given, name: &str, unit: &str, unit_ms: i64) -> Result<Option<u64>, FoldFault> {
    if given.text(name).starts_with('-') {
        return Err(format!("{name}: {unit} are needed, 0 or more"));
    }
    given.number(name, unit_ms)
}
