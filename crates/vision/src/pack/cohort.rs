//! The cohort that scores are held against where few people are enrolled: vectors drawn from the
//! mean and the spread of many people's faces, none of which is a person (decision 0116). They are
//! made by `evaluate`'s example `cohort`, lie in the program, and go with the embedders that they
//! were made with, whatever the pack is called. Nobody is ever matched to one, and no photograph or
//! template is in it.

use std::sync::{Arc, LazyLock};

use super::Digest;
use crate::embedding::Embedding;

/// The first line of a file: this, the embedders' digest, rows, numbers in a row.
const MAGIC: &str = "zaigang-cohort-1";
/// Most rows, and most numbers in a row.
const MOST_ROWS: usize = 4_096;
const MOST_LENGTH: usize = 4_096;

const FILES: [&[u8]; 2] = [
    include_bytes!("../../../../models/cohort/real.cohort"),
    include_bytes!("../../../../models/cohort/lite.cohort"),
];

static BUILT_IN: LazyLock<Vec<Cohort>> =
    LazyLock::new(|| FILES.iter().filter_map(|bytes| Cohort::parse(bytes).ok()).collect());

/// The rows of one file.
#[derive(Debug, Clone)]
pub struct Cohort {
    /// [`super::Pack::embedder_digest`] of the embedders that the rows belong to.
    pub embedder: Digest,
    pub rows: Arc<[Embedding]>,
}

/// The rows for these embedders; none where none were made. A test holds that every file of the
/// program can be read.
pub(super) fn built_in(embedder: Digest) -> Arc<[Embedding]> {
    BUILT_IN
        .iter()
        .find(|cohort| cohort.embedder == embedder)
        .map(|cohort| Arc::clone(&cohort.rows))
        .unwrap_or_default()
}

impl Cohort {
    /// Reads what [`Cohort::to_bytes`] wrote; the error is one line.
    pub fn parse(bytes: &[u8]) -> Result<Self, String> {
        let end =
            bytes.iter().take(256).position(|b| *b == b'\n').ok_or("the first line is missing")?;
        let head = std::str::from_utf8(&bytes[..end]).map_err(|_| "the first line is no text")?;
        let [MAGIC, embedder, rows, length] = head.split(' ').collect::<Vec<_>>()[..] else {
            return Err(format!("the first line is not \"{MAGIC} DIGEST ROWS LENGTH\""));
        };
        let embedder: Digest =
            embedder.parse().map_err(|_| "the digest is not 64 hex digits".to_owned())?;
        let count =
            |text: &str, most| text.parse::<usize>().ok().filter(|n| (1..=most).contains(n));
        let (Some(rows), Some(length)) = (count(rows, MOST_ROWS), count(length, MOST_LENGTH))
        else {
            return Err(format!("rows are 1 to {MOST_ROWS}, numbers 1 to {MOST_LENGTH}"));
        };
        let values = &bytes[end + 1..];
        if values.len() != rows * length {
            return Err(format!("{} numbers, {rows} rows of {length} were promised", values.len()));
        }
        let row = |codes: &[u8]| {
            Embedding::normalised(codes.iter().map(|c| f32::from(c.cast_signed())).collect())
        };
        let rows: Option<Vec<Embedding>> = values.chunks_exact(length).map(row).collect();
        Ok(Self { embedder, rows: rows.ok_or("a row is all zeros")?.into() })
    }

    /// The file: a line of text, then each number in 8 bits, row by row; a row's scale does not
    /// count.
    pub fn to_bytes(&self) -> Vec<u8> {
        let length = self.rows.first().map_or(0, Embedding::len);
        let mut bytes =
            format!("{MAGIC} {} {} {length}\n", self.embedder, self.rows.len()).into_bytes();
        for row in self.rows.iter() {
            let largest =
                row.as_slice().iter().fold(f32::MIN_POSITIVE, |most, v| most.max(v.abs()));
            bytes.extend(
                row.as_slice()
                    .iter()
                    .map(|v| ((v / largest * 127.0).round() as i8).cast_unsigned()),
            );
        }
        bytes
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::pack::PackManifest;

    fn cohort() -> Cohort {
        let rows = [[1.0, 0.5, 0.0], [0.0, -1.0, 0.25]]
            .map(|v| Embedding::normalised(v.to_vec()).expect("a direction"));
        Cohort { embedder: Digest::of(b"e"), rows: rows.to_vec().into() }
    }

    #[test]
    fn a_file_is_read_as_it_was_written() {
        let read = Cohort::parse(&cohort().to_bytes()).expect("a sound file");
        assert_eq!(read.embedder, cohort().embedder);
        for (was, is) in cohort().rows.iter().zip(read.rows.iter()) {
            assert!(was.cosine(is).is_some_and(|alike| alike > 0.999));
        }
    }

    #[test]
    fn a_file_cut_short_or_of_zeros_is_refused() {
        let bytes = cohort().to_bytes();
        let said = Cohort::parse(&bytes[..bytes.len() - 1]).expect_err("cut short");
        assert!(said.contains("5 numbers") && !said.contains('\n'), "{said}");
        let head = bytes.iter().position(|b| *b == b'\n').expect("a line") + 1;
        let mut zeros = bytes;
        zeros[head..].fill(0);
        assert!(Cohort::parse(&zeros).is_err());
    }

    #[test]
    fn every_file_of_the_program_belongs_to_a_pack() {
        let manifest = PackManifest::built_in().expect("the manifest");
        for (bytes, pack) in FILES.iter().zip(["real", "lite"]) {
            let cohort = Cohort::parse(bytes).expect("a sound file");
            let pack = manifest.pack(pack).expect("the pack");
            assert_eq!(
                cohort.embedder,
                pack.embedder_digest(),
                "made for other embedders: run the example `cohort`"
            );
            let length = pack.embedder.length
                + pack.companion.as_ref().map_or(0, |second| second.embedder.length);
            assert!(cohort.rows.iter().all(|row| row.len() == length) && cohort.rows.len() >= 100);
        }
    }

    proptest! {
        #[test]
        fn outside_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..400),
            cut in 0_usize..200) {
            let _ = Cohort::parse(&bytes);
            let file = cohort().to_bytes();
            let _ = Cohort::parse(&[&file[..cut.min(file.len())], &bytes].concat());
        }
    }
}
