//! The house in which something stands on every page, for a browser that looks at every page as
//! every role: says where it is, who is logged in, and which pages each may open. `furnished_house
//! FOLDER`; runs until it is stopped.

#![allow(
    dead_code,
    unused_imports,
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test's stage: it fails where it stands, and shares its parts with the tests"
)]

#[path = "../tests/it/access.rs"]
mod access;
#[path = "../tests/it/boxes.rs"]
mod boxes;
#[path = "../tests/support/cluster.rs"]
mod cluster;
#[path = "../tests/it/crawl.rs"]
mod crawl;
#[path = "../tests/it/evidence.rs"]
mod evidence;
#[path = "../tests/it/furnished.rs"]
mod furnished;
#[path = "../tests/it/house.rs"]
mod house;

use std::io::Write as _;

use serde_json::json;
use server::web::routes;

use crawl::{PEOPLE, is_page};
use furnished::Furnished;

fn main() {
    let folder = std::env::args().nth(1).expect("furnished_house FOLDER");
    let house = Furnished::within(folder.as_ref());
    let people: Vec<_> = PEOPLE
        .into_iter()
        .map(|(role, scope)| {
            let pages = routes().iter().filter(|r| r.method == "GET" && is_page(r.path));
            let open = pages.filter(|r| r.roles.contains(&role));
            let paths: Vec<String> = open.flat_map(|r| house.addresses(r.path)).collect();
            json!({"role": role.as_str(), "login": house.login(role, scope), "paths": paths})
        })
        .collect();
    println!("{}", json!({"http": house.base, "people": people}));
    std::io::stdout().flush().unwrap();
    loop {
        std::thread::park();
    }
}
