//! A face becomes a unit vector: align, feed, run, L2-normalise. It keeps none.

use crate::{
    align::Similarity,
    embedding::Embedding,
    error::VisionError,
    frame::Frame,
    runtime::{Expect, Net, Runtime},
    sample,
    spec::EmbedderSpec,
    wiped::wipe,
};

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
        let expect = Expect {
            role: "embedder",
            size,
            seldom: false,
            any_size: false,
            outputs: &[("", spec.length)],
        };
        let net = runtime.open_fed(&spec.model, &expect, &mut Some(&mut spec.input))?;
        Ok(Self { net, spec, planes: Vec::new(), not_finite: 0 })
    }

    /// Length of the embeddings that it makes.
    pub fn length(&self) -> usize {
        self.spec.length
    }

    /// Aligns the face by its landmarks and embeds it.
    pub fn embed(
        &mut self,
        frame: Frame<'_>,
        landmarks: &[[f32; 2]; 5],
    ) -> Result<Embedding, VisionError> {
        self.align(frame, landmarks)?;
        self.run()
    }

    /// The step before the network, for whoever counts what it costs.
    #[doc(hidden)]
    pub fn align(
        &mut self,
        frame: Frame<'_>,
        landmarks: &[[f32; 2]; 5],
    ) -> Result<(), VisionError> {
        let to_frame = Similarity::to_template(landmarks, &self.spec.template)?.inverse();
        sample::warped(frame, &to_frame, &self.spec.input, &mut self.planes);
        Ok(())
    }

    /// Embeds the mirrored face: a second look at the same picture.
    pub fn embed_mirrored(
        &mut self,
        frame: Frame<'_>,
        landmarks: &[[f32; 2]; 5],
    ) -> Result<Embedding, VisionError> {
        self.align(frame, landmarks)?;
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

    #[doc(hidden)]
    pub fn holds_pixels(&self) -> bool {
        self.planes.iter().any(|value| *value != 0.0)
    }

    /// Runs the network again at the last face's size: the floor that benchmarks compare with.
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
        let values = self.net.run(size, &self.planes, |outputs| Ok(outputs.get("")?.to_vec()));
        // The aligned face does not outlive its embedding.
        wipe(&mut self.planes);
        let values = values?;
        Embedding::normalised(values).ok_or_else(|| {
            self.not_finite += 1;
            VisionError::NotFinite { role: "embedder" }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(values: &[f32]) -> Embedding {
        Embedding::normalised(values.to_vec()).expect("a direction")
    }

    #[test]
    fn the_cosine_of_joined_vectors_is_the_weighted_mean() {
        let (a, b) = (unit(&[1.0, 0.0]), unit(&[0.6, 0.8]));
        let (c, d) = (unit(&[0.0, 1.0, 0.0]), unit(&[0.0, 0.8, 0.6]));
        let joined = a.joined(&c, 0.25).cosine(&b.joined(&d, 0.25)).expect("one length");
        assert!((joined - (0.75 * 0.6 + 0.25 * 0.8)).abs() < 1e-6, "{joined}");
    }

    #[test]
    fn a_covered_face_is_compared_by_the_first_network_alone() {
        let (a, b) = (unit(&[1.0, 0.0]), unit(&[0.6, 0.8]));
        let template = b.joined(&unit(&[0.0, 0.8, 0.6]), 0.5);
        let alone = a.alone(3).cosine(&template).expect("one length");
        assert!((alone - 0.5_f32.sqrt() * 0.6).abs() < 1e-6, "{alone}");
    }
}
