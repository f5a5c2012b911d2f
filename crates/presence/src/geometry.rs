//! Boxes, polygons and the zones of a room, in integer pixels of the camera's image.
//! Nothing here knows time or people.

/// An axis-aligned box in pixels: `x`,`y` the top left corner, `w`,`h` the size (≥0).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct BoxPx {
    /// Left edge; may be negative where a face is cut by the frame.
    pub x: i32,
    /// Top edge.
    pub y: i32,
    /// Width.
    pub w: i32,
    /// Height.
    pub h: i32,
}

impl BoxPx {
    /// The middle of the box: the point that decides its zone.
    pub fn centre(self) -> PointPx {
        PointPx { x: self.x.saturating_add(self.w / 2), y: self.y.saturating_add(self.h / 2) }
    }

    /// Area in square pixels.
    pub fn area(self) -> i64 {
        i64::from(self.w.max(0)) * i64::from(self.h.max(0))
    }

    /// Intersection over union in parts per million; 0 for empty boxes.
    pub fn overlap_ppm(self, other: Self) -> i64 {
        let edge = |a: i32, length: i32| i64::from(a) + i64::from(length);
        let w = edge(self.x, self.w).min(edge(other.x, other.w)) - i64::from(self.x.max(other.x));
        let h = edge(self.y, self.h).min(edge(other.y, other.h)) - i64::from(self.y.max(other.y));
        if w <= 0 || h <= 0 {
            return 0;
        }
        let both = i128::from(w) * i128::from(h);
        let union = i128::from(self.area()) + i128::from(other.area()) - both;
        if union <= 0 { 0 } else { (both * 1_000_000 / union) as i64 }
    }
}

/// A point in pixels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct PointPx {
    /// To the right.
    pub x: i32,
    /// Downwards.
    pub y: i32,
}

/// A simple polygon. Fewer than three corners hold no point.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Polygon {
    /// Corners in order, either way round; the last joins the first.
    pub corners: Vec<PointPx>,
}

impl Polygon {
    /// The polygon of a box.
    pub fn from_box(b: BoxPx) -> Self {
        let (right, bottom) = (b.x.saturating_add(b.w), b.y.saturating_add(b.h));
        let corners = [(b.x, b.y), (right, b.y), (right, bottom), (b.x, bottom)];
        Self { corners: corners.into_iter().map(|(x, y)| PointPx { x, y }).collect() }
    }

    /// Whether `p` lies inside (even-odd rule, half-open: a left or top edge is inside, a right or
    /// bottom one is not).
    pub fn contains(&self, p: PointPx) -> bool {
        let mut inside = false;
        let Some(mut a) = self.corners.last().copied() else { return false };
        for &b in &self.corners {
            if (a.y > p.y) != (b.y > p.y) {
                // The edge crosses the ray to the right iff p.x < a.x +
                // (p.y−a.y)·(b.x−a.x)/(b.y−a.y), multiplied out.
                let (dx, dy) =
                    (i128::from(b.x) - i128::from(a.x), i128::from(b.y) - i128::from(a.y));
                let left = (i128::from(p.x) - i128::from(a.x)) * dy;
                let right = (i128::from(p.y) - i128::from(a.y)) * dx;
                if if dy > 0 { left < right } else { left > right } {
                    inside = !inside;
                }
            }
            a = b;
        }
        inside
    }
}

/// The zones of a room, drawn in the camera's image. Several polygons of one kind are their union;
/// none means "not drawn".
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
#[cfg_attr(feature = "serde", serde(default, deny_unknown_fields))]
pub struct Zones {
    /// Where somebody stands who works on the patient.
    pub operator: Vec<Polygon>,
    /// The bed or chair: whoever lies here is the patient and is never embedded (P1).
    pub bed: Vec<Polygon>,
    /// Where companions sit.
    pub companion: Vec<Polygon>,
    /// The door.
    pub door: Vec<Polygon>,
    /// The head end of the bed, where an anaesthetist sits; optional, inside or outside `operator`.
    pub head_end: Vec<Polygon>,
    /// Blacked out before anything else sees the picture (P5); a face that still appears here is
    /// ignored.
    pub privacy_mask: Vec<Polygon>,
}

/// The zone in which a face box stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Zone {
    /// Inside the privacy mask.
    Masked,
    /// On the bed.
    Bed,
    /// At the head end.
    HeadEnd,
    /// In the operator ring.
    Operator,
    /// At the companions' place.
    Companion,
    /// At the door.
    Door,
    /// In the room, in no drawn zone.
    Elsewhere,
}

impl Zones {
    /// Whether a face is within reach of the bed: no further from the box around it than three
    /// widths of the face.
    pub(crate) fn reach_the_bed(&self, face: BoxPx) -> bool {
        let (p, far) = (face.centre(), face.w.max(0).saturating_mul(3));
        let near = |from: i32, to: i32, at: i32| {
            at >= from.saturating_sub(far) && at <= to.saturating_add(far)
        };
        self.bed.iter().any(|bed| {
            let of = |axis: fn(&PointPx) -> i32| {
                let all = || bed.corners.iter().map(axis);
                all().min().zip(all().max())
            };
            let (x, y) = (of(|c| c.x), of(|c| c.y));
            x.is_some_and(|(a, b)| near(a, b, p.x)) && y.is_some_and(|(a, b)| near(a, b, p.y))
        })
    }

    /// The zone of a face box, by its centre. Where zones overlap the order of [`Zone`] decides.
    pub fn of(&self, face: BoxPx) -> Zone {
        let p = face.centre();
        let drawn = [
            (&self.privacy_mask, Zone::Masked),
            (&self.bed, Zone::Bed),
            (&self.head_end, Zone::HeadEnd),
            (&self.operator, Zone::Operator),
            (&self.companion, Zone::Companion),
            (&self.door, Zone::Door),
        ];
        drawn
            .into_iter()
            .find(|(polygons, _)| polygons.iter().any(|polygon| polygon.contains(p)))
            .map_or(Zone::Elsewhere, |(_, zone)| zone)
    }
}
