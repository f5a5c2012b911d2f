//! The one place with SQL: two SQLite databases (facts and faces), opened here, spoken to through
//! named methods.
//!
//! One connection writes; a few read, so that a page never waits for ingest. Writes to the facts
//! are `synchronous=FULL`: a receipt may leave the house once a method here has returned. No method
//! reads the clock.

mod access;
mod account_rights;
mod accounts;
mod alerts;
mod aside;
mod attachments;
mod box_plans;
mod budgets;
mod case_documents;
mod chains;
mod charts;
mod checklists;
mod checks;
mod clue_answers;
mod clue_contacts;
mod clue_intake;
mod clue_lists;
mod clues;
#[cfg(test)]
#[path = "../../tests/support/cluster.rs"]
#[allow(dead_code, reason = "some of it is for the tests of the whole server")]
pub mod cluster;
mod commissioning;
mod compared;
mod connect;
mod consents;
#[cfg(test)]
mod contract;
mod copy;
mod corrections;
mod custodians;
mod delivery_words;
mod devices;
mod door;
mod embedders;
mod ended_custodians;
mod engine;
mod evidence;
mod evidence_end;
mod evidence_gone;
mod evidence_record;
mod faces;
mod feed;
mod fence;
mod figures;
mod filing;
mod hooks;
mod impact_assessments;
mod inbox;
mod incidents;
mod knowledge;
mod law;
mod leadership;
mod log_holds;
mod looks;
mod marks;
mod messages;
mod naming;
mod news;
mod opening_rows;
mod own_data;
mod own_findings;
mod pages;
mod part;
mod penalty_cases;
mod personal;
mod policies;
mod policy_trials;
mod pool;
mod public;
mod refusals;
mod registry;
mod registry_photos;
mod retention;
mod room_class_words;
mod room_classes;
mod room_records;
mod rows;
mod schema;
mod seeded;
mod seeded_clues;
mod self_checks;
#[cfg(test)]
mod several;
mod sight;
mod statements;
mod strangers;
mod supervision;
mod template_receipts;
mod throttle;
mod to_judge;
mod tombstones;
mod transaction;
mod views;
mod write_ahead_log;

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::access::throttle::Throttle;
use crate::no_room::{self, NoRoom};
use crate::own_id::OwnIds;
use crate::tombstone::LedgerError;
use connect::open_reader;
use engine::{Connection, OptionalExtension as _, Transaction};
use schema::Database;
use transaction::in_transaction;

