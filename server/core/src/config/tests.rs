//! What an administrator who mistypes is told.

use super::*;

const LEAST: &str =
    "mode = \"demonstration\"\ndata_dir = \"data\"\nmaster_key_file = \"master.key\"\n";

fn parse(extra: &str) -> Result<Config, String> {
    Config::parse(Path::new("/etc/z.toml"), &format!("{LEAST}{extra}")).map_err(|e| e.to_string())
}

#[test]
fn the_printed_file_is_valid_and_says_the_defaults() {
    let printed = Config::parse(Path::new("/etc/z.toml"), COMMENTED).unwrap();
    let least = parse("").unwrap();
    assert_eq!((printed.batch_max, printed.at_once_max), (least.batch_max, least.at_once_max));
    assert_eq!(printed.http_listen, least.http_listen);
    assert_eq!(printed.broker, least.broker);
    assert_eq!(printed.gap_alert_s, least.gap_alert_s);
    assert_eq!(printed.limits, least.limits);
    assert_eq!(printed.knowledge_retry_max_min, least.knowledge_retry_max_min);
    assert_eq!(printed.knowledge_refresh_min, least.knowledge_refresh_min);
    assert_eq!(least.data_dir, Path::new("/etc/data"));
}

#[test]
fn a_wrong_value_names_file_line_and_range() {
    let error = parse("[ingest]\nbatch_max = 0\n").unwrap_err();
    assert_eq!(
        error,
        "/etc/z.toml, line 5: `ingest.batch_max` is 0: it must be 1 to 4096 (default 1024)"
    );
    let error = parse("[http]\nlisten = \"everywhere\"\n").unwrap_err();
    assert!(error.starts_with("/etc/z.toml, line 5: `http.listen` is `everywhere`"), "{error}");
    let error = parse("[http]\ntrusted_proxies = [\"127.0.0.1\", \"proxy\"]\n").unwrap_err();
    assert!(
        error.starts_with("/etc/z.toml, line 5: `http.trusted_proxies`: `proxy` is no IP address"),
        "{error}"
    );
    let error = Config::parse(Path::new("z.toml"), "mode = \"sandbox\"\n").unwrap_err().to_string();
    assert!(error.contains("line 1") && error.contains("`demonstration`"), "{error}");
}

#[test]
fn an_unknown_key_names_its_line_and_the_known_ones() {
    let error = parse("[mqtt]\nlisten_on = \"127.0.0.1:1\"\n").unwrap_err();
    assert!(
        error.contains("line 5")
            && error.contains("listen_on")
            && error.contains("`password_file`"),
        "{error}"
    );
}

#[test]
fn what_must_not_be_is_refused() {
    let drawn = LEAST.replace("demonstration", "production") + "[models]\npack = \"avatar\"\n";
    assert!(
        Config::parse(Path::new("z.toml"), &drawn)
            .unwrap_err()
            .to_string()
            .contains("drawn faces only")
    );
    assert!(parse("[http]\nlisten = \"0.0.0.0:80\"\n").unwrap_err().contains("loopback alone"));
    assert!(parse("[mqtt]\nlisten = \"0.0.0.0:1883\"\n").unwrap_err().contains("loopback alone"));
    let inside = "mode = \"production\"\ndata_dir = \"d\"\nmaster_key_file = \"d/master.key\"\n";
    assert!(
        Config::parse(Path::new("z.toml"), inside)
            .unwrap_err()
            .to_string()
            .contains("inside `data_dir`")
    );
}

#[test]
fn an_outside_broker_without_tls_is_refused_beyond_this_machine() {
    let external = |more: &str| parse(&format!("[mqtt]\nbroker = \"external\"\n{more}"));
    for host in ["127.0.0.1", "localhost", "[::1]", "::1", "127.0.0.2"] {
        assert!(external(&format!("host = \"{host}\"\n")).is_ok(), "{host}");
    }
    for host in ["broker.example.cn", "10.0.0.7", "localhost.example.cn", "127.0.0.1.example.cn"] {
        let error = external(&format!("host = \"{host}\"\n")).unwrap_err();
        assert!(error.contains("line 6") && error.contains("tls = true"), "{error}");
        assert!(
            external(&format!("boxes_host = \"{host}\"\n")).unwrap_err().contains("boxes_host"),
            "{host}"
        );
        assert!(external(&format!("host = \"{host}\"\ntls = true\n")).is_ok(), "{host}");
    }
}

#[test]
fn a_demonstration_that_others_reach_asks_for_accounts() {
    assert!(!parse("").unwrap().accounts);
    assert!(parse("[http]\npublic_url = \"https://demo.example.cn\"\n").unwrap().accounts);
    assert!(parse("[http]\nnames = [\"demo.example.cn\"]\n").unwrap().accounts);
    let said =
        parse("[http]\nnames = [\"demo.example.cn\"]\n[access]\naccounts = false\n").unwrap();
    assert!(!said.accounts && said.is_reached_from_elsewhere());
}

