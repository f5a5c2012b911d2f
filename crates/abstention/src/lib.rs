//! HB-5: how many of a clinic's declared sessions could not be judged, in all and by room, lead and
//! operator. Pure: no store, no clock, no word of what follows. The server says it; the simulator
//! measures it over months.

use std::collections::BTreeMap;

const DAY_MS: i64 = 86_400_000;

/// One declared session that was not cancelled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeclaredSession<'a> {
    /// Start, ms since the epoch.
    pub start_ms: i64,
    /// Its room.
    pub room: &'a str,
    /// Its declared lead.
    pub lead: Option<&'a str>,
    /// Its declared operators.
    pub operators: Vec<&'a str>,
    /// It was NotAssessable, or a rule abstained in it.
    pub unjudged: bool,
    /// Since when an alert stands about it that says something of who worked, ms since the epoch:
    /// the clinic was told of this session by itself.
    pub alerted_ms: Option<i64>,
}

/// From when on it is too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AbstentionLimits {
    /// The rolling window, days.
    pub days: i64,
    /// Least sessions of a group in it.
    pub sessions_min: usize,
    /// A greater share is too much, ppm.
    pub share_ppm: i64,
    /// Not cured so long after notice is grave, days.
    pub cure_days: i64,
}

/// Whose sessions they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Group<'a> {
    /// All of the clinic.
    Clinic,
    /// Those of one room.
    Room(&'a str),
    /// Those declared under one lead.
    Lead(&'a str),
    /// Those declared with one operator.
    Operator(&'a str),
}

/// Too many sessions that could not be judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Excess<'a> {
    /// The widest group that has too many; of several as wide the one with the greatest share.
    pub group: Group<'a>,
    /// Its sessions in the window.
    pub declared: usize,
    /// Those of them that could not be judged.
    pub unjudged: usize,
    /// It was told `cure_days` ago, and still is so.
    pub uncured: bool,
    /// Sessions with alerts of their own are among those counted as unjudged.
    pub with_alerted: bool,
}

impl Excess<'_> {
    /// Whether a session is one of those counted as unjudged, in whatever group.
    pub fn counts(&self, session: &DeclaredSession<'_>) -> bool {
        session.unjudged && (self.with_alerted || session.alerted_ms.is_none())
    }
}

/// Judges one clinic's sessions, those of the window and of the one `cure_days` before it.
/// `told_ms`: since when it knows.
///
/// A session with an alert of its own was told already: it makes no notice beside that. From the
/// notice on, and where such alerts told a group of too many `cure_days` ago, it counts as every
/// other: who always turns away gains nothing by an alert a session.
pub fn judge<'a>(
    sessions: &[DeclaredSession<'a>],
    told_ms: Option<i64>,
    limits: AbstentionLimits,
    now_ms: i64,
) -> Option<Excess<'a>> {
    let then_ms = now_ms - limits.cure_days * DAY_MS;
    let all = excesses(sessions, limits, now_ms, |session| session.unjudged);
    let told_then =
        |session: &DeclaredSession<'_>| session.alerted_ms.is_some_and(|ms| ms <= then_ms);
    let before = excesses(sessions, limits, then_ms, |it| it.unjudged && told_then(it));
    let lasting: Vec<_> =
        all.iter().filter(|now| before.iter().any(|it| it.group == now.group)).copied().collect();
    if let Some(told_ms) = told_ms {
        let uncured = told_ms <= then_ms || !lasting.is_empty();
        return widest(all, uncured, true);
    }
    if !lasting.is_empty() {
        return widest(lasting, true, true);
    }
    let quiet = excesses(sessions, limits, now_ms, |it| it.unjudged && it.alerted_ms.is_none());
    widest(quiet, false, false)
}

/// A group with too many of those that `counts`.
#[derive(Clone, Copy)]
struct TooMany<'a> {
    group: Group<'a>,
    declared: usize,
    unjudged: usize,
}

