//! A face as a vector: held in memory alone, wiped with its owner, and compared by its cosine.

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::kernel;

/// A face as a vector of length 1. Two are compared by their cosine.
#[derive(Clone, PartialEq, Zeroize, ZeroizeOnDrop)]
pub struct Embedding {
    values: Vec<f32>,
}

impl Embedding {
    /// Scales `values` to length 1. `None` where one is not finite, or all are 0.
    pub fn normalised(values: Vec<f32>) -> Option<Self> {
        let mut embedding = Self { values };
        embedding.normalise().then_some(embedding)
    }

    /// The numbers; for the gallery and the sealed wire form only.
    pub fn as_slice(&self) -> &[f32] {
        &self.values
    }

    pub fn len(&self) -> usize {
        self.values.len()
    }

    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Cosine of the angle between two embeddings, -1 to 1; `None` where their lengths differ.
    pub fn cosine(&self, other: &Self) -> Option<f32> {
        (self.len() == other.len()).then(|| kernel::dot(&self.values, &other.values))
    }

    /// Both vectors, one behind the other, as one of length 1: the cosine of two such is the mean
    /// of both cosines, the second weighing `share` (0-1).
    #[must_use]
    pub fn joined(&self, second: &Self, share: f32) -> Self {
        let (first, weight) = ((1.0 - share).max(0.0).sqrt(), share.max(0.0).sqrt());
        let mut values = Vec::with_capacity(self.len() + second.len());
        values.extend(self.values.iter().map(|v| v * first));
        values.extend(second.values.iter().map(|v| v * weight));
        Self { values }
    }

    /// This vector where the second one is left out: held against [`Embedding::joined`] ones, its
    /// cosine is the first network's, times the root of what that one weighs.
    #[must_use]
    pub fn alone(&self, second_length: usize) -> Self {
        let mut values = Vec::with_capacity(self.len() + second_length);
        values.extend_from_slice(&self.values);
        values.resize(self.len() + second_length, 0.0);
        Self { values }
    }

    /// The weighted mean direction of several embeddings. `None` where there is none, or lengths or
    /// numbers do not fit.
    pub fn mean<'a>(weighted: impl IntoIterator<Item = (&'a Self, f32)>) -> Option<Self> {
        let mut sum: Option<Self> = None;
        for (embedding, weight) in weighted {
            let sum = sum.get_or_insert_with(|| Self { values: vec![0.0; embedding.len()] });
            if sum.len() != embedding.len() {
                return None;
            }
            for (total, value) in sum.values.iter_mut().zip(&embedding.values) {
                *total += value * weight;
            }
        }
        let mut sum = sum?;
        sum.normalise().then_some(sum)
    }

    fn normalise(&mut self) -> bool {
        let length = self.values.iter().map(|v| v * v).sum::<f32>().sqrt();
        if !length.is_finite() || length < 1e-12 {
            return false;
        }
        for value in &mut self.values {
            *value /= length;
        }
        true
    }
}

impl std::fmt::Debug for Embedding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}
