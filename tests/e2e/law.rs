//! The articles that a box cites are those of the law table, with the same mark.

use law::{Matter, Table};

#[test]
fn every_article_of_a_box_stands_in_the_law_table() {
    let legals: Vec<_> =
        Matter::ALL.into_iter().filter_map(|m| Table::shipped().of(m, None)).collect();
    let cited: Vec<_> = legals.iter().flat_map(|l| l.basis.iter().chain(&l.penalties)).collect();
    for basis in presence::law::ALL.iter().copied().flatten() {
        if basis.law == "无法定依据" {
            continue;
        }
        let found =
            cited.iter().find(|c| c.law == basis.law && c.article.starts_with(basis.article));
        let found =
            found.unwrap_or_else(|| panic!("{} {} is not in the table", basis.law, basis.article));
        assert!(
            basis.edition.contains(&found.mark.zh()),
            "{} {}: {}",
            basis.law,
            basis.article,
            basis.edition
        );
    }
}
