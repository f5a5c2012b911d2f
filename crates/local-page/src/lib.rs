//! A page for whoever stands at this machine: one code that opens one browser once, and HTTP/1.1
//! whose answers no other page can ask for. The installer's page of a box and the demonstration's
//! page are served by it.
//!
//! It knows nothing of what a page shows, keeps nothing, and connects to nowhere.

mod access;
mod http;
mod pixels;

pub use access::{Access, EntryOutcome, PATIENCE_MS, TRIES, is_local};
pub use http::{
    PageResponse, PageScheme, body_of, come_in, cookie, done, empty, json_of, listen, picture,
    refused, script, speak, text,
};
pub use pixels::{PixelSource, RgbPixels};

/// The browser's half of [`picture`]: paints bare pixels on a canvas. For a page's own script, as
/// `/pixels.js`.
pub const PIXELS_JS: &str = include_str!("pixels.js");

/// How the page asks. For a page's own script, as `/ask.js`.
pub const ASK_JS: &str = include_str!("ask.js");
