//! Scenes: one treatment (or a few) in a room, with everybody in it and the truth about it.
//! Offences have a rule that must speak, lawful scenes must stay quiet, dishonest ones are ways
//! past the rules that must not stay silent. Nothing here knows what a camera makes of a scene.

mod dishonest;
mod habits;
mod lawful;
mod offences;

use crate::{Actor, Dice, Plant, Whereabouts};

pub use dishonest::DISHONEST;
pub use habits::HABITS;
pub use lawful::LAWFUL;
pub use offences::OFFENCES;

/// What a scene is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SceneTruth {
    /// A rule has to say it.
    Offence(Plant),
    /// Nothing of L2 or above may be said.
    Lawful,
    /// Something of L1 or above has to be said, by whichever rule.
    Dishonest,
}

/// How somebody shows the face.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FacePresentation {
    /// As people do at work: now and then down or away.
    Working,
    /// The back to the camera, or behind a lamp: hardly ever a face.
    Away,
    /// Cap, mask and goggles: poor looks, some of which still resemble them.
    Covered,
    /// Badly seen throughout: turned head, bad light, poor template.
    Poor,
    /// A photograph of this member of the staff that liveness cannot decide on.
    Photo,
    /// The same, but that a look in fifty is taken for a living face.
    LivelyPhoto,
    /// A picture that liveness sees through: a portrait, a phone.
    Picture,
    /// The same, small, in a hand that moves.
    Phone,
    /// No face at all.
    Hidden,
}

/// Somebody in one place for a while; seconds, `to` exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stint {
    /// From.
    pub from: u32,
    /// Until before.
    pub to: u32,
    /// Where.
    pub zone: Whereabouts,
    /// How.
    pub pose: FacePresentation,
}

/// Somebody's way through a scene.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScenePath {
    /// Who.
    pub who: Actor,
    /// Where and when, in order.
    pub stints: Vec<Stint>,
    /// The clinic binds this person's first track to an engineer's pass, witnessed by the lead.
    pub witnessed: bool,
}

/// What was declared of a session. Seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SceneDeclaration {
    /// Number in the scene.
    pub number: u32,
    /// Item code; `None`: left out. May be a code that nobody knows.
    pub item: Option<&'static str>,
    /// Lead.
    pub lead: Option<&'static str>,
    /// Operators.
    pub operators: Vec<&'static str>,
    /// Start.
    pub start: u32,
    /// End.
    pub end: u32,
}

/// One scene.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DayScene {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub truth: SceneTruth,
    /// What was declared.
    pub sessions: Vec<SceneDeclaration>,
    /// Everybody but the patient on the bed.
    pub people: Vec<ScenePath>,
    /// The patients on the bed.
    pub patients: Vec<(u32, u32)>,
    /// From when on the patient's face is covered.
    pub draped: Option<u32>,
    /// The lens is covered.
    pub covers: Vec<(u32, u32)>,
    /// The box has no power; it begins anew afterwards.
    pub unplugged: Vec<(u32, u32)>,
    /// The camera looks at the door alone (a room in doorway mode).
    pub doorway: bool,
    /// Age of the roster, h.
    pub roster_age_h: u32,
    /// When the act takes place.
    pub act: (u32, u32),
    /// Whose face has to be seen for the offence to be told.
    pub actors: Vec<Actor>,
    /// Its length, s.
    pub length: u32,
}

/// A nurse of the roster who has no template: a declaration may name them.
pub const WITHOUT_TEMPLATE: &str = "nurse9";

/// A scene of the catalogue: its name and how it is made.
pub type Recipe = (&'static str, fn(&mut SceneBuilder<'_>));

/// A scene in the making.
#[derive(Debug)]
pub struct SceneBuilder<'d> {
    /// Chance.
    pub dice: &'d mut Dice,
    /// What is made.
    pub scene: DayScene,
    /// The act: patient on the bed.
    pub from: u32,
    /// Its end.
    pub to: u32,
}

impl DayScene {
    /// One scene of a recipe.
    pub fn new(recipe: &Recipe, truth: SceneTruth, dice: &mut Dice) -> Self {
        let from = 700 + dice.between(0, 60);
        let to = from + dice.between(780, 1_800);
        let declared = SceneDeclaration {
            number: 0,
            item: Some("filler"),
            lead: Some("lead1"),
            operators: Vec::new(),
            start: from - 60,
            end: to + 60,
        };
        let scene = Self {
            name: recipe.0,
            truth,
            sessions: vec![declared],
            people: Vec::new(),
            patients: vec![(from, to)],
            draped: None,
            covers: Vec::new(),
            unplugged: Vec::new(),
            doorway: false,
            roster_age_h: 1,
            act: (from, to),
            actors: Vec::new(),
            length: 0,
        };
        let mut stage = SceneBuilder { dice, scene, from, to };
        recipe.1(&mut stage);
        let mut scene = stage.scene;
        scene.patient_walks(dice);
        scene.length = scene.sessions.iter().map(|s| s.end).max().unwrap_or(0).max(to) + 2_700;
        scene
    }

    /// When the way through the door began on which somebody is at a second; `None`: on none.
    pub fn at_the_door(&self, who: Actor, second: u32) -> Option<u32> {
        let stints = self.people.iter().filter(|w| w.who == who).flat_map(|w| &w.stints);
        let mut now = stints.filter(|s| s.from <= second && second < s.to);
        now.find(|s| s.zone == Whereabouts::Door).map(|s| s.from)
    }

