//! What an integrator who mistypes is told.

use expect_test::{Expect, expect};

use super::*;

fn check(text: &str, expected: &Expect) {
    let said = match parse(Path::new("/etc/zaigang/agent.toml"), text) {
        Ok(_) => "accepted".to_owned(),
        Err(error) => error.to_string(),
    };
    assert!(!said.contains('\n'), "one line: {said}");
    expected.assert_eq(&said);
}

#[test]
fn the_shipped_examples_comments_tell_the_defaults() {
    let path = Path::new("/etc/zaigang/agent.toml");
    let shipped = parse(path, EXAMPLE).unwrap();
    let shown: String = EXAMPLE
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest)
                if rest.split(" = ").next().is_some_and(|key| !key.contains(' '))
                    && rest.contains(" = ") =>
            {
                rest
            }
            _ => line,
        })
        .collect::<Vec<_>>()
        .join("\n");
    assert_ne!(shown, EXAMPLE);
    let spelled_out = parse(path, &shown).unwrap();
    assert_eq!(Config { sha256: shipped.sha256.clone(), ..spelled_out }, shipped);
}

#[test]
fn an_unknown_key_is_named_with_its_line() {
    check(
        "mode = \"production\"\n[camera]\nkind = \"v4l2\"\nwidht = 640\n",
        &expect![
            "/etc/zaigang/agent.toml:4: unknown field `widht`, expected one of `kind`, \
            `reconnect_ms`, `device`, `width`, `height`, `frame_rate`, `url`, `credentials_file`, \
            `pipe`, `live`, `folder`, `list`, `script`, `seed`, `rounds`, `still`, `cast`, \
            `start`, `speed`"
        ],
    );
}

#[test]
fn a_wrong_value_is_told_with_its_range() {
    check(
        "mode = \"production\"\n[models]\nthreads = 0\n[camera]\nkind = \"v4l2\"\n",
        &expect!["/etc/zaigang/agent.toml:3: `models.threads = 0` is outside 1..64"],
    );
    check(
        "mode = \"production\"\n[camera]\nkind = \"webcam\"\n",
        &expect![[
            r#"/etc/zaigang/agent.toml:3: `camera.kind = "webcam"` is none of "v4l2", "rtsp", "files", "scene", "mjpeg""#
        ]],
    );
    check(
        "mode = \"demonstration\"\n[camera]\nkind = \"scene\"\nspeed = -1\n",
        &expect!["/etc/zaigang/agent.toml:4: `camera.speed = -1` is no number in 0..100000"],
    );
    check(
        "mode = \"demonstration\"\n[camera]\nkind = \"scene\"\nstart = \"at nine\"\n",
        &expect![[
            r#"/etc/zaigang/agent.toml:4: `camera.start` is no time: write it as "2026-03-02T08:30:00+08:00" (RFC 3339)"#
        ]],
    );
    check(
        "mode = 3\n",
        &expect!["/etc/zaigang/agent.toml:1: `mode`: invalid type: integer `3`, expected a string"],
    );
}

#[test]
fn what_is_missing_is_said() {
    check(
        "",
        &expect![[
            r#"/etc/zaigang/agent.toml:1: `mode` is missing: "production" or "demonstration""#
        ]],
    );
    check(
        "mode = \"production\"\n",
        &expect![[
            r#"/etc/zaigang/agent.toml:2: `[camera]` with `kind` is missing: "v4l2", "rtsp", "files", "scene" or "mjpeg""#
        ]],
    );
    check(
        "mode = \"demonstration\"\n[camera]\nkind = \"files\"\n",
        &expect![[
            r#"/etc/zaigang/agent.toml:2: `camera.kind = "files"` needs either `folder` or a non-empty `list`"#
        ]],
    );
}

#[test]
fn a_key_of_another_camera_is_refused_instead_of_ignored() {
    check(
        "mode = \"production\"\n[camera]\nkind = \"v4l2\"\nspeed = 60\n",
        &expect![[
            r#"/etc/zaigang/agent.toml:4: `camera.speed` belongs to kind = "files" or "scene", not to "v4l2""#
        ]],
    );
}

