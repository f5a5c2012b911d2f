//! Ways past the rules that one session can show. Something of L1 or above must be said in most of
//! them. What only a month can tell (a face never seen, a lamp before the ring) is the server's and
//! not here.

use super::{FacePresentation, Recipe, SceneBuilder, SceneDeclaration, ScenePath, Stint};
use crate::{Actor, Whereabouts};

/// All of them.
pub const DISHONEST: &[Recipe] = &[
    ("covers of 55 s again and again", covers),
    ("unplugged for 25 min", unplugged),
    ("pieces of 170 s", pieces),
    ("bursts of 50 s", bursts),
    ("no item", |s| declared_as(s, None, Some("lead1"))),
    ("unknown item", |s| declared_as(s, Some("no-such-item"), Some("lead1"))),
    ("no lead", |s| declared_as(s, Some("filler"), None)),
    ("dummy session beside the real one", dummy),
    ("lead glimpsed at the door for 3 s", |s| lead_looks_in(s, Whereabouts::Door, 3)),
    ("lead looks in for 20 s", |s| lead_looks_in(s, Whereabouts::Elsewhere, 20)),
    ("lead comes for 60 s every 4 min", comes_and_goes),
    ("photograph of the lead", photograph),
    ("from the companion's place alone", from_the_companions_place),
    ("nurse as alibi with no lead", nurse_as_alibi),
    ("stranger takes turns with a nurse", takes_turns),
    ("stranger beside a 30 h old roster", old_roster),
    ("physician in cap, mask and goggles", goggles),
    ("patient draped after 70 s", draped),
    ("a printed face at the bed", print),
    ("stranger all alone", stranger_alone),
    ("stranger beside the lead", stranger_beside),
    ("nobody declared", undeclared),
    ("one cover of 50 s, a nurse alone", one_cover),
    ("covers of 55 s in a short session", covers_in_short),
    ("lead glimpsed at the door, a nurse alone", |s| nurse_beside(s, Whereabouts::Door, 3)),
    ("lead looks in for 20 s, a nurse alone", |s| nurse_beside(s, Whereabouts::Elsewhere, 20)),
    ("lead looks in for 20 s, an assistant alone", assistant_alone),
    ("portrait in view, a nurse alone", |s| portrait(s, Whereabouts::Elsewhere)),
    ("portrait beside the bed, a nurse alone", |s| portrait(s, Whereabouts::Operator)),
    ("photograph of the lead that is live now and then", lively_photograph),
    ("unplugged for 5 min, a nurse alone", unplugged_nurse),
    ("dummy session from the middle on", dummy_later),
    ("stranger comes after the drape", after_the_drape),
    ("bursts of 50 s of somebody of the office", |s| bursts_of(s, "office")),
    ("bursts of 50 s of a physician whose registration ended", |s| bursts_of(s, "lapsed")),
    ("doorway, the lead checks in and goes", checks_in_and_goes),
];

fn physician_alone(s: &mut SceneBuilder<'_>) {
    let from = s.from + s.dice.between(10, 60);
    s.works("phys1", from, s.to);
    s.nurse_helps();
}

fn nurse_alone(s: &mut SceneBuilder<'_>) {
    let from = s.from + s.dice.between(10, 60);
    s.works("nurse1", from, s.to);
}

fn one_cover(s: &mut SceneBuilder<'_>) {
    nurse_alone(s);
    let at = s.from + s.dice.between(100, 400);
    s.scene.covers.push((at, at + 50));
}

fn covers_in_short(s: &mut SceneBuilder<'_>) {
    s.to = s.from + 900;
    s.scene.patients = vec![(s.from, s.to)];
    s.declared().end = s.to + 60;
    s.scene.act = (s.from, s.to);
    nurse_alone(s);
    let mut at = s.from + 10;
    while at + 55 < s.to {
        s.scene.covers.push((at, at + 55));
        at += 110;
    }
}

fn nurse_beside(s: &mut SceneBuilder<'_>, zone: Whereabouts, long: u32) {
    nurse_alone(s);
    looks_in(s, zone, long);
}

fn assistant_alone(s: &mut SceneBuilder<'_>) {
    let from = s.from + s.dice.between(10, 60);
    s.works("assist", from, s.to);
    looks_in(s, Whereabouts::Elsewhere, 20);
}

