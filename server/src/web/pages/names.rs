//! What things and people are called on a page: the name, with the id small beside it. Names are
//! looked up for a whole page at once; a clinic is told the names of its own people alone.

use std::collections::{BTreeMap, BTreeSet};

use super::words::Lang;
use crate::access::{Role, Who};
use crate::app::App;
use crate::model::Name;
use crate::store::StoreError;
use crate::text::id_replaced;
use crate::web::actor::AUTHORITY;

/// What the house did by itself, as the store keeps it; no account may have such a name.
const BY_POLICY: &str = "(policy)";
const BY_FACTS: &str = "facts";

/// A thing or a person as a page names it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Label {
    pub(super) name: String,
    /// Empty where it has no other name.
    pub(super) id: String,
}

impl Label {
    pub(super) fn new(name: &str, id: &str) -> Self {
        if name.is_empty() || name == id {
            return Self { name: id.to_owned(), id: String::new() };
        }
        Self { name: name.to_owned(), id: id.to_owned() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.name.is_empty()
    }
}

/// In one line of text, such as a cell of a table that goes out.
impl std::fmt::Display for Label {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.id.is_empty() {
            return f.write_str(&self.name);
        }
        write!(f, "{} ({})", self.name, self.id)
    }
}

/// The same in one line: `锦城 (c-1)`, or the id alone where nothing else is known.
pub(super) fn named(name: Option<&String>, id: &str) -> String {
    Label::new(name.map_or("", String::as_str), id).to_string()
}

/// A name with its id beside, within a sentence of this language.
pub(in crate::web) fn beside(l: Lang, name: &str, id: &str) -> String {
    match l {
        Lang::Zh => format!("{name}（{id}）"),
        Lang::En => format!("{name} ({id})"),
    }
}

/// What a box said, which knows people by their ids alone, with the names that the reader may know.
pub(super) fn with_names(l: Lang, said: &str, names: &BTreeMap<String, Name>) -> String {
    names.iter().fold(said.to_owned(), |said, (id, name)| {
        if name.0 == *id { said } else { id_replaced(&said, id, &beside(l, &name.0, id)) }
    })
}

/// Names by id, of one kind of thing.
#[derive(Debug, Clone, Default)]
pub(super) struct Names(BTreeMap<String, String>);

/// Each id once, without those that are missing.
fn distinct<'a>(ids: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let ids: BTreeSet<&str> = ids.into_iter().filter(|id| !id.is_empty()).collect();
    ids.into_iter().map(str::to_owned).collect()
}

/// Each asks the store, and blocks.
impl Names {
    pub(super) fn institutions<'a>(
        a: &App,
        ids: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, StoreError> {
        Ok(Self(a.store.institution_names(&distinct(ids))?))
    }

    pub(super) fn rooms<'a>(
        a: &App,
        ids: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, StoreError> {
        Ok(Self(a.store.room_names(&distinct(ids))?))
    }

    pub(super) fn boxes<'a>(
        a: &App,
        ids: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, StoreError> {
        Ok(Self(a.store.box_names(&distinct(ids))?))
    }

    /// Of people with an account, by login: to a clinic those of its own alone.
    pub(super) fn colleagues<'a>(
        a: &App,
        who: &Who,
        logins: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, StoreError> {
        let logins = distinct(logins.into_iter().flat_map(|by| by.split(", ")));
        let own = (who.role == Role::Clinic).then_some(who.scope.as_str());
        Ok(Self(a.store.account_names(&logins, own)?))
    }
}

impl Names {
    /// These and others.
    #[must_use]
    pub(super) fn and(mut self, others: Self) -> Self {
        self.0.extend(others.0);
        self
    }

    pub(super) fn get(&self, id: &str) -> Label {
        Label::new(self.0.get(id).map_or("", String::as_str), id)
    }

    /// Whoever took a step: one login, several with commas between, or what a clinic is told
    /// instead.
    pub(super) fn person(&self, l: Lang, by: &str) -> Label {
        let words = match by {
            AUTHORITY => l.t("主管部门", "the authority"),
            BY_POLICY => l.t("系统（按策略）", "the house, by its policy"),
            BY_FACTS => l.t("系统（按事实）", "the house, by facts"),
            _ => "",
        };
        if !words.is_empty() {
            return Label { name: words.to_owned(), id: String::new() };
        }
        if !by.contains(", ") {
            return self.get(by);
        }
        let all: Vec<Label> = by.split(", ").map(|one| self.person(l, one)).collect();
        let names: Vec<&str> = all.iter().map(|one| one.name.as_str()).collect();
        Label::new(&names.join(l.t("、", ", ")), by)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let of = [("wang", "王芳"), ("li", "li"), ("room-1", "激光一室"), ("room-2", "")];
        Names(of.into_iter().map(|(id, name)| (id.to_owned(), name.to_owned())).collect())
    }

    #[test]
    fn a_name_stands_before_its_id() {
        assert_eq!(names().get("room-1").to_string(), "激光一室 (room-1)");
        for bare in ["room-2", "room-3", "li"] {
            assert_eq!(names().get(bare).to_string(), bare, "an id beside itself");
        }
    }

    #[test]
    fn several_who_took_a_step_are_each_named() {
        let both = names().person(Lang::Zh, "wang, li");
        assert_eq!((both.name.as_str(), both.id.as_str()), ("王芳、li", "wang, li"));
        assert_eq!(names().person(Lang::Zh, AUTHORITY).to_string(), "主管部门");
        assert_eq!(names().person(Lang::En, "wang").name, "王芳");
    }

    #[test]
    fn an_id_is_asked_for_once() {
        assert_eq!(distinct(["b", "", "a", "b"]), ["a", "b"]);
    }
}
