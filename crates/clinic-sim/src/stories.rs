//! What happens in a treatment: the lawful stories and the planted offences, and how people come
//! and go.

use crate::day::{Actor, Day, Plant, Session, Whereabouts};
use crate::{Clinic, Dice};

/// The lawful stories, with the share of each.
const LAWFUL: &[(&str, f64)] = &[
    ("lead and nurse", 0.30),
    ("lead steps out for two minutes", 0.12),
    ("lead guides another physician", 0.14),
    ("two leads alternate", 0.08),
    ("companion comes near", 0.10),
    ("trainee under the lead", 0.08),
    ("anaesthetist at the head end", 0.08),
    ("patient stands at the bed first", 0.05),
    ("cleaner afterwards", 0.05),
];

/// One of the lawful stories.
fn story(dice: &mut Dice) -> &'static str {
    let mut left: f64 = dice.unit();
    let chosen = LAWFUL.iter().find(|(_, share)| {
        left -= share;
        left < 0.0
    });
    chosen.map_or(LAWFUL[0].0, |(story, _)| story)
}

impl Day {
    /// In through the door, from place to place, and out again. Whoever walks in behind somebody,
    /// or goes out with the back to the camera, shows no face at the door.
    fn visit(
        &mut self,
        dice: &mut Dice,
        clinic: &Clinic,
        who: Actor,
        places: &[(Whereabouts, u32, u32)],
    ) {
        let (Some(first), Some(last)) = (places.first(), places.last()) else { return };
        let (before, after) = (dice.between(3, 8), dice.between(3, 8));
        if !dice.chance(clinic.enters_unseen) {
            self.stay(who, Whereabouts::Door, first.1.saturating_sub(before), first.1);
        }
        for (zone, from, to) in places {
            self.stay(who, *zone, *from, *to);
        }
        if !dice.chance(clinic.leaves_unseen) {
            self.stay(who, Whereabouts::Door, last.2, last.2 + after);
        }
    }

    /// In, at work, out.
    fn works(&mut self, dice: &mut Dice, clinic: &Clinic, id: &'static str, from: u32, to: u32) {
        self.visit(dice, clinic, Actor::Staff(id), &[(Whereabouts::Operator, from, to)]);
    }

    /// In, standing by, out.
    fn stands_by(
        &mut self,
        dice: &mut Dice,
        clinic: &Clinic,
        id: &'static str,
        from: u32,
        to: u32,
    ) {
        self.visit(dice, clinic, Actor::Staff(id), &[(Whereabouts::Elsewhere, from, to)]);
    }

    fn nurse(&mut self, dice: &mut Dice, clinic: &Clinic, s: &Session) {
        let id = dice.pick(&["nurse1", "nurse2"]);
        let (from, to) = (s.begin + dice.between(0, 60), s.finish + dice.between(10, 120));
        let half = from + (to - from) / 2;
        let places = [
            (Whereabouts::Elsewhere, from, half),
            (Whereabouts::Operator, half, half + 60),
            (Whereabouts::Elsewhere, half + 60, to),
        ];
        self.visit(dice, clinic, Actor::Staff(id), &places);
    }

    /// The patient walks in, lies down, gets up and walks out; `standing` seconds of it at the bed
    /// before.
    fn patient(&mut self, dice: &mut Dice, clinic: &Clinic, s: &Session, standing: u32) {
        let who = Actor::Patient(s.number);
        let (walk, rise) = (dice.between(4, 12), dice.between(4, 12));
        let stood = s.begin.saturating_sub(standing).max(s.start.saturating_sub(60));
        let mut places = vec![(Whereabouts::Elsewhere, stood.saturating_sub(walk), stood)];
        if stood < s.begin {
            places.push((Whereabouts::Operator, stood, s.begin));
        }
        places.extend([
            (Whereabouts::Bed, s.begin, s.finish),
            (Whereabouts::Elsewhere, s.finish, s.finish + rise),
        ]);
        self.visit(dice, clinic, who, &places);
    }

