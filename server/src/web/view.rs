//! What pages, papers and answers say: words of every closed list, names, times, figures, and the
//! facts of a thing as its readers read them. No route stands here.

pub(super) mod alert_facts;
pub(super) mod audit_objects;
pub(super) mod case_paper;
pub(super) mod case_words;
pub(super) mod chart;
pub(super) mod consent_view;
pub(super) mod deed_words;
pub(super) mod file_view;
pub(super) mod finding_view;
pub(super) mod finding_words;
pub(super) mod law_words;
pub(super) mod lead_rows;
pub(super) mod messages;
pub(super) mod names;
pub(super) mod policy_units;
pub(super) mod policy_words;
pub(super) mod qr;
pub(super) mod register_words;
pub(super) mod scope_tree;
pub(super) mod statements;
pub(super) mod timeline;
pub(super) mod times;
pub(super) mod words;
