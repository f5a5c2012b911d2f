//! The power goes in every state of an item, and in the middle of a step.

use super::*;

#[test]
fn a_kill_in_every_state_loses_and_doubles_nothing() {
    let mut it = Box1::new();
    // Sealed, and killed before the manifest: told after the start.
    let pictures = it.pictures(FINDING);
    for picture in &pictures {
        let held = HeldPicture {
            finding_id: FINDING.into(),
            severity: Severity::L2,
            finding_seq: 1,
            sealed_at_ms: at(0).as_millisecond(),
            item: picture.item.clone(),
            stage: HeldStage::Sealed,
        };
        it.keeper.store.put(picture, held).unwrap();
    }
    it.killed();
    let ids: BTreeSet<EvidenceId> = pictures.iter().map(|p| p.item.id.clone()).collect();
    assert_eq!(it.told(), ids);
    let manifests = it.said.len();
    it.killed();
    assert_eq!(it.said.len(), manifests, "a told manifest is told again");
    // Released, and killed with the ciphertext on its way: it goes again, and once is enough.
    it.obeys(releases(it.release(&pictures)), 0);
    it.killed();
    let errands: Vec<Errand> = it.errands.try_iter().collect();
    assert_eq!(errands.len(), 2);
    assert_eq!(it.steps(), [(EvidenceStep::Released, None)], "said twice, or never");
    for errand in &errands {
        let (id, order) = (errand.id.clone(), errand.order.clone());
        it.act(|keeper, say| keeper.carried(&id, &order, ErrandOutcome::Delivered, say));
    }
    // Delivered, and killed: nothing goes again.
    it.killed();
    assert_eq!(it.errands.try_iter().count(), 0);
    assert_eq!(it.steps().iter().filter(|s| s.0 == EvidenceStep::Delivered).count(), 2);
    assert_eq!(it.told(), ids);
}

#[test]
fn a_kill_in_the_middle_of_a_release_releases_the_rest() {
    let mut it = Box1::new();
    let pictures = it.takes(FINDING, Severity::L2, 0);
    let order = it.release(&pictures);
    // One item is marked, the other is not, and the order is not written down yet.
    let stage = HeldStage::Released { order: order.order.clone() };
    it.keeper.store.advance(&pictures[0].item.id, stage).unwrap();
    it.keeper.orders = releases(order);
    it.killed();
    let out: BTreeSet<EvidenceId> = it.errands.try_iter().map(|errand| errand.id).collect();
    assert_eq!(out, pictures.iter().map(|p| p.item.id.clone()).collect());
    assert_eq!(it.steps(), [(EvidenceStep::Released, None)]);
}

#[test]
fn a_kill_between_the_word_and_the_mark_says_it_again() {
    let mut it = Box1::new();
    let pictures = it.takes(FINDING, Severity::L2, 0);
    it.obeys(releases(it.release(&pictures)), 0);
    let errand = it.errands.try_iter().next().unwrap();
    let released = it.keeper.store.get(&errand.id).unwrap().stage.clone();
    it.act(|keeper, say| keeper.carried(&errand.id, &errand.order, ErrandOutcome::Delivered, say));
    // The chain has the word, the disk has not.
    it.keeper.store.advance(&errand.id, released).unwrap();
    it.killed();
    assert!(it.errands.try_iter().any(|again| again.id == errand.id), "it is never delivered");
    it.act(|keeper, say| keeper.carried(&errand.id, &errand.order, ErrandOutcome::Delivered, say));
    let delivered = it.steps().iter().filter(|s| s.0 == EvidenceStep::Delivered).count();
    assert_eq!(delivered, 2, "said again, and not lost");
}
