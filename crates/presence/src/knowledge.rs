//! What the engine was told, kept so that the order of telling does not matter: of two versions the
//! higher counts, and of two equal versions that differ the greater by content, so that even a
//! contradiction has one outcome.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use crate::time::Offset;
use crate::{
    Catalogue, CheckDirection, CheckSubject, EmergencyFlag, Fact, IdentityCheck, Item, ItemId,
    ItemKind, MinOperator, Pass, PassHolder, PassId, PersonId, Policy, Practitioner,
    PractitionerCategory, RegistrationStatus, Room, Roster, SessionClose, SessionId, SessionRecord,
    SiteRelation, Specialty, StatusFault, Thresholds, TrackId, Wall,
};

/// Forgotten sessions of which a late duplicate is recognised.
const MAX_TOMBSTONES: usize = 1_024;

/// Minutes of a day.
pub(crate) const DAY_MIN: i64 = 1_440;

/// Rosters kept: today's and a few before it.
const MAX_ROSTERS: usize = 4;

#[derive(Clone, Debug, Default)]
pub(crate) struct Knowledge {
    pub(crate) policy: Policy,
    policy_told: bool,
    pub(crate) room: Option<Box<Room>>,
    pub(crate) thresholds: Option<Thresholds>,
    /// By version; the newest few, because a session is judged by the roster of its own time.
    rosters: BTreeMap<u64, Arc<KnownRoster>>,
    catalogue: Option<Arc<Catalogue>>,
    pub(crate) items: Arc<BTreeMap<ItemId, Item>>,
    /// What an item that is missing or unknown counts as.
    pub(crate) strictest: Strictest,
    pub(crate) sessions: BTreeMap<SessionId, KnownSession>,
    tombstones: VecDeque<(SessionId, u32)>,
    pub(crate) passes: BTreeMap<PassId, Pass>,
    pub(crate) checks: BTreeSet<(Wall, IdentityCheck)>,
}

/// The strictest reading of a declaration without a known item: an injection, which a physician
/// performs.
#[derive(Clone, Debug)]
pub(crate) struct Strictest(Item);

impl Default for Strictest {
    fn default() -> Self {
        Self(Item {
            id: ItemId::new(""),
            kind: ItemKind::Injection,
            specialties: Vec::new(),
            surgery_grade: None,
            min_operator: MinOperator::Physician,
            min_duration_ms: 0,
            prep_ms: 0,
            lead_part_ms: None,
            filed_here: true,
        })
    }
}

impl std::ops::Deref for Strictest {
    type Target = Item;

    fn deref(&self) -> &Item {
        &self.0
    }
}

/// A roster with its people by id.
#[derive(Clone, Debug)]
pub(crate) struct KnownRoster {
    pub(crate) roster: Roster,
    pub(crate) people: BTreeMap<PersonId, Practitioner>,
}

/// A session as known so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct KnownSession {
    pub(crate) record: Option<SessionRecord>,
    close: Option<SessionClose>,
    emergency: Option<EmergencyFlag>,
    /// Its window has passed and it was judged; later facts judge it again.
    pub(crate) judged: bool,
    /// Wall minus monotonic time, fixed when it was judged, so that a later clock step cannot move
    /// it.
    pub(crate) offset: Option<Offset>,
    /// Start, end and retirement in monotonic ms, fixed when it was judged.
    pub(crate) extent: Option<(u64, u64, u64)>,
    /// When a record that does not take place here was first met; 0: not yet.
    pub(crate) told_at: u64,
    /// A fact about it (or about anything that it reads) is new.
    pub(crate) dirty: bool,
}

impl KnownSession {
    pub(crate) fn end(&self) -> Option<Wall> {
        let record = self.record.as_ref()?;
        match &self.close {
            Some(close) if close.version >= record.version => Some(close.end),
            _ => record.end,
        }
    }

    pub(crate) fn emergency(&self) -> bool {
        self.emergency.as_ref().is_some_and(|e| e.raised)
    }

    /// When the emergency flag that stands reached the server.
    pub(crate) fn emergency_since(&self) -> Option<Wall> {
        self.emergency.as_ref().filter(|e| e.raised).and_then(|e| e.stated_at)
    }

    /// Takes a flag. One whose time is not told counts from when it was heard; said again it is
    /// the same flag.
    fn take_emergency(&mut self, flag: EmergencyFlag, heard: Wall) -> bool {
        let again = self.emergency.as_ref().is_some_and(|old| {
            (old.version, old.raised) == (flag.version, flag.raised) && flag.stated_at.is_none()
        });
        let stated_at = flag.stated_at.or(Some(heard));
        !again && raise(&mut self.emergency, EmergencyFlag { stated_at, ..flag }, |e| e.version)
    }

