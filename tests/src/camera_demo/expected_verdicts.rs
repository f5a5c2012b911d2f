//! What the page promises of an act: the verdicts that may come and the rules that speak, by what
//! there is to see with. It promises what the real rules say and no more; the tests play the acts
//! and hold it against what came. Pure.

use std::collections::BTreeSet;

use serde::Serialize;

use super::act::Act;
use super::source::DemoSource;

/// What there is to see with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Footing {
    /// A camera, and a pack that judges whether a face is alive.
    Live,
    /// A film or photographs: nobody in them does what the page asks, and nothing in them lives.
    Recorded,
    /// Drawn people, who play the acts themselves; their pack judges no life.
    Drawn,
    /// People before a pack that knows drawn faces only.
    Strange,
}

/// What comes of an act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Promise {
    /// Verdicts of which some come while the session runs; none: nobody is there.
    pub(super) seen: &'static [&'static str],
    /// Rules that speak.
    pub(super) raises: &'static [&'static str],
    /// Rules that may speak, too.
    pub(super) may_raise: &'static [&'static str],
}

impl Promise {
    /// Whether what was seen and raised is what was promised.
    pub(super) fn is_kept(&self, seen: &BTreeSet<&str>, raised: &BTreeSet<&str>) -> bool {
        let known = |rule: &&str| self.raises.contains(rule) || self.may_raise.contains(rule);
        let seen_as_said = seen.iter().all(|status| self.seen.contains(status))
            && seen.is_empty() == self.seen.is_empty();
        seen_as_said && self.is_complete(raised) && raised.iter().all(known)
    }

    /// Whether every rule that speaks has spoken.
    pub(super) fn is_complete(&self, raised: &BTreeSet<&str>) -> bool {
        self.raises.iter().all(|rule| raised.contains(rule))
    }
}

impl Footing {
    pub(super) fn of(source: &DemoSource, pack: &str) -> Self {
        match source {
            DemoSource::Crowd => Self::Drawn,
            _ if pack != "real" => Self::Strange,
            DemoSource::Device(_) | DemoSource::Rtsp { .. } => Self::Live,
            DemoSource::Video(_) | DemoSource::Folder(_) => Self::Recorded,
        }
    }

    /// The acts that can be played, in the order in which they make sense.
    pub(super) fn acts(self) -> &'static [Act] {
        match self {
            // A recording does not hold up a photograph when it is asked to.
            Self::Recorded => &[Act::Work, Act::Other],
            _ => &[Act::Other, Act::Photo, Act::Mask, Act::Leave, Act::Work],
        }
    }

    /// What comes of an act; `None`: nothing can be promised.
    pub(super) fn promise(self, act: Act) -> Option<Promise> {
        Some(match (self, act) {
            (Self::Strange, _) => return None,
            (Self::Recorded, Act::Other) => Promise {
                seen: &["UNMATCHED", "INDETERMINATE", "MATCHED"],
                raises: &[],
                may_raise: &["UQ-1", "LL-1", "LL-5"],
            },
            (_, Act::Other) => Promise {
                seen: &["UNMATCHED", "INDETERMINATE"],
                raises: &["UQ-1", "LL-1"],
                may_raise: &[],
            },
            // Networks that look at single pictures find out some prints and screens, are unsure of
            // others, and take a photograph that fills the picture for the person. What is called
            // no living face all the time is nobody, and a session with nobody is HB-1's.
            (Self::Live, Act::Photo) => Promise {
                seen: &["SPOOF", "INDETERMINATE", "MATCHED"],
                raises: &[],
                may_raise: &["HB-4", "HB-1"],
            },
            (_, Act::Leave) => Promise { seen: &[], raises: &["HB-1"], may_raise: &[] },
            (_, Act::Photo | Act::Mask | Act::Work) => {
                Promise { seen: &["MATCHED", "INDETERMINATE"], raises: &[], may_raise: &[] }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Footing; 4] = [Footing::Live, Footing::Recorded, Footing::Drawn, Footing::Strange];

    #[test]
    fn only_a_living_camera_promises_spoof() {
        for footing in ALL {
            for act in footing.acts() {
                let seen = footing.promise(*act).map_or(&[][..], |promise| promise.seen);
                let spoof = seen.contains(&"SPOOF");
                assert_eq!(spoof, footing == Footing::Live && *act == Act::Photo, "{footing:?}");
            }
        }
        // Nor does it promise that a photograph is always found out.
        let photo = Footing::Live.promise(Act::Photo).unwrap();
        assert!(photo.seen.contains(&"MATCHED") && photo.raises.is_empty());
    }

    #[test]
    fn a_recording_is_asked_for_nothing_it_cannot_play() {
        let film = Footing::of(&DemoSource::Video("a.mp4".into()), "real");
        for act in [Act::Photo, Act::Mask, Act::Leave] {
            assert!(!film.acts().contains(&act), "{act:?}");
        }
    }

    #[test]
    fn what_was_not_promised_breaks_a_promise() {
        let other = Footing::Live.promise(Act::Other).unwrap();
        let (stranger, you) = (BTreeSet::from(["UNMATCHED"]), BTreeSet::from(["MATCHED"]));
        let (nobody, both) = (BTreeSet::new(), BTreeSet::from(["UQ-1", "LL-1"]));
        assert!(other.is_kept(&stranger, &both));
        assert!(!other.is_kept(&stranger, &BTreeSet::from(["UQ-1"])), "one is missing");
        let more = BTreeSet::from(["UQ-1", "LL-1", "HB-2"]);
        assert!(!other.is_kept(&stranger, &more), "one is too many");
        assert!(!other.is_kept(&you, &both), "you were still there");
        let mask = Footing::Drawn.promise(Act::Mask).unwrap();
        assert!(mask.is_kept(&you, &nobody) && !mask.is_kept(&you, &BTreeSet::from(["UQ-1"])));
        assert!(!mask.is_kept(&nobody, &nobody), "nobody was there");
        let leave = Footing::Drawn.promise(Act::Leave).unwrap();
        let silent = BTreeSet::from(["HB-1"]);
        assert!(leave.is_kept(&nobody, &silent) && !leave.is_kept(&you, &silent));
    }

    #[test]
    fn a_pack_that_knows_no_people_promises_nothing_of_them() {
        let source = DemoSource::Device("/dev/video0".into());
        assert_eq!(Footing::of(&source, "avatar").promise(Act::Work), None);
        assert_eq!(Footing::of(&source, "real"), Footing::Live);
        assert_eq!(Footing::of(&DemoSource::Crowd, "avatar"), Footing::Drawn);
    }
}
