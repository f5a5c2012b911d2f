//! What was typed into the forms of a case, as an entry of it. What the law asks of an entry is
//! said by `penalty_case`.

use jiff::civil::Date;

use crate::penalty_case::{
    CaseEntry, CaseOutcome, Extension, INSTITUTION, Officer, Penalty, PenaltyKind, ServedPaper,
    ServiceWay, SuspensionCause,
};
use crate::web::pages::forms::Given;

pub(in crate::web::pages) fn day(given: &Given, name: &str) -> Result<Date, String> {
    given.text(name).parse().map_err(|_| format!("{name}: give the day"))
}

/// Both officers of the opening, or of a change.
pub(in crate::web::pages) fn officers(given: &Given) -> Vec<Officer> {
    let of = |n: u8| Officer {
        name: given.text(&format!("officer_{n}")).to_owned(),
        certificate: given.text(&format!("certificate_{n}")).to_owned(),
    };
    vec![of(1), of(2)]
}

fn penalties(given: &Given) -> Result<Vec<Penalty>, String> {
    let mut found = Vec::new();
    for kind in PenaltyKind::ALL {
        if given.text(&format!("penalty_{}", kind.code())).is_empty() {
            continue;
        }
        let amount_yuan = if kind == PenaltyKind::Fine { number(given, "amount_yuan")? } else { 0 };
        found.push(Penalty { kind, amount_yuan });
    }
    Ok(found)
}

/// To whom the act was done; without a choice the institution.
pub(in crate::web::pages) fn party(given: &Given) -> Result<i64, String> {
    if given.text("party").is_empty() { Ok(INSTITUTION) } else { number(given, "party") }
}

fn number<T: std::str::FromStr>(given: &Given, name: &str) -> Result<T, String> {
    given.text(name).parse().map_err(|_| format!("{name}: give a whole number"))
}

/// One of the codes that a list offers; a stranger's code is refused by name.
fn chosen<T: serde::de::DeserializeOwned>(given: &Given, name: &str) -> Result<T, String> {
    let code = serde::de::value::StrDeserializer::<serde::de::value::Error>::new(given.text(name));
    T::deserialize(code).map_err(|_| format!("{name}: choose one of the list"))
}

/// The entry that was typed.
pub(in crate::web::pages) fn read(given: &Given) -> Result<CaseEntry, String> {
    let text = |name: &str| given.text(name).to_owned();
    let yes = |name: &str| !given.text(name).is_empty();
    Ok(match given.text("kind") {
        "opening_extended" => CaseEntry::OpeningExtended { approved_by: text("approved_by") },
        "officers" => CaseEntry::Officers { officers: officers(given) },
        "correction_ordered" => CaseEntry::CorrectionOrdered { until: day(given, "until")? },
        "correction_checked" => CaseEntry::CorrectionChecked { corrected: yes("corrected") },
        "excluded" => CaseEntry::Excluded {
            cause: chosen::<SuspensionCause>(given, "cause")?,
            from: day(given, "from")?,
            to: day(given, "to")?,
        },
        "decision_extended" => CaseEntry::DecisionExtended {
            extension: chosen::<Extension>(given, "extension")?,
            approved_by: text("approved_by"),
        },
        "notified" => CaseEntry::Notified {
            penalties: penalties(given)?,
            hearing_offered: yes("hearing_offered"),
        },
        "stated" => CaseEntry::Stated { text: text("text") },
        "hearing_requested" => CaseEntry::HearingRequested {},
        "hearing_waived" => CaseEntry::HearingWaived {},
        "hearing_called" => CaseEntry::HearingCalled { held_on: day(given, "held_on")? },
        "hearing_held" => CaseEntry::HearingHeld {},
        "legally_reviewed" => {
            CaseEntry::LegallyReviewed { reviewer: text("reviewer"), agreed: yes("agreed") }
        }
        "discussed" => CaseEntry::Discussed {
            participants: lines(given.text("participants")),
            conclusion: text("conclusion"),
        },
        "decided" => CaseEntry::Decided {
            outcome: chosen::<CaseOutcome>(given, "outcome")?,
            number: text("number"),
            penalties: penalties(given)?,
            approved_by: text("approved_by"),
            simple: yes("simple"),
        },
        "simple_reported" => CaseEntry::SimpleReported {},
        "party_named" => {
            let person = Some(text("person")).filter(|id| !id.is_empty());
            CaseEntry::PartyNamed { name: text("name"), person }
        }
        "harm_found" => CaseEntry::HarmFound { text: text("text") },
        "published" => CaseEntry::Published { at: text("at") },
        "not_published" => CaseEntry::NotPublished { why: text("why") },
        "quashed" => CaseEntry::Quashed { why: text("why") },
        "publication_withdrawn" => CaseEntry::PublicationWithdrawn {},
        "served" => CaseEntry::Served {
            paper: chosen::<ServedPaper>(given, "paper")?,
            way: chosen::<ServiceWay>(given, "way")?,
            agreed: yes("agreed"),
        },
        "crime_reported" => CaseEntry::CrimeReported {},
        "crime_decided" => {
            CaseEntry::CrimeDecided { transfer: yes("transfer"), approved_by: text("approved_by") }
        }
        "crime_transferred" => CaseEntry::CrimeTransferred { to: text("to") },
        "police_refused" => CaseEntry::PoliceRefused { why: text("why") },
        "reconsideration_asked" => CaseEntry::ReconsiderationAsked {},
        "preserved" => {
            CaseEntry::Preserved { items: text("items"), approved_by: text("approved_by") }
        }
        "preservation_decided" => CaseEntry::PreservationDecided { measure: text("measure") },
        "struck" => CaseEntry::Struck { id: number(given, "id")?, why: text("why") },
        _ => return Err("kind: choose an act of the procedure".to_owned()),
    })
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}
