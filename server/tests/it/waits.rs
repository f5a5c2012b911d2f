//! Waits after wrong passwords, links that end, the live stream's place, and the data of an earlier
//! version.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;

use server::access::Role;
use server::backup;
use server::store::schema_of;

use crate::access::{ask, guarded, token};
use crate::accounts::{PASSWORD, code, enter, form, person};
use crate::boxes::WAIT;
use crate::house::House;

#[test]
fn an_administrator_ends_the_waits_of_an_account() {
    let house = guarded();
    person(&house, "wang", Role::Supervisor, false);
    let admin = token(&house, Role::Admin, "");
    let guess = || while enter(&house, "wang", "wrong password 1", "") == Err(401) {};
    guess();
    assert_eq!(enter(&house, "wang", PASSWORD, ""), Err(429));
    let cleared = ask(&house, "POST", "/api/v1/accounts/wang/clear-waits", &admin, "");
    assert_eq!(cleared.status, 200, "{}", cleared.body);
    assert!(enter(&house, "wang", PASSWORD, "").is_ok(), "the account still waits");
    guess();
    // By command, from another process: the database is all that the two share.
    house
        .running()
        .app
        .store
        .clear_waits(&"wang".parse().unwrap(), "2026-03-02T00:00:00.000Z".parse().unwrap())
        .unwrap();
    assert!(enter(&house, "wang", PASSWORD, "").is_ok(), "the command has no effect");
    let nobody = ask(&house, "POST", "/api/v1/accounts/li/clear-waits", &admin, "");
    assert_eq!(nobody.status, 404);
}

#[test]
fn a_code_typed_wide_opens_as_the_same_code() {
    let house = guarded();
    let secret = person(&house, "wang", Role::Supervisor, true).unwrap();
    let wide = code(&secret, 0).chars().fold(String::new(), |wide, c| {
        format!("{wide}%EF%BC%{:02X}", 0x90 + c as u32 - '0' as u32)
    });
    let answer = form(&house, "/login", "", &format!("name=wang&password={PASSWORD}&code={wide}"));
    assert_eq!(answer.status, 303, "{}", answer.body);
}

#[test]
fn a_link_of_the_first_administrator_ends_with_the_next() {
    let house = guarded();
    let earlier = house.first_admin_path();
    let house = house.restart_with("[access]\naccounts = true\n");
    let later = house.first_admin_path();
    assert_ne!(earlier, later);
    assert_eq!(house.page(&earlier).0, 404, "two links open the house");
    assert_eq!(house.page(&later).0, 200);
}

#[test]
fn a_place_beyond_the_feed_is_reset_and_the_head_comes_at_once() {
    let house = House::new();
    let address = house.base.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(WAIT)).unwrap();
    write!(stream, "GET /events HTTP/1.1\r\nHost: {address}\r\nLast-Event-ID: 99999\r\n\r\n")
        .unwrap();
    let mut lines = BufReader::new(stream).lines().map(Result::unwrap);
    assert!(
        lines.any(|line| line.eq_ignore_ascii_case("x-accel-buffering: no")),
        "a proxy keeps it back"
    );
    assert!(lines.any(|line| line.starts_with(": beat")));
    assert!(lines.any(|line| line == "event: reset"), "a reader waits for events that never come");
}

/// The newest migration of the facts.
fn newest_migration() -> String {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let numbered = |path: &std::path::PathBuf| {
        path.file_name().unwrap().to_string_lossy().starts_with(|c: char| c.is_ascii_digit())
    };
    std::fs::read_to_string(files.filter(numbered).max().unwrap()).unwrap()
}

