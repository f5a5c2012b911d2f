//! `cargo bench -p vision`: one stage at a time, on the real pack where it is found and on the
//! avatar pack otherwise. Comparisons with peers are `scripts/bench-peers`; whole boards are
//! `zaigang-agent bench`.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    missing_docs,
    reason = "a benchmark says what it expects, and stops there"
)]

use std::{hint::black_box, path::Path};

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use vision::{
    Analyzer, Embedding, FaceBox, Frame, Gallery, Options, PackSpec, Picture, PixelOrder, Rect,
    Runtime, Template,
    pack::{PackManifest, Search},
};

const SIZE: (u32, u32) = (1280, 720);

fn spec() -> PackSpec {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let named = std::env::var_os("ZAIGANG_MODELS").map(std::path::PathBuf::from);
    let real = named.unwrap_or(root.join("../shared/models"));
    if real.join("face_detection_yunet_2026may.onnx").is_file() {
        return PackSpec::real(&real);
    }
    PackManifest::built_in()
        .unwrap()
        .pack("avatar")
        .unwrap()
        .locate(&Search::only(root.join("models")))
        .unwrap()
        .spec()
}

fn pixels() -> Vec<u8> {
    (0..SIZE.0 * SIZE.1 * 3).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn face() -> FaceBox {
    let landmarks =
        [[600.0, 300.0], [650.0, 300.0], [625.0, 328.0], [606.0, 356.0], [644.0, 356.0]];
    FaceBox {
        rect: Rect { x: 575.0, y: 260.0, width: 100.0, height: 125.0 },
        score: 0.9,
        landmarks,
    }
}

fn networks(criterion: &mut Criterion) {
    let data = pixels();
    let frame = Frame::new(&data, SIZE.0, SIZE.1, PixelOrder::Rgb).unwrap();
    let runtime = Runtime::init().unwrap();
    let mut analyzer = Analyzer::load(&runtime, &spec(), Options::default()).unwrap();
    let (mut faces, face) = (Vec::new(), face());
    let mut group = criterion.benchmark_group(analyzer.pack().to_string());
    group.sample_size(20);
    group.bench_function("detect 1280x720 at 640", |b| {
        b.iter(|| analyzer.detect_into(frame, &mut faces).unwrap());
    });
    group.bench_function("detect, the bare run", |b| {
        b.iter(|| analyzer.run_again("detector").unwrap());
    });
    group.bench_function("quality", |b| b.iter(|| analyzer.assess(frame, &face).unwrap()));
    group.bench_function("embed", |b| b.iter(|| analyzer.embed(frame, &face).unwrap()));
    group.bench_function("embed, the bare run", |b| {
        b.iter(|| analyzer.run_again("embedder").unwrap());
    });
    if analyzer.has_liveness() {
        group.bench_function("liveness", |b| b.iter(|| analyzer.liveness(frame, &face).unwrap()));
        group.bench_function("mask", |b| b.iter(|| analyzer.masked(frame, &face).unwrap()));
    }
    group.finish();
}

fn decoding(criterion: &mut Criterion) {
    let data = pixels();
    let mut jpeg = Vec::new();
    let encoder = image::codecs::jpeg::JpegEncoder::new_with_quality(&mut jpeg, 85);
    image::ImageEncoder::write_image(
        encoder,
        &data,
        SIZE.0,
        SIZE.1,
        image::ExtendedColorType::Rgb8,
    )
    .unwrap();
    let mut buffer = Vec::new();
    let mut group = criterion.benchmark_group("frame");
    group.sample_size(20);
    group.bench_function("decode JPEG 1280x720", |b| {
        b.iter(|| {
            buffer = Picture::decode_into(std::mem::take(&mut buffer), &jpeg).unwrap().into_data();
        });
    });
    group.finish();
}

fn matching(criterion: &mut Criterion) {
    let mut state = 1_u64;
    let mut vector = || {
        let values = (0..256).map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / 16_777_216.0 - 0.5
        });
        Embedding::normalised(values.collect()).unwrap()
    };
    let mut group = criterion.benchmark_group("search");
    group.sample_size(20);
    for size in [50_usize, 200, 1_000, 10_000, 100_000] {
        let mut gallery = Gallery::new("bench", 256);
        for person in 0..size {
            gallery.insert(person, &Template::new("bench", vector())).unwrap();
        }
        let probe = vector();
        group.bench_with_input(BenchmarkId::new("top 2", size), &size, |b, _| {
            b.iter(|| black_box(gallery.top2(&probe)));
        });
        group.bench_with_input(
            BenchmarkId::new("top 2, every row in full", size),
            &size,
            |b, _| {
                b.iter(|| black_box(gallery.top2_in_full(&probe)));
            },
        );
    }
    group.finish();
}

criterion_group!(benches, networks, decoding, matching);
criterion_main!(benches);
