//! Ground truth: who is where in a treatment room through a day, what was declared, and which offence was planted.

use crate::{Clinic, Dice};

/// Where somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Zone {
    /// Working on the patient.
    Operator,
    /// Lying on the bed.
    Bed,
    /// With the companions.
    Companion,
    /// At the door.
    Door,
    /// At the head end.
    Head,
    /// Elsewhere in the room.
    Elsewhere,
}

/// Who it is in truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Actor {
    /// Enrolled staff, by id.
    Staff(&'static str),
    /// Somebody who is not enrolled.
    Outsider(u32),
    /// A patient.
    Patient(u32),
}

/// Somebody in one place for a while; seconds of the day, inclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stay {
    /// Who.
    pub who: Actor,
    /// Where.
    pub zone: Zone,
    /// From.
    pub from: u32,
    /// To.
    pub to: u32,
}

/// What kind of staff.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// 执业医师, lead in dermatology.
    DermatologyLead,
    /// 执业医师, lead in surgery.
    SurgeryLead,
    /// 执业医师 without a lead filing.
    Physician,
    /// The same, enrolled for anaesthesia.
    Anaesthetist,
    /// 执业医师 whose registration was cancelled.
    Lapsed,
    /// 执业助理医师.
    Assistant,
    /// 护士.
    Nurse,
    /// 药师.
    Pharmacist,
    /// 进修, with a pass under `lead1`.
    Trainee,
    /// 非卫技人员.
    Office,
}

/// A member of the staff.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Staff {
    /// Id.
    pub id: &'static str,
    /// Kind.
    pub category: Category,
}

/// Everybody enrolled.
pub const STAFF: &[Staff] = &[
    Staff { id: "lead1", category: Category::DermatologyLead },
    Staff { id: "lead2", category: Category::DermatologyLead },
    Staff { id: "surgeon", category: Category::SurgeryLead },
    Staff { id: "phys1", category: Category::Physician },
    Staff { id: "phys2", category: Category::Physician },
    Staff { id: "anaes", category: Category::Anaesthetist },
    Staff { id: "lapsed", category: Category::Lapsed },
    Staff { id: "assist", category: Category::Assistant },
    Staff { id: "nurse1", category: Category::Nurse },
    Staff { id: "nurse2", category: Category::Nurse },
    Staff { id: "pharm", category: Category::Pharmacist },
    Staff { id: "trainee", category: Category::Trainee },
    Staff { id: "office", category: Category::Office },
];

/// An item of the clinic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// Code.
    pub code: &'static str,
    /// Surgery (leads: surgery) or injection (leads: dermatology).
    pub surgery: bool,
    /// Above the institution's ceiling.
    pub too_high: bool,
}

/// The items.
pub const ITEMS: &[Item] = &[
    Item { code: "filler", surgery: false, too_high: false },
    Item { code: "lift", surgery: true, too_high: false },
    Item { code: "rebuild", surgery: true, too_high: true },
];

/// A planted offence: the rule that has to say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "named after the rules of the domain")]
pub enum Plant {
    Ll1,
    Ll4,
    Ll5,
    Nl1,
    Nl2,
    Nl3,
    Nl4,
    Uq1,
    Uq2,
    Uq3,
    Hb3,
}

impl Plant {
    /// All of them.
    pub const ALL: &'static [Self] = &[
        Self::Ll1,
        Self::Ll4,
        Self::Ll5,
        Self::Nl1,
        Self::Nl2,
        Self::Nl3,
        Self::Nl4,
        Self::Uq1,
        Self::Uq2,
        Self::Uq3,
        Self::Hb3,
    ];

    /// Code of the rule, `LL-1`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Ll1 => "LL-1",
            Self::Ll4 => "LL-4",
            Self::Ll5 => "LL-5",
            Self::Nl1 => "NL-1",
            Self::Nl2 => "NL-2",
            Self::Nl3 => "NL-3",
            Self::Nl4 => "NL-4",
            Self::Uq1 => "UQ-1",
            Self::Uq2 => "UQ-2",
            Self::Uq3 => "UQ-3",
            Self::Hb3 => "HB-3",
        }
    }
}

