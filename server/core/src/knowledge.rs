//! Knowledge downstream: what changed is signed, sealed for each box concerned, sent, and sent
//! again until it is acknowledged.
//!
//! Every sending has a version of its own that only rises (a box refuses what is not newer).
//! Nothing here decides what is true.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use protocol::down::{Command, Down, Receipt, Roster, Template};
use protocol::id::DeviceId;
use protocol::topic::{Channel, Topic};
use tokio::sync::mpsc;
use trust::audit::SignedHead;
use trust::{SealingPublicKey, SigningKey};

use crate::audit_head::Heads;
use crate::clock::{self, At};
use crate::ingest::IngestEvent;
use crate::leader::Leader;
use crate::mqtt::BrokerLinks;
use crate::store::{self, FaceStore, IssuedKnowledge, ReceiptDue, Store, StoreError};

/// Sendings in vain after which a box that connects anew is sent nothing before its time.
const PATIENT: u32 = 5;
/// 2 to the power of this times any retry time is longer than a day.
const DOUBLINGS: u32 = 19;

/// Something changed that boxes must know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Nudge {
    All,
    Institution(String),
    Room(String),
    /// The box started anew: it gets everything again.
    Fresh(DeviceId),
    /// The box is connected again: it gets what it has not acknowledged.
    Back(DeviceId),
    Command {
        device: DeviceId,
        command: Command,
    },
}

/// What the pusher works with.
#[derive(Debug)]
pub struct Pusher {
    pub store: Arc<Store>,
    pub faces: Arc<FaceStore>,
    pub signer: Arc<SigningKey>,
    /// What was signed of the audit log: each box is given the newest once, with a receipt.
    pub heads: Arc<Heads>,
    /// The head that each box was given last.
    pub heads_told: Mutex<HashMap<DeviceId, SignedHead>>,
    pub brokers: Arc<BrokerLinks>,
    pub leader: Arc<Leader>,
    /// Where boxes find them; `None`: they know it from their provisioning.
    pub told_brokers: Option<protocol::down::Brokers>,
    pub expires: SignedDuration,
    pub refresh: SignedDuration,
    pub retry: Duration,
    /// The wait for an answer doubles with each sending in vain, up to this.
    pub retry_max: Duration,
    /// A demonstration plays on a day of its own: its sessions and passes are sent whatever the
    /// date is here.
    pub any_date: bool,
}

/// What a box is to be told.
struct Due {
    device: DeviceId,
    payload: Down,
    content: String,
}

/// A message ready for the wire.
struct Letter {
    topic: Topic,
    bytes: Vec<u8>,
}

