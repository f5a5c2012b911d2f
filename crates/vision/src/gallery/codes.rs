//! Rows in 8 bits: a quarter of the memory to go through, and how far each is from the row that it
//! stands for, so that a search over codes can prove that it passes over no row that counts. It
//! never answers by itself.

use zeroize::Zeroize;

use crate::{kernel, wiped::wipe};

/// More than the rounding of `f32` sums over 512 numbers of a unit vector.
pub(super) const ROUNDING: f32 = 1e-5;

/// Rows in 8 bits with a scale each, and how far each is from the row that it stands for.
#[derive(Default)]
pub(super) struct Codes {
    pub(super) values: Vec<i8>,
    pub(super) scales: Vec<f32>,
    /// Length of the difference between row and code.
    pub(super) errors: Vec<f32>,
}

impl Codes {
    /// Room for one row of so many numbers.
    pub(super) fn with_room(length: usize) -> Self {
        Self {
            values: Vec::with_capacity(length),
            scales: Vec::with_capacity(1),
            errors: Vec::with_capacity(1),
        }
    }

    pub(super) fn push(&mut self, row: &[f32]) {
        let from = self.values.len();
        self.values.resize(from + row.len(), 0);
        let (scale, error) = kernel::encode(row, &mut self.values[from..]);
        self.scales.push(scale);
        self.errors.push(error);
    }

    /// Holds this row alone.
    pub(super) fn hold(&mut self, row: &[f32]) {
        self.wipe();
        self.push(row);
    }

    /// Forgets every row, and leaves nothing of them in memory.
    pub(super) fn wipe(&mut self) {
        wipe(&mut self.values);
        self.values.clear();
        self.scales.clear();
        self.errors.clear();
    }

    /// Takes row `index` out and puts the last one in its place.
    pub(super) fn remove(&mut self, index: usize, length: usize) {
        let last = self.scales.len() - 1;
        self.values.copy_within(last * length.., index * length);
        self.values[last * length..].zeroize();
        self.values.truncate(last * length);
        self.scales.swap_remove(index);
        self.errors.swap_remove(index);
    }
}