/// A picture of nobody of the house hangs in view all the time.
fn portrait(s: &mut SceneBuilder<'_>, zone: Whereabouts) {
    nurse_alone(s);
    let stints =
        vec![Stint { from: s.from - 600, to: s.to + 600, zone, pose: FacePresentation::Picture }];
    s.scene.people.push(ScenePath { who: Actor::Outsider(8), stints, witnessed: false });
}

fn lively_photograph(s: &mut SceneBuilder<'_>) {
    nurse_alone(s);
    let (from, to) = (s.from + 20, s.to);
    let stints =
        vec![Stint { from, to, zone: Whereabouts::Elsewhere, pose: FacePresentation::LivelyPhoto }];
    s.scene.people.push(ScenePath { who: Actor::Staff("lead1"), stints, witnessed: false });
}

fn unplugged_nurse(s: &mut SceneBuilder<'_>) {
    nurse_alone(s);
    let at = s.from + s.dice.between(60, 200);
    s.scene.unplugged.push((at, at + 310));
}

/// A surgeon's session in which nobody works before the dummy begins.
fn dummy_later(s: &mut SceneBuilder<'_>) {
    (s.declared().item, s.declared().lead) = (Some("lift"), Some("surgeon"));
    let (start, end) = (s.declared().start, s.declared().end);
    let from = start + (end - start) * s.dice.between(50, 65) / 100;
    let (item, lead) = (Some("filler"), Some("lead1"));
    let (to, operators) = (from + 1_500, Vec::new());
    s.scene.sessions.push(SceneDeclaration {
        number: 1,
        item,
        lead,
        operators,
        start: from,
        end: to,
    });
    s.scene.patients = vec![(from, to - 60)];
    s.works("lead1", from + 10, to - 60);
}

fn after_the_drape(s: &mut SceneBuilder<'_>) {
    s.scene.draped = Some(s.from + 90);
    s.works("lead1", s.from + 10, s.from + 85);
    s.stranger_works(s.from + 150, s.to);
}

fn covers(s: &mut SceneBuilder<'_>) {
    physician_alone(s);
    let mut at = s.from + 30;
    while at + 55 < s.to {
        s.scene.covers.push((at, at + 55));
        at += 55 + s.dice.between(8, 25);
    }
}

fn unplugged(s: &mut SceneBuilder<'_>) {
    s.to = s.from + 1_620;
    s.scene.patients = vec![(s.from, s.to)];
    s.declared().end = s.to + 60;
    s.scene.act = (s.from, s.to);
    physician_alone(s);
    s.scene.unplugged.push((s.from + 50, s.from + 50 + 1_500));
}

fn pieces(s: &mut SceneBuilder<'_>) {
    let first = s.from;
    s.scene.sessions.clear();
    s.scene.patients.clear();
    for number in 0..5 {
        let from = first + number * 290;
        s.scene.patients.push((from, from + 170));
        s.works("phys1", from + 2, from + 168);
        let (item, lead) = (Some("filler"), Some("lead1"));
        s.scene.sessions.push(SceneDeclaration {
            number,
            item,
            lead,
            operators: Vec::new(),
            start: from,
            end: from + 170,
        });
    }
}

fn bursts(s: &mut SceneBuilder<'_>) {
    s.stands_by("lead1", s.from + 10, s.to);
    let mut at = s.from + 20;
    while at + 50 < s.to {
        s.stranger_works(at, at + 50);
        at += 50 + s.dice.between(75, 100);
    }
}

fn bursts_of(s: &mut SceneBuilder<'_>, who: &'static str) {
    s.stands_by("lead1", s.from + 10, s.to);
    let mut at = s.from + 20;
    while at + 50 < s.to {
        s.works(who, at, at + 50);
        at += 50 + s.dice.between(75, 100);
    }
}

fn declared_as(s: &mut SceneBuilder<'_>, item: Option<&'static str>, lead: Option<&'static str>) {
    (s.declared().item, s.declared().lead) = (item, lead);
    physician_alone(s);
}

