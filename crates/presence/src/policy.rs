//! Every [D] number of the domain: a named setting with unit, range, default and the rules that
//! read it. Nothing else in the crate holds such a number.

use std::fmt;

/// One setting of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name; the unit stands last in it.
    pub name: &'static str,
    /// `ms`, `ppm`, `frames`, `level` (severity), `flag` (0 or 1), `count`, or `mnat` (thousandths
    /// of a nat).
    pub unit: &'static str,
    /// Least value.
    pub min: i64,
    /// Greatest value.
    pub max: i64,
    /// Value unless set.
    pub default: i64,
    /// The rules that read it.
    pub rules: &'static str,
    /// What it does.
    pub doc: &'static str,
}

/// Why a setting was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PolicyError {
    /// There is no setting of this name.
    UnknownSetting(String),
    /// The value lies outside the setting's range.
    OutOfRange {
        /// The setting.
        setting: &'static Setting,
        /// What was asked for.
        value: i64,
    },
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownSetting(name) => {
                let family = name.split('_').next().unwrap_or_default();
                let near = |s: &&Setting| s.name.split('_').next() == Some(family);
                let near: Vec<&str> = SETTINGS.iter().filter(near).map(|s| s.name).collect();
                write!(f, "policy: no setting is called `{name}`; ")?;
                if near.is_empty() {
                    write!(f, "the server's policy page and `Policy::settings` list all")
                } else {
                    write!(f, "there are {}", near.join(", "))
                }
            }
            Self::OutOfRange { setting, value } => write!(
                f,
                "policy: `{}` = {value} is out of range: give {} to {} {}",
                setting.name, setting.min, setting.max, setting.unit
            ),
        }
    }
}

impl std::error::Error for PolicyError {}

macro_rules! settings {
    ($(
        $name:ident = $default:literal $unit:literal [$min:literal, $max:literal] $rules:literal
        $doc:literal;
    )+) => {
        const SETTINGS: &[Setting] = &[$(Setting {
            name: stringify!($name), unit: $unit, min: $min, max: $max, default: $default,
            rules: $rules, doc: $doc,
        }),+];

        #[expect(non_camel_case_types, reason = "positions are named exactly as their settings")]
        #[derive(Clone, Copy)]
        enum At { $($name),+ }

        impl Policy {
            $(#[doc = $doc] #[doc = ""]
            #[doc = concat!("Unit ", $unit, ", ", stringify!($min), " to ", stringify!($max),
                ", default ", stringify!($default), "; read by ", $rules, ".")]
            #[inline]
            pub fn $name(&self) -> u64 {
                self.values[At::$name as usize] as u64
            })+
        }
    };
}

