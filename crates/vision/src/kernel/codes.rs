//! The inner loops of matching over rows in 8 bits: whole numbers, the same on every processor. It
//! knows numbers only; what a code stands for is the gallery's business.

use super::LANES;
#[cfg(target_arch = "x86_64")]
use super::{ROWS, score_blocks};

/// Writes the whole numbers nearest to a row's numbers, within ±127, and answers their scale and
/// how long the difference between row and code is.
pub(crate) fn encode(row: &[f32], codes: &mut [i8]) -> (f32, f32) {
    #[cfg(target_arch = "x86_64")]
    {
        #[expect(
            unsafe_code,
            reason = "the processor was asked for exactly the features that the callee needs"
        )]
        if std::arch::is_x86_feature_detected!("avx512bw") {
            return unsafe { encode_avx512(row, codes) };
        }
        #[expect(
            unsafe_code,
            reason = "the processor was asked for exactly the features that the callee needs"
        )]
        if std::arch::is_x86_feature_detected!("avx2") {
            return unsafe { encode_avx2(row, codes) };
        }
    }
    encode_with(row, codes)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw")]
fn encode_avx512(row: &[f32], codes: &mut [i8]) -> (f32, f32) {
    encode_with(row, codes)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn encode_avx2(row: &[f32], codes: &mut [i8]) -> (f32, f32) {
    encode_with(row, codes)
}

#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "the body must be compiled with the caller's instruction set"
)]
fn encode_with(row: &[f32], codes: &mut [i8]) -> (f32, f32) {
    // Whole steps and what they leave: only a step of known length becomes one instruction.
    let ((steps, rest), (code_steps, code_rest)) =
        (row.as_chunks::<LANES>(), codes.as_chunks_mut::<LANES>());
    let mut largest = [f32::MIN_POSITIVE; LANES];
    for values in steps {
        larger(&mut largest, values);
    }
    larger(&mut largest, rest);
    let largest = largest.into_iter().fold(f32::MIN_POSITIVE, f32::max);
    let (scale, per_one) = (largest / 127.0, 127.0 / largest);
    let mut squares = [0.0; LANES];
    for (values, codes) in steps.iter().zip(code_steps) {
        encode_step(values, codes, per_one, scale, &mut squares);
    }
    encode_step(rest, code_rest, per_one, scale, &mut squares);
    (scale, squares.iter().sum::<f32>().sqrt())
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "as its caller")]
fn larger(held: &mut [f32; LANES], values: &[f32]) {
    for (held, value) in held.iter_mut().zip(values) {
        *held = if value.abs() > *held { value.abs() } else { *held };
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "as its caller")]
fn encode_step(
    values: &[f32],
    codes: &mut [i8],
    per_one: f32,
    scale: f32,
    squares: &mut [f32; LANES],
) {
    for ((sum, value), code) in squares.iter_mut().zip(values).zip(codes) {
        *code = nearest(value * per_one);
        *sum += (value - f32::from(*code) * scale).powi(2);
    }
}

/// The whole number nearest to `value`, which lies within ±127: in the mantissa of a number this
/// large the lowest bits count ones. (`round` is a call of a function for each number.)
#[inline]
fn nearest(value: f32) -> i8 {
    const ONES: f32 = 12_582_912.0;
    (value + ONES).to_bits() as i8
}

/// `sums[i]` = codes · row i, in whole numbers.
pub(crate) fn score_codes(query: &[i8], rows: &[i8], sums: &mut [i32]) {
    #[cfg(target_arch = "x86_64")]
    {
        #[expect(
            unsafe_code,
            reason = "the processor was asked for exactly the features that the callee needs"
        )]
        if codes_are_quick() {
            return unsafe { score_codes_vnni(query, rows, sums) };
        }
        #[expect(
            unsafe_code,
            reason = "the processor was asked for exactly the features that the callee needs"
        )]
        if std::arch::is_x86_feature_detected!("avx512bw") {
            return unsafe { score_codes_avx512(query, rows, sums) };
        }
        #[expect(
            unsafe_code,
            reason = "the processor was asked for exactly the features that the callee needs"
        )]
        if std::arch::is_x86_feature_detected!("avx2") {
            return unsafe { score_codes_avx2(query, rows, sums) };
        }
    }
    score_codes_with(query, rows, sums);
}

/// Whether the processor multiplies and adds codes four at a time, so that they are worth looking
/// at before rows that lie in the nearest memory, too.
pub(crate) fn codes_are_quick() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("avx512vnni")
        && std::arch::is_x86_feature_detected!("avx512bw");
    #[cfg(not(target_arch = "x86_64"))]
    return false;
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn score_codes_vnni(query: &[i8], rows: &[i8], sums: &mut [i32]) {
    // The instruction takes one side without a sign: 128 is added to every number of the rows, and
    // so 128 times the query's sum to every result.
    let added = 128 * query[..query.len() / 64 * 64].iter().map(|q| i32::from(*q)).sum::<i32>();
    score_blocks(
        query,
        rows,
        sums,
        |block| code_products_vnni::<ROWS>(query, block, added),
        |row| code_products_vnni::<1>(query, row, added),
    );
}

