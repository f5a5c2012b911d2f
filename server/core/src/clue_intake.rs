//! From what somebody sent to a clue: checked, sealed under a key of its own, with its district and
//! its term. And the clockwork that takes in what lies at the public door. Reads no picture:
//! pictures come re-encoded and are sealed as they are.

pub mod door_queue;

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::ToSpan as _;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::clock::{At, today};
use crate::clue::terms::{self, ClueMatter};
use crate::clue::{Allegation, Anonymity, ClueDetails, MOST_PICTURES, Source, UnregisteredPlace};
use crate::corroborate::MOST_WINDOW_MS;
use crate::ids::ClueId;
use crate::low_priority;
use crate::problem::Problem;
use crate::store::{Clue, ClueDue, NewClue, Store, StoreError, Waiting};
use crate::text::{self, FoldFault};
use crate::vault::{Key, VaultError};
use zeroize::Zeroizing;

/// Characters of a report, at most.
pub const MOST_TEXT_CHARS: usize = 4000;
const RECEIPTS_SLEEP_AFTER_DAYS: i64 = 90;

/// What came in, in the clear.
#[derive(Debug, Clone)]
pub struct IncomingClue {
    pub source: Source,
    pub external_no: Option<String>,
    pub posted_by: String,
    pub institution: Option<String>,
    pub room: Option<String>,
    pub allegation: Allegation,
    pub about: ClueDetails,
    pub text: String,
    pub contact: Option<String>,
    /// Where no institution says it.
    pub jurisdiction: String,
    pub received_on: Date,
    pub receipt_mac: Option<String>,
    /// JPEG, re-encoded.
    pub pictures: Vec<Vec<u8>>,
}

impl IncomingClue {
    /// One line names what is wrong.
    pub fn check(&mut self) -> Result<(), FoldFault> {
        let text = text::incoming("text", &self.text)?;
        let length = text.chars().count();
        if text.is_empty() || length > MOST_TEXT_CHARS {
            return Err(format!(
                "text: 1 to {MOST_TEXT_CHARS} characters are needed, {length} were given"
            ));
        }
        self.text = text;
        text::line_or_nothing("item_text", &self.about.item_text, 100)?;
        if let Some(number) = &self.external_no {
            text::line("external_no", number, 64)?;
        }
        if let Some(contact) = &self.contact {
            text::line("contact", contact, 200)?;
        }
        if let Some(place) = &self.about.place {
            check_place(place)?;
        }
        if self.institution.is_none() && self.about.place.is_none() {
            return Err("institution: name the institution or the place".to_owned());
        }
        if self.pictures.len() > MOST_PICTURES {
            return Err(format!("pictures: at most {MOST_PICTURES} are taken"));
        }
        if self.contact.is_none() && self.about.anonymity != Anonymity::Anonymous {
            return Err("contact: is needed unless the report is anonymous".to_owned());
        }
        check_window(&self.about)
    }
}

fn check_place(place: &UnregisteredPlace) -> Result<(), FoldFault> {
    text::line_or_nothing("place.name", &place.name, 100)?;
    text::line_or_nothing("place.address", &place.address, 200)?;
    if place.name.trim().is_empty() && place.address.trim().is_empty() {
        return Err("place: give a name or an address".to_owned());
    }
    Ok(())
}

fn check_window(about: &ClueDetails) -> Result<(), FoldFault> {
    let (Some(from), Some(to)) = (about.from_at, about.to_at) else {
        if about.from_at.is_some() || about.to_at.is_some() {
            return Err("from_at, to_at: give both or none".to_owned());
        }
        return Ok(());
    };
    let long_ms = to.ms() - from.ms();
    if long_ms <= 0 || long_ms > MOST_WINDOW_MS {
        return Err("to_at: must lie after from_at, at most 24 hours".to_owned());
    }
    Ok(())
}

/// What each part of a clue is sealed as.
pub fn sealed_as(clue: &ClueId, part: &str) -> String {
    format!("clue {clue} {part}")
}

/// Opens a clue's own key.
pub fn key_of(master: &Key, clue: &ClueId, wrapped: &[u8]) -> Result<Key, VaultError> {
    master.unwrap_key(&sealed_as(clue, "key"), wrapped)
}

/// By when something is due with a clue as it stands, and by which rule.
pub fn due(app: &App, it: &Clue) -> Result<ClueDue, StoreError> {
    let matter = ClueMatter {
        source: it.source,
        allegation: it.allegation,
        anonymity: it.about.anonymity,
        received_on: it.received_on.parse().unwrap_or_else(|_| today()),
    };
    due_of(app, &it.handling, matter)
}

fn due_of(
    app: &App,
    it: &crate::clue::ClueHandling,
    matter: ClueMatter,
) -> Result<ClueDue, StoreError> {
    let calendar = crate::calendar::Calendar::new(app.store.workdays()?);
    let due = terms::due(it, matter, &calendar, &app.config.clue_terms);
    Ok(due.map(|(deadline, rule)| (deadline.on.to_string(), rule)))
}