/// One treatment and what was declared of it. Seconds of the day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Number in the day.
    pub number: u32,
    /// Item code.
    pub item: &'static str,
    /// Declared lead.
    pub lead: &'static str,
    /// Declared start and end.
    pub start: u32,
    /// Declared end.
    pub end: u32,
    /// When it was told; `None`: never (an undeclared procedure).
    pub told: Option<u32>,
    /// The treatment itself: patient on the bed.
    pub begin: u32,
    /// Its end.
    pub finish: u32,
    /// What was planted.
    pub plant: Option<Plant>,
    /// What happens, in words.
    pub story: &'static str,
    /// An outage, a knock or a clock step touches it.
    pub faulty: bool,
    /// The staff wear masks.
    pub masked: bool,
}

/// A day of one room.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Day {
    /// Its length, s.
    pub length: u32,
    /// Who is where.
    pub stays: Vec<Stay>,
    /// What was done.
    pub sessions: Vec<Session>,
    /// The camera delivers nothing.
    pub outages: Vec<(u32, u32)>,
    /// The lens is covered.
    pub knocks: Vec<(u32, u32)>,
    /// From this second on the wall clock is off by so many ms.
    pub clock_step: Option<(u32, i64)>,
}

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

impl Day {
    /// A day of `count` treatments, of which `unlawful` (0..1) are offences.
    pub fn random(dice: &mut Dice, clinic: &Clinic, count: u32, unlawful: f64) -> Self {
        let mut day = Self::default();
        let mut t = 900;
        for number in 0..count {
            t = day.treatment(dice, clinic, number, t, unlawful);
            t += dice.between(240, 900);
        }
        day.length = t + 2_400;
        if dice.chance(clinic.clock_step_per_day) {
            let at = dice.between(0, day.length);
            let ms = i64::from(dice.between(1_000, 300_000));
            day.clock_step = Some((at, if dice.chance(0.5) { ms } else { -ms }));
            for s in day.sessions.iter_mut().filter(|s| s.start <= at + 900 && at <= s.end + 900) {
                s.faulty = true;
            }
        }
        day
    }

    fn treatment(&mut self, dice: &mut Dice, clinic: &Clinic, number: u32, t: u32, unlawful: f64) -> u32 {
        let long = dice.between(720, 2_700);
        let (begin, finish) = (t + dice.between(0, 120), t + long);
        let plant = dice.chance(unlawful).then(|| dice.pick(Plant::ALL));
        let mut s = Session {
            number,
            item: "filler",
            lead: dice.pick(&["lead1", "lead2"]),
            start: t,
            end: finish + dice.between(0, 300),
            told: Some(t.saturating_sub(600)),
            begin,
            finish,
            plant,
            story: "",
            faulty: false,
            masked: dice.chance(clinic.masked_sessions),
        };
        if dice.chance(clinic.declared_late) {
            s.told = Some(t + dice.between(30, 600));
        }
        if dice.chance(clinic.closed_late) {
            s.end += dice.between(120, 1_200);
        }
        self.stay(Actor::Patient(number), Zone::Bed, begin, finish);
        match plant {
            Some(plant) => self.offence(dice, plant, &mut s),
            None => self.lawful(dice, &mut s),
        }
        if dice.chance(clinic.outage_per_session) {
            let from = dice.between(s.begin, s.finish);
            self.outages.push((from, from + dice.between(60, 900)));
        }
        if dice.chance(clinic.knock_per_session) {
            let from = dice.between(s.begin, s.finish);
            self.knocks.push((from, from + dice.between(5, 55)));
        }
        let touches = |(a, b): &(u32, u32)| *a <= s.end.max(s.finish) && *b >= s.start;
        s.faulty = self.outages.iter().chain(&self.knocks).any(touches);
        let end = s.finish.max(s.begin);
        self.sessions.push(s);
        end
    }

    fn stay(&mut self, who: Actor, zone: Zone, from: u32, to: u32) {
        if from < to {
            self.stays.push(Stay { who, zone, from, to });
        }
    }

    /// In through the door, at work, out again.
    fn works(&mut self, dice: &mut Dice, id: &'static str, from: u32, to: u32) {
        let who = Actor::Staff(id);
        self.stay(who, Zone::Door, from.saturating_sub(6), from);
        self.stay(who, Zone::Operator, from, to);
        self.stay(who, Zone::Door, to, to + dice.between(3, 8));
    }

    fn nurse(&mut self, dice: &mut Dice, s: &Session) {
        let id = dice.pick(&["nurse1", "nurse2"]);
        let (from, to) = (s.begin + dice.between(0, 60), s.finish + dice.between(10, 120));
        let half = from + (to - from) / 2;
        self.stay(Actor::Staff(id), Zone::Elsewhere, from, half);
        self.stay(Actor::Staff(id), Zone::Operator, half, half + 60);
        self.stay(Actor::Staff(id), Zone::Elsewhere, half + 60, to);
    }

