//! What was known when a finding was raised. A fact that reached the server before that time still
//! enters, however late the box hears of it; one that reached it after explains, and never takes
//! the finding back. It never raises anything itself.

use std::collections::BTreeMap;

use crate::case::CaseMeasures;
use crate::case_bounds::session_bounds;
use crate::finding::{EngineOutput, Finding, Rule, Step, WithdrawalGround};
use crate::knowledge::Knowledge;
use crate::ledger::{FindingStamp, StandingFinding, is_weaker};
use crate::report::stamp;
use crate::rules::{self, Allegation};
use crate::spans::Spans;
use crate::time::Offset;
use crate::{Engine, Fact, Moment, SessionId, Wall};

/// What was known at one tick at which findings were raised.
#[derive(Clone, Debug)]
pub(crate) struct KnowledgeSnapshot {
    tick: u64,
    at: Wall,
    /// With what reached the server before `at`, also where the box learned it later.
    known: Knowledge,
    /// As the box knew it at the tick; `None` while nothing was learned since.
    heard: Option<Box<Knowledge>>,
}

impl KnowledgeSnapshot {
    fn learn(&mut self, fact: &Fact, heard: Wall) {
        let mut known = self.known.clone();
        if known.take(fact.clone(), heard) {
            let before = std::mem::replace(&mut self.known, known);
            self.heard.get_or_insert_with(|| Box::new(before));
        }
    }
}

/// What becomes of the findings of one session that stand and are not said again as they were.
#[derive(Debug, Default)]
pub(crate) struct Reviewed {
    /// They stand by what was known when they were raised.
    pub(crate) kept: Vec<Rule>,
    /// They go, or are said anew with less, for this reason.
    pub(crate) taken_back: BTreeMap<Rule, WithdrawalGround>,
    /// What remains of those that go.
    pub(crate) remains: Vec<(FindingStamp, Allegation)>,
}

impl Engine {
    /// Remembers what was known where `out` raises or strengthens a finding at the tick `t`.
    pub(crate) fn remember_basis(&mut self, t: u64, at: Wall, out: &[EngineOutput]) {
        let raises = |o: &EngineOutput| {
            matches!(o,
            EngineOutput::Finding(f) if matches!(f.step, Step::Opened | Step::Strengthened))
        };
        if out.iter().any(raises) {
            self.bases.insert(
                t,
                KnowledgeSnapshot { tick: t, at, known: self.knowledge.clone(), heard: None },
            );
        }
        let used = self.ledger.basis_ticks();
        self.bases.retain(|tick, _| used.contains(tick));
    }

    /// A fact that is told now enters what was known earlier, where it had reached the server by
    /// then.
    pub(crate) fn enter_bases(&mut self, fact: &Fact, heard: Wall) {
        let stated = fact.stated_at(heard);
        for basis in self.bases.values_mut().filter(|b| stated < b.at) {
            basis.learn(fact, heard);
        }
    }

    /// Looks again at what stands for a session, given what the rules say with all that is known
    /// now.
    pub(crate) fn review(
        &self,
        id: &SessionId,
        at: Moment,
        offset: Offset,
        said: &[Allegation],
    ) -> Reviewed {
        let mut reviewed = Reviewed::default();
        let judge = |known: &Knowledge| self.judge_as_of(known, id, at, offset);
        for standing in self.ledger.standing_of(Some(id)).filter(|s| s.rule != Rule::Hb4) {
            let now = said.iter().find(|d| d.rule == standing.rule);
            if now.is_some_and(|draft| !is_weaker(standing.said, draft)) {
                continue;
            }
            let mut remains: Option<(FindingStamp, Allegation)> = None;
            let mut kept = false;
            for basis in self.bases_of(&standing) {
                let judged = judge(&basis.known);
                kept |= judged.lost;
                for (mut stamp, draft) in
                    judged.drafts.into_iter().filter(|(_, d)| d.rule == standing.rule)
                {
                    kept |= !is_weaker(standing.said, &draft);
                    stamp.basis_tick = basis.tick;
                    remains = Some((stamp, draft));
                }
            }
            if kept {
                reviewed.kept.push(standing.rule);
                continue;
            }
            let heard_upholds = |basis: &KnowledgeSnapshot| {
                let heard = basis.heard.as_deref().map(judge);
                heard.is_some_and(|j| upholds(standing.said, &j.drafts))
            };
            let learned = self.bases_of(&standing).any(heard_upholds);
            let why = if learned {
                WithdrawalGround::StatedBefore
            } else {
                WithdrawalGround::OwnCorrection
            };
            reviewed.taken_back.insert(standing.rule, why);
            reviewed
                .remains
                .extend(remains.filter(|(_, d)| now.is_none_or(|now| d.severity > now.severity)));
        }
        reviewed
    }

