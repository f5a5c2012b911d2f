//! What is judged, and by what: the session, the knowledge that counts for it, and the moment as of
//! which it is judged. It measures nothing.

use std::collections::BTreeSet;

use crate::case_bounds::CaseBounds;
use crate::knowledge::{Knowledge, KnownRoster, KnownSession};
use crate::spans::Spans;
use crate::time::Offset;
use crate::{DeploymentMode, Item, ItemKind, Mono, PersonId, Practitioner, SessionId, Wall};

/// All that stands before anything is measured.
#[derive(Clone, Debug)]
pub(crate) struct CaseInput<'a> {
    pub(crate) knowledge: &'a Knowledge,
    pub(crate) roster: Option<&'a KnownRoster>,
    pub(crate) session: Option<(&'a SessionId, &'a KnownSession)>,
    pub(crate) item: Option<&'a Item>,
    pub(crate) now: Mono,
    pub(crate) offset: Offset,
    pub(crate) bounds: CaseBounds,
    pub(crate) is_final: bool,
    /// The absence window, as far as it has passed.
    pub(crate) window: Spans,
    /// What the item counts as: an injection where the declaration names no known item or no known
    /// lead (the strictest reading, domain.md §3). Its grade and filing stay the item's own.
    pub(crate) kind: Option<ItemKind>,
    /// Members of L.
    pub(crate) leads: BTreeSet<PersonId>,
    /// Some member of L (or the declared lead) has no template: an UNMATCHED track may be them.
    pub(crate) lead_unrecognisable: bool,
    pub(crate) doorway: bool,
}

impl<'a> CaseInput<'a> {
    pub(crate) fn of(
        k: &'a Knowledge,
        session: Option<(&'a SessionId, &'a KnownSession)>,
        bounds: CaseBounds,
        now: Mono,
        offset: Offset,
    ) -> Self {
        let record = session.and_then(|(_, s)| s.record.as_ref());
        let item =
            record.map(|r| r.item.as_ref().and_then(|id| k.items.get(id)).unwrap_or(&k.strictest));
        let to = bounds.end_seen.saturating_add(k.policy.window_after_ms()).min(now.0);
        let mut given = Self {
            knowledge: k,
            roster: k.roster_at(offset.wall(Mono(bounds.end_seen.min(now.0)))),
            session,
            item,
            now,
            offset,
            is_final: now.0 >= bounds.final_at,
            // What lies in a neighbouring session is that session's.
            window: Spans::one(bounds.lo, to.min(bounds.hi)),
            kind: item.map(|item| item.kind),
            leads: BTreeSet::new(),
            lead_unrecognisable: false,
            doorway: k.room.as_ref().is_some_and(|r| r.mode == DeploymentMode::Doorway),
            bounds,
        };
        given.find_leads();
        given
    }

    fn find_leads(&mut self) {
        let Some((_, session)) = self.session else { return };
        let declared_lead = session.record.as_ref().and_then(|r| r.lead.as_ref());
        let unknown_item =
            self.item.is_some_and(|item| std::ptr::eq(item, &raw const *self.knowledge.strictest));
        let unknown_lead = declared_lead.is_none_or(|lead| self.known(lead).is_none());
        // Of a declaration that names no known item or lead every lead may be the one.
        let strictest = self.item.is_some() && (unknown_item || unknown_lead);
        if strictest {
            self.kind = Some(ItemKind::Injection);
        }
        for person in self.roster.into_iter().flat_map(|r| r.people.values()) {
            if self.item.is_some_and(|item| person.leads(item))
                || (strictest && !person.lead_for.is_empty())
            {
                self.leads.insert(person.id.clone());
            }
            let matters = self.leads.contains(&person.id) || declared_lead == Some(&person.id);
            self.lead_unrecognisable |= matters && !person.is_recognisable();
        }
        self.lead_unrecognisable |= declared_lead.is_some_and(|lead| self.known(lead).is_none());
    }

    /// Until when activity counts: the end that was seen, as far as it has passed.
    pub(crate) fn active_to(&self) -> u64 {
        self.bounds.end_seen.min(self.now.0).min(self.bounds.hi)
    }

    pub(crate) fn is_declared(&self, person: &PersonId) -> bool {
        let record = self.session.and_then(|(_, s)| s.record.as_ref());
        record.is_some_and(|r| r.lead.as_ref() == Some(person) || r.operators.contains(person))
    }

    pub(crate) fn declared_lead(&self) -> Option<&'a PersonId> {
        self.session.and_then(|(_, s)| s.record.as_ref()).and_then(|r| r.lead.as_ref())
    }

    /// A person of the roster by which the case is judged.
    pub(crate) fn known(&self, id: &PersonId) -> Option<&'a Practitioner> {
        self.roster.and_then(|r| r.people.get(id))
    }

    pub(crate) fn roster_version(&self) -> u64 {
        self.roster.map_or(0, |r| r.roster.version)
    }

    pub(crate) fn wall(&self, mono: u64) -> Wall {
        self.offset.wall(Mono(mono))
    }
}
