//! What nobody in particular was refused: a few entries of the audit log a minute, and a count of
//! the rest. Pure; time is an argument.
//!
//! The log may never be shortened, so whoever is not logged in may not decide how long it grows.

use std::collections::BTreeMap;

use crate::store::Deed;

/// Refusals of the running minute, by what was asked and how it was answered.
#[derive(Debug, Default)]
pub struct AnonymousRefusals {
    /// Minutes since 1970.
    minute: i64,
    counts: BTreeMap<(String, u16), u32>,
}

impl AnonymousRefusals {
    /// Counts one; true where it is among the first `whole_max` of its kind in this minute and is
    /// written as it is. The entries for minutes that are over come with it.
    pub fn take(&mut self, deed: &Deed, now_s: i64, whole_max: u32) -> (bool, Vec<Deed>) {
        let over = self.over(now_s, whole_max);
        self.minute = now_s.div_euclid(60);
        let count = self.counts.entry((deed.action.clone(), deed.status)).or_default();
        *count = count.saturating_add(1);
        (*count <= whole_max, over)
    }

    /// One entry for each kind of which more came in the minute than were written whole, once it is
    /// over.
    pub fn over(&mut self, now_s: i64, whole_max: u32) -> Vec<Deed> {
        if now_s.div_euclid(60) == self.minute {
            return Vec::new();
        }
        self.end(whole_max)
    }

    /// As [`Self::over`], for a minute that does not come to its end here.
    pub fn end(&mut self, whole_max: u32) -> Vec<Deed> {
        let began = jiff::Timestamp::from_second(self.minute * 60)
            .map(crate::clock::text)
            .unwrap_or_default();
        let beyond =
            std::mem::take(&mut self.counts).into_iter().filter(|(_, count)| *count > whole_max);
        beyond
            .map(|((action, status), count)| Deed {
                actor: "public".to_owned(),
                action,
                object: String::new(),
                why: format!("{} more in the minute from {began}", count - whole_max),
                status,
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deed(action: &str, status: u16) -> Deed {
        Deed {
            actor: "public".into(),
            action: action.into(),
            object: "/x".into(),
            why: String::new(),
            status,
        }
    }

    #[test]
    fn the_first_of_a_minute_are_whole_and_the_rest_is_a_number() {
        let mut refusals = AnonymousRefusals::default();
        let mut whole = 0;
        for n in 0..50 {
            let (written, over) = refusals.take(&deed("POST /login", 401), 600 + n, 3);
            whole += i32::from(written);
            assert!(over.is_empty());
        }
        assert_eq!(whole, 3);
        assert!(
            refusals.take(&deed("POST /login", 503), 650, 3).0,
            "another answer is another kind"
        );
        assert!(refusals.over(659, 3).is_empty());
        let over = refusals.over(660, 3);
        assert_eq!(over.len(), 1);
        assert_eq!(over[0].why, "47 more in the minute from 1970-01-01T00:10:00.000Z");
        assert!(refusals.take(&deed("POST /login", 401), 661, 3).0, "a new minute");
        assert!(refusals.end(3).is_empty());
    }
}