settings! {
    evaluation_step_ms = 5_000 "ms" [1_000, 60_000] "all" "Findings are raised on ticks of \
        monotonic time that are multiples of this.";
    observation_gap_ms = 3_000 "ms" [500, 30_000] "all" "Between two sightings at most this far \
        apart a track (or the camera) counts as seen throughout.";
    liveness_waived = 0 "flag" [0, 1] "all" "1: liveness NotAssessed is accepted, and every \
        output says so. Never in production.";
    match_frames = 3 "frames" [1, 20] "identity" "Frames at or above T_match that make MATCHED.";
    match_spacing_ms = 1_000 "ms" [100, 10_000] "identity" "Least time between two frames that \
        count for MATCHED.";
    unmatched_frames = 5 "frames" [2, 50] "identity" "Good frames below T_reject that make \
        UNMATCHED.";
    unmatched_span_ms = 20_000 "ms" [5_000, 300_000] "identity" "Least span of those frames.";
    match_share_ppm = 50_000 "ppm" [0, 1_000_000] "identity" "Least share of frames at or above \
        T_match among all since the first of them, for MATCHED.";
    reverify_ms = 300_000 "ms" [30_000, 3_600_000] "identity" "A verified identity lapses to \
        INDETERMINATE this long after its last vote.";
    break_ms = 30_000 "ms" [2_000, 300_000] "identity" "A track not seen for this long is \
        verified anew.";
    visibility_min_ppm = 600_000 "ppm" [300_000, 1_000_000] "all with a session" "Least V; below, \
        the session is NotAssessable and nothing is alleged.";
    operating_pad_ms = 120_000 "ms" [0, 600_000] "LL-1, LL-5, NL-1 to NL-3, \
        UQ-3" "A = observed operating time ± this.";
    window_before_ms = 600_000 "ms" [0, 3_600_000] "LL-1, NL-1 to NL-3, \
        UQ-3" "A lead seen this long before the start counts as there.";
    window_after_ms = 300_000 "ms" [0, 3_600_000] "LL-1, LL-5, NL-1 to NL-3, \
        UQ-3" "A lead seen this long after the end counts as there; the verdict waits for it.";
    door_visible_min_ppm = 950_000 "ppm" [0, 1_000_000] "LL-1" "Least share of I with the door \
        zone visible.";
    op_bridge_ms = 12_000 "ms" [0, 60_000] "all" "Who was at the bed before and after a time of \
        at most this length without a look was there in between.";
    indeterminate_ignore_ms = 10_000 "ms" [0, 60_000] "LL-1, NL-1 to NL-3, \
        UQ-3" "An INDETERMINATE track seen for less cannot have been somebody's presence.";
    exclusion_gap_ms = 30_000 "ms" [0, 300_000] "LL-1, LL-5, NL-1 to NL-3, \
        UQ-2" "Looks are summed over stretches of this length, and speak for no time further from \
            them; 0: whoever is not recognised may be anybody.";
    evidence_out_mnat = 7_000 "mnat" [3_000, 20_000] "LL-1, LL-5, NL-1 to NL-3, UQ-1, \
        UQ-2" "Evidence against a person from which somebody surely is not he; 7,000: an error of \
            one in a thousand.";
    evidence_open_mnat = 1_000 "mnat" [0, 7_000] "LL-1, NL-1 to NL-3" "With less evidence against \
        a person the looks speak as much for him: he cannot be called absent.";
    evidence_named_mnat = 3_000 "mnat" [500, 20_000] "LL-1, NL-1 to NL-3" "Evidence for a person \
        from which looks name him.";
    join_gap_ms = 60_000 "ms" [0, 300_000] "identity" "A face that appears where another vanished \
        within this time, and no other could have, may be the same person.";
    join_alike_ppm = 580_000 "ppm" [0, 1_000_000] "identity" "Likeness of two tracks' faces from \
        which they are one person of a session.";
    ll1_activity_min_ms = 300_000 "ms" [60_000, 3_600_000] "LL-1" "Least |A|.";
    ll1_other_op_ms = 60_000 "ms" [10_000, 3_600_000] "LL-1" "Least Op of somebody else.";
    ll4_op_ms = 60_000 "ms" [1_000, 3_600_000] "LL-4" "Least Op in `uq_window_ms` that makes an \
        operator.";
    registry_age_max_ms = 86_400_000 "ms" [3_600_000, 2_592_000_000] "LL-4" "An older registry \
        snapshot yields L1 (refresh it).";
    ll5_presence_min_ppm = 200_000 "ppm" [0, 1_000_000] "LL-5" "Least Pres of the declared lead.";
    ll5_short_level = 0 "level" [0, 1] "LL-5" "Severity of a lead who did the lead's part and was \
        there for less than `ll5_presence_min_ppm`.";
    lead_part_surgery_ppm = 200_000 "ppm" [0, 1_000_000] "LL-1, LL-5" "The lead's own part of a \
        surgery or thread item that names none, as a share of A.";
    lead_part_energy_ms = 60_000 "ms" [0, 3_600_000] "LL-1, LL-5" "The lead's own part of an item \
        with an energy device that names none.";
    lead_part_injection_ms = 45_000 "ms" [0, 3_600_000] "LL-1, LL-5" "The lead's own part of an \
        injection item that names none.";
    lead_part_other_ms = 30_000 "ms" [0, 3_600_000] "LL-1, LL-5" "The lead's own part of another \
        item that names none.";
    nl_op_min_ms = 180_000 "ms" [10_000, 3_600_000] "NL-1 to NL-3, UQ-3" "Least Op.";
    nl_op_share_ppm = 200_000 "ppm" [0, 1_000_000] "NL-1 to NL-3, UQ-3" "Least Op as a share of \
        A, where that is more.";
    nl1_share_invasive_ppm = 800_000 "ppm" [0, 1_000_000] "NL-1" "Least g for surgery, injection, \
        thread.";
    nl1_share_energy_ppm = 500_000 "ppm" [0, 1_000_000] "NL-1" "Least g for an energy device.";
    nl1_gap_invasive_ms = 300_000 "ms" [60_000, 3_600_000] "NL-1" "A gap without a lead counts \
        from here: surgery, injection, thread.";
    nl1_gap_energy_ms = 600_000 "ms" [60_000, 3_600_000] "NL-1" "A gap without a lead counts from \
        here: energy device.";
    nl1_gap_level = 1 "level" [1, 2] "NL-1" "Severity of a lead who was there too little.";
    nl1_short_gap_ms = 60_000 "ms" [10_000, 3_600_000] "NL-1" "Gaps without a lead of at least \
        this length add up.";
    nl1_short_gaps_ppm = 500_000 "ppm" [0, 1_000_000] "NL-1" "From this share of A on they count.";
    nl2_share_ppm = 500_000 "ppm" [0, 1_000_000] "NL-2" "With a lead there for less it is L1.";
    nl2_with_lead_level = 0 "level" [0, 1] "NL-2" "Severity while a lead is present.";
    uq_op_ms = 60_000 "ms" [10_000, 3_600_000] "UQ-1, UQ-2" "Least Op within `uq_window_ms`.";
    uq_window_ms = 120_000 "ms" [10_000, 3_600_000] "UQ-1, UQ-2, LL-4" "The sliding window of \
        that Op.";
    uq_total_ms = 180_000 "ms" [10_000, 3_600_000] "UQ-1, UQ-2, LL-4" "Op in all from which it \
        counts; in UQ-1 of one or of several who take turns.";
    uq_long_ms = 300_000 "ms" [60_000, 3_600_000] "UQ-1, UQ-2" "Op from which the severity rises.";
    uq_blocked_count = 3 "count" [1, 100] "UQ-1" "Blocked UQ-1 events since the roster changed \
        that make an L1.";
    roster_age_max_ms = 86_400_000 "ms" [3_600_000, 2_592_000_000] "UQ-1" "With an older roster \
        nobody is a stranger.";
    hb2_ms = 60_000 "ms" [5_000, 3_600_000] "HB-2" "A covered, moved or frozen view counts from \
        here.";
    hb2_session_ms = 300_000 "ms" [60_000, 3_600_000] "HB-2" "No picture for so long at once \
        while a session was open counts.";
    hb2_session_sum_ms = 600_000 "ms" [60_000, 3_600_000] "HB-2" "No picture for so long in all \
        while a session was open counts.";
    hb3_ms = 180_000 "ms" [30_000, 3_600_000] "HB-3" "Operating on an occupied bed without a \
        session counts from here.";
    hb3_long_ms = 600_000 "ms" [60_000, 3_600_000] "HB-3" "From here it is L2.";
    hb4_frames = 3 "frames" [1, 50] "HB-4" "Spoof frames, `match_spacing_ms` apart, that make a \
        presentation attack.";
    hb4_share_ppm = 500_000 "ppm" [0, 1_000_000] "HB-4" "Least share of spoof among the track's \
        assessed frames.";
    hb7_ms = 300_000 "ms" [60_000, 3_600_000] "HB-7" "A bed occupied for so long with nobody in \
        the operator zone, and somebody beside it, counts.";
    emergency_ms = 3_600_000 "ms" [0, 14_400_000] "all with a session" "An emergency flag lowers \
        to L1 for so long from when it reached the server; who operates for longer than \
        `ll1_other_op_ms` after it is judged as without.";
    pieces_gap_ms = 600_000 "ms" [0, 3_600_000] "LL-1, NL-1 to NL-3, \
        UQ-1" "What one person did in sessions less than this apart is added up.";
    bed_bridge_ms = 180_000 "ms" [0, 3_600_000] "roles" "Between two sightings of the patient at \
        most this far apart the bed counts as occupied.";
    bed_seen_min_ms = 60_000 "ms" [0, 600_000] "roles" "Once the patient was seen on the bed over \
        this long, operating counts from his first to his last sighting.";
    patient_link_ms = 15_000 "ms" [0, 120_000] "roles" "An unidentified track that ends this long \
        before the bed is occupied, or begins this long after it is left, is the patient.";
    presence_bridge_ms = 60_000 "ms" [0, 600_000] "LL-5, NL-1" "Between two sightings of a person \
        at most this far apart he counts as in the room.";
    handover_ms = 50_000 "ms" [0, 600_000] "UQ-1" "An UNMATCHED track that takes turns at the bed \
        with a recognised person within this time may be that person.";
    session_idle_ms = 1_800_000 "ms" [300_000, 14_400_000] "sessions" "A session that nobody \
        closes ends when nobody has operated for this long.";
    session_max_ms = 43_200_000 "ms" [3_600_000, 86_400_000] "sessions" "A session that nobody \
        closes ends here at the latest.";
    declined_max_ms = 14_400_000 "ms" [1_800_000, 43_200_000] "sessions" "So long at most from its \
        start nobody is looked at in a session whose patient declined; a longer one is judged.";
    late_fact_ms = 7_200_000 "ms" [600_000, 86_400_000] "sessions" "So long after its window a \
        session is still judged anew by late facts; then it is forgotten.";
    clock_uncertainty_max_ms = 60_000 "ms" [1_000, 600_000] "sessions" "With a worse clock a \
        session is NotAssessable.";
    clock_step_max_ms = 60_000 "ms" [1_000, 600_000] "sessions" "After a greater step of the wall \
        clock an open session is NotAssessable.";
    p2_wipe_ms = 600_000 "ms" [60_000, 600_000] "privacy P2" "Embeddings of unmatched tracks are \
        wiped at the latest this long after the session.";
    track_gap_ms = 2_000 "ms" [200, 10_000] "tracker" "Longest occlusion that a track survives.";
    track_overlap_ppm = 200_000 "ppm" [10_000, 900_000] "tracker" "Least overlap with the \
        predicted box.";
    patient_dwell_ms = 3_000 "ms" [0, 60_000] "tracker" "A track first seen on the bed becomes \
        the patient after this time there.";
    patient_dwell_entered_ms = 20_000 "ms" [0, 600_000] "tracker" "A track first seen elsewhere \
        becomes the patient after this time on the bed.";
    patient_dwell_practitioner_ms = 300_000 "ms" [0, 3_600_000] "tracker" "A track that is \
        MATCHED becomes the patient after this time on the bed.";
}

