//! LL-3 impossible presence: verified at one place and then at another that nobody reaches in that
//! time. Ids only.
//!
//! max(0, d − 1 km) ÷ (t2 − t1 + clock uncertainty) above 120 km/h (d ≤50 km), 250 (≤300 km), 600
//! (beyond) → L2; an overlap longer than 2 min and the uncertainty → L3. Both clocks must be
//! synchronised, both chains whole over what they say, and the person on the roster of both. All
//! numbers [D].
//!
//! The finding is raised where they were seen later; where the other place belongs to another
//! jurisdiction, there too, word for word: each place's supervisors see what lies in theirs, and
//! neither alone has both halves.

use protocol::names::{FigureName, IntervalName, PartName, RuleCode};
use protocol::up::{Count, FindingKind, PersonInFinding, Severity};
use wording::{SeenAt, ServerStatement};

use super::draft::{count, span};
use super::sighting::{Sighting, distance_m};
use super::{Draft, Numbers};

/// Judges each pair of neighbouring sightings of one person; `sightings` in any order.
pub fn judge(person: &str, sightings: &[Sighting], p: &Numbers, now_ms: i64) -> Vec<Draft> {
    let since = now_ms - p.ll3_days * super::DAY_MS;
    let mut ordered: Vec<&Sighting> = sightings
        .iter()
        .filter(|s| s.counts() && s.from_ms > since && s.from_ms <= now_ms)
        .collect();
    ordered.sort_by_key(|s| (s.from_ms, s.to_ms));
    let mut found = Vec::new();
    for (n, later) in ordered.iter().enumerate() {
        // The sighting that reaches furthest among the earlier ones elsewhere: a short visit in
        // between hides nothing.
        let earlier = ordered[..n]
            .iter()
            .filter(|e| e.institution != later.institution)
            .max_by_key(|e| e.to_ms);
        found.extend(earlier.into_iter().flat_map(|earlier| pair(person, earlier, later, p)));
    }
    found
}

/// How two sightings do not fit together.
struct Misfit {
    severity: Severity,
    overlap_ms: i64,
    distance_m: Option<i64>,
    speed_kmh: i64,
    limit_kmh: i64,
}

fn misfit(earlier: &Sighting, later: &Sighting, p: &Numbers) -> Option<Misfit> {
    let uncertainty = earlier.uncertainty_ms + later.uncertainty_ms;
    let overlap_ms = (earlier.to_ms.min(later.to_ms) - later.from_ms).max(0);
    let distance = earlier.place.zip(later.place).map(|(a, b)| distance_m(a, b) as i64);
    // Two clinics in one building: a person may be registered in both and walk across.
    let apart = distance.is_none_or(|d| d > p.ll3_same_place_m);
    if apart && overlap_ms > p.ll3_overlap_ms + uncertainty {
        return Some(Misfit {
            severity: Severity::L3,
            overlap_ms,
            distance_m: distance,
            speed_kmh: 0,
            limit_kmh: 0,
        });
    }
    let d = distance?;
    let limit_kmh = match d {
        d if d <= p.ll3_near_m => p.ll3_near_kmh,
        d if d <= p.ll3_far_m => p.ll3_mid_kmh,
        _ => p.ll3_far_kmh,
    };
    let took_ms = ((later.from_ms - earlier.to_ms).max(0) + uncertainty).max(1);
    // m per ms × 3600 = km/h; compared as a product, so that nothing is rounded.
    let travelled_m = (d - p.ll3_same_place_m).max(0);
    let speed_kmh = travelled_m * 3600 / took_ms;
    (travelled_m * 3600 > limit_kmh * took_ms).then_some(Misfit {
        severity: Severity::L2,
        overlap_ms,
        distance_m: Some(d),
        speed_kmh,
        limit_kmh,
    })
}

/// One draft, or the same one for each of two jurisdictions.
fn pair(person: &str, earlier: &Sighting, later: &Sighting, p: &Numbers) -> Vec<Draft> {
    let Some(misfit) = misfit(earlier, later, p) else { return Vec::new() };
    let mut places = vec![later];
    if earlier.jurisdiction != later.jurisdiction {
        places.push(earlier);
    }
    places.into_iter().filter_map(|at| draft(person, (earlier, later), &misfit, at)).collect()
}

/// `None` for an id that is none of the wire, which the registry does not take.
fn seen_at(it: &Sighting) -> Option<SeenAt> {
    Some(SeenAt {
        institution: it.institution.parse().ok()?,
        device: it.device.parse().ok()?,
        chain: it.chain,
        evidence: it.evidence.clone(),
    })
}

fn statement(earlier: &Sighting, later: &Sighting, it: &Misfit) -> Option<ServerStatement> {
    let (first, second, distance_m) = (seen_at(earlier)?, seen_at(later)?, it.distance_m);
    Some(if it.severity == Severity::L3 {
        ServerStatement::TwoPlacesAtOnce { first, second, overlap_ms: it.overlap_ms, distance_m }
    } else {
        let between_ms = (later.from_ms - earlier.to_ms).max(0);
        let speed_kmh = it.speed_kmh;
        ServerStatement::TooSoonElsewhere { first, second, between_ms, distance_m, speed_kmh }
    })
}