/// Those in the window that ends at `until_ms`.
fn excesses<'a>(
    sessions: &[DeclaredSession<'a>],
    limits: AbstentionLimits,
    until_ms: i64,
    counts: impl Fn(&DeclaredSession<'a>) -> bool,
) -> Vec<TooMany<'a>> {
    let mut groups: BTreeMap<Group<'a>, (usize, usize)> = BTreeMap::new();
    let from_ms = until_ms - limits.days * DAY_MS;
    for session in sessions.iter().filter(|s| s.start_ms > from_ms && s.start_ms <= until_ms) {
        for group in session.groups() {
            let (declared, unjudged) = groups.entry(group).or_default();
            *declared += 1;
            *unjudged += usize::from(counts(session));
        }
    }
    let of = |(group, (declared, unjudged))| TooMany { group, declared, unjudged };
    let is_too_many = |it: &TooMany<'a>| {
        it.declared >= limits.sessions_min
            && (it.unjudged as i64) * 1_000_000 > (it.declared as i64) * limits.share_ppm
    };
    groups.into_iter().map(of).filter(is_too_many).collect()
}

/// The widest of these groups.
fn widest<'a>(of: Vec<TooMany<'a>>, uncured: bool, with_alerted: bool) -> Option<Excess<'a>> {
    let excess = |it: TooMany<'a>| Excess {
        group: it.group,
        declared: it.declared,
        unjudged: it.unjudged,
        uncured,
        with_alerted,
    };
    of.into_iter().map(excess).reduce(|best, next| if next.outweighs(&best) { next } else { best })
}

impl<'a> DeclaredSession<'a> {
    fn groups(&self) -> impl Iterator<Item = Group<'a>> + '_ {
        let whole = [Group::Clinic, Group::Room(self.room)];
        let lead = self.lead.map(Group::Lead);
        let mut operators = self.operators.clone();
        operators.sort_unstable();
        operators.dedup();
        whole.into_iter().chain(lead).chain(operators.into_iter().map(Group::Operator))
    }
}

