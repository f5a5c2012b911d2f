//! The table as it is shipped, and what it says of a matter on a day.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::cited::{Against, CitationKind, Cited, Grade, Mark};
use crate::decision::Decision;
use crate::matter::{Category, Matter};
use crate::term::{Term, TermRow};

/// A law, a regulation or a rule.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Instrument {
    pub name: String,
    pub edition: String,
    /// `None`: the date was not seen.
    #[serde(default)]
    pub in_force: Option<Date>,
    pub grade: Grade,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Citation {
    law: String,
    article: String,
    #[serde(default)]
    grade: Option<Grade>,
    /// In short; empty where the words were not seen.
    #[serde(default)]
    text: String,
    #[serde(default)]
    against: Option<Against>,
    /// It fits acts of this day and later.
    #[serde(default)]
    from: Option<Date>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct MatterRow {
    id: Matter,
    zh: String,
    en: String,
    /// Whom it may be about; empty: anybody.
    #[serde(default)]
    categories: Vec<Category>,
    /// The agreement with the clinic holds the duty, beside or instead of a law.
    #[serde(default)]
    agreement: bool,
    #[serde(default)]
    basis: Vec<Citation>,
    #[serde(default)]
    penalties: Vec<Citation>,
    #[serde(default)]
    caution_zh: String,
    #[serde(default)]
    caution_en: String,
    /// Said where no article stands.
    #[serde(default)]
    none_zh: String,
    #[serde(default)]
    none_en: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: String,
    instruments: BTreeMap<String, Instrument>,
    matters: Vec<MatterRow>,
    terms: BTreeMap<Term, TermRow>,
}

/// Why a table can not be used.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    #[error("law table: {0}")]
    Toml(#[from] toml::de::Error),
    #[error("law table: `{matter}` cites `{law}`, which is no instrument of the table")]
    UnknownLaw { matter: Matter, law: String },
    #[error("law table: `{0}` is missing or stands twice")]
    Matter(Matter),
    #[error("law table: `{0}` has neither an article nor a word why there is none")]
    Nothing(Matter),
    #[error("law table: the term {0:?} is missing")]
    Term(Term),
}

/// What the table says of a matter on a day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Legal {
    pub matter: Matter,
    pub title_zh: String,
    pub title_en: String,
    pub basis: Vec<Cited>,
    pub penalties: Vec<Cited>,
    pub caution_zh: String,
    pub caution_en: String,
    /// Said where no article stands: 「无法定依据」.
    pub none_zh: String,
    pub none_en: String,
    /// The duty comes from the agreement with the clinic, whose clause the institution's record
    /// holds.
    pub agreement: bool,
}

impl Legal {
    /// The same for a reader outside the authority: who of it confirmed stays inside.
    #[must_use]
    pub fn for_outsiders(mut self) -> Self {
        for cited in self.basis.iter_mut().chain(&mut self.penalties) {
            if let Mark::Confirmed { by, .. } = &mut cited.mark {
                by.clear();
            }
        }
        self
    }
}

/// The table with what the authority's lawyer said of it.
#[derive(Debug, Clone)]
pub struct Table {
    file: File,
    decisions: Vec<Decision>,
}

#[expect(clippy::expect_used, reason = "the shipped table is read by this crate's own test")]
static SHIPPED: LazyLock<Table> =
    LazyLock::new(|| Table::read(include_str!("law.toml")).expect("the shipped law table is good"));

