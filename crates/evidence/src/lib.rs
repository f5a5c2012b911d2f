//! Sealed evidence: which pictures of a finding are taken, what is covered in them, how they are
//! sealed, and whose signatures release them.
//!
//! Pixels and bytes in, sealed items out. This crate never reads a file, a clock or a network, and
//! gives an encoded picture to nobody: what leaves it is a ciphertext whose key two roles hold half
//! each. The texts that are signed or bound in stand in [`signed_text`], byte by byte.
//!
//! | need | call |
//! |---|---|
//! | the keys of a room, from signed knowledge | [`VerifiedRoll::first`], [`VerifiedRoll::next`] |
//! | seal, and open with both halves | [`seal`], [`open`] |
//! | check a release order | [`order::check`] |
//! | choose and cover while nothing is known of a finding | [`Candidates`] |

mod candidates;
pub mod custodian_roll;
#[doc(hidden)]
pub mod fixture;
pub mod order;
mod pixels;
mod seal;
pub mod signed_text;
mod zone;

pub use candidates::{
    APART_MS, Candidates, FrameFace, MOST_BYTES, MOST_SHOTS, MaskedFrame, SCENE_WIDE_PX,
};
pub use custodian_roll::{RollRefused, SealTo, VerifiedRoll};
pub use order::OrderRefused;
pub use pixels::{ClearPixels, Covered, FLAT, RectPx, SealedPicture};
pub use seal::{
    CannotOpen, CannotSeal, PictureContext, RoleSecret, SealedCiphertext, open, open_half, seal,
};
pub use zone::Mask;
