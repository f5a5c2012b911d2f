//! A camera of the machine through `Video4Linux2` (USB webcams, CSI cameras with a V4L2 driver). It
//! takes what the camera sends, YUYV or MJPEG, and decodes nothing. Any error means that the camera
//! is gone; the capture thread opens it again.

use std::panic::{AssertUnwindSafe, catch_unwind};

use nokhwa::{
    Camera as Device,
    utils::{
        CameraFormat, CameraIndex, FrameFormat, RequestedFormat, RequestedFormatType, Resolution,
    },
};

use super::{Camera, CameraLook, FramePixels, Gone, Shot};
use crate::clock::RealClock;

/// Wire formats that [`FramePixels`] can decode, the cheaper first.
const FORMATS: &[FrameFormat] = &[FrameFormat::YUYV, FrameFormat::MJPEG];

/// An open camera.
pub struct V4l2 {
    /// `None` once it is being closed.
    device: Option<Device>,
    clock: RealClock,
}

impl std::fmt::Debug for V4l2 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("V4l2")
            .field("format", &self.device.as_ref().map(Device::camera_format))
            .finish_non_exhaustive()
    }
}

impl V4l2 {
    /// Opens `/dev/videoN` with the format that comes nearest to the wish.
    pub fn open(device: &str, wish: (u32, u32, u32), clock: RealClock) -> Result<Self, Gone> {
        let said = |why: String| {
            Gone::new(format!("{device}: {}", why.split_whitespace().collect::<Vec<_>>().join(" ")))
        };
        // A name under /dev/v4l is there while its camera is plugged in; a link may lead nowhere.
        if device.starts_with('/') && !std::path::Path::new(device).exists() {
            return Err(said("there is no such device".to_owned()));
        }
        let device = &resolved(device);
        let index = device_index(device).ok_or_else(|| {
            said(
                "not the name of a V4L2 device (/dev/videoN, or a link to one under /dev/v4l)"
                    .to_owned(),
            )
        })?;
        if !std::path::Path::new(&format!("/dev/video{index}")).exists() {
            return Err(said("there is no such device".to_owned()));
        }
        let any =
            RequestedFormat::with_formats(RequestedFormatType::AbsoluteHighestResolution, FORMATS);
        let mut device =
            Device::new(CameraIndex::Index(index), any).map_err(|why| said(why.to_string()))?;
        let offered = device.compatible_camera_formats().map_err(|why| said(why.to_string()))?;
        let set = |format| {
            let exactly =
                RequestedFormat::with_formats(RequestedFormatType::Exact(format), FORMATS);
            device.set_camera_requset(exactly).map(drop).map_err(|why| why.to_string())
        };
        first_taken(by_nearness(&offered, wish), set).map_err(said)?;
        device.open_stream().map_err(|why| said(why.to_string()))?;
        tracing::info!("camera {index}: {}", device.camera_format());
        Ok(Self { device: Some(device), clock })
    }
}

impl Camera for V4l2 {
    fn look(&mut self) -> Result<CameraLook, Gone> {
        let device = self.device.as_mut().ok_or_else(|| Gone::new("the camera is closed"))?;
        let buffer = device.frame().map_err(|why| Gone::new(why.to_string()))?;
        let at = self.clock.now();
        let Resolution { width_x: width, height_y: height } = buffer.resolution();
        let bytes = buffer.buffer().to_vec().into();
        let pixels = match buffer.source_frame_format() {
            FrameFormat::MJPEG => FramePixels::Mjpeg(bytes),
            FrameFormat::YUYV => FramePixels::Yuyv { width, height, bytes },
            other => {
                return Err(Gone::new(format!(
                    "the camera switched to {other}, which is not read here"
                )));
            }
        };
        Ok(CameraLook::Shot(Shot { pixels, at }))
    }
}

/// The library's device panics in its drop when the camera went in an unusual way: it is gone then
/// all the same.
impl Drop for V4l2 {
    fn drop(&mut self) {
        let device = self.device.take();
        if catch_unwind(AssertUnwindSafe(|| drop(device))).is_err() {
            tracing::warn!("the camera's driver failed while it was closed");
        }
    }
}

/// A name that stays with the camera (`/dev/v4l/by-id/…`) as the device that it leads to now.
fn resolved(device: &str) -> String {
    let led = std::fs::read_link(device).ok().and_then(|_| std::fs::canonicalize(device).ok());
    led.map_or_else(|| device.to_owned(), |path| path.display().to_string())
}

fn device_index(device: &str) -> Option<u32> {
    device.strip_prefix("/dev/video").unwrap_or(device).parse().ok()
}

