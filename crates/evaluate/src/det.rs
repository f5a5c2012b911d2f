//! The detection error trade-off as an SVG: FMR across, FNMR up, both on logarithmic axes (ISO/IEC
//! 19795-1).

use std::fmt::Write;

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 420.0;
const MARGIN: f64 = 60.0;
/// Both axes run from this power of ten to 1.
const DECADES: i32 = 5;

/// Draws one curve of (FMR, FNMR) points, rates 0-1.
pub fn svg(title: &str, points: &[(f64, f64)]) -> String {
    let across = |rate: f64| MARGIN + share(rate) * (WIDTH - 2.0 * MARGIN);
    let up = |rate: f64| HEIGHT - MARGIN - share(rate) * (HEIGHT - 2.0 * MARGIN);
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
            font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"white\"/>\n\
         <text x=\"{}\" y=\"24\" text-anchor=\"middle\" font-size=\"14\">{}</text>\n",
        WIDTH / 2.0,
        escape(title)
    );
    for power in -DECADES..=0 {
        let rate = 10_f64.powi(power);
        let (x, y) = (across(rate), up(rate));
        let _ = write!(
            out,
            "<path d=\"M{x:.1} {:.1}V{:.1}M{:.1} {y:.1}H{:.1}\" stroke=\"#ddd\"/>\n\
             <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">1e{power}</text>\n\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">1e{power}</text>\n",
            MARGIN,
            HEIGHT - MARGIN,
            MARGIN,
            WIDTH - MARGIN,
            HEIGHT - MARGIN + 18.0,
            MARGIN - 6.0,
            y + 4.0
        );
    }
    let line: Vec<String> =
        points.iter().map(|(fmr, fnmr)| format!("{:.1},{:.1}", across(*fmr), up(*fnmr))).collect();
    let _ = write!(
        out,
        "<polyline points=\"{}\" fill=\"none\" stroke=\"#1a5fb4\" stroke-width=\"2\"/>\n\
         <text x=\"{}\" y=\"{}\" text-anchor=\"middle\">FMR</text>\n\
         <text x=\"16\" y=\"{}\" text-anchor=\"middle\" transform=\"rotate(-90 16 \
         {})\">FNMR</text>\n</svg>\n",
        line.join(" "),
        WIDTH / 2.0,
        HEIGHT - 16.0,
        HEIGHT / 2.0,
        HEIGHT / 2.0
    );
    out
}

fn share(rate: f64) -> f64 {
    let decades = f64::from(DECADES);
    (rate.max(1e-9).log10() + decades).clamp(0.0, decades) / decades
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
