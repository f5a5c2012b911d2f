//! What the law asks of one entry by itself: two people, amounts that fit, a hearing that is owed.

use std::collections::BTreeSet;

use jiff::civil::Date;

use super::{CaseRefusal, Officer, Penalty, PenaltyKind};

pub(super) fn not_before(on: Date, after: Date) -> Result<(), CaseRefusal> {
    if on < after { Err(CaseRefusal::TooEarly { on, after }) } else { Ok(()) }
}

/// Two people, whatever the spelling of blanks and case around a certificate's number.
pub fn different(officers: &[Officer]) -> Result<(), CaseRefusal> {
    if officers.iter().any(|o| o.name.trim().is_empty() || o.certificate.trim().is_empty()) {
        return Err(CaseRefusal::Officers);
    }
    let names: BTreeSet<&str> = officers.iter().map(|o| o.name.trim()).collect();
    let certificates: BTreeSet<String> =
        officers.iter().map(|o| crate::text::folded(o.certificate.trim())).collect();
    let all = officers.len();
    if all >= 2 && names.len() == all && certificates.len() == all {
        Ok(())
    } else {
        Err(CaseRefusal::Officers)
    }
}

pub(super) fn together(participants: &[String]) -> Result<(), CaseRefusal> {
    let people: BTreeSet<&str> = participants.iter().map(|p| p.trim()).collect();
    if people.len() < 2 { Err(CaseRefusal::Alone) } else { Ok(()) }
}

pub(super) fn amounts_fit(penalties: &[Penalty]) -> Result<(), CaseRefusal> {
    let fits = |p: &Penalty| (p.kind == PenaltyKind::Fine) == (p.amount_yuan > 0);
    // A kind that stands twice would pass each for itself and weigh more than was told.
    let twice = |(n, p): (usize, &Penalty)| penalties[..n].iter().any(|q| q.kind == p.kind);
    if penalties.is_empty()
        || !penalties.iter().all(fits)
        || penalties.iter().enumerate().any(twice)
    {
        return Err(CaseRefusal::Penalties);
    }
    Ok(())
}

/// A penalty that was told covers the same, and a smaller fine.
pub(super) fn covers(told: Penalty, decided: Penalty) -> bool {
    told.kind == decided.kind && told.amount_yuan >= decided.amount_yuan
}

/// The most that is fined on the spot (行政处罚法 51), in yuan.
const ON_THE_SPOT_PERSON: u64 = 200;
const ON_THE_SPOT_INSTITUTION: u64 = 3000;

/// Warnings and small fines alone.
pub(super) fn fits_on_the_spot(penalties: &[Penalty], institution: bool) -> bool {
    let most = if institution { ON_THE_SPOT_INSTITUTION } else { ON_THE_SPOT_PERSON };
    penalties.iter().all(|p| match p.kind {
        PenaltyKind::Warning => true,
        PenaltyKind::Fine => p.amount_yuan <= most,
        _ => false,
    })
}
