//! Ways past the rules that one session cannot show: only that it is so again and again tells. Each
//! is one session of such a habit.

use super::{FacePresentation, Recipe, SceneBuilder, ScenePath, Stint};
use crate::{Actor, Whereabouts};

/// All of them.
pub const HABITS: &[Recipe] = &[
    ("operator's face never seen", never_seen),
    ("stranger fully covered", covered),
    ("a lamp before the ring on purpose", lamp),
    ("stranger as the declared operator without a template", declared_stranger),
];

fn never_seen(s: &mut SceneBuilder<'_>) {
    let way = |from, to, zone| Stint { from, to, zone, pose: FacePresentation::Away };
    let stints = vec![
        way(s.from, s.from + 5, Whereabouts::Door),
        way(s.from + 5, s.to, Whereabouts::Operator),
        way(s.to, s.to + 5, Whereabouts::Door),
    ];
    s.scene.people.push(ScenePath { who: Actor::Staff("phys1"), stints, witnessed: false });
    s.declared().operators = vec!["phys1"];
}

fn covered(s: &mut SceneBuilder<'_>) {
    let places = [(Whereabouts::Operator, s.from + 10, s.to)];
    s.visit(Actor::Outsider(1), FacePresentation::Covered, &places);
    s.declared().operators = vec!["phys1"];
}

/// Whoever works is behind the lamp; at the door they are seen.
fn lamp(s: &mut SceneBuilder<'_>) {
    let places = [(Whereabouts::Operator, s.from + 10, s.to)];
    s.visit(Actor::Staff("phys1"), FacePresentation::Away, &places);
    s.declared().operators = vec!["phys1"];
}

/// The lead stands by; the operator is declared as a nurse who was never photographed.
fn declared_stranger(s: &mut SceneBuilder<'_>) {
    s.stands_by("lead1", s.from + 5, s.to);
    s.stranger_works(s.from + 20, s.to);
    s.declared().operators = vec![super::WITHOUT_TEMPLATE];
}