    fn version(&self) -> u32 {
        let versions =
            [self.record.as_ref().map(|r| r.version), self.close.as_ref().map(|c| c.version)];
        versions.into_iter().flatten().max().unwrap_or(0)
    }
}

impl Knowledge {
    /// The day at the room's place, counted from 1970.
    pub(crate) fn local_day(&self, at: Wall) -> i64 {
        let hours = self.room.as_ref().and_then(|r| r.hours.as_ref());
        let offset_min = hours.map_or(0, |h| i64::from(h.utc_offset_min));
        (at.0.div_euclid(60_000) + offset_min).div_euclid(DAY_MIN)
    }

    /// Takes a fact that was heard at a wall time. True when anything changed.
    pub(crate) fn take(&mut self, fact: Fact, heard: Wall) -> bool {
        match fact {
            Fact::Room(room) => {
                let newer =
                    self.room.as_ref().is_none_or(|old| (room.version, &room) > (old.version, old));
                if newer {
                    self.room = Some(room);
                }
                newer
            }
            Fact::Policy(policy) => {
                let newer =
                    !std::mem::replace(&mut self.policy_told, true) || *policy > self.policy;
                if newer {
                    self.policy = *policy;
                }
                newer
            }
            Fact::Thresholds(t) => self.thresholds.replace(t) != Some(t),
            Fact::Roster(roster) => self.roster(roster),
            Fact::Catalogue(catalogue) => self.catalogue(catalogue),
            Fact::Session(record) => self.session(&record.id.clone(), record.version, |s| {
                raise(&mut s.record, record, |r| r.version)
            }),
            Fact::SessionClosed(close) => {
                self.session(&close.session.clone(), close.version, |s| {
                    raise(&mut s.close, close, |c| c.version)
                })
            }
            Fact::Emergency(flag) => {
                self.session(&flag.session.clone(), u32::MAX, |s| s.take_emergency(flag, heard))
            }
            Fact::Pass(pass) => {
                let mut slot = self.passes.remove(&pass.id);
                let id = pass.id.clone();
                let changed = raise(&mut slot, pass, |p| p.version);
                if let Some(pass) = slot {
                    self.passes.insert(id, pass);
                }
                changed
            }
            Fact::IdentityCheck(check) => {
                let self_witnessed =
                    matches!(&check.who, CheckSubject::Person(p) if *p == check.witness);
                !self_witnessed && self.checks.insert((check.counts_from(), check))
            }
            // No knowledge to judge by: the engine says it and forgets it.
            Fact::ZonesDrifted(_) => false,
        }
    }

    fn roster(&mut self, roster: Roster) -> bool {
        let version = roster.version;
        let newer = self.rosters.get(&version).is_none_or(|old| roster > old.roster);
        if newer {
            let people = roster.people.iter().map(|p| (p.id.clone(), p.clone())).collect();
            self.rosters.insert(version, Arc::new(KnownRoster { roster, people }));
            if self.rosters.len() > MAX_ROSTERS {
                self.rosters.pop_first();
            }
        }
        newer && self.rosters.contains_key(&version)
    }

    /// The roster by which something that ended at `end` is judged: the newest made until then,
    /// else the oldest known.
    pub(crate) fn roster_at(&self, end: Wall) -> Option<&KnownRoster> {
        let known = self.rosters.values().map(Arc::as_ref);
        known.clone().rev().find(|r| r.roster.made_at <= end).or_else(|| known.clone().next())
    }

    pub(crate) fn has_roster(&self) -> bool {
        !self.rosters.is_empty()
    }

    /// Persons of the newest roster about whom something may be said during the act.
    pub(crate) fn watched(&self) -> BTreeSet<PersonId> {
        let newest = self.rosters.values().next_back();
        let people = newest.into_iter().flat_map(|r| r.people.values());
        let watched = people.filter(|p| {
            p.category == PractitionerCategory::NonClinical
                || p.registration != RegistrationStatus::Valid
                || !matches!(p.relation, SiteRelation::Primary | SiteRelation::FiledMultiSite)
        });
        watched.map(|p| p.id.clone()).collect()
    }

