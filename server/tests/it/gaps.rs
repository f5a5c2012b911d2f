//! What is missing of a box's chain: when it is held against the box, and what is said once it
//! came. Of moments as they are given; nothing here waits.

use protocol::names::RuleCode;
use server::store::{AlertFilter, InboxEntry, Store};

use crate::boxes::health;
use crate::place::{Chain, HOSTILE, ago, furnished};

/// A box's chain of which the second message is late.
struct Late {
    store: Store,
    missing: InboxEntry,
    chain: Chain,
}

impl Late {
    fn new(folder: &std::path::Path) -> Self {
        let store = furnished(folder);
        let mut chain = Chain::new(HOSTILE);
        let first = received(chain.link(&health()), 3_600);
        store.commit_batch(&[first], 64).unwrap();
        let missing = chain.link(&health());
        Self { store, missing, chain }
    }

    /// Further messages of the box came so many minutes ago.
    fn is_heard(&mut self, minutes_ago: impl IntoIterator<Item = i64>) {
        for minutes in minutes_ago {
            let heard = received(self.chain.link(&health()), minutes * 60);
            self.store.commit_batch(&[heard], 64).unwrap();
        }
    }

    /// As the server asks with its default of 15 minutes.
    fn gaps_raised(&self) -> u32 {
        self.store.raise_gaps(ago(900), 10, ago(0)).unwrap()
    }

    /// Step and Chinese words of what was raised of the gap, the latest last.
    fn said(&self) -> Vec<(String, String)> {
        let of_box =
            AlertFilter { device: Some(HOSTILE.to_owned()), limit: 50, ..AlertFilter::default() };
        let mut said = Vec::new();
        for alert in self.store.alerts(&of_box).unwrap() {
            let steps = self.store.finding_events(&alert.id, 50).unwrap();
            let gaps = steps.into_iter().filter(|step| step.rule == RuleCode::ChainGap);
            said.extend(gaps.map(|step| (step.revision, step.step, step.zh)));
        }
        said.sort();
        said.into_iter().map(|(_, step, zh)| (step, zh)).collect()
    }
}

fn received(mut entry: InboxEntry, seconds_ago: i64) -> InboxEntry {
    if let InboxEntry::Message(it) = &mut entry {
        it.received_at = ago(seconds_ago);
    }
    entry
}

#[test]
fn a_broker_that_was_away_makes_no_gap_of_the_box() {
    let folder = tempfile::tempdir().unwrap();
    let mut late = Late::new(folder.path());
    // One message got through before the broker died; now all comes at once, in whichever order.
    late.is_heard([50]);
    assert_eq!(late.gaps_raised(), 0, "the box was heard once since");
    late.is_heard([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    assert_eq!(late.gaps_raised(), 0, "and in two minutes in all: it sends again within six");
    late.store.commit_batch(&[late.missing.clone()], 64).unwrap();
    assert_eq!((late.gaps_raised(), late.said()), (0, Vec::new()));
}

#[test]
fn what_is_missing_while_the_box_is_heard_is_raised() {
    let folder = tempfile::tempdir().unwrap();
    let mut late = Late::new(folder.path());
    late.is_heard((0..14).rev());
    assert_eq!(late.gaps_raised(), 0, "for less than a quarter of an hour");
    let folder = tempfile::tempdir().unwrap();
    let mut late = Late::new(folder.path());
    late.is_heard((0..20).rev());
    assert_eq!(late.gaps_raised(), 1);
    assert_eq!(late.gaps_raised(), 0, "once");
    let said = late.said();
    assert!(
        matches!(said.as_slice(), [(step, zh)] if step == "opened" && zh.contains("序号 2 至 2")),
        "{said:?}"
    );
}

#[test]
fn what_came_after_all_is_said_and_judged_by_people() {
    let folder = tempfile::tempdir().unwrap();
    let mut late = Late::new(folder.path());
    late.is_heard((0..20).rev());
    assert_eq!(late.gaps_raised(), 1);
    late.store.commit_batch(&[late.missing.clone()], 64).unwrap();
    let said = late.said();
    let steps: Vec<&str> = said.iter().map(|(step, _)| step.as_str()).collect();
    assert_eq!(steps, ["opened", "withdrawn"]);
    assert!(said[1].1.contains("已补齐"), "{said:?}");
    let of_box =
        AlertFilter { device: Some(HOSTILE.to_owned()), limit: 50, ..AlertFilter::default() };
    let alerts = late.store.alerts(&of_box).unwrap();
    assert!(alerts.iter().all(|alert| alert.case.state.is_open()), "nobody dismissed it");
}
