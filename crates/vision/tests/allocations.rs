//! After a warm-up a frame costs no allocation of ours: only what ONNX Runtime's binding asks for
//! itself. A camera runs for months; memory that is never asked for can neither grow nor fall
//! apart.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what it expects, and stops there"
)]
#![allow(
    unsafe_code,
    reason = "an allocator is unsafe by its signature; this one counts and hands on"
)]

mod common;

use std::{
    alloc::{GlobalAlloc, Layout, System},
    cell::Cell,
};

use vision::{
    Analyzer, FaceBox, Frame, Gallery, Options, PixelOrder, Rect, Template,
    pack::{PackManifest, Search},
};

/// Counts the allocations of each thread by itself.
struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = COUNT.try_with(|count| count.set(count.get() + 1));
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        unsafe { System.dealloc(at, layout) }
    }
    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let _ = COUNT.try_with(|count| count.set(count.get() + 1));
        unsafe { System.realloc(at, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Allocations of one call, once it was called before.
fn allocations(mut call: impl FnMut()) -> u64 {
    call();
    call();
    let before = COUNT.get();
    call();
    COUNT.get() - before
}

fn avatar(detect_longest_side_px: u32) -> Analyzer {
    let models = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../models");
    let manifest = PackManifest::built_in().unwrap();
    let spec = manifest.pack("avatar").unwrap().locate(&Search::only(&models)).unwrap().spec();
    Analyzer::load(&common::runtime(), &spec, Options { detect_longest_side_px, threads: 1 })
        .unwrap()
}

/// A grey ramp: nobody is in it, and the stages do not mind.
fn ramp(width: u32, height: u32) -> Vec<u8> {
    (0..width * height * 3).map(|i| (i / 3 % width * 255 / width) as u8).collect()
}

fn face() -> FaceBox {
    let landmarks =
        [[290.0, 200.0], [330.0, 200.0], [310.0, 222.0], [295.0, 245.0], [325.0, 245.0]];
    FaceBox { rect: Rect { x: 270.0, y: 170.0, width: 80.0, height: 100.0 }, score: 0.9, landmarks }
}

#[test]
fn detection_and_quality_allocate_nothing_of_their_own() {
    let data = ramp(640, 480);
    let frame = Frame::new(&data, 640, 480, PixelOrder::Rgb).unwrap();
    let (mut analyzer, mut faces) = (avatar(0), Vec::with_capacity(8));
    let whole = allocations(|| analyzer.detect_into(frame, &mut faces).unwrap());
    let bare = allocations(|| analyzer.run_again("detector").unwrap());
    assert_eq!(whole, bare, "detection of a frame, beside the bare run of the network");
    assert_eq!(allocations(|| _ = analyzer.assess(frame, &face()).unwrap()), 0);
}

#[test]
fn a_scaled_frame_allocates_no_more_than_another() {
    let data = ramp(1280, 720);
    let frame = Frame::new(&data, 1280, 720, PixelOrder::Rgb).unwrap();
    let (mut analyzer, mut faces) = (avatar(640), Vec::with_capacity(8));
    let whole = allocations(|| analyzer.detect_into(frame, &mut faces).unwrap());
    let bare = allocations(|| analyzer.run_again("detector").unwrap());
    assert_eq!(whole, bare, "detection of a scaled frame, beside the bare run of the network");
}

#[test]
fn a_look_allocates_its_embedding_alone() {
    let data = ramp(640, 480);
    let frame = Frame::new(&data, 640, 480, PixelOrder::Rgb).unwrap();
    let mut analyzer = avatar(0);
    let whole = allocations(|| drop(analyzer.embed(frame, &face()).unwrap()));
    let bare = allocations(|| analyzer.run_again("embedder").unwrap());
    assert_eq!(whole, bare + 1);
    let probe = analyzer.embed(frame, &face()).unwrap();
    let mut gallery = Gallery::new("p", probe.len());
    for person in 0..200 {
        gallery.insert(person, &Template::new("p", probe.clone())).unwrap();
    }
    assert_eq!(allocations(|| _ = std::hint::black_box(gallery.top2(&probe))), 0);
}
