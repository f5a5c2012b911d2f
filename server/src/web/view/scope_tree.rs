//! Which part of the country an account is for, as a tree to choose from: provinces, below them
//! their prefectures and counties, and the institutions that are registered. Nobody types a code.

use std::collections::{BTreeMap, BTreeSet};

use super::names::{Html, Label, Pages, named};
use super::words::Lang;
use crate::access::{Role, Who, partner_scope};
use crate::app::App;
use crate::clue::Agency;
use crate::divisions;
use crate::store::StoreError;

/// GB/T 2260, the first two digits.
pub(in crate::web) const PROVINCES: [(&str, &str); 34] = [
    ("11", "北京市"),
    ("12", "天津市"),
    ("13", "河北省"),
    ("14", "山西省"),
    ("15", "内蒙古自治区"),
    ("21", "辽宁省"),
    ("22", "吉林省"),
    ("23", "黑龙江省"),
    ("31", "上海市"),
    ("32", "江苏省"),
    ("33", "浙江省"),
    ("34", "安徽省"),
    ("35", "福建省"),
    ("36", "江西省"),
    ("37", "山东省"),
    ("41", "河南省"),
    ("42", "湖北省"),
    ("43", "湖南省"),
    ("44", "广东省"),
    ("45", "广西壮族自治区"),
    ("46", "海南省"),
    ("50", "重庆市"),
    ("51", "四川省"),
    ("52", "贵州省"),
    ("53", "云南省"),
    ("54", "西藏自治区"),
    ("61", "陕西省"),
    ("62", "甘肃省"),
    ("63", "青海省"),
    ("64", "宁夏回族自治区"),
    ("65", "新疆维吾尔自治区"),
    ("71", "台湾省"),
    ("81", "香港特别行政区"),
    ("82", "澳门特别行政区"),
];

/// One line of the tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::web) struct Choice {
    pub value: String,
    pub words: String,
    pub chosen: bool,
}

/// A province with what stands below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::web) struct Province {
    pub name: String,
    pub divisions: Vec<Choice>,
}

/// Divisions for authorities, institutions for clinics, agencies for partners.
#[derive(Debug, Default)]
pub(in crate::web) struct ScopeTree {
    /// Everywhere is the one that is chosen.
    pub everywhere: bool,
    pub provinces: Vec<Province>,
    pub institutions: Vec<Choice>,
    pub agencies: Vec<Choice>,
}

/// Institutions by id: name and division.
pub(in crate::web) type InstitutionDivisions = BTreeMap<String, (String, String)>;

/// Blocking: it asks the store.
pub(in crate::web) fn places(app: &App) -> Result<InstitutionDivisions, StoreError> {
    let all = app.store.institutions()?;
    Ok(all.into_iter().map(|i| (i.id.to_string(), (i.name, i.jurisdiction))).collect())
}

/// A scope in words, an institution with its page where this reader opens it.
pub(in crate::web) fn linked(
    who: &Who,
    l: Lang,
    role: Role,
    scope: &str,
    places: &InstitutionDivisions,
) -> Html {
    match places.get(scope).filter(|_| role == Role::Clinic) {
        Some((name, _)) => Label::new(name, scope).link(Pages::of(who).institution),
        None => Html::text(&words(l, role, scope, places)),
    }
}

/// The tree with one line chosen. Beside the divisions of the standard it holds those of
/// institutions and those in `used`.
pub(in crate::web) fn tree(
    l: Lang,
    places: &InstitutionDivisions,
    used: &[String],
    chosen: &str,
) -> ScopeTree {
    let partner = partner_scope(chosen);
    let division = partner.map_or(chosen, |(_, district)| district);
    let mut codes: BTreeSet<&str> = divisions::all().keys().copied().collect();
    codes.extend(places.values().map(|p| p.1.as_str()).filter(|scope| is_code(scope)));
    codes.extend(used.iter().map(String::as_str).filter(|scope| is_code(scope)));
    let provinces = provinces(codes, division);
    let mut by_place: Vec<(&String, &(String, String))> = places.iter().collect();
    by_place.sort_by_key(|(id, (_, division))| (division.clone(), (*id).clone()));
    let institutions = by_place.into_iter().map(|(id, (name, division))| Choice {
        value: id.clone(),
        words: format!("{} {name} ({id})", divisions::full_name(division)).trim().to_owned(),
        chosen: id == chosen,
    });
    let agencies = Agency::ALL.iter().map(|agency| Choice {
        value: agency.as_str().to_owned(),
        words: l.t(agency.zh(), agency.en()).to_owned(),
        chosen: partner.is_some_and(|(of, _)| of == *agency),
    });
    ScopeTree {
        everywhere: division.is_empty(),
        provinces,
        institutions: institutions.collect(),
        agencies: agencies.collect(),
    }
}