    fn catalogue(&mut self, catalogue: Catalogue) -> bool {
        let newer = self
            .catalogue
            .as_ref()
            .is_none_or(|old| (catalogue.version, &catalogue) > (old.version, &**old));
        if newer {
            self.items =
                Arc::new(catalogue.items.iter().map(|i| (i.id.clone(), i.clone())).collect());
            self.catalogue = Some(Arc::new(catalogue));
        }
        newer
    }

    /// Declared start and end of a session of this room that is not cancelled, monotonic ms.
    pub(crate) fn declared_times(
        &self,
        id: &SessionId,
        offset: Offset,
    ) -> Option<(u64, Option<u64>)> {
        let session = self.sessions.get(id)?;
        let record = session.record.as_ref()?;
        let here = self.room.as_ref().is_some_and(|room| room.id == record.room);
        if record.cancelled || !here {
            return None;
        }
        let offset = session.offset.unwrap_or(offset);
        let start = offset.mono(record.start).0;
        Some((start, session.end().map(|end| offset.mono(end).0.max(start))))
    }

    /// How much of a session's declared time lies before monotonic time began, ms.
    pub(crate) fn before_begin_ms(&self, id: &SessionId, offset: Offset) -> u64 {
        let Some(session) = self.sessions.get(id) else { return 0 };
        let Some(record) = &session.record else { return 0 };
        let end = session.end().unwrap_or(Wall(i64::MAX));
        session.offset.unwrap_or(offset).before_begin_ms(record.start, end)
    }

    /// Those who matter to the sessions around `now`: first who was declared, then the leads that
    /// they may have.
    pub(crate) fn relevant(&self, now: u64, offset: Offset) -> Vec<PersonId> {
        const MOST: usize = 16;
        let Some(roster) = self.rosters.values().next_back() else { return Vec::new() };
        let on = |id: &&SessionId| {
            self.declared_times(id, offset).is_some_and(|(from, to)| {
                let (before, after) =
                    (self.policy.window_before_ms(), self.policy.window_after_ms());
                from <= now.saturating_add(before)
                    && to.is_none_or(|to| now <= to.saturating_add(after))
            })
        };
        let records: Vec<&SessionRecord> = self
            .sessions
            .keys()
            .filter(on)
            .filter_map(|id| self.sessions.get(id)?.record.as_ref())
            .collect();
        let mut people: Vec<PersonId> =
            records.iter().flat_map(|r| r.lead.iter().chain(&r.operators)).cloned().collect();
        for record in &records {
            let item = record.item.as_ref().and_then(|id| self.items.get(id));
            let leads = roster
                .people
                .values()
                .filter(|p| item.map_or(!p.lead_for.is_empty(), |item| p.leads(item)));
            people.extend(leads.map(|p| p.id.clone()));
        }
        let mut seen = BTreeSet::new();
        people.retain(|id| roster.people.contains_key(id) && seen.insert(id.clone()));
        people.truncate(MOST);
        people
    }

    /// Version of the newest roster; 0 for none.
    pub(crate) fn roster_version(&self) -> u64 {
        self.rosters.keys().next_back().copied().unwrap_or(0)
    }

    fn session(
        &mut self,
        id: &SessionId,
        version: u32,
        change: impl FnOnce(&mut KnownSession) -> bool,
    ) -> bool {
        if self
            .tombstones
            .iter()
            .any(|(dead, of)| dead == id && (version <= *of || version == u32::MAX))
        {
            return false;
        }
        let session = self.sessions.entry(id.clone()).or_default();
        let changed = change(session);
        session.dirty |= changed;
        changed
    }

    /// Forgets a session for good; duplicates of its facts are recognised and ignored.
    pub(crate) fn bury(&mut self, id: &SessionId) {
        if let Some(session) = self.sessions.remove(id) {
            self.tombstones.push_back((id.clone(), session.version()));
            if self.tombstones.len() > MAX_TOMBSTONES {
                self.tombstones.pop_front();
            }
        }
    }

    /// Forgets passes that ended before `horizon`, and checks of a longest session before it:
    /// somebody may still be in.
    pub(crate) fn forget_before(&mut self, horizon: Wall) {
        self.passes.retain(|_, p| p.until >= horizon);
        let checked = horizon.0.saturating_sub(self.policy.session_max_ms() as i64);
        self.checks.retain(|(at, _)| at.0 >= checked);
    }

