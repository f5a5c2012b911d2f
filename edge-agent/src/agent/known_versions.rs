//! What the server said last, by kind, and how a new piece of it is applied: checked whole first,
//! then taken whole.

use std::collections::{BTreeMap, BTreeSet};

use delivery::mqtt::Delivered;
use jiff::Timestamp;
use presence::Fact;
use protocol::{
    down::{self, Command, Down, DownBody},
    id::{ItemCode, PersonId, SessionId},
};

use super::{
    Agent,
    disk::{AppliedKnowledge, DiskWork, JobKind, KnowledgeJob},
};
use crate::{
    declined_sessions::DeclinedSessions,
    facts::{self, Unusable},
    gallery_search::{Maker, gather},
};

/// The last of each kind, with its version.
#[derive(Debug)]
pub struct KnownVersions {
    maker: Maker,
    room: Option<(u64, down::Room)>,
    policy: Option<u64>,
    catalogue: Option<u64>,
    roster: Option<u64>,
    /// With the number of sessions that the server had to leave out.
    sessions: Option<(u64, u32)>,
    /// Who has templates here.
    enrolled: BTreeSet<PersonId>,
    items: BTreeMap<SessionId, ItemCode>,
    /// As they were told last, for who declined.
    declared: Vec<down::Session>,
    refusals: DeclinedSessions,
    size: Option<(u32, u32)>,
    /// Sizes seen so far; part of the room's version for the core.
    generation: u16,
    /// Policies and rosters taken in this boot: what the core calls their versions.
    policies: u32,
    rosters: u32,
}

impl KnownVersions {
    pub fn new(maker: Maker) -> Self {
        Self {
            maker,
            room: None,
            policy: None,
            catalogue: None,
            roster: None,
            sessions: None,
            enrolled: BTreeSet::new(),
            items: BTreeMap::new(),
            declared: Vec::new(),
            refusals: DeclinedSessions::default(),
            size: None,
            generation: 0,
            policies: 0,
            rosters: 0,
        }
    }

    /// What is needed to judge and was never said.
    pub fn missing(&self) -> Vec<&'static str> {
        let kinds = [
            ("room", self.room.is_none()),
            ("policy", self.policy.is_none()),
            ("catalogue", self.catalogue.is_none()),
            ("roster", self.roster.is_none()),
            ("sessions", self.sessions.is_none()),
        ];
        kinds.into_iter().filter(|(_, missing)| *missing).map(|(kind, _)| kind).collect()
    }

    pub fn newest_version(&self) -> u64 {
        let versions = [
            self.room.as_ref().map(|r| r.0),
            self.policy,
            self.catalogue,
            self.roster,
            self.sessions.as_ref().map(|s| s.0),
        ];
        versions.into_iter().flatten().max().unwrap_or(0)
    }

    /// One line where the server could not tell every session of the room.
    pub fn sessions_left_out(&self) -> Option<String> {
        let (_, left_out) = self.sessions.filter(|(_, left_out)| *left_out > 0)?;
        Some(format!(
            "{left_out} declared sessions of this room were left out by the server: close what is \
            over"
        ))
    }

    /// The room as the server told it.
    pub(super) fn room(&self) -> Option<&down::Room> {
        self.room.as_ref().map(|(_, room)| room)
    }

    /// Whether nobody may be looked at: the box may not be used yet, or a patient in its room
    /// declined. A door is passed by whoever asks to be seen.
    pub(super) fn withholds_at(&self, wall_ms: i64) -> bool {
        let Some(room) = self.room() else { return false };
        let unused = room.in_use_from.as_ref().is_some_and(|from| {
            from.parse::<Timestamp>().is_ok_and(|from| wall_ms < from.as_millisecond())
        });
        let in_room = room.mode == down::DeploymentMode::InRoom;
        unused || (in_room && self.refusals.hold_at(wall_ms))
    }

    pub fn item_of(&self, session: &SessionId) -> Option<ItemCode> {
        self.items.get(session).cloned()
    }

    /// Notes the size of the picture; true where it is a new one.
    pub fn size_changed(&mut self, size: (u32, u32)) -> bool {
        let changed = self.size != Some(size);
        if changed {
            self.size = Some(size);
            self.generation = self.generation.saturating_add(1);
        }
        changed
    }
}

