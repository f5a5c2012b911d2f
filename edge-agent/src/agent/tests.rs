//! The agent as the server and the pipeline see it: knowledge in, looks in; outbox rows and
//! guidance out.

use delivery::mqtt::Delivered;
use presence::Observation;
use std::{collections::BTreeMap, path::Path, sync::mpsc::channel, sync::mpsc::sync_channel};

use base64::Engine as _;
use presence::{BoxPx, CameraHealth, ClockQuality, Face, Liveness, MatchScore, PersonId};
use protocol::{
    down::{self, Down, DownBody},
    id::DeviceId,
    topic::Channel,
    up::{FindingReport, HealthReport, KnowledgeAck, Manifest, Step, UpBody},
};
use tempfile::TempDir;
use trust::SigningKey;

use super::*;
use crate::pipeline::PipelineFigures;
use crate::{
    board_heat::Heat, camera::CaptureCounters, gallery_search::Maker, wire::unknown_institution,
};

const START_MS: i64 = 1_772_411_400_000; // 2026-03-02T00:30:00Z

struct Box1 {
    agent: Agent,
    outbox: Outbox,
    dir: TempDir,
}

fn settings(scripted: bool, once: bool) -> AgentSettings {
    AgentSettings { production: false, scripted, once, health_every: Duration::from_mins(1) }
}

fn box_1(settings: AgentSettings) -> Box1 {
    box_in(settings, tempfile::tempdir().unwrap())
}

fn box_in(settings: AgentSettings, dir: TempDir) -> Box1 {
    box_with(settings, dir, |_, parts| parts)
}

/// A box of whose parts some are others.
fn box_with(
    settings: AgentSettings,
    dir: TempDir,
    other: impl FnOnce(&Path, Parts) -> Parts,
) -> Box1 {
    let device: DeviceId = "box-1".parse().unwrap();
    let outbox = Outbox::open(dir.path(), SigningKey::generate().unwrap(), device.clone()).unwrap();
    let manifest = Manifest {
        firmware: "test".into(),
        pack: "avatar".into(),
        pack_sha256: String::new(),
        config_sha256: String::new(),
        policy_sha256: String::new(),
        policy_version: 0,
        roster_version: 0,
        liveness_waived: false,
    };
    let parts = Parts {
        settings,
        clock: AgentClock::scripted(at(0), 1000),
        outbox: outbox.clone(),
        store: KnowledgeStore::open(dir.path()).unwrap(),
        known: KnownVersions::new(Maker {
            pack: "avatar/1".into(),
            length: 4,
            rivals: vision::Rivals::NONE,
            cohort: std::sync::Arc::default(),
            calibrated_for: None,
        }),
        origin: Origin {
            device,
            room: "room-1".parse().unwrap(),
            institution: unknown_institution(),
            manifest,
            policies: BTreeMap::new(),
        },
        health: HealthSource::new(Vitals {
            firmware: "test".into(),
            pack: "avatar".into(),
            state_dir: dir.path().to_owned(),
            disk_low_bytes: 0,
            counters: std::sync::Arc::new(CaptureCounters::default()),
            heat: Heat::under(Path::new("/nowhere")),
            link: delivery::mqtt::LinkStats::default(),
        }),
        brokers: crate::brokers::KnownBrokers {
            list: delivery::mqtt::BrokerList::new(Vec::new()),
            state_dir: dir.path().to_owned(),
            fixed: false,
        },
        record: None,
        lock: LockWatch::load(dir.path()).unwrap(),
        keeper: None,
        trials: Trials::new(dir.path().to_owned(), channel().0),
        thresholds: crate::calibration::tests::THRESHOLDS,
    };
    let agent = Agent::new(other(dir.path(), parts)).unwrap();
    Box1 { agent, outbox, dir }
}

fn at(ms: u64) -> Now {
    Now { mono_ms: ms, wall_ms: START_MS + ms as i64 }
}

fn delivered(version: u64, payload: Down) -> Delivered {
    let body = DownBody {
        v: 1,
        device: "box-1".parse().unwrap(),
        kind: payload.kind().to_owned(),
        version,
        issued_at: "2026-03-02T00:00:00.000Z".into(),
        expires_at: "2026-04-02T00:00:00.000Z".into(),
        payload,
    };
    Delivered { body, channel: Channel::Knowledge, raw: b"sealed".to_vec() }
}

