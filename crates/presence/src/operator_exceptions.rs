//! Who at the bed is an operator after all, once everybody of a case is known: an anaesthetist
//! beside another, a companion beside a lead, somebody who takes turns with a recognised person. It
//! alleges nothing.

use crate::PersonId;
use crate::case::attendance::{Attendance, Stranger};
use crate::case::input::CaseInput;
use crate::spans::Spans;

impl Attendance<'_> {
    pub(crate) fn settle(&mut self, given: &CaseInput<'_>) {
        self.bridge_op(given);
        self.settle_anaesthesia(given);
        self.settle_companions(given);
    }

    /// Who is at the bed before and after a short look down was there in between; somebody
    /// recognised, for as long as an identity outlives being out of sight.
    fn bridge_op(&mut self, given: &CaseInput<'_>) {
        let bridge = given.knowledge.policy.op_bridge_ms();
        let recognised = bridge.max(given.knowledge.policy.break_ms());
        for seen in self.people.values_mut() {
            seen.op = seen.op.bridged(recognised);
        }
        self.activity = self.activity.bridged(bridge);
    }

    /// An anaesthetist beside another operator is not the operator; alone they are.
    fn settle_anaesthesia(&mut self, given: &CaseInput<'_>) {
        let aside: Vec<PersonId> = self
            .people
            .values()
            .filter(|s| s.info.anaesthesia && !given.is_declared(&s.info.id))
            .map(|s| s.info.id.clone())
            .collect();
        for id in aside {
            let others = self
                .people
                .iter()
                .filter(|(other, _)| **other != id)
                .flat_map(|(_, s)| s.op.iter());
            let strangers = self.strangers.iter().flat_map(|s| s.op.iter());
            let beside = Spans::from_unsorted(others.chain(strangers).collect())
                .padded(given.knowledge.policy.operating_pad_ms());
            if let Some(seen) = self.people.get_mut(&id) {
                seen.op = seen.op.minus(&beside);
            }
        }
    }

    /// A companion who came with the patient and stays at the bed while a lead works there is no
    /// operator.
    fn settle_companions(&mut self, given: &CaseInput<'_>) {
        let leads = self.op_of(|s| given.leads.contains(&s.info.id));
        let at_work = leads.bridged(given.knowledge.policy.operating_pad_ms()).padded(30_000);
        let hardly = self.perhaps_strangers.iter_mut();
        for stranger in self.strangers.iter_mut().chain(hardly).filter(|s| s.came_with_patient) {
            stranger.op = stranger.op.minus(&at_work);
        }
        self.strangers.retain(|s| !s.op.is_empty());
    }

    /// One who takes turns with a recognised person may be that person, once. Who does it again and
    /// again, with the recognised one in between, is somebody else: a doctor is not taken for a
    /// stranger twice in a session.
    pub(crate) fn settle_turns(
        &mut self,
        mut turning: Vec<Stranger>,
        doubted: &mut Vec<(u64, u64)>,
    ) {
        turning.sort_by_key(|s| s.op.first());
        let between = |a: &Stranger, b: &Stranger| {
            let (Some(from), Some(to)) = (a.op.last(), b.op.first()) else { return false };
            from < to && self.people.values().any(|s| s.op.touches(from, to))
        };
        let times = turning.windows(2).filter(|pair| between(&pair[0], &pair[1])).count();
        if times >= 2 {
            self.strangers.extend(turning);
        } else {
            doubted.extend(turning.iter().flat_map(|s| s.op.iter()));
            // It adds to what strangers beyond doubt did; alone it says nothing.
            self.perhaps_strangers.extend(turning);
        }
    }
}
