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
    let mut field = FormField::new(FieldKind::Choice, "lead", "Lead")
        .options([("p-1".to_owned(), "A".to_owned())]);
    field.choose(&["p-9".to_owned()]);
    assert_eq!(
        field.options.iter().filter(|o| o.2).map(|o| o.0.as_str()).collect::<Vec<_>>(),
        ["p-9"]
    );
}

#[test]
fn a_value_that_stands_apart_stays_chosen() {
    let mut field = FormField::new(FieldKind::Choice, "lead", "Lead")
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

fn given(name: &str, text: &str) -> Given {
    Given::as_typed(vec![(name.to_owned(), text.to_owned())])
}

#[test]
fn a_number_beyond_its_type_is_refused_at_its_field() {
    let read = |text: &str| given("grade", text).number::<u8>("grade", 1);
    assert_eq!(read("4"), Ok(Some(4)));
    assert_eq!(read(""), Ok(None));
    assert_eq!(read("256").unwrap_err(), "grade: 256 is too large");
    assert_eq!(read("-1").unwrap_err(), "grade: `-1` is no whole number");
    assert_eq!(read("four").unwrap_err(), "grade: `four` is no whole number");
    let minutes = given("prep_ms", "9223372036854775807").number::<u64>("prep_ms", 60_000);
    assert_eq!(minutes.unwrap_err(), "prep_ms: 9223372036854775807 is too large");
}

#[test]
fn a_text_that_holds_what_nobody_sees_is_no_field() {
    let fault = given("name", "王\u{202e}芳").sound().unwrap_err();
    assert!(fault.starts_with("name: "), "{fault}");
    assert_eq!(given("name", "王芳").sound(), Ok(()));
}

#[test]
fn a_choice_goes_out_as_it_comes_back() {
    use protocol::down::{ItemKind, SiteRelation};
    fn each<T: crate::text::Listed + PartialEq + std::fmt::Debug>() {
        for (code, words) in choices(|it: T| code_of(it)) {
            assert_eq!(code, words);
            let read = given("kind", &code).word::<T>("kind");
            assert_eq!(read.map(code_of), Ok(code));
        }
    }
    each::<ItemKind>();
    each::<SiteRelation>();
    assert_eq!(code_of(SiteRelation::Unknown), "", "what no list has is chosen nowhere");
}

proptest::proptest! {
    #[test]
    fn whatever_is_typed_is_read_or_refused_in_a_line(text in "\\PC{0,80}") {
        use protocol::down::{Specialty, PractitionerCategory};
        let it = given("field", &text);
        let faults = [
            it.number::<u64>("field", 60_000).err(),
            it.word::<PractitionerCategory>("field").err(),
            it.words::<Specialty>("field").err(),
            it.sound().err(),
        ];
        for fault in faults.into_iter().flatten() {
            proptest::prop_assert!(fault.starts_with("field: "), "{fault}");
            proptest::prop_assert!(!fault.contains('\n'));
        }
        let ids = it.ids::<protocol::id::PersonId>("field");
        if let Ok(ids) = ids {
            proptest::prop_assert_eq!(ids.len(), it.many("field").len());
        }
    }
}