fn dummy(s: &mut SceneBuilder<'_>) {
    // A dermatologist operates at surgery; a session of the own specialty runs beside it.
    (s.declared().item, s.declared().lead) = (Some("lift"), Some("surgeon"));
    let (start, end) = (s.declared().start, s.declared().end);
    let (item, lead) = (Some("filler"), Some("lead1"));
    s.scene.sessions.push(SceneDeclaration {
        number: 1,
        item,
        lead,
        operators: Vec::new(),
        start: start + 1,
        end,
    });
    let from = s.from + s.dice.between(10, 60);
    s.works("lead1", from, s.to);
    s.nurse_helps();
}

fn lead_looks_in(s: &mut SceneBuilder<'_>, zone: Whereabouts, long: u32) {
    physician_alone(s);
    looks_in(s, zone, long);
}

fn looks_in(s: &mut SceneBuilder<'_>, zone: Whereabouts, long: u32) {
    let at = s.from + s.dice.between(60, 400);
    if zone == Whereabouts::Door {
        let stints = vec![Stint { from: at, to: at + long, zone, pose: FacePresentation::Working }];
        s.scene.people.push(ScenePath { who: Actor::Staff("lead1"), stints, witnessed: false });
    } else {
        s.stands_by("lead1", at, at + long);
    }
}

fn comes_and_goes(s: &mut SceneBuilder<'_>) {
    physician_alone(s);
    let mut at = s.from + 30;
    while at + 60 < s.to {
        s.stands_by("lead1", at, at + 60);
        at += 240;
    }
}

fn photograph(s: &mut SceneBuilder<'_>) {
    physician_alone(s);
    let stints = vec![Stint {
        from: s.from + 20,
        to: s.to,
        zone: Whereabouts::Elsewhere,
        pose: FacePresentation::Photo,
    }];
    s.scene.people.push(ScenePath { who: Actor::Staff("lead1"), stints, witnessed: false });
}

fn from_the_companions_place(s: &mut SceneBuilder<'_>) {
    let places = [(Whereabouts::Companion, s.from + 10, s.to)];
    s.visit(Actor::Outsider(1), FacePresentation::Working, &places);
}

fn nurse_as_alibi(s: &mut SceneBuilder<'_>) {
    s.works("nurse1", s.from + 5, s.to);
    s.stranger_works(s.from + 15, s.to);
}

fn takes_turns(s: &mut SceneBuilder<'_>) {
    let mut at = s.from + 10;
    while at + 150 < s.to {
        s.works("nurse1", at, at + 60);
        s.stranger_works(at + 65, at + 145);
        at += 155;
    }
}

fn old_roster(s: &mut SceneBuilder<'_>) {
    s.scene.roster_age_h = 30;
    s.stranger_works(s.from + 10, s.to);
}

fn goggles(s: &mut SceneBuilder<'_>) {
    let places = [(Whereabouts::Operator, s.from + 10, s.to)];
    s.visit(Actor::Staff("phys1"), FacePresentation::Covered, &places);
}

fn draped(s: &mut SceneBuilder<'_>) {
    physician_alone(s);
    s.scene.draped = Some(s.from + 70);
}

fn print(s: &mut SceneBuilder<'_>) {
    s.works("phys1", s.from + 10, s.to);
    let places = [
        (Whereabouts::Elsewhere, s.from + 20, s.from + 60),
        (Whereabouts::Operator, s.from + 60, s.to),
    ];
    s.visit(Actor::Outsider(3), FacePresentation::Picture, &places);
}

fn stranger_alone(s: &mut SceneBuilder<'_>) {
    s.stranger_works(s.from + 10, s.to);
}

fn stranger_beside(s: &mut SceneBuilder<'_>) {
    s.works("lead1", s.from + 5, s.to);
    let from = s.from + s.dice.between(60, 200);
    s.stranger_works(from, from + 300);
}

fn undeclared(s: &mut SceneBuilder<'_>) {
    s.scene.sessions.clear();
    s.works("phys1", s.from + 10, s.to);
}

/// A third of the time that the lead's own part takes at least.
fn checks_in_and_goes(s: &mut SceneBuilder<'_>) {
    let part = s.behind_the_door();
    let from = s.from + s.dice.between(10, 60);
    s.passes("surgeon", from, from + (part * 3 / 10).max(75));
}