    /// Standing findings without a session that hold by what was known when they were raised: their
    /// places.
    pub(crate) fn upheld_alone(&self, at: Moment, said: &[(Rule, u64)]) -> Vec<(Rule, u64)> {
        let Some(offset) = self.offset else { return Vec::new() };
        let open = self.ledger.standing_of(None).filter(|s| !said.contains(&(s.rule, s.first)));
        let open = open.filter(|s| !matches!(s.rule, Rule::Hb2 | Rule::Hb4 | Rule::Hb6));
        let holds = |standing: &StandingFinding<'_>| {
            self.bases_of(standing).any(|basis| {
                let taken = self.taken_as_of(&basis.known, at.mono.0, offset);
                let drafts = self.occasion_drafts(&basis.known, &taken, at, offset, true);
                drafts.iter().any(|(stamp, draft)| {
                    draft.rule == standing.rule
                        && self.ledger.anchor(stamp, draft) == standing.first
                })
            })
        };
        open.filter(holds).map(|s| (s.rule, s.first)).collect()
    }

    /// The extents of the sessions of an earlier knowledge.
    fn taken_as_of(&self, known: &Knowledge, t: u64, offset: Offset) -> Spans {
        let bounds = known
            .sessions
            .keys()
            .filter_map(|id| session_bounds(known, &self.history, id, t, offset));
        let spans =
            bounds.flat_map(|b| self.margin(b.start, b.end_seen).iter().collect::<Vec<_>>());
        Spans::from_unsorted(spans.chain(self.past.iter()).collect())
    }

    /// The extent of a session as it was known when a finding was raised that still stands for it.
    pub(crate) fn extent_as_of(
        &self,
        id: &SessionId,
        t: u64,
        offset: Offset,
    ) -> Option<(u64, u64)> {
        let mut bases =
            self.ledger.standing_of(Some(id)).flat_map(|s| self.bases_of(&s).collect::<Vec<_>>());
        bases.find_map(|basis| {
            let bounds = session_bounds(&basis.known, &self.history, id, t, offset)?;
            Some((bounds.start, bounds.end_seen))
        })
    }

    fn bases_of<'a>(
        &'a self,
        standing: &StandingFinding<'_>,
    ) -> impl Iterator<Item = &'a KnowledgeSnapshot> + use<'a> {
        let ticks = std::collections::BTreeSet::from([standing.opened_tick, standing.said_tick]);
        ticks.into_iter().rev().filter_map(|tick| self.bases.get(&tick))
    }

    fn judge_as_of(&self, known: &Knowledge, id: &SessionId, at: Moment, offset: Offset) -> Judged {
        let nothing = Judged { drafts: Vec::new(), lost: false };
        let Some(session) = known.sessions.get(id) else { return nothing };
        let t = at.mono.0;
        let Some(bounds) =
            session_bounds(known, &self.history, id, t, offset).filter(|b| b.start <= t)
        else {
            return nothing;
        };
        let pieces = self.pieces(known, id, &bounds, at.mono, offset);
        let told = Some((id, session));
        let case = CaseMeasures::measure(known, &self.history, told, bounds, at.mono, offset)
            .after(pieces);
        let stamp = stamp(&case, at, offset);
        let drafts = rules::judge(&case).into_iter().map(|draft| (stamp.clone(), draft)).collect();
        Judged { drafts, lost: case.sight.history_lost }
    }
}

struct Judged {
    drafts: Vec<(FindingStamp, Allegation)>,
    /// What it was judged by is forgotten: it cannot be judged again, and so not be taken back.
    lost: bool,
}

fn upholds(said: &Finding, drafts: &[(FindingStamp, Allegation)]) -> bool {
    drafts.iter().any(|(_, d)| d.rule == said.key.rule && !is_weaker(said, d))
}