#[test]
fn production_refuses_whatever_is_not_real_life() {
    for kind in ["files\"\nfolder = \"x", "scene", "mjpeg\"\npipe = \"x"] {
        let text = format!("mode = \"production\"\n[camera]\nkind = \"{kind}\"\n");
        let error = parse(Path::new("a.toml"), &text).unwrap_err().to_string();
        assert!(error.contains("a.toml:3") && error.contains("production"), "{error}");
    }
    check(
        "mode = \"production\"\n[models]\npack = \"avatar\"\n[camera]\nkind = \"v4l2\"\n",
        &expect![[
            r#"/etc/zaigang/agent.toml:3: `models.pack = "avatar"` knows drawn faces only: refused with mode = "production""#
        ]],
    );
}

/// P6.
#[test]
fn production_refuses_a_view_of_the_picture() {
    let text = |mode: &str| {
        format!(
            "mode = \"{mode}\"\n[camera]\nkind = \"v4l2\"\n[live_view]\nsocket = \
            \"live/view.sock\"\n"
        )
    };
    check(
        &text("production"),
        &expect![[
            r#"/etc/zaigang/agent.toml:5: `live_view.socket` shows the camera's picture: refused with mode = "production""#
        ]],
    );
    let shown = parse(Path::new("/etc/zaigang/agent.toml"), &text("demonstration"))
        .unwrap()
        .live_view
        .unwrap();
    assert_eq!(shown.socket, Path::new("/etc/zaigang/live/view.sock"));
}

/// The clinic holds the box: it may not make it drop the pictures of a lead.
#[test]
fn production_refuses_less_room_than_pictures_need() {
    let text = |mode: &str, mib: &str| {
        format!("mode = \"{mode}\"\n[camera]\nkind = \"v4l2\"\n[evidence]\nquota_mib = {mib}\n")
    };
    let said = |text: &str| match parse(Path::new("/etc/zaigang/agent.toml"), text) {
        Ok(config) => (config.evidence_quota_bytes >> 20).to_string(),
        Err(error) => error.to_string(),
    };
    for mib in ["16", "1024", "2047"] {
        assert_eq!(
            said(&text("production", mib)),
            format!(
                "/etc/zaigang/agent.toml:5: `evidence.quota_mib` = {mib} is too small for the \
                 pictures of 30 days: give 2048 or more, or leave it out (with mode = \
                 \"production\" the server alone may ask for less)"
            )
        );
    }
    assert_eq!(said(&text("production", "2048")), "2048");
    assert_eq!(said(&text("production", "4096")), "4096");
    assert_eq!(said("mode = \"production\"\n[camera]\nkind = \"v4l2\"\n"), "2048");
    assert_eq!(said(&text("demonstration", "16")), "16");
}

#[test]
fn every_board_profile_and_the_scene_are_valid() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = vec![root.join("scene.toml")];
    files.extend(
        std::fs::read_dir(root.join("../hardware/boards"))
            .unwrap()
            .map(|entry| entry.unwrap().path()),
    );
    assert!(files.len() >= 5, "{files:?}");
    for file in files {
        load(&file).unwrap_or_else(|why| panic!("{why}"));
    }
}

#[test]
fn an_address_that_would_give_the_camera_away_is_refused() {
    check(
        "mode = \"production\"\n[camera]\nkind = \"rtsp\"\nurl = \
        \"rtsp://admin:secret@10.0.0.9/live\"\n",
        &expect![[
            r"/etc/zaigang/agent.toml:4: `camera.url` holds user or password: write user:password into a file and name it in `camera.credentials_file`"
        ]],
    );
    check(
        "mode = \"production\"\n[camera]\nkind = \"rtsp\"\nurl = \"http://10.0.0.9/live\"\n",
        &expect![[
            r"/etc/zaigang/agent.toml:4: `camera.url` is no address of the form rtsp://host:554/path"
        ]],
    );
    check(
        "mode = \"production\"\n[camera]\nkind = \"rtsp\"\nframe_rate = 5\nurl = \
        \"rtsp://10.0.0.9/live\"\n",
        &expect![[
            r#"/etc/zaigang/agent.toml:4: `camera.frame_rate` belongs to kind = "v4l2" or "files" or "scene", not to "rtsp""#
        ]],
    );
    check(
        "mode = \"production\"\n[camera]\nkind = \"rtsp\"\nurl = \
        \"rtsp://10.0.0.9/live\"\ncredentials_file = \"camera.txt\"\n",
        &expect!["accepted"],
    );
}

