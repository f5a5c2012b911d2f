//! Ground truth of a day in a treatment room: its parts, and how a day is made of treatments. What
//! happens in one of them is told in `stories`.

use crate::{Clinic, Dice};

/// Where somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whereabouts {
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
pub struct PlaceStay {
    /// Who.
    pub who: Actor,
    /// Where.
    pub zone: Whereabouts,
    /// From.
    pub from: u32,
    /// To.
    pub to: u32,
}

/// What kind of staff.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StaffCategory {
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
    pub category: StaffCategory,
}

/// Everybody enrolled.
pub const STAFF: &[Staff] = &[
    Staff { id: "lead1", category: StaffCategory::DermatologyLead },
    Staff { id: "lead2", category: StaffCategory::DermatologyLead },
    Staff { id: "surgeon", category: StaffCategory::SurgeryLead },
    Staff { id: "phys1", category: StaffCategory::Physician },
    Staff { id: "phys2", category: StaffCategory::Physician },
    Staff { id: "anaes", category: StaffCategory::Anaesthetist },
    Staff { id: "lapsed", category: StaffCategory::Lapsed },
    Staff { id: "assist", category: StaffCategory::Assistant },
    Staff { id: "nurse1", category: StaffCategory::Nurse },
    Staff { id: "nurse2", category: StaffCategory::Nurse },
    Staff { id: "pharm", category: StaffCategory::Pharmacist },
    Staff { id: "trainee", category: StaffCategory::Trainee },
    Staff { id: "office", category: StaffCategory::Office },
];

/// An item of the clinic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// Code.
    pub code: &'static str,
    /// Surgery (leads: surgery) or injection (leads: dermatology).
    pub surgery: bool,
    /// An energy device, which a nurse may use under a lead; dermatology.
    pub energy: bool,
    /// Above the institution's ceiling.
    pub too_high: bool,
}

/// The items.
pub const ITEMS: &[Item] = &[
    Item { code: "filler", surgery: false, energy: false, too_high: false },
    Item { code: "lift", surgery: true, energy: false, too_high: false },
    Item { code: "rebuild", surgery: true, energy: false, too_high: true },
    Item { code: "laser", surgery: false, energy: true, too_high: false },
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
    pub stays: Vec<PlaceStay>,
    /// What was done.
    pub sessions: Vec<Session>,
    /// The camera delivers nothing.
    pub outages: Vec<(u32, u32)>,
    /// The lens is covered.
    pub knocks: Vec<(u32, u32)>,
    /// From this second on the wall clock is off by so many ms.
    pub clock_step: Option<(u32, i64)>,
}

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

    fn treatment(
        &mut self,
        dice: &mut Dice,
        clinic: &Clinic,
        number: u32,
        t: u32,
        unlawful: f64,
    ) -> u32 {
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
        match plant {
            Some(plant) => self.offence(dice, clinic, plant, &mut s),
            None => self.lawful(dice, clinic, &mut s),
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

    pub(crate) fn stay(&mut self, who: Actor, zone: Whereabouts, from: u32, to: u32) {
        if from < to {
            self.stays.push(PlaceStay { who, zone, from, to });
        }
    }
}
