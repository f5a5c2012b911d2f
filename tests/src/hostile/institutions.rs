//! The two institutions of the hostile scenes, and what stands there.

/// One of the two institutions. The suspect's is `Here`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Chengdu, jurisdiction 510104.
    Here,
    /// Hangzhou, jurisdiction 330106; some 1,500 km away.
    There,
}

impl Side {
    pub const BOTH: [Self; 2] = [Self::Here, Self::There];

    pub(super) fn word(self) -> &'static str {
        if self == Self::Here { "here" } else { "there" }
    }

    pub fn institution(self) -> &'static str {
        if self == Self::Here { "clinic-here" } else { "clinic-there" }
    }

    pub fn jurisdiction(self) -> &'static str {
        if self == Self::Here { "510104" } else { "330106" }
    }

    /// The institution's first room.
    pub fn room(self) -> &'static str {
        if self == Self::Here { "here-room-1" } else { "there-room-1" }
    }

    /// Its second one.
    pub fn other_room(self) -> &'static str {
        if self == Self::Here { "here-room-2" } else { "there-room-2" }
    }

    /// A physician filed as lead here, and nowhere else.
    pub fn lead(self) -> &'static str {
        if self == Self::Here { "p-here-lead" } else { "p-there-lead" }
    }

    /// A physician who works here, is no lead, and works nowhere else.
    pub fn physician(self) -> &'static str {
        if self == Self::Here { "p-here-other" } else { "p-there-other" }
    }

    #[must_use]
    pub fn opposite(self) -> Self {
        if self == Self::Here { Self::There } else { Self::Here }
    }
}