impl Box1 {
    fn told(&mut self, version: u64, payload: Down) {
        let delivered = delivered(version, payload);
        self.agent.take(Event::Delivered(Box::new(delivered)));
        self.agent.disk.settle();
        self.agent.hear_of_custodians();
    }

    fn told_everything(&mut self) {
        self.told(1, policy());
        self.told(1, room());
        self.told(
            1,
            Down::Catalogue(down::Catalogue {
                jurisdiction: "cn".into(),
                items: vec![item()],
                stated_at: None,
            }),
        );
        self.told(1, roster("avatar/1", true));
        self.told(
            1,
            Down::Sessions(down::Sessions {
                sessions: vec![session("s-1")],
                ..down::Sessions::default()
            }),
        );
    }

    fn sees(&mut self, ms: u64, faces: Vec<Face>, patients: u16) -> Guidance {
        let observation = Observation {
            camera: CameraHealth::default(),
            faces,
            patients,
            became_patient: vec![],
            ..Observation::default()
        };
        let seen = RoomLook {
            at: at(ms),
            size: Some((1000, 1000)),
            observation,
            figures: PipelineFigures::default(),
        };
        let (answer, guidance) = sync_channel(1);
        self.agent.take(Event::Seen(Box::new(seen), answer));
        guidance.recv().unwrap()
    }

    fn sent(&self) -> Vec<Up> {
        self.agent.disk.settle();
        let last = self.outbox.stats().unwrap().last_seq;
        (1..=last)
            .filter_map(|seq| {
                let (_, text) = self.outbox.envelope(seq).unwrap()?;
                let envelope: protocol::envelope::Envelope = serde_json::from_str(&text).unwrap();
                let body: UpBody = serde_json::from_str(&envelope.body).unwrap();
                Some(body.payload)
            })
            .collect()
    }

    fn findings(&self) -> Vec<FindingReport> {
        self.sent()
            .into_iter()
            .filter_map(|m| if let Up::Finding(f) = m { Some(*f) } else { None })
            .collect()
    }

    fn acks(&self) -> Vec<KnowledgeAck> {
        self.sent()
            .into_iter()
            .filter_map(|m| if let Up::KnowledgeAck(a) = m { Some(a) } else { None })
            .collect()
    }

    fn health(&self) -> Vec<HealthReport> {
        self.sent()
            .into_iter()
            .filter_map(|m| if let Up::Health(h) = m { Some(h) } else { None })
            .collect()
    }
}

fn policy() -> Down {
    Down::Policy(down::Policy { settings: BTreeMap::from([("liveness_waived".to_owned(), 1)]) })
}

/// Upper half: operators; lower half: the bed.
fn room() -> Down {
    let half = |from: i32, to: i32| vec![vec![(0, from), (1000, from), (1000, to), (0, to)]];
    Down::Room(down::Room {
        room: "room-1".parse().unwrap(),
        institution: "clinic-1".parse().unwrap(),
        mode: down::DeploymentMode::InRoom,
        intimate: false,
        time_zone: "Asia/Shanghai".into(),
        zones: down::Zones {
            operator: half(0, 500),
            bed: half(500, 1000),
            ..down::Zones::default()
        },
        opening_min: vec![],
        grade_ceiling: 4,
        in_use_from: None,
    })
}

fn item() -> down::Item {
    down::Item {
        code: "filler".parse().unwrap(),
        kind: down::ItemKind::Injection,
        specialties: vec![down::Specialty::CosmeticDermatology],
        surgery_grade: None,
        min_operator: down::PractitionerCategory::LicensedPhysician,
        min_duration_ms: 300_000,
        prep_ms: 0,
        lead_part_ms: None,
        filed_here: true,
    }
}

