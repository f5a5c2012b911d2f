//! The diary's language. One line per thing that happens; times are `HH:MM` or `HH:MM:SS` of one
//! day, UTC.
//!
//! ```text
//! 08:50       declare s1 filler lin 09:00-09:30     a session, told at 08:50 (end may be missing:
//!                                                   `09:00-`)
//! 09:40       amend s1 filler lin 09:00-09:30       the same session, next version
//! 09:40       cancel s1 | decline s1 | close s1 09:25 | emergency s1
//! 09:40       check lin in|out sun [track] | pass wu engineer 08:00-18:00
//! 09:40       cancel s1 stated=09:20                told at 09:40; it had reached the server at
//!                                                   09:20 (every fact may say so)
//! 09:00-09:20 lin operator                          somebody of the roster stands in a zone, seen
//!                                                   every second
//! 09:00-09:20 stranger operator                     a face that scores low; `stranger2`, … are
//!                                                   others
//! 09:00-09:20 dim operator                          a face in the band between the thresholds
//! 09:00-09:20 muffled operator                      a masked face that scores as most strangers do
//!                                                   behind a mask
//! 09:00-09:20 patient bed                           the patient lies on the bed
//! 09:00-09:20 camera covered | moved | frozen | lost | no-door | no-operator | no-picture
//! 09:00-09:20 spoof operator                        a print or replay of lin
//! 09:00-09:20 poster elsewhere                      a picture of nobody of the roster
//! 09:00-09:20 phone companion                       the same, small, in a hand that moves
//! 09:00-09:20 unsure elsewhere                      lin, but liveness never decides; `lively`:
//!                                                   once in 50 s it does
//! 09:00-09:20 blurred operator                      lin through a poor camera: mostly UNSURE, now
//!                                                   and then a false SPOOF
//! 09:00-09:20 faceless operator                     a face too poor to embed
//! 09:00-09:20 turned elsewhere                      a head so turned that its looks say nothing
//! 09:00-09:20 goggled operator                      qian in cap, mask and goggles: poor looks,
//!                                                   every sixth like qian;
//!                                                   `gogglin`: lin in the same
//! set NAME VALUE                                    a policy setting
//! until 10:00                                       the script ends
//! ```
//! Zones: operator, bed, companion, door, head, elsewhere.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use presence::*;

pub(crate) use crate::cast::{catalogue, person, room, roster, thresholds, zones};

/// 2026-03-02 is a Monday; scripts play on it, UTC.
const MIDNIGHT: i64 = 1_772_409_600_000;
/// The box booted one hour before midnight.
const BOOT: i64 = MIDNIGHT - 3_600_000;

