//! A disk that fills while the server runs, on a real file system of a few MiB: each refusal is one
//! line with the folder, nothing that was taken is lost, and it goes on once there is room.
//! Mounting one needs root; without it the test says that it was skipped.

use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use server::config::Config;

use crate::house::{Answer, House};
use crate::public::{send, slug, ticket};

pub(crate) struct SmallDisk {
    at: PathBuf,
}

impl SmallDisk {
    fn mount(at: PathBuf, test: &str) -> Option<Self> {
        if crate::cluster::url_of(&at).is_some() {
            eprintln!("SKIPPED {test}: the store is not on this disk");
            return None;
        }
        Self::of_mib(8, at, test)
    }

    pub(crate) fn of_mib(mib: u32, at: PathBuf, test: &str) -> Option<Self> {
        std::fs::create_dir_all(&at).unwrap();
        let mut mount = Command::new("mount");
        let size = format!("size={mib}m");
        mount.args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(&at).stderr(Stdio::null());
        if mount.status().is_ok_and(|status| status.success()) {
            return Some(Self { at });
        }
        eprintln!("SKIPPED {test}: no right to mount a small file system");
        None
    }

    /// Takes every block that is left, again and again: the server's log gives some back when it is
    /// copied home.
    pub(crate) fn fill(&self) {
        use std::io::Write as _;
        let at = self.at.join("ballast");
        let mut ballast = OpenOptions::new().create(true).append(true).open(at).unwrap();
        for size in [65_536, 4096, 512] {
            while ballast.write_all(&vec![1; size]).is_ok() {}
        }
    }

    pub(crate) fn free(&self) {
        std::fs::remove_file(self.at.join("ballast")).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.at).status();
    }
}

/// Repeats what writes until the disk takes no more; gives the refusal.
pub(crate) fn until_full(
    what: &str,
    disk: &SmallDisk,
    mut ask: impl FnMut(usize) -> Answer,
) -> Answer {
    for n in 0..300 {
        disk.fill();
        let answer = ask(n);
        let unlogged = answer.status == 503 && answer.body.contains("look whether it was done");
        let is_known = unlogged || matches!(answer.status, 200..=399 | 507);
        assert!(is_known, "{what}: {} {}", answer.head, answer.body);
        if answer.status == 507 {
            return answer;
        }
    }
    panic!("{what}: the disk never filled");
}

/// Looks whether the server is ready until it answers so; one look counts for a second.
pub(crate) fn looked_until(house: &House, wanted: u16, before: impl Fn()) -> String {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        before();
        let (status, said) = house.page("/readyz");
        if status == wanted {
            return said;
        }
        assert!(Instant::now() < deadline, "never {wanted}: {status} {said}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn is_one_line_of(text: &str, data: &Path) {
    let (place, rest) = (data.display().to_string(), text.trim());
    assert_eq!(rest.matches(&place).count(), 1, "the folder is named once: {rest}");
    assert!(!rest.contains('\n'), "{rest}");
    assert!(!rest.contains("database or disk"), "a lower layer's words: {rest}");
}

pub(crate) fn institution(n: usize) -> Value {
    json!({"id": format!("more-{n}"), "name": format!("门诊部 {n}"), "kind": "门诊部", "grade_ceiling": 2,
        "filed_items": [], "jurisdiction": "510100"})
}

pub(crate) fn posted(house: &House, n: usize) -> Answer {
    let body = institution(n).to_string();
    house.send("POST", "/api/v1/institutions", "application/json", body.as_bytes())
}

#[test]
fn a_disk_that_fills_refuses_in_one_line_and_goes_on() {
    let test = "a_disk_that_fills_refuses_in_one_line_and_goes_on";
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let Some(disk) = SmallDisk::mount(data.clone(), test) else { return };
    let house = House::with(folder, "[public]\nlisten = \"127.0.0.1:0\"\n");
    house.furnish();
    assert_eq!(house.page("/readyz").0, 200);
    let slug = slug(&house);

    let mut taken = 0;
    let refused = until_full("a call", &disk, |n| {
        let answer = posted(&house, n);
        // One that was done and could not be written down counts, too: it is there.
        taken += usize::from(answer.status < 300 || answer.status == 503);
        answer
    });
    let problem = refused.json();
    is_one_line_of(problem["detail"].as_str().unwrap(), &data);
    let zh = problem["detail_zh"].as_str().unwrap();
    is_one_line_of(zh, &data);
    let words = zh.replace(&data.display().to_string(), "");
    assert!(!words.contains(|c: char| c.is_ascii_alphabetic()), "English in it: {zh}");
    assert!(refused.head.contains("retry-after: "), "{}", refused.head);

    let page = until_full("a page", &disk, |_| {
        house.send_with("GET", "/people", "Accept: text/html\r\n", b"")
    });
    assert!(page.body.contains("<main") && page.body.contains("服务器磁盘已满"), "{}", page.body);

    let said = looked_until(&house, 503, || disk.fill());
    is_one_line_of(&said, &data);

    // Who has no login is told no place, looks things up, and loses no word that was typed.
    assert_eq!(house.knock("GET", &format!("/p/i/{slug}"), "", b"").status, 200);
    let door = until_full("a report", &disk, |n| {
        let (ticket, text) = (ticket(&house, 60), format!("保留我 {n}"));
        let fields = [("i", slug.as_str()), ("ticket", ticket.as_str()), ("allegation", "lending")];
        send(&house, &[&fields[..], &[("text", text.as_str())]].concat(), &[])
    });
    assert!(door.body.contains("没有保存"), "{}", door.body);
    assert!(!door.body.contains(&data.display().to_string()), "{}", door.body);

    disk.free();
    assert_eq!(posted(&house, 900).status, 201);
    looked_until(&house, 200, || {});
    let stored = house.get("institutions?limit=500")["institutions"].as_array().unwrap().len();
    assert_eq!(stored, 1 + taken + 1, "what was taken is there, what was refused is not");
}

#[test]
fn a_start_on_a_full_disk_is_one_line_and_no_set_up_fault() {
    let test = "a_start_on_a_full_disk_is_one_line_and_no_set_up_fault";
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let Some(disk) = SmallDisk::mount(data.clone(), test) else { return };
    let text = "mode = \"demonstration\"\ndata_dir = \"data\"\nmaster_key_file = \"master.key\"\n\
        [http]\nlisten = \"127.0.0.1:0\"\n[mqtt]\nlisten = \"127.0.0.1:0\"\n[models]\npack = \
        \"avatar\"\n";
    let start = || {
        let config = Config::parse(&folder.path().join("z.toml"), text).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let running = server::run::start(config).await?;
            running.stop().await;
            anyhow::Ok(())
        })
    };
    // The first start finds no room for any file, the second none for a change.
    for made_before in [false, true] {
        if made_before {
            start().unwrap();
        }
        disk.fill();
        let refused = start().unwrap_err();
        let line = log_lines::one_line(refused.chain());
        is_one_line_of(&line, &data);
        assert!(line.contains("no room"), "{line}");
        let for_ever = |cause: &(dyn std::error::Error + 'static)| {
            cause.is::<server::set_up_fault::SetUpFault>()
                || matches!(cause.downcast_ref(), Some(server::store::StoreError::Open { .. }))
        };
        assert!(!refused.chain().any(for_ever), "it would not be started again: {line}");
        disk.free();
    }
    start().unwrap();
}
