//! Fields in which a division or an institution is chosen by its name, for any form: nobody types a
//! code. They offer what lies in the reader's part of the country; what is taken says the handler.

use std::collections::BTreeSet;

use askama::Template;

use crate::access::Who;
use crate::divisions;
use crate::web::view::scope_tree::{Choice, InstitutionDivisions, Province, provinces};
use crate::web::view::words::Lang;

/// A field of divisions.
pub(super) struct DivisionChoice<'a> {
    /// Its name in the form, and its id on the page.
    pub name: &'a str,
    pub label: &'a str,
    /// What choosing nothing means; only for whoever sees everything.
    pub everywhere: &'a str,
    pub chosen: &'a str,
    /// The fault that stands at it; empty where there is none.
    pub fault: &'a str,
}

#[derive(Template)]
#[template(path = "division_field.html")]
struct DivisionField<'a> {
    l: Lang,
    it: &'a DivisionChoice<'a>,
    provinces: Vec<Province>,
    offers_all: bool,
}

#[derive(Template)]
#[template(path = "institution_field.html")]
struct InstitutionField<'a> {
    l: Lang,
    it: &'a DivisionChoice<'a>,
    choices: Vec<Choice>,
}

/// The field as a piece of a page; its words are escaped. `used` are codes beside the standard's.
pub(super) fn division(l: Lang, who: &Who, it: &DivisionChoice<'_>, used: &[String]) -> String {
    let mut codes: BTreeSet<&str> = divisions::all().keys().copied().collect();
    codes.extend(used.iter().map(String::as_str));
    // What stands there stays, also where it is none of the standard's.
    codes.extend([it.chosen, who.scope.as_str()]);
    codes.retain(|code| code.starts_with(&who.scope));
    let provinces = provinces(codes, it.chosen);
    let field = DivisionField { l, it, provinces, offers_all: who.scope.is_empty() };
    field.render().unwrap_or_default()
}

/// The divisions of the reader's part for a form of the registry, by name; `stands` stays a choice
/// where it is none of the standard's. Nothing stands for everywhere, or for none yet.
pub(super) fn options(who: &Who, nothing: &str, stands: &str) -> Vec<(String, String)> {
    let mut codes: BTreeSet<&str> = divisions::all().keys().copied().collect();
    codes.extend([stands, who.scope.as_str()].into_iter().filter(|code| !code.is_empty()));
    codes.retain(|code| code.starts_with(&who.scope) || *code == stands);
    let named = codes.into_iter().map(|code| (code.to_owned(), divisions::words(code)));
    [(String::new(), nothing.to_owned())].into_iter().chain(named).collect()
}

/// The same of the institutions in the reader's part of the country.
pub(super) fn institution(
    l: Lang,
    who: &Who,
    it: &DivisionChoice<'_>,
    places: &InstitutionDivisions,
) -> String {
    let mut seen: Vec<(&String, &(String, String))> =
        places.iter().filter(|(id, place)| who.sees(id, &place.1)).collect();
    seen.sort_by_key(|(id, place)| (place.1.clone(), (*id).clone()));
    let choice = |(id, (name, division)): (&String, &(String, String))| Choice {
        value: id.clone(),
        words: format!("{} {name} ({id})", divisions::full_name(division)).trim().to_owned(),
        chosen: id == it.chosen,
    };
    let choices = seen.into_iter().map(choice).collect();
    InstitutionField { l, it, choices }.render().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Role;

    fn who(scope: &str) -> Who {
        Who { role: Role::Supervisor, scope: scope.to_owned(), ..Who::open_house() }
    }

    fn field(chosen: &str) -> DivisionChoice<'_> {
        DivisionChoice {
            name: "jurisdiction",
            label: "区划",
            everywhere: "全部",
            chosen,
            fault: "",
        }
    }

    #[test]
    fn a_division_is_offered_in_the_readers_own_part() {
        let all = division(Lang::Zh, &who(""), &field(""), &[]);
        assert!(all.contains("成都市 5101<") && all.contains("杭州市 3301<"), "{all}");
        assert!(all.contains("value=\"\" selected"), "everywhere is no choice");
        let own = division(Lang::Zh, &who("5101"), &field("510104"), &[]);
        assert!(own.contains("value=\"510104\" selected") && own.contains("value=\"5101\""));
        assert!(!own.contains("3301") && !own.contains("value=\"\""), "{own}");
    }

    #[test]
    fn a_code_of_ones_own_stays_chosen() {
        let own = division(Lang::Zh, &who("5101"), &field("510199"), &["510188".to_owned()]);
        assert!(own.contains("value=\"510199\" selected") && own.contains("value=\"510188\""));
    }

    #[test]
    fn a_registrys_form_offers_divisions_by_name() {
        let own = options(&who("5101"), "—", "330106");
        assert!(own.contains(&("5101".to_owned(), "四川省成都市 5101".to_owned())), "{own:?}");
        assert!(own.contains(&("330106".to_owned(), divisions::words("330106"))), "what stands");
        assert!(own.iter().all(|(code, _)| code != "3301"), "another part of the country");
        assert_eq!(own[0], (String::new(), "—".to_owned()));
    }

    #[test]
    fn an_institution_elsewhere_is_not_offered() {
        let place = |name: &str, code: &str| (name.to_owned(), code.to_owned());
        let places = InstitutionDivisions::from([
            ("c-1".to_owned(), place("锦城<b>", "510104")),
            ("c-2".to_owned(), place("别处", "330106")),
        ]);
        let own = institution(Lang::Zh, &who("5101"), &field("c-1"), &places);
        assert!(own.contains("value=\"c-1\" selected") && !own.contains("别处"), "{own}");
        assert!(!own.contains("<b>"), "a name is no markup");
    }
}