pub(crate) fn wall(text: &str) -> Wall {
    let mut parts =
        text.split(':').map(|p| p.parse::<i64>().unwrap_or_else(|_| panic!("no time: {text}")));
    let (h, m, s) = (parts.next().unwrap(), parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    Wall(MIDNIGHT + ((h * 60 + m) * 60 + s) * 1000)
}

pub(crate) fn moment(wall: Wall) -> Moment {
    Moment { mono: Mono((wall.0 - BOOT) as u64), wall, clock: ClockQuality::GOOD }
}

fn clock(wall: Wall) -> String {
    let s = (wall.0 - MIDNIGHT).div_euclid(1000);
    format!("{:02}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
}

fn place(zone: &str, slot: usize) -> BoxPx {
    let at = |x: i32, y: i32| BoxPx { x: x + 100 * (slot as i32 % 4), y, w: 60, h: 80 };
    match zone {
        "operator" => at(350, 300),
        "bed" => at(450, 560),
        "companion" => BoxPx { x: 20 + 30 * (slot as i32 % 4), y: 500, w: 60, h: 80 },
        "door" => BoxPx { x: 1150, y: 100 + 60 * (slot as i32 % 4), w: 60, h: 80 },
        "head" => BoxPx { x: 940 + 20 * (slot as i32 % 4), y: 450, w: 60, h: 80 },
        "elsewhere" => at(300, 20),
        other => panic!("no zone: {other}"),
    }
}

/// What is true over an interval.
#[derive(Clone, Debug)]
enum Thing {
    Face { who: String, zone: String, track: u64 },
    Camera(String),
}

/// A parsed script.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) facts: Vec<(Wall, Fact)>,
    things: Vec<(Wall, Wall, Thing)>,
    from: Wall,
    until: Wall,
}

/// One call to the engine.
#[derive(Clone, Debug)]
pub(crate) enum Call {
    Observe(Moment, Observation),
    Inform(Moment, Fact),
}

impl Script {
    pub(crate) fn parse(text: &str) -> Self {
        let mut script = Self {
            facts: Vec::new(),
            things: Vec::new(),
            from: wall("08:45"),
            until: wall("10:00"),
        };
        let mut policy = Policy::default();
        policy.set("late_fact_ms", 1_800_000).unwrap();
        let (mut room, mut roster) = (room(), roster());
        let mut versions: BTreeMap<String, (u32, Option<SessionRecord>)> = BTreeMap::new();
        let mut tracks = 1;
        for line in
            text.lines().map(|l| l.split('#').next().unwrap_or("").trim()).filter(|l| !l.is_empty())
        {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words[0] {
                "set" => policy.set(words[1], words[2].parse().unwrap()).unwrap(),
                "from" => script.from = wall(words[1]),
                "until" => script.until = wall(words[1]),
                "doorway" => room.mode = DeploymentMode::Doorway,
                "roster-made" => roster.made_at = wall(words[1]),
                "registry-days-old" => {
                    let days: i64 = words[1].parse().unwrap();
                    roster.registry_at = Wall(wall("09:00").0 - days * 86_400_000);
                }
                "with" => {
                    let lead = person(
                        words[1],
                        PractitionerCategory::LicensedPhysician,
                        &[Specialty::CosmeticDermatology],
                    );
                    roster.people.push(lead);
                }
                time if time.contains('-') => {
                    let (a, b) = time.split_once('-').unwrap();
                    let thing = if words[1] == "camera" {
                        Thing::Camera(words[2].to_owned())
                    } else {
                        let track = words.get(3).map_or(tracks, |t| {
                            1_000 + t.trim_start_matches("track=").parse::<u64>().unwrap()
                        });
                        tracks += 1;
                        Thing::Face { who: words[1].to_owned(), zone: words[2].to_owned(), track }
                    };
                    script.things.push((wall(a), wall(b), thing));
                }
                time => script.fact(wall(time), &words[1..], &mut versions),
            }
        }
        let setup = [
            Fact::Policy(Box::new(policy)),
            Fact::Thresholds(thresholds()),
            Fact::Room(Box::new(room)),
            Fact::Roster(roster),
            Fact::Catalogue(catalogue()),
        ];
        let from = script.from;
        script.facts.splice(0..0, setup.into_iter().map(|f| (from, f)));
        script.facts.sort_by_key(|(at, _)| *at);
        script
    }

    fn fact(
        &mut self,
        at: Wall,
        words: &[&str],
        versions: &mut BTreeMap<String, (u32, Option<SessionRecord>)>,
    ) {
        let stated = words.iter().find_map(|w| w.strip_prefix("stated=")).map_or(at, wall);
        let words: Vec<&str> =
            words.iter().copied().filter(|w| !w.starts_with("stated=")).collect();
        let stated_at = Some(stated);
        let known = versions.entry(words[1].to_owned()).or_default();
        let fact = match words[0] {
            "declare" | "amend" => {
                known.0 += 1;
                let (start, end) = words[4].split_once('-').unwrap();
                let record = SessionRecord {
                    id: words[1].into(),
                    version: known.0,
                    room: "room-1".into(),
                    item: (words[2] != "-").then(|| words[2].into()),
                    lead: (words[3] != "-").then(|| words[3].into()),
                    operators: words[5..].iter().map(|w| PersonId::new(w)).collect(),
                    start: wall(start),
                    end: (!end.is_empty()).then(|| wall(end)),
                    cancelled: false,
                    declined_at: None,
                    stated_at,
                };
                known.1 = Some(record.clone());
                Fact::Session(record)
            }
            "cancel" => {
                known.0 += 1;
                let record = SessionRecord {
                    version: known.0,
                    cancelled: true,
                    stated_at,
                    ..known.1.clone().unwrap()
                };
                Fact::Session(record)
            }
            "decline" => {
                known.0 += 1;
                let (version, declined_at) = (known.0, Some(stated));
                let told = known.1.clone().unwrap();
                Fact::Session(SessionRecord { version, declined_at, stated_at, ..told })
            }
            "close" => {
                let (session, end) = (words[1].into(), wall(words[2]));
                Fact::SessionClosed(SessionClose { session, version: known.0, end, stated_at })
            }
            "emergency" => Fact::Emergency(EmergencyFlag {
                session: words[1].into(),
                version: 1,
                raised: true,
                stated_at,
            }),
            "check" => Fact::IdentityCheck(IdentityCheck {
                who: if words[1].starts_with("pass") {
                    CheckSubject::Pass(words[1].into())
                } else {
                    CheckSubject::Person(words[1].into())
                },
                direction: if words[2] == "in" { CheckDirection::In } else { CheckDirection::Out },
                at,
                stated_at,
                witness: words[3].into(),
                track: words.get(4).map(|t| {
                    TrackId(1_000 + t.trim_start_matches("track=").parse::<u64>().unwrap())
                }),
            }),
            "pass" => pass(&words, stated_at),
            "zones" => Fact::ZonesDrifted(ZonesDrifted {
                version: words[1].parse().unwrap(),
                locked_at: wall("08:00"),
            }),
            other => panic!("no such line: {other}"),
        };
        self.facts.push((at, fact));
    }

    /// The calls in order, an observation every `step` ms; facts before the observation of the same
    /// instant.
    pub(crate) fn calls(&self, step: i64) -> Vec<Call> {
        let mut calls = Vec::new();
        let mut facts = self.facts.iter().peekable();
        let mut t = self.from.0;
        while t <= self.until.0 {
            while let Some((at, fact)) = facts.next_if(|(at, _)| at.0 <= t) {
                calls.push(Call::Inform(moment(*at), fact.clone()));
            }
            if let Some(seen) = self.observation(Wall(t)) {
                calls.push(Call::Observe(moment(Wall(t)), seen));
            }
            t += step;
        }
        calls
    }

    fn observation(&self, at: Wall) -> Option<Observation> {
        let mut seen = Observation::default();
        for (slot, (_, _, thing)) in
            self.things.iter().enumerate().filter(|(_, (a, b, _))| *a <= at && at <= *b)
        {
            match thing {
                Thing::Camera(what) => match what.as_str() {
                    "covered" => seen.camera.state = CameraState::Covered,
                    "moved" => seen.camera.state = CameraState::Moved,
                    "frozen" => seen.camera.state = CameraState::Frozen,
                    "withheld" => seen.camera.state = CameraState::Withheld,
                    "no-door" => seen.camera.door_visible = false,
                    "no-operator" => seen.camera.operator_visible = false,
                    "no-picture" => {
                        (seen.camera.door_visible, seen.camera.operator_visible) = (false, false);
                    }
                    _ => return None,
                },
                Thing::Face { who, zone, .. } if who == "patient" && zone == "bed" => {
                    seen.patients += 1;
                }
                Thing::Face { who, zone, track } => {
                    seen.faces.push(face(who, place(zone, slot), TrackId(*track), at));
                }
            }
        }
        if seen.camera.state != CameraState::Ok {
            seen.faces.clear();
            seen.patients = 0;
        }
        Some(seen)
    }
}

fn pass(words: &[&str], stated_at: Option<Wall>) -> Fact {
    let (from, until) = words[3].split_once('-').unwrap();
    let kind = match words[2] {
        "trainee" => PassKind::Trainee { supervisor: words[4].into() },
        "visiting" => PassKind::VisitingDoctor,
        "engineer" => PassKind::Engineer,
        _ => PassKind::Inspector,
    };
    let (id, holder) = if words[1].starts_with("pass") {
        (words[1].into(), PassHolder::WitnessedCheckIn)
    } else {
        (PassId::new(&format!("pass-{}", words[1])), PassHolder::Person(words[1].into()))
    };
    Fact::Pass(Pass {
        id,
        version: 1,
        holder,
        kind,
        from: wall(from),
        until: wall(until),
        stated_at,
    })
}

fn face(who: &str, mut bbox: BoxPx, track: TrackId, at: Wall) -> Face {
    let kind = who.trim_end_matches(|c: char| c.is_ascii_digit());
    let (best, score_ppm) = match kind {
        "stranger" | "patient" | "companion" | "cleaner" | "poster" | "phone" | "turned" => {
            (None, 120_000)
        }
        "dim" => (Some("lin".into()), 400_000),
        "spoof" | "unsure" | "lively" | "blurred" => (Some("lin".into()), 700_000),
        "masked" => (Some("lin".into()), 380_000),
        "muffled" => (None, 250_000),
        "goggled" | "gogglin" => {
            let who = if kind == "goggled" { "qian" } else { "lin" };
            let alike = (at.0 - MIDNIGHT) / 1_000 % 6 == 0;
            (Some(who.into()), if alike { 560_000 } else { 335_000 })
        }
        name => (Some(name.into()), 700_000),
    };
    let second = (at.0 - MIDNIGHT) / 1_000;
    if kind == "phone" {
        bbox = BoxPx { x: bbox.x + 30 * (second % 4) as i32, w: 24, h: 32, ..bbox };
    }
    let liveness = match kind {
        "spoof" | "poster" | "phone" => Liveness::Spoof,
        "unsure" => Liveness::Unsure,
        "lively" if second % 50 != 0 => Liveness::Unsure,
        "blurred" if second % 20 == 0 => Liveness::Spoof,
        "blurred" if second % 30 != 0 => Liveness::Unsure,
        _ => Liveness::Live,
    };
    let match_ = Some(MatchScore { best, score_ppm, second_ppm: 100_000, relevant: Vec::new() });
    let on_bed = zones().of(bbox) == Zone::Bed;
    Face {
        track,
        bbox,
        good_quality: !matches!(kind, "turned" | "goggled" | "gogglin"),
        masked: matches!(kind, "masked" | "muffled" | "goggled" | "gogglin"),
        match_: match_.filter(|_| !on_bed && kind != "faceless"),
        liveness,
    }
}

/// Drives an engine through the calls, waking it at its deadlines.
pub(crate) fn drive(calls: &[Call], wake: bool) -> Vec<EngineOutput> {
    let mut engine = Engine::new();
    let mut out = Vec::new();
    for call in calls {
        let at = match call {
            Call::Observe(at, _) | Call::Inform(at, _) => *at,
        };
        while let Some(due) = engine.next_deadline().filter(|due| wake && *due < at.mono) {
            let gone = at.mono.since(due);
            out.extend(engine.expire(Moment {
                mono: due,
                wall: Wall(at.wall.0 - gone as i64),
                clock: at.clock,
            }));
        }
        out.extend(match call {
            Call::Observe(at, seen) => engine.observe(*at, seen),
            Call::Inform(at, fact) => engine.inform(*at, fact.clone()),
        });
    }
    out
}

pub(crate) fn play(text: &str) -> Vec<EngineOutput> {
    drive(&Script::parse(text).calls(1_000), true)
}

/// One line per step of a finding.
pub(crate) fn trace(outputs: &[EngineOutput]) -> String {
    let mut text = String::new();
    for output in outputs {
        if let EngineOutput::Finding(f) = output {
            let persons: Vec<&str> = f.persons.iter().map(|p| p.person.as_str()).collect();
            let session = f.key.session.as_ref().map_or("-", SessionId::as_str);
            let (at, code) = (clock(f.raised_at.wall), f.key.rule.code());
            writeln!(
                text,
                "{at} {:?} {code} {:?} {:?} {session} [{}]",
                f.step,
                f.severity,
                f.kind,
                persons.join(" ")
            )
            .unwrap();
        }
    }
    text
}

/// The trace of findings alone.
pub(crate) fn check(text: &str, expect: &expect_test::Expect) {
    expect.assert_eq(&trace(&play(text)));
}

/// The trace with the English text of each opening, and the presence summaries.
pub(crate) fn check_texts(text: &str, expect: &expect_test::Expect) {
    let mut all = String::new();
    for output in play(text) {
        match &output {
            EngineOutput::Finding(f) => {
                all += &trace(std::slice::from_ref(&output));
                if f.step == Step::Opened {
                    let said = wording::of_box(&f.statement);
                    writeln!(all, "    {}\n    {}", said.zh, said.en).unwrap();
                }
            }
            EngineOutput::PresenceSummary(s) => {
                let present: Vec<String> = s
                    .present
                    .iter()
                    .map(|p| {
                        format!(
                            "{} {} s, operating {} s",
                            p.person,
                            p.present_ms / 1000,
                            p.operating_ms / 1000
                        )
                    })
                    .collect();
                let lead = if s.lead_verified { "lead seen" } else { "lead not seen" };
                writeln!(
                    all,
                    "{} summary {} {:?}, {lead}; {}",
                    clock(s.at.wall),
                    s.session,
                    s.assessment,
                    present.join("; ")
                )
                .unwrap();
            }
            EngineOutput::WipeTrack(_) => {}
        }
    }
    expect.assert_eq(&all);
}

/// Rule codes with their final severity that still stand (opened and not withdrawn) at the end.
pub(crate) fn standing(text: &str) -> Vec<String> {
    let mut last: BTreeMap<FindingKey, (Step, Severity)> = BTreeMap::new();
    for output in play(text) {
        if let EngineOutput::Finding(f) = output {
            last.insert(f.key.clone(), (f.step, f.severity));
        }
    }
    let stand = last.into_iter().filter(|(_, (step, _))| *step != Step::Withdrawn);
    let mut list: Vec<String> =
        stand.map(|(key, (_, severity))| format!("{} {severity:?}", key.rule.code())).collect();
    list.sort();
    list
}
