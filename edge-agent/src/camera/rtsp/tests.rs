//! The camera against one that is made here, on loopback: as the standard says, and as cameras are.

mod fake;

use fake::{Fake, Quirk};

use super::*;
use crate::camera::Again;

fn credentials(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    file
}

fn open(fake: &Fake, path: &str, login: Option<&tempfile::NamedTempFile>) -> Result<Rtsp, Gone> {
    let url: Url = format!("rtsp://{}{path}", fake.address).parse().unwrap();
    Rtsp::open(&url, login.map(|file| file.path().to_path_buf()).as_ref(), RealClock::start())
}

/// Pictures until `count` have come; what was skipped on the way is counted.
fn pictures(camera: &mut Rtsp, count: usize) -> usize {
    let (mut seen, mut skipped) = (0, 0);
    while seen < count {
        match camera.look().unwrap() {
            CameraLook::Shot(_) => seen += 1,
            _ => skipped += 1,
        }
    }
    skipped
}

#[test]
fn a_camera_is_played_and_told_that_the_session_is_over() {
    let fake = Fake::start(&[]);
    let mut camera = open(&fake, "/live", None).unwrap();
    assert_eq!(pictures(&mut camera, 60), 0);
    drop(camera);
    assert_eq!(fake.methods(), ["DESCRIBE", "SETUP", "PLAY", "TEARDOWN"]);
}

#[test]
fn what_players_bear_is_borne() {
    for quirk in [
        Quirk::AnotherSource,
        Quirk::SourceChanges,
        Quirk::EmptyNumber,
        Quirk::ShortLines,
        Quirk::Moved,
        Quirk::NumberBefore,
        Quirk::Rubbish,
        Quirk::OtherChannel,
        Quirk::BaseElsewhere,
        Quirk::NoParameterSets,
        Quirk::JoinedInTheMiddle,
        Quirk::RefusesRange,
        Quirk::NoTimeout,
    ] {
        let fake = Fake::start(&[quirk]);
        let mut camera =
            open(&fake, "/live", None).unwrap_or_else(|gone| panic!("{quirk:?}: {gone}"));
        assert_eq!(pictures(&mut camera, 40), 0, "{quirk:?}");
    }
}

#[cfg(feature = "h265")]
#[test]
fn a_camera_with_h265_alone_is_played() {
    for more in [&[][..], &[Quirk::UdpOnly], &[Quirk::JoinedInTheMiddle]] {
        let fake = Fake::start(&[&[Quirk::H265], more].concat());
        let mut camera = open(&fake, "/live", None).unwrap();
        // By UDP this machine may lose some.
        let skipped = pictures(&mut camera, 60);
        assert!(skipped == 0 || more == [Quirk::UdpOnly], "{more:?}: {skipped} skipped");
    }
}

#[test]
fn a_camera_that_refuses_tcp_is_taken_by_udp() {
    let fake = Fake::start(&[Quirk::UdpOnly]);
    let mut camera = open(&fake, "/live", None).unwrap();
    pictures(&mut camera, 30);
    drop(camera);
    assert_eq!(fake.methods(), ["DESCRIBE", "SETUP", "SETUP", "PLAY", "TEARDOWN"]);
}

#[test]
fn a_camera_that_refuses_the_sign_of_life_plays_on() {
    let fake = Fake::start(&[Quirk::NumberBefore, Quirk::ShortTimeout]);
    let mut camera = open(&fake, "/live", None).unwrap();
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(7) {
        pictures(&mut camera, 5);
    }
    assert!(
        fake.methods().iter().any(|method| method == "OPTIONS" || method.ends_with("_PARAMETER"))
    );
}

#[test]
fn the_right_password_opens_with_digest_and_basic() {
    for quirk in [Quirk::Digest, Quirk::DigestSha256, Quirk::Basic] {
        let fake = Fake::start(&[quirk]);
        // Written by an editor that marks its files.
        let login = credentials("\u{feff}admin:pw:with:colons\r\n");
        let mut camera =
            open(&fake, "/live", Some(&login)).unwrap_or_else(|gone| panic!("{quirk:?}: {gone}"));
        pictures(&mut camera, 5);
    }
}

#[test]
fn a_wrong_password_is_tried_once_and_not_again_soon() {
    let fake = Fake::start(&[Quirk::Digest]);
    let login = credentials("admin:wrong-one\n");
    let gone = open(&fake, "/live", Some(&login)).unwrap_err();
    assert!(
        gone.why.contains("refuses user or password") && !gone.why.contains("wrong-one"),
        "{gone}"
    );
    let Again::After(wait, Some(file)) = &gone.again else { panic!("{:?}", gone.again) };
    assert!(*wait >= Duration::from_mins(5) && file == login.path());
    assert_eq!(fake.logins(), 1);

    let gone = open(&fake, "/live", None).unwrap_err();
    assert!(gone.why.contains("credentials_file"), "{gone}");
}

#[test]
fn what_can_not_be_decoded_is_named_with_the_setting() {
    for (quirk, words) in [
        (Quirk::Vp9, "VP9"),
        (Quirk::Jpeg, "MJPEG"),
        (Quirk::SoundAlone, "offers no pictures at this address"),
        (Quirk::Unnamed, "sends a coding that it does not name, which is not decoded here"),
        (Quirk::Busy, "busy"),
        (Quirk::Missing, "404"),
    ] {
        let gone = open(&Fake::start(&[quirk]), "/live", None).unwrap_err();
        assert!(gone.why.contains(words) && !gone.why.contains('\n'), "{gone}");
    }
}

#[test]
fn no_text_holds_what_stands_in_the_address() {
    let path = "/user=admin_password=GEHEIM77_channel=1?user=admin&password=GEHEIM77";
    for quirk in [Quirk::Vp9, Quirk::Busy, Quirk::Missing, Quirk::BrokenDescription, Quirk::Digest]
    {
        let gone = open(&Fake::start(&[quirk]), path, None).unwrap_err();
        assert!(!gone.why.contains("GEHEIM77"), "{gone}");
    }
    let fake = Fake::start(&[]);
    let mut camera = open(&fake, path, None).unwrap();
    pictures(&mut camera, 3);
    assert!(
        fake.heard().iter().any(|line| line.contains(path)),
        "the camera itself hears its address"
    );
}

#[test]
fn a_redirect_to_another_machine_is_not_followed() {
    let gone = open(&Fake::start(&[Quirk::MovedAway]), "/live", None).unwrap_err();
    assert!(gone.why.contains("127.0.0.2") || gone.why.contains("nobody listens"), "{gone}");
}

#[test]
fn neither_path_nor_query_nor_user_of_an_address_is_told() {
    let url: Url =
        "rtsp://admin:secret@127.0.0.1:9/live?user=admin&password=secret".parse().unwrap();
    assert_eq!(place(&url), "rtsp://127.0.0.1:9");
}

#[test]
fn a_missing_camera_or_credentials_are_one_line() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url: Url = format!("rtsp://{}/live", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let gone = Rtsp::open(&url, None, RealClock::start()).unwrap_err();
    assert!(gone.why.starts_with("rtsp://127.0.0.1:") && !gone.why.contains('\n'), "{}", gone.why);

    let file = credentials("no colon");
    let gone = Rtsp::open(&url, Some(&file.path().to_path_buf()), RealClock::start()).unwrap_err();
    assert!(gone.why.contains("user:password") && !gone.why.contains("no colon"), "{}", gone.why);
}
