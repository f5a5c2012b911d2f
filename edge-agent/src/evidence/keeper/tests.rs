//! A box's items from the seal to their end, over restarts in every state, and against hostile
//! orders. The pictures are noise; the keys are the fixture's.

mod kills;

use std::sync::mpsc::{Receiver, channel};

use evidence::fixture::Office;
use evidence::{Candidates, FrameFace, MaskedFrame, RectPx, SealedPicture};
use protocol::evidence::{
    CustodianRole, EvidenceAct, EvidenceDeed, EvidenceKind, FindingStanding, Hold, LeadStanding,
    QUOTA_BYTES, ReleaseOrder,
};
use tempfile::TempDir;

use super::released::MOST_DEEDS;
use super::*;
use crate::evidence::upload_errand::ErrandOutcome;

const FINDING: &str = "0123456789abcdef0123456789abcdef";

fn at(hour: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + hour * 3600).unwrap()
}

fn device() -> DeviceId {
    "box-1".parse().unwrap()
}

fn made() -> Manifest {
    Manifest {
        firmware: "test".into(),
        pack: "avatar".into(),
        pack_sha256: String::new(),
        config_sha256: String::new(),
        policy_sha256: String::new(),
        policy_version: 0,
        roster_version: 0,
        liveness_waived: false,
    }
}

/// A box whose power may go between any two calls.
struct Box1 {
    office: Office,
    dir: TempDir,
    keeper: Keeper,
    errands: Receiver<Errand>,
    said: Vec<Up>,
}

impl Box1 {
    fn new() -> Self {
        Self::with_quota(QUOTA_BYTES)
    }

    fn with_quota(quota: u64) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let keeper = Keeper::open(dir.path(), device(), PictureSource::Drawn, quota).unwrap();
        let (sender, errands) = channel();
        let mut it = Self { office: Office::new(), dir, keeper, errands, said: Vec::new() };
        it.keeper.send_by(sender);
        it.keeper.believe(&it.office.roll).unwrap();
        it
    }

    /// The power goes, and comes back. What the server said last is in force again.
    fn killed(&mut self) {
        let quota = self.keeper.quota_bytes;
        let orders = self.keeper.orders.clone();
        self.keeper = Keeper::open(self.dir.path(), device(), PictureSource::Drawn, quota).unwrap();
        let (sender, errands) = channel();
        self.errands = errands;
        self.keeper.send_by(sender);
        self.keeper.believe(&self.office.roll).unwrap();
        self.act(|keeper, say| {
            keeper.obey(&orders, at(1), say);
            keeper.resume(&made(), say);
        });
    }

    fn act(&mut self, act: impl FnOnce(&mut Keeper, &mut dyn FnMut(Up))) {
        let said = &mut self.said;
        act(&mut self.keeper, &mut |up| said.push(up));
    }

    fn pictures(&self, finding: &str) -> Vec<SealedPicture> {
        let data: Vec<u8> = (0..160 * 120 * 3).map(|n| (n * 31 % 251) as u8).collect();
        let place = RectPx { x: 40, y: 40, width: 30, height: 30 };
        let mut candidates = Candidates::default();
        candidates.look(MaskedFrame {
            data: &data,
            bgr: false,
            width: 160,
            height: 120,
            mono_ms: 0,
            wall_ms: 0,
            faces: &[FrameFace { track: 1, place, quality_ppm: Some(1) }],
        });
        let to = self.keeper.seal_to().unwrap();
        let covered = candidates.take(finding, &[1]);
        covered.into_iter().map(|c| c.seal(&device(), finding, None, "t", &to).unwrap()).collect()
    }

    fn takes(&mut self, finding: &str, severity: Severity, hour: i64) -> Vec<SealedPicture> {
        let pictures = self.pictures(finding);
        let seq = u64::try_from(hour).unwrap() + 1;
        self.keeper.asked(finding, severity, seq);
        let taken =
            TakenPictures { finding_id: finding.into(), pictures: pictures.clone(), left_out: 0 };
        self.act(|keeper, say| keeper.take(taken, &made(), at(hour), say));
        pictures
    }

    #[expect(clippy::needless_pass_by_value, reason = "each list is made for one call")]
    fn obeys(&mut self, orders: EvidenceOrders, hour: i64) {
        self.act(|keeper, say| keeper.obey(&orders, at(hour), say));
    }

    fn release(&self, items: &[SealedPicture]) -> ReleaseOrder {
        let items: Vec<EvidenceId> = items.iter().map(|p| p.item.id.clone()).collect();
        self.office.release("order-1", &device(), FINDING, &items, at(0))
    }

    fn steps(&self) -> Vec<(EvidenceStep, Option<String>)> {
        let step = |up: &Up| match up {
            Up::EvidenceReceipt(receipt) => Some((receipt.step, receipt.reason.clone())),
            _ => None,
        };
        self.said.iter().filter_map(step).collect()
    }

    /// Each item of each manifest that was told, once.
    fn told(&self) -> BTreeSet<EvidenceId> {
        let items = |up: &Up| match up {
            Up::EvidenceManifest(manifest) => {
                manifest.items.iter().map(|item| item.id.clone()).collect::<Vec<_>>()
            }
            _ => Vec::new(),
        };
        self.said.iter().flat_map(items).collect()
    }

    fn files(&self) -> usize {
        let entries = std::fs::read_dir(super::super::store::folder(self.dir.path())).unwrap();
        entries.filter(|e| e.as_ref().unwrap().file_name() != "book.json").count()
    }
}