pub use self::case_documents::{CaseTemplate, NewDocument, StoredDocument};
pub use self::law::ReviewEntry;
pub use access::{Account, ApiToken, AuditEntry, AuditFilter, Deed};
pub use account_rights::{Invitation, NewInvitation, NewRights, RightsChange, token_owner};
pub use accounts::Invited;
pub use alerts::{
    Alert, AlertCount, AlertFilter, AlertSearch, AlertStep, ClinicCounts, FindingEvent, Located,
    StoredFinding, WorstFinding,
};
pub use aside::{Aside, is_current, is_there, living_servers, schemas};
pub use attachments::Attachment;
pub use box_plans::BoxPlan;
pub use chains::{Era, StoredLink, Stretch};
pub use charts::{Cell, ChartScope, DeviceFigures, Figures, Sight};
pub use checks::{CardCredential, KeptCheck};
pub use clue_contacts::ContactAsk;
pub use clues::{Clue, ClueDue, ClueFilter, ClueLink, ClueStep, MergedClue, NewClue, SealedClue};
pub use commissioning::{BoxStatement, ZonesDrawn};
pub use compared::ComparedRecords;
pub use consents::EarlierConsent;
pub use copy::copy;
pub use corrections::{
    Correction, CorrectionFilter, CorrectionSource, CorrectionStep, NewCorrection, Uncorrected,
};
pub use custodians::{CustodianUnlock, NewCustodian, Vouching, WITHHELD_WORDS};
pub use delivery_words::{DeliveryEvent, DeliveryState};
pub use devices::{Device, DeviceState, KnowledgeState, NewKeys};
pub use door::{UnreadSubmission, Waiting};
pub use embedders::{ComeAgain, Outdated};
pub use engine::{Address, Beside, Notices};
pub use evidence::PartTaken;
pub use evidence::release_order;
pub use faces::{
    Enrolment, EnrolmentState, FaceStore, NewEnrolment, NewTemplate, OpenNow, StoredTemplate,
    Withdrawal,
};
pub use feed::{FeedEvent, FeedReader};
pub use fence::{Epoch, current, under};
pub use figures::Summary;
pub use hooks::{Came, Hook, HookDelivery, HookKind, NewDelivery, Quiet};
pub use impact_assessments::AssessmentEntry;
pub use inbox::{
    BoxStatus, Committed, InboxEntry, InboxOutcome, IncomingMessage, Quarantined, ReceiptDue,
    RefusedMessage,
};
pub use incidents::JOINED;
pub use knowledge::Issue;
pub use knowledge::IssuedKnowledge;
pub use leadership::{Changes, Instance, Lead, Look, Seat, SeenServer, Standby};
pub use log_holds::{HoldStanding, LogHold};
pub use looks::LOOK_MS;
pub use marks::Bounds;
pub use messages::{Message, MessageSetting, NewMessage, OwnStep, Robot, RobotKind};
pub use own_data::{PersonalRequest, RequestSubject};
pub use own_findings::LinkedAlert;
pub use part::ListPart;
pub use personal::{LinkPurpose, PersonalLink};
pub use policies::{HashedPolicy, OwnPolicy, PolicyRow};
pub use policy_trials::{
    BoxTrial, NewTrial, TrialBounds, TrialCountSeen, TrialRow, TrialStanding, TrialSum, trial_sums,
};
pub use public::{
    PublicDevice, PublicInstitution, PublicItem, PublicPractitioner, PublicStore, ReportStatus,
};
pub use refusals::RoomRefusals;
pub use registry::{
    EmergencyCount, Imported, NO_ITEM, NO_LEAD, RegisterTable, SessionChange, SessionDeed,
    SessionFilter, UNKNOWN_ITEM, no_relation, not_filed,
};
pub use registry_photos::RegistryPhoto;
pub use retention::RetentionRun;
pub use room_class_words::{ClassStep, ClassWord};
pub use room_classes::ClassVerdict;
pub use seeded::Amount;
pub use self_checks::{
    CheckStep, Revision, SavedAnswer, SelfCheck, SelfCheckCount, SelfCheckFilter,
};
pub use statements::{AlertStatement, Stated, StatedKind, StatementKind};
pub use supervision::{Dossier, Silence, WatchedHour, WatchedRoom};
pub use template_receipts::BoxReceipt;
pub use to_judge::ToJudge;
pub use tombstones::{Deleted, TombstoneReplay};
pub use views::{InstitutionSeen, View};

