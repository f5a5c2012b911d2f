//! What a box says to its server over HTTPS while an installer works at it, each signed by the
//! box's own key, and the server's answer to its question. No signed text of one kind reads as one
//! of another: each names the device in a field of its own.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::down::{Polygon, Zones};
use crate::envelope::Envelope;
use crate::id::{DeviceId, InstitutionId, RoomId};

/// Most polygons of one kind in a room.
pub const MAX_POLYGONS: usize = 16;
/// Most corners of a polygon.
pub const MAX_CORNERS: usize = 64;
/// Least area of a polygon, in thousandths of the width times thousandths of the height: 1 % of the
/// width by 1 % of the height.
pub const LEAST_AREA: i64 = 100;

/// `POST /api/v1/provision/zones`: the zones that the installer drew on the box's picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ZonesRequest {
    pub draws: DeviceId,
    /// RFC 3339 UTC with milliseconds, and later in each statement of a box: an earlier one is a
    /// replay.
    pub at: String,
    pub zones: Zones,
}

/// `POST /api/v1/provision/lock`: commissioning is over; from here on the box shows nobody its
/// picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LockRequest {
    pub locks: DeviceId,
    /// As in [`ZonesRequest`].
    pub at: String,
    /// Random, 32 hex digits: an unlock names the lock that it opens.
    pub lock: String,
    /// SHA-256 of the zones in force, as `trust::canonical_sha256` makes it.
    pub zones_sha256: String,
}

/// `POST /api/v1/provision/unlock`: whether somebody on the server has unlocked this box.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UnlockRequest {
    pub asks_unlock_of: DeviceId,
    /// As in [`ZonesRequest`].
    pub at: String,
    /// The lock that stands on the box.
    pub lock: String,
}

/// The answer to a statement that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CommissionAnswer {
    pub room: RoomId,
    pub institution: InstitutionId,
    /// SHA-256 of the zones that the server holds of the room.
    pub zones_sha256: String,
    /// Of an [`UnlockRequest`]: the unlock, signed as everything that comes down; absent while
    /// nobody has unlocked the box.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unlock: Option<Envelope>,
}

impl Zones {
    /// The five kinds by the names that they have on the wire.
    pub fn kinds(&self) -> [(&'static str, &[Polygon]); 5] {
        [
            ("operator", &self.operator),
            ("bed", &self.bed),
            ("companion", &self.companion),
            ("door", &self.door),
            ("privacy_mask", &self.privacy_mask),
        ]
    }

    /// What a drawing must be: the error is one line that names the polygon and the mend.
    pub fn check_drawn(&self) -> Result<(), String> {
        for (kind, polygons) in self.kinds() {
            if polygons.len() > MAX_POLYGONS {
                return Err(format!(
                    "{kind}: {} polygons, at most {MAX_POLYGONS}: join some",
                    polygons.len()
                ));
            }
            for (number, polygon) in polygons.iter().enumerate() {
                check_polygon(polygon).map_err(|why| format!("{kind} {}: {why}", number + 1))?;
            }
        }
        Ok(())
    }
}

fn check_polygon(polygon: &[(i32, i32)]) -> Result<(), String> {
    if polygon.len() < 3 {
        return Err(format!("{} corners, at least 3: set more", polygon.len()));
    }
    if polygon.len() > MAX_CORNERS {
        return Err(format!("{} corners, at most {MAX_CORNERS}: draw it simpler", polygon.len()));
    }
    if let Some((x, y)) =
        polygon.iter().find(|(x, y)| !(0..=1000).contains(x) || !(0..=1000).contains(y))
    {
        return Err(format!(
            "the corner ({x}, {y}) is outside the picture (0 to 1000): draw it anew"
        ));
    }
    if crosses_itself(polygon) {
        return Err("its edges cross each other: move a corner".to_owned());
    }
    if area_twice(polygon) < 2 * LEAST_AREA {
        return Err("it is too small to mean a place: draw it larger".to_owned());
    }
    Ok(())
}

fn sides(polygon: &[(i32, i32)]) -> impl Iterator<Item = ((i32, i32), (i32, i32))> + '_ {
    polygon.iter().copied().zip(polygon.iter().copied().cycle().skip(1))
}

/// Twice the area (shoelace), never negative.
fn area_twice(polygon: &[(i32, i32)]) -> i64 {
    let cross = |(a, b): ((i32, i32), (i32, i32))| {
        i64::from(a.0) * i64::from(b.1) - i64::from(b.0) * i64::from(a.1)
    };
    sides(polygon).map(cross).sum::<i64>().abs()
}