fn roster(pack: &str, with_template: bool) -> Down {
    let mut vector = Vec::new();
    for value in [1.0_f32, 0.0, 0.0, 0.0] {
        vector.extend(value.to_le_bytes());
    }
    let template = down::Template {
        template_id: "t-1".into(),
        pack: pack.into(),
        embedder_sha256: String::new(),
        vector: base64::engine::general_purpose::STANDARD.encode(vector),
        masked: false,
    };
    Down::Roster(down::Roster {
        snapshot_at: "2026-03-02T00:00:00.000Z".into(),
        institution: "clinic-1".parse().unwrap(),
        persons: vec![down::RosterPerson {
            person: "li".parse().unwrap(),
            category: down::PractitionerCategory::LicensedPhysician,
            registration: down::RegistrationStatus::Valid,
            site: down::SiteRelation::Primary,
            exempt_until: None,
            lead_of: vec![down::Specialty::CosmeticDermatology],
            roles: vec![],
            confirmed: true,
            templates: if with_template { vec![template] } else { vec![] },
        }],
        passes: vec![],
        rotation_seed: None,
    })
}

fn session(id: &str) -> down::Session {
    down::Session {
        session: id.parse().unwrap(),
        revision: 1,
        item: Some("filler".parse().unwrap()),
        declared_lead: Some("li".parse().unwrap()),
        declared_operators: vec![],
        start: "2026-03-02T00:30:00.000Z".into(),
        end: Some("2026-03-02T00:45:00.000Z".into()),
        cancelled: false,
        emergency: false,
        declined_at: None,
        stated_at: None,
        former: vec![],
    }
}

/// A face in the operator ring; 100,000 ppm is nobody of the roster.
fn stranger(track: u64) -> Face {
    Face {
        track: TrackId(track),
        bbox: BoxPx { x: 300, y: 100, w: 80, h: 100 },
        good_quality: true,
        masked: false,
        match_: Some(MatchScore {
            best: Some(PersonId::new("li")),
            score_ppm: 100_000,
            second_ppm: -1_000_000,
            relevant: Vec::new(),
        }),
        liveness: Liveness::NotAssessed,
    }
}

#[test]
fn a_stranger_at_work_becomes_a_finding_in_the_outbox() {
    let mut box_1 = box_1(settings(true, true));
    box_1.told_everything();
    for second in 0..240 {
        box_1.sees(second * 1_000, vec![stranger(1)], 1);
    }
    let findings = box_1.findings();
    let opened: Vec<_> = findings.iter().filter(|f| f.step == Step::Opened).collect();
    assert_eq!(
        opened.iter().map(|f| f.rule.as_str()).collect::<Vec<_>>(),
        ["UQ-1"],
        "{findings:?}"
    );
    assert_eq!(opened[0].institution.as_str(), "clinic-1");
    assert_eq!(opened[0].item.as_ref().unwrap().as_str(), "filler");
    assert!(opened[0].manifest.liveness_waived);
    assert_eq!(
        box_1.agent.summary().findings,
        BTreeMap::from([("UnlicensedOperator".to_owned(), 1)])
    );
}

#[test]
fn every_message_is_acknowledged_or_refused_whole() {
    let mut box_1 = box_1(settings(true, false));
    box_1.told_everything();
    box_1.told(2, roster("real/7", true));
    box_1.told(
        2,
        Down::Policy(down::Policy { settings: BTreeMap::from([("no_such".to_owned(), 1)]) }),
    );
    let acks: Vec<_> = box_1.acks().into_iter().map(|a| (a.kind, a.version, a.applied)).collect();
    let applied = |kind: &str, version, applied| (kind.to_owned(), version, applied);
    assert_eq!(
        acks,
        [
            applied("policy", 1, true),
            applied("room", 1, true),
            applied("catalogue", 1, true),
            applied("roster", 1, true),
            applied("sessions", 1, true),
            applied("roster", 2, false),
            applied("policy", 2, false),
        ]
    );
    let why = box_1.acks()[5].refused_because.clone().unwrap();
    assert!(why.contains("real/7") && !why.contains('\n'), "{why}");
    let guidance = box_1.sees(0, vec![], 0);
    assert_eq!(guidance.search.unwrap().gallery.templates(), 1, "the old roster stays in force");
}

#[test]
fn a_room_of_another_box_is_refused() {
    let mut box_1 = box_1(settings(true, false));
    let Down::Room(mut other) = room() else { unreachable!() };
    other.room = "room-2".parse().unwrap();
    box_1.told(1, Down::Room(other));
    assert!(!box_1.acks()[0].applied);
}

