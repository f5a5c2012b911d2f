//! Lawful scenes that look like offences to a hasty rule. Nothing of L2 or above may be said of
//! any.

use super::{FacePresentation, Recipe, SceneBuilder, SceneDeclaration, ScenePath, Stint};
use crate::{Actor, Whereabouts};

/// All of them.
pub const LAWFUL: &[Recipe] = &[
    ("lead and nurse", lead_and_nurse),
    ("lead steps out for two minutes", steps_out),
    ("lead guides a physician", guides),
    ("two leads alternate", alternate),
    ("companion comes near", companion_near),
    ("trainee under the lead", trainee),
    ("anaesthetist at the head end", |s| anaesthetist(s, FacePresentation::Working)),
    ("patient stands at the bed first", stands_first),
    ("cleaner at the empty bed", cleaner),
    ("lead with the back turned", |s| lead_in(s, FacePresentation::Away)),
    ("lead badly seen", |s| lead_in(s, FacePresentation::Poor)),
    ("anaesthetist badly seen", |s| anaesthetist(s, FacePresentation::Poor)),
    ("lead injects for 90 s", injects),
    ("lead instructs for 3 min", instructs),
    ("portrait on the wall", |s| picture(s, Whereabouts::Elsewhere)),
    ("phone in view", |s| picture(s, Whereabouts::Companion)),
    ("companion holds the hand", holds_the_hand),
    ("patient at the mirror", mirror),
    ("engineer with a witnessed check-in", engineer),
    ("two sessions in a row", in_a_row),
    ("another lead in place", another_lead),
    ("box restarted before", |s| restarted(s, false)),
    ("box restarted in the middle", |s| restarted(s, true)),
    ("portrait beside the bed", |s| picture(s, Whereabouts::Operator)),
    ("phone in a moving hand", phone),
    ("another lead injects for 90 s", another_lead_injects),
    ("patient gets up half-way", gets_up),
    ("lead badly seen at the door, then the back turned", turned_throughout),
    ("doorway, the lead goes out twice", goes_out_twice),
];

fn lead_and_nurse(s: &mut SceneBuilder<'_>) {
    let from = s.from + s.dice.between(10, 90);
    s.works("lead1", from, s.to);
    s.nurse_helps();
}

fn steps_out(s: &mut SceneBuilder<'_>) {
    let from = s.from + s.dice.between(10, 90);
    let middle = from.midpoint(s.to);
    s.works("lead1", from, middle);
    s.works("lead1", middle + 120, s.to);
    s.works("phys1", from + 30, s.to);
}

fn guides(s: &mut SceneBuilder<'_>) {
    let from = s.from + s.dice.between(10, 90);
    s.stands_by("lead1", from, s.to + 20);
    s.works("phys1", from + 20, s.to);
}

fn alternate(s: &mut SceneBuilder<'_>) {
    let from = s.from + s.dice.between(10, 90);
    let middle = from.midpoint(s.to);
    s.works("lead1", from, middle);
    s.works("lead2", middle + 10, s.to);
}

fn companion_near(s: &mut SceneBuilder<'_>) {
    let from = s.from + s.dice.between(10, 90);
    let (middle, near) = (from.midpoint(s.to), s.dice.between(5, 29));
    s.works("lead1", from, s.to);
    let places = [
        (Whereabouts::Companion, s.from, middle),
        (Whereabouts::Operator, middle, middle + near),
        (Whereabouts::Companion, middle + near, s.to),
    ];
    s.visit(Actor::Outsider(9), FacePresentation::Working, &places);
}

fn trainee(s: &mut SceneBuilder<'_>) {
    let from = s.from + s.dice.between(10, 90);
    s.works("trainee", from + 20, s.to);
    s.stands_by("lead1", from, s.to + 10);
}

fn anaesthetist(s: &mut SceneBuilder<'_>, pose: FacePresentation) {
    let from = s.from + s.dice.between(10, 90);
    (s.declared().item, s.declared().lead) = (Some("lift"), Some("surgeon"));
    s.works("surgeon", from, s.to);
    let places = [(Whereabouts::Head, s.from, s.to)];
    s.visit(Actor::Staff("anaes"), pose, &places);
}

