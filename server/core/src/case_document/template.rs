//! The text of a document: an authority's own is checked, and filled from the case. It invents
//! nothing: what the case lacks stays a blank.

use super::{CaseFact, CaseFacts, DocumentKind, LONGEST};

/// What stands where the case has no value.
pub(super) const BLANK: &str = "＿＿＿＿＿＿";

/// Why a text is no template of a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateFault {
    #[error("template: 1 to {LONGEST} characters")]
    Length,
    #[error("template: `{0}` is no name that a case fills in")]
    Unknown(String),
    #[error("template: a name begins with two braces and never ends")]
    Open,
    #[error("template: `{}` is missing; this document may not leave it out", .0.name())]
    Missing(CaseFact),
}

impl TemplateFault {
    pub fn zh(&self) -> String {
        match self {
            Self::Length => format!("模板：1至{LONGEST}字"),
            Self::Unknown(name) => format!("模板：没有名为“{name}”的填写项"),
            Self::Open => "模板：填写项缺少右侧双花括号".to_owned(),
            Self::Missing(fact) => {
                format!("模板：该文书不得缺少填写项“{}”", fact.name())
            }
        }
    }
}

/// Whether an authority's own text may stand for a document: every name is known, and none is
/// missing that the law wants said.
pub fn check_template(kind: DocumentKind, text: &str) -> Result<(), TemplateFault> {
    if text.trim().is_empty() || text.chars().count() > LONGEST {
        return Err(TemplateFault::Length);
    }
    let (mut asked, mut rest) = (Vec::new(), text);
    while let Some((_, after)) = rest.split_once("{{") {
        let (name, behind) = after.split_once("}}").ok_or(TemplateFault::Open)?;
        let fact = CaseFact::ALL.into_iter().find(|f| f.name() == name);
        let clipped = || TemplateFault::Unknown(name.chars().take(40).collect());
        asked.push(fact.ok_or_else(clipped)?);
        rest = behind;
    }
    match kind.must_say().iter().find(|fact| !asked.contains(fact)) {
        Some(missing) => Err(TemplateFault::Missing(*missing)),
        None => Ok(()),
    }
}

/// A template with everything that the case knows.
pub fn filled(template: &str, facts: &CaseFacts) -> String {
    // One pass over the template: a value that holds braces is never read as a name.
    let (mut out, mut rest) = (String::new(), template);
    while let Some((before, after)) = rest.split_once("{{") {
        out.push_str(before);
        let Some((name, behind)) = after.split_once("}}") else { break };
        let fact = CaseFact::ALL.into_iter().find(|f| f.name() == name);
        let value = fact.and_then(|f| facts.get(&f)).map(|v| v.trim()).filter(|v| !v.is_empty());
        // What the law table says of a step is there, or nothing is.
        let nothing = if fact.is_some_and(CaseFact::may_be_nothing) { "" } else { BLANK };
        out.push_str(value.unwrap_or(nothing));
        rest = behind;
    }
    out.push_str(rest);
    out.trim_end().to_owned()
}