impl Excess<'_> {
    fn outweighs(&self, other: &Self) -> bool {
        let rank = |group: Group<'_>| match group {
            Group::Clinic => 0,
            Group::Room(_) => 1,
            Group::Lead(_) => 2,
            Group::Operator(_) => 3,
        };
        rank(self.group) == rank(other.group)
            && self.unjudged * other.declared > other.unjudged * self.declared
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_790_000_000_000;
    const LIMITS: AbstentionLimits =
        AbstentionLimits { days: 14, sessions_min: 10, share_ppm: 300_000, cure_days: 14 };

    fn session(
        n: i64,
        lead: &'static str,
        operator: &'static str,
        unjudged: bool,
    ) -> DeclaredSession<'static> {
        let start_ms = NOW - n % 13 * DAY_MS;
        let operators = vec![operator];
        DeclaredSession {
            start_ms,
            room: "r-1",
            lead: Some(lead),
            operators,
            unjudged,
            alerted_ms: None,
        }
    }

    fn of(sessions: &[DeclaredSession<'static>]) -> Option<(Group<'static>, usize, usize)> {
        judge(sessions, None, LIMITS, NOW).map(|e| (e.group, e.declared, e.unjudged))
    }

    fn many(
        n: i64,
        unjudged: i64,
        lead: &'static str,
        operator: &'static str,
    ) -> Vec<DeclaredSession<'static>> {
        (0..n).map(|i| session(i, lead, operator, i < unjudged)).collect()
    }

    #[test]
    fn three_of_ten_are_allowed_and_four_are_not() {
        assert_eq!(of(&many(10, 3, "p", "o")), None);
        assert_eq!(of(&many(10, 4, "p", "o")), Some((Group::Clinic, 10, 4)));
        assert_eq!(of(&many(9, 9, "p", "o")), None);
    }

    #[test]
    fn what_is_few_in_the_clinic_may_be_many_of_one_lead() {
        let mut all = many(30, 0, "p", "o");
        all.extend(many(10, 10, "q", "o"));
        assert_eq!(of(&all), Some((Group::Lead("q"), 10, 10)));
    }

    #[test]
    fn what_is_few_in_the_clinic_may_be_many_of_one_operator() {
        let mut all = many(30, 0, "p", "o");
        all.extend(many(10, 8, "p", "x"));
        assert_eq!(of(&all), Some((Group::Operator("x"), 10, 8)));
    }

    #[test]
    fn what_is_few_in_the_clinic_may_be_many_of_one_room() {
        let mut all = many(30, 0, "p", "o");
        all.extend(many(10, 5, "q", "x").into_iter().map(|s| DeclaredSession { room: "r-2", ..s }));
        assert_eq!(of(&all), Some((Group::Room("r-2"), 10, 5)));
    }

    #[test]
    fn an_operator_named_twice_counts_once() {
        let twice =
            |s: DeclaredSession<'static>| DeclaredSession { operators: vec!["o", "o"], ..s };
        let few: Vec<_> = many(9, 9, "p", "o").into_iter().map(twice).collect();
        assert_eq!(of(&few), None);
    }

    #[test]
    fn what_is_older_than_the_window_is_over() {
        let old =
            |s: DeclaredSession<'static>| DeclaredSession { start_ms: NOW - 14 * DAY_MS, ..s };
        assert_eq!(of(&many(10, 10, "p", "o").into_iter().map(old).collect::<Vec<_>>()), None);
    }

    #[test]
    fn a_fortnight_after_notice_it_is_uncured() {
        let all = many(10, 4, "p", "o");
        let uncured = |ago| judge(&all, Some(NOW - ago), LIMITS, NOW).map(|e| e.uncured);
        assert_eq!(uncured(14 * DAY_MS - 1), Some(false));
        assert_eq!(uncured(14 * DAY_MS), Some(true));
    }

    fn alerted(sessions: Vec<DeclaredSession<'static>>) -> Vec<DeclaredSession<'static>> {
        let at =
            |s: DeclaredSession<'static>| DeclaredSession { alerted_ms: Some(s.start_ms), ..s };
        sessions.into_iter().map(at).collect()
    }

    #[test]
    fn a_session_with_its_own_alert_makes_no_notice() {
        let mut all = many(10, 3, "p", "o");
        all.extend(alerted(many(10, 10, "p", "o")));
        assert_eq!(of(&all), None);
        all.extend(many(10, 7, "p", "o"));
        assert_eq!(of(&all), Some((Group::Clinic, 30, 10)), "those alone that had none");
    }

    #[test]
    fn after_notice_an_own_alert_excuses_nothing() {
        let all = alerted(many(10, 4, "p", "o"));
        let told = judge(&all, Some(NOW - 14 * DAY_MS), LIMITS, NOW).unwrap();
        assert!(told.uncured && told.with_alerted && told.unjudged == 4);
    }

    #[test]
    fn an_alert_a_session_for_a_month_is_uncured() {
        let mut month = alerted(many(10, 4, "p", "o"));
        assert_eq!(judge(&month, None, LIMITS, NOW), None, "a fortnight of it");
        let earlier = |s: DeclaredSession<'static>| DeclaredSession {
            start_ms: s.start_ms - 14 * DAY_MS,
            ..s
        };
        let before: Vec<_> = many(10, 4, "p", "o").into_iter().map(earlier).collect();
        let late = |s| DeclaredSession { alerted_ms: Some(NOW), ..s };
        let told_late: Vec<_> = before.clone().into_iter().map(late).chain(month.clone()).collect();
        assert_eq!(judge(&told_late, None, LIMITS, NOW), None, "what came late was no notice");
        month.extend(alerted(before));
        let excess = judge(&month, None, LIMITS, NOW).unwrap();
        assert!(excess.uncured && (excess.declared, excess.unjudged) == (10, 4));
    }
}