/// Whether two edges touch that are no neighbours, or two neighbours lie upon each other.
fn crosses_itself(polygon: &[(i32, i32)]) -> bool {
    let edges: Vec<_> = sides(polygon).collect();
    let count = edges.len();
    for (i, first) in edges.iter().enumerate() {
        if first.0 == first.1 {
            return true;
        }
        for (j, second) in edges.iter().enumerate().skip(i + 1) {
            if j == i + 1 || (i == 0 && j == count - 1) {
                let (middle, one, other) = if j == i + 1 {
                    (first.1, first.0, second.1)
                } else {
                    (first.0, first.1, second.0)
                };
                if turn(one, middle, other) == 0 && same_way(middle, one, other) {
                    return true;
                }
            } else if touch(*first, *second) {
                return true;
            }
        }
    }
    false
}

/// On which side of `a`→`b` the point `c` lies: -1, 0, 1.
fn turn(a: (i32, i32), b: (i32, i32), c: (i32, i32)) -> i64 {
    let of = |p: (i32, i32), q: (i32, i32)| (i64::from(q.0 - p.0), i64::from(q.1 - p.1));
    let ((ux, uy), (vx, vy)) = (of(a, b), of(a, c));
    (ux * vy - uy * vx).signum()
}

/// Whether two points lie on the same side of `from`, all three on one line.
fn same_way(from: (i32, i32), a: (i32, i32), b: (i32, i32)) -> bool {
    let of = |p: (i32, i32)| (i64::from(p.0 - from.0), i64::from(p.1 - from.1));
    let ((ax, ay), (bx, by)) = (of(a), of(b));
    ax * bx + ay * by > 0
}

fn touch((a, b): ((i32, i32), (i32, i32)), (c, d): ((i32, i32), (i32, i32))) -> bool {
    let between = |p: (i32, i32), q: (i32, i32), r: (i32, i32)| {
        (p.0.min(q.0)..=p.0.max(q.0)).contains(&r.0) && (p.1.min(q.1)..=p.1.max(q.1)).contains(&r.1)
    };
    let (c_of_ab, d_of_ab, a_of_cd, b_of_cd) =
        (turn(a, b, c), turn(a, b, d), turn(c, d, a), turn(c, d, b));
    (c_of_ab * d_of_ab < 0 && a_of_cd * b_of_cd < 0)
        || (c_of_ab == 0 && between(a, b, c))
        || (d_of_ab == 0 && between(a, b, d))
        || (a_of_cd == 0 && between(c, d, a))
        || (b_of_cd == 0 && between(c, d, b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bed(polygon: &[(i32, i32)]) -> Result<(), String> {
        Zones { bed: vec![polygon.to_vec()], ..Zones::default() }.check_drawn()
    }

    #[test]
    fn plain_hollow_and_straight_cornered_polygons_are_taken() {
        for good in [
            &[(0, 0), (1000, 0), (1000, 1000), (0, 1000)][..],
            &[(100, 100), (300, 100), (200, 150), (300, 300), (100, 300)],
            &[(100, 100), (200, 100), (300, 100), (300, 300)],
            &[(0, 0), (20, 0), (0, 20)],
        ] {
            assert_eq!(bed(good), Ok(()), "{good:?}");
        }
    }

    #[test]
    fn what_is_no_place_is_refused_with_one_line_that_names_it() {
        let many: Vec<(i32, i32)> = (0..65).map(|n| (n * 10, n * n / 10)).collect();
        for (bad, why) in [
            (&[(0, 0), (900, 900), (900, 0), (0, 900)][..], "cross"),
            (&[(0, 0), (500, 0), (500, 500), (200, 0), (0, 500)], "cross"),
            (&[(0, 0), (500, 0), (200, 0), (500, 500)], "cross"),
            (&[(0, 0), (0, 0), (500, 0), (500, 500)], "cross"),
            (&[(100, 100), (110, 100), (110, 109), (100, 109)], "too small"),
            (&[(0, 0), (5, 5)], "at least 3"),
            (&[(0, 0), (1001, 0), (500, 500)], "(1001, 0)"),
            (&[(0, -1), (10, 0), (500, 500)], "(0, -1)"),
            (&many, "at most 64"),
        ] {
            let said = bed(bad).unwrap_err();
            assert!(
                said.starts_with("bed 1: ") && said.contains(why) && !said.contains('\n'),
                "{bad:?}: {said}"
            );
        }
        let square = vec![(0, 0), (100, 0), (100, 100), (0, 100)];
        let door = Zones { door: vec![square; 17], ..Zones::default() };
        assert!(door.check_drawn().unwrap_err().starts_with("door: 17 polygons"));
    }

    #[test]
    fn no_statement_reads_as_another() {
        let text = r#"{"draws":"box-1","at":"t","zones":{"operator":[],"bed":[],"companion":[],"door":[],"privacy_mask":[]}}"#;
        assert!(serde_json::from_str::<ZonesRequest>(text).is_ok());
        assert!(serde_json::from_str::<LockRequest>(text).is_err());
        assert!(serde_json::from_str::<UnlockRequest>(text).is_err());
        assert!(serde_json::from_str::<crate::provision::RetireRequest>(text).is_err());
        assert!(serde_json::from_str::<crate::provision::RenewRequest>(text).is_err());
    }
}
