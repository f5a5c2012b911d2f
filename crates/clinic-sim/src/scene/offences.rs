//! The planted offences: what each rule exists for, plainly done.

use super::{FacePresentation, Recipe, SceneBuilder};
use crate::{Actor, Plant, Whereabouts};

/// Every offence with the rule that has to say it.
pub const OFFENCES: &[(Plant, Recipe)] = &[
    (Plant::Ll1, ("LL-1", ll1)),
    (Plant::Ll4, ("LL-4", ll4)),
    (Plant::Ll5, ("LL-5", ll5)),
    (Plant::Nl1, ("NL-1", nl1)),
    (Plant::Nl2, ("NL-2", nl2)),
    (Plant::Nl3, ("NL-3", nl3)),
    (Plant::Nl4, ("NL-4", nl4)),
    (Plant::Uq1, ("UQ-1", uq1)),
    (Plant::Uq2, ("UQ-2", uq2)),
    (Plant::Uq3, ("UQ-3", uq3)),
    (Plant::Hb3, ("HB-3", hb3)),
];

fn ll1(s: &mut SceneBuilder<'_>) {
    let (from, to) = (s.from + s.dice.between(10, 90), s.to);
    s.works("phys1", from, to);
    s.nurse_helps();
    if s.dice.chance(0.3) {
        let places = [(Whereabouts::Companion, s.from, s.to)];
        s.visit(Actor::Outsider(9), FacePresentation::Working, &places);
    }
    s.told_by(&[Actor::Staff("phys1")]);
}

fn ll4(s: &mut SceneBuilder<'_>) {
    let from = s.from + s.dice.between(10, 90);
    let long = s.dice.between(180, 500);
    s.works("lead1", from, s.to);
    s.works("lapsed", from + 60, from + 60 + long);
    s.told_by(&[Actor::Staff("lapsed")]);
}

fn ll5(s: &mut SceneBuilder<'_>) {
    let from = s.from + s.dice.between(10, 90);
    // With the way in and out less than the 45 s of the lead's own part.
    let short = s.dice.between(12, 28);
    s.works("lead1", from, from + short);
    s.works("phys1", from + short + 10, s.to);
    s.told_by(&[Actor::Staff("lead1"), Actor::Staff("phys1")]);
}

fn nl1(s: &mut SceneBuilder<'_>) {
    let from = s.from + s.dice.between(10, 90);
    s.declared().lead = Some("phys2");
    s.works("phys2", from, s.to);
    s.nurse_helps();
    s.told_by(&[Actor::Staff("phys2")]);
}

fn nl2(s: &mut SceneBuilder<'_>) {
    let from = s.from + s.dice.between(10, 90);
    s.works("nurse1", from, s.to);
    s.told_by(&[Actor::Staff("nurse1")]);
}

fn nl3(s: &mut SceneBuilder<'_>) {
    let from = s.from + s.dice.between(10, 90);
    s.works("assist", from, s.to);
    s.nurse_helps();
    s.told_by(&[Actor::Staff("assist")]);
}

fn nl4(s: &mut SceneBuilder<'_>) {
    let from = s.from + s.dice.between(10, 90);
    (s.declared().item, s.declared().lead) = (Some("rebuild"), Some("surgeon"));
    s.works("surgeon", from, s.to);
}

fn uq1(s: &mut SceneBuilder<'_>) {
    let (from, to) = (s.from + s.dice.between(10, 90), s.to);
    let half = from + s.dice.between(200, 400);
    match s.dice.between(0, 3) {
        0 => {
            s.stranger_works(from, half);
            s.works("lead1", half + 20, to);
        }
        1 => {
            s.stands_by("lead1", from, to);
            s.stranger_works(from + 20, to);
        }
        _ => s.stranger_works(from, to),
    }
    s.told_by(&[Actor::Outsider(1)]);
}

fn uq2(s: &mut SceneBuilder<'_>) {
    let from = s.from + s.dice.between(10, 90);
    let half = from + s.dice.between(420, 560);
    s.works("office", from, half);
    s.works("lead1", half + 60, s.to.max(half + 120));
    s.told_by(&[Actor::Staff("office")]);
}

fn uq3(s: &mut SceneBuilder<'_>) {
    let from = s.from + s.dice.between(10, 90);
    s.stands_by("lead1", from, s.to);
    s.works("pharm", from + 10, s.to);
    s.told_by(&[Actor::Staff("pharm")]);
}

fn hb3(s: &mut SceneBuilder<'_>) {
    let from = s.from + s.dice.between(10, 90);
    s.scene.sessions.clear();
    s.works("lead1", from, s.to);
    s.told_by(&[Actor::Staff("lead1")]);
}