/// The products of the query's codes with those of `N` rows, one after the other in `block`.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn code_products_vnni<const N: usize>(query: &[i8], block: &[i8], added: i32) -> [i32; N] {
    use std::arch::x86_64::{
        _mm512_dpbusd_epi32, _mm512_loadu_si512, _mm512_reduce_add_epi32, _mm512_set1_epi8,
        _mm512_setzero_si512, _mm512_xor_si512,
    };
    let length = query.len();
    assert!(block.len() >= N * length, "a block holds N rows");
    let (sign, whole) = (_mm512_set1_epi8(-128), length / 64 * 64);
    let mut sums = [_mm512_setzero_si512(); N];
    for at in (0..whole).step_by(64) {
        #[expect(unsafe_code, reason = "64 codes from here are inside: at + 64 <= length")]
        let q = unsafe { _mm512_loadu_si512(query.as_ptr().add(at).cast()) };
        for (row, sum) in sums.iter_mut().enumerate() {
            #[expect(unsafe_code, reason = "as above, and the block holds N rows of that length")]
            let codes = unsafe { _mm512_loadu_si512(block.as_ptr().add(row * length + at).cast()) };
            *sum = _mm512_dpbusd_epi32(*sum, _mm512_xor_si512(codes, sign), q);
        }
    }
    let mut products = [0; N];
    for (row, (sum, product)) in sums.iter().zip(&mut products).enumerate() {
        let mut rest = [0];
        score_codes_with(&query[whole..], &block[row * length..][whole..length], &mut rest);
        *product = _mm512_reduce_add_epi32(*sum) - added + rest[0];
    }
    products
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx512bw")]
fn score_codes_avx512(query: &[i8], rows: &[i8], sums: &mut [i32]) {
    score_codes_with(query, rows, sums);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn score_codes_avx2(query: &[i8], rows: &[i8], sums: &mut [i32]) {
    score_codes_with(query, rows, sums);
}

#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "the body must be compiled with the caller's instruction set"
)]
fn score_codes_with(query: &[i8], rows: &[i8], sums: &mut [i32]) {
    for (row, sum) in rows.chunks_exact(query.len().max(1)).zip(sums) {
        // Widened to 16 bits first: the compiler knows this as one multiply-and-add-pairs
        // instruction.
        *sum = query
            .iter()
            .zip(row)
            .map(|(a, b)| i32::from(i16::from(*a)) * i32::from(i16::from(*b)))
            .sum();
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

    #[test]
    fn a_row_is_no_farther_from_its_codes_than_said() {
        for length in [1, 15, 16, 17, 384] {
            let row: Vec<f32> =
                (0..length).map(|i| ((i * 37 % 101) as f32 - 50.0) / 71.0).collect();
            let mut codes = vec![0; length];
            let (scale, error) = encode(&row, &mut codes);
            let far = row.iter().zip(&codes).map(|(v, c)| (v - f32::from(*c) * scale).powi(2));
            let far = far.sum::<f32>().sqrt();
            assert!(
                (far - error).abs() <= 1e-6 && codes.iter().any(|c| c.abs() == 127),
                "{length}"
            );
        }
    }

    #[test]
    fn codes_add_up_exactly() {
        for length in [1, 63, 64, 65, 250, 256, 384] {
            for count in [0, 1, 3, 4, 9] {
                let code = |step: usize| move |i: usize| (i * step % 255) as i32 - 127;
                let query: Vec<i8> = (0..length).map(code(7)).map(|c| c as i8).collect();
                let rows: Vec<i8> = (0..length * count).map(code(5)).map(|c| c as i8).collect();
                let (mut sums, mut plain) = (vec![0; count], vec![0; count]);
                score_codes(&query, &rows, &mut sums);
                score_codes_with(&query, &rows, &mut plain);
                let product = |row: &[i8]| -> i32 {
                    query.iter().zip(row).map(|(a, b)| i32::from(*a) * i32::from(*b)).sum()
                };
                let exact: Vec<i32> = rows.chunks_exact(length).map(product).collect();
                assert_eq!((&sums, &plain), (&exact, &exact), "{length} × {count}");
            }
        }
    }

    #[test]
    fn the_largest_codes_add_up_without_overflow() {
        for (a, b) in [(127, 127), (-127, 127), (127, -127), (-127, -127)] {
            let (query, rows, mut sums) = ([a; 512], [b; 5 * 512], [0; 5]);
            score_codes(&query, &rows, &mut sums);
            assert_eq!(sums, [512 * i32::from(a) * i32::from(b); 5]);
        }
    }
}
