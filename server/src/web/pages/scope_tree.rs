//! Which part of the country an account is for, as a tree to choose from: provinces, below them the
//! divisions that are in use, below these their institutions. Nobody types a code that he can
//! choose.

use std::collections::{BTreeMap, BTreeSet};

use super::words::Lang;
use crate::access::Role;
use crate::app::App;
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
pub(super) struct Choice {
    pub value: String,
    pub words: String,
    pub chosen: bool,
}

/// Divisions for authorities, and institutions for clinics.
#[derive(Debug, Default)]
pub(super) struct ScopeTree {
    pub divisions: Vec<Choice>,
    pub institutions: Vec<Choice>,
}

fn province(code: &str) -> Option<&'static str> {
    let digits = code.get(..2)?;
    PROVINCES.iter().find(|p| p.0 == digits).map(|p| p.1)
}

/// Institutions by id: name and division.
pub(super) type Places = BTreeMap<String, (String, String)>;

/// Blocking: it asks the store.
pub(super) fn places(app: &App) -> Result<Places, StoreError> {
    let all = app.store.institutions()?;
    Ok(all.into_iter().map(|i| (i.id.to_string(), (i.name, i.jurisdiction))).collect())
}

/// The tree with one line chosen. Divisions are those of institutions and those in `used`.
pub(super) fn tree(l: Lang, places: &Places, used: &[String], chosen: &str) -> ScopeTree {
    let mut codes: BTreeSet<String> = PROVINCES.iter().map(|p| p.0.to_owned()).collect();
    for code in places.values().map(|p| &p.1).chain(used) {
        let digits = code.chars().all(|c| c.is_ascii_digit());
        codes.extend([2, 4, 6].iter().filter_map(|n| code.get(..*n)).map(str::to_owned));
        codes.extend((digits && !code.is_empty()).then(|| code.clone()));
    }
    codes.retain(|code| code.chars().all(|c| c.is_ascii_digit()));
    let mut divisions = vec![Choice {
        value: String::new(),
        words: l.t("全部", "Everywhere").to_owned(),
        chosen: chosen.is_empty(),
    }];
    divisions.extend(codes.into_iter().map(|code| Choice {
        chosen: code == chosen,
        words: indented(&code),
        value: code,
    }));
    let mut by_place: Vec<(&String, &(String, String))> = places.iter().collect();
    by_place.sort_by_key(|(id, (_, division))| (division.clone(), (*id).clone()));
    let institutions = by_place.into_iter().map(|(id, (name, division))| Choice {
        value: id.clone(),
        words: format!("{division} {name} ({id})"),
        chosen: id == chosen,
    });
    ScopeTree { divisions, institutions: institutions.collect() }
}

/// A code with its province's name, as deep as it has pairs of digits.
fn indented(code: &str) -> String {
    let depth = (code.len() / 2).saturating_sub(1);
    let name = if code.len() == 2 { province(code).unwrap_or_default() } else { "" };
    format!("{}{code} {name}", "　".repeat(depth)).trim_end().to_owned()
}

/// The scope that a form's fields say for this role: an institution for a clinic, nothing for an
/// administrator, else a division, where one that the tree lacks was typed.
pub(super) fn chosen(role: &str, scope: &str, institution: &str, other: &str) -> String {
    let scope = match Role::parse(role) {
        Some(Role::Clinic) => institution,
        Some(Role::Admin) => "",
        _ if other.trim().is_empty() => scope,
        _ => other,
    };
    scope.trim().to_owned()
}

/// A scope in words: an institution's name, a division with its province, or everything.
pub(super) fn words(l: Lang, role: Role, scope: &str, places: &Places) -> String {
    if scope.is_empty() {
        return l.t("全部", "everywhere").to_owned();
    }
    if role == Role::Clinic {
        return places.get(scope).map_or_else(|| scope.to_owned(), |p| p.0.clone());
    }
    province(scope).map_or_else(|| scope.to_owned(), |name| format!("{name} {scope}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_holds_every_level_above_an_institution() {
        let places = Places::from([("c-1".to_owned(), ("锦城".to_owned(), "510104".to_owned()))]);
        let tree = tree(Lang::Zh, &places, &["3301".to_owned(), "c-9".to_owned()], "5101");
        let values: Vec<&str> = tree.divisions.iter().map(|c| c.value.as_str()).collect();
        for wanted in ["", "51", "5101", "510104", "33", "3301"] {
            assert!(values.contains(&wanted), "{wanted}");
        }
        assert!(!values.contains(&"c-9") && values.iter().all(|v| v.len() <= 12));
        let chosen: Vec<&Choice> = tree.divisions.iter().filter(|c| c.chosen).collect();
        assert_eq!((chosen.len(), chosen[0].words.as_str()), (1, "　5101"));
        assert_eq!(tree.institutions[0].words, "510104 锦城 (c-1)");
        assert_eq!(words(Lang::Zh, Role::Clinic, "c-1", &places), "锦城");
        assert_eq!(words(Lang::Zh, Role::Auditor, "5101", &places), "四川省 5101");
    }
}