fn stands_first(s: &mut SceneBuilder<'_>) {
    s.works("lead1", s.from + 30, s.to);
    let stood = s.dice.between(30, 110);
    standing_patient(s, &[(Whereabouts::Operator, stood)]);
    s.nurse_helps();
}

/// The patient stands about before lying down: seconds per place.
fn standing_patient(s: &mut SceneBuilder<'_>, places: &[(Whereabouts, u32)]) {
    let mut at = s.from - places.iter().map(|p| p.1).sum::<u32>();
    let stint = |from, to, zone| Stint { from, to, zone, pose: FacePresentation::Working };
    let mut stints = vec![stint(at - 5, at, Whereabouts::Door)];
    for (zone, long) in places {
        stints.push(stint(at, at + long, *zone));
        at += long;
    }
    stints.push(stint(s.to, s.to + 8, Whereabouts::Elsewhere));
    stints.push(stint(s.to + 8, s.to + 12, Whereabouts::Door));
    s.scene.people.push(ScenePath { who: Actor::Patient(0), stints, witnessed: false });
}

fn cleaner(s: &mut SceneBuilder<'_>) {
    let from = s.from + s.dice.between(10, 90);
    s.works("lead1", from, s.to);
    s.declared().end = s.to + 400;
    let after = s.to + s.dice.between(30, 60);
    let places = [(Whereabouts::Operator, after, after + s.dice.between(60, 180))];
    s.visit(Actor::Outsider(5), FacePresentation::Working, &places);
}

fn lead_in(s: &mut SceneBuilder<'_>, pose: FacePresentation) {
    let from = s.from + s.dice.between(10, 60);
    let places = [(Whereabouts::Operator, from, s.to)];
    s.visit(Actor::Staff("lead1"), pose, &places);
    s.works("phys1", from + 20, s.to);
}

fn injects(s: &mut SceneBuilder<'_>) {
    let from = s.from + s.dice.between(60, 150);
    s.works("lead1", from, from + 90);
    s.works("nurse1", s.from + 10, s.to);
}

fn instructs(s: &mut SceneBuilder<'_>) {
    s.declared().item = Some("laser");
    let from = s.from + s.dice.between(20, 90);
    s.stands_by("lead1", from, from + 180);
    s.works("nurse1", s.from + 10, s.to);
}

fn picture(s: &mut SceneBuilder<'_>, zone: Whereabouts) {
    lead_and_nurse(s);
    let stints = vec![Stint { from: s.from, to: s.to, zone, pose: FacePresentation::Picture }];
    s.scene.people.push(ScenePath { who: Actor::Outsider(8), stints, witnessed: false });
}

/// Whoever came along films the treatment of somebody else on a phone, and waves it about.
fn phone(s: &mut SceneBuilder<'_>) {
    lead_and_nurse(s);
    let from = s.from + s.dice.between(30, 200);
    let to = from + s.dice.between(60, 400);
    let stints =
        vec![Stint { from, to, zone: Whereabouts::Companion, pose: FacePresentation::Phone }];
    s.scene.people.push(ScenePath { who: Actor::Outsider(8), stints, witnessed: false });
    let places = [(Whereabouts::Companion, s.from, s.to)];
    s.visit(Actor::Outsider(9), FacePresentation::Working, &places);
}

fn holds_the_hand(s: &mut SceneBuilder<'_>) {
    lead_and_nurse(s);
    let (near, long) = (s.from + s.dice.between(60, 200), s.dice.between(120, 420));
    let places = [
        (Whereabouts::Companion, s.from, near),
        (Whereabouts::Operator, near, near + long),
        (Whereabouts::Companion, near + long, s.to),
    ];
    s.visit(Actor::Outsider(9), FacePresentation::Working, &places);
}

fn mirror(s: &mut SceneBuilder<'_>) {
    lead_and_nurse(s);
    let (mirror, ring) = (s.dice.between(60, 240), s.dice.between(20, 70));
    standing_patient(s, &[(Whereabouts::Elsewhere, mirror), (Whereabouts::Operator, ring)]);
}

fn engineer(s: &mut SceneBuilder<'_>) {
    lead_and_nurse(s);
    let at = s.from + s.dice.between(100, 300);
    let places = [(Whereabouts::Operator, at, at + s.dice.between(100, 240))];
    s.visit(Actor::Outsider(7), FacePresentation::Working, &places);
    if let Some(walk) = s.scene.people.last_mut() {
        walk.witnessed = true;
    }
}