/// Seals what whoever sent a clue says later; nothing where the clue keeps no text any more.
pub fn sealed_answer(app: &App, clue: &ClueId, text: &str) -> Result<Option<Vec<u8>>, StoreError> {
    let kept = app.store.sealed_clue(clue)?.filter(|kept| !kept.key.is_empty());
    let Some(kept) = kept else { return Ok(None) };
    let key = key_of(&app.master, clue, &kept.key)?;
    let part = format!("text {}", kept.texts.len());
    Ok(Some(key.seal(&sealed_as(clue, &part), text.as_bytes())?))
}

fn random_id() -> Result<String, VaultError> {
    let mut bytes = [0u8; 16];
    getrandom::fill(&mut bytes).map_err(|e| VaultError::NoRandomness(e.to_string()))?;
    Ok(hex::encode(bytes))
}

/// Seals it. `it` was checked.
fn sealed(app: &App, it: IncomingClue) -> Result<NewClue, StoreError> {
    let institution = match &it.institution {
        Some(id) => Some(
            app.store
                .institution(id)?
                .ok_or_else(|| StoreError::Unknown { what: "institution", id: id.clone() })?,
        ),
        None => None,
    };
    let jurisdiction = institution.map_or(it.jurisdiction, |i| i.jurisdiction);
    let id: ClueId = random_id()?.parse()?;
    let key = Key::generate()?;
    let seal = |part: &str, plain: &[u8]| key.seal(&sealed_as(&id, part), plain);
    let files = it.pictures.iter().enumerate().map(|(n, picture)| {
        Ok((trust::sha256_hex(picture), seal(&format!("picture {n}"), picture)?))
    });
    let files = files.collect::<Result<_, VaultError>>()?;
    let contact = it.contact.as_ref().map(|c| seal("contact", c.as_bytes())).transpose()?;
    let text_of = |at: Option<At>| at.map(|at| at.to_string());
    let window = (text_of(it.about.from_at), text_of(it.about.to_at));
    let place = it.about.place.as_ref();
    let place = place.map(|p| (text::folded(&p.name), text::folded(&p.address), p.kind.as_str()));
    let fold = format!(
        "{}\n{window:?} {:?} {place:?} {jurisdiction} {}",
        text::folded(&it.text),
        it.room,
        it.allegation.as_str()
    );
    let matter = ClueMatter {
        source: it.source,
        allegation: it.allegation,
        anonymity: it.about.anonymity,
        received_on: it.received_on,
    };
    Ok(NewClue {
        due: due_of(app, &crate::clue::ClueHandling::default(), matter)?,
        text: seal("text 0", it.text.as_bytes())?,
        sealed_key: app.master.seal(&sealed_as(&id, "key"), key.bytes())?,
        fold: app.master.keyed("clue text", &fold),
        source: it.source,
        external_no: it.external_no,
        posted_by: it.posted_by,
        received_on: it.received_on.to_string(),
        jurisdiction,
        institution: it.institution,
        room: it.room,
        allegation: it.allegation,
        about: it.about,
        receipt_mac: it.receipt_mac,
        contact,
        files,
        id,
    })
}

/// Stores a clue that an officer typed or a partner sent; `false` where it stood already.
pub fn store(app: &App, mut it: IncomingClue) -> Result<(ClueId, bool), Problem> {
    it.check().map_err(Problem::unprocessable)?;
    if let Some(room) = &it.room {
        let found = app.store.room(room)?;
        if found.is_none_or(|r| Some(r.institution.as_str()) != it.institution.as_deref()) {
            return Err(Problem::unprocessable("room: is none of this institution"));
        }
    }
    let new = sealed(app, it)?;
    Ok(app.store.put_clue(&new, At::now())?)
}

/// What the door puts in, before it is sealed.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FromDoor {
    Report(Box<DoorReport>),
    Answer { mac: String, text: String },
    Visit { mac: String },
}

/// A report as the public form sends it: addresses of publications instead of ids.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DoorReport {
    pub slug: Option<String>,
    pub sign: Option<String>,
    pub allegation: Allegation,
    pub about: ClueDetails,
    pub text: String,
    pub contact: Option<String>,
    pub receipt_mac: String,
    /// JPEG, base64.
    pub pictures: Vec<String>,
    /// Digits of the division of a place that stands in no register; empty where nobody knew.
    #[serde(default)]
    pub division: String,
}

impl DoorReport {
    /// Refuses at the door what the server would refuse later: no receipt stands for a report that
    /// is lost.
    pub fn check(&mut self) -> Result<(), FoldFault> {
        let digits = self.division.bytes().all(|b| b.is_ascii_digit());
        if !digits || self.division.len() > 12 {
            return Err("division: use the digits of a division".to_owned());
        }
        let mut made = IncomingClue {
            source: Source::PublicReport,
            external_no: None,
            posted_by: String::new(),
            institution: self.slug.clone().or_else(|| self.sign.clone()),
            room: None,
            allegation: self.allegation,
            about: self.about.clone(),
            text: self.text.clone(),
            contact: self.contact.clone(),
            jurisdiction: String::new(),
            received_on: today(),
            receipt_mac: None,
            pictures: vec![Vec::new(); self.pictures.len()],
        };
        made.check()?;
        (self.about, self.text) = (made.about, made.text);
        Ok(())
    }
}