#[test]
fn whose_templates_went_is_said_in_the_receipt() {
    let mut box_1 = box_1(settings(true, false));
    box_1.told(1, roster("avatar/1", true));
    box_1.told(2, roster("avatar/1", false));
    box_1.told(1, Down::Command(down::Command::ForgetPerson { person: "li".parse().unwrap() }));
    let deleted: Vec<_> = box_1.acks().into_iter().map(|ack| ack.templates_deleted.len()).collect();
    assert_eq!(deleted, [0, 1, 1]);
    assert_eq!(box_1.sees(0, vec![], 0).forget, [PersonId::new("li")]);
}

#[test]
fn a_scripted_camera_begins_when_the_knowledge_is_there() {
    let mut box_1 = box_1(settings(true, false));
    let (answer, begin) = sync_channel(1);
    box_1.agent.take(Event::Begin(answer));
    box_1.agent.tick();
    assert!(begin.try_recv().is_err());
    box_1.told_everything();
    box_1.agent.informed = Instant::now().checked_sub(SETTLE).unwrap();
    box_1.agent.tick();
    assert!(begin.try_recv().unwrap().search.is_some());
}

#[test]
fn a_live_camera_begins_at_once() {
    let mut box_1 = box_1(settings(false, false));
    let (answer, begin) = sync_channel(1);
    box_1.agent.take(Event::Begin(answer));
    assert!(begin.try_recv().is_ok());
}

#[test]
fn the_pipeline_is_told_zones_in_pixels_and_who_is_who() {
    let mut box_1 = box_1(settings(true, false));
    box_1.told_everything();
    let guidance = box_1.sees(0, vec![stranger(1)], 0);
    assert_eq!(guidance.room.unwrap().0.bed[0].corners[0].y, 500);
    assert_eq!(guidance.identities.len(), 1);
    assert!(box_1.sees(1_000, vec![], 0).room.is_none(), "told once");
}

#[test]
fn what_was_known_before_a_stop_is_in_force_after_it() {
    let mut before = box_1(settings(true, false));
    let body = |version, payload: Down| DownBody {
        v: 1,
        device: "box-1".parse().unwrap(),
        kind: payload.kind().to_owned(),
        version,
        issued_at: "2026-03-02T00:00:00.000Z".into(),
        expires_at: "2026-04-02T00:00:00.000Z".into(),
        payload,
    };
    before.agent.recall(vec![
        body(3, policy()),
        body(4, room()),
        body(5, roster("avatar/1", true)),
    ]);
    assert_eq!(before.agent.known.missing(), ["catalogue", "sessions"]);
    assert_eq!(before.agent.known.newest_version(), 5);
    assert!(before.acks().is_empty(), "the server knows already");
}

#[test]
fn a_run_with_once_ends_when_every_row_has_its_receipt() {
    let mut box_1 = box_1(settings(true, true));
    box_1.told_everything();
    box_1.sees(0, vec![], 0);
    assert_eq!(box_1.agent.tick(), None);
    box_1.agent.take(Event::Ended(at(600_000), channel().0));
    assert_eq!(box_1.agent.tick(), None, "rows wait");
    box_1.agent.disk.settle();
    let last = box_1.outbox.stats().unwrap().last_seq;
    let text = box_1.outbox.envelope(last).unwrap().unwrap().1;
    let envelope: protocol::envelope::Envelope = serde_json::from_str(&text).unwrap();
    let hash = trust::chain_hash(&envelope.body);
    let receipt = down::Receipt {
        contiguous_seq: last,
        contiguous_hash: hash,
        above: vec![],
        audit_head: None,
    };
    box_1.outbox.apply_receipt(&receipt).unwrap();
    assert_eq!(box_1.agent.tick(), Some(Ending::Complete));
    let summary = box_1.agent.summary();
    assert_eq!((summary.delivered, summary.pending), (last, 0));
}

