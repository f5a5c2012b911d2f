//! Forms as browsers send them.

use super::*;

#[test]
fn a_local_moment_is_the_clinics_and_comes_back() {
    let utc = moment("start", "2026-03-02T09:00").unwrap().unwrap();
    assert_eq!(utc, "2026-03-02T01:00:00.000Z");
    assert_eq!(field_moment(&utc), "2026-03-02T09:00");
    assert_eq!(moment("start", "").unwrap(), None);
    assert!(moment("start", "at nine").unwrap_err().starts_with("start:"));
}

#[test]
fn a_value_that_the_list_lacks_is_shown_and_not_lost() {
    let mut field =
        Field::new(Kind::Choice, "lead", "Lead").options([("p-1".to_owned(), "A".to_owned())]);
    field.choose(&["p-9".to_owned()]);
    assert_eq!(
        field.options.iter().filter(|o| o.2).map(|o| o.0.as_str()).collect::<Vec<_>>(),
        ["p-9"]
    );
}

#[test]
fn a_value_that_stands_apart_stays_chosen() {
    let mut field = Field::new(Kind::Choice, "lead", "Lead")
        .apart("not filed", vec![("p-9".to_owned(), "Nine".to_owned())]);
    field.choose(&["p-9".to_owned()]);
    assert_eq!(field.options, [("p-9".to_owned(), "Nine".to_owned(), true)]);
    assert!(field.apart.is_empty());
}

#[test]
fn codes_typed_with_commas_are_so_many_codes() {
    let given = Given::of(vec![
        ("who".to_owned(), "p-1, p-2，p-3".to_owned()),
        ("who".to_owned(), "p-4".to_owned()),
    ]);
    assert_eq!(given.many("who"), ["p-1", "p-2", "p-3", "p-4"]);
    assert!(given.many("nobody").is_empty());
}
