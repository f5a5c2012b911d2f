//! The form of an institution: who, where, what is filed, and up to which grade.

use super::{NEW, Sheet};
use crate::access::Who;
use crate::app::App;
use crate::model::{Coordinates, Institution};
use crate::problem::Problem;
use crate::text::FoldFault;
use crate::web::pages::forms::{FieldKind, FormField, Given, id, worded};
use crate::web::pages::place_choice;
use crate::web::request::scope::VisibleInstitutions;
use crate::web::view::names::named;
use crate::web::view::words::Lang;

pub(super) fn sheet(a: &App, who: &Who, l: Lang, id: &str) -> Result<Sheet, Problem> {
    let seen = VisibleInstitutions::of(a, who)?;
    let found = a.store.institution(id)?.filter(|i| seen.has(i.id.as_str()));
    if found.is_none() && id != NEW {
        return Err(Problem::unknown("institution", id));
    }
    let stored = found.as_ref().map(stored).unwrap_or_default();
    let items = a
        .store
        .items()?
        .into_iter()
        .map(|i| (i.code.to_string(), format!("{} ({})", i.name_zh, i.code)));
    let jurisdiction = found.as_ref().map_or("", |i| i.jurisdiction.as_str());
    let fields = fields(l, who, (found.is_some(), jurisdiction), items.collect());
    let title = found.map_or_else(
        || l.t("新增机构", "New institution").to_owned(),
        |i| named(Some(&i.name), i.id.as_str()),
    );
    Ok(Sheet { fields, stored, title, intro: String::new(), picture: None })
}

fn fields(
    l: Lang,
    who: &Who,
    (stands, jurisdiction): (bool, &str),
    items: Vec<(String, String)>,
) -> Vec<FormField> {
    let grades = worded(&["0", "1", "2", "3", "4"], |g| match g {
        "0" => l.t("不得开展手术", "no surgery").to_owned(),
        g => format!("{g} {}", l.t("级", "")),
    });
    let mut fields = vec![
        FormField::new(FieldKind::Text, "id", l.t("编号", "Id")).needed().fixed(stands).hint(
            l.t("字母、数字、. _ -；之后不可更改", "letters, digits, . _ -; fixed once saved"),
        ),
        FormField::new(FieldKind::Text, "name", l.t("名称", "Name")).needed(),
        FormField::new(
            FieldKind::Text,
            "code",
            l.t("统一社会信用代码或登记号", "Unified social credit code or licence number"),
        ),
        FormField::new(FieldKind::Text, "kind", l.t("类别", "Kind"))
            .hint(l.t("如：门诊部、诊所、医院", "such as 门诊部, 诊所, 医院")),
        FormField::new(FieldKind::Choice, "jurisdiction", l.t("行政区划", "Jurisdiction"))
            .options(place_choice::options(who, l.t("请选择", "choose"), jurisdiction))
            .hint(
                l.t("决定由谁监管、适用哪套策略", "decides who supervises and which policy holds"),
            ),
        FormField::new(
            FieldKind::Choice,
            "grade_ceiling",
            l.t("手术级别上限", "Highest surgery grade"),
        )
        .options(grades)
        .hint(
            l.t("用于判定超出备案级别的手术", "read by: item above the grade or not filed (NL-4)"),
        ),
        FormField::new(
            FieldKind::Many,
            "filed_items",
            l.t(
                "已备案项目（用于判定超出备案的项目）",
                "Filed items (others raise NL-4: item above the grade or not filed)",
            ),
        )
        .options(items),
        FormField::new(FieldKind::Text, "north_deg", l.t("北纬（度）", "Latitude, degrees north"))
            .hint(l.t(
                "用于判定同一人先后出现在两地；留空则只判断同时在场",
                "one person at two places (LL-3) is judged by it; left out, only overlaps are",
            )),
        FormField::new(FieldKind::Text, "east_deg", l.t("东经（度）", "Longitude, degrees east")),
    ];
    fields.extend(licence_fields(l));
    fields
}

