//! What `bench` measured, and as which table it is printed. It measures nothing.

use std::fmt::Write as _;

use serde::Serialize;

/// One stage, in microseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct StageTiming {
    pub(super) stage: &'static str,
    pub(super) median_us: u64,
    pub(super) p95_us: u64,
    pub(super) runs: usize,
}

/// The board as it says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Board {
    pub(super) name: String,
    pub(super) cores: usize,
    pub(super) governor: String,
    pub(super) temperature_before_mc: Option<i32>,
    pub(super) temperature_after_mc: Option<i32>,
    /// The kernel's count of thermal throttling events during the run; `None` where the board shows
    /// none.
    pub(super) throttled: Option<u64>,
    pub(super) onnxruntime: String,
    /// The execution providers that this ONNX Runtime has.
    pub(super) providers: Vec<&'static str>,
}

/// The networks on one execution provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct OnProvider {
    pub(super) provider: &'static str,
    /// Why it could not be measured; then there are no stages.
    pub(super) failed: Option<String>,
    pub(super) stages: Vec<StageTiming>,
}

/// Everything that was measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct BenchReport {
    pub(super) board: Board,
    pub(super) pack: String,
    pub(super) threads: usize,
    pub(super) detect_side_px: u32,
    pub(super) frame: String,
    pub(super) stages: Vec<StageTiming>,
    /// The same networks on every provider that is there, the configured one left out.
    pub(super) other_providers: Vec<OnProvider>,
    /// Processor time of decoding, gate and detection of one frame, in microseconds.
    pub(super) frame_cpu_us: u64,
    /// Frames in 1,000 seconds that detection and one look at each of this many people allow.
    pub(super) frames_per_1000_s: Vec<(usize, u64)>,
    pub(super) rss_mib: u64,
}

/// The report as a table to attach.
pub(super) fn markdown(report: &BenchReport) -> String {
    let board = &report.board;
    let degrees =
        |mc: Option<i32>| mc.map_or("not shown".to_owned(), |mc| format!("{} °C", mc / 1000));
    let mut text = String::new();
    // Writing to a String can not fail.
    let _ = writeln!(
        text,
        "| | |\n|---|---|\n| board | {} ({} cores, governor {}) |",
        board.name, board.cores, board.governor
    );
    let (before, after) =
        (degrees(board.temperature_before_mc), degrees(board.temperature_after_mc));
    let throttled = board.throttled.map_or("not shown".to_owned(), |count| count.to_string());
    let _ = writeln!(
        text,
        "| temperature | {before} before, {after} after; throttled {throttled} times |"
    );
    let _ = writeln!(
        text,
        "| ONNX Runtime | {}; providers: {} |",
        board.onnxruntime,
        board.providers.join(", ")
    );
    let _ = writeln!(
        text,
        "| pack | {}, {} thread(s), detection side {} px |",
        report.pack, report.threads, report.detect_side_px
    );
    let _ = writeln!(
        text,
        "| frame | {} |\n| memory | {} MiB resident |\n",
        report.frame, report.rss_mib
    );
    write_stages(&mut text, report);
    let _ = writeln!(
        text,
        "\nProcessor time of decoding, gate and detection: {:.3} ms a frame",
        report.frame_cpu_us as f64 / 1000.0
    );
    let rates: Vec<_> = report
        .frames_per_1000_s
        .iter()
        .map(|(people, rate)| format!("{people}: {:.1}", *rate as f64 / 1000.0))
        .collect();
    let _ = writeln!(
        text,
        "\nFrames/s by people in view, each looked at once a second (computed from the medians): \
        {}",
        rates.join(", ")
    );
    text
}

fn write_stages(text: &mut String, report: &BenchReport) {
    let _ = writeln!(text, "| stage | median ms | p95 ms | runs |\n|---|---|---|---|");
    for stage in &report.stages {
        let ms = |us: u64| us as f64 / 1000.0;
        let _ = writeln!(
            text,
            "| {} | {:.3} | {:.3} | {} |",
            stage.stage,
            ms(stage.median_us),
            ms(stage.p95_us),
            stage.runs
        );
    }
    for other in &report.other_providers {
        if let Some(why) = &other.failed {
            let _ = writeln!(text, "\nOn {}: not measured, {why}", other.provider);
        }
        for stage in &other.stages {
            let median_ms = stage.median_us as f64 / 1000.0;
            let _ = writeln!(
                text,
                "| {} on {} | {median_ms:.3} | {:.3} | {} |",
                stage.stage,
                other.provider,
                stage.p95_us as f64 / 1000.0,
                stage.runs
            );
        }
    }
}
