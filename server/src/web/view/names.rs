//! What things and people are called on a page: the name, a link where its reader may open what it
//! names, with the id small beside it. Names are looked up for a whole page at once; a clinic is
//! told the names of its own people alone.

use std::collections::{BTreeMap, BTreeSet};

use askama::filters::HtmlSafe;

use super::chart::escape;
use super::words::Lang;
use crate::access::{Role, Who};
use crate::app::App;
use crate::model::Name;
use crate::problem::encoded;
use crate::store::StoreError;
use crate::text::id_replaced;
use crate::web::request::actor::AUTHORITY;
use crate::web::request::rights::may_open;
use crate::web::request::scope::VisibleInstitutions;

/// What the house did by itself, as the store keeps it; no account may have such a name.
const BY_POLICY: &str = "(policy)";
const BY_FACTS: &str = "facts";

/// A piece of a page, escaped where it was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::web) struct Html(String);

impl std::fmt::Display for Html {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl HtmlSafe for Html {}

impl Html {
    pub(in crate::web) fn text(text: &str) -> Self {
        Self(escape(text))
    }

    pub(in crate::web) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Several, with `between` them.
    pub(in crate::web) fn joined(all: impl IntoIterator<Item = Self>, between: &str) -> Self {
        let all: Vec<String> = all.into_iter().map(|one| one.0).collect();
        Self(all.join(&escape(between)))
    }
}

/// Where the pages of people and things begin that a reader may open; empty where they may not.
/// Whoever keeps the registry and reads no leads opens its entries instead.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::web) struct Pages {
    pub(in crate::web) person: &'static str,
    pub(in crate::web) room: &'static str,
    pub(in crate::web) institution: &'static str,
    pub(in crate::web) device: &'static str,
    pub(in crate::web) item: &'static str,
    pub(in crate::web) account: &'static str,
}

impl Pages {
    pub(in crate::web) fn of(who: &Who) -> Self {
        const ENTRY: &str = "/registry/{noun}/{id}";
        let first = |all: &[(&'static str, &str)]| {
            all.iter().find(|(_, route)| may_open(who, route)).map_or("", |(page, _)| page)
        };
        Self {
            person: first(&[("/people/", "/people/{id}"), ("/registry/people/", ENTRY)]),
            room: first(&[("/rooms/", "/rooms/{id}"), ("/registry/rooms/", ENTRY)]),
            institution: first(&[
                ("/institutions/", "/institutions/{id}"),
                ("/registry/institutions/", ENTRY),
            ]),
            device: first(&[("/devices/", "/devices/{id}")]),
            item: first(&[("/registry/items/", ENTRY)]),
            account: first(&[("/accounts/", "/accounts/{id}")]),
        }
    }
}

/// A thing or a person as a page names it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::web) struct Label {
    pub(in crate::web) name: String,
    /// Empty where it has no other name.
    pub(in crate::web) id: String,
    /// There is no page of it, or none that this reader opens.
    pub(in crate::web) closed: bool,
}

impl Label {
    pub(in crate::web) fn new(name: &str, id: &str) -> Self {
        if name.is_empty() || name == id {
            return Self { name: id.to_owned(), ..Self::default() };
        }
        Self { name: name.to_owned(), id: id.to_owned(), closed: false }
    }

    /// Words in the place of a name.
    pub(in crate::web) fn words(words: &str) -> Self {
        Self { name: words.to_owned(), id: String::new(), closed: true }
    }

    pub(in crate::web) fn is_empty(&self) -> bool {
        self.name.is_empty()
    }

    /// The name, a link to its page where these pages are any, with the id small beside it.
    pub(in crate::web) fn link(&self, page: &str) -> Html {
        let Html(name) = self.bare_link(page);
        if self.id.is_empty() {
            return Html(name);
        }
        Html(format!("{name} <small>{}</small>", escape(&self.id)))
    }