/// Signs tickets and receipts at the public door.
pub fn door_mac(master: &Key) -> Key {
    master.derived("public door: tickets and receipts")
}

/// Opens what the public door sealed; the door itself holds the other half alone.
pub fn door_seal(master: &Key) -> trust::SealingKey {
    trust::SealingKey::from_bytes(*master.derived("public door: seal").bytes())
}

/// What everything at the door is sealed as.
pub fn sealed_at_the_door(ticket: &str) -> String {
    format!("clue_in {ticket}")
}

/// Takes in what lies at the door, until the server stops.
pub async fn run(app: Arc<App>) {
    let mut stopping = app.stopping.clone();
    // The report may lie at the door of another server.
    let mut tick = tokio::time::interval(Duration::from_secs(5));
    loop {
        tokio::select! {
            () = app.door_rang.notified() => {}
            more = low_priority::next_round(&mut tick, &mut stopping) => if !more { return },
        }
        if let Err(problem) = app.leading(round).await {
            tracing::error!("what lies at the public door was not taken in: {}", problem.detail);
        }
        let waiting = app.blocking(|a| a.store.door_queue()).await;
        app.door_queue.set(waiting.unwrap_or_default());
    }
}

fn round(app: &App) -> Result<(), StoreError> {
    loop {
        let waiting = app.store.waiting_at_the_door(50)?;
        if waiting.is_empty() {
            break;
        }
        for one in waiting {
            take_in(app, &one)?;
            app.door_queue.set(app.store.door_queue()?);
        }
    }
    app.door_queue.set(app.store.door_queue()?);
    let ago = |days: i64| today().checked_sub(days.days()).unwrap_or(Date::MIN).to_string();
    app.store.forget_at_the_door(&ago(2), &ago(RECEIPTS_SLEEP_AFTER_DAYS))?;
    Ok(())
}

fn take_in(app: &App, it: &Waiting) -> Result<(), StoreError> {
    let (what, key) = (sealed_at_the_door(&it.ticket), door_seal(&app.master));
    let opened = trust::open_bytes(&what, &it.sealed, &key).ok().map(Zeroizing::new);
    // An earlier version of the door sealed with the master key.
    let opened = opened.or_else(|| app.master.open(&what, &it.sealed).ok());
    let read = opened.and_then(|bytes| serde_json::from_slice::<FromDoor>(&bytes).ok());
    let now = At::now();
    match read {
        None => give_up(app, it),
        Some(FromDoor::Visit { mac }) => app.store.take_visit_in(&it.ticket, &mac, &it.received_on),
        Some(FromDoor::Answer { mac, text }) => {
            let Some(clue) = app.store.clue_of_receipt(&mac)? else { return give_up(app, it) };
            let Some(sealed) = sealed_answer(app, &clue, &text)? else { return give_up(app, it) };
            let due = |clue: &Clue| due(app, clue).ok().flatten();
            app.store.take_answer_in(&it.ticket, &clue, &sealed, now, &due)
        }
        Some(FromDoor::Report(report)) => match incoming(&app.store, *report, &it.received_on) {
            Ok(report) => app.store.take_report_in(&it.ticket, &sealed(app, report)?, now),
            Err(StoreError::Refused(_)) => give_up(app, it),
            Err(error) => Err(error),
        },
    }
}

fn give_up(app: &App, it: &Waiting) -> Result<(), StoreError> {
    tracing::error!("something at the public door can not be read, and was given up");
    app.store.give_up_at_the_door(&it.ticket)
}

fn incoming(store: &Store, it: DoorReport, day: &str) -> Result<IncomingClue, StoreError> {
    let room = it.sign.as_deref().map(|code| store.room_of_sign(code)).transpose()?.flatten();
    let of_room = room.as_deref().map(|id| store.room(id)).transpose()?.flatten();
    let of_slug = it.slug.as_deref().map(|s| store.institution_of_slug(s)).transpose()?.flatten();
    let institution = of_room.map(|r| r.institution.to_string()).or(of_slug);
    let pictures = it.pictures.iter().filter_map(|text| STANDARD.decode(text).ok()).collect();
    let mut made = IncomingClue {
        source: Source::PublicReport,
        external_no: None,
        posted_by: String::new(),
        institution,
        room,
        allegation: it.allegation,
        about: it.about,
        text: it.text,
        contact: it.contact,
        jurisdiction: it.division,
        received_on: day.parse().unwrap_or_else(|_| today()),
        receipt_mac: Some(it.receipt_mac),
        pictures,
    };
    made.check().map_err(StoreError::Refused)?;
    Ok(made)
}
