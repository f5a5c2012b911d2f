//! Presences of which nobody can say whose they were. They accuse nobody, and hide whom they may
//! have been.

use super::attendance::Stay;
use crate::evidence::Sum;
use crate::spans::Spans;
use crate::{PersonId, TrackId};

/// What stays open of the people of a case.
#[derive(Clone, Debug, Default)]
pub(crate) struct Unknowns<'a> {
    /// INDETERMINATE tracks of the window that may have been somebody's presence.
    pub(crate) presences: Vec<Unknown<'a>>,
    /// Stays of INDETERMINATE faces that are like one person alone.
    pub(crate) glimpses: Vec<(PersonId, Stay)>,
    /// How many tracks of people at the bed were nobody's.
    pub(crate) tracks: u32,
    /// When somebody INDETERMINATE stood in the operator zone.
    pub(crate) at_bed: Spans,
    /// Operating of INDETERMINATE people whom entry order does not explain as somebody recognised.
    pub(crate) unexplained: Spans,
    /// Operating of UNMATCHED people who may be somebody recognised (entry order).
    pub(crate) doubted: Spans,
}

/// An INDETERMINATE presence, and what was seen of it.
#[derive(Clone, Debug)]
pub(crate) struct Unknown<'a> {
    pub(crate) tracks: Vec<TrackId>,
    pub(crate) cause: UnknownCause,
    pub(crate) seen: Spans,
    pub(crate) sum: Sum<'a>,
    /// It appears where the patient got up: nobody's presence but of those whom its looks name.
    pub(crate) afoot: bool,
    /// It may be anybody, whatever was seen.
    pub(crate) anybody: bool,
    /// How it came and went.
    pub(crate) stays: Vec<Stay>,
    /// What it did at the bed, where entry order does not explain it as somebody recognised.
    pub(crate) op: Spans,
    /// On the track of somebody recognised, who was in view elsewhere at that time.
    pub(crate) doubled: bool,
}

/// Why nobody can say whose a presence was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum UnknownCause {
    /// Neither MATCHED nor UNMATCHED.
    Unverified,
    /// UNMATCHED, but entry order says that it may be somebody recognised who was seen badly.
    TakesTurns,
    /// UNMATCHED, but somebody whose absence matters has no confirmed template, and would score
    /// like that.
    LeadWithoutTemplate,
    /// It looks like somebody whom the roster does not confirm.
    Unconfirmed(PersonId),
}