/// The data as an earlier program left them: these tables and columns did not exist.
fn as_of_an_earlier_version(house: House) -> tempfile::TempDir {
    let folder = house.close();
    let path = folder.path().join("data/zaigang.db");
    let before = schema_of(&path).unwrap().unwrap().known - 1;
    let database = rusqlite::Connection::open(path).unwrap();
    let newest = newest_migration();
    for (made, kind) in
        [("TRIGGER", "TRIGGER"), ("VIEW", "VIEW"), ("INDEX", "INDEX"), ("UNIQUE INDEX", "INDEX")]
    {
        let begin = format!("CREATE {made} ");
        for made in newest.lines().filter_map(|line| line.strip_prefix(&begin)) {
            let name = made.split(' ').next().unwrap();
            // One that it replaces goes by the migration itself.
            if !newest.contains(&format!("DROP {kind} {name};")) {
                database.execute_batch(&format!("DROP {kind} {name}")).unwrap();
            }
        }
    }
    for made in newest.lines().filter_map(|line| line.strip_prefix("CREATE TABLE ")) {
        let table = made.trim_end_matches(" (");
        database.execute_batch(&format!("DROP TABLE {table}")).unwrap();
    }
    for made in newest.lines().filter_map(|line| line.strip_prefix("ALTER TABLE ")) {
        let (table, column) = made.split_once(" ADD COLUMN ").expect(made);
        let column = column.split(' ').next().unwrap();
        let undo = format!("ALTER TABLE {table} DROP COLUMN {column}");
        database.execute_batch(&undo).unwrap();
    }
    database.pragma_update(None, "user_version", before).unwrap();
    drop(database);
    folder
}

#[test]
fn an_update_backs_up_first_and_the_way_back_loses_nothing() {
    let house = House::new();
    house.furnish();
    let folder = as_of_an_earlier_version(house);
    let data = folder.path().join("data");
    let house = House::with(folder, "");
    let backups = backup::before_updates(&data);
    assert_eq!(backups.len(), 1, "{backups:?}");
    let config = house.running().app.config.clone();
    let people = house.get("practitioners");
    house.must_post(
        "institutions",
        &serde_json::json!({"id":"c-after","name":"x","jurisdiction":"510104"}),
    );
    let folder = house.close();
    let facts = schema_of(&data.join("zaigang.db")).unwrap().unwrap();
    assert_eq!(facts.schema, facts.known);

    // The program of before meets the data of after: it says how to go back, and that way is a
    // command.
    rusqlite::Connection::open(data.join("zaigang.db"))
        .unwrap()
        .pragma_update(None, "user_version", 999)
        .unwrap();
    let refused = server::store::Store::open(&data).unwrap_err().to_string();
    let archive = backups[0].file_name().unwrap().to_string_lossy().into_owned();
    assert!(refused.contains("restore --config") && refused.contains(&archive), "{refused}");
    backup::restore(&config, &backups[0], "rolled back").unwrap();
    let house = House::with(folder, "");
    assert_eq!(house.get("practitioners"), people);
    assert_eq!(
        house.get("institutions")["institutions"].as_array().unwrap().len(),
        1,
        "what came since is gone"
    );
}

#[test]
fn a_start_without_a_change_makes_no_backup() {
    let house = House::new();
    let data = house.folder.path().join("data");
    let house = house.restart();
    assert!(backup::before_updates(&data).is_empty());
    drop(house);
}

#[test]
fn an_address_that_is_taken_is_a_fault_of_the_set_up() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "mode = \"demonstration\"\ndata_dir = \"data\"\nmaster_key_file = \"master.key\"\n\
        [http]\nlisten = \"{}\"\n[mqtt]\nlisten = \"127.0.0.1:0\"\n[models]\npack = \"avatar\"\n",
        taken.local_addr().unwrap()
    );
    let config = server::config::Config::parse(&folder.path().join("z.toml"), &text).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let refused = runtime.block_on(server::run::start(config)).map(drop).unwrap_err();
    let set_up =
        refused.chain().any(<dyn std::error::Error>::is::<server::set_up_fault::SetUpFault>);
    assert!(set_up && format!("{refused:#}").contains("`http.listen`"), "{refused:#}");
}
