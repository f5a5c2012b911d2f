//! A clinic's secret turn of its templates (requirement P10): an orthonormal map made of seeded Householder
//! reflections. Cosines stay as they are, while templates of two clinics, or of two keys, cannot be compared.
//! It is no encryption: who holds the key can turn back, and templates stay encrypted at rest beside it.

use rand_chacha::{
    ChaCha20Rng,
    rand_core::{Rng, SeedableRng},
};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{embed::Embedding, kernel};

/// Reflections in one turn. With 32 the map moves every direction; cost 32 × 2 × length, 16 k multiplications
/// at length 256.
const REFLECTIONS: usize = 32;

/// A secret orthonormal map of vectors of one length.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Rotation {
    /// Unit normals of the mirrors, one after the other.
    mirrors: Vec<f32>,
    length: usize,
}

impl Rotation {
    /// The turn that belongs to a 32-byte key, for embeddings of `length` numbers. The same key always gives the
    /// same turn, on every machine to within rounding.
    pub fn from_key(key: &[u8; 32], length: usize) -> Self {
        let mut rng = ChaCha20Rng::from_seed(*key);
        let mut mirrors = Vec::with_capacity(REFLECTIONS * length);
        for _ in 0..REFLECTIONS {
            let normal = unit_normal(&mut rng, length);
            mirrors.extend_from_slice(&normal);
        }
        Self { mirrors, length }
    }

    /// Length of the embeddings that it turns.
    pub fn length(&self) -> usize {
        self.length
    }

    /// Turns an embedding. One of another length comes back as it was; the gallery refuses it by its length.
    #[must_use]
    pub fn turn(&self, embedding: &Embedding) -> Embedding {
        self.reflect(embedding, self.mirrors.chunks_exact(self.length.max(1)))
    }

    /// Undoes [`Rotation::turn`].
    #[must_use]
    pub fn turn_back(&self, embedding: &Embedding) -> Embedding {
        self.reflect(embedding, self.mirrors.chunks_exact(self.length.max(1)).rev())
    }

    fn reflect<'m>(&self, embedding: &Embedding, mirrors: impl Iterator<Item = &'m [f32]>) -> Embedding {
        if embedding.len() != self.length {
            return embedding.clone();
        }
        let mut values = embedding.as_slice().to_vec();
        for mirror in mirrors {
            let twice = 2.0 * kernel::dot(&values, mirror);
            for (value, normal) in values.iter_mut().zip(mirror) {
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

/// A direction drawn evenly from the sphere: normal deviates by Box-Muller, then scaled to length 1.
fn unit_normal(rng: &mut ChaCha20Rng, length: usize) -> Vec<f32> {
    let mut uniform = || (f64::from(rng.next_u32()) + 0.5) / 4_294_967_296.0;
    let values: Vec<f64> =
        (0..length).map(|_| (-2.0 * uniform().ln()).sqrt() * (std::f64::consts::TAU * uniform()).cos()).collect();
    let norm = values.iter().map(|v| v * v).sum::<f64>().sqrt();
    values.iter().map(|v| (v / norm) as f32).collect()
}