impl Agent {
    /// Applies a verified message; the disk keeps it and tells the server. One that can not be
    /// used, or kept, is refused whole, and the server is told why. Where too many wait for the
    /// disk it is not heard: the server says again what has no answer.
    pub(super) fn delivered(&mut self, delivered: Delivered) {
        if !self.disk.has_room(JobKind::Knowledge) {
            let (kind, version) = (&delivered.body.kind, delivered.body.version);
            tracing::error!(kind, version, "not taken: the disk is too slow");
            return;
        }
        let applied = self.apply(&delivered.body);
        self.put(DiskWork::Keep(Box::new(KnowledgeJob { delivered, applied })));
        self.informed = std::time::Instant::now();
    }

    /// What the engine has to know of one message; what lies on the disk is the disk's to do.
    pub(super) fn apply(&mut self, body: &DownBody) -> Result<AppliedKnowledge, Unusable> {
        let version = body.version;
        match &body.payload {
            Down::Policy(policy) => {
                self.apply_policy(version, policy).map(|()| AppliedKnowledge::default())
            }
            Down::Room(room) => {
                self.apply_room(version, room).map(|()| AppliedKnowledge::default())
            }
            Down::Catalogue(catalogue) => {
                let catalogue = facts::catalogue(version, catalogue)?;
                self.known.catalogue = Some(version);
                self.inform(Fact::Catalogue(catalogue));
                Ok(AppliedKnowledge::default())
            }
            Down::Roster(roster) => self
                .apply_roster(version, &body.issued_at, roster)
                .map(|deleted| AppliedKnowledge { deleted, trial: None }),
            Down::Sessions(sessions) => {
                self.apply_sessions(version, sessions).map(|()| AppliedKnowledge::default())
            }
            Down::Command(command) => {
                self.obey(body, command).map(|deleted| AppliedKnowledge { deleted, trial: None })
            }
            Down::PolicyTrial(asked) => self
                .trial(asked)
                .map(|order| AppliedKnowledge { deleted: Vec::new(), trial: Some(order) }),
            Down::Custodians(_) | Down::EvidenceOrders(_) | Down::Brokers(_) => {
                Ok(AppliedKnowledge::default())
            }
            Down::Receipt(_) | Down::Unlock(_) | Down::Unknown => Err(Unusable(format!(
                "this version of the agent knows no `{}`: update it",
                body.kind
            ))),
        }
    }

    fn apply_policy(&mut self, version: u64, wire: &down::Policy) -> Result<(), Unusable> {
        let number = self.known.policies.saturating_add(1);
        let policy = facts::policy(number, wire, self.settings.production)?;
        self.known.policy = Some(version);
        self.known.policies = number;
        let hash = trust::sha256_hex(protocol::settings::canonical(&wire.settings));
        self.origin.manifest.policy_sha256.clone_from(&hash);
        self.origin.policies.insert(number, (version, hash));
        self.inform(Fact::Policy(Box::new(policy)));
        self.note_refusals();
        self.inform_room();
        Ok(())
    }

    fn apply_room(&mut self, version: u64, wire: &down::Room) -> Result<(), Unusable> {
        if wire.room != self.origin.room {
            return Err(Unusable(format!(
                "room {}: this box stands in {}",
                wire.room, self.origin.room
            )));
        }
        facts::check_room(wire)?;
        self.origin.institution = wire.institution.clone();
        self.guidance.mask = Some(wire.zones.privacy_mask.clone());
        self.known.room = Some((version, wire.clone()));
        self.tell_taking();
        self.inform_room();
        let drift = self.lock.zones(version, &wire.zones);
        if let Some(lock) = self.lock.changed() {
            self.put(DiskWork::Lock(Box::new(lock)));
        }
        if let Some(drift) = drift {
            tracing::warn!(version, "the zones are others than those that the installer locked");
            self.inform(Fact::ZonesDrifted(drift));
        }
        Ok(())
    }

