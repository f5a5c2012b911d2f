//! Streams of an encoder, each with the numbers of its pictures drawn into them
//! (`testdata/make.py`).

use proptest::prelude::*;

use super::super::h264::tests::{number, units};
use super::*;

/// Numbers of the pictures in the order in which they come, and how many units gave an error.
fn shown(units: &[(i64, Vec<u8>)]) -> (Vec<usize>, usize) {
    let mut h265 = H265::default();
    let (mut numbers, mut errors) = (Vec::new(), 0);
    let all = |h265: &mut H265, numbers: &mut Vec<usize>| {
        numbers.extend(std::iter::from_fn(|| h265.next_picture()).map(|(_, p)| number(&p)));
    };
    for (stamp, unit) in units {
        errors += usize::from(h265.take(unit, *stamp, false).is_err());
        all(&mut h265, &mut numbers);
    }
    h265.flush().unwrap();
    all(&mut h265, &mut numbers);
    (numbers, errors)
}

macro_rules! every_picture_in_order {
    ($($name:ident: $file:literal, $count:literal;)*) => {$(
        #[test]
        fn $name() {
            let stream = units(include_bytes!(concat!("testdata/", $file, ".units")));
            assert_eq!(shown(&stream), ((0..$count).collect(), 0));
        }
    )*};
}

every_picture_in_order! {
    main_without_b_frames_comes_in_order: "main", 60;
    main_with_a_pyramid_comes_in_order: "pyramid", 100;
    main_in_four_slices_comes_in_order: "slices", 100;
    an_open_group_comes_in_order: "open", 100;
    ten_bits_come_in_order: "ten", 60;
}

#[test]
fn a_stream_is_joined_in_the_middle() {
    let stream = units(include_bytes!("testdata/pyramid.units"));
    let (numbers, errors) = shown(&stream[30..]);
    assert_eq!((numbers, errors), ((50..100).collect(), 0));
}

#[test]
fn a_lost_unit_costs_its_group_and_no_more() {
    for file in
        [&include_bytes!("testdata/pyramid.units")[..], include_bytes!("testdata/open.units")]
    {
        let mut stream = units(file);
        stream.remove(26);
        let (numbers, errors) = shown(&stream);
        assert!(numbers.windows(2).all(|two| two[0] < two[1]), "{numbers:?}");
        // A picture that leans on the lost one is told; none of them is shown as if it were whole.
        assert!(numbers.ends_with(&(52..100).collect::<Vec<_>>()), "{numbers:?}");
        assert!(numbers.len() + errors >= 97, "{} shown, {errors} told", numbers.len());
    }
}

#[test]
fn what_went_by_the_network_costs_its_group() {
    let stream = units(include_bytes!("testdata/main.units"));
    let mut h265 = H265::default();
    let mut numbers = Vec::new();
    for (at, (stamp, unit)) in stream.iter().enumerate() {
        let taken = h265.take(unit, *stamp, at == 5);
        assert_eq!(taken.is_err(), (5..20).contains(&at), "{at}: {taken:?}");
        numbers.extend(std::iter::from_fn(|| h265.next_picture()).map(|(_, p)| number(&p)));
    }
    h265.flush().unwrap();
    numbers.extend(std::iter::from_fn(|| h265.next_picture()).map(|(_, p)| number(&p)));
    assert_eq!(numbers, (0..5).chain(20..60).collect::<Vec<_>>());
}

#[test]
fn what_cannot_be_decoded_is_named_before_it_is_decoded() {
    let said = |unit: &[u8]| H265::default().take(unit, 0, false).unwrap_err().to_string();
    assert!(said(include_bytes!("testdata/422.unit")).contains("4:2:2"));
    assert!(said(include_bytes!("testdata/12bit.unit")).contains("12 bits"));
    assert!(said(include_bytes!("testdata/wide.unit")).contains("4160x"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Broken streams: no panic, nothing doubled.
    #[test]
    fn a_damaged_stream_ends_in_no_panic_and_doubles_nothing(hits in proptest::collection::vec(
        (0_usize..100, 0_usize..2_000, any::<u8>()), 0..40)) {
        let mut stream = units(include_bytes!("testdata/slices.units"));
        for (unit, at, byte) in hits {
            let unit = &mut stream[unit].1;
            let at = at % unit.len();
            unit[at] = byte;
        }
        let mut h265 = H265::default();
        let mut pictures = 0;
        for (stamp, unit) in &stream {
            let _ = h265.take(unit, *stamp, false);
            pictures += std::iter::from_fn(|| h265.next_picture()).count();
        }
        let _ = h265.flush();
        pictures += std::iter::from_fn(|| h265.next_picture()).count();
        prop_assert!(pictures <= 100);
    }

    #[test]
    fn any_bytes_are_borne(bytes in proptest::collection::vec(any::<u8>(), 0..120),
        kind in 0_u8..40) {
        let mut h265 = H265::default();
        for kind in [33, 34, 19, kind] {
            let unit = [&[0, 0, 0, 1, kind << 1, 1][..], &bytes].concat();
            let _ = h265.take(&unit, 0, false);
        }
        let _ = h265.flush();
    }
}