#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("database: {0}")]
    Database(#[from] engine::Error),
    #[error("database {path}: {why}")]
    Open { path: PathBuf, why: String },
    #[error("a stored record does not decode: {0}")]
    Decode(#[from] serde_json::Error),
    #[error("{what} `{id}` is unknown: register it first")]
    Unknown { what: &'static str, id: String },
    #[error("{0}")]
    Conflict(String),
    /// What is asked can not be taken as it is; one line that says why.
    #[error("{0}")]
    Refused(String),
    /// A step of an opening of sealed pictures that may not be.
    #[error(transparent)]
    Opening(#[from] crate::evidence::opening::OpeningRefusal),
    /// PostgreSQL can not be reached now.
    #[error("database {name}: can not be opened: {why}")]
    Unreachable { name: String, why: engine::Error },
    /// Nothing was begun: it may be tried again in a moment.
    #[error("all {connections} connections to the database are in use: try again in a moment")]
    Busy { connections: usize },
    /// The lead went to another server meanwhile.
    #[error(
        "another server leads since epoch {now}, and this was begun under {ours}: nothing was \
        written"
    )]
    Superseded { ours: Epoch, now: Epoch },
    #[error(transparent)]
    Vault(#[from] crate::vault::VaultError),
    /// Nothing was written: there is no room for it.
    #[error("{0}")]
    NoRoom(crate::no_room::NoRoom),
    #[error("writing: {0}")]
    Io(#[from] std::io::Error),
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

pub type Result<T> = std::result::Result<T, StoreError>;

impl StoreError {
    /// PostgreSQL is away: nothing is wrong with what was to be written.
    pub fn is_unreachable(&self) -> bool {
        match self {
            Self::Database(error) => error.is_unreachable(),
            Self::Unreachable { .. } => true,
            _ => false,
        }
    }

    /// Where there is no room for what was to be written.
    pub fn no_room(&self) -> Option<NoRoom> {
        match self {
            Self::NoRoom(it) => Some(it.clone()),
            Self::Database(error) if error.is_full() => Some(NoRoom::Unsaid),
            Self::Io(error) if no_room::is_no_room(error) => Some(NoRoom::Unsaid),
            Self::Ledger(LedgerError::Io { path, source }) => NoRoom::of_file(path, source),
            _ => None,
        }
    }

    /// The same, with the place where there is no room.
    pub(in crate::store) fn placed(self, at: &Address) -> Self {
        if !matches!(self.no_room(), Some(NoRoom::Unsaid)) {
            return self;
        }
        Self::NoRoom(match at.database() {
            Some(database) if !matches!(self, Self::Io(_)) => {
                NoRoom::Elsewhere { database: database.to_owned() }
            }
            _ => NoRoom::here(&at.dir),
        })
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error.into())
    }
}

/// Whether an upsert made something new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Upsert {
    Created,
    Replaced,
}

/// The facts: registry, devices, messages, alerts.
#[derive(Debug)]
pub struct Store {
    /// Held by whoever waits for the writer next: one that writes without a pause comes behind
    /// those that wait, and a page is not kept waiting by a rush of findings.
    turn: Mutex<()>,
    /// How often a write found the writer at work.
    waits: AtomicU64,
    writer: Mutex<Connection>,
    readers: pool::Pool,
    at: Address,
    /// The last write found no room: before the next one SQLite's log is copied home, and
    /// PostgreSQL is asked whether there is room again.
    full: AtomicBool,
    /// Taken by whoever writes a batch, inside its transaction.
    budgets: Mutex<budgets::Budgets>,
    /// Of this process, where the store is its own.
    throttle: Mutex<Throttle>,
    /// Scripted clocks of boxes are believed.
    demonstration: bool,
    /// Where ended custodians are signed; none in a command that ends nobody.
    ledger: Option<crate::tombstone::Ledger>,
}

impl Store {
    /// Opens the facts, making and migrating them as needed.
    pub fn open(at: impl Into<Address>) -> Result<Self> {
        let at = at.into();
        let mut writer =
            connect::writer(&at, Database::Facts).map_err(|error| error.placed(&at))?;
        if let Connection::Sqlite(sqlite) = &mut writer {
            // Between two looks whether somebody waits for the core: below a hundred microseconds.
            let steps_of_sqlites_machine = 1000;
            let go_on = || {
                crate::low_priority::between_two();
                false
            };
            sqlite.progress_handler(steps_of_sqlites_machine, Some(go_on))?;
        }
        make_own_id_key(&writer)?;
        Ok(Self {
            turn: Mutex::default(),
            waits: AtomicU64::new(0),
            writer: Mutex::new(writer),
            readers: pool::Pool::new(at.is_postgres()),
            at,
            full: AtomicBool::new(false),
            budgets: Mutex::default(),
            throttle: Mutex::default(),
            demonstration: false,
            ledger: None,
        })
    }

    /// Whether boxes whose clock is a script's are believed: in a demonstration, which says so on
    /// every page.
    #[must_use]
    pub fn believing_scripted_clocks(self, demonstration: bool) -> Self {
        Self { demonstration, ..self }
    }

    /// Runs `work` in one write transaction: all of it is stored, or nothing.
    fn write<T>(&self, work: impl FnOnce(&Transaction<'_>) -> Result<T>) -> Result<T> {
        let turn = lock(&self.turn);
        let mut writer = if let Ok(free) = self.writer.try_lock() {
            free
        } else {
            self.waits.fetch_add(1, Ordering::Relaxed);
            lock(&self.writer)
        };
        drop(turn);
        if writer.is_lost() {
            *writer = connect::writer_again(&self.at, Database::Facts)?;
        }
        if let (true, Some(sqlite)) = (self.full.load(Ordering::Relaxed), writer.sqlite()) {
            let settled =
                write_ahead_log::settle(sqlite, &self.at.dir.join(Database::Facts.file()));
            self.full.store(!settled, Ordering::Relaxed);
        }
        let made = in_transaction(&mut writer, |tx| {
            fence::check(tx, Database::Facts)?;
            work(tx)
        });
        if write_ahead_log::was_full(&made) {
            self.full.store(true, Ordering::Relaxed);
        }
        made.map_err(|error| error.placed(&self.at))
    }

    /// How often a write found the writer at work: who writes much asks whether anybody waited.
    pub(crate) fn waits(&self) -> u64 {
        self.waits.load(Ordering::Relaxed)
    }

    fn read<T>(&self, work: impl FnOnce(&Connection) -> Result<T>) -> Result<T> {
        let reader = self.readers.take(|| connect::reader(&self.at, Database::Facts))?;
        // What is sorted on a full disk is read no more.
        work(&reader).map_err(|error| error.placed(&self.at))
    }

    /// A consistent copy of the database while the server runs.
    pub fn backup_to(&self, target: &Path) -> Result<()> {
        self.read(|c| backup_open(c, target))
    }

    /// Commits a write, where one can be committed now and the next one would be, too.
    pub fn probe(&self) -> Result<()> {
        // Over SQLite the flag says what is to be done before the next write.
        let asks_for_room = self.at.is_postgres() && self.full.load(Ordering::Relaxed);
        self.write(|tx| {
            count(tx, "readiness_probes", 1)?;
            if asks_for_room { Ok(tx.execute_batch(TAKE_A_MIB)?) } else { Ok(()) }
        })?;
        if asks_for_room {
            self.full.store(false, Ordering::Relaxed);
        }
        // A small write may still find its place in a log that was made before the disk was full.
        NoRoom::nearly(&self.at.dir).map_or(Ok(()), |it| Err(StoreError::NoRoom(it)))
    }
}

/// A small write finds its place in a page that is half empty, where a table could grow no more.
/// Another machine's disk is not looked at; so a MiB of it is taken, and given back at once.
const TAKE_A_MIB: &str = "CREATE TEMPORARY TABLE room_left ON COMMIT DROP AS
    SELECT n FROM generate_series(1, 30000) AS n";

/// What a copied database says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CopyFacts {
    /// Migrations that it has seen.
    pub schema: i64,
    /// How many this program knows.
    pub known: i64,
}

/// Copies one of the two databases (`zaigang.db`, `faces.db`) while a server may be writing it.
/// Migrates nothing, so that a backup made by a newer program before an update is one that the
/// older program still reads.
pub fn copy_database(from: &Path, target: &Path) -> Result<CopyFacts> {
    let why = |e: &dyn std::fmt::Display| StoreError::Open {
        path: from.to_owned(),
        why: format!("can not be read: {e}"),
    };
    let source = open_reader(from).map_err(|e| why(&e))?;
    backup(&source, target)?;
    check_copy(target)
}

/// How far a database has come, without changing it; nothing for one that is not there yet.
pub fn schema_of(path: &Path) -> Result<Option<CopyFacts>> {
    if !path.exists() {
        return Ok(None);
    }
    let schema: i64 = open_reader(path)?.pragma_query_value(None, "user_version", |r| r.get(0))?;
    Ok(Some(CopyFacts { schema, known: known_schema(path) }))
}

fn known_schema(path: &Path) -> i64 {
    let faces = path.file_name().is_some_and(|n| n == "faces.db");
    (if faces { schema::FACES.len() } else { schema::FACTS.len() }) as i64
}

/// Asks a copy whether it is whole, and of which version.
pub fn check_copy(path: &Path) -> Result<CopyFacts> {
    let fault = |why: String| StoreError::Open { path: path.to_owned(), why };
    let flags = rusqlite::OpenFlags::SQLITE_OPEN_READ_WRITE;
    let copy = rusqlite::Connection::open_with_flags(path, flags)?;
    // One file, with no journal beside it that could be forgotten.
    copy.pragma_update(None, "journal_mode", "DELETE")?;
    let verdict: String = copy.pragma_query_value(None, "quick_check", |r| r.get(0))?;
    if verdict != "ok" {
        return Err(fault(format!("is damaged: {verdict}")));
    }
    let schema: i64 = copy.pragma_query_value(None, "user_version", |r| r.get(0))?;
    let known = known_schema(path);
    if schema > known {
        return Err(fault(format!(
            "was written by a later version (schema {schema}, this program knows {known}): update \
            the program"
        )));
    }
    Ok(CopyFacts { schema, known })
}

fn backup(from: &rusqlite::Connection, target: &Path) -> Result<()> {
    let mut to = rusqlite::Connection::open(target)?;
    rusqlite::backup::Backup::new(from, &mut to)?.run_to_completion(
        512,
        std::time::Duration::ZERO,
        None,
    )?;
    Ok(())
}

/// A copy of a database that is open; PostgreSQL has its own tools for it.
fn backup_open(from: &Connection, target: &Path) -> Result<()> {
    let no = "a store in PostgreSQL is copied by pg_dump";
    backup(from.sqlite().ok_or_else(|| StoreError::Refused(no.to_owned()))?, target)
}

/// A panic while the lock was held rolled its transaction back, so the connection is sound.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Adds to a named counter.
fn count(tx: &Connection, name: &str, by: i64) -> Result<()> {
    let sql = "INSERT INTO counter VALUES (?1, ?2) ON CONFLICT(name) DO UPDATE SET value = \
        counter.value + excluded.value";
    Ok(tx.send(sql, (name, by))?)
}

/// Once in the life of a database; a second process over it finds the first one's.
fn make_own_id_key(c: &Connection) -> Result<()> {
    if c.prepare_cached("SELECT 1 FROM own_id_key")?.exists([])? {
        return Ok(());
    }
    let mut key = [0u8; 32];
    getrandom::fill(&mut key).map_err(|e| StoreError::Io(std::io::Error::other(e.to_string())))?;
    c.execute("INSERT INTO own_id_key VALUES (1, ?1) ON CONFLICT DO NOTHING", [&key[..]])?;
    Ok(())
}

fn own_ids(c: &Connection) -> Result<OwnIds> {
    Ok(OwnIds::new(c.prepare_cached("SELECT key FROM own_id_key")?.query_row([], |r| r.get(0))?))
}

/// A text column of the row with this id, if there is one.
fn column(c: &Connection, sql: &str, id: &str) -> Result<Option<String>> {
    Ok(c.prepare_cached(sql)?.query_row([id], |row| row.get(0)).optional()?)
}

/// An enumeration as its serde name, such as `licensed_physician`.
fn name_of<T: serde::Serialize>(value: &T) -> Result<String> {
    match serde_json::to_value(value)? {
        serde_json::Value::String(text) => Ok(text),
        other => Ok(other.to_string()),
    }
}

/// What should be an id and is none: somebody else wrote the database.
impl From<protocol::id::BadId> for StoreError {
    fn from(bad: protocol::id::BadId) -> Self {
        Self::Conflict(bad.to_string())
    }
}

/// An enumeration from its serde name.
fn named<T: serde::de::DeserializeOwned>(text: String) -> Result<T> {
    Ok(serde_json::from_value(serde_json::Value::String(text))?)
}
