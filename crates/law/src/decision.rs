//! What the authority's lawyer said of an article: confirmed, changed, struck out, added. The last
//! word about one holds.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cited::{Against, CitationKind, Cited, Mark};
use crate::matter::Matter;

/// What was decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Verdict")]
pub enum LawyerVerdict {
    /// It fits as it stands.
    Confirmed,
    /// It fits with the words given here.
    Changed,
    /// It does not fit.
    StruckOut,
    /// It was missing.
    Added,
    /// What was decided before is taken back: the shipped entry holds, with its mark.
    Reopened,
}

/// One decision. `law` and `article` are those of the table (of `added`: the new ones).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Decision {
    pub matter: Matter,
    pub kind: CitationKind,
    pub law: String,
    pub article: String,
    pub verdict: LawyerVerdict,
    /// Of `changed` and `added`: the edition; empty: as before.
    #[serde(default)]
    pub edition: String,
    /// Of `changed`: the article that stands instead; empty: as before.
    #[serde(default)]
    pub new_article: String,
    /// Of `changed` and `added`: the article's words in short; empty: as before.
    #[serde(default)]
    pub text: String,
    /// Of `added` penalties.
    #[serde(default)]
    pub against: Option<Against>,
    /// Why, with the source.
    pub note: String,
    /// Who decided; the server sets it.
    #[serde(default)]
    pub by: String,
    /// When, RFC 3339 UTC; the server sets it.
    #[serde(default)]
    pub at: String,
}

/// Why a decision is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecisionError {
    #[error("article: `{law}` `{article}` does not stand there; choose one that does, or add it")]
    Unknown { law: String, article: String },
    #[error("article: `{law}` `{article}` stands there already; change it instead")]
    Stands { law: String, article: String },
    #[error("note: say why, with the source")]
    NoNote,
    #[error("{0}: give it")]
    Missing(&'static str),
    #[error("against: a penalty says against whom (person, institution, either)")]
    NoAgainst,
}

impl Decision {
    /// Whether it can be taken where `standing` stands.
    pub fn check(&self, standing: &[Cited]) -> Result<(), DecisionError> {
        if self.note.trim().is_empty() {
            return Err(DecisionError::NoNote);
        }
        if self.law.trim().is_empty() {
            return Err(DecisionError::Missing("law"));
        }
        if self.article.trim().is_empty() {
            return Err(DecisionError::Missing("article"));
        }
        let (law, article) = (self.law.clone(), self.article.clone());
        let stands = standing.iter().any(|c| c.law == law && c.article == article);
        match self.verdict {
            LawyerVerdict::Added if stands => Err(DecisionError::Stands { law, article }),
            LawyerVerdict::Added if self.edition.trim().is_empty() => {
                Err(DecisionError::Missing("edition"))
            }
            LawyerVerdict::Added
                if self.kind == CitationKind::Penalty && self.against.is_none() =>
            {
                Err(DecisionError::NoAgainst)
            }
            LawyerVerdict::Confirmed | LawyerVerdict::Changed | LawyerVerdict::StruckOut
                if !stands =>
            {
                Err(DecisionError::Unknown { law, article })
            }
            _ => Ok(()),
        }
    }

    /// The articles of a matter after all that was decided, oldest first.
    pub(crate) fn applied(
        decisions: &[Self],
        matter: Matter,
        kind: CitationKind,
        shipped: &[Cited],
    ) -> Vec<Cited> {
        let mut listed = shipped.to_vec();
        for it in decisions.iter().filter(|d| d.matter == matter && d.kind == kind) {
            let at = listed.iter().position(|c| c.law == it.law && c.article == it.article);
            match (it.verdict, at) {
                (LawyerVerdict::Confirmed, Some(n)) => listed[n].mark = it.mark(),
                (LawyerVerdict::Changed, Some(n)) => it.change(&mut listed[n]),
                (LawyerVerdict::StruckOut, Some(n)) => {
                    listed.remove(n);
                }
                (LawyerVerdict::Added, None) => listed.push(it.added()),
                (LawyerVerdict::Reopened, at) => {
                    let before =
                        shipped.iter().find(|c| c.law == it.law && c.article == it.article);
                    match (at, before) {
                        (Some(n), Some(before)) => listed[n] = before.clone(),
                        (Some(n), None) => {
                            listed.remove(n);
                        }
                        (None, Some(before)) => listed.push(before.clone()),
                        (None, None) => {}
                    }
                }
                // What a later version of the shipped table does not hold any more.
                _ => {}
            }
        }
        listed
    }