fn counts(earlier: &Sighting, later: &Sighting, misfit: &Misfit) -> Vec<Count> {
    let mut counts = vec![
        count(FigureName::OverlapMs, misfit.overlap_ms),
        count(FigureName::BetweenMs, (later.from_ms - earlier.to_ms).max(0)),
        count(FigureName::ClockUncertaintyMs, earlier.uncertainty_ms + later.uncertainty_ms),
    ];
    if let Some(d) = misfit.distance_m {
        counts.push(count(FigureName::DistanceM, d));
    }
    for (name, sighting) in
        [(FigureName::LooksAtFirstPlace, earlier), (FigureName::LooksAtSecondPlace, later)]
    {
        counts.extend(sighting.evidence.as_ref().map(|e| count(name, i64::from(e.looks))));
    }
    if misfit.limit_kmh > 0 {
        counts.extend([
            count(FigureName::SpeedKmh, misfit.speed_kmh),
            count(FigureName::SpeedMaxKmh, misfit.limit_kmh),
        ]);
    }
    counts
}

fn draft(
    person: &str,
    (earlier, later): (&Sighting, &Sighting),
    misfit: &Misfit,
    at: &Sighting,
) -> Option<Draft> {
    let by = |s: &Sighting| {
        let part = |person| PersonInFinding {
            person,
            part: PartName::Present,
            verified_by: s.verified_by.clone(),
        };
        person.parse().ok().map(part)
    };
    Some(Draft {
        rule: RuleCode::Ll3,
        kind: FindingKind::LicenseLending,
        severity: misfit.severity,
        subject: format!(
            "{person} {} {} {}",
            earlier.institution, later.institution, later.from_ms
        ),
        institution: at.institution.clone(),
        room: at.room.clone(),
        device: at.device.clone(),
        session: None,
        persons: by(earlier).into_iter().chain(by(later)).collect(),
        basis: protocol::law::impossible_presence(),
        intervals: vec![
            span(IntervalName::SeenAtFirstPlace, earlier.from_ms, earlier.to_ms),
            span(IntervalName::SeenAtSecondPlace, later.from_ms, later.to_ms),
        ],
        counts: counts(earlier, later, misfit),
        statement: statement(earlier, later, misfit)?,
        related: [&earlier.session, &later.session].into_iter().flatten().cloned().collect(),
        incidents: Vec::new(),
        visibility_ppm: 1_000_000,
        liveness_waived: earlier.liveness_waived || later.liveness_waived,
    })
}

#[cfg(test)]
mod tests {
    use protocol::names::VerifiedBy;

    use protocol::up::{LivenessEvidence, PresenceEvidence};

    use super::super::sighting::ChainStanding;
    use super::*;

    const CHENGDU: (f64, f64) = (30.66, 104.06);
    const MIANYANG: (f64, f64) = (31.47, 104.68);
    const MINUTE: i64 = 60_000;
    const NOW: i64 = 24 * 60 * MINUTE;

    fn seen(institution: &str, from_ms: i64, to_ms: i64, place: (f64, f64)) -> Sighting {
        Sighting {
            institution: institution.into(),
            jurisdiction: "510104".into(),
            room: format!("{institution}-r"),
            device: format!("{institution}-box"),
            session: None,
            from_ms,
            to_ms,
            uncertainty_ms: 1000,
            synchronised: true,
            verified_by: VerifiedBy::Face,
            liveness_waived: false,
            on_roster: true,
            chain_whole: true,
            chain: ChainStanding::Intact,
            evidence: None,
            place: Some(place),
        }
    }

    fn minutes(institution: &str, from: i64, to: i64, place: (f64, f64)) -> Sighting {
        seen(institution, from * MINUTE, to * MINUTE, place)
    }

    fn severities(sightings: &[Sighting]) -> Vec<Severity> {
        judge("p", sightings, &Numbers::default(), NOW).into_iter().map(|i| i.severity).collect()
    }

    #[test]
    fn a_hundred_kilometres_take_more_than_twenty_minutes() {
        let d = distance_m(CHENGDU, MIANYANG) / 1000.0;
        assert!((100.0..120.0).contains(&d), "{d} km");
        assert_eq!(
            severities(&[minutes("a", 0, 60, CHENGDU), minutes("b", 80, 90, MIANYANG)]),
            [Severity::L2]
        );
        assert_eq!(
            severities(&[minutes("a", 0, 60, CHENGDU), minutes("b", 120, 130, MIANYANG)]),
            []
        );
    }

    #[test]
    fn the_limit_of_each_distance_holds_to_the_second() {
        // Due north along a meridian: a degree of latitude is 111,194.9 m.
        for (degrees, limit_kmh) in [(0.2_f64, 120_i64), (1.0, 250), (4.0, 600)] {
            let (here, there) = ((30.0, 104.0), (30.0 + degrees, 104.0));
            let travelled = distance_m(here, there) as i64 - 1_000;
            let exact_ms = travelled * 3600 / limit_kmh;
            let arrive = |took_ms: i64| {
                severities(&[
                    seen("a", 0, MINUTE, here),
                    seen("b", MINUTE + took_ms - 2_000, MINUTE + took_ms + MINUTE, there),
                ])
            };
            assert_eq!(arrive(exact_ms - 1_000), [Severity::L2], "{degrees}°: one second too fast");
            assert_eq!(arrive(exact_ms + 1_000), [], "{degrees}°: one second slower");
        }
    }

