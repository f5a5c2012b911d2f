//! Buffers of pixels that are overwritten when they go: what somebody was seen by lies in no freed
//! memory. A picture's size is millions of bytes, each frame: so one fill, and none byte by byte.

use std::hint::black_box;

/// Overwrites a buffer that stays in use.
pub(crate) fn wipe<T: Copy + Default>(buffer: &mut [T]) {
    buffer.fill(T::default());
    // The compiler may leave out what nobody reads any more; this reads it.
    black_box(buffer);
}

/// Bytes of a picture, decoded or as the camera sent it; wiped when dropped, never printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct WipedBytes(Vec<u8>);

impl WipedBytes {
    /// The bytes, to be used again by whoever wipes them.
    pub fn into_inner(mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }

    /// Other bytes in their place.
    pub fn set(&mut self, bytes: &[u8]) {
        if self.0.len() == bytes.len() {
            self.0.copy_from_slice(bytes);
        } else {
            *self = bytes.to_vec().into();
        }
    }

    /// Overwritten; the room stays.
    pub fn wipe(&mut self) {
        wipe(&mut self.0);
    }
}

impl From<Vec<u8>> for WipedBytes {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl std::ops::Deref for WipedBytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl std::ops::DerefMut for WipedBytes {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl Drop for WipedBytes {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

impl std::fmt::Debug for WipedBytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes [redacted]", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wiped_buffer_keeps_its_room_and_no_pixel() {
        let mut bytes = WipedBytes::from(vec![7; 64]);
        bytes.wipe();
        assert_eq!(*bytes, [0; 64]);
        bytes.set(&[9; 64]);
        assert_eq!(*bytes, [9; 64]);
        bytes.set(&[3; 8]);
        assert_eq!(*bytes, [3; 8]);
        assert!(!format!("{bytes:?}").contains('3'));
        assert_eq!(bytes.into_inner(), [3; 8]);
    }
}
