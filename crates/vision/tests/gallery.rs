//! The gallery answers by person: the best template of each, the second from somebody else, and
//! nobody for nonsense.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test says what it expects, and stops there"
)]

use vision::{Embedding, Gallery, Template, TemplateError};

const PACK: &str = "drawn";

/// A unit vector in a plane, `degrees` from the first axis.
fn at(degrees: f32) -> Embedding {
    let mut values = vec![0.0; 8];
    (values[0], values[1]) = (degrees.to_radians().cos(), degrees.to_radians().sin());
    Embedding::normalised(values).expect("a direction")
}

fn template(degrees: f32) -> Template {
    Template::new(PACK, at(degrees))
}

fn gallery(enrolled: &[(&'static str, f32)]) -> Gallery<&'static str> {
    let mut gallery = Gallery::new(PACK, 8);
    for &(person, degrees) in enrolled {
        gallery.insert(person, &template(degrees)).expect("a template of this pack");
    }
    gallery
}

#[test]
fn the_second_is_the_best_of_another_person() {
    let mut gallery =
        gallery(&[("li", 0.0), ("li", 10.0), ("wang", 60.0), ("li", 20.0), ("zhao", 50.0)]);
    let found = gallery.top2(&at(12.0));
    assert_eq!(found.best.map(|s| s.person), Some("li"));
    let second = found.second.expect("somebody else");
    assert_eq!(second.person, "zhao");
    assert!((second.cosine - 38.0_f32.to_radians().cos()).abs() < 1e-5);
    assert_eq!(found.best.map(|s| s.ppm()), Some(999_391));
}

#[test]
fn whatever_the_order_of_enrolment_the_answer_is_the_same() {
    let mut people = vec![("a", 5.0), ("b", 15.0), ("a", 14.0), ("c", 40.0), ("b", 70.0)];
    for _ in 0..people.len() {
        people.rotate_left(1);
        let found = gallery(&people).top2(&at(13.0));
        assert_eq!(
            (found.best.map(|s| s.person), found.second.map(|s| s.person)),
            (Some("a"), Some("b"))
        );
    }
}

#[test]
fn an_empty_gallery_knows_nobody_and_one_person_has_no_second() {
    assert_eq!(gallery(&[]).top2(&at(0.0)).best, None);
    assert_eq!(gallery(&[("li", 0.0), ("li", 5.0)]).top2(&at(0.0)).second, None);
}

#[test]
fn templates_of_another_pack_or_length_are_refused() {
    let mut gallery = gallery(&[]);
    let other = Template::new("other", at(0.0));
    assert!(matches!(gallery.insert("li", &other), Err(TemplateError::OtherPack { .. })));
    let short = Template::new(PACK, Embedding::normalised(vec![1.0; 4]).expect("a direction"));
    assert_eq!(gallery.insert("li", &short), Err(TemplateError::WrongLength { got: 4, wanted: 8 }));
    assert_eq!(gallery.people(), 0);
}

#[test]
fn an_embedding_of_another_length_matches_nobody_and_is_counted() {
    let mut gallery = gallery(&[("li", 0.0)]);
    let found = gallery.top2(&Embedding::normalised(vec![1.0; 4]).expect("a direction"));
    assert_eq!((found.best, gallery.dropped_not_finite()), (None, 1));
}

#[test]
fn numbers_that_are_not_finite_make_no_embedding() {
    assert!(Embedding::normalised(vec![1.0, f32::NAN]).is_none());
    assert!(Embedding::normalised(vec![f32::INFINITY, 0.0]).is_none());
    assert!(Embedding::normalised(vec![0.0; 4]).is_none());
    let mut bytes = template(3.0).to_bytes().to_vec();
    bytes[..4].copy_from_slice(&f32::NAN.to_le_bytes());
    assert_eq!(Template::from_bytes(PACK, 8, &bytes), Err(TemplateError::NotFinite));
}

#[test]
fn a_removed_person_is_found_no_more() {
    let mut gallery = gallery(&[("li", 0.0), ("wang", 30.0), ("li", 10.0), ("zhao", 60.0)]);
    assert_eq!(gallery.remove(&"li"), 2);
    assert_eq!(gallery.remove(&"li"), 0);
    let found = gallery.top2(&at(0.0));
    assert_eq!(
        (found.best.map(|s| s.person), found.second.map(|s| s.person)),
        (Some("wang"), Some("zhao"))
    );
    gallery.insert("li", &template(0.0)).expect("enrolled again");
    assert_eq!(gallery.top2(&at(0.0)).best.map(|s| s.person), Some("li"));
}

#[test]
fn a_template_survives_its_byte_form_and_shows_no_number() {
    let made = template(33.0);
    let read = Template::from_bytes(PACK, 8, &made.to_bytes()).expect("its own bytes");
    assert!(read.embedding().cosine(made.embedding()).expect("one length") > 0.999_999);
    assert!(Template::from_bytes(PACK, 9, &made.to_bytes()).is_err());
    assert!(Template::from_bytes(PACK, 8, &[0; 32]).is_err());
    let shown = format!("{made:?} {:?} {:?}", made.embedding(), gallery(&[("li", 33.0)]));
    assert!(shown.contains("[redacted]") && !shown.contains("0.8"), "{shown}");
}
