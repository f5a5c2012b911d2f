//! Writes frames of the scripted morning as PNG, to look at. `cargo run -p scene --release
//! --example view -- DIR SECOND…` With `--photos FOLDER` first, photographs play the people.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what it expects, and stops there"
)]

use image::RgbImage;
use scene::{Cast, Morning, PhotoCast, Scene};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut args: Vec<String> = std::env::args().skip(1).collect();
    let photos =
        args.first().is_some_and(|a| a == "--photos").then(|| args.drain(..2).nth(1)).flatten();
    let Some(dir) = args.first().cloned() else {
        return Err("usage: view [--photos FOLDER] DIR SECOND…".into());
    };
    std::fs::create_dir_all(&dir)?;
    let morning = Morning::bundled()?;
    let mut scene = match photos {
        Some(folder) => {
            let cast = PhotoCast::from_folder(folder.as_ref(), &morning, 1)?;
            Scene::new(morning, Cast::Photos(cast), 7)?
        }
        None => Scene::drawn(morning, 7),
    };
    let mut frame = RgbImage::new(1280, 720);
    for second in &args[1..] {
        let t_ms = second.parse::<u64>()? * 1000;
        scene.frame_at(t_ms, &mut frame);
        // The least of several, because other programs run beside this one.
        let mut least_ms = f64::MAX;
        let mut truths = Vec::new();
        for _ in 0..12 {
            let begin = Instant::now();
            truths = scene.frame_at(t_ms, &mut frame);
            least_ms = least_ms.min(begin.elapsed().as_secs_f64() * 1000.0);
        }
        println!("{second} s: {} people in {least_ms:.2} ms", truths.len());
        frame.save(format!("{dir}/frame_{second}.png"))?;
    }
    Ok(())
}
