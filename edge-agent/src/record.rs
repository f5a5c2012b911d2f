//! The observation log: every call of the engine, as it was made, encrypted, in a ring of at most
//! seven days. From it any finding can be derived again, line by line.
//!
//! It holds boxes, zones, scores, and candidate ids from `T_reject` on; patients as a count; never
//! a picture, an embedding or a name. One file per boot and day of the log's own clock; each begins
//! with the facts in force, so that the rest can be replayed when the older files have gone. A disk
//! that refuses costs the recording, never the judging, and is said.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, OpenOptions},
    io::{self, Read as _, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
};

use chacha20poly1305::{
    KeyInit as _, XChaCha20Poly1305, XNonce,
    aead::{Aead as _, Payload},
};
use presence::{Entry, Fact, Moment, Thresholds};
use zeroize::Zeroizing;

/// How far a clock may be ahead of the server's last word when a file ends by it.
const AHEAD_DAYS: i64 = 2;
/// Segments older than this are deleted, whole days.
pub const KEEP_DAYS: i64 = 7;
const DAY_MS: i64 = 86_400_000;
/// A record is written when this much has gathered (plain text), or by [`Recorder::flush`].
const BATCH_BYTES: usize = 64 * 1024;
/// No record is longer: a corrupted length must not ask for gigabytes.
const MAX_RECORD_BYTES: usize = 64 * 1024 * 1024;
const NONCE_BYTES: usize = 24;
const KEY_KIND: &str = "zaigang-observations";

/// Why a log can not be read; one line.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    #[error("{}: {source}", path.display())]
    Io { path: PathBuf, source: io::Error },
    #[error(transparent)]
    Key(#[from] trust::KeyFileError),
    #[error("no randomness from the operating system")]
    NoRandomness,
    #[error("{}: record {record} can not be opened: it was changed, or written with another \
        key", path.display())]
    Broken { path: PathBuf, record: usize },
}

fn at_path(path: &Path) -> impl FnOnce(io::Error) -> RecordError {
    let path = path.to_path_buf();
    move |source| RecordError::Io { path, source }
}

/// The folder `observations` of a state directory, with its key.
pub struct Vault {
    dir: PathBuf,
    cipher: XChaCha20Poly1305,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Vault({})", self.dir.display())
    }
}

impl Vault {
    /// Opens the folder; makes it and its key on first use.
    pub fn open(state_dir: &Path) -> Result<Self, RecordError> {
        let dir = state_dir.join("observations");
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(at_path(&dir))?;
        let key_path = dir.join("observations.key");
        if !key_path.exists() {
            let mut key = Zeroizing::new([0; 32]);
            getrandom::fill(key.as_mut()).map_err(|_| RecordError::NoRandomness)?;
            trust::write_new(&key_path, KEY_KIND, &key)?;
        }
        Self::of_existing(state_dir)
    }

    /// The folder of a log that is there, with its key; makes neither.
    pub fn of_existing(state_dir: &Path) -> Result<Self, RecordError> {
        let dir = state_dir.join("observations");
        let key = trust::read_secret(&dir.join("observations.key"), KEY_KIND)?;
        let cipher = XChaCha20Poly1305::new(&(*key).into());
        Ok(Self { dir, cipher })
    }

    /// The boots of which something is left, rising.
    pub fn boots(&self) -> Result<Vec<u64>, RecordError> {
        let mut boots: Vec<_> = self.segments()?.into_iter().map(|segment| segment.boot).collect();
        boots.dedup();
        Ok(boots)
    }

    /// Everything that is left of one boot, in order. A record cut off by a power cut ends its
    /// file.
    pub fn read(&self, boot: u64) -> Result<Vec<Entry>, RecordError> {
        let mut entries = Vec::new();
        for segment in self.segments()?.into_iter().filter(|segment| segment.boot == boot) {
            self.read_segment(&segment.path, &mut entries)?;
        }
        Ok(entries)
    }

