//! RTP packets (RFC 3550) as a stream that begins and never begins anew: cameras name one source at
//! SETUP and send as another, change it in the middle, or begin to count again. Pure.

/// What came so far behind is late, or came twice.
const LATE_MAX: u16 = 512;
/// After so many late packets in a row the camera counts anew.
const LATE_IN_A_ROW: u32 = 20;
/// Numbers up to this far below the next one are behind it; RFC 1982 leaves the half itself open.
const BEHIND_MAX: u16 = u16::MAX / 2 + 1;
/// The one source that packets come from here.
const SOURCE: u32 = 1;

/// Numbers the packets of one stream.
#[derive(Debug, Default)]
pub(super) struct Packets {
    source: Option<u32>,
    /// Added to the camera's numbers.
    offset: u16,
    next: Option<u16>,
    late: u32,
}

impl Packets {
    /// Gives a packet the one source and a number that goes on. `false`: it is none, or came too
    /// late.
    pub(super) fn put_right(&mut self, packet: &mut [u8]) -> bool {
        let &mut [first, _, high, low, _, _, _, _, a, b, c, d, ..] = packet else { return false };
        if first >> 6 != 2 {
            return false;
        }
        let (number, source) = (u16::from_be_bytes([high, low]), u32::from_be_bytes([a, b, c, d]));
        let another = self.source.replace(source).is_some_and(|before| before != source);
        let mut numbered = number.wrapping_add(self.offset);
        if let Some(next) = self.next {
            let behind = next.wrapping_sub(numbered);
            let is_behind = (1..=BEHIND_MAX).contains(&behind);
            if is_behind && !another && behind <= LATE_MAX && self.late < LATE_IN_A_ROW {
                self.late += 1;
                return false;
            }
            if another || is_behind {
                // One number is left out: what was begun before does not go on in this one.
                numbered = next.wrapping_add(1);
                self.offset = numbered.wrapping_sub(number);
            }
        }
        self.late = 0;
        self.next = Some(numbered.wrapping_add(1));
        packet[2..4].copy_from_slice(&numbered.to_be_bytes());
        packet[8..12].copy_from_slice(&SOURCE.to_be_bytes());
        true
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn packet(number: u16, source: u32) -> Vec<u8> {
        let mut packet = vec![0x80, 96];
        packet.extend(number.to_be_bytes());
        packet.extend([0; 4]);
        packet.extend(source.to_be_bytes());
        packet
    }

    fn numbers(sent: impl IntoIterator<Item = (u16, u32)>) -> Vec<u16> {
        let mut packets = Packets::default();
        let mut put_right = |(number, source)| {
            let mut packet = packet(number, source);
            packets.put_right(&mut packet).then(|| u16::from_be_bytes([packet[2], packet[3]]))
        };
        sent.into_iter().filter_map(&mut put_right).collect()
    }

    #[test]
    fn a_stream_in_order_keeps_its_numbers_and_its_gaps() {
        assert_eq!(numbers([(65_534, 7), (65_535, 7), (0, 7), (3, 7)]), [65_534, 65_535, 0, 3]);
    }

    #[test]
    fn another_source_goes_on_where_the_first_ended() {
        assert_eq!(numbers([(10, 7), (11, 7), (60_000, 8), (60_001, 8)]), [10, 11, 13, 14]);
    }

    #[test]
    fn what_comes_late_or_twice_is_dropped() {
        assert_eq!(numbers([(10, 7), (12, 7), (11, 7), (12, 7), (13, 7)]), [10, 12, 13]);
        assert_eq!(numbers([(40_000, 7), (40_001, 7), (5, 7), (6, 7)]), [40_000, 40_001, 5, 6]);
        assert_eq!(numbers([(40_000, 7), (30_000, 7), (30_001, 7)]), [40_000, 40_002, 40_003]);
    }

    #[test]
    fn half_the_circle_away_counts_as_behind() {
        assert_eq!(numbers([(40_000, 7), (40_001 - BEHIND_MAX, 7)]), [40_000, 40_002]);
    }

    #[test]
    fn a_camera_that_never_counts_is_counted_for() {
        assert!(numbers((0..200).map(|_| (0, 7))).len() > 5);
    }

    proptest! {
        /// Whatever a camera counts: what goes on never goes back, and comes from one source.
        #[test]
        fn numbers_never_go_back(
            sent in proptest::collection::vec((any::<u16>(), 0_u32..3), 1..200)
        ) {
            let numbers = numbers(sent);
            let steps = numbers.windows(2).map(|two| two[1].wrapping_sub(two[0]));
            for step in steps {
                prop_assert!((1..=BEHIND_MAX).contains(&step), "{step}");
            }
        }

        #[test]
        fn any_bytes_are_borne(mut bytes in proptest::collection::vec(any::<u8>(), 0..40)) {
            Packets::default().put_right(&mut bytes);
        }
    }
}
