//! Rows in 8 bits: a quarter of the memory to go through, and how far each is from the row that it
//! stands for, so that a search over codes can prove that it passes over no row that counts. It
//! never answers by itself.

use zeroize::Zeroize;

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
    pub(super) fn push(&mut self, row: &[f32]) {
        let largest = row.iter().fold(f32::MIN_POSITIVE, |m, v| m.max(v.abs()));
        let scale = largest / 127.0;
        let mut squares = 0.0;
        for value in row {
            let code = (value / scale).round().clamp(-127.0, 127.0);
            squares += (value - code * scale).powi(2);
            self.values.push(code as i8);
        }
        self.scales.push(scale);
        self.errors.push(squares.sqrt());
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