/// Codes in their order, each below the one that it begins with, with one that is chosen.
pub(in crate::web) fn provinces(codes: BTreeSet<&str>, chosen: &str) -> Vec<Province> {
    let mut provinces: Vec<Province> = Vec::new();
    for code in codes.into_iter().filter(|code| is_code(code)) {
        let choice =
            Choice { value: code.to_owned(), words: indented(code), chosen: code == chosen };
        match provinces.last_mut() {
            Some(last) if code.starts_with(&last.divisions[0].value) => last.divisions.push(choice),
            _ => {
                let name = divisions::name(code).unwrap_or(code).to_owned();
                provinces.push(Province { name, divisions: vec![choice] });
            }
        }
    }
    provinces
}

/// Digits enough to say a province.
fn is_code(scope: &str) -> bool {
    scope.len() >= 2 && scope.bytes().all(|b| b.is_ascii_digit())
}

/// A division's own name with its code, as deep as the code has pairs of digits.
fn indented(code: &str) -> String {
    let depth = (code.len() / 2).saturating_sub(1);
    let name = divisions::name(code).unwrap_or_default();
    format!("{}{}", "　".repeat(depth), format!("{name} {code}").trim_start())
}

/// The scope that a form's fields say for this role: an institution for a clinic, nothing for an
/// administrator, an agency in a division for a partner, else a division.
pub(in crate::web) fn chosen(role: &str, scope: &str, institution: &str, agency: &str) -> String {
    match Role::parse(role) {
        Some(Role::Clinic) => institution.trim().to_owned(),
        Some(Role::Admin) => String::new(),
        Some(Role::Partner) => format!("{}/{}", agency.trim(), scope.trim()),
        _ => scope.trim().to_owned(),
    }
}

/// A scope in words: an institution's name, an agency, a division with what it lies in, or
/// everything.
pub(in crate::web) fn words(
    l: Lang,
    role: Role,
    scope: &str,
    places: &InstitutionDivisions,
) -> String {
    if scope.is_empty() {
        return l.t("全部", "everywhere").to_owned();
    }
    if role == Role::Clinic {
        return named(places.get(scope).map(|p| &p.0), scope);
    }
    match partner_scope(scope) {
        Some((agency, "")) => l.t(agency.zh(), agency.en()).to_owned(),
        Some((agency, district)) => {
            format!("{} · {}", l.t(agency.zh(), agency.en()), divisions::words(district))
        }
        None => divisions::words(scope),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_holds_every_level_above_an_institution() {
        let places = InstitutionDivisions::from([(
            "c-1".to_owned(),
            ("锦城".to_owned(), "510104".to_owned()),
        )]);
        let tree = tree(Lang::Zh, &places, &["3301".to_owned(), "c-9".to_owned()], "5101");
        let all: Vec<&Choice> = tree.provinces.iter().flat_map(|p| &p.divisions).collect();
        let values: Vec<&str> = all.iter().map(|c| c.value.as_str()).collect();
        for wanted in ["51", "5101", "510104", "33", "3301", "110105"] {
            assert!(values.contains(&wanted), "{wanted}");
        }
        assert!(!values.contains(&"c-9") && values.iter().all(|v| v.len() <= 12));
        assert_eq!(tree.provinces.len(), PROVINCES.len(), "a code stands below no province");
        let chosen: Vec<&&Choice> = all.iter().filter(|c| c.chosen).collect();
        assert_eq!((chosen.len(), chosen[0].words.as_str()), (1, "　成都市 5101"));
        assert_eq!(tree.institutions[0].words, "四川省成都市锦江区 锦城 (c-1)");
        assert_eq!(words(Lang::Zh, Role::Clinic, "c-1", &places), "锦城 (c-1)");
        assert_eq!(words(Lang::Zh, Role::Auditor, "5101", &places), "四川省成都市 5101");
        assert_eq!(super::chosen("partner", "5101", "c-1", "grid"), "grid/5101");
        let partner = words(Lang::Zh, Role::Partner, "grid/5101", &places);
        assert!(partner.ends_with(" · 四川省成都市 5101"), "{partner}");
    }
}
