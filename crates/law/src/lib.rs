//! 依据 and 罚则: which articles a reviewer may look at for a matter, how far each text was read,
//! and what the deploying authority's lawyer confirmed or changed.
//!
//! One table, `law.toml`. Pure: no clock, no store, no network. It alleges nothing: every article
//! is a candidate.

mod cited;
mod decision;
mod matter;
mod table;
mod term;

pub use cited::{Against, CitationKind, Cited, Grade, Mark};
pub use decision::{Decision, DecisionError, LawyerVerdict};
pub use matter::{Category, Circumstances, Matter, RegistrationAtAct};
pub use table::{Instrument, Legal, Table, TableError};
pub use term::{Term, TermRow, Unit};
