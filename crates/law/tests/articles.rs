//! Every article of the shipped table against a list that people read: a row that is lost, or that
//! changes its grade or whom it meets, is seen. `ZAIGANG_BLESS=1` writes the list anew.

#![allow(clippy::unwrap_used, reason = "a test fails where it stands")]

use std::fmt::Write as _;

use law::{Cited, Mark, Matter, Table};

fn line(cited: &Cited) -> String {
    let grade = match &cited.mark {
        Mark::Unconfirmed { grade } => format!("{grade:?}"),
        Mark::Confirmed { .. } => "confirmed".to_owned(),
    };
    let against = cited.against.map(|whom| format!(" against {whom:?}")).unwrap_or_default();
    let from = if cited.from.is_empty() { String::new() } else { format!(" from {}", cited.from) };
    format!("{:?} {} {} {grade}{against}{from}", cited.kind, cited.law, cited.article)
}

#[test]
fn the_shipped_articles_are_those_of_the_list() {
    let mut text = String::new();
    for matter in Matter::ALL {
        let legal = Table::shipped().of(matter, None).unwrap();
        writeln!(text, "{matter}").unwrap();
        for cited in legal.basis.iter().chain(&legal.penalties) {
            writeln!(text, "  {}", line(cited)).unwrap();
        }
        if !legal.none_zh.is_empty() {
            writeln!(text, "  {}", legal.none_zh).unwrap();
        }
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/articles.txt");
    if std::env::var_os("ZAIGANG_BLESS").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    assert_eq!(text, std::fs::read_to_string(path).unwrap(), "ZAIGANG_BLESS=1 writes it anew");
}