const LEAST: &str = "mode = \"production\"\ncamera.kind = \"v4l2\"\n";

/// What stands before and behind a key of a table.
type Around = (String, &'static str);

/// The keys of a table, as the reader itself lists them; none where it is no table.
fn keys_of((open, close): &Around) -> Vec<String> {
    let text = format!("{LEAST}{open}no_such_key = 1{close}\n");
    let Err(said) = parse(Path::new("a.toml"), &text) else { return Vec::new() };
    let said = said.to_string();
    let Some((_, listed)) = said.split_once("unknown field `no_such_key`, expected") else {
        return Vec::new();
    };
    listed.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// A value of each kind that TOML has, and the edges of numbers.
const VALUES: [&str; 14] = [
    "7",
    "-7",
    "9223372036854775807",
    "1.5",
    "nan",
    "true",
    "\"x\"",
    "\"\"",
    "[]",
    "[7]",
    "[[\"x\"]]",
    "[{ a = 1 }]",
    "{ no_such_key = 7 }",
    "1979-05-27",
];

/// Not only the kinds that somebody thought of: each key, each kind.
#[test]
fn each_key_with_each_wrong_kind_is_named_with_its_line() {
    let (mut tables, mut looked, mut refused) = (vec![(String::new(), "")], 0, 0);
    while let Some(table) = tables.pop() {
        let (open, close) = &table;
        for key in keys_of(&table) {
            looked += 1;
            let path = format!("{open}{key}");
            let inner = [(format!("{path}."), ""), (format!("{path} = [{{ "), " }]")];
            // Within a list's braces there is no deeper table.
            let deeper = inner.into_iter().filter(|t| close.is_empty() && !keys_of(t).is_empty());
            tables.extend(deeper);
            let mut kinds = std::collections::BTreeSet::new();
            for value in VALUES {
                let line = format!("{path} = {value}{close}\n");
                let of_path = |l: &str| {
                    l.strip_prefix(path.as_str()).is_some_and(|rest| rest.starts_with([' ', '.']))
                };
                let others = LEAST.lines().filter(|l| !of_path(l));
                let others: Vec<&str> = others.collect();
                let at = others.len() + 1;
                let text = format!("{}\n{line}", others.join("\n"));
                match parse(Path::new("a.toml"), &text) {
                    Ok(_) => drop(kinds.insert(value.trim_start_matches('-').chars().next())),
                    Err(error) => {
                        let said = error.to_string();
                        // What is of the right kind may not go together with another key.
                        let is_text = value.starts_with('"') && !said.contains("invalid type");
                        // Within a table its own keys are named.
                        let within =
                            said.contains("unknown field") || said.contains("missing field");
                        let is_named = is_text || within || said.contains(&key);
                        let is_here = is_text || said.contains(&format!("a.toml:{at}: "));
                        assert!(is_named && is_here, "{line}: {said}");
                        assert!(!said.contains('\n'), "{line}: {said}");
                        let is_of_the_library = said.contains("$__") || said.contains("struct ");
                        assert!(!is_of_the_library, "{line}: {said}");
                        let is_kind = value.starts_with("1979") && said.contains("invalid type");
                        assert!(!is_kind || said.contains("date"), "{line}: {said}");
                        refused += 1;
                    }
                }
            }
            assert!(kinds.len() <= 3, "{path} takes anything: {kinds:?}");
        }
    }
    assert!(looked > 40 && refused > 400, "{looked} keys, {refused} refusals");
}
