//! What was typed into the forms of a case, as an entry of it. What the law asks of an entry is said
//! by `penalty_case`.

use jiff::civil::Date;

use crate::penalty_case::{
    Cause, Entry, Extension, INSTITUTION, Officer, Outcome, Penalty, PenaltyKind, ServedPaper,
    ServiceWay,
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
pub(in crate::web::pages) fn read(given: &Given) -> Result<Entry, String> {
    let text = |name: &str| given.text(name).to_owned();
    let yes = |name: &str| !given.text(name).is_empty();
    Ok(match given.text("kind") {
        "opening_extended" => Entry::OpeningExtended { approved_by: text("approved_by") },
        "officers" => Entry::Officers { officers: officers(given) },
        "correction_ordered" => Entry::CorrectionOrdered { until: day(given, "until")? },
        "correction_checked" => Entry::CorrectionChecked { corrected: yes("corrected") },
        "excluded" => Entry::Excluded {
            cause: chosen::<Cause>(given, "cause")?,
            from: day(given, "from")?,
            to: day(given, "to")?,
        },
        "decision_extended" => Entry::DecisionExtended {
            extension: chosen::<Extension>(given, "extension")?,
            approved_by: text("approved_by"),
        },
        "notified" => Entry::Notified {
            penalties: penalties(given)?,
            hearing_offered: yes("hearing_offered"),
        },
        "stated" => Entry::Stated { text: text("text") },
        "hearing_requested" => Entry::HearingRequested {},
        "hearing_waived" => Entry::HearingWaived {},
        "hearing_called" => Entry::HearingCalled { held_on: day(given, "held_on")? },
        "hearing_held" => Entry::HearingHeld {},
        "legally_reviewed" => {
            Entry::LegallyReviewed { reviewer: text("reviewer"), agreed: yes("agreed") }
        }
        "discussed" => Entry::Discussed {
            participants: lines(given.text("participants")),
            conclusion: text("conclusion"),
        },
        "decided" => Entry::Decided {
            outcome: chosen::<Outcome>(given, "outcome")?,
            number: text("number"),
            penalties: penalties(given)?,
            approved_by: text("approved_by"),
            simple: yes("simple"),
        },
        "simple_reported" => Entry::SimpleReported {},
        "party_named" => {
            let person = Some(text("person")).filter(|id| !id.is_empty());
            Entry::PartyNamed { name: text("name"), person }
        }
        "harm_found" => Entry::HarmFound { text: text("text") },
        "published" => Entry::Published { at: text("at") },
        "not_published" => Entry::NotPublished { why: text("why") },
        "quashed" => Entry::Quashed { why: text("why") },
        "publication_withdrawn" => Entry::PublicationWithdrawn {},
        "served" => Entry::Served {
            paper: chosen::<ServedPaper>(given, "paper")?,
            way: chosen::<ServiceWay>(given, "way")?,
            agreed: yes("agreed"),
        },
        "crime_reported" => Entry::CrimeReported {},
        "crime_decided" => {
            Entry::CrimeDecided { transfer: yes("transfer"), approved_by: text("approved_by") }
        }
        "crime_transferred" => Entry::CrimeTransferred { to: text("to") },
        "police_refused" => Entry::PoliceRefused { why: text("why") },
        "reconsideration_asked" => Entry::ReconsiderationAsked {},
        "preserved" => Entry::Preserved { items: text("items"), approved_by: text("approved_by") },
        "preservation_decided" => Entry::PreservationDecided { measure: text("measure") },
        "struck" => Entry::Struck { id: number(given, "id")?, why: text("why") },
        _ => return Err("kind: choose an act of the procedure".to_owned()),
    })
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}