    /// Tells engine and tracker the room in pixels, once it and the size of the picture are known.
    pub(super) fn inform_room(&mut self) {
        let (Some((version, wire)), Some(size)) = (&self.known.room, self.known.size) else {
            return;
        };
        match facts::room(*version, self.known.generation, wire, size, self.wall()) {
            Ok(room) => {
                let zones = room.zones.clone();
                self.guidance.doorway = Some(wire.mode == down::DeploymentMode::Doorway);
                self.inform(Fact::Room(Box::new(room)));
                self.guidance.room = Some(Box::new((zones, self.engine.policy().clone())));
            }
            // The room was checked when it came; only a time zone can have vanished since.
            Err(why) => tracing::error!("{why}"),
        }
    }

    fn apply_roster(
        &mut self,
        version: u64,
        issued_at: &str,
        wire: &down::Roster,
    ) -> Result<Vec<PersonId>, Unusable> {
        let search = gather(wire, &self.known.maker)?;
        let number = self.known.rosters.saturating_add(1);
        let has_template = |person: &down::RosterPerson| !person.templates.is_empty();
        let (roster, passes) = facts::roster(version, number, issued_at, wire, has_template)?;
        self.known.rosters = number;
        let with_templates =
            wire.persons.iter().filter(|p| !p.templates.is_empty()).map(|p| p.person.clone());
        let enrolled: BTreeSet<_> = with_templates.collect();
        let deleted = self.known.enrolled.difference(&enrolled).cloned().collect();
        let (persons, templates) = (search.gallery.people(), search.gallery.templates());
        tracing::info!(version, persons, templates, "roster");
        self.known.roster = Some(version);
        self.known.enrolled = enrolled;
        self.guidance.search = Some(search);
        self.inform(Fact::Roster(roster));
        for pass in passes {
            self.inform(Fact::Pass(pass));
        }
        Ok(deleted)
    }

    fn apply_sessions(&mut self, version: u64, wire: &down::Sessions) -> Result<(), Unusable> {
        let room = presence::RoomId::new(self.origin.room.as_str());
        let facts = facts::sessions(&room, wire)?;
        self.known.items = wire
            .sessions
            .iter()
            .filter_map(|s| Some((s.session.clone(), s.item.clone()?)))
            .collect();
        self.known.declared.clone_from(&wire.sessions);
        self.note_refusals();
        tracing::info!(version, declared = wire.sessions.len(), "sessions");
        if wire.left_out > 0 {
            tracing::warn!(
                version,
                left_out = wire.left_out,
                "the server could not tell every session of this room"
            );
        }
        self.known.sessions = Some((version, wire.left_out));
        for fact in facts {
            self.inform(fact);
        }
        Ok(())
    }

    fn note_refusals(&mut self) {
        let longest_ms = self.engine.policy().declined_max_ms();
        self.known.refusals = DeclinedSessions::of(&self.known.declared, longest_ms);
    }

    fn obey(&mut self, body: &DownBody, command: &Command) -> Result<Vec<PersonId>, Unusable> {
        match command {
            Command::IdentityCheck { person, witness, at } => {
                let check = facts::check(&down::WitnessedCheck {
                    person: person.clone(),
                    witness: witness.clone(),
                    direction: down::CheckDirection::In,
                    at: at.clone(),
                    stated_at: Some(body.issued_at.clone()),
                })?;
                self.inform(Fact::IdentityCheck(check));
                Ok(Vec::new())
            }
            Command::ForgetPerson { person } => {
                self.guidance.forget.push(presence::PersonId::new(person.as_str()));
                self.known.enrolled.remove(person);
                Ok(vec![person.clone()])
            }
            Command::Unknown => Err(Unusable(
                "this version of the agent does not know the command: update it".to_owned(),
            )),
        }
    }

    fn wall(&self) -> Timestamp {
        Timestamp::from_millisecond(self.clock.now().wall_ms).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}