fn releases(order: ReleaseOrder) -> EvidenceOrders {
    EvidenceOrders { releases: vec![order], ..EvidenceOrders::default() }
}

fn stands(finding: &str, standing: LeadStanding, hour: i64) -> EvidenceOrders {
    let since = format!("{:.3}", at(hour));
    let standing = FindingStanding { finding_id: finding.into(), standing, since };
    EvidenceOrders { standings: vec![standing], ..EvidenceOrders::default() }
}

#[test]
fn a_finding_leaves_sealed_items_a_manifest_and_nothing_else() {
    let mut it = Box1::new();
    let pictures = it.takes(FINDING, Severity::L2, 0);
    let kinds: Vec<_> = pictures.iter().map(|p| p.item.kind).collect();
    assert_eq!(kinds, [EvidenceKind::SubjectCrop, EvidenceKind::SceneView]);
    assert_eq!(it.told().len(), 2);
    assert_eq!(it.files(), 4, "two ciphertexts and two records");
    for file in std::fs::read_dir(super::super::store::folder(it.dir.path())).unwrap() {
        let bytes = std::fs::read(file.unwrap().path()).unwrap();
        assert!(image::guess_format(&bytes).is_err());
        assert!(!bytes.windows(4).any(|w| w == b"\xFF\xD8\xFF\xE0"));
    }
}

#[test]
fn a_finding_after_its_sessions_end_has_no_pictures() {
    let mut it = Box1::new();
    it.keeper.asked(FINDING, Severity::L2, 1);
    let taken = TakenPictures { finding_id: FINDING.into(), pictures: Vec::new(), left_out: 0 };
    it.act(|keeper, say| keeper.take(taken, &made(), at(0), say));
    assert_eq!((it.told().len(), it.files()), (0, 0));
}

#[test]
fn a_ciphertext_without_a_record_is_removed() {
    let mut it = Box1::new();
    let pictures = it.takes(FINDING, Severity::L2, 0);
    let folder = super::super::store::folder(it.dir.path());
    std::fs::write(folder.join("aa.sealed"), b"half written").unwrap();
    let gone = &pictures[0].item.id;
    std::fs::write(folder.join(format!("{gone}.sealed")), b"cut").unwrap();
    it.killed();
    assert!(!folder.join("aa.sealed").exists());
    assert_eq!(it.steps(), [(EvidenceStep::Lost, Some("its ciphertext is gone".to_owned()))]);
    assert_eq!(it.keeper.held(at(1)).items, 1);
}

#[test]
fn an_order_that_does_not_hold_sends_nothing() {
    let mut it = Box1::new();
    let pictures = it.takes(FINDING, Severity::L2, 0);
    let mut order = it.release(&pictures);
    order.case = "another case".into();
    it.obeys(releases(order.clone()), 0);
    it.obeys(releases(order), 0);
    let steps = it.steps();
    assert_eq!(steps.len(), 1);
    assert!(steps[0].0 == EvidenceStep::Refused && steps[0].1.as_ref().unwrap().contains("sup-1"));
    assert_eq!(it.errands.try_iter().count(), 0);
    // The honest one goes, the same list again changes nothing, its id under another text is a
    // replay.
    it.obeys(releases(it.release(&pictures)), 0);
    it.obeys(releases(it.release(&pictures)), 1);
    assert_eq!(it.errands.try_iter().count(), 2);
    let mut replay = it.release(&pictures);
    replay.case = "another case".into();
    it.obeys(releases(it.office.sign(replay).unwrap()), 1);
    assert_eq!(it.errands.try_iter().count(), 0);
    assert!(it.steps().last().unwrap().1.as_ref().unwrap().contains("replay"));
}