    /// The same where the id stands elsewhere.
    pub(in crate::web) fn bare_link(&self, page: &str) -> Html {
        let id = if self.id.is_empty() { &self.name } else { &self.id };
        let name = escape(&self.name);
        if page.is_empty() || self.closed || self.is_empty() {
            return Html(name);
        }
        Html(format!("<a href=\"{page}{}\">{name}</a>", encoded(id)))
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
pub(in crate::web) fn named(name: Option<&String>, id: &str) -> String {
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
pub(in crate::web) fn with_names(l: Lang, said: &str, names: &BTreeMap<String, Name>) -> String {
    names.iter().fold(said.to_owned(), |said, (id, name)| {
        if name.0 == *id { said } else { id_replaced(&said, id, &beside(l, &name.0, id)) }
    })
}

/// Names by id, of one kind of thing.
#[derive(Debug, Clone, Default)]
pub(in crate::web) struct Names {
    by_id: BTreeMap<String, String>,
    /// Whose page the reader does not open.
    closed: BTreeSet<String>,
}

impl From<BTreeMap<String, String>> for Names {
    fn from(by_id: BTreeMap<String, String>) -> Self {
        Self { by_id, closed: BTreeSet::new() }
    }
}

/// Each id once, without those that are missing.
fn distinct<'a>(ids: impl IntoIterator<Item = &'a str>) -> Vec<String> {
    let ids: BTreeSet<&str> = ids.into_iter().filter(|id| !id.is_empty()).collect();
    ids.into_iter().map(str::to_owned).collect()
}

/// Each asks the store, and blocks.
impl Names {
    pub(in crate::web) fn institutions<'a>(
        a: &App,
        ids: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, StoreError> {
        Ok(a.store.institution_names(&distinct(ids))?.into())
    }

    pub(in crate::web) fn rooms<'a>(
        a: &App,
        ids: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, StoreError> {
        Ok(a.store.room_names(&distinct(ids))?.into())
    }

    pub(in crate::web) fn boxes<'a>(
        a: &App,
        ids: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, StoreError> {
        Ok(a.store.box_names(&distinct(ids))?.into())
    }

    /// Of people with an account, by login: to a clinic those of its own alone.
    pub(in crate::web) fn colleagues<'a>(
        a: &App,
        who: &Who,
        logins: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, StoreError> {
        let logins = distinct(logins.into_iter().flat_map(|by| by.split(", ")));
        let own = (who.role == Role::Clinic).then_some(who.scope.as_str());
        Ok(a.store.account_names(&logins, own)?.into())
    }

    /// Of people of the registry, as far as they are any of the reader's business. Of somebody who
    /// has a pass here and a site elsewhere they read the name, and open no page.
    pub(in crate::web) fn people<'a>(
        a: &App,
        seen: &VisibleInstitutions,
        ids: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, StoreError> {
        let ids = distinct(ids);
        let names = seen.names(a, &ids)?;
        let open = match seen.these() {
            None => names.keys().cloned().collect(),
            Some(places) => a.store.with_site_at(&ids, places)?,
        };
        let closed = names.keys().filter(|id| !open.contains(*id)).cloned().collect();
        let by_id = names.into_iter().map(|(id, name)| (id, name.0)).collect();
        Ok(Self { by_id, closed })
    }
}

impl Names {
    /// These and others.
    #[must_use]
    pub(in crate::web) fn and(mut self, others: Self) -> Self {
        self.by_id.extend(others.by_id);
        self.closed.extend(others.closed);
        self
    }

    /// These, of which the reader opens those alone that are open among others.
    #[must_use]
    pub(in crate::web) fn closed_but(mut self, open: &Self) -> Self {
        let shut = |id: &&String| !open.by_id.contains_key(*id) || open.closed.contains(*id);
        self.closed.extend(self.by_id.keys().filter(shut).cloned().collect::<Vec<_>>());
        self
    }

    pub(in crate::web) fn get(&self, id: &str) -> Label {
        let known = self.by_id.get(id);
        let closed = known.is_none() || self.closed.contains(id);
        Label { closed, ..Label::new(known.map_or("", String::as_str), id) }
    }

    /// What was said, in which these names stand as [`beside`] or [`named`] set them: as links.
    pub(in crate::web) fn linked(&self, page: &str, said: &str) -> Html {
        self.linked_in(page, Html::text(said))
    }

    /// The same within what was escaped, and may hold links of other names.
    pub(in crate::web) fn linked_in(&self, page: &str, said: Html) -> Html {
        let open = self.by_id.iter().filter(|(id, name)| {
            !page.is_empty() && !name.is_empty() && name != id && !self.closed.contains(*id)
        });
        let text = open.fold(said.0, |text, (id, name)| {
            let (shown, id, at) = (escape(name), escape(id), encoded(id));
            [("（", "）"), (" (", ")")].into_iter().fold(text, |text, (begin, end)| {
                let link = format!("<a href=\"{page}{at}\">{shown}</a>{begin}{id}{end}");
                text.replace(&format!("{shown}{begin}{id}{end}"), &link)
            })
        });
        Html(text)
    }

    /// What a box said of people by their ids, with the names that the reader may know.
    pub(in crate::web) fn said(&self, l: Lang, pages: Pages, said: &str) -> Html {
        let named = self.by_id.iter().fold(said.to_owned(), |said, (id, name)| {
            if name == id { said } else { id_replaced(&said, id, &beside(l, name, id)) }
        });
        self.linked(pages.person, &named)
    }

    /// Whoever took a step: one login, several with commas between, or what a clinic is told
    /// instead.
    pub(in crate::web) fn person(&self, l: Lang, by: &str) -> Label {
        let words = match by {
            AUTHORITY => l.t("主管部门", "the authority"),
            BY_POLICY => l.t("系统（按策略）", "the house, by its policy"),
            BY_FACTS => l.t("系统（按事实）", "the house, by facts"),
            _ => "",
        };
        if !words.is_empty() {
            return Label::words(words);
        }
        if !by.contains(", ") {
            return self.get(by);
        }
        let all: Vec<Label> = by.split(", ").map(|one| self.person(l, one)).collect();
        let names: Vec<&str> = all.iter().map(|one| one.name.as_str()).collect();
        Label { closed: true, ..Label::new(&names.join(l.t("、", ", ")), by) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let of = [("wang", "王芳"), ("li", "li"), ("room-1", "激光一室"), ("room-2", "")];
        let of = of.into_iter().map(|(id, name)| (id.to_owned(), name.to_owned()));
        of.collect::<BTreeMap<_, _>>().into()
    }

    #[test]
    fn a_name_stands_before_its_id() {
        assert_eq!(names().get("room-1").to_string(), "激光一室 (room-1)");
        for bare in ["room-2", "room-3", "li"] {
            assert_eq!(names().get(bare).to_string(), bare, "an id beside itself");
        }
    }

    #[test]
    fn a_name_is_a_link_where_it_has_a_page() {
        let link = |id: &str, page: &str| names().get(id).link(page).to_string();
        let room = "<a href=\"/rooms/room-1\">激光一室</a> <small>room-1</small>";
        assert_eq!(link("room-1", "/rooms/"), room);
        assert_eq!(link("room-1", ""), "激光一室 <small>room-1</small>", "nobody opens it");
        assert_eq!(link("room-2", "/rooms/"), "<a href=\"/rooms/room-2\">room-2</a>");
        assert_eq!(link("room-3", "/rooms/"), "room-3", "nobody knows it");
        let sly = Label::new("<b>\"", "a/b").link("/rooms/").to_string();
        assert_eq!(sly, "<a href=\"/rooms/a%2Fb\">&lt;b&gt;&quot;</a> <small>a/b</small>");
    }

    #[test]
    fn names_of_a_sentence_are_links_of_their_own() {
        let said = |text: &str| names().linked("/people/", text).to_string();
        let link = "<a href=\"/people/wang\">王芳</a>";
        assert_eq!(said("由王芳（wang）操作 <b>"), format!("由{link}（wang）操作 &lt;b&gt;"));
        assert_eq!(said("王芳 (wang), li"), format!("{link} (wang), li"));
        assert_eq!(said("王芳，room-2"), "王芳，room-2", "without its id it may be anybody");
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