#[test]
fn a_vanished_camera_is_in_the_heartbeat() {
    let mut box_1 = box_1(settings(false, false));
    let seen = RoomLook {
        at: at(1_000),
        size: None,
        observation: crate::pipeline::nothing_seen(),
        figures: PipelineFigures::default(),
    };
    let (answer, guidance) = sync_channel(1);
    box_1.agent.take(Event::Seen(Box::new(seen), answer));
    assert!(guidance.try_recv().is_ok());
    let (to_agent, events) = channel();
    to_agent.send(Event::Shutdown).unwrap();
    assert_eq!(box_1.agent.run(&events), Ending::Stopped);
    let health = box_1.health();
    assert_eq!(health.len(), 2, "at the start and at the stop");
    assert_eq!(health[0].camera, protocol::up::CameraState::Absent);
    assert!(
        health[0].degraded.iter().any(|line| line.contains("camera")),
        "{:?}",
        health[0].degraded
    );
}

#[test]
fn each_heartbeat_counts_one_more() {
    let mut box_1 = box_1(settings(true, false));
    box_1.agent.beat();
    box_1.agent.beat();
    let numbers: Vec<_> = box_1.health().into_iter().map(|h| h.heartbeat_seq).collect();
    assert_eq!(numbers[1], numbers[0] + 1);
}

#[test]
fn the_clock_of_a_script_is_named_in_every_stamp() {
    let box_1 = box_1(settings(true, false));
    let stamp = box_1.agent.stamp();
    assert_eq!(stamp.clock, protocol::up::ClockSource::Scene);
    assert_eq!(stamp.utc, "2026-03-02T00:30:00.000Z");
    let live = AgentClock::Real {
        clock: crate::clock::RealClock::start(),
        quality: ClockQuality { synchronised: false, uncertainty_ms: 1 },
    };
    assert_eq!(live.source(), protocol::up::ClockSource::Unsynchronised);
    assert!(live.complaint().is_some());
}

/// Collects everything that is logged on this thread.
#[derive(Clone, Default)]
struct Collected(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Collected {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn no_log_line_at_any_level_shows_a_template() {
    let collected = Collected::default();
    let writer = collected.clone();
    let log = tracing_subscriber::fmt()
        .with_max_level(tracing::level_filters::LevelFilter::TRACE)
        .with_writer(move || writer.clone())
        .finish();
    let Down::Roster(mut secret) = roster("avatar/1", true) else { unreachable!() };
    secret.rotation_seed = Some(base64::engine::general_purpose::STANDARD.encode([9; 32]));
    let vector = secret.persons[0].templates[0].vector.clone();
    // With one subscriber alive tracing asks the thread that reaches a line first whether anybody
    // hears it, and keeps the answer: another test's thread would silence the line for this one.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    tracing::subscriber::with_default(log, || {
        let mut box_1 = box_1(settings(true, true));
        box_1.told_everything();
        box_1.told(2, Down::Roster(secret.clone()));
        box_1.told(3, roster("real/7", true));
        for second in 0..120 {
            let guidance = box_1.sees(second * 1_000, vec![stranger(1)], 1);
            tracing::trace!(?guidance, roster = ?secret, agent = ?box_1.agent, "everything that \
                has a Debug form");
        }
    });
    let said = String::from_utf8(collected.0.lock().unwrap().clone()).unwrap();
    assert!(said.contains("finding") && said.contains("roster"), "the log is not empty");
    assert!(said.contains("[redacted]"));
    for secret in [vector.as_str(), secret.rotation_seed.as_deref().unwrap(), "1.0, 0.0"] {
        assert!(!said.contains(secret), "the log shows {secret}");
    }
}