#[test]
fn what_the_server_refused_goes_again_with_its_next_list() {
    let mut it = Box1::new();
    let pictures = it.takes(FINDING, Severity::L2, 0);
    let order = it.release(&pictures);
    it.obeys(releases(order.clone()), 0);
    let sent: Vec<Errand> = it.errands.try_iter().collect();
    assert_eq!(sent.len(), 2);
    let why = ErrandOutcome::Refused("403 no opening waits for it".into());
    it.act(|keeper, say| keeper.carried(&sent[0].id, &order.order, why, say));
    assert!(it.keeper.complaint().unwrap().contains("403"));
    it.obeys(releases(order.clone()), 1);
    let again: Vec<Errand> = it.errands.try_iter().collect();
    assert_eq!(again, sent[..1], "the other one is still on its way");
    it.act(|keeper, say| keeper.carried(&sent[0].id, &order.order, ErrandOutcome::Delivered, say));
    assert_eq!(it.keeper.complaint(), None, "it came");
    it.obeys(releases(order), 1);
    assert_eq!(it.errands.try_iter().count(), 0);
}

#[test]
fn a_box_without_custodians_takes_and_releases_nothing() {
    let mut it = Box1::new();
    let pictures = it.takes(FINDING, Severity::L2, 0);
    let order = it.release(&pictures);
    it.keeper.roll = None;
    assert!(it.keeper.seal_to().is_none());
    it.obeys(releases(order), 0);
    assert_eq!(it.errands.try_iter().count(), 0);
}

#[test]
fn a_policy_that_says_no_takes_nothing() {
    let mut it = Box1::new();
    it.office.roll.policy.enabled = false;
    it.keeper.believe(&it.office.roll.clone()).unwrap();
    assert!(it.keeper.seal_to().is_none());
}

#[test]
fn what_was_pinned_outlives_the_servers_word() {
    let mut it = Box1::new();
    let mut hostile = Office::new();
    hostile.supervisor.key = trust::SigningKey::from_bytes(&[0x77; 32]);
    let founder = hostile.supervisor.line(Office::JURISDICTION, &hostile.supervisor).unwrap();
    hostile.roll.custodians[0] = founder;
    it.killed();
    let refused = it.keeper.believe(&hostile.roll).unwrap_err();
    assert!(refused.contains("sup-1"), "{refused}");
    assert!(it.keeper.believe(&it.office.roll.clone()).is_ok());
}

#[test]
fn a_roll_changed_on_the_disk_lets_nobody_new_in() {
    let mut it = Box1::new();
    let mut kept = it.office.roll.clone();
    kept.custodians[0].vouched.sig = "AAAA".to_owned();
    it.keeper.store.book.custodians = Some(kept);
    it.keeper.store.save_book().unwrap();
    let state = it.dir.path().to_owned();
    let mut keeper = Keeper::open(&state, device(), PictureSource::Drawn, u64::MAX).unwrap();
    let refused = keeper.believe(&Office::new().roll).unwrap_err();
    assert!(refused.contains("set up anew") && keeper.seal_to().is_none(), "{refused}");
}

#[test]
fn pictures_off_is_obeyed_where_the_roll_is_refused() {
    let mut it = Box1::new();
    let mut told = it.office.roll.clone();
    told.custodians.remove(0);
    told.policy.enabled = false;
    assert!(it.keeper.believe(&told).is_err());
    assert!(it.keeper.seal_to().is_none(), "pictures are taken on");
}