    /// The files of the log: one per boot and day.
    pub fn parts(&self) -> Result<Vec<Part>, RecordError> {
        let mut parts = Vec::new();
        for segment in self.segments()? {
            // One that is deleted meanwhile is not there.
            let Ok(about) = fs::metadata(&segment.path) else { continue };
            parts.push(Part { segment, bytes: about.len() });
        }
        Ok(parts)
    }

    /// Hands a file's entries over in their order until `take` says no; false where it did.
    pub fn each(&self, part: &Part, take: impl FnMut(Entry) -> bool) -> Result<bool, RecordError> {
        self.each_of(&part.segment.path, take)
    }

    fn read_segment(&self, path: &Path, entries: &mut Vec<Entry>) -> Result<(), RecordError> {
        let all = |entry| {
            entries.push(entry);
            true
        };
        self.each_of(path, all).map(|_| ())
    }

    fn each_of(
        &self,
        path: &Path,
        mut take: impl FnMut(Entry) -> bool,
    ) -> Result<bool, RecordError> {
        let mut file = io::BufReader::new(File::open(path).map_err(at_path(path))?);
        for record in 0.. {
            let broken = || RecordError::Broken { path: path.to_path_buf(), record };
            let Some(sealed) = read_record(&mut file).map_err(at_path(path))? else {
                return Ok(true);
            };
            let (nonce, text) = sealed.split_at_checked(NONCE_BYTES).ok_or_else(broken)?;
            let nonce = XNonce::try_from(nonce).map_err(|_| broken())?;
            let aad = aad(path, record);
            let plain = self
                .cipher
                .decrypt(&nonce, Payload { msg: text, aad: &aad })
                .map_err(|_| broken())?;
            for line in plain.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                if !take(serde_json::from_slice(line).map_err(|_| broken())?) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn seal(&self, path: &Path, record: usize, plain: &[u8]) -> Result<Vec<u8>, RecordError> {
        let mut nonce = [0; NONCE_BYTES];
        getrandom::fill(&mut nonce).map_err(|_| RecordError::NoRandomness)?;
        let aad = aad(path, record);
        let sealed = self
            .cipher
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: &aad })
            .map_err(|_| RecordError::Broken { path: path.to_path_buf(), record })?;
        let length = (NONCE_BYTES + sealed.len()) as u32;
        Ok([&length.to_le_bytes()[..], &nonce, &sealed].concat())
    }

    fn segments(&self) -> Result<Vec<Segment>, RecordError> {
        let mut segments = Vec::new();
        for entry in fs::read_dir(&self.dir).map_err(at_path(&self.dir))? {
            let path = entry.map_err(at_path(&self.dir))?.path();
            let name =
                path.file_name().and_then(|n| n.to_str()).and_then(|n| n.strip_suffix(".zlog"));
            let parts = name.and_then(|n| n.split_once('-'));
            if let Some((Ok(boot), Ok(day))) = parts.map(|(boot, day)| (boot.parse(), day.parse()))
            {
                segments.push(Segment { boot, day, path });
            }
        }
        segments.sort_by_key(|segment| (segment.boot, segment.day));
        Ok(segments)
    }
}

/// One file of the log, on disk as it is.
#[derive(Debug)]
pub struct Part {
    segment: Segment,
    bytes: u64,
}

impl Part {
    /// Its UTC day: `2026-11-29`.
    pub fn day(&self) -> String {
        day_name(self.segment.day)
    }

    pub fn bytes(&self) -> u64 {
        self.bytes
    }
}

#[derive(Debug)]
struct Segment {
    boot: u64,
    day: i64,
    path: PathBuf,
}

/// A record is bound to its place: files and records can not be exchanged.
fn aad(path: &Path, record: usize) -> Vec<u8> {
    let name = path.file_name().unwrap_or_default().as_encoded_bytes();
    [name, b"/", record.to_string().as_bytes()].concat()
}

