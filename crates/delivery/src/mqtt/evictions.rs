//! Links that a broker took and cut soon after, one after another: what two boxes with one identity
//! do to each other where the broker names no reason (Mosquitto 2.0 closes the socket of the older
//! one). It ends no link and decides nothing.

use std::time::Duration;

/// A link that held for longer was cut by something else.
const SOON: Duration = Duration::from_mins(1);
/// A broker that starts anew cuts one or two.
const MANY: u32 = 3;

#[derive(Debug, Default)]
pub(super) struct Evictions(u32);

impl Evictions {
    /// Counts how a session ended; gives what to add to the line that tells it.
    pub(super) fn add(&mut self, was_connected: bool, why: &str, held: Duration) -> Option<String> {
        let cut = was_connected && held < SOON && why.contains("closed by peer");
        self.0 = if cut { self.0.saturating_add(1) } else { 0 };
        (self.0 >= MANY).then(|| {
            format!(
                "{} times in a row the broker took this box and cut the link soon after: does \
                another box connect with this identity, a copied card? Provision one of the two \
                with a token of its own",
                self.0
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUT: &str = "Mqtt state: Connection closed by peer abruptly";

    #[test]
    fn links_cut_soon_one_after_another_are_told() {
        let soon = Duration::from_millis(300);
        let mut evictions = Evictions::default();
        assert_eq!(evictions.add(true, CUT, soon), None);
        assert_eq!(evictions.add(true, CUT, soon), None);
        assert!(evictions.add(true, CUT, soon).is_some_and(|told| told.contains("copied card")));
    }

    #[test]
    fn a_link_that_held_or_was_refused_begins_anew() {
        let soon = Duration::from_millis(300);
        for (connected, why, held) in
            [(false, CUT, soon), (true, "timed out", soon), (true, CUT, Duration::from_mins(2))]
        {
            let mut evictions = Evictions::default();
            evictions.add(true, CUT, soon);
            evictions.add(true, CUT, soon);
            assert_eq!(evictions.add(connected, why, held), None);
            assert_eq!(evictions.add(true, CUT, soon), None);
        }
    }
}