#[test]
fn an_item_ends_when_its_finding_does_with_a_tombstone() {
    for (orders, ends_at, why) in [
        (EvidenceOrders::default(), 30 * 24, "undecided for too long"),
        (stands(FINDING, LeadStanding::Dismissed, 10), 34, "dismissed"),
        (stands(FINDING, LeadStanding::Unfounded, 10), 34, "unfounded"),
        (stands(FINDING, LeadStanding::Closed, 10), 10, "the case is closed"),
    ] {
        let mut it = Box1::new();
        it.takes(FINDING, Severity::L2, 0);
        it.obeys(orders.clone(), ends_at - 1);
        let early = if why == "the case is closed" { 0 } else { it.keeper.held(at(0)).items };
        assert!(early == 2 || why == "the case is closed", "{why}: gone too early");
        it.obeys(orders, ends_at);
        assert_eq!(it.keeper.held(at(0)).items, 0, "{why}");
        assert_eq!(it.files(), 0, "{why}: a file is left");
        assert_eq!(it.steps(), vec![(EvidenceStep::Deleted, Some(why.to_owned())); 2]);
    }
}

#[test]
fn a_case_and_a_hold_keep() {
    let mut it = Box1::new();
    it.takes(FINDING, Severity::L2, 0);
    it.obeys(stands(FINDING, LeadStanding::Case, 1), 24 * 400);
    assert_eq!(it.keeper.held(at(0)).items, 2, "a case is open for a year");
    let hold = Hold {
        reference: "lead-7".into(),
        until: format!("{:.3}", at(100)),
        day: Some("2026-09-21".into()),
        findings: vec![FINDING.into()],
    };
    let mut orders = stands(FINDING, LeadStanding::Dismissed, 0);
    orders.holds.push(hold);
    it.obeys(orders, 99);
    assert_eq!(it.keeper.held(at(99)).holds, ["lead-7"]);
    assert_eq!(it.keeper.held_days(at(99)).len(), 1);
    assert_eq!(it.keeper.held(at(0)).items, 2);
    it.act(|keeper, say| keeper.sweep(at(100), say));
    assert_eq!(it.keeper.held(at(0)).items, 0, "a hold that is over keeps");
}

#[test]
fn a_full_quota_gives_up_the_oldest_undecided_l2_first() {
    let size: u64 = {
        let it = Box1::new();
        it.pictures(FINDING).iter().map(|p| p.item.bytes).sum()
    };
    let mut it = Box1::with_quota(3 * size + 200);
    it.takes("oldest-l3", Severity::L3, 0);
    it.takes("older-l2", Severity::L2, 1);
    it.takes("newer-l2", Severity::L2, 2);
    it.takes("next", Severity::L3, 3);
    let left: BTreeSet<String> =
        it.keeper.store.held().map(|held| held.finding_id.clone()).collect();
    assert!(!left.contains("older-l2") && left.len() == 3, "{left:?}");
    assert_eq!(it.keeper.held(at(3)).given_up, 2);
    assert!(it.steps().iter().all(|step| step.1.as_deref() == Some("given up for the quota")));
    // What is all held by cases makes no room: the new ones find none, and are counted.
    let standings = left.iter().flat_map(|f| stands(f, LeadStanding::Case, 3).standings).collect();
    it.obeys(EvidenceOrders { standings, ..EvidenceOrders::default() }, 3);
    it.takes("too-late", Severity::L3, 4);
    assert_eq!(it.keeper.store.of_finding("too-late").len(), 0);
    assert_eq!(it.keeper.held(at(3)).given_up, 4);
}

#[test]
fn a_correction_ends_pictures_only_while_unseen() {
    let mut it = Box1::new();
    it.takes(FINDING, Severity::L2, 0);
    it.act(|keeper, say| keeper.corrected(FINDING, |_| false, say));
    assert_eq!(it.keeper.held(at(0)).items, 2, "the server has it: two people decide");
    it.act(|keeper, say| keeper.corrected(FINDING, |seq| seq == 1, say));
    assert_eq!(it.keeper.held(at(0)).items, 0);
}