    /// Each patient walks in, lies down, gets up and walks out.
    fn patient_walks(&mut self, dice: &mut Dice) {
        let patients: Vec<(u32, u32)> = self.patients.clone();
        for (number, (from, to)) in patients.into_iter().enumerate() {
            let who = Actor::Patient(number as u32);
            if self.people.iter().any(|w| w.who == who) {
                continue;
            }
            let (walk, rise) = (dice.between(5, 12), dice.between(5, 12));
            let at = |from, to, zone| Stint { from, to, zone, pose: FacePresentation::Working };
            let stints = vec![
                at(from - walk - 4, from - walk, Whereabouts::Door),
                at(from - walk, from, Whereabouts::Elsewhere),
                at(to, to + rise, Whereabouts::Elsewhere),
                at(to + rise, to + rise + 4, Whereabouts::Door),
            ];
            self.people.push(ScenePath { who, stints, witnessed: false });
        }
    }
}

impl SceneBuilder<'_> {
    /// In through the door, from place to place, and out again. One entry in ten and half of all
    /// exits show no face.
    pub fn visit(
        &mut self,
        who: Actor,
        pose: FacePresentation,
        places: &[(Whereabouts, u32, u32)],
    ) {
        let (Some(first), Some(last)) = (places.first(), places.last()) else { return };
        let (before, after) = (self.dice.between(3, 8), self.dice.between(3, 8));
        let shown = |hidden: bool, pose| if hidden { FacePresentation::Away } else { pose };
        let at_door = if pose == FacePresentation::Away { FacePresentation::Working } else { pose };
        let (hides_in, hides_out) = (self.dice.chance(0.1), self.dice.chance(0.5));
        let mut stints = vec![Stint {
            from: first.1.saturating_sub(before),
            to: first.1,
            zone: Whereabouts::Door,
            pose: shown(hides_in, at_door),
        }];
        stints.extend(places.iter().map(|&(zone, from, to)| Stint { from, to, zone, pose }));
        stints.push(Stint {
            from: last.2,
            to: last.2 + after,
            zone: Whereabouts::Door,
            pose: shown(hides_out, at_door),
        });
        let walk = self.scene.people.iter_mut().find(|w| w.who == who);
        match walk {
            Some(walk) => walk.stints.extend(stints),
            None => self.scene.people.push(ScenePath { who, stints, witnessed: false }),
        }
    }

    /// In and out by the door, before a camera that sees nothing else: whoever passes looks into
    /// it.
    pub fn passes(&mut self, id: &'static str, from: u32, to: u32) {
        let stint =
            |from, to| Stint { from, to, zone: Whereabouts::Door, pose: FacePresentation::Working };
        let (before, after) = (self.dice.between(5, 9), self.dice.between(5, 9));
        let stints = [stint(from - before, from), stint(to, to + after)];
        let who = Actor::Staff(id);
        if let Some(walk) = self.scene.people.iter_mut().find(|w| w.who == who) {
            walk.stints.extend(stints);
        } else {
            let stints = stints.to_vec();
            self.scene.people.push(ScenePath { who, stints, witnessed: false });
        }
    }

    /// A surgery behind a door; how long the lead's own part of it takes at least, s.
    pub fn behind_the_door(&mut self) -> u32 {
        (self.declared().item, self.declared().lead) = (Some("lift"), Some("surgeon"));
        self.scene.doorway = true;
        self.scene.patients.clear();
        self.passes("nurse1", self.from, self.to + 20);
        (self.scene.sessions[0].end - self.scene.sessions[0].start) / 5
    }

    /// In, at work, out.
    pub fn works(&mut self, id: &'static str, from: u32, to: u32) {
        self.visit(
            Actor::Staff(id),
            FacePresentation::Working,
            &[(Whereabouts::Operator, from, to)],
        );
    }

    /// In, standing by, out.
    pub fn stands_by(&mut self, id: &'static str, from: u32, to: u32) {
        self.visit(
            Actor::Staff(id),
            FacePresentation::Working,
            &[(Whereabouts::Elsewhere, from, to)],
        );
    }

    /// A nurse who hands and helps: now aside, now at the bed.
    pub fn nurse_helps(&mut self) {
        let (from, to) =
            (self.from + self.dice.between(0, 60), self.to + self.dice.between(10, 90));
        let half = from.midpoint(to);
        let places = [
            (Whereabouts::Elsewhere, from, half),
            (Whereabouts::Operator, half, half + 60),
            (Whereabouts::Elsewhere, half + 60, to),
        ];
        self.visit(Actor::Staff("nurse1"), FacePresentation::Working, &places);
        self.errands();
    }

    /// Others of the house who fetch something: short, and mostly without a good look at them.
    pub fn errands(&mut self) {
        let mut at = self.from + self.dice.between(60, 300);
        while at + 30 < self.to {
            let long = self.dice.between(6, 25);
            self.visit(
                Actor::Staff("nurse2"),
                FacePresentation::Working,
                &[(Whereabouts::Elsewhere, at, at + long)],
            );
            at += long + self.dice.between(120, 500);
        }
    }

    /// Somebody who is not enrolled operates.
    pub fn stranger_works(&mut self, from: u32, to: u32) {
        self.visit(
            Actor::Outsider(1),
            FacePresentation::Working,
            &[(Whereabouts::Operator, from, to)],
        );
    }

    /// The first session as declared.
    pub fn declared(&mut self) -> &mut SceneDeclaration {
        &mut self.scene.sessions[0]
    }

    /// Whose face has to be seen for the offence to be told.
    pub fn told_by(&mut self, who: &[Actor]) {
        self.scene.actors = who.to_vec();
    }
}
