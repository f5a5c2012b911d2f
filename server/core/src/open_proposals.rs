//! How many face proposals of one institution may wait. Counts none itself.

/// What one institution may have waiting for a supervisor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenProposals {
    pub count_max: i64,
    /// Of their kept photographs.
    pub photos_max_mib: i64,
}

/// Of one institution: proposals that wait, and the bytes of their kept photographs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenNow {
    pub count: i64,
    pub photo_bytes: i64,
}

impl OpenNow {
    /// Another one is not taken.
    pub fn is_beyond(&self, limits: OpenProposals) -> bool {
        self.count >= limits.count_max || self.photo_bytes >= limits.photos_max_mib << 20
    }
}
