//! The demonstration before photographs of people: a folder, a film, an IP camera. Where they, or
//! the real pack, are not here, each test says SKIPPED.

use super::*;

/// The real pack and photographs of people, or the reason why not.
fn photographs(test: &str) -> Option<PathBuf> {
    let data = root().join("../shared/data");
    let agent = program("zaigang-agent").unwrap();
    let real =
        Command::new(agent).args(["models", "verify", "real"]).output().unwrap().status.success();
    if real && data.is_dir() {
        return Some(data);
    }
    eprintln!("SKIPPED {test}: real pack or ../shared/data not found");
    None
}

/// Photographs of one person in a folder of their own.
fn folder_of_one(data: &Path) -> tempfile::TempDir {
    let mut people: Vec<_> =
        std::fs::read_dir(data.join("lfw_dev")).unwrap().map(|e| e.unwrap().path()).collect();
    people.sort();
    // Behind those who are enrolled as colleagues.
    let enough = |path: &PathBuf| std::fs::read_dir(path).is_ok_and(|photos| photos.count() >= 6);
    let person = people.into_iter().rfind(enough).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for photo in std::fs::read_dir(person).unwrap().map(|e| e.unwrap().path()) {
        std::fs::copy(&photo, folder.path().join(photo.file_name().unwrap())).unwrap();
    }
    folder
}

#[test]
fn a_folder_of_photographs_is_recognised() {
    let Some(data) = photographs("a_folder_of_photographs_is_recognised") else { return };
    let folder = folder_of_one(&data);
    let mut demo = Demo::start(&folder.path().display().to_string());
    demo.come_in();
    let state = demo.state();
    assert_eq!((&state["pack"], &state["source"]), (&json!("real"), &json!("folder")));
    // A recording plays no act that asks somebody to do something, and nothing in it is alive.
    assert_eq!(promises::offered(&state), ["work", "other"]);
    demo.enrol();
    let photo = demo.post("/act", &json!({"act": "photo"}));
    assert!(photo.status == 422 && photo.json()["error"].to_string().contains("camera"));
    let faces = demo.sight()["faces"].clone();
    assert_eq!(
        faces[0]["liveness"], "not_assessed",
        "a filed picture has no life to be judged: {faces}"
    );
    demo.end();
}

#[test]
fn a_film_shows_its_faces() {
    let Some(data) = photographs("a_film_shows_its_faces") else { return };
    let film = data.join("videos/one-by-one-person-detection.mp4");
    if !film.is_file() {
        return eprintln!("SKIPPED a_film_shows_its_faces: {} not found", film.display());
    }
    let mut demo = Demo::start(&film.display().to_string());
    demo.come_in();
    assert_eq!(demo.state()["source"], "video");
    until("a face of the film", || !demo.statuses().is_empty()).unwrap();
    demo.end();
}

/// `GStreamer`'s RTSP server with photographs, as `scripts/rtsp-test` starts it with a moving
/// picture.
struct Rtsp(Child);

impl Rtsp {
    fn start(folder: &Path) -> Option<(Self, String)> {
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let script = root().join("hardware/rtsp/server.py");
        let mut server = Command::new("/usr/bin/python3")
            .arg(script)
            .args([
                &port.to_string(),
                "installer",
                "correct-horse-7",
                &folder.display().to_string(),
            ])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .ok()?;
        let mut line = String::new();
        BufReader::new(server.stdout.take()?).read_line(&mut line).ok()?;
        let served = Self(server);
        (line.trim() == "serving")
            .then(|| (served, format!("rtsp://installer:correct-horse-7@127.0.0.1:{port}/stream")))
    }
}

impl Drop for Rtsp {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// An IP camera is live, so liveness is judged. What it says of photographs that fill its picture
/// is not promised: networks that look at single pictures took some for the person.
#[test]
fn photographs_before_an_ip_camera_are_judged() {
    let test = "photographs_before_an_ip_camera_are_judged";
    let Some(data) = photographs(test) else { return };
    let folder = folder_of_one(&data);
    for (number, photo) in files_under(folder.path()).into_iter().enumerate() {
        std::fs::rename(photo, folder.path().join(format!("{number}.jpg"))).unwrap();
    }
    let Some((_server, url)) = Rtsp::start(folder.path()) else {
        return eprintln!(
            "SKIPPED {test}: no GStreamer RTSP server (scripts/rtsp-test installs one)"
        );
    };
    let mut demo = Demo::start(&url);
    demo.come_in();
    let state = demo.state();
    assert_eq!((&state["source"], &state["live"]), (&json!("rtsp"), &json!(true)));
    assert!(!state.to_string().contains("correct-horse"), "{state}");
    let promised = promises::promised(&state, "photo");
    assert_eq!(promised.iter().collect::<Vec<_>>(), ["INDETERMINATE", "MATCHED", "SPOOF"]);
    until("a face", || !demo.statuses().is_empty()).unwrap();
    demo.photographs();
    assert_eq!(demo.post("/enrol", &json!({"agreed": true})).status, 200);
    until("liveness was judged", || {
        let sight = demo.sight().to_string();
        ["live", "spoof", "unsure"].iter().any(|l| sight.contains(&format!("\"liveness\":\"{l}\"")))
    })
    .unwrap();
    assert!(demo.sight()["costs"]["liveness_us"].as_u64() > Some(0));
    demo.end();
}