    pub(crate) fn lawful(&mut self, dice: &mut Dice, clinic: &Clinic, s: &mut Session) {
        s.story = story(dice);
        let lead = s.lead;
        let (from, to) = (s.begin + dice.between(10, 90), s.finish);
        let middle = from + (to - from) / 2;
        let mut standing = 0;
        match s.story {
            "lead steps out for two minutes" => {
                self.works(dice, clinic, lead, from, middle);
                self.works(dice, clinic, lead, middle + 120, to);
                self.works(dice, clinic, "phys1", from + 30, to);
            }
            "lead guides another physician" => {
                self.stands_by(dice, clinic, lead, from, to + 20);
                self.works(dice, clinic, "phys1", from + 20, to);
            }
            "two leads alternate" => {
                let other = if lead == "lead1" { "lead2" } else { "lead1" };
                self.works(dice, clinic, lead, from, middle);
                self.works(dice, clinic, other, middle + 10, to);
            }
            "companion comes near" => {
                self.works(dice, clinic, lead, from, to);
                let near = dice.between(5, 29);
                let places = [
                    (Whereabouts::Companion, s.begin, middle),
                    (Whereabouts::Operator, middle, middle + near),
                    (Whereabouts::Companion, middle + near, s.finish),
                ];
                self.visit(dice, clinic, Actor::Outsider(s.number * 10), &places);
            }
            "trainee under the lead" => {
                s.lead = "lead1";
                self.works(dice, clinic, "trainee", from + 20, to);
                self.stands_by(dice, clinic, "lead1", from, to + 10);
            }
            "anaesthetist at the head end" => {
                (s.item, s.lead) = ("lift", "surgeon");
                self.works(dice, clinic, "surgeon", from, to);
                self.visit(
                    dice,
                    clinic,
                    Actor::Staff("anaes"),
                    &[(Whereabouts::Head, s.begin, s.finish)],
                );
            }
            "patient stands at the bed first" => {
                self.works(dice, clinic, lead, from + 30, to);
                standing = dice.between(30, 150);
            }
            "cleaner afterwards" => {
                self.works(dice, clinic, lead, from, to);
                let after = to + dice.between(30, 60);
                let places = [(Whereabouts::Operator, after, after + dice.between(60, 180))];
                self.visit(dice, clinic, Actor::Outsider(s.number * 10 + 5), &places);
            }
            _ => {
                self.works(dice, clinic, lead, from, to);
                self.nurse(dice, clinic, s);
            }
        }
        self.patient(dice, clinic, s, standing);
    }

    /// Every offence lasts at least as long as its rule asks for, while the patient is on the bed.
    pub(crate) fn offence(
        &mut self,
        dice: &mut Dice,
        clinic: &Clinic,
        plant: Plant,
        s: &mut Session,
    ) {
        s.story = plant.code();
        let (from, to) = (s.begin + dice.between(10, 90), s.finish);
        let lead = s.lead;
        match plant {
            Plant::Ll1 => {
                self.works(dice, clinic, "phys1", from, to);
                self.nurse(dice, clinic, s);
            }
            Plant::Ll4 => {
                self.works(dice, clinic, lead, from, to);
                let long = dice.between(180, 500);
                self.works(dice, clinic, "lapsed", from + 60, from + 60 + long);
            }
            Plant::Ll5 => {
                // Less than the lead's own part of an injection, 45 s: more is no offence.
                let short = dice.between(15, 40);
                self.works(dice, clinic, lead, from, from + short);
                self.works(dice, clinic, "phys1", from + 80, to);
            }
            Plant::Nl1 => {
                s.lead = "phys2";
                self.works(dice, clinic, "phys2", from, to);
            }
            Plant::Nl2 => self.works(dice, clinic, "nurse1", from, to),
            Plant::Nl3 => self.works(dice, clinic, "assist", from, to),
            Plant::Nl4 => {
                (s.item, s.lead) = ("rebuild", "surgeon");
                self.works(dice, clinic, "surgeon", from, to);
            }
            Plant::Uq1 => self.stranger(dice, clinic, s, from, to),
            Plant::Uq2 => {
                let half = from + dice.between(420, 560);
                self.works(dice, clinic, "office", from, half);
                self.works(dice, clinic, lead, half + 90, to.max(half + 120));
            }
            Plant::Uq3 => {
                self.stands_by(dice, clinic, lead, from, to);
                self.works(dice, clinic, "pharm", from + 10, to);
            }
            Plant::Hb3 => {
                s.told = None;
                self.works(dice, clinic, lead, from, to);
            }
        }
        self.patient(dice, clinic, s, 0);
    }

    /// Somebody who is not enrolled operates: before the lead comes, beside them, or all alone.
    fn stranger(&mut self, dice: &mut Dice, clinic: &Clinic, s: &Session, from: u32, to: u32) {
        let who = Actor::Outsider(s.number * 10 + 1);
        let half = from + dice.between(150, 400);
        match dice.between(0, 3) {
            0 => {
                self.visit(dice, clinic, who, &[(Whereabouts::Operator, from, half)]);
                self.works(dice, clinic, s.lead, half + 20, to.max(half + 60));
            }
            1 => {
                self.stands_by(dice, clinic, s.lead, from, to);
                self.visit(dice, clinic, who, &[(Whereabouts::Operator, from + 20, to)]);
            }
            _ => self.visit(dice, clinic, who, &[(Whereabouts::Operator, from, to)]),
        }
    }
}