impl Table {
    pub fn shipped() -> &'static Self {
        &SHIPPED
    }

    pub fn read(text: &str) -> Result<Self, TableError> {
        let file: File = toml::from_str(text)?;
        for matter in Matter::ALL {
            if file.matters.iter().filter(|m| m.id == matter).count() != 1 {
                return Err(TableError::Matter(matter));
            }
        }
        for row in &file.matters {
            for cited in row.basis.iter().chain(&row.penalties) {
                if !file.instruments.contains_key(&cited.law) {
                    return Err(TableError::UnknownLaw { matter: row.id, law: cited.law.clone() });
                }
            }
            if row.basis.is_empty() && row.none_zh.is_empty() {
                return Err(TableError::Nothing(row.id));
            }
        }
        if let Some(term) = Term::ALL.into_iter().find(|t| !file.terms.contains_key(t)) {
            return Err(TableError::Term(term));
        }
        Ok(Self { file, decisions: Vec::new() })
    }

    /// The same with the authority's decisions, oldest first; the last about an article holds.
    #[must_use]
    pub fn with(&self, decisions: Vec<Decision>) -> Self {
        Self { file: self.file.clone(), decisions }
    }

    /// The shipped version, and how many decisions stand beside it: `2026-11-28+3`.
    pub fn version(&self) -> String {
        self.version_after(self.decisions.len())
    }

    /// The same with so many decisions beside the shipped table.
    pub fn version_after(&self, decisions: usize) -> String {
        match decisions {
            0 => self.file.version.clone(),
            n => format!("{}+{n}", self.file.version),
        }
    }

    /// What it says of a matter for acts of a day; `None`: of any day.
    pub fn of(&self, matter: Matter, on: Option<Date>) -> Option<Legal> {
        let row = self.file.matters.iter().find(|m| m.id == matter)?;
        let in_force = |c: &Citation| self.file.instruments.get(&c.law)?.in_force;
        let fits = |c: &&Citation| {
            on.is_none_or(|on| c.from.max(in_force(c)).is_none_or(|from| from <= on))
        };
        let listed = |kind, citations: &[Citation]| {
            let shipped: Vec<Cited> =
                citations.iter().filter(fits).filter_map(|c| self.cited(kind, c)).collect();
            Decision::applied(&self.decisions, matter, kind, &shipped)
        };
        let (basis, penalties) = (
            listed(CitationKind::Basis, &row.basis),
            listed(CitationKind::Penalty, &row.penalties),
        );
        let silent = basis.is_empty() && penalties.is_empty() && row.none_zh.is_empty();
        let none = |said: &str, nothing_left: &str| {
            if silent { nothing_left.to_owned() } else { said.to_owned() }
        };
        Some(Legal {
            matter,
            title_zh: row.zh.clone(),
            title_en: row.en.clone(),
            basis,
            penalties,
            caution_zh: row.caution_zh.clone(),
            caution_en: row.caution_en.clone(),
            none_zh: none(&row.none_zh, "经法制审核，暂无适用条文"),
            none_en: none(&row.none_en, "no article fits, by legal review"),
            agreement: row.agreement,
        })
    }

    /// How long the law gives for something.
    #[expect(clippy::expect_used, reason = "`read` refuses a table that lacks a term")]
    pub fn term(&self, term: Term) -> &TermRow {
        self.file.terms.get(&term).expect("every term stands in a table that was read")
    }

    /// Whom a matter may be about; empty: anybody.
    pub fn categories(&self, matter: Matter) -> &[Category] {
        self.file.matters.iter().find(|m| m.id == matter).map_or(&[], |m| &m.categories)
    }

    fn cited(&self, kind: CitationKind, c: &Citation) -> Option<Cited> {
        let law = self.file.instruments.get(&c.law)?;
        Some(Cited {
            kind,
            law: law.name.clone(),
            article: c.article.clone(),
            edition: law.edition.clone(),
            in_force: law.in_force.map(|d| d.to_string()).unwrap_or_default(),
            text: c.text.clone(),
            against: c.against,
            from: c.from.map(|d| d.to_string()).unwrap_or_default(),
            mark: Mark::Unconfirmed { grade: c.grade.unwrap_or(law.grade) },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::matter::{Circumstances, RegistrationAtAct};

    fn of(matter: Matter, on: &str) -> Legal {
        Table::shipped().of(matter, Some(on.parse().unwrap())).unwrap()
    }

    fn named(category: Category) -> Circumstances {
        Circumstances {
            is_mismatch: false,
            in_a_session: true,
            about: Some(category),
            registration: RegistrationAtAct::InForce,
        }
    }

    fn penal(legal: &Legal) -> Vec<&str> {
        legal.penalties.iter().map(|c| c.article.as_str()).collect()
    }

    #[test]
    fn every_matter_stands_once_under_its_own_name() {
        for matter in Matter::ALL {
            assert_eq!(Matter::parse(matter.as_str()), Some(matter));
            let named: Matter = serde_name(matter.as_str());
            assert_eq!(named, matter);
            assert!(Table::shipped().of(matter, None).is_some(), "{matter}");
        }
    }

    fn serde_name(name: &str) -> Matter {
        #[derive(Deserialize)]
        struct One {
            matter: Matter,
        }
        toml::from_str::<One>(&format!("matter = \"{name}\"")).unwrap().matter
    }

    #[test]
    fn a_physicians_place_was_another_before_5_june_2026() {
        assert_eq!(penal(&of(Matter::Site, "2026-06-04")), Vec::<&str>::new());
        assert_eq!(penal(&of(Matter::Site, "2026-06-05")), ["第五十七条"]);
        assert!(of(Matter::Site, "2026-06-04").caution_zh.contains("2026年6月5日"));
    }

    #[test]
    fn what_was_not_seen_keeps_its_mark() {
        let grade = of(Matter::Grade, "2026-11-28");
        let catalogue = grade.basis.iter().find(|c| c.law == "医疗美容项目分级管理目录").unwrap();
        assert_eq!(catalogue.mark.zh(), "条号及版次待核");
        let measures = grade.basis.iter().find(|c| c.law == "医疗美容服务管理办法").unwrap();
        assert!(measures.mark.zh().contains("推定"));
    }

    #[test]
    fn a_nurse_is_no_matter_of_the_physicians_law() {
        let matter = Matter::of_rule("LL-4", named(Category::Nurse));
        let legal = of(matter, "2026-11-28");
        assert!(legal.basis.iter().chain(&legal.penalties).all(|c| c.law == "护士条例"));
        assert_eq!(Matter::of_rule("NL-3", named(Category::Trainee)), Matter::Trainee);
        assert_eq!(
            Matter::of_rule("LL-4", named(Category::Technician)),
            Matter::OtherStaffRegistration
        );
    }

    #[test]
    fn where_there_is_no_basis_the_table_says_so() {
        for matter in [Matter::Agreement, Matter::System, Matter::OtherStaffRegistration] {
            let legal = of(matter, "2026-11-28");
            assert!(
                legal.basis.is_empty() && legal.none_zh.contains('无')
                    || legal.none_zh.contains("没有"),
                "{matter}"
            );
        }
    }

    #[test]
    fn every_penalty_says_against_whom() {
        for matter in Matter::ALL {
            let legal = of(matter, "2026-11-28");
            assert!(legal.penalties.iter().all(|c| c.against.is_some()), "{matter}");
            assert!(legal.basis.iter().all(|c| c.against.is_none()), "{matter}");
        }
    }

    /// As `law.md` has them: 行政处罚法, 程序规定 of 2025, 国令310.
    #[test]
    fn the_terms_are_those_of_the_law() {
        use crate::term::Unit::{Days, WorkingDays, Years};
        for (term, length, unit) in [
            (Term::OpenCase, 7, WorkingDays),
            (Term::OpenCaseMore, 7, WorkingDays),
            (Term::HearingRequest, 5, WorkingDays),
            (Term::HearingNotice, 7, WorkingDays),
            (Term::Decide, 90, Days),
            (Term::DecideMore, 60, Days),
            (Term::DecideOnceMore, 30, Days),
            (Term::Serve, 7, WorkingDays),
            (Term::PublicService, 30, Days),
            (Term::ReportSimple, 7, WorkingDays),
            (Term::Publish, 20, WorkingDays),
            (Term::WithdrawPublication, 3, WorkingDays),
            (Term::Limitation, 2, Years),
            (Term::LimitationOfHarm, 5, Years),
            (Term::Appeal, 60, Days),
            (Term::CrimeDecision, 3, Days),
            (Term::CrimeTransfer, 1, Days),
            (Term::PoliceRefusal, 3, Days),
            (Term::Preservation, 7, WorkingDays),
        ] {
            let row = Table::shipped().term(term);
            assert_eq!((row.length, row.unit), (length, unit), "{term:?}");
        }
    }

    #[test]
    fn a_term_whose_matter_has_no_article_is_none() {
        for term in Term::ALL {
            let row = Table::shipped().term(term);
            assert!(!of(row.matter, "2026-11-28").basis.is_empty(), "{term:?}");
        }
        let text = include_str!("law.toml").replace("\nserve = {", "\nlost = {");
        assert!(Table::read(&text).is_err(), "a misspelt term is read");
    }

    #[test]
    fn a_table_that_cites_an_unknown_law_is_refused() {
        let text =
            include_str!("law.toml").replace("[instruments.nurses]", "[instruments.nursing]");
        let error = Table::read(&text).unwrap_err().to_string();
        assert!(error.contains("nurse_registration") && error.contains("nurses"), "{error}");
    }
}
