//! Our side of `scripts/bench-peers`: reads commands from stdin, runs one step, prints its CPU time
//! in nanoseconds, so that the script can interleave it with its peers on the same pixels. It
//! writes nothing else.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what it expects, and stops there"
)]

use std::{
    io::{BufRead, Write},
    path::Path,
};

use vision::{
    Analyzer, Embedding, FaceBox, Frame, Gallery, Options, PixelOrder, Runtime, Template,
    pack::{PackManifest, Search},
};

type Failure = Box<dyn std::error::Error>;

struct Bench {
    analyzer: Analyzer,
    pixels: Vec<(Vec<u8>, u32, u32)>,
    faces: Vec<FaceBox>,
    gallery: Gallery<usize>,
    queries: Vec<Embedding>,
    asked: usize,
}

fn main() -> Result<(), Failure> {
    vision::telemetry::begin_without();
    let models = std::env::args().nth(1).ok_or("usage: bench_peer MODELS_DIR")?;
    let options = Options { detect_longest_side_px: 0, threads: 1 };
    // As the box opens it: both embedders, not the first alone.
    let search = Search::only(Path::new(&models));
    let spec = PackManifest::built_in()?.pack("real")?.locate(&search)?.spec();
    let analyzer = Analyzer::load(&Runtime::init()?, &spec, options)?;
    let mut bench = Bench {
        gallery: Gallery::new("bench", analyzer.embedding_length()),
        analyzer,
        pixels: Vec::new(),
        faces: Vec::new(),
        queries: Vec::new(),
        asked: 0,
    };
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let answer = bench.answer(&words)?;
        println!("{answer}");
        std::io::stdout().flush()?;
    }
    Ok(())
}

impl Bench {
    fn answer(&mut self, words: &[&str]) -> Result<String, Failure> {
        match words {
            ["frame", path, width, height] => {
                self.pixels.push((std::fs::read(path)?, width.parse()?, height.parse()?));
                Ok((self.pixels.len() - 1).to_string())
            }
            ["length"] => Ok(self.analyzer.embedding_length().to_string()),
            ["gallery", count] => self.fill(count.parse()?),
            ["match", count] => Ok(self.search(count.parse()?, Gallery::top2)),
            ["match_full", count] => Ok(self.search(count.parse()?, Gallery::top2_in_full)),
            [step, index] => self.step(step, index.parse()?),
            _ => Err(format!("unknown command {words:?}").into()),
        }
    }

    fn step(&mut self, step: &str, index: usize) -> Result<String, Failure> {
        let (data, width, height) = &self.pixels[index];
        let frame = Frame::new(data, *width, *height, PixelOrder::Bgr)?;
        let face = self.faces.first().copied();
        let from = cpu_ns();
        match (step, face) {
            ("path", _) => {
                self.analyzer.detect_into(frame, &mut self.faces)?;
                if let Some(face) = self.faces.first() {
                    std::hint::black_box(self.analyzer.embed(frame, face)?);
                }
            }
            ("detect", _) => self.analyzer.detect_into(frame, &mut self.faces)?,
            ("embed", Some(face)) => {
                std::hint::black_box(self.analyzer.embed(frame, &face)?);
            }
            ("live", Some(face)) => {
                std::hint::black_box(self.analyzer.liveness(frame, &face)?);
            }
            ("detect_floor", _) => self.analyzer.run_again("detector")?,
            ("embed_floor", _) => self.analyzer.run_again("embedder")?,
            ("first_floor", _) => self.analyzer.run_again("first embedder")?,
            ("second_floor", _) => self.analyzer.run_again("companion")?,
            ("live_floor", _) => self.analyzer.run_again("liveness")?,
            _ => return Err(format!("{step}: unknown, or no face found yet").into()),
        }
        Ok((cpu_ns() - from).to_string())
    }

    /// CPU time of so many searches in a row.
    fn search(
        &mut self,
        count: usize,
        ask: fn(&mut Gallery<usize>, &Embedding) -> vision::Match<usize>,
    ) -> String {
        let from = cpu_ns();
        for _ in 0..count {
            self.asked += 1;
            std::hint::black_box(ask(
                &mut self.gallery,
                &self.queries[self.asked % self.queries.len()],
            ));
        }
        (cpu_ns() - from).to_string()
    }

    /// Templates and queries of no people: even on the sphere, by formula.
    fn fill(&mut self, count: usize) -> Result<String, Failure> {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        let length = self.analyzer.embedding_length();
        let mut vector = || {
            let values: Vec<f32> = (0..length)
                .map(|_| {
                    // Sums of four even numbers are near enough to normal here.
                    let mut sum = 0.0;
                    for _ in 0..4 {
                        state = state
                            .wrapping_mul(6_364_136_223_846_793_005)
                            .wrapping_add(1_442_695_040_888_963_407);
                        sum += (state >> 40) as f32 / 16_777_216.0 - 0.5;
                    }
                    sum
                })
                .collect();
            Embedding::normalised(values).ok_or("a vector of zeros")
        };
        self.gallery = Gallery::new("bench", length);
        for person in 0..count {
            self.gallery.insert(person, &Template::new("bench", vector()?))?;
        }
        self.queries = (0..16).map(|_| vector()).collect::<Result<_, _>>()?;
        Ok(count.to_string())
    }
}

/// CPU time of this thread: it leaves out what other programs took of the machine.
fn cpu_ns() -> u128 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as u128 * 1_000_000_000 + time.tv_nsec as u128
}