    #[test]
    fn two_places_at_once_are_urgent_from_two_minutes_on() {
        assert_eq!(
            severities(&[minutes("b", 50, 70, MIANYANG), minutes("a", 0, 60, CHENGDU)]),
            [Severity::L3]
        );
        let overlap = |ms: i64| {
            let mut pair =
                [minutes("a", 0, 60, CHENGDU), seen("b", 60 * MINUTE - ms, 90 * MINUTE, CHENGDU)];
            pair[1].place = None;
            severities(&pair)
        };
        assert_eq!(overlap(122_000), []);
        assert_eq!(overlap(122_001), [Severity::L3]);
    }

    #[test]
    fn two_jurisdictions_are_told_the_same_and_one_is_told_once() {
        let both = |second: &str| {
            let there = Sighting { jurisdiction: second.into(), ..minutes("b", 50, 70, MIANYANG) };
            judge("p", &[minutes("a", 0, 60, CHENGDU), there], &Numbers::default(), NOW)
        };
        let places =
            |drafts: &[Draft]| drafts.iter().map(|d| d.institution.clone()).collect::<Vec<_>>();
        assert_eq!(places(&both("510104")), ["b"]);
        let told = both("510700");
        assert_eq!(places(&told), ["b", "a"]);
        assert_eq!((&told[0].subject, &told[0].statement), (&told[1].subject, &told[1].statement));
        assert_eq!((told[1].room.as_str(), told[1].device.as_str()), ("a-r", "a-box"));
        let ids = crate::own_id::OwnIds::new(vec![7]);
        assert_ne!(
            told[0].incident_id(1, &ids),
            told[1].incident_id(1, &ids),
            "each inbox has its own item"
        );
    }

    #[test]
    fn an_overlap_within_a_city_block_is_nothing() {
        let next_door = (30.661, 104.061);
        assert_eq!(
            severities(&[minutes("a", 0, 60, CHENGDU), minutes("b", 30, 70, next_door)]),
            []
        );
    }

    #[test]
    fn a_clock_that_nobody_set_proves_nothing() {
        for at in 0..2 {
            let mut pair = [minutes("a", 0, 60, CHENGDU), minutes("b", 50, 70, MIANYANG)];
            pair[at].synchronised = false;
            assert_eq!(severities(&pair), []);
        }
    }

    #[test]
    fn a_broken_chain_and_a_person_of_no_roster_support_nothing() {
        for at in 0..2 {
            let mut pair = [minutes("a", 0, 60, CHENGDU), minutes("b", 50, 70, MIANYANG)];
            pair[at].chain_whole = false;
            assert_eq!(severities(&pair), []);
            (pair[at].chain_whole, pair[at].on_roster) = (true, false);
            assert_eq!(severities(&pair), []);
        }
    }

    #[test]
    fn both_boxes_their_chains_and_what_they_rest_on_are_named() {
        let bare = Sighting { chain: ChainStanding::Restarted, ..minutes("b", 50, 70, MIANYANG) };
        let evidence = PresenceEvidence {
            looks: 7,
            score_min_ppm: 610_000,
            score_max_ppm: 780_000,
            liveness: LivenessEvidence::Live,
        };
        let shown = Sighting { evidence: Some(evidence), ..minutes("a", 0, 60, CHENGDU) };
        let draft = judge("p", &[shown, bare], &Numbers::default(), NOW).remove(0);
        let said = wording::of_server(&draft.statement);
        for (words, bare) in [(&said.zh, "未附依据"), (&said.en, "a bare claim")] {
            assert!(words.contains("a-box") && words.contains("b-box"), "{words}");
            assert!(
                words.contains("0.610") && words.contains("0.780") && words.contains(bare),
                "{words}"
            );
        }
        assert!(said.en.contains("restarted"), "{}", said.en);
        assert!(
            draft.counts.iter().any(|c| c.name == FigureName::LooksAtFirstPlace && c.value == 7)
        );
    }

    #[test]
    fn an_unknown_place_can_overlap_but_has_no_speed() {
        let nowhere = |from, to| Sighting { place: None, ..minutes("b", from, to, CHENGDU) };
        assert_eq!(severities(&[minutes("a", 0, 60, CHENGDU), nowhere(61, 62)]), []);
        assert_eq!(severities(&[minutes("a", 0, 60, CHENGDU), nowhere(40, 62)]), [Severity::L3]);
    }

    #[test]
    fn a_short_visit_in_between_hides_nothing() {
        let day = [
            minutes("a", 0, 60, CHENGDU),
            minutes("b", 30, 40, MIANYANG),
            minutes("b", 50, 55, MIANYANG),
        ];
        assert_eq!(severities(&day), [Severity::L3, Severity::L3]);
    }
}