/// The next record; `None` at the end, and where the last one was cut off.
fn read_record(file: &mut impl io::Read) -> io::Result<Option<Vec<u8>>> {
    let mut length = [0; 4];
    if let Err(why) = file.read_exact(&mut length) {
        return if why.kind() == io::ErrorKind::UnexpectedEof { Ok(None) } else { Err(why) };
    }
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_RECORD_BYTES {
        return Ok(Some(Vec::new()));
    }
    let mut bytes = Vec::new();
    file.take(length as u64).read_to_end(&mut bytes)?;
    Ok((bytes.len() == length).then_some(bytes))
}

/// Writes the log of this boot.
#[derive(Debug)]
pub struct Recorder {
    vault: Vault,
    boot: u64,
    thresholds: Thresholds,
    /// The last fact of each identity, for the head of a new file.
    standing: BTreeMap<String, (Moment, Fact)>,
    segment: Option<(i64, PathBuf, File)>,
    records: usize,
    batch: Vec<u8>,
    complaint: Option<String>,
    /// UTC days (`2026-11-29`) whose files stay, however old; `None` until somebody said which:
    /// then nothing goes.
    held_days: Option<BTreeSet<String>>,
    /// Whether the clock of what was noted last is disciplined.
    clock_holds: bool,
    /// The day of the latest thing that the server signed.
    server_said: Option<i64>,
}

impl Recorder {
    pub fn new(vault: Vault, boot: u64, thresholds: Thresholds) -> Self {
        let (standing, batch) = (BTreeMap::new(), Vec::new());
        Self {
            vault,
            boot,
            thresholds,
            standing,
            segment: None,
            records: 0,
            batch,
            complaint: None,
            held_days: None,
            clock_holds: false,
            server_said: None,
        }
    }

    /// The held days of which a log is on this disk.
    pub fn held_logs(&self) -> BTreeSet<String> {
        let segments = self.vault.segments().unwrap_or_default();
        let days = segments.into_iter().map(|segment| day_name(segment.day));
        days.filter(|day| self.is_held(day)).collect()
    }

    fn is_held(&self, day: &str) -> bool {
        self.held_days.as_ref().is_some_and(|days| days.contains(day))
    }

    /// From here on the files of these days stay; those of others go when they are too old.
    pub fn hold(&mut self, days: BTreeSet<String>) {
        if self.held_days.replace(days.clone()) != Some(days)
            && let Err(why) = self.delete_old()
        {
            self.complain(&why);
        }
    }

    /// Notes one call of the engine.
    pub fn note(&mut self, entry: &Entry) {
        if let Err(why) = self.try_note(entry) {
            self.complain(&why);
        }
    }

    /// Writes what has gathered; called about once a minute and at the end.
    pub fn flush(&mut self) {
        if let Err(why) = self.try_flush() {
            self.complain(&why);
        }
    }

    /// One line where the log has a hole.
    pub fn complaint(&self) -> Option<&str> {
        self.complaint.as_deref()
    }

    fn complain(&mut self, why: &RecordError) {
        if self.complaint.is_none() {
            tracing::error!("the observation log has a hole: {why}");
            self.complaint = Some(format!("the observation log has a hole: {why}"));
        }
        self.batch.clear();
    }

    fn try_note(&mut self, entry: &Entry) -> Result<(), RecordError> {
        let (Entry::Observe { at, .. } | Entry::Inform { at, .. } | Entry::Expire { at }) = entry;
        self.clock_holds = at.clock.synchronised;
        self.turn_to_day(self.dated(at.wall.0.div_euclid(DAY_MS)))?;
        // Drifted zones are an event: a later day's log must not tell of them again.
        if let Entry::Inform { at, fact } = entry
            && !matches!(**fact, Fact::ZonesDrifted(_))
        {
            self.standing.insert(identity(fact), (*at, (**fact).clone()));
        }
        match entry {
            Entry::Observe { at, seen } => {
                self.put(&Entry::Observe { at: *at, seen: seen.for_recording(&self.thresholds) });
            }
            other => self.put(other),
        }
        if self.batch.len() >= BATCH_BYTES { self.try_flush() } else { Ok(()) }
    }

    fn put(&mut self, entry: &Entry) {
        // Plain structs of numbers and texts: JSON can hold them all.
        if let Ok(line) = serde_json::to_string(entry) {
            self.batch.extend_from_slice(line.as_bytes());
            self.batch.push(b'\n');
        }
    }