fn in_a_row(s: &mut SceneBuilder<'_>) {
    let from = s.from + s.dice.between(10, 90);
    s.works("lead1", from, s.to);
    let (begin, end) = (s.to + s.dice.between(200, 420), s.to + s.dice.between(1_300, 1_700));
    s.scene.patients.push((begin, end));
    s.scene.sessions.push(SceneDeclaration {
        number: 1,
        item: Some("filler"),
        lead: Some("lead2"),
        operators: Vec::new(),
        start: begin - 60,
        end: end + 60,
    });
    s.works("lead2", begin + 20, end);
}

fn another_lead(s: &mut SceneBuilder<'_>) {
    let from = s.from + s.dice.between(10, 90);
    s.works("lead2", from, s.to);
    s.nurse_helps();
}

/// Another lead does the lead's part, a nurse the rest.
fn another_lead_injects(s: &mut SceneBuilder<'_>) {
    let from = s.from + s.dice.between(20, 150);
    s.works("lead2", from, from + 90);
    s.works("nurse1", s.from + 10, s.to);
}

/// The patient gets up half-way, looks into the mirror, stands at the bed and lies down again.
fn gets_up(s: &mut SceneBuilder<'_>) {
    s.works("lead1", s.from + 20, s.to);
    s.nurse_helps();
    let up = s.from.midpoint(s.to);
    let (mirror, ring) = (s.dice.between(10, 60), s.dice.between(60, 150));
    let down = up + mirror + ring;
    let to = s.to.max(down + 120);
    s.scene.patients = vec![(s.from, up), (down, to)];
    let at = |from, to, zone| Stint { from, to, zone, pose: FacePresentation::Working };
    let (before, after) = (s.from, to);
    let first = vec![
        at(before - 12, before - 8, Whereabouts::Door),
        at(before - 8, before, Whereabouts::Elsewhere),
        at(up, up + mirror, Whereabouts::Elsewhere),
        at(up + mirror, down, Whereabouts::Operator),
    ];
    let last = vec![
        at(after, after + 8, Whereabouts::Elsewhere),
        at(after + 8, after + 12, Whereabouts::Door),
    ];
    for (number, stints) in [(0, first), (1, last)] {
        s.scene.people.push(ScenePath { who: Actor::Patient(number), stints, witnessed: false });
    }
}

/// Two poor looks at the door, and no face afterwards; the nurse helps.
fn turned_throughout(s: &mut SceneBuilder<'_>) {
    let from = s.from + s.dice.between(10, 60);
    let at = |from, to, zone, pose| Stint { from, to, zone, pose };
    let stints = vec![
        at(from - 4, from, Whereabouts::Door, FacePresentation::Poor),
        at(from, from + 3, Whereabouts::Elsewhere, FacePresentation::Poor),
        at(from + 3, s.to, Whereabouts::Operator, FacePresentation::Hidden),
    ];
    s.scene.people.push(ScenePath { who: Actor::Staff("lead1"), stints, witnessed: false });
    s.works("nurse1", s.from + 10, s.to);
}

fn restarted(s: &mut SceneBuilder<'_>, middle: bool) {
    let from = s.from + s.dice.between(10, 60);
    let at = if middle { from.midpoint(s.to) } else { s.from - 30 };
    s.scene.unplugged.push((at, at + s.dice.between(40, 100)));
    if middle && s.dice.chance(0.5) {
        // The lead did the lead's part before; a nurse goes on.
        s.works("lead1", from, at - 20);
        s.works("nurse1", from + 10, s.to);
    } else {
        s.works("lead1", from, s.to);
        s.nurse_helps();
    }
}

/// Neither visit is long enough for the lead's own part, both together are.
fn goes_out_twice(s: &mut SceneBuilder<'_>) {
    let part = s.behind_the_door();
    let visit = part * 6 / 10 + 10;
    let from = s.from + s.dice.between(10, 60);
    let again = from + visit + s.dice.between(90, 180);
    s.passes("surgeon", from, from + visit);
    s.passes("surgeon", again, again + visit);
}