#[test]
fn the_public_address_is_an_origin_and_nothing_more() {
    let url = |text: &str| parse(&format!("[http]\npublic_url = \"{text}\"\n"));
    let config = url("https://Zaigang.example.cn:8443/").unwrap();
    assert_eq!(config.public_host().as_deref(), Some("zaigang.example.cn"));
    assert!(config.is_https());
    for wrong in
        ["http://zaigang.example.cn", "zaigang.example.cn", "https://a.cn/path", "https://a@b.cn"]
    {
        assert!(url(wrong).unwrap_err().contains("line 5: `http.public_url`"), "{wrong}");
    }
    let oidc = "[oidc]\nissuer = \"https://i.cn\"\nclient_id = \"z\"\n";
    assert!(parse(oidc).unwrap_err().contains("`http.public_url` is missing"));
    let both =
        format!("[http]\npublic_url = \"https://a.cn\"\n{oidc}public_url = \"https://b.cn\"\n");
    assert!(parse(&both).unwrap_err().contains("another than"));
    let old = parse(&format!("{oidc}public_url = \"https://b.cn/\"\nclaim = \"sub\"\n")).unwrap();
    assert_eq!(old.public_url.as_deref(), Some("https://b.cn"));
}

#[test]
fn a_value_of_the_wrong_kind_names_its_key() {
    for (extra, says) in [
        ("[http]\nlisten = 8080\n", "line 5: `http.listen`: invalid type"),
        ("http = { listen = 8080 }\n", "`http.listen`: invalid type"),
        ("http.listen = 8080\n", "`http.listen`: invalid type"),
        ("[http]\nnames = [\n  \"a\",\n  5,\n]\n", "`http.names`: invalid type"),
        ("[log]\nformat = \"xml\"\n", "`log.format`: unknown variant"),
        ("[mqtt]\nbroker = \"mosquitto\"\n", "`mqtt.broker`: unknown variant"),
        ("[[mqtt.brokers]]\nport = \"x\"\n", "`mqtt.brokers.port`: invalid type"),
        ("[smtp]\nfrom = \"a@example.cn\"\n", "`smtp`: missing field `host`"),
        ("[authority]\nlarge_fine_yuan = -1\n", "`authority.large_fine_yuan`: invalid value"),
    ] {
        let said = parse(extra).unwrap_err();
        assert!(said.contains(says), "{extra}: {said}");
    }
    let mode = LEAST.replace("\"demonstration\"", "\"sandbox\"");
    let said = Config::parse(Path::new("z.toml"), &mode).unwrap_err().to_string();
    assert!(said.contains("`mode`: unknown variant"), "{said}");
}

/// The keys of a table, as the reader itself lists them; none where it is no table.
fn keys_of(head: &str) -> Vec<String> {
    let said = parse(&format!("{head}no_such_key = 1\n")).unwrap_err();
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

fn each_wrong_value_is_named(table: &str, head: &str, keys: &[String]) -> usize {
    let mut refused = 0;
    for key in keys {
        let path = if table.is_empty() { key.clone() } else { format!("{table}.{key}") };
        let mut kinds = std::collections::BTreeSet::new();
        for value in VALUES {
            let line = format!("{key} = {value}\n");
            let (text, at) = match LEAST.lines().position(|l| l.starts_with(&format!("{key} ="))) {
                Some(at) if table.is_empty() => {
                    let lines = LEAST.lines().enumerate();
                    let with = |(n, l): (usize, &str)| {
                        if n == at { line.clone() } else { format!("{l}\n") }
                    };
                    (lines.map(with).collect(), at + 1)
                }
                _ => (format!("{LEAST}{head}{line}"), 4 + head.lines().count()),
            };
            match Config::parse(Path::new("/etc/z.toml"), &text) {
                Ok(_) => drop(kinds.insert(value.trim_start_matches('-').chars().next())),
                Err(error) => {
                    let said = error.to_string();
                    // What is of the right kind may not go together with another key.
                    let is_text = value.starts_with('"') && !said.contains("invalid type");
                    // Within a table its own keys are named.
                    let (within, missing) =
                        (said.contains("unknown field"), said.contains("missing field"));
                    let is_named = is_text || within || missing || said.contains(key.as_str());
                    // What is missing is missing at the table's own line.
                    let is_here = is_text || missing || said.contains(&format!("line {at}: "));
                    assert!(is_named && is_here, "{path} = {value}: {said}");
                    assert!(!said.contains('\n'), "{path} = {value}: {said}");
                    let is_of_the_library = said.contains("$__") || said.contains("struct ");
                    assert!(!is_of_the_library, "{path} = {value}: {said}");
                    let is_kind = value.starts_with("1979") && said.contains("invalid type");
                    assert!(!is_kind || said.contains("date"), "{path} = {value}: {said}");
                    refused += 1;
                }
            }
        }
        assert!(kinds.len() <= 3, "{path} takes anything: {kinds:?}");
    }
    refused
}

/// Not only the kinds that somebody thought of: each key, each kind.
#[test]
fn each_key_with_each_wrong_kind_is_named_with_its_line() {
    let (mut tables, mut refused) = (vec![(String::new(), String::new())], 0);
    let mut looked = 0;
    while let Some((table, head)) = tables.pop() {
        let keys = keys_of(&head);
        looked += keys.len();
        refused += each_wrong_value_is_named(&table, &head, &keys);
        for key in keys {
            let path = if table.is_empty() { key } else { format!("{table}.{key}") };
            for head in [format!("[{path}]\n"), format!("[[{path}]]\n")] {
                if !keys_of(&head).is_empty() {
                    tables.push((path.clone(), head));
                }
            }
        }
    }
    assert!(looked > 60 && refused > 600, "{looked} keys, {refused} refusals");
}
