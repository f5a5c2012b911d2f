//! Lists a page at a time: `?after=ID&limit=N&q=TEXT`, narrowed to what the reader sees; `next` is
//! the next `after`.

use crate::access::{Role, Who};
use crate::store::ListPart;

#[derive(Debug, Default, Clone, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::web) struct PartQuery {
    pub after: Option<String>,
    #[serde(default, deserialize_with = "limit")]
    #[schemars(range(min = 1, max = 500))]
    pub limit: Option<u32>,
    pub q: Option<String>,
    /// One institution, where the list hangs on institutions.
    pub at: Option<String>,
    /// Which table, where a page has several.
    #[schemars(skip)]
    pub noun: Option<String>,
    /// What a form has just stored, for the page that follows it.
    #[schemars(skip)]
    pub saved: Option<String>,
    #[expect(dead_code, reason = "read from the address by `Lang`")]
    #[schemars(skip)]
    pub lang: Option<String>,
}

/// 1 to 500, as the API's description says; anything else is refused rather than bent.
pub(in crate::web) fn limit<'de, D: serde::Deserializer<'de>>(
    from: D,
) -> Result<Option<u32>, D::Error> {
    let text = <std::borrow::Cow<'de, str> as serde::Deserialize>::deserialize(from)?;
    match text.parse::<u32>() {
        Ok(n) if (1..=500).contains(&n) => Ok(Some(n)),
        _ => Err(serde::de::Error::custom("limit: use 1 to 500")),
    }
}

impl PartQuery {
    /// One more than is shown is asked for, so that the end is known.
    pub(in crate::web) fn part(&self, who: &Who, default_limit: u32) -> ListPart {
        let clinic = who.role == Role::Clinic;
        let clipped = |text: &Option<String>| {
            crate::clock::clip(&crate::text::plain(text.as_deref().unwrap_or_default()), 100)
        };
        ListPart {
            after: clipped(&self.after),
            limit: self.limit.unwrap_or(default_limit) + 1,
            text: crate::text::folded(&clipped(&self.q)),
            jurisdiction: if clinic { String::new() } else { who.scope.clone() },
            institution: if clinic { who.scope.clone() } else { clipped(&self.at) },
        }
    }
}

/// Takes the one too many away; gives the id of the last, where there was one.
pub(in crate::web) fn cut<T>(
    found: &mut Vec<T>,
    part: &ListPart,
    id: impl Fn(&T) -> String,
) -> Option<String> {
    if found.len() < part.limit as usize {
        return None;
    }
    found.truncate(part.limit as usize - 1);
    found.last().map(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_that_is_full_names_the_next_and_the_last_does_not() {
        let part =
            PartQuery { limit: Some(2), ..PartQuery::default() }.part(&Who::open_house(), 50);
        let mut full = vec!["a".to_owned(), "b".to_owned(), "c".to_owned()];
        assert_eq!(cut(&mut full, &part, Clone::clone), Some("b".to_owned()));
        assert_eq!(full.len(), 2);
        assert_eq!(cut(&mut full, &part, Clone::clone), None);
    }
}
