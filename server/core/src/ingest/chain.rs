//! Where a verified message belongs in its device's chain: a pure judgement over what is stored.
//!
//! Never touches a database and never reads a clock; `store::messages` asks it inside the
//! transaction.

/// What is stored of one device's chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainState {
    /// Everything up to here is stored or declared dropped; 0 before the first.
    pub contiguous_seq: u64,
    /// Hash of that message; [`trust::ZERO_HASH`] before the first.
    pub contiguous_hash: String,
}

impl ChainState {
    pub fn new() -> Self {
        Self { contiguous_seq: 0, contiguous_hash: trust::ZERO_HASH.to_owned() }
    }
}

impl Default for ChainState {
    fn default() -> Self {
        Self::new()
    }
}

/// A message as the chain sees it.
#[derive(Debug, Clone, Copy)]
pub struct ChainLink<'a> {
    pub seq: u64,
    pub hash: &'a str,
    pub prev: &'a str,
    /// The payload declares a break of the chain.
    pub breaks: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// The very message is stored already.
    Duplicate,
    /// The next link.
    Next,
    /// Beyond a gap: stored, and linked once the gap is filled.
    Above,
    /// The box says that it lost its database: a new chain begins here.
    Restart,
    /// Contradicts what is stored; the line says how.
    Fork(String),
    /// Further ahead than any chain grows in the time that a server may have forgotten.
    Jump(String),
}

/// A sequence may be so far beyond everything that is known of the device: a box says some 5,000
/// things a day, and the server may have lost a year of them with its disk [D].
pub const AHEAD_MAX: u64 = 10_000_000;

/// `stored_hash` is the hash of what is stored (or declared dropped) at this sequence, if anything;
/// `highest` the highest sequence that is known of the device.
pub fn judge(
    state: &ChainState,
    link: ChainLink<'_>,
    stored_hash: Option<&str>,
    highest: u64,
) -> Judgement {
    if stored_hash.is_some_and(|stored| stored == link.hash) {
        return Judgement::Duplicate;
    }
    let known = highest.max(state.contiguous_seq);
    if link.seq > known.saturating_add(AHEAD_MAX) {
        return Judgement::Jump(format!(
            "sequence {} is {AHEAD_MAX} and more beyond {known}",
            link.seq
        ));
    }
    let first_ever = state.contiguous_seq == 0 && link.seq == 1;
    if link.breaks && link.prev == trust::ZERO_HASH && !first_ever {
        return Judgement::Restart;
    }
    // A break that begins no new chain takes nobody's place either.
    if stored_hash.is_some() {
        return Judgement::Fork(format!("sequence {} is stored with another content", link.seq));
    }
    if link.seq == 0 {
        return Judgement::Fork("sequence 0 does not exist: a chain begins at 1".to_owned());
    }
    if link.seq > state.contiguous_seq + 1 {
        return Judgement::Above;
    }
    if link.seq <= state.contiguous_seq {
        return Judgement::Fork(format!(
            "sequence {} was receipted before and is not this message",
            link.seq
        ));
    }
    if link.prev == state.contiguous_hash {
        Judgement::Next
    } else {
        Judgement::Fork(format!(
            "sequence {} names another predecessor than the stored one",
            link.seq
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seq: u64, hash: &str) -> ChainState {
        ChainState { contiguous_seq: seq, contiguous_hash: hash.to_owned() }
    }

    fn link<'a>(seq: u64, hash: &'a str, prev: &'a str) -> ChainLink<'a> {
        ChainLink { seq, hash, prev, breaks: false }
    }

    #[test]
    fn the_first_link_names_zeros() {
        assert_eq!(
            judge(&ChainState::new(), link(1, "a", trust::ZERO_HASH), None, 0),
            Judgement::Next
        );
        assert!(matches!(
            judge(&ChainState::new(), link(1, "a", "b"), None, 0),
            Judgement::Fork(_)
        ));
        assert!(matches!(
            judge(&ChainState::new(), link(0, "a", trust::ZERO_HASH), None, 0),
            Judgement::Fork(_)
        ));
    }

    #[test]
    fn a_link_follows_its_predecessor_or_waits_above_the_gap() {
        assert_eq!(judge(&at(4, "d"), link(5, "e", "d"), None, 0), Judgement::Next);
        assert_eq!(judge(&at(4, "d"), link(7, "g", "f"), None, 0), Judgement::Above);
        assert!(matches!(judge(&at(4, "d"), link(5, "e", "x"), None, 0), Judgement::Fork(_)));
    }

    #[test]
    fn what_comes_twice_is_a_duplicate_and_what_differs_a_fork() {
        assert_eq!(judge(&at(4, "d"), link(3, "c", "b"), Some("c"), 0), Judgement::Duplicate);
        assert!(matches!(judge(&at(4, "d"), link(3, "C", "b"), Some("c"), 0), Judgement::Fork(_)));
        assert!(matches!(judge(&at(4, "d"), link(3, "C", "b"), None, 0), Judgement::Fork(_)));
        assert_eq!(judge(&at(4, "d"), link(7, "g", "f"), Some("g"), 0), Judgement::Duplicate);
    }

    #[test]
    fn a_declared_break_starts_a_new_chain_anywhere() {
        let broken = ChainLink { breaks: true, ..link(1, "n", trust::ZERO_HASH) };
        assert_eq!(judge(&at(4, "d"), broken, Some("a"), 0), Judgement::Restart);
        assert_eq!(judge(&at(4, "d"), ChainLink { seq: 5, ..broken }, None, 0), Judgement::Restart);
        assert_eq!(judge(&at(4, "d"), broken, Some("n"), 0), Judgement::Duplicate);
        // Nothing was ever heard of this box, and it lost what it had: its chain begins where it
        // says.
        assert_eq!(
            judge(&ChainState::new(), ChainLink { seq: 5, ..broken }, None, 0),
            Judgement::Restart
        );
        assert_eq!(judge(&ChainState::new(), broken, None, 0), Judgement::Next);
    }

    #[test]
    fn a_break_that_begins_no_chain_takes_no_place() {
        let broken = ChainLink { breaks: true, ..link(7, "n", "f") };
        assert!(matches!(judge(&at(4, "d"), broken, Some("g"), 9), Judgement::Fork(_)));
        assert_eq!(judge(&at(4, "d"), broken, None, 9), Judgement::Above);
    }

    #[test]
    fn a_sequence_that_no_chain_reaches_is_a_jump() {
        let far = 4 + AHEAD_MAX;
        assert_eq!(judge(&at(4, "d"), link(far, "g", "f"), None, 4), Judgement::Above);
        assert!(matches!(judge(&at(4, "d"), link(far + 1, "g", "f"), None, 4), Judgement::Jump(_)));
        let broken = |seq| ChainLink { breaks: true, ..link(seq, "n", trust::ZERO_HASH) };
        assert_eq!(judge(&at(4, "d"), broken(far), None, 4), Judgement::Restart);
        assert!(matches!(judge(&at(4, "d"), broken(1 << 62), None, 4), Judgement::Jump(_)));
        assert_eq!(judge(&at(4, "d"), broken(far + 1), None, 5), Judgement::Restart);
    }
}
