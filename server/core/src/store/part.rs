//! Which part of a list is asked for: a page, a search, and what the reader sees.

/// Which part of a list.
#[derive(Debug, Clone, Default)]
pub struct ListPart {
    /// Only what comes after this id; empty for the beginning.
    pub after: String,
    pub limit: u32,
    /// In the id or the name, folded ([`crate::text::folded`]); empty for everything.
    pub text: String,
    /// A prefix; empty for all.
    pub jurisdiction: String,
    /// One institution; empty for all.
    pub institution: String,
}

impl ListPart {
    pub(super) fn bound(&self) -> (&str, u32, &str, &str, &str) {
        (&self.after, self.limit.clamp(1, 501), &self.text, &self.jurisdiction, &self.institution)
    }
}
