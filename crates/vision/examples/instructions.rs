//! Does each stage of a look once, for `scripts/bench-instructions` to count: `instructions
//! [PICTURE]`, a JPEG with a face. What is counted is what happens inside the functions named
//! `counted_…`, or between two questions for a file `/counted/STAGE/begins` and `…/ends` that an
//! emulator writes down; everything else, the start and a first round that warms the networks, is
//! not. It prints no time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark says what it expects, and stops there"
)]

use std::hint::black_box;

use vision::{
    Analyzer, Embedding, FaceBox, Gallery, Options, PackSpec, Picture, PixelOrder, Rect, Rivals,
    Runtime, Template,
    pack::{PackManifest, Search},
};

const SIZE: (u32, u32) = (640, 480);

fn main() {
    vision::telemetry::begin_without();
    let jpeg = std::env::args().nth(1).map_or_else(drawn, |path| std::fs::read(path).unwrap());
    let search = Search::standard(None);
    let spec =
        PackManifest::built_in().unwrap().pack("real").unwrap().locate(&search).unwrap().spec();
    let mut bench = Bench::open(&jpeg, &spec);
    bench.warm();
    let stages: [(&str, Stage); 11] = [
        ("decode", counted_decode),
        ("quality", counted_quality),
        ("align", counted_align),
        ("match-10", counted_match_10),
        ("match-50", counted_match_50),
        ("match-1000", counted_match_1000),
        ("detect", counted_detect),
        ("mask", counted_mask),
        ("liveness", counted_liveness),
        ("embed", counted_embed),
        ("frame", counted_frame),
    ];
    for (name, stage) in stages {
        let [begins, ends] = ["begins", "ends"].map(|what| format!("/counted/{name}/{what}"));
        marked(&begins);
        stage(&mut bench);
        marked(&ends);
    }
}

/// One stage, done once.
type Stage = fn(&mut Bench<'_>);

/// There is no such file: that it is asked for is the mark.
fn marked(path: &str) {
    black_box(std::fs::exists(path).is_ok());
}

/// What the stages need, open.
struct Bench<'a> {
    jpeg: &'a [u8],
    picture: Picture,
    face: FaceBox,
    analyzer: Analyzer,
    rivals: Rivals,
    ten: Gallery<usize>,
    fifty: Gallery<usize>,
    thousand: Gallery<usize>,
    probe: Embedding,
}

impl<'a> Bench<'a> {
    fn open(jpeg: &'a [u8], spec: &PackSpec) -> Self {
        let options = Options { detect_longest_side_px: 640, threads: 1 };
        let analyzer = Analyzer::load(&Runtime::init().unwrap(), spec, options).unwrap();
        let picture = Picture::decode(jpeg).unwrap();
        assert_eq!(picture.frame().order(), PixelOrder::Rgb);
        let length = analyzer.embedding_length();
        Self {
            jpeg,
            picture,
            face: face(),
            analyzer,
            rivals: spec.thresholds.rivals,
            ten: filled(10, length, &spec.cohort),
            fifty: filled(50, length, &spec.cohort),
            thousand: filled(1_000, length, &spec.cohort),
            probe: vector(length, 7),
        }
    }

    /// What is made at the first look stays.
    fn warm(&mut self) {
        self.look();
    }

    fn look(&mut self) {
        let picture = Picture::decode(self.jpeg).unwrap();
        let (frame, face) = (picture.frame(), &self.face);
        black_box(self.analyzer.detect(frame).unwrap());
        black_box(self.analyzer.assess(frame, face).unwrap());
        black_box(self.analyzer.masked(frame, face).unwrap());
        black_box(self.analyzer.liveness(frame, face).unwrap());
        let probe = self.analyzer.embed(frame, face).unwrap();
        black_box(self.ten.identify(&probe, self.rivals));
    }
}

#[inline(never)]
fn counted_decode(bench: &mut Bench<'_>) {
    black_box(Picture::decode(bench.jpeg).unwrap());
}

#[inline(never)]
fn counted_quality(bench: &mut Bench<'_>) {
    black_box(bench.analyzer.assess(bench.picture.frame(), &bench.face).unwrap());
}

#[inline(never)]
fn counted_align(bench: &mut Bench<'_>) {
    bench.analyzer.align(bench.picture.frame(), &bench.face).unwrap();
}

#[inline(never)]
fn counted_match_10(bench: &mut Bench<'_>) {
    black_box(bench.ten.identify(&bench.probe, bench.rivals));
}

#[inline(never)]
fn counted_match_50(bench: &mut Bench<'_>) {
    black_box(bench.fifty.identify(&bench.probe, bench.rivals));
}

#[inline(never)]
fn counted_match_1000(bench: &mut Bench<'_>) {
    black_box(bench.thousand.identify(&bench.probe, bench.rivals));
}

#[inline(never)]
fn counted_detect(bench: &mut Bench<'_>) {
    black_box(bench.analyzer.detect(bench.picture.frame()).unwrap());
}

#[inline(never)]
fn counted_mask(bench: &mut Bench<'_>) {
    black_box(bench.analyzer.masked(bench.picture.frame(), &bench.face).unwrap());
}

#[inline(never)]
fn counted_liveness(bench: &mut Bench<'_>) {
    black_box(bench.analyzer.liveness(bench.picture.frame(), &bench.face).unwrap());
}

#[inline(never)]
fn counted_embed(bench: &mut Bench<'_>) {
    black_box(bench.analyzer.embed(bench.picture.frame(), &bench.face).unwrap());
}

#[inline(never)]
fn counted_frame(bench: &mut Bench<'_>) {
    bench.look();
}

/// Pixels without a face, where no photograph is at hand: what a stage costs hardly depends on
/// them.
fn drawn() -> Vec<u8> {
    let pixels: Vec<u8> =
        (0..SIZE.0 * SIZE.1 * 3).map(|i| (i.wrapping_mul(2_654_435_761) >> 26) as u8).collect();
    let mut jpeg = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 85);
    let colour = image::ExtendedColorType::Rgb8;
    image::ImageEncoder::write_image(encoder, &pixels, SIZE.0, SIZE.1, colour).unwrap();
    jpeg
}

/// Where the face is taken to be, whatever the picture shows.
fn face() -> FaceBox {
    let landmarks =
        [[300.0, 200.0], [350.0, 200.0], [325.0, 228.0], [306.0, 256.0], [344.0, 256.0]];
    let rect = Rect { x: 275.0, y: 160.0, width: 100.0, height: 125.0 };
    FaceBox { rect, score: 0.9, landmarks }
}

fn filled(people: usize, length: usize, cohort: &[Embedding]) -> Gallery<usize> {
    let mut gallery = Gallery::new("bench", length);
    gallery.set_cohort(cohort);
    for person in 0..people {
        let template = Template::new("bench", vector(length, person as u64 + 100));
        gallery.insert(person, &template).unwrap();
    }
    gallery
}

fn vector(length: usize, seed: u64) -> Embedding {
    let mut state = seed;
    let mut next = || {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / 16_777_216.0 - 0.5
    };
    Embedding::normalised((0..length).map(|_| next()).collect()).unwrap()
}
