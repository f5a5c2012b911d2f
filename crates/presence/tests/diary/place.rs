//! The hostile page of a place taken over: the lead is recognised, ducks away, and within two
//! seconds a stranger in the same scrubs stands where the lead stood. Tracker and engine together,
//! as in the box.

use presence::*;

use crate::script::{moment, room, roster, thresholds, wall, zones};

/// Milliseconds from the lead's last look to the stranger's first.
const AWAY_MS: [u64; 5] = [400, 800, 1_200, 1_600, 2_000];
/// The lead's face, then the stranger's.
const PLACE: BoxPx = BoxPx { x: 350, y: 300, w: 60, h: 80 };
/// Both wear them.
const SCRUBS: Appearance = [120; 16];

/// A room with its tracker, looked at five times a second.
struct Watched {
    tracker: Tracker,
    engine: Engine,
    begun: Moment,
}

impl Watched {
    fn new() -> Self {
        let begun = moment(wall("09:00"));
        let mut engine = Engine::new();
        for fact in
            [Fact::Thresholds(thresholds()), Fact::Room(Box::new(room())), Fact::Roster(roster())]
        {
            engine.inform(begun, fact);
        }
        Self { tracker: Tracker::new(zones(), Policy::default(), TrackId(1)), engine, begun }
    }

    /// A look at the face in the place; `score_ppm`: embedded, of the lead so much. Returns whom
    /// the engine holds it for.
    fn look(&mut self, ms: u64, score_ppm: Option<i32>) -> IdentityView {
        let at = Moment {
            mono: Mono(self.begun.mono.0 + ms),
            wall: Wall(self.begun.wall.0 + ms as i64),
            ..self.begun
        };
        let face = Detection { bbox: PLACE, score_ppm: 900_000, appearance: Some(SCRUBS) };
        let tracked = self.tracker.update(at, &[face]).tracked[0];
        let match_ = score_ppm.map(|score_ppm| MatchScore {
            best: Some("lin".into()),
            score_ppm,
            second_ppm: 100_000,
            relevant: Vec::new(),
        });
        let seen = Observation {
            faces: vec![Face {
                track: tracked.track,
                bbox: PLACE,
                good_quality: score_ppm.is_some(),
                masked: false,
                match_,
                liveness: Liveness::Live,
            }],
            taken_up: if tracked.taken_up { vec![tracked.track] } else { Vec::new() },
            ..Observation::default()
        };
        self.engine.observe(at, &seen);
        self.engine.identity(tracked.track)
    }
}

#[test]
fn who_takes_the_leads_place_is_not_the_lead() {
    for away_ms in AWAY_MS {
        let mut room = Watched::new();
        let mut last = 0;
        for ms in (0..=10_000).step_by(200) {
            let lead = room.look(ms, (ms % 1_000 == 0).then_some(600_000));
            last = ms;
            assert_eq!(matches!(lead, IdentityView::Matched { .. }), ms >= 2_000, "{ms} ms");
        }
        // Head down over the patient for a minute: no look can tell who it is.
        for ms in (last + away_ms..last + 60_000).step_by(200) {
            let stranger = room.look(ms, None);
            assert_eq!(stranger, IdentityView::Indeterminate, "{away_ms} ms away, at {ms} ms");
        }
        for ms in (last + 60_000..=last + 85_000).step_by(200) {
            let looked_at = (ms - last) % 5_000 == 0;
            let stranger = room.look(ms, looked_at.then_some(100_000));
            let unmatched = matches!(stranger, IdentityView::Unmatched { .. });
            assert_eq!(unmatched, ms >= last + 80_000, "{away_ms} ms away, at {ms} ms");
        }
    }
}
