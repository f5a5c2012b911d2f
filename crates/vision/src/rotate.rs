//! A clinic's secret turn of its templates (requirement P10): an orthonormal map made of seeded
//! Householder reflections. Cosines stay as they are, while templates of two clinics, or of two
//! keys, cannot be compared. It is no encryption: who holds the key can turn back, and templates
//! stay encrypted at rest beside it.

use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{embedding::Embedding, kernel};

/// A secret orthonormal map of vectors of one length.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Rotation {
    /// Unit normals of the mirrors, one after the other: the first has `length` numbers, each later
    /// one fewer.
    mirrors: Vec<f32>,
    length: usize,
}

impl Rotation {
    /// The turn that belongs to a 32-byte key, for embeddings of `length` numbers. The same key
    /// always gives the same turn, on every machine to within rounding. One mirror for each
    /// dimension, each of a normal deviate (Stewart 1980): every orthonormal map is equally likely.
    /// Few mirrors would hardly turn anything: 32 at length 256 leave a cosine of 0.6 between two
    /// keys.
    pub fn from_key(key: &[u8; 32], length: usize) -> Self {
        let mut rng = ChaCha20Rng::from_seed(*key);
        let mut mirrors = Vec::with_capacity(length * (length + 1) / 2);
        for size in (1..=length).rev() {
            mirrors.extend(mirror(&mut rng, size));
        }
        Self { mirrors, length }
    }

    /// Length of the embeddings that it turns.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Turns an embedding; `length`² multiplications. One of another length comes back as it was;
    /// the gallery refuses it by its length.
    #[must_use]
    pub fn turn(&self, embedding: &Embedding) -> Embedding {
        self.reflect(embedding, (1..=self.length).rev())
    }

    /// Undoes [`Rotation::turn`].
    #[must_use]
    pub fn turn_back(&self, embedding: &Embedding) -> Embedding {
        self.reflect(embedding, 1..=self.length)
    }

    /// Reflects at the mirrors of these sizes, in this order. A mirror of size n leaves all but the
    /// last n numbers.
    fn reflect(&self, embedding: &Embedding, sizes: impl Iterator<Item = usize>) -> Embedding {
        if embedding.len() != self.length {
            return embedding.clone();
        }
        let mut values = embedding.as_slice().to_vec();
        for size in sizes {
            let end = self.mirrors.len() - size * (size - 1) / 2;
            let mirror = &self.mirrors[end - size..end];
            let part = &mut values[self.length - size..];
            let twice = 2.0 * kernel::dot(part, mirror);
            for (value, normal) in part.iter_mut().zip(mirror) {
                *value -= twice * normal;
            }
        }
        // A reflection keeps the length, so a unit vector cannot become unusable.
        Embedding::normalised(values).unwrap_or_else(|| embedding.clone())
    }
}

impl std::fmt::Debug for Rotation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rotation(length {}, [redacted])", self.length)
    }
}

/// The unit normal of the mirror that carries a drawn direction onto the first axis.
fn mirror(rng: &mut ChaCha20Rng, size: usize) -> Vec<f32> {
    let mut values: Vec<f64> = (0..size).map(|_| normal(rng)).collect();
    let norm = |values: &[f64]| values.iter().map(|v| v * v).sum::<f64>().sqrt();
    values[0] += norm(&values).copysign(values[0]);
    let length = norm(&values);
    values.iter().map(|v| (v / length) as f32).collect()
}

/// A normal deviate (Box-Muller).
fn normal(rng: &mut ChaCha20Rng) -> f64 {
    let mut uniform = || (f64::from(rng.next_u32()) + 0.5) / 4_294_967_296.0;
    (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos()
}
