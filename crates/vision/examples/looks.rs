//! Prints what the networks of a pack see in every picture of a folder, one JSON object per
//! picture: boxes, points, scores and embeddings. `scripts/ci-arm64` holds the lines of two
//! architectures side by side. It judges nothing. `cargo run -p vision --example looks -- PACK
//! FOLDER`
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "an example says what it expects, and stops there"
)]

use std::path::PathBuf;

use vision::{Analyzer, Options, Picture, Runtime, pack};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    vision::telemetry::begin_without();
    let mut args = std::env::args().skip(1);
    let (Some(name), Some(folder)) = (args.next(), args.next()) else {
        return Err("usage: looks PACK FOLDER".into());
    };
    let search = pack::Search::standard(None);
    let spec = pack::PackManifest::effective(&search)?
        .pack(&name)?
        .allowed(false)?
        .locate(&search)?
        .spec();
    let options = Options { detect_longest_side_px: 0, threads: 1 };
    let mut analyzer = Analyzer::load(&Runtime::init()?, &spec, options)?;
    let mut pictures: Vec<PathBuf> = std::fs::read_dir(&folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    pictures.sort();
    for path in pictures {
        let picture = Picture::decode(&std::fs::read(&path)?)?;
        let mut seen = Vec::new();
        for face in analyzer.detect(picture.frame())? {
            let embedding = analyzer.embed(picture.frame(), &face)?;
            let rect = [face.rect.x, face.rect.y, face.rect.width, face.rect.height];
            seen.push(serde_json::json!({
                "rect_px": rect, "points_px": face.landmarks, "score": face.score,
                    "embedding": embedding.as_slice(),
            }));
        }
        let file = path.file_name().map(|name| name.to_string_lossy().into_owned());
        println!("{}", serde_json::json!({"picture": file, "faces": seen}));
    }
    Ok(())
}