    fn try_flush(&mut self) -> Result<(), RecordError> {
        let Some((_, path, file)) = &mut self.segment else { return Ok(()) };
        if self.batch.is_empty() {
            return Ok(());
        }
        let record = self.vault.seal(path, self.records, &self.batch)?;
        file.write_all(&record).map_err(at_path(path))?;
        self.records += 1;
        self.batch.clear();
        Ok(())
    }

    /// The day of a file that begins now. A clock that is years behind until it is set would have the
    /// log of a minute ago end as an old one; one that is years ahead would keep it for years.
    fn dated(&self, day: i64) -> i64 {
        match (self.server_said, self.clock_holds) {
            (Some(said), true) => day.max(said),
            (Some(said), false) => day.clamp(said, said + KEEP_DAYS),
            (None, _) => day,
        }
    }

    /// Begins the file of a day, with the facts in force at its head, and deletes the files that
    /// are too old.
    fn turn_to_day(&mut self, day: i64) -> Result<(), RecordError> {
        if self.segment.as_ref().is_some_and(|(current, ..)| *current >= day) {
            return Ok(());
        }
        self.try_flush()?;
        let first = self.segment.is_none();
        let path = self.vault.dir.join(format!("{}-{day}.zlog", self.boot));
        let file = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&path)
            .map_err(at_path(&path))?;
        self.segment = Some((day, path, file));
        self.records = 0;
        if !first {
            let head: Vec<_> = self.standing.values().cloned().collect();
            for (at, fact) in head {
                self.put(&Entry::Inform { at, fact: Box::new(fact) });
            }
        }
        self.delete_old()
    }

    /// Something that the server signed was issued then.
    pub fn server_said(&mut self, at: jiff::Timestamp) {
        self.server_said = self.server_said.max(Some(at.as_millisecond().div_euclid(DAY_MS)));
    }

    /// The day by which files end. Whoever holds the box can set its clock forward, and would be rid
    /// of what convicts him: it is never far beyond what the server's signature says.
    fn ending(&self) -> Option<i64> {
        let (day, ..) = self.segment.as_ref()?;
        match (self.server_said, self.clock_holds) {
            (Some(said), true) => Some((*day).min(said + AHEAD_DAYS)),
            (Some(said), false) => Some((*day).min(said)),
            (None, true) => Some(*day),
            (None, false) => None,
        }
    }

    /// Deletes the files that are too old and that nobody holds.
    fn delete_old(&self) -> Result<(), RecordError> {
        let (Some(day), Some(held)) = (self.ending(), &self.held_days) else { return Ok(()) };
        let over = |segment: &Segment| {
            segment.day <= day - KEEP_DAYS && !held.contains(&day_name(segment.day))
        };
        for old in self.vault.segments()?.into_iter().filter(over) {
            fs::remove_file(&old.path).map_err(at_path(&old.path))?;
        }
        Ok(())
    }
}

/// A day of the log as it stands in a hold: `2026-11-29`.
fn day_name(day: i64) -> String {
    let at = jiff::Timestamp::from_second(day.saturating_mul(86_400)).unwrap_or_default();
    at.strftime("%Y-%m-%d").to_string()
}

/// What a fact replaces when a later one of the same identity comes.
fn identity(fact: &Fact) -> String {
    match fact {
        Fact::Room(_) => "0 room".to_owned(),
        Fact::ZonesDrifted(drift) => format!("3 zones {}", drift.version),
        Fact::Policy(_) => "1 policy".to_owned(),
        Fact::Thresholds(_) => "2 thresholds".to_owned(),
        Fact::Catalogue(_) => "3 catalogue".to_owned(),
        Fact::Roster(_) => "4 roster".to_owned(),
        Fact::Pass(pass) => format!("5 pass {}", pass.id),
        Fact::Session(session) => format!("6 session {}", session.id),
        Fact::SessionClosed(close) => format!("7 close {}", close.session),
        Fact::Emergency(flag) => format!("8 emergency {}", flag.session),
        Fact::IdentityCheck(check) => format!("9 check {} {:?}", check.at.0, check.who),
    }
}