#[test]
fn zones_changed_behind_the_lock_are_raised_once_each() {
    let other = |x: i32| {
        let Down::Room(mut changed) = room() else { panic!() };
        changed.zones.bed = vec![vec![(x, 0), (900, 0), (900, 900)]];
        Down::Room(changed)
    };
    let Down::Room(locked) = room() else { panic!() };
    let dir = tempfile::tempdir().unwrap();
    let lock = crate::lock::Lock {
        lock: "0".repeat(32),
        locked_at: "2026-03-02T00:00:00.000Z".into(),
        session: "ab".into(),
        zones_sha256: crate::lock::hash(&locked.zones),
        told_sha256: None,
    };
    lock.write(dir.path()).unwrap();
    let mut box1 = box_in(settings(true, false), dir);
    let raised = |box1: &mut Box1, ms: u64| {
        box1.sees(ms, vec![], 0);
        let all = box1.findings();
        all.into_iter().filter(|f| f.rule == RuleCode::Hb6 && f.step == Step::Opened).count()
    };
    box1.told_everything();
    assert_eq!(raised(&mut box1, 60_000), 0, "the zones that were locked are no news");
    box1.told(2, other(1));
    assert_eq!(raised(&mut box1, 120_000), 1);
    box1.told(3, other(1));
    assert_eq!(raised(&mut box1, 180_000), 1, "the same zones again are the same change");
    let found = box1.findings().into_iter().find(|f| f.rule == RuleCode::Hb6).unwrap();
    assert_eq!(
        (found.severity, found.kind),
        (protocol::up::Severity::L1, protocol::up::FindingKind::Integrity)
    );
    assert!(
        found.explanation.zh.contains("疑似") && found.explanation.en.contains("locked"),
        "{:?}",
        found.explanation
    );
    box1.told(4, room());
    box1.told(5, other(1));
    assert_eq!(raised(&mut box1, 240_000), 2, "back and changed again is news");
    // A restart knows what was told.
    let kept = LockWatch::load(box1.dir.path()).unwrap().zones(6, &changed_zones(other(1)));
    assert_eq!(kept, None);
}

fn changed_zones(room: Down) -> protocol::down::Zones {
    if let Down::Room(room) = room { room.zones } else { panic!("no room") }
}

fn declined(start: &str, end: Option<&str>) -> Down {
    let session = down::Session {
        start: start.into(),
        end: end.map(str::to_owned),
        declined_at: Some("2026-03-02T00:00:00.000Z".into()),
        ..session("s-9")
    };
    Down::Sessions(down::Sessions { sessions: vec![session], ..down::Sessions::default() })
}

#[test]
fn a_declined_session_closes_the_boxs_eyes_until_its_end() {
    let mut it = box_1(settings(true, false));
    it.told_everything();
    assert!(!it.sees(0, Vec::new(), 0).withheld);
    it.told(2, declined("2026-03-02T00:30:00.000Z", Some("2026-03-02T01:00:00.000Z")));
    assert!(it.sees(1_000, Vec::new(), 0).withheld);
    assert!(!it.sees(1_800_000, Vec::new(), 0).withheld);
}

#[test]
fn a_door_goes_on_asking_whoever_comes() {
    let mut it = box_1(settings(true, false));
    it.told_everything();
    let Down::Room(room) = room() else { panic!() };
    it.told(2, Down::Room(down::Room { mode: down::DeploymentMode::Doorway, ..room }));
    it.told(2, declined("2026-03-02T00:30:00.000Z", None));
    assert!(!it.sees(1_000, Vec::new(), 0).withheld);
}

#[test]
fn before_its_place_was_public_long_enough_a_box_sees_nobody() {
    let mut it = box_1(settings(true, false));
    it.told_everything();
    let Down::Room(room) = room() else { panic!() };
    let in_use_from = Some("2026-03-02T00:40:00.000Z".to_owned());
    it.told(2, Down::Room(down::Room { in_use_from, ..room }));
    assert!(it.sees(599_000, Vec::new(), 0).withheld);
    assert!(!it.sees(600_000, Vec::new(), 0).withheld);
}

/// Never of an intimate room (P5), also through its door; never before its custodians are known.
#[test]
fn an_intimate_room_is_in_no_picture() {
    use crate::evidence::Keeper;
    use protocol::evidence::PictureSource;

    let dir = tempfile::tempdir().unwrap();
    let mut it = box_with(settings(true, false), dir, |dir, parts| {
        let device = "box-1".parse().unwrap();
        let keeper = Keeper::open(dir, device, PictureSource::Drawn, u64::MAX).unwrap();
        Parts { keeper: Some(keeper), ..parts }
    });
    it.told_everything();
    assert!(it.agent.taking().is_none(), "nobody is known for whom it could be sealed");
    it.told(1, Down::Custodians(::evidence::fixture::Office::new().roll));
    assert!(it.agent.taking().is_some());
    let Down::Room(open) = room() else { unreachable!() };
    let mode = down::DeploymentMode::Doorway;
    it.told(2, Down::Room(down::Room { intimate: true, mode, ..open }));
    assert!(it.agent.taking().is_none(), "an intimate room is in a picture");
}

mod slow_disk;
mod trials;
