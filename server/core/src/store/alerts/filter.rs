//! What a list of alerts is narrowed to, and how that is asked of the store.

use super::{ANSWERED, COLUMNS, NOT_ANSWERED, STANDS_OPEN};
use crate::alert::{AlertState, ClinicState};
use crate::clock::At;
use crate::store::engine::Value;

/// What a list is narrowed to; every part may be absent.
#[derive(Debug, Clone, Default)]
#[allow(clippy::struct_excessive_bools, reason = "each narrows a list by itself")]
pub struct AlertFilter {
    pub state: Option<AlertState>,
    /// Only what somebody still has to act on.
    pub open_only: bool,
    pub min_severity: Option<u8>,
    pub kind: Option<String>,
    pub device: Option<String>,
    pub institution: Option<String>,
    /// Jurisdictions beginning with this, such as `5101`.
    pub jurisdiction: Option<String>,
    pub assignee: Option<String>,
    /// Only what was given to nobody.
    pub unassigned: bool,
    pub session: Option<String>,
    /// As the clinic is told it.
    pub clinic_state: Option<ClinicState>,
    /// Numbers are a clinic's own: those of `before`, `after` and of a search. Only with one
    /// institution.
    pub clinic_numbers: bool,
    /// Alerts with a smaller number, for the next page.
    pub before: Option<i64>,
    /// Alerts with a greater number.
    pub after: Option<i64>,
    pub oldest_first: bool,
    pub room: Option<String>,
    /// Raised at this time or later, and before that one.
    pub raised_from: Option<At>,
    pub raised_before: Option<At>,
    pub search: Option<AlertSearch>,
    pub limit: u32,
}

/// What a list is searched for.
#[derive(Debug, Clone, Default)]
pub struct AlertSearch {
    /// Folded.
    pub text: String,
    /// People whose name holds the text: an alert that names one is found.
    pub persons: Vec<String>,
    /// Also in what its findings say and in who works on it; a clinic is told less, and could
    /// otherwise ask for the rest letter by letter.
    pub whole: bool,
}

impl AlertSearch {
    fn add(&self, conditions: &mut Vec<&'static str>, values: &mut Vec<Value>) {
        let times = if self.whole { 11 } else { 6 };
        conditions.push(if self.whole { KNOWN_WHOLE } else { KNOWN_BY });
        values.extend(std::iter::repeat_n(Value::Text(self.text.clone()), times));
        if self.whole {
            values.push(Value::Text(serde_json::to_string(&self.persons).unwrap_or_default()));
        }
    }
}

/// An alert is found by what its clinic knows it by: never by the server's own number, of which it
/// could ask for one after the other.
const KNOWN_BY: &str =
    "(CAST(clinic_number AS TEXT) = ltrim(?, '#') OR found(id, ?) OR found(room, ?)
    OR found(coalesce(session, ''), ?)
    OR EXISTS (SELECT 1 FROM institution i WHERE i.id = alert.institution AND found(i.name, ?))
    OR EXISTS (SELECT 1 FROM room r WHERE r.id = alert.room AND found(r.name, ?)))";

/// The same, and by what its findings say, whom they name, and its case.
const KNOWN_WHOLE: &str = "(CAST(number AS TEXT) = ltrim(?, '#') OR found(id, ?) OR found(room, ?)
    OR found(coalesce(session, ''), ?)
    OR EXISTS (SELECT 1 FROM institution i WHERE i.id = alert.institution AND found(i.name, ?))
    OR EXISTS (SELECT 1 FROM room r WHERE r.id = alert.room AND found(r.name, ?))
    OR EXISTS (SELECT 1 FROM item t WHERE t.code = alert.item AND found(t.name_zh, ?))
    OR EXISTS (SELECT 1 FROM account p WHERE p.id = alert.assignee AND found(p.display, ?))
    OR found(case_file, ?) OR found(coalesce(assignee, ''), ?)
    OR EXISTS (SELECT 1 FROM finding f WHERE f.alert = alert.id AND (found(f.report, ?)
        OR EXISTS (SELECT 1 FROM json_each(?) p
            WHERE instr(f.report, '\"' || p.value || '\"') > 0))))";

impl AlertFilter {
    pub(super) fn sql(&self) -> (String, Vec<Value>) {
        let mut conditions = vec!["true"];
        let mut values: Vec<Value> = Vec::new();
        let mut add = |condition: &'static str, value: Option<Value>| {
            if let Some(value) = value {
                conditions.push(condition);
                values.push(value);
            }
        };
        let text = |t: &Option<String>| t.clone().map(Value::Text);
        add("state = ?", self.state.map(|s| Value::Text(s.as_str().to_owned())));
        // The plus keeps the list walked newest first: an index over severities would sort
        // everything.
        add("+severity >= ?", self.min_severity.map(|s| Value::Integer(s.into())));
        add("instr(kinds, '\"' || ? || '\"') > 0", text(&self.kind));
        add("device = ?", text(&self.device));
        add("institution = ?", text(&self.institution));
        add("substr(jurisdiction, 1, length(?)) = ?", text(&self.jurisdiction));
        if let Some(jurisdiction) = text(&self.jurisdiction) {
            values.push(jurisdiction);
        }
        let mut add = |condition: &'static str, value: Option<Value>| {
            if let Some(value) = value {
                conditions.push(condition);
                values.push(value);
            }
        };
        add("assignee = ?", text(&self.assignee));
        add("session = ?", text(&self.session));
        let (before, after) = if self.clinic_numbers {
            ("clinic_number < ?", "clinic_number > ?")
        } else {
            ("number < ?", "number > ?")
        };
        add(before, self.before.map(Value::Integer));
        add(after, self.after.map(Value::Integer));
        add("room = ?", text(&self.room));
        let time = |at: Option<At>| at.map(|at| Value::Text(at.to_string()));
        add("raised_at >= ?", time(self.raised_from));
        add("raised_at < ?", time(self.raised_before));
        if let Some(search) = &self.search {
            search.add(&mut conditions, &mut values);
        }
        match self.clinic_state {
            None => {}
            Some(ClinicState::Open) => conditions.extend([STANDS_OPEN, NOT_ANSWERED]),
            Some(ClinicState::Answered) => conditions.extend([STANDS_OPEN, ANSWERED]),
            Some(ClinicState::Closed) => {
                conditions.push("state IN ('dismissed','unfounded','closed')");
            }
        }
        if self.open_only {
            conditions.push(STANDS_OPEN);
        }
        if self.unassigned {
            conditions.push("assignee IS NULL");
        }
        let limit = self.limit.clamp(1, 500);
        let order = if self.oldest_first { "ASC" } else { "DESC" };
        (
            format!(
                "{COLUMNS} WHERE {} ORDER BY number {order} LIMIT {limit}",
                conditions.join(" AND ")
            ),
            values,
        )
    }
}