#[cfg(test)]
mod tests {
    use presence::{
        BoxPx, ClockQuality, Face, Liveness, MatchScore, Mono, Observation, PersonId, TrackId, Wall,
    };

    use super::*;
    use crate::calibration::tests::THRESHOLDS;

    fn moment(ms: u64) -> Moment {
        Moment { mono: Mono(ms), wall: Wall(ms as i64), clock: ClockQuality::GOOD }
    }

    fn look(ms: u64, score_ppm: i32) -> Entry {
        let face = Face {
            track: TrackId(1),
            bbox: BoxPx { x: 1, y: 2, w: 3, h: 4 },
            good_quality: true,
            masked: false,
            match_: Some(MatchScore {
                best: Some(PersonId::new("p-secret")),
                score_ppm,
                second_ppm: 0,
                relevant: Vec::new(),
            }),
            liveness: Liveness::Live,
        };
        Entry::Observe {
            at: moment(ms),
            seen: Observation { faces: vec![face], ..Observation::default() },
        }
    }

    fn thresholds(ms: u64) -> Entry {
        Entry::Inform { at: moment(ms), fact: Box::new(Fact::Thresholds(THRESHOLDS)) }
    }

    fn recorder(state: &Path, boot: u64) -> Recorder {
        Recorder::new(Vault::open(state).unwrap(), boot, THRESHOLDS)
    }

    #[test]
    fn what_was_noted_is_read_again_and_strangers_have_no_id() {
        let state = tempfile::tempdir().unwrap();
        let mut recorder = recorder(state.path(), 3);
        for entry in [thresholds(0), look(1_000, 900_000), look(2_000, 299_999)] {
            recorder.note(&entry);
        }
        recorder.flush();
        let read = Vault::open(state.path()).unwrap().read(3).unwrap();
        assert_eq!(read[..2], [thresholds(0), look(1_000, 900_000)]);
        let Entry::Observe { seen, .. } = &read[2] else { panic!() };
        assert_eq!(seen.faces[0].match_.as_ref().unwrap().best, None);
    }

    #[test]
    fn the_disk_shows_neither_ids_nor_scores() {
        let state = tempfile::tempdir().unwrap();
        let mut recorder = recorder(state.path(), 1);
        recorder.note(&look(1_000, 900_000));
        recorder.flush();
        let raw = fs::read(state.path().join("observations/1-0.zlog")).unwrap();
        assert!(!raw.windows(8).any(|w| w == b"p-secret") && raw.len() > 100);
    }

    #[test]
    fn a_new_day_begins_with_the_facts_in_force() {
        let state = tempfile::tempdir().unwrap();
        let mut recorder = recorder(state.path(), 1);
        recorder.hold(BTreeSet::new());
        recorder.note(&thresholds(0));
        for day in 0..9 {
            recorder.note(&look(day * DAY_MS as u64 + 1, 900_000));
        }
        recorder.flush();
        let read = Vault::open(state.path()).unwrap().read(1).unwrap();
        assert_eq!(read[0], thresholds(0), "the head of the oldest file left");
        let looks = read.iter().filter(|entry| matches!(entry, Entry::Observe { .. })).count();
        assert_eq!(looks, 7);
    }

    /// Days of the log whose file is there.
    fn days(state: &Path) -> Vec<i64> {
        let segments = Vault::open(state).unwrap().segments().unwrap();
        segments.into_iter().map(|segment| segment.day).collect()
    }

    #[test]
    fn a_day_under_hold_outlives_a_restart() {
        let state = tempfile::tempdir().unwrap();
        recorder(state.path(), 1).note(&look(1, 900_000));
        let mut again = recorder(state.path(), 2);
        // What was known before is taken again one by one; the holds come last.
        again.note(&look(20 * DAY_MS as u64, 900_000));
        assert_eq!(days(state.path()), [0, 20]);
        again.hold(BTreeSet::from(["1970-01-01".to_owned()]));
        assert_eq!(again.held_logs(), BTreeSet::from(["1970-01-01".to_owned()]));
        again.note(&look(21 * DAY_MS as u64, 900_000));
        assert_eq!(days(state.path()), [0, 20, 21]);
    }

