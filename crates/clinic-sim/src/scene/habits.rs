//! Ways past the rules that one session cannot show: only that it is so again and again tells. Each
//! is one session of such a habit.

use super::{Pose, Recipe, Stage, Stint, Walk};
use crate::{Actor, Zone};

/// All of them.
pub const HABITS: &[Recipe] = &[
    ("operator's face never seen", never_seen),
    ("stranger fully covered", covered),
    ("a lamp before the ring on purpose", lamp),
    ("stranger as the declared operator without a template", declared_stranger),
];

fn never_seen(s: &mut Stage<'_>) {
    let way = |from, to, zone| Stint { from, to, zone, pose: Pose::Away };
    let stints = vec![
        way(s.from, s.from + 5, Zone::Door),
        way(s.from + 5, s.to, Zone::Operator),
        way(s.to, s.to + 5, Zone::Door),
    ];
    s.scene.people.push(Walk { who: Actor::Staff("phys1"), stints, witnessed: false });
    s.declared().operators = vec!["phys1"];
}

fn covered(s: &mut Stage<'_>) {
    let places = [(Zone::Operator, s.from + 10, s.to)];
    s.visit(Actor::Outsider(1), Pose::Covered, &places);
    s.declared().operators = vec!["phys1"];
}

/// Whoever works is behind the lamp; at the door they are seen.
fn lamp(s: &mut Stage<'_>) {
    let places = [(Zone::Operator, s.from + 10, s.to)];
    s.visit(Actor::Staff("phys1"), Pose::Away, &places);
    s.declared().operators = vec!["phys1"];
}

/// The lead stands by; the operator is declared as a nurse who was never photographed.
fn declared_stranger(s: &mut Stage<'_>) {
    s.stands_by("lead1", s.from + 5, s.to);
    s.stranger_works(s.from + 20, s.to);
    s.declared().operators = vec![super::WITHOUT_TEMPLATE];
}
