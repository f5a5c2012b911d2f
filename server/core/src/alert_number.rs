//! The numbers by which people call what the server keeps: the authority's and the clinic's.

use crate::access::{Role, Who};

/// What people call a lead, a correction or a self-check by. The authority's numbers count the
/// server, its clinic's count its own: from a gap between two of the authority's a clinic would
/// learn how much came to others. Neither is given out without saying to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReferenceNumber {
    server: i64,
    clinic: i64,
}

impl ReferenceNumber {
    pub fn new(server: i64, clinic: i64) -> Self {
        Self { server, clinic }
    }

    pub fn for_authority(self) -> i64 {
        self.server
    }

    pub fn for_clinic(self) -> i64 {
        self.clinic
    }

    pub fn of(self, who: &Who) -> i64 {
        if counts_the_server(who) { self.server } else { self.clinic }
    }
}

/// Whose numbers are the server's; whoever sees one institution has that one's.
pub fn counts_the_server(who: &Who) -> bool {
    matches!(who.role, Role::Admin | Role::Supervisor | Role::Reviewer | Role::Auditor)
}
