//! Any bytes as a stored template: refused, or a finite vector of length 1 that comes back
//! unchanged. Each `expect` is what the target asks: a panic here is the finding.
#![no_main]

use libfuzzer_sys::fuzz_target;
use vision::{Gallery, Template};

fuzz_target!(|bytes: &[u8]| {
    let Some((&length, rest)) = bytes.split_first() else { return };
    let length = usize::from(length);
    let Ok(template) = Template::from_bytes("fuzz", length, rest) else { return };
    let values = template.embedding().as_slice();
    let norm: f32 = values.iter().map(|v| v * v).sum();
    assert!(values.iter().all(|v| v.is_finite()) && (norm - 1.0).abs() < 1e-3);
    let again = Template::from_bytes("fuzz", length, &template.to_bytes()).expect("its own bytes");
    assert!(template.embedding().cosine(again.embedding()).expect("one length") > 0.999);
    let mut gallery = Gallery::new("fuzz", length);
    gallery.insert(1_u8, &template).expect("its own pack");
    let best = gallery.top2(template.embedding()).best.expect("one person");
    assert!(best.person == 1 && best.cosine > 0.999);
});
