//! What the server states of findings of its own, phrased.

mod across_days;
mod chain;
mod pictures;
mod two_places;

use protocol::up::Explanation;

pub use chain::refusal;

use crate::ServerStatement as S;

/// The sentence of a server's statement, in both languages.
pub fn of_server(statement: &S) -> Explanation {
    match statement {
        S::LeadHardlyVerified { days, sessions, verified } => {
            across_days::hardly_verified(*days, *sessions, *verified)
        }
        S::LeadIdle { days } => across_days::idle(*days),
        S::TwoPlacesAtOnce { first, second, overlap_ms, distance_m } => {
            two_places::at_once((first, second), *overlap_ms, *distance_m)
        }
        S::TooSoonElsewhere { first, second, between_ms, distance_m, speed_kmh } => {
            two_places::too_soon((first, second), *between_ms, *distance_m, *speed_kmh)
        }
        S::AlsoElsewhere => two_places::also_elsewhere(),
        S::NobodySeen { visibility_ppm, repeat, days } => {
            across_days::nobody_seen(*visibility_ppm, *repeat, *days)
        }
        S::EmptyDays { days } => across_days::empty(*days),
        S::UndeclaredAgain { repeat, days } => across_days::undeclared(*repeat, *days),
        S::DarkAgain { repeat, days } => across_days::dark(*repeat, *days),
        S::ZonesAgain { repeat, days } => across_days::zones(*repeat, *days),
        S::EmergenciesAgain { repeat, days } => across_days::emergencies(*repeat, *days),
        S::Unheard { unheard_ms, going_on, repeat, days } => {
            across_days::unheard(*unheard_ms, *going_on, *repeat, *days)
        }
        S::TooManyUnjudged { days, whose, declared, unjudged, reasons, uncured } => {
            across_days::unjudged(*days, whose, (*declared, *unjudged), reasons, *uncured)
        }
        S::AnswerDiffers { period, question, again } => {
            across_days::answer_differs(period, *question, *again)
        }
        S::RecordsMissing { from_seq, to_seq } => chain::missing(*from_seq, *to_seq),
        S::RecordsCame => chain::came(),
        S::RecordsUnlinked { seq } => chain::unlinked(*seq),
        S::MessagesRefused { day, reason } => chain::refused(day, *reason),
        S::MessagesSetAside { day, reason } => chain::set_aside(day, *reason),
        S::ChainBegunAnew { reason, times, days } => chain::begun_anew(reason, *times, *days),
        S::OverBudget { day, kind } => chain::over_budget(day, *kind),
        S::PicturesGone { day, told } => pictures::gone(day, *told),
        S::PicturesEarly { day } => pictures::early(day),
        S::PicturesMissing { day, missing, replaced } => {
            pictures::missing(day, *missing, *replaced)
        }
        S::PictureRoom { mib } => pictures::room(*mib),
        S::BoxRetired { unlocked, undelivered } => chain::retired(*unlocked, *undelivered),
    }
}