    fn lawful(&mut self, dice: &mut Dice, s: &mut Session) {
        let mut left = dice.unit();
        s.story = LAWFUL
            .iter()
            .find(|(_, share)| {
                left -= share;
                left < 0.0
            })
            .map_or(LAWFUL[0].0, |(story, _)| story);
        let lead = s.lead;
        let (from, to) = (s.begin + dice.between(10, 90), s.finish);
        let middle = from + (to - from) / 2;
        match s.story {
            "lead steps out for two minutes" => {
                self.works(dice, lead, from, middle);
                self.works(dice, lead, middle + 120, to);
                self.works(dice, "phys1", from + 30, to);
            }
            "lead guides another physician" => {
                self.stay(Actor::Staff(lead), Zone::Door, from - 5, from);
                self.stay(Actor::Staff(lead), Zone::Elsewhere, from, to + 20);
                self.works(dice, "phys1", from + 20, to);
            }
            "two leads alternate" => {
                let other = if lead == "lead1" { "lead2" } else { "lead1" };
                self.works(dice, lead, from, middle);
                self.works(dice, other, middle + 10, to);
            }
            "companion comes near" => {
                self.works(dice, lead, from, to);
                let (who, near) = (Actor::Outsider(s.number * 10), dice.between(5, 29));
                self.stay(who, Zone::Companion, s.begin, middle);
                self.stay(who, Zone::Operator, middle, middle + near);
                self.stay(who, Zone::Companion, middle + near, s.finish);
            }
            "trainee under the lead" => {
                s.lead = "lead1";
                self.works(dice, "trainee", from + 20, to);
                self.stay(Actor::Staff("lead1"), Zone::Elsewhere, from, to + 10);
            }
            "anaesthetist at the head end" => {
                (s.item, s.lead) = ("lift", "surgeon");
                self.works(dice, "surgeon", from, to);
                self.stay(Actor::Staff("anaes"), Zone::Head, s.begin, s.finish);
            }
            "patient stands at the bed first" => {
                self.works(dice, lead, from + 30, to);
                let standing = s.begin.saturating_sub(dice.between(30, 150)).max(s.start);
                self.stay(Actor::Patient(s.number), Zone::Operator, standing, s.begin - 1);
            }
            "cleaner afterwards" => {
                self.works(dice, lead, from, to);
                let after = to + dice.between(30, 60);
                self.stay(Actor::Outsider(s.number * 10 + 5), Zone::Operator, after, after + dice.between(60, 180));
            }
            _ => {
                self.works(dice, lead, from, to);
                self.nurse(dice, s);
            }
        }
    }

    fn offence(&mut self, dice: &mut Dice, plant: Plant, s: &mut Session) {
        s.story = plant.code();
        let (from, to) = (s.begin + dice.between(10, 90), s.finish);
        let lead = s.lead;
        match plant {
            Plant::Ll1 => {
                self.works(dice, "phys1", from, to);
                self.nurse(dice, s);
            }
            Plant::Ll4 => {
                self.works(dice, lead, from, to);
                let long = dice.between(180, 500);
                self.works(dice, "lapsed", from + 60, from + 60 + long);
            }
            Plant::Ll5 => {
                let short = dice.between(20, 70);
                self.works(dice, lead, from, from + short);
                self.works(dice, "phys1", from + 80, to);
            }
            Plant::Nl1 => {
                s.lead = "phys2";
                self.works(dice, "phys2", from, to);
            }
            Plant::Nl2 => self.works(dice, "nurse1", from, to),
            Plant::Nl3 => self.works(dice, "assist", from, to),
            Plant::Nl4 => {
                (s.item, s.lead) = ("rebuild", "surgeon");
                self.works(dice, "surgeon", from, to);
            }
            Plant::Uq1 => {
                let half = from + dice.between(150, 400);
                self.stay(Actor::Outsider(s.number * 10 + 1), Zone::Operator, from, half);
                self.works(dice, lead, half + 20, to.max(half + 60));
            }
            Plant::Uq2 => {
                let half = from + dice.between(420, 560);
                self.works(dice, "office", from, half);
                self.works(dice, lead, half + 90, to.max(half + 120));
            }
            Plant::Uq3 => {
                self.stay(Actor::Staff(lead), Zone::Elsewhere, from, to);
                self.works(dice, "pharm", from + 10, to);
            }
            Plant::Hb3 => {
                s.told = None;
                self.works(dice, lead, from, to);
            }
        }
    }
}