/// The offered formats, the nearest to (width, height, frames per second) first: by size, then YUYV
/// (which costs no JPEG decoding) if it is fast enough, then the rate.
fn by_nearness(
    offered: &[CameraFormat],
    (width, height, rate): (u32, u32, u32),
) -> Vec<CameraFormat> {
    let read = offered.iter().filter(|f| FORMATS.contains(&f.format()));
    let mut formats: Vec<_> = read.copied().collect();
    formats.sort_by_key(|f| {
        let size = f.width().abs_diff(width) + f.height().abs_diff(height);
        let too_slow = f.frame_rate() < rate;
        (size, too_slow, f.format() != FrameFormat::YUYV, f.frame_rate().abs_diff(rate))
    });
    formats
}

/// Sets the first format that the camera takes. The library lists an interval of 2/15 s as 15
/// pictures a second, and refuses what the camera then does: the next one is tried.
fn first_taken(
    formats: Vec<CameraFormat>,
    mut set: impl FnMut(CameraFormat) -> Result<(), String>,
) -> Result<(), String> {
    let mut refused = "offers neither YUYV nor MJPEG".to_owned();
    for format in formats {
        match set(format) {
            Ok(()) => return Ok(()),
            Err(why) => refused = why,
        }
    }
    Err(refused)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(width: u32, height: u32, format: FrameFormat, rate: u32) -> CameraFormat {
        CameraFormat::new_from(width, height, format, rate)
    }

    #[test]
    fn the_format_is_chosen_by_size_then_speed_then_cost() {
        let offered = [
            format(640, 480, FrameFormat::YUYV, 30),
            format(1280, 720, FrameFormat::YUYV, 5),
            format(1280, 720, FrameFormat::MJPEG, 30),
            format(1920, 1080, FrameFormat::MJPEG, 30),
            format(1280, 720, FrameFormat::NV12, 30),
        ];
        let chosen = |wish| by_nearness(&offered, wish)[0];
        assert_eq!(chosen((1280, 720, 15)), offered[2]);
        assert_eq!(chosen((1280, 720, 5)), offered[1]);
        assert_eq!(chosen((700, 500, 15)), offered[0]);
        assert_eq!(by_nearness(&[offered[4]], (1280, 720, 15)), []);
    }

    #[test]
    fn a_rate_that_the_camera_does_not_keep_is_passed_over() {
        // 7.5 a second, listed as 15; a webcam that one can buy has this beside 10.
        let listed = [
            format(1280, 720, FrameFormat::YUYV, 10),
            format(1280, 720, FrameFormat::YUYV, 15),
            format(1280, 720, FrameFormat::NV12, 30),
        ];
        let mut tried = Vec::new();
        let keeps_whole = |format: CameraFormat| {
            tried.push(format);
            if format.frame_rate() == 15 { Err("15 / 2".to_owned()) } else { Ok(()) }
        };
        assert_eq!(first_taken(by_nearness(&listed, (1280, 720, 15)), keeps_whole), Ok(()));
        assert_eq!(tried, [listed[1], listed[0]]);
        let never =
            first_taken(by_nearness(&listed, (1280, 720, 15)), |_| Err("15 / 2".to_owned()));
        assert_eq!(never, Err("15 / 2".to_owned()));
        assert!(
            first_taken(Vec::new(), |_| Ok(())).unwrap_err().contains("neither YUYV nor MJPEG")
        );
    }

    #[test]
    fn a_name_that_stays_with_the_camera_leads_to_its_device() {
        let folder = tempfile::tempdir().unwrap();
        let (device, by_id) =
            (folder.path().join("video7"), folder.path().join("usb-Webcam-index0"));
        std::fs::write(&device, "").unwrap();
        std::os::unix::fs::symlink("video7", &by_id).unwrap();
        let device = std::fs::canonicalize(device).unwrap();
        assert_eq!(resolved(&by_id.display().to_string()), device.display().to_string());
        assert_eq!(resolved("/dev/video977"), "/dev/video977");
    }

    #[test]
    fn an_unplugged_camera_is_missing_and_not_misnamed() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("usb-Webcam-index0");
        std::os::unix::fs::symlink("../../video977", &link).unwrap();
        for name in ["/dev/v4l/by-id/usb-X-video-index0", link.to_str().unwrap()] {
            let error = V4l2::open(name, (640, 480, 15), RealClock::start()).unwrap_err();
            assert_eq!(error.why, format!("{name}: there is no such device"));
        }
    }

    #[test]
    fn a_device_that_is_not_there_is_one_line() {
        let error = V4l2::open("/dev/video977", (640, 480, 15), RealClock::start()).unwrap_err();
        assert_eq!(error.why, "/dev/video977: there is no such device");
        assert!(V4l2::open("front door", (640, 480, 15), RealClock::start()).is_err());
    }
}
