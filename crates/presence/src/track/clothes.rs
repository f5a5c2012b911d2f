//! What people wear, as the tracker compares it: how unlike two looks are, what that surprises, and
//! how a look changes what is known of a track's clothes. It knows no place and no person.

/// A coarse description of clothing and hair around the face, e.g. a colour histogram: small
/// integers whose sum of absolute differences says how unlike two are. Not a face template; it
/// lives as long as the track.
pub type Appearance = [u8; 16];

pub(super) const UNLIKE_MAX: i64 = 16 * 255;
/// The same person a while later is no more unlike than this.
pub(super) const UNLIKE_SAME: i64 = UNLIKE_MAX / 8;
/// More than this clothes never say against a face where its track is expected.
pub(super) const HALF_HIDDEN_MNAT: i64 = 9_000;
/// The same while somebody stands before them.
pub(super) const COVERED_MNAT: i64 = 4_500;
/// From look to look one is rarely more unlike than this, but where another stands before them.
pub(super) const UNLIKE_USUAL: i64 = UNLIKE_SAME / 2;
/// What one looks like when nobody stands before them is rarely more unlike than this.
pub(super) const UNLIKE_LEAST: i64 = 100;
/// So much unlikeness is a nat of surprise.
pub(super) const UNLIKE_A_NAT: i64 = 50;

/// A quarter of the new, or a sixteenth where it is unlike: while two people cross, each wears a
/// part of the other's clothes.
pub(super) fn blended(old: Option<Appearance>, new: Option<Appearance>) -> Option<Appearance> {
    let part: u16 = if unlikeness(old, new) > UNLIKE_USUAL { 16 } else { 4 };
    let (Some(mut blended), Some(new)) = (old, new) else { return new.or(old) };
    for (old, new) in blended.iter_mut().zip(new) {
        *old = ((u16::from(*old) * (part - 1) + u16::from(new) + part / 2) / part) as u8;
    }
    Some(blended)
}

/// 0 (alike, or unknown) to [`UNLIKE_MAX`].
pub(super) fn unlikeness(a: Option<Appearance>, b: Option<Appearance>) -> i64 {
    match (a, b) {
        (Some(a), Some(b)) => a.iter().zip(b).map(|(&x, y)| i64::from(x.abs_diff(y))).sum(),
        _ => 0,
    }
}