/// The settings in force, with a version.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Policy {
    version: u32,
    values: [i64; SETTINGS.len()],
}

impl Default for Policy {
    fn default() -> Self {
        let mut values = [0; SETTINGS.len()];
        for (value, setting) in values.iter_mut().zip(SETTINGS) {
            *value = setting.default;
        }
        Self { version: 1, values }
    }
}

impl Policy {
    /// Every setting there is, in canonical order.
    pub fn settings() -> &'static [Setting] {
        SETTINGS
    }

    /// Version of this policy; findings carry it.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The same settings under another version.
    #[must_use]
    pub fn with_version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// Sets one by name.
    pub fn set(&mut self, name: &str, value: i64) -> Result<(), PolicyError> {
        let at = Self::position(name)?;
        let setting = &SETTINGS[at];
        if !(setting.min..=setting.max).contains(&value) {
            return Err(PolicyError::OutOfRange { setting, value });
        }
        self.values[at] = value;
        Ok(())
    }

    /// Reads one by name.
    pub fn get(&self, name: &str) -> Result<i64, PolicyError> {
        Self::position(name).map(|at| self.values[at])
    }

    /// The settings with their values, in canonical order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static Setting, i64)> + '_ {
        SETTINGS.iter().zip(self.values)
    }

    /// The text over which a policy's hash is taken: `version=N`, then `name=value` per line, in
    /// the order of the table.
    pub fn canonical(&self) -> String {
        let lines = self
            .iter()
            .map(|(setting, value)| [setting.name, "=", &value.to_string(), "\n"].concat());
        std::iter::once(format!("version={}\n", self.version)).chain(lines).collect()
    }

    fn position(name: &str) -> Result<usize, PolicyError> {
        SETTINGS
            .iter()
            .position(|s| s.name == name)
            .ok_or_else(|| PolicyError::UnknownSetting(name.to_owned()))
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let changed =
            self.iter().filter(|(s, value)| *value != s.default).map(|(s, value)| (s.name, value));
        f.debug_map().entry(&"version", &self.version).entries(changed).finish()
    }
}

#[cfg(feature = "serde")]
mod wire {
    //! On the wire a policy is `{version, settings: {name: value}}`; a missing setting has its
    //! default.
    use super::Policy;
    use std::collections::BTreeMap;

    #[derive(serde::Serialize, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Form {
        version: u32,
        settings: BTreeMap<String, i64>,
    }

    impl serde::Serialize for Policy {
        fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            let settings = self.iter().map(|(s, value)| (s.name.to_owned(), value)).collect();
            Form { version: self.version, settings }.serialize(to)
        }
    }

    impl<'de> serde::Deserialize<'de> for Policy {
        fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            let form = Form::deserialize(from)?;
            let mut policy = Self::default().with_version(form.version);
            for (name, value) in &form.settings {
                policy.set(name, *value).map_err(serde::de::Error::custom)?;
            }
            Ok(policy)
        }
    }
}
