//! Does one stage so many times, for `scripts/bench-instructions` to count: `instructions STAGE
//! TIMES [PICTURE]`. STAGE is decode, quality, embed, embed-bare, detect, detect-bare, liveness,
//! liveness-bare, match-10, match-1000 or frame; PICTURE a JPEG with a face. It prints no time.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a benchmark says what it expects, and stops there"
)]

use std::hint::black_box;

use vision::{
    Analyzer, Embedding, FaceBox, Gallery, Options, Picture, PixelOrder, Rect, Rivals, Runtime,
    Template,
    pack::{PackManifest, Search},
};

const SIZE: (u32, u32) = (640, 480);

fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let times: usize = args[1].parse().unwrap();
    let jpeg = args.get(2).map_or_else(drawn, |path| std::fs::read(path).unwrap());
    let search = Search::standard(None);
    let spec =
        PackManifest::built_in().unwrap().pack("real").unwrap().locate(&search).unwrap().spec();
    match args[0].as_str() {
        "decode" => (0..times).for_each(|_| {
            black_box(Picture::decode(&jpeg).unwrap());
        }),
        "match-10" => matched(10, times, &spec.cohort),
        "match-1000" => matched(1_000, times, &spec.cohort),
        stage => seen(stage, times, &jpeg, &spec),
    }
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

fn seen(stage: &str, times: usize, jpeg: &[u8], spec: &vision::PackSpec) {
    let runtime = Runtime::init().unwrap();
    let options = Options { detect_longest_side_px: 640, threads: 1 };
    let mut analyzer = Analyzer::load(&runtime, spec, options).unwrap();
    let picture = Picture::decode(jpeg).unwrap();
    assert_eq!(picture.frame().order(), PixelOrder::Rgb);
    let marks = [[300.0, 200.0], [350.0, 200.0], [325.0, 228.0], [306.0, 256.0], [344.0, 256.0]];
    let rect = Rect { x: 275.0, y: 160.0, width: 100.0, height: 125.0 };
    let face = FaceBox { rect, score: 0.9, landmarks: marks };
    let mut gallery = filled(10, analyzer.embedding_length(), &spec.cohort);
    // The bare runs repeat what a network was fed last; it costs every stage the same.
    analyzer.detect(picture.frame()).unwrap();
    analyzer.embed(picture.frame(), &face).unwrap();
    analyzer.liveness(picture.frame(), &face).unwrap();
    for _ in 0..times {
        match stage {
            "quality" => drop(black_box(analyzer.assess(picture.frame(), &face).unwrap())),
            "embed" => drop(black_box(analyzer.embed(picture.frame(), &face).unwrap())),
            "detect" => drop(black_box(analyzer.detect(picture.frame()).unwrap())),
            "liveness" => drop(black_box(analyzer.liveness(picture.frame(), &face).unwrap())),
            "embed-bare" => analyzer.run_again("embedder").unwrap(),
            "detect-bare" => analyzer.run_again("detector").unwrap(),
            "liveness-bare" => analyzer.run_again("liveness").unwrap(),
            "frame" => {
                let picture = Picture::decode(jpeg).unwrap();
                let frame = picture.frame();
                black_box(analyzer.detect(frame).unwrap());
                black_box(analyzer.assess(frame, &face).unwrap());
                black_box(analyzer.masked(frame, &face).unwrap());
                black_box(analyzer.liveness(frame, &face).unwrap());
                let probe = analyzer.embed(frame, &face).unwrap();
                black_box(gallery.identify(&probe, spec.thresholds.rivals));
            }
            other => panic!("no stage \"{other}\""),
        }
    }
}

fn matched(people: usize, times: usize, cohort: &[Embedding]) {
    let length = cohort.first().map_or(384, Embedding::len);
    let mut gallery = filled(people, length, cohort);
    let probe = vector(length, 7);
    (0..times).for_each(|_| {
        black_box(gallery.identify(&probe, Rivals::REAL));
    });
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
