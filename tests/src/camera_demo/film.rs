//! What is no camera, played as one: drawn people, a folder or a film goes into the box's pipe as
//! JPEG pictures, in real time, over and over. Nothing of it is written down.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use image::{RgbImage, imageops};

use super::act::Act;
use super::crowd::{DrawnCrowd, SIZE_PX};
use super::pipe::{Pipe, jpeg};
use super::source::{DemoSource, pictures};
use super::video;

/// Pictures in a second of drawn people: drawing one costs more than looking at it.
const DRAWN_EVERY: Duration = Duration::from_millis(220);
/// How long a picture of a folder is shown, and how often in that time.
const STILL_FOR: Duration = Duration::from_secs(4);
const STILL_EVERY: Duration = Duration::from_millis(250);
/// Pictures of a folder come on a canvas of this size, so that the room's zones stay where they
/// are. None is made larger: that would only blur it.
const CANVAS_PX: (u32, u32) = (640, 480);

/// What the drawn people are asked to do.
pub(super) type SharedAct = Arc<Mutex<Act>>;

/// Makes the pipe and begins to play into it; cameras need neither. What is wrong with a film is
/// said before anything starts.
pub(super) fn play(source: &DemoSource, pipe: &Path, stage: &SharedAct) -> Result<()> {
    type Reel = Box<dyn FnMut(&mut Pipe) -> Result<()> + Send>;
    let reel: Reel = match source {
        DemoSource::Device(_) | DemoSource::Rtsp { .. } => return Ok(()),
        DemoSource::Crowd => {
            let (mut crowd, stage) = (DrawnCrowd::new(Act::Work)?, Arc::clone(stage));
            Box::new(move |pipe| draw(&mut crowd, &stage, pipe))
        }
        DemoSource::Folder(folder) => {
            let files = pictures(folder)?;
            check(&files)?;
            Box::new(move |pipe| show(&files, pipe))
        }
        DemoSource::Video(path) => video::player(path)?,
    };
    rustix::fs::mknodat(rustix::fs::CWD, pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .with_context(|| format!("the pipe {}", pipe.display()))?;
    let pipe = pipe.to_owned();
    std::thread::Builder::new().name("film".to_owned()).spawn(move || run(reel, &pipe))?;
    Ok(())
}

/// Plays over and over, until the pipe or the film is gone for good.
fn run(mut reel: impl FnMut(&mut Pipe) -> Result<()>, pipe: &Path) {
    while let Ok(file) = File::options().write(true).open(pipe) {
        let mut pipe = Pipe::new(file);
        let mut before = 0;
        while reel(&mut pipe).is_ok() && pipe.sent() > before {
            before = pipe.sent();
        }
        // The box opens it again after a loss; a film that gives nothing more is over.
        if pipe.sent() == 0 {
            return;
        }
    }
}

fn draw(crowd: &mut DrawnCrowd, stage: &SharedAct, pipe: &mut Pipe) -> Result<()> {
    let mut frame = RgbImage::new(SIZE_PX.0, SIZE_PX.1);
    loop {
        let begun = Instant::now();
        let act = *stage.lock().map_err(|_| anyhow::anyhow!("the stage is gone"))?;
        crowd.frame(act, &mut frame);
        pipe.send(&jpeg(&frame)?)?;
        std::thread::sleep(DRAWN_EVERY.saturating_sub(begun.elapsed()));
    }
}

/// A folder in which no picture can be read is one line.
fn check(files: &[PathBuf]) -> Result<()> {
    match files.iter().find_map(|path| on_canvas(path).err()) {
        Some(why) if files.iter().all(|path| on_canvas(path).is_err()) => Err(why),
        _ => Ok(()),
    }
}

fn show(files: &[PathBuf], pipe: &mut Pipe) -> Result<()> {
    for path in files {
        // One that can not be read is passed over, as the box's own source does.
        let Ok(picture) = on_canvas(path) else { continue };
        let jpeg = jpeg(&picture)?;
        let until = Instant::now() + STILL_FOR;
        while Instant::now() < until {
            pipe.send(&jpeg)?;
            std::thread::sleep(STILL_EVERY);
        }
    }
    Ok(())
}

fn on_canvas(path: &Path) -> Result<RgbImage> {
    let picture = image::open(path).with_context(|| path.display().to_string())?;
    let (width, height) = CANVAS_PX;
    let picture = if picture.width() > width || picture.height() > height {
        picture.resize(width, height, imageops::FilterType::Triangle).to_rgb8()
    } else {
        picture.to_rgb8()
    };
    if picture.width() == 0 || picture.height() == 0 {
        bail!("{}: it is empty", path.display());
    }
    let mut canvas = RgbImage::new(width, height);
    let (left, top) = ((width - picture.width()) / 2, (height - picture.height()) / 2);
    imageops::replace(&mut canvas, &picture, left.into(), top.into());
    Ok(canvas)
}
