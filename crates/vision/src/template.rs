//! A template: an embedding that is kept, with the name of the pack that made it, and its byte
//! form. It never says whose it is, never prints its numbers, and never mixes packs.

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::embedding::Embedding;

/// Why a template is refused; one line each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    #[error(
        "the template was made with pack \"{template}\" but pack \"{gallery}\" is loaded; make it \
        anew from the enrolment photo"
    )]
    OtherPack { template: String, gallery: String },
    #[error(
        "the template holds {got} numbers, the pack makes {wanted}; make it anew from the \
        enrolment photo"
    )]
    WrongLength { got: usize, wanted: usize },
    #[error("the template is not a vector of length 1; make it anew from the enrolment photo")]
    NotUnit,
    #[error(
        "the template holds a number that is not finite; make it anew from the enrolment photo"
    )]
    NotFinite,
}

/// An embedding with the name of its pack.
#[derive(Clone, PartialEq)]
pub struct Template {
    pack: Arc<str>,
    embedding: Embedding,
}

impl Template {
    pub fn new(pack: impl Into<Arc<str>>, embedding: Embedding) -> Self {
        Self { pack: pack.into(), embedding }
    }

    pub fn pack(&self) -> &str {
        &self.pack
    }

    pub fn embedding(&self) -> &Embedding {
        &self.embedding
    }

    /// The numbers as little-endian `f32`, 4 bytes each; the bytes are wiped when dropped.
    pub fn to_bytes(&self) -> Zeroizing<Vec<u8>> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(self.embedding.len() * 4));
        for value in self.embedding.as_slice() {
            bytes.extend_from_slice(&value.to_le_bytes());
        }
        bytes
    }

    /// Reads [`Template::to_bytes`] back. `length` is the embedding length of the pack, e.g. 256.
    pub fn from_bytes(
        pack: impl Into<Arc<str>>,
        length: usize,
        bytes: &[u8],
    ) -> Result<Self, TemplateError> {
        if bytes.len() != length * 4 {
            return Err(TemplateError::WrongLength { got: bytes.len() / 4, wanted: length });
        }
        let mut values = Zeroizing::new(Vec::with_capacity(length));
        for chunk in bytes.chunks_exact(4) {
            values.push(f32::from_le_bytes([chunk[0], chunk[1], chunk[2], chunk[3]]));
        }
        if values.iter().any(|v| !v.is_finite()) {
            return Err(TemplateError::NotFinite);
        }
        let length = values.iter().map(|v| v * v).sum::<f32>().sqrt();
        if (length - 1.0).abs() > 1e-3 {
            return Err(TemplateError::NotUnit);
        }
        let embedding =
            Embedding::normalised(std::mem::take(&mut *values)).ok_or(TemplateError::NotUnit)?;
        Ok(Self::new(pack, embedding))
    }

    /// The same template, turned (see [`crate::Rotation`]).
    #[must_use]
    pub fn turned(&self, rotation: &crate::Rotation) -> Self {
        Self { pack: Arc::clone(&self.pack), embedding: rotation.turn(&self.embedding) }
    }

    /// The template as it was before [`Template::turned`].
    #[must_use]
    pub fn turned_back(&self, rotation: &crate::Rotation) -> Self {
        Self { pack: Arc::clone(&self.pack), embedding: rotation.turn_back(&self.embedding) }
    }
}

impl std::fmt::Debug for Template {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Template(pack {}, [redacted])", self.pack)
    }
}