fn stored(i: &Institution) -> Given {
    let mut stored = Given::default();
    stored.set("id", vec![i.id.to_string()]);
    stored.set("name", vec![i.name.clone()]);
    stored.set("code", i.code.iter().cloned().collect());
    stored.set("kind", vec![i.kind.clone()]);
    stored.set("grade_ceiling", vec![i.grade_ceiling.to_string()]);
    stored.set("filed_items", i.filed_items.iter().map(ToString::to_string).collect());
    stored.set("jurisdiction", vec![i.jurisdiction.clone()]);
    store_licence(&mut stored, i);
    stored.set("north_deg", i.place.iter().map(|p| p.north_deg.to_string()).collect());
    stored.set("east_deg", i.place.iter().map(|p| p.east_deg.to_string()).collect());
    stored
}

/// What of the licence anybody may look up.
fn store_licence(stored: &mut Given, i: &Institution) {
    stored.set("address", i.address.iter().cloned().collect());
    stored.set("licence_no", i.licence_no.iter().cloned().collect());
    stored.set("licence_until", i.licence_until.iter().cloned().collect());
    stored.set("subjects", vec![i.subjects.join("、")]);
    stored.set("pledge_on", i.pledge_on.iter().cloned().collect());
    stored.set("agreement", i.agreement.iter().cloned().collect());
}

fn licence_fields(l: Lang) -> Vec<FormField> {
    vec![
        FormField::new(FieldKind::Text, "address", l.t("地址（公众可查）", "Address (public)")),
        FormField::new(
            FieldKind::Text,
            "licence_no",
            l.t("执业许可证登记号（公众可查）", "Licence number (public)"),
        )
        .hint(l.t("22 位字母和数字", "22 letters and digits")),
        FormField::new(
            FieldKind::Day,
            "licence_until",
            l.t("有效期至（公众可查）", "Valid until (public)"),
        ),
        FormField::new(
            FieldKind::Text,
            "subjects",
            l.t("诊疗科目（公众可查）", "Subjects (public)"),
        )
        .hint(l.t("用 、 分隔", "divided by 、")),
        FormField::new(FieldKind::Text, "agreement", l.t("协议条款", "Clause of the agreement"))
            .hint(l.t(
            "设备运行义务的依据，如：试点协议（2026-01-05）第七条；设备与诊室异常的线索引用它",
            "by which the clinic keeps the box running; leads of a disturbed box or an empty room \
            cite it",
        )),
        FormField::new(FieldKind::Day, "pledge_on", l.t("承诺书日期", "Pledge signed on")),
    ]
}

pub(super) fn read(given: &Given, code: &str) -> Result<Institution, FoldFault> {
    let subjects = given.text("subjects").split(['、', ';', '；', ',', '，']);
    let subjects = subjects.map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned);
    Ok(Institution {
        id: id(code)?,
        name: given.needed("name")?.to_owned(),
        code: given.owned("code"),
        kind: given.text("kind").to_owned(),
        grade_ceiling: given.number("grade_ceiling", 1)?.unwrap_or_default(),
        filed_items: given.ids("filed_items")?,
        jurisdiction: given.text("jurisdiction").to_owned(),
        place: place(given)?,
        address: given.owned("address"),
        licence_no: given.owned("licence_no"),
        licence_until: given.owned("licence_until"),
        subjects: subjects.collect(),
        pledge_on: given.owned("pledge_on"),
        agreement: given.owned("agreement"),
    })
}

/// Both degrees, or neither.
fn place(given: &Given) -> Result<Option<Coordinates>, FoldFault> {
    let (north, east) = (given.text("north_deg"), given.text("east_deg"));
    if north.is_empty() && east.is_empty() {
        return Ok(None);
    }
    let degrees = |name: &str, text: &str| {
        let wrong =
            || format!("{name}: degrees are needed, such as 30.66 and 104.06; or leave both out");
        text.parse::<f64>().ok().filter(|d| d.is_finite()).ok_or_else(wrong)
    };
    let (north_deg, east_deg) = (degrees("north_deg", north)?, degrees("east_deg", east)?);
    Ok(Some(Coordinates { north_deg, east_deg }))
}