    #[test]
    fn a_hold_that_is_over_ends_the_old_log() {
        let state = tempfile::tempdir().unwrap();
        recorder(state.path(), 1).note(&look(1, 900_000));
        let mut again = recorder(state.path(), 2);
        again.hold(BTreeSet::from(["1970-01-01".to_owned()]));
        again.note(&look(20 * DAY_MS as u64, 900_000));
        again.hold(BTreeSet::new());
        assert_eq!((days(state.path()), again.held_logs()), (vec![20], BTreeSet::new()));
    }

    /// A recorder with two days of log, whose holds are known, and where the clock then stands.
    fn two_days(state: &Path) -> Recorder {
        let mut recorder = recorder(state, 1);
        recorder.hold(BTreeSet::new());
        recorder.note(&look(1, 900_000));
        recorder.note(&look(DAY_MS as u64, 900_000));
        recorder
    }

    fn day(n: i64) -> jiff::Timestamp {
        jiff::Timestamp::from_second(n * 86_400).unwrap()
    }

    #[test]
    fn a_clock_that_leaps_ahead_ends_no_log() {
        let state = tempfile::tempdir().unwrap();
        let mut recorder = two_days(state.path());
        recorder.server_said(day(1));
        recorder.note(&look(400 * DAY_MS as u64, 900_000));
        assert_eq!(days(state.path()), [0, 1, 400]);
        // Once the server says so, it was no leap.
        recorder.server_said(day(400));
        recorder.hold(BTreeSet::from(["1970-01-02".to_owned()]));
        assert_eq!(days(state.path()), [1, 400]);
    }

    #[test]
    fn a_clock_that_was_wrong_dates_no_log_far_away() {
        for (wrong, named) in [(2, 400), (9_000, 400 + KEEP_DAYS)] {
            let state = tempfile::tempdir().unwrap();
            let mut recorder = recorder(state.path(), 1);
            recorder.hold(BTreeSet::new());
            recorder.server_said(day(400));
            let entry = look(wrong * DAY_MS as u64, 900_000);
            let Entry::Observe { mut at, seen } = entry else { panic!() };
            at.clock.synchronised = false;
            recorder.note(&Entry::Observe { at, seen });
            // The clock is set right: what was noted a minute ago stays.
            recorder.server_said(day(401));
            recorder.note(&look(401 * DAY_MS as u64, 900_000));
            assert!(days(state.path()).contains(&named), "{wrong}: {:?}", days(state.path()));
        }
    }

    #[test]
    fn a_clock_that_nobody_disciplines_ends_no_log() {
        let state = tempfile::tempdir().unwrap();
        let mut recorder = two_days(state.path());
        let Entry::Observe { mut at, seen } = look(400 * DAY_MS as u64, 900_000) else { panic!() };
        at.clock.synchronised = false;
        recorder.note(&Entry::Observe { at, seen });
        assert_eq!(days(state.path()), [0, 1, 400]);
    }

    #[test]
    fn a_cut_record_ends_its_file_and_a_changed_one_is_named() {
        let state = tempfile::tempdir().unwrap();
        let mut recorder = recorder(state.path(), 1);
        for ms in 1..=2 {
            recorder.note(&look(ms, 900_000));
            recorder.flush();
        }
        let path = state.path().join("observations/1-0.zlog");
        let whole = fs::read(&path).unwrap();
        fs::write(&path, &whole[..whole.len() - 5]).unwrap();
        let vault = Vault::open(state.path()).unwrap();
        assert_eq!(vault.read(1).unwrap().len(), 1);
        let mut changed = whole;
        changed[40] ^= 1;
        fs::write(&path, changed).unwrap();
        let said = vault.read(1).unwrap_err().to_string();
        assert!(said.contains("record 0") && !said.contains('\n'), "{said}");
    }
}
