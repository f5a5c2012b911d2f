//! Why a camera gives no pictures, in words that name the mend, and when it is asked again. No text
//! of the camera's and no address beyond host and port stands in it: both may hold a password.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use crate::camera::{Again, h264::Unsupported};

/// Cameras lock an account out after some five wrong passwords.
const AFTER_REFUSAL: Duration = Duration::from_mins(10);
/// What a person must change in the camera is not changed within seconds.
const AFTER_SETTING: Duration = Duration::from_mins(1);

/// What went wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum RtspFault {
    #[error("{0}")]
    Credentials(String),
    #[error(
        "the camera refuses user or password: write the right ones into {}; asked again in {} \
        min, or when it changes",
        file.display(), AFTER_REFUSAL.as_secs() / 60
    )]
    Refused { file: PathBuf },
    #[error(
        "the camera wants a password: write user:password into a file and name it in \
        camera.credentials_file"
    )]
    PasswordWanted,
    #[error(
        "the camera wants a kind of login that is not spoken here: set it to Digest (MD5 or \
        SHA-256) or Basic"
    )]
    LoginKind,
    #[error("the camera knows no such stream (404): check the path in camera.url")]
    NoSuchStream,
    #[error("the camera is busy ({0}): end other viewers, or raise its number of streams")]
    Busy(u16),
    #[error("the camera answers {status} to {method}")]
    Answer { method: &'static str, status: u16 },
    #[error("the camera sends its callers to {0}: name that in camera.url")]
    Elsewhere(String),
    #[error(
        "the camera sends {0}, which is not decoded here: set its video coding to H.264, or name \
        its H.264 stream in camera.url"
    )]
    Coding(String),
    #[error(
        "the camera offers no pictures at this address: name that of its pictures in camera.url"
    )]
    NoPictures,
    #[error("{0}")]
    Unsupported(#[from] Unsupported),
    #[error(
        "no key picture (IDR) within {0} s: set a shorter I-frame interval in the camera, and its \
        \"smart\" coding off"
    )]
    NoKeyPicture(u64),
    #[error("no answer within {0} s")]
    Silent(u64),
    #[error("the camera closed the connection")]
    Closed,
    #[error("{0}")]
    Network(String),
}

impl RtspFault {
    pub(super) fn network(why: &std::io::Error) -> Self {
        Self::Network(match why.kind() {
            std::io::ErrorKind::ConnectionRefused => {
                "nobody listens there (connection refused)".to_owned()
            }
            _ => why.to_string(),
        })
    }

    /// What is offered instead of what is decoded here.
    pub(super) fn coding(offered: &[&str]) -> Self {
        if offered.is_empty() {
            return Self::NoPictures;
        }
        let names = offered.iter().map(|coding| match *coding {
            "H265" | "HEVC" => "H.265".to_owned(),
            "JPEG" => "MJPEG".to_owned(),
            "MP4V-ES" => "MPEG-4".to_owned(),
            other => other
                .chars()
                .filter(|c| c.is_ascii_alphanumeric() || "-.".contains(*c))
                .take(16)
                .collect(),
        });
        let names: Vec<String> = names.filter(|name: &String| !name.is_empty()).collect();
        Self::Coding(match names.as_slice() {
            [] => "a coding that it does not name".to_owned(),
            names => names.join(" and "),
        })
    }

    pub(super) fn status(method: &'static str, status: u16) -> Self {
        match status {
            404 => Self::NoSuchStream,
            453 | 486 | 503 => Self::Busy(status),
            _ => Self::Answer { method, status },
        }
    }

    /// When the camera is asked again.
    pub(super) fn again(&self, credentials: Option<&Path>) -> Again {
        let file = credentials.map(Path::to_path_buf);
        match self {
            Self::Refused { .. } => Again::After(AFTER_REFUSAL, file),
            Self::Credentials(_) | Self::PasswordWanted | Self::LoginKind | Self::Elsewhere(_) => {
                Again::After(AFTER_SETTING, file)
            }
            Self::Coding(_) | Self::NoPictures | Self::Unsupported(_) | Self::NoSuchStream => {
                Again::After(AFTER_SETTING, None)
            }
            _ => Again::Soon,
        }
    }
}
