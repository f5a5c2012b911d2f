//! The looks at one track, fused into one probe: a mean of unit embeddings that slowly forgets,
//! started anew when looks do not fit the others at all. It never decides who it is, and is wiped
//! when dropped; its owner drops it with the track, and at once when the track becomes the patient.

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::Embedding;

/// What an older look weighs against the next one. Five looks weigh 0.66, 0.73, 0.81, 0.9 and 1:
/// nearly the plain mean, which measured best (decision 0033), while a look of a minute ago has no
/// say any more.
const KEEP: f32 = 0.9;
/// A look less like the others than this is somebody else's (two tracks were swapped) or no usable
/// face: hardly ever do two photographs of one person fall short of it.
const SAME_FACE: f32 = 0.1;
/// So many such looks in a row, and what went before is forgotten. One alone is more often a bad
/// look.
const MISFITS: u32 = 2;

/// What a track has shown so far: one vector. Prints as `[redacted]`.
#[derive(Clone, Default, Zeroize, ZeroizeOnDrop)]
pub struct TrackProbe {
    sum: Vec<f32>,
    looks: u32,
    misfits: u32,
}

impl TrackProbe {
    /// Adds a look, and gives the probe of all looks so far: a unit vector. A look that does not
    /// fit is held out, and the probe stays what it was; the next such look begins a new one.
    pub fn add(&mut self, look: &Embedding) -> Embedding {
        if let Some(held) = self.fused() {
            match held.cosine(look) {
                Some(alike) if alike >= SAME_FACE => self.misfits = 0,
                Some(_) if self.misfits + 1 < MISFITS => {
                    self.misfits += 1;
                    return held;
                }
                _ => self.forget(),
            }
        }
        if self.sum.len() != look.len() {
            self.sum = vec![0.0; look.len()];
        }
        for (total, value) in self.sum.iter_mut().zip(look.as_slice()) {
            *total = *total * KEEP + value;
        }
        self.looks += 1;
        // A sum of unit vectors that are alike has a direction; without one the look itself is the
        // probe.
        self.fused().unwrap_or_else(|| look.clone())
    }

    /// Looks since the start, or since those that did not fit.
    pub fn looks(&self) -> u32 {
        self.looks
    }

    fn fused(&self) -> Option<Embedding> {
        Embedding::normalised(self.sum.clone())
    }

    fn forget(&mut self) {
        self.sum.zeroize();
        (self.looks, self.misfits) = (0, 0);
    }
}

impl std::fmt::Debug for TrackProbe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "TrackProbe({} looks, [redacted])", self.looks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(values: [f32; 3]) -> Embedding {
        Embedding::normalised(values.to_vec()).expect("a direction")
    }

    fn same(a: &Embedding, b: &Embedding) -> bool {
        a.cosine(b).is_some_and(|alike| alike > 0.9999)
    }

    #[test]
    fn looks_at_one_face_are_averaged() {
        let mut probe = TrackProbe::default();
        let first = unit([1.0, 0.5, 0.0]);
        assert!(same(&probe.add(&first), &first), "one look is its own probe");
        let fused = probe.add(&unit([1.0, -0.4, 0.0]));
        let alike = fused.cosine(&unit([1.0, 0.0, 0.0])).expect("one length");
        assert!(alike > 0.999, "{alike}");
        assert_eq!(probe.looks(), 2);
    }

    #[test]
    fn another_person_resets_the_evidence_one_bad_look_does_not() {
        let mut probe = TrackProbe::default();
        for _ in 0..5 {
            probe.add(&unit([1.0, 0.0, 0.0]));
        }
        let other = unit([0.0, 1.0, 0.0]);
        assert!(same(&probe.add(&other), &unit([1.0, 0.0, 0.0])));
        assert_eq!(probe.looks(), 5);
        assert!(same(&probe.add(&other), &other));
        assert_eq!(probe.looks(), 1);
    }

    #[test]
    fn an_embedding_of_another_length_starts_anew() {
        let mut probe = TrackProbe::default();
        probe.add(&unit([1.0, 0.0, 0.0]));
        let longer = Embedding::normalised(vec![1.0; 4]).expect("a direction");
        assert_eq!(probe.add(&longer).len(), 4);
    }

    #[test]
    fn nothing_of_a_face_is_printed() {
        let mut probe = TrackProbe::default();
        probe.add(&unit([1.0, 0.0, 0.0]));
        assert_eq!(format!("{probe:?}"), "TrackProbe(1 looks, [redacted])");
    }
}
