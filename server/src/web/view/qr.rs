//! A text as a QR code within a page.

use qrcode::QrCode;
use qrcode::render::svg;

use crate::problem::Problem;

/// The drawing alone: the declaration before it has no place inside a page.
pub(in crate::web) fn drawn(text: &str, least_px: u32) -> Result<String, Problem> {
    let code = QrCode::new(text).map_err(|e| Problem::internal(&e))?;
    let drawn =
        code.render::<svg::Color<'_>>().min_dimensions(least_px, least_px).quiet_zone(true).build();
    Ok(drawn.find("<svg").map_or(String::new(), |at| drawn[at..].to_owned()))
}