#[derive(Debug, thiserror::Error)]
enum PushError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Refused(#[from] trust::Refused),
    #[error(
        "{kind} for this box takes {bytes} bytes sealed, at most {limit} fit: enrol fewer \
        templates per person"
    )]
    TooLarge { kind: &'static str, bytes: usize, limit: usize },
    #[error("not encoded: {0}")]
    Encode(#[from] serde_json::Error),
}

/// Sends receipts as commits happen; of several for one box only the last is sent.
pub async fn speak(
    pusher: Arc<Pusher>,
    mut told: mpsc::UnboundedReceiver<IngestEvent>,
    nudge: mpsc::UnboundedSender<Nudge>,
) {
    let mut many = Vec::new();
    while told.recv_many(&mut many, 256).await > 0 {
        let mut due = std::collections::BTreeMap::new();
        for one in many.drain(..) {
            match one {
                IngestEvent::Receipts(receipts) => {
                    due.extend(receipts.into_iter().map(|r| (r.device.clone(), r)));
                }
                IngestEvent::Status { device, fresh: true, online: true } => {
                    drop(nudge.send(Nudge::Fresh(device)));
                }
                IngestEvent::Status { device, online: true, .. } => {
                    drop(nudge.send(Nudge::Back(device)));
                }
                IngestEvent::Status { .. } | IngestEvent::Acked(_) => {}
            }
        }
        for receipt in due.into_values() {
            match pusher.receipt(&receipt) {
                Ok(letter) => {
                    fail_point::reached("receipt.signed");
                    pusher.brokers.say(&letter.topic, letter.bytes).await;
                    fail_point::reached("receipt.handed_over");
                }
                Err(error) => tracing::error!(device = %receipt.device, %error, "receipt not made"),
            }
        }
    }
}

/// Answers nudges, and on every tick sends again what connected boxes have not acknowledged.
pub async fn run(pusher: Arc<Pusher>, mut nudges: mpsc::UnboundedReceiver<Nudge>) {
    let mut tick = tokio::time::interval(pusher.retry);
    tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut many = Vec::new();
    loop {
        tokio::select! {
            count = nudges.recv_many(&mut many, 256) => {
                if count == 0 {
                    return;
                }
                let batch = std::mem::take(&mut many);
                send_all(&pusher, move |p| p.answer(&batch)).await;
            }
            // One server says again; what is new says whoever it came to.
            _ = tick.tick() => if let Some(epoch) = pusher.leader.epoch() {
                send_all(&pusher, move |p| store::under(Some(epoch), || p.overdue())).await;
            },
        }
    }
}

/// Makes letters on a blocking thread (databases, signatures), then sends them.
async fn send_all(
    pusher: &Arc<Pusher>,
    make: impl FnOnce(&Pusher) -> Vec<Letter> + Send + 'static,
) {
    let maker = Arc::clone(pusher);
    match tokio::task::spawn_blocking(move || make(&maker)).await {
        Ok(letters) => {
            for letter in letters {
                pusher.brokers.say(&letter.topic, letter.bytes).await;
            }
        }
        Err(error) => tracing::error!(%error, "knowledge was not made"),
    }
}

impl Pusher {
    fn answer(&self, nudges: &[Nudge]) -> Vec<Letter> {
        let mut changed = BTreeSet::new();
        let mut fresh = BTreeSet::new();
        let mut back = BTreeSet::new();
        let mut letters = Vec::new();
        for nudge in nudges {
            let (institution, room) = match nudge {
                Nudge::All => (None, None),
                Nudge::Institution(id) => (Some(id.as_str()), None),
                Nudge::Room(id) => (None, Some(id.as_str())),
                Nudge::Fresh(device) => {
                    fresh.insert(device.clone());
                    continue;
                }
                Nudge::Back(device) => {
                    back.insert(device.clone());
                    continue;
                }
                Nudge::Command { device, command } => {
                    letters.extend(Self::logged(device, self.command(device, command.clone())));
                    continue;
                }
            };
            match self.store.devices_of(institution, room) {
                Ok(devices) => changed.extend(devices),
                Err(error) => tracing::error!(%error, "knowledge not sent"),
            }
        }
        let mut due = Vec::new();
        for device in &fresh {
            let again = |kind: &str| match self.store.issued(device, kind) {
                Ok(Some(issued)) => {
                    issued.answered || issued.tries <= PATIENT || self.waited(&issued)
                }
                _ => true,
            };
            due.extend(Self::logged(device, self.due(device, again)).into_iter().flatten());
        }
        for device in back.difference(&fresh) {
            // A box that never answers gains nothing by coming back again and again.
            let unanswered = |kind: &str| match self.store.issued(device, kind) {
                Ok(Some(issued)) => {
                    !issued.answered && (issued.tries <= PATIENT || self.waited(&issued))
                }
                _ => true,
            };
            due.extend(Self::logged(device, self.due(device, unanswered)).into_iter().flatten());
        }
        for device in changed.iter().filter(|d| !fresh.contains(*d) && !back.contains(*d)) {
            due.extend(Self::logged(device, self.due(device, |_| false)).into_iter().flatten());
        }
        letters.extend(self.issue(due));
        letters
    }

    /// Unacknowledged for longer than the retry time, or (the roster) no longer fresh.
    fn overdue(&self) -> Vec<Letter> {
        let now = clock::now();
        let stale = At::from(now - self.refresh);
        let unanswered: Vec<At> =
            (0..=DOUBLINGS).map(|tries| At::from(now - self.wait(tries))).collect();
        let devices = match self.store.overdue(&unanswered, stale) {
            Ok(devices) => devices,
            Err(error) => {
                tracing::error!(%error, "knowledge not checked");
                return Vec::new();
            }
        };
        let mut due = Vec::new();
        for device in devices {
            let again = |kind: &str| match self.store.issued(&device, kind) {
                Ok(Some(issued)) if issued.answered => kind == "roster" && issued.at < stale,
                Ok(Some(issued)) => self.waited(&issued),
                Ok(None) => true,
                Err(_) => false,
            };
            due.extend(Self::logged(&device, self.due(&device, again)).into_iter().flatten());
        }
        self.issue(due)
    }

    /// How long an answer is waited for after so many sendings.
    fn wait(&self, tries: u32) -> SignedDuration {
        let retry = self
            .retry
            .saturating_mul(1 << tries.saturating_sub(1).min(DOUBLINGS))
            .min(self.retry_max.max(self.retry));
        SignedDuration::try_from(retry).unwrap_or(SignedDuration::from_secs(5))
    }

    fn waited(&self, issued: &IssuedKnowledge) -> bool {
        issued.at < At::now() - self.wait(issued.tries)
    }

    fn logged<T>(device: &DeviceId, made: Result<T, PushError>) -> Option<T> {
        made.map_err(|error| tracing::error!(%device, %error, "knowledge not sent")).ok()
    }

    /// What this box must be told: what changed since it was last issued, and whatever `again`
    /// says.
    fn due(&self, device: &DeviceId, again: impl Fn(&str) -> bool) -> Result<Vec<Due>, PushError> {
        let now = clock::now();
        let yesterday = now - SignedDuration::from_hours(24);
        let (from, until) = if self.any_date {
            (At::EPOCH, At::EPOCH)
        } else {
            (At::from(yesterday), At::from(now))
        };
        let mut facts = self.store.facts_for(device, from, until)?;
        facts.rest.extend(self.told_brokers.clone().map(Down::Brokers));
        let mut roster = Roster {
            snapshot_at: String::new(),
            institution: facts.institution,
            persons: facts.persons,
            passes: facts.passes,
            rotation_seed: None,
        };
        self.add_faces(&mut roster, facts.consent_renewal)?;
        let mut due = Vec::new();
        for payload in [vec![Down::Roster(roster)], facts.rest].concat() {
            let kind = payload.kind();
            let content = trust::canonical_sha256(&payload)?;
            let same = self.store.issued(device, kind)?.is_some_and(|last| last.content == content);
            if !same || again(kind) {
                due.push(Due { device: device.clone(), payload, content });
            }
        }
        Ok(due)
    }

    /// Takes all versions in one transaction, then signs and seals: a thousand boxes that come back
    /// cost one write.
    fn issue(&self, due: Vec<Due>) -> Vec<Letter> {
        let now = clock::now();
        let wanted: Vec<_> =
            due.iter().map(|d| (&d.device, d.payload.kind(), d.content.as_str())).collect();
        let versions = match self.store.next_versions(&wanted, now.into()) {
            Ok(versions) => versions,
            Err(error) => {
                tracing::error!(%error, "knowledge not sent");
                return Vec::new();
            }
        };
        let sealed = due.into_iter().zip(versions).map(|(d, version)| {
            let device = d.device.clone();
            (device, self.knowledge(&d.device, d.payload, version, now))
        });
        sealed.filter_map(|(device, made)| Self::logged(&device, made)).collect()
    }

    /// Confirmed templates, or, before any is confirmed, the proposed ones, with which a person
    /// stays INDETERMINATE.
    fn add_faces(&self, roster: &mut Roster, renewal: Option<Date>) -> Result<(), PushError> {
        let institution = roster.institution.as_str().to_owned();
        let mut stored = self.faces.templates_of(&institution)?;
        if renewal.is_some_and(|day| clock::today() >= day) {
            let texts = self.faces.consent_texts(&institution)?;
            let text = |enrolment: &String| texts.get(enrolment).map_or("", String::as_str);
            stored.retain(|t| crate::consent::holds(text(&t.enrolment), renewal, clock::today()));
        }
        if !stored.is_empty() {
            roster.rotation_seed =
                Some(STANDARD.encode(self.faces.rotation_seed(&institution)?.bytes()));
        }
        for person in &mut roster.persons {
            let of = |confirmed| stored.iter().filter(move |t| t.confirmed == confirmed);
            let mine = |t: &&crate::store::StoredTemplate| t.person == person.person.as_str();
            person.confirmed = of(true).any(|t| mine(&t));
            person.templates = of(person.confirmed)
                .filter(mine)
                .map(|t| Template {
                    template_id: t.id.to_string(),
                    pack: t.pack.clone(),
                    embedder_sha256: t.embedder_sha256.clone(),
                    vector: STANDARD.encode(&*t.vector),
                    masked: t.masked,
                })
                .collect();
        }
        Ok(())
    }

    fn knowledge(
        &self,
        device: &DeviceId,
        mut payload: Down,
        version: u64,
        now: Timestamp,
    ) -> Result<Letter, PushError> {
        let kind = payload.kind();
        if let Down::Roster(roster) = &mut payload {
            roster.snapshot_at = clock::text(now);
        }
        let envelope =
            trust::sign_down(&self.signer, device, version, now, now + self.expires, payload)?;
        let key = self.store.sealing_key(device)?.unwrap_or_default();
        let sealed = trust::seal(&envelope, device, &SealingPublicKey::from_base64(&key)?)?;
        let bytes = serde_json::to_vec(&sealed)?;
        let limit = protocol::MAX_KNOWLEDGE_BYTES;
        if bytes.len() > limit {
            return Err(PushError::TooLarge { kind, bytes: bytes.len(), limit });
        }
        tracing::debug!(%device, kind, version, bytes = bytes.len(), "knowledge sent");
        Ok(Letter { topic: Topic::new(device.clone(), Channel::Knowledge), bytes })
    }

    fn command(&self, device: &DeviceId, command: Command) -> Result<Letter, PushError> {
        let now = clock::now();
        let issue = self.store.next_version(device, "command", "", now.into())?;
        self.plain(device, issue.version, now, Down::Command(command))
    }

    fn receipt(&self, due: &ReceiptDue) -> Result<Letter, PushError> {
        let receipt = Receipt {
            contiguous_seq: due.contiguous_seq,
            contiguous_hash: due.contiguous_hash.clone(),
            above: due.above.clone(),
            audit_head: self.head_for(&due.device),
        };
        self.plain(&due.device, due.version, clock::now(), Down::Receipt(receipt))
    }

    /// The audit log's newest head, where this box was not given it yet. A receipt that is lost
    /// takes it along, and the next head comes within the hour.
    fn head_for(&self, device: &DeviceId) -> Option<SignedHead> {
        let newest = self.heads.newest()?;
        let mut told = self.heads_told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.get(device) == Some(&newest) {
            return None;
        }
        told.insert(device.clone(), newest.clone());
        Some(newest)
    }

    /// Receipts and commands hold no personal data: signed, not sealed.
    fn plain(
        &self,
        id: &DeviceId,
        version: u64,
        now: Timestamp,
        payload: Down,
    ) -> Result<Letter, PushError> {
        let topic = Topic::new(id.clone(), payload.channel());
        let envelope =
            trust::sign_down(&self.signer, id, version, now, now + self.expires, payload)?;
        Ok(Letter { topic, bytes: serde_json::to_vec(&envelope)? })
    }
}