    /// When each check counts from, in monotonic ms, and who witnessed it.
    pub(crate) fn witnesses(&self, offset: Offset) -> impl Iterator<Item = (u64, PersonId)> + '_ {
        self.checks
            .iter()
            .map(move |(_, check)| (offset.mono(check.counts_from()).0, check.witness.clone()))
    }

    /// Somebody who was there at `from` is known otherwise now: sessions that were judged, and
    /// whose window they were in, are judged again. True where there is one.
    pub(crate) fn judge_again(&mut self, from: u64) -> bool {
        let after = self.policy.window_after_ms();
        let within = |s: &&mut KnownSession| {
            s.judged && s.extent.is_some_and(|(_, end, _)| from <= end.saturating_add(after))
        };
        let touched = self.sessions.values_mut().filter(within).map(|s| s.dirty = true);
        touched.count() > 0
    }

    pub(crate) fn clear_dirty(&mut self) {
        for session in self.sessions.values_mut() {
            session.dirty = false;
        }
    }

    /// The passes of an enrolled person.
    pub(crate) fn passes_of(&self, person: &PersonId) -> impl Iterator<Item = &Pass> {
        let his = move |p: &&Pass| matches!(&p.holder, PassHolder::Person(h) if h == person);
        self.passes.values().filter(his)
    }

    /// The pass of an enrolled person that holds at some time in `from..=to`.
    pub(crate) fn pass_of(&self, person: &PersonId, from: Wall, to: Wall) -> Option<&Pass> {
        self.passes_of(person).find(|p| p.from <= to && p.until > from)
    }

    /// The check-ins that name a track, in the order of time, whom they bind it to, from when on
    /// and until before when: a person, or a pass that is for whoever checks in and held then.
    /// Whether there was a witness is not asked here.
    pub(crate) fn binding(
        &self,
        track: TrackId,
    ) -> impl Iterator<Item = (Wall, &IdentityCheck, Option<Wall>)> {
        let of_track = move |(_, c): &&(Wall, IdentityCheck)| {
            c.track == Some(track) && c.direction == CheckDirection::In
        };
        self.checks.iter().filter(of_track).filter_map(|(at, check)| match &check.who {
            CheckSubject::Person(_) => Some((*at, check, None)),
            CheckSubject::Pass(id) => {
                let holds = |p: &&Pass| {
                    p.holder == PassHolder::WitnessedCheckIn && p.from <= *at && *at < p.until
                };
                let pass = self.passes.get(id).filter(holds)?;
                Some((*at, check, Some(pass.until)))
            }
        })
    }
}

/// Whether somebody may lead a treatment (办法 11, 12): a licensed physician who is filed as lead
/// for one of its specialties. NL-1 rests on it; what the public reads of a physician is held equal
/// to it by a test of the server.
pub fn may_lead(
    category: PractitionerCategory,
    lead_for: &[Specialty],
    specialties: &[Specialty],
) -> bool {
    category == PractitionerCategory::LicensedPhysician
        && lead_for.iter().any(|specialty| specialties.contains(specialty))
}

impl IdentityCheck {
    /// A check counts from the moment it was made, never backwards.
    pub(crate) fn counts_from(&self) -> Wall {
        self.stated_at.map_or(self.at, |stated| stated.max(self.at))
    }
}

impl Practitioner {
    /// May be named: the enrolment is confirmed.
    pub(crate) fn is_clinician(&self) -> bool {
        !matches!(self.category, PractitionerCategory::NonClinical | PractitionerCategory::Trainee)
    }

    /// The box would know the face.
    pub(crate) fn is_recognisable(&self) -> bool {
        self.has_template && self.confirmed
    }

    pub(crate) fn leads(&self, item: &Item) -> bool {
        may_lead(self.category, &self.lead_for, &item.specialties)
    }

    /// Why their registration alone does not let them work here; `None`: it does, or they need
    /// none. An exemption or a pass may cover the site.
    pub(crate) fn status_fault(&self) -> Option<StatusFault> {
        if matches!(
            self.category,
            PractitionerCategory::NonClinical | PractitionerCategory::Trainee
        ) {
            return None;
        }
        if self.registration != RegistrationStatus::Valid {
            return Some(StatusFault::Registration);
        }
        match self.relation {
            SiteRelation::Primary | SiteRelation::FiledMultiSite => None,
            SiteRelation::Exempt { .. } | SiteRelation::None => Some(StatusFault::Site),
        }
    }
}

/// Puts `new` into the slot when it is of a higher version, or of the same and greater. True when
/// the slot changed.
fn raise<T: Ord>(slot: &mut Option<T>, new: T, version: impl Fn(&T) -> u32) -> bool {
    let better = slot.as_ref().is_none_or(|old| (version(&new), &new) > (version(old), old));
    if better {
        *slot = Some(new);
    }
    better
}