/// The clinic has the box in its hands, and its clock with it.
#[test]
fn a_clock_set_forward_ends_no_picture_and_no_hold() {
    let hold = Hold {
        reference: "lead-7".into(),
        until: format!("{:.3}", at(24 * 90)),
        day: None,
        findings: vec![FINDING.into()],
    };
    let held = EvidenceOrders { holds: vec![hold], ..EvidenceOrders::default() };
    for orders in [EvidenceOrders::default(), held, stands(FINDING, LeadStanding::Dismissed, 1)] {
        for synchronised in [true, false] {
            let mut it = Box1::new();
            it.takes(FINDING, Severity::L2, 0);
            it.keeper.believe_clock(synchronised);
            it.keeper.server_said(at(2));
            it.keeper.server_said(at(1));
            it.obeys(orders.clone(), 0);
            it.act(|keeper, say| keeper.sweep(at(24 * 365), say));
            let ended = orders.standings.len() == 1 && synchronised;
            assert_eq!(it.keeper.held(at(0)).items, if ended { 0 } else { 2 }, "{orders:?}");
            assert_eq!(it.keeper.held(at(24 * 365)).holds.len(), orders.holds.len());
            // The server speaks again, a year later: what is over ends.
            it.keeper.server_said(at(24 * 365));
            it.act(|keeper, say| keeper.sweep(at(24 * 365), say));
            assert_eq!(it.keeper.held(at(0)).items, 0);
        }
    }
}

#[test]
fn a_clock_wrong_at_the_seal_ends_nothing_early_or_late() {
    let days = |n: i64| at(24 * n);
    for (sealed_by, synchronised) in [(-9000, false), (-9000, true), (9000, false)] {
        let mut it = Box1::new();
        it.keeper.believe_clock(synchronised);
        it.keeper.server_said(days(0));
        let pictures = it.pictures(FINDING);
        it.keeper.asked(FINDING, Severity::L2, 1);
        let taken = TakenPictures { finding_id: FINDING.into(), pictures, left_out: 0 };
        it.act(|keeper, say| keeper.take(taken, &made(), days(sealed_by), say));
        // The clock is set right, and the server speaks.
        it.keeper.believe_clock(true);
        for (day, left) in [(1, 2), (29, 2), (61, 0)] {
            it.keeper.server_said(days(day));
            it.act(|keeper, say| keeper.sweep(days(day), say));
            assert_eq!(it.keeper.held(days(day)).items, left, "{sealed_by} {synchronised} {day}");
        }
    }
}

#[test]
fn a_box_that_nobody_told_the_time_ends_nothing_by_it() {
    let mut it = Box1::new();
    it.takes(FINDING, Severity::L2, 0);
    it.keeper.believe_clock(false);
    it.act(|keeper, say| keeper.sweep(at(24 * 365), say));
    assert_eq!(it.keeper.held(at(0)).items, 2);
}

fn deed(act: EvidenceAct, at: &str) -> EvidenceDeed {
    EvidenceDeed {
        order: "order-1".parse().unwrap(),
        finding_id: FINDING.to_owned(),
        act,
        by: CustodianRole::Supervisor,
        at: at.to_owned(),
        item: None,
    }
}

/// Request, refusal and look happen at the server; the chain that nobody can shorten is the box's.
#[test]
fn what_people_did_is_in_the_chain_once() {
    let mut it = Box1::new();
    let tell = |deeds: &[EvidenceDeed]| EvidenceOrders {
        deeds: deeds.to_vec(),
        ..EvidenceOrders::default()
    };
    let noted = |it: &Box1| -> Vec<EvidenceDeed> {
        let deed = |up: &Up| match up {
            Up::EvidenceReceipt(it) if it.step == EvidenceStep::Noted => it.deed.clone(),
            _ => None,
        };
        it.said.iter().filter_map(deed).collect()
    };
    let asked = deed(EvidenceAct::Requested, "2026-09-21T00:00:00.000Z");
    let looked = deed(EvidenceAct::Looked, "2026-09-21T02:00:00.000Z");
    it.obeys(tell(std::slice::from_ref(&asked)), 0);
    it.obeys(tell(&[asked.clone(), looked.clone()]), 0);
    it.keeper.orders = tell(&[asked.clone(), looked.clone()]);
    it.killed();
    assert_eq!(noted(&it), [asked, looked], "each once, over a power cut");
    // The server knows: the list is empty, and nothing is kept of it.
    it.obeys(tell(&[]), 1);
    assert_eq!(it.keeper.store.book.noted.len(), 0);
}

#[test]
fn a_list_without_end_writes_a_bounded_number_of_deeds() {
    let mut it = Box1::new();
    let deeds = (0..2 * MOST_DEEDS).map(|n| deed(EvidenceAct::Looked, &format!("{n:06}")));
    it.obeys(EvidenceOrders { deeds: deeds.collect(), ..EvidenceOrders::default() }, 0);
    assert_eq!(it.said.len(), MOST_DEEDS);
}