    fn mark(&self) -> Mark {
        Mark::Confirmed {
            by: self.by.clone(),
            on: self.at.get(..10).unwrap_or(&self.at).to_owned(),
        }
    }

    fn change(&self, cited: &mut Cited) {
        let new = |to: &mut String, from: &String| {
            if !from.is_empty() {
                to.clone_from(from);
            }
        };
        new(&mut cited.article, &self.new_article);
        new(&mut cited.edition, &self.edition);
        new(&mut cited.text, &self.text);
        cited.against = self.against.or(cited.against);
        cited.mark = self.mark();
    }

    fn added(&self) -> Cited {
        Cited {
            kind: self.kind,
            law: self.law.clone(),
            article: self.article.clone(),
            edition: self.edition.clone(),
            in_force: String::new(),
            text: self.text.clone(),
            against: self.against,
            from: String::new(),
            mark: self.mark(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cited::Grade;
    use crate::table::Table;

    fn word(verdict: LawyerVerdict, article: &str) -> Decision {
        Decision {
            matter: Matter::Grade,
            kind: CitationKind::Basis,
            law: "医疗美容服务管理办法".into(),
            article: article.into(),
            verdict,
            edition: String::new(),
            new_article: String::new(),
            text: String::new(),
            against: None,
            note: "读过全文".into(),
            by: "法制科".into(),
            at: "2026-12-01T02:00:00.000Z".into(),
        }
    }

    fn basis(decisions: Vec<Decision>) -> Vec<Cited> {
        Table::shipped().with(decisions).of(Matter::Grade, None).unwrap().basis
    }

    #[test]
    fn a_confirmed_article_loses_its_mark() {
        let listed = basis(vec![word(LawyerVerdict::Confirmed, "第十六条第二款")]);
        let marks: Vec<String> = listed.iter().map(|c| c.mark.zh()).collect();
        assert_eq!(marks[1], "2026-12-01 经 法制科 法制审核确认");
        assert!(
            matches!(listed[2].mark, Mark::Unconfirmed { grade: Grade::Memory }),
            "one of another article"
        );
    }

    #[test]
    fn the_last_word_about_an_article_holds() {
        let changed = Decision {
            new_article: "第十七条".into(),
            ..word(LawyerVerdict::Changed, "第十六条第二款")
        };
        assert_eq!(basis(vec![changed.clone()])[1].article, "第十七条");
        let out = word(LawyerVerdict::StruckOut, "第十七条");
        assert!(basis(vec![changed.clone(), out]).iter().all(|c| c.article != "第十七条"));
        let again = word(LawyerVerdict::Reopened, "第十六条第二款");
        let struck = word(LawyerVerdict::StruckOut, "第十六条第二款");
        let listed = basis(vec![struck, again]);
        assert!(
            listed.iter().any(|c| c.article == "第十六条第二款" && c.mark.zh().contains("推定"))
        );
    }

    #[test]
    fn the_version_counts_the_decisions() {
        let table = Table::shipped().with(vec![word(LawyerVerdict::Confirmed, "第十六条第二款")]);
        assert_eq!(table.version(), format!("{}+1", Table::shipped().version()));
    }

    #[test]
    fn a_decision_about_nothing_is_refused() {
        let listed = basis(vec![]);
        let unknown = word(LawyerVerdict::Confirmed, "第九十九条").check(&listed).unwrap_err();
        assert!(unknown.to_string().contains("第九十九条"));
        let twice = word(LawyerVerdict::Added, "第十六条第二款").check(&listed).unwrap_err();
        assert!(matches!(twice, DecisionError::Stands { .. }));
        let silent = Decision {
            note: " ".into(),
            ..word(LawyerVerdict::Confirmed, "第十六条第二款")
        };
        assert_eq!(silent.check(&listed), Err(DecisionError::NoNote));
        let penalty = Decision {
            kind: CitationKind::Penalty,
            edition: "2020".into(),
            ..word(LawyerVerdict::Added, "第一条")
        };
        assert_eq!(penalty.check(&[]), Err(DecisionError::NoAgainst));
    }
}
