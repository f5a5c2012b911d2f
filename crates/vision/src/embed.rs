//! A face becomes a unit vector: align, feed, run, L2-normalise. The vector is wiped when dropped and never printed.

use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{
    align::Similarity,
    error::VisionError,
    frame::Frame,
    kernel,
    runtime::{Expect, Net, Runtime},
    sample,
    spec::EmbedderSpec,
};

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

    /// The weighted mean direction of several embeddings. `None` where there is none, or lengths or numbers
    /// do not fit.
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

/// An open embedder with its buffers.
#[derive(Debug)]
pub struct Embedder {
    net: Net,
    spec: EmbedderSpec,
    planes: Vec<f32>,
    not_finite: u64,
}

impl Embedder {
    pub fn load(runtime: &Runtime, spec: &EmbedderSpec) -> Result<Self, VisionError> {
        let mut spec = spec.clone();
        let size = (spec.input.width, spec.input.height);
        let expect = Expect { role: "embedder", size, any_size: false, outputs: &[("", spec.length)] };
        let net = runtime.open_fed(&spec.model, &expect, &mut Some(&mut spec.input))?;
        Ok(Self { net, spec, planes: Vec::new(), not_finite: 0 })
    }

    /// Length of the embeddings that it makes.
    pub fn length(&self) -> usize {
        self.spec.length
    }

    /// Aligns the face by its landmarks and embeds it.
    pub fn embed(&mut self, frame: Frame<'_>, landmarks: &[[f32; 2]; 5]) -> Result<Embedding, VisionError> {
        let to_frame = Similarity::to_template(landmarks, &self.spec.template)?.inverse();
        sample::warped(frame, &to_frame, &self.spec.input, &mut self.planes);
        self.run()
    }

    /// Embeds the mirrored face: a second look at the same picture.
    pub fn embed_mirrored(&mut self, frame: Frame<'_>, landmarks: &[[f32; 2]; 5]) -> Result<Embedding, VisionError> {
        let to_frame = Similarity::to_template(landmarks, &self.spec.template)?.inverse();
        sample::warped(frame, &to_frame, &self.spec.input, &mut self.planes);
        for row in self.planes.chunks_exact_mut(self.spec.input.width as usize) {
            row.reverse();
        }
        self.run()
    }

    /// Embeds a face that is aligned already; `aligned` has exactly the template's size.
    pub fn embed_aligned(&mut self, aligned: Frame<'_>) -> Result<Embedding, VisionError> {
        let size = (self.spec.input.width, self.spec.input.height);
        if (aligned.width(), aligned.height()) != size {
            return Err(crate::frame::FrameError::WrongLength {
                width: size.0,
                height: size.1,
                bytes: aligned.data().len(),
            }
            .into());
        }
        sample::padded(aligned, size, &self.spec.input, &mut self.planes);
        self.run()
    }

    /// Runs the network again on the last face: the floor that benchmarks compare with.
    #[doc(hidden)]
    pub fn run_again(&mut self) -> Result<(), VisionError> {
        self.net.run((self.spec.input.width, self.spec.input.height), &self.planes, |_| Ok(()))
    }

    /// How many answers were dropped because they were not finite.
    pub fn dropped_not_finite(&self) -> u64 {
        self.not_finite
    }

    fn run(&mut self) -> Result<Embedding, VisionError> {
        let size = (self.spec.input.width, self.spec.input.height);
        let values = self.net.run(size, &self.planes, |outputs| Ok(outputs.get("")?.to_vec()))?;
        // The aligned face itself must not outlive its embedding by long: the buffer is overwritten.
        Embedding::normalised(values).ok_or_else(|| {
            self.not_finite += 1;
            VisionError::NotFinite { role: "embedder" }
        })
    }
}
