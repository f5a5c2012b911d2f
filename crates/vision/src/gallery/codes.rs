//! Rows in 8 bits: a quarter of the memory to go through, and how far each is from the row that it
//! stands for, so that a search over codes can prove that it passes over no row that counts. It
//! never answers by itself.

use zeroize::Zeroize;

/// More than the rounding of `f32` sums over 512 numbers of a unit vector.
pub(super) const ROUNDING: f32 = 1e-5;

/// Numbers that are summed side by side.
const LANES: usize = 16;

/// The whole number nearest to `value`, which lies within ±127: in the mantissa of a number this
/// large the lowest bits count ones. (`round` is a call of a function for each number.)
fn nearest(value: f32) -> i8 {
    const ONES: f32 = 12_582_912.0;
    (value + ONES).to_bits() as i8
}

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
        let largest = row.iter().fold(f32::MIN_POSITIVE, |m, v| m.max(v.abs()));
        let (scale, steps) = (largest / 127.0, 127.0 / largest);
        let from = self.values.len();
        self.values.extend(row.iter().map(|value| nearest(value * steps)));
        let mut squares = [0.0_f32; LANES];
        for (values, codes) in row.chunks(LANES).zip(self.values[from..].chunks(LANES)) {
            for (sum, (value, code)) in squares.iter_mut().zip(values.iter().zip(codes)) {
                *sum += (value - f32::from(*code) * scale).powi(2);
            }
        }
        self.scales.push(scale);
        self.errors.push(squares.iter().sum::<f32>().sqrt());
    }

    /// Holds this row alone.
    pub(super) fn hold(&mut self, row: &[f32]) {
        self.wipe();
        self.push(row);
    }

    /// Forgets every row, and leaves nothing of them in memory.
    pub(super) fn wipe(&mut self) {
        self.values.zeroize();
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_the_nearest_whole_number() {
        for step in -1_270..=1_270_i16 {
            let value = f32::from(step) / 10.0;
            assert!((f32::from(nearest(value)) - value).abs() <= 0.5, "{value}");
        }
    }
}
