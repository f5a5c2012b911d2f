//! What an entry of the audit log was about, by the name that people know: a lead by its number,
//! people, rooms, institutions and accounts by their names. Of what an entry kept, it reads the
//! address and the persons; whoever may read no names of people is told none.

use std::collections::{BTreeMap, BTreeSet};

use super::names::{Html, Label, Names, Pages};
use super::words::Lang;
use crate::access::Who;
use crate::app::App;
use crate::store::{AuditEntry, StoreError};
use crate::web::request::rights::{SIGHT, may_open};
use crate::web::request::scope::VisibleInstitutions;

/// Persons that a sentence names; of more it says how many.
const PERSONS: usize = 6;

/// What stands at an address that an entry kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Thing {
    Lead,
    Person,
    Room,
    Institution,
    Account,
    Box,
    Session,
}

/// The id in `/api/v1/alerts/1111?x=y`, and of what it is.
fn thing(action: &str, object: &str) -> Option<(Thing, String)> {
    let pattern = action.split_once(' ')?.1;
    let path = object.split([' ', '?', '|']).next()?;
    let (pattern, path) = (of_the_pages(pattern), of_the_pages(path));
    let mut parts = pattern.split('/').zip(path.split('/'));
    let id = parts.find_map(|(of, part)| (of == "{id}").then_some(part))?;
    let noun = path.trim_start_matches('/').trim_start_matches("registry/");
    let thing = match noun.split('/').next()? {
        "alerts" => Thing::Lead,
        "people" | "practitioners" | "registry-photo" | "checks" => Thing::Person,
        "rooms" => Thing::Room,
        "institutions" => Thing::Institution,
        "accounts" => Thing::Account,
        "devices" => Thing::Box,
        "sessions" => Thing::Session,
        _ => return None,
    };
    let is_page = id.is_empty() || id == "new" || id == "csv";
    (!is_page).then(|| (thing, id.to_owned()))
}

/// A call's address as that of the page beside it.
fn of_the_pages(path: &str) -> &str {
    path.strip_prefix("/api/v1").unwrap_or(path)
}

/// The persons that were shown, and how many more there were.
fn persons(object: &str) -> (Vec<&str>, usize) {
    let Some((_, said)) = object.rsplit_once(" | persons ") else { return (Vec::new(), 0) };
    let (named, more) = said.split_once(" and ").unwrap_or((said, ""));
    let more = more.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0);
    (named.split(' ').filter(|id| !id.is_empty()).collect(), more)
}

/// The step that was taken with a lead, as [`Lang::step`] knows it.
fn step(object: &str) -> Option<&str> {
    let said = object.split(" | ").find_map(|part| part.strip_prefix("alert "))?;
    match said.split_once(": ")?.1.split([' ', ';']).next()? {
        "assigned" => Some("assign"),
        step => Some(step),
    }
}

/// An object as a sentence ends with it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::web) struct Object {
    /// `#12`, `王医生`, `激光一室`; empty where the sentence needs none.
    pub(in crate::web) name: String,
    /// Empty where the reader may not open it.
    pub(in crate::web) href: String,
    /// What was done with a lead; empty where nothing was.
    pub(in crate::web) step: String,
    /// Whom it showed; empty where it showed nobody, or the reader is told no names.
    pub(in crate::web) persons: Html,
}

/// The names of everything that some entries are about. Made for a whole page at once.
pub(in crate::web) struct Objects {
    leads: BTreeMap<String, i64>,
    people: Names,
    rooms: Names,
    institutions: Names,
    boxes: Names,
    accounts: Names,
    pages: Pages,
    /// The reader is told who people are.
    names: bool,
}

impl Objects {
    /// Asks the store, and blocks.
    pub(in crate::web) fn of(
        a: &App,
        who: &Who,
        entries: &[AuditEntry],
        accounts: BTreeMap<String, String>,
    ) -> Result<Self, StoreError> {
        let things: BTreeSet<(Thing, String)> =
            entries.iter().filter_map(|e| thing(&e.action, &e.object)).collect();
        let ids = |wanted: Thing| -> Vec<String> {
            things.iter().filter(|t| t.0 == wanted).map(|t| t.1.clone()).collect()
        };
        let names = who.is_one_of(SIGHT);
        let mut people = ids(Thing::Person);
        let shown = entries.iter().flat_map(|e| persons(&e.object).0);
        people.extend(shown.map(str::to_owned));
        people.sort_unstable();
        people.dedup();
        let people = if names {
            Names::people(a, &VisibleInstitutions::of(a, who)?, people.iter().map(String::as_str))?
        } else {
            Names::default()
        };
        let (rooms, institutions) = (ids(Thing::Room), ids(Thing::Institution));
        let boxes = ids(Thing::Box);
        Ok(Self {
            leads: a.store.alert_numbers(&ids(Thing::Lead))?,
            people,
            boxes: Names::boxes(a, boxes.iter().map(String::as_str))?,
            pages: Pages::of(who),
            rooms: Names::rooms(a, rooms.iter().map(String::as_str))?,
            institutions: Names::institutions(a, institutions.iter().map(String::as_str))?,
            accounts: accounts.into(),
            names,
        })
    }

