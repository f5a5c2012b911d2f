//! An installer's card, written with whatever editor was at hand.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use expect_test::expect;

use super::{Args, ERROR_FILE, FirstBootStep};

/// Runs a step on a card with this file; gives the card's folder and what was said.
fn card(text: &str, step: FirstBootStep) -> (tempfile::TempDir, Result<(), String>) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("zaigang.toml"), text).unwrap();
    let done = boot(folder.path(), step);
    (folder, done)
}

fn boot(folder: &Path, step: FirstBootStep) -> Result<(), String> {
    fs::write(
        folder.join("drawn.toml"),
        "mode = \"demonstration\"\nstate_dir = \"state\"\n[camera]\nkind = \"scene\"\n",
    )
    .unwrap();
    let config = folder.join("drawn.toml");
    let args =
        Args { step, from: folder.join("zaigang.toml"), config, system: folder.join("system") };
    args.run().map_err(|why| format!("{why:#}").replace(&folder.display().to_string(), "BOOT"))
}

#[test]
fn settings_are_taken_over_and_the_password_leaves_the_card() {
    let text = "# our clinic\nserver = \"https://s.example\"\ntoken = \"t\"\n[wifi]\nssid = \
        \"诊所\"\npassword = \"long enough\"\ncountry = \"CN\"\n\
        [time]\nservers = [\"ntp.ntsc.ac.cn\"]\nnts = true\n";
    let (card, done) = card(text, FirstBootStep::Settings);
    done.unwrap();
    let system = card.path().join("system");
    expect![[r#"
        country=CN
        network={
          ssid=e8af8ae68980
          scan_ssid=1
          psk="long enough"
        }
    "#]]
    .assert_eq(&fs::read_to_string(system.join("wpa_supplicant.conf")).unwrap());
    assert_eq!(
        fs::metadata(system.join("wpa_supplicant.conf")).unwrap().permissions().mode() & 0o777,
        0o600
    );
    assert_eq!(
        fs::read_to_string(system.join("time.sources")).unwrap(),
        "server ntp.ntsc.ac.cn iburst nts\n"
    );
    let left = fs::read_to_string(card.path().join("zaigang.toml")).unwrap();
    assert_eq!(left, text.replace("password = \"long enough\"", "password = \"\""));

    // The next boot finds nothing new and undoes nothing.
    boot(card.path(), FirstBootStep::Settings).unwrap();
    assert!(
        fs::read_to_string(system.join("wpa_supplicant.conf")).unwrap().contains("long enough")
    );
    assert_eq!(fs::read_to_string(card.path().join("zaigang.toml")).unwrap(), left);
}

#[test]
fn what_is_wrong_is_said_on_the_card_and_changes_nothing() {
    let said: Vec<String> = [
        "servr = \"https://s.example\"\n",
        "[wifi]\nssid = \"a\"\npassword = \"short\"\ncountry = \"CN\"\n",
        "[wifi]\nssid = \"a\"\npassword = \"long enough\"\ncountry = \"china\"\n",
        "[time]\nservers = [\"ntp.example; rm\"]\n",
        "agent_config = \"../agent.toml\"\n",
        "agent_config = \"agent.toml\"\n",
        "token = \"secret\n",
    ]
    .iter()
    .map(|text| {
        let (card, done) = card(text, FirstBootStep::Settings);
        let said = done.unwrap_err();
        let written = fs::read_to_string(card.path().join(ERROR_FILE)).unwrap();
        assert_eq!(written.trim_end().replace(&card.path().display().to_string(), "BOOT"), said);
        assert!(!said.contains("secret") && !card.path().join("system").exists());
        assert_eq!(fs::read_to_string(card.path().join("zaigang.toml")).unwrap(), *text);
        format!("{said}\n")
    })
    .collect();
    expect![[r#"
        BOOT/zaigang.toml, line 1: unknown field `servr`, expected one of `server`, `token`, `room`, `server_ca`, `server_ca_sha256`, `agent_config`, `wifi`, `time`
        `wifi.password` has 8 to 63 ASCII characters
        `wifi.country` is two capital letters (ISO 3166-1), such as "CN"
        `time.servers`: "ntp.example; rm" is no host name or IP address
        `agent_config` = "../agent.toml" is no file beside zaigang.toml
        `agent_config` = "agent.toml" is no file beside zaigang.toml
        BOOT/zaigang.toml, line 1: invalid basic string, expected `"`
    "#]]
    .assert_eq(&said.concat());
}

#[test]
fn a_registration_needs_server_token_and_a_secret_address() {
    let said: Vec<String> = [
        "",
        "server = \"https://s.example\"\n",
        "server = \"https://s.example\"\ntoken = \"\"\n",
        "server = \"http://s.example\"\ntoken = \"secret\"\n",
        "server = \"https://s.example\"\ntoken = \"secret\"\n",
        "server = \"https://s.example\"\ntoken = \"secret sha256:0f\"\n",
    ]
    .iter()
    .map(|text| format!("{}\n", card(text, FirstBootStep::Registration).1.unwrap_err()))
    .collect();
    expect![[r#"
        BOOT/zaigang.toml: `server` is missing: "https://HOST"
        BOOT/zaigang.toml: `token` is missing: the supervisors' page shows it when a device is added
        BOOT/zaigang.toml: `token` is missing: the supervisors' page shows it when a device is added
        `http://s.example` would send the token over an open network: use https://
        `https://s.example`: say who vouches for the server: a PEM file (--server-ca), or the SHA-256 of its authority's certificate (--server-ca-sha256, or `sha256:…` behind the token)
        `0f` is no SHA-256 of a certificate: use 64 hex digits, with or without colons
    "#]]
    .assert_eq(&said.concat());
}

#[test]
fn an_error_that_was_mended_leaves_the_card() {
    let (card, done) = card("servr = 1\n", FirstBootStep::Settings);
    done.unwrap_err();
    fs::write(card.path().join("zaigang.toml"), "\u{feff}server = \"https://s.example\"\r\n")
        .unwrap();
    boot(card.path(), FirstBootStep::Settings).unwrap();
    assert!(!card.path().join(ERROR_FILE).exists());
}

/// A card is written by hand: whatever TOML takes as the password must leave it.
#[test]
fn a_password_leaves_the_card_however_it_was_spelled() {
    let wifi = "ssid = \"a\"\ncountry = \"CN\"\n";
    for text in [
        format!("[wifi]\n{wifi}password = \"pass w0rd\"\n"),
        format!("[wifi]\n{wifi}\"password\" = 'pass w0rd'   # pass w0rd, do not lose\n"),
        format!("[ wifi ]\n{wifi}'password'=\"\"\"pass w0rd\"\"\"\n[time]\nservers = []\n"),
        format!("[wifi]\n{wifi}password = \"p\\u0061ss w0rd\"\n"),
        "wifi.ssid = \"a\"\nwifi.country = \"CN\"\nwifi.password = \"pass w0rd\"\n".to_owned(),
        "wifi = { ssid = \"a\", password = \"pass w0rd\", country = \"CN\" }\n".to_owned(),
        "\u{feff}wifi = {password=\"pass w0rd\",ssid=\"a\",country=\"CN\"}\r\n".to_owned(),
    ] {
        let (card, done) = card(&text, FirstBootStep::Settings);
        done.unwrap_or_else(|why| panic!("{text}: {why}"));
        let network = fs::read_to_string(card.path().join("system/wpa_supplicant.conf")).unwrap();
        assert!(network.contains("psk=\"pass w0rd\""), "{text}");
        let left = fs::read_to_string(card.path().join("zaigang.toml")).unwrap();
        assert!(!left.contains("pass w0rd") && !left.contains("ss w0rd"), "{left}");
        boot(card.path(), FirstBootStep::Settings).unwrap();
    }
    let named = format!("[wifi]\n{wifi}password = \"password\"\n");
    let (card, done) = card(&named, FirstBootStep::Settings);
    done.unwrap();
    let left = fs::read_to_string(card.path().join("zaigang.toml")).unwrap();
    assert_eq!(left, named.replace("\"password\"", "\"\""));
}

#[test]
fn what_was_typed_wide_is_the_same_setting() {
    let (card, done) = card(
        "[wifi]\nssid = \"a\"\npassword = \"long enough\"\ncountry = \"ＣＮ\"\n\
         [time]\nservers = [\"ｎｔｐ．ｎｔｓｃ．ａｃ．ｃｎ\"]\n",
        FirstBootStep::Settings,
    );
    done.unwrap();
    let set = |name: &str| fs::read_to_string(card.path().join("system").join(name)).unwrap();
    assert!(set("wpa_supplicant.conf").starts_with("country=CN\n"));
    assert_eq!(set("time.sources"), "server ntp.ntsc.ac.cn iburst\n");
}

#[test]
fn a_hidden_character_on_the_card_is_named() {
    for (text, step, says) in [
        (
            "room = \"room\u{200b}-7\"\n",
            FirstBootStep::Settings,
            "`room`: holds the invisible character U+200B",
        ),
        (
            "server = \"https://s.example\"\ntoken = \"ab\u{2060}cd\"\n",
            FirstBootStep::Registration,
            "`token`: holds the invisible character U+2060",
        ),
    ] {
        let said = card(text, step).1.unwrap_err();
        assert!(said.contains(says) && !said.contains("cd"), "{said}");
    }
}