    pub(in crate::web) fn object(&self, l: Lang, who: &Who, entry: &AuditEntry) -> Object {
        let persons = self.persons(l, &entry.object);
        let Some((thing, id)) = thing(&entry.action, &entry.object) else {
            return Object { persons, ..Object::default() };
        };
        let lead = || self.leads.get(&id).map_or_else(|| id.clone(), |number| format!("#{number}"));
        let if_open = |page, route| if may_open(who, route) { page } else { "" };
        let (it, page) = match thing {
            Thing::Lead => (Label::new(&lead(), &id), if_open("/alerts/", "/alerts/{id}")),
            Thing::Person => (self.people.get(&id), self.pages.person),
            Thing::Room => (self.rooms.get(&id), self.pages.room),
            Thing::Institution => (self.institutions.get(&id), self.pages.institution),
            Thing::Account => (self.accounts.get(&id), self.pages.account),
            Thing::Box => (self.boxes.get(&id), self.pages.device),
            Thing::Session => (Label::new("", &id), if_open("/sessions/", "/sessions/{id}")),
        };
        let closed = page.is_empty() || it.closed;
        let href = if closed { String::new() } else { format!("{page}{id}") };
        let name = it.name;
        let step = step(&entry.object).map(|step| l.step(step)).unwrap_or_default();
        Object { name, href, step, persons }
    }

    fn persons(&self, l: Lang, object: &str) -> Html {
        let (ids, more) = persons(object);
        if ids.is_empty() || !self.names {
            return Html::default();
        }
        let few = ids.iter().take(PERSONS);
        let few = few.map(|id| self.people.get(id).bare_link(self.pages.person));
        let named = Html::joined(few, l.t("、", ", "));
        let more = more + ids.len().saturating_sub(PERSONS);
        let rest = match (more, l) {
            (0, _) => return named,
            (more, Lang::Zh) => format!("等 {} 人", more + ids.len().min(PERSONS)),
            (more, Lang::En) => format!(" and {more} more"),
        };
        Html::joined([named, Html::text(&rest)], "")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_tells_what_it_was_about() {
        for (action, object, wanted) in [
            (
                "POST /api/v1/alerts/{id}/steps",
                "/api/v1/alerts/11/steps | alert 11: take",
                Some((Thing::Lead, "11".to_owned())),
            ),
            ("GET /alerts/{id}", "/alerts/11?why=x", Some((Thing::Lead, "11".to_owned()))),
            ("GET /rooms/{id}", "/rooms/room-1", Some((Thing::Room, "room-1".to_owned()))),
            (
                "GET /registry/{noun}/{id}",
                "/registry/people/p-1 | persons p-1",
                Some((Thing::Person, "p-1".to_owned())),
            ),
            ("GET /people", "/people?q=王 | persons p-1", None),
            ("odd", "", None),
        ] {
            assert_eq!(thing(action, object), wanted, "{action} {object}");
        }
    }

    #[test]
    fn persons_are_read_with_the_count_of_the_rest() {
        assert_eq!(persons("/people | persons p-1 p-2"), (vec!["p-1", "p-2"], 0));
        assert_eq!(persons("/people | persons p-1 and 10 more"), (vec!["p-1"], 10));
        assert_eq!(persons("/people"), (Vec::new(), 0));
    }

    #[test]
    fn a_step_is_read_from_the_words_of_an_entry() {
        let of = |words: &str| format!("/alerts/11/steps | alert 11: {words} | persons p-1");
        for (words, wanted) in
            [("uphold", "uphold"), ("dismiss (other)", "dismiss"), ("assigned to wang", "assign")]
        {
            assert_eq!(step(&of(words)), Some(wanted));
        }
        assert_eq!(step("/people | persons p-1"), None);
    }
}
