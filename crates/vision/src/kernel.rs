//! The inner loops of matching: one query against many rows, in `f32` and in 8-bit codes. Written
//! so that the compiler turns them into SIMD, compiled once per instruction set, and chosen at run
//! time. It knows numbers only; what a row means is the gallery's business.

mod codes;

pub(crate) use codes::{codes_are_quick, encode, score_codes};

/// Numbers that are summed side by side.
const LANES: usize = 16;
/// Rows that are scored together, so that the sums do not wait for each other.
const ROWS: usize = 4;
/// The compiler has a fused multiply-add without asking the processor first.
const FUSED_BASE: bool = cfg!(target_arch = "aarch64");

/// Whether every number is finite. Not asked one by one: without a way out in the middle the
/// compiler asks several at a time.
pub(crate) fn is_finite(values: &[f32]) -> bool {
    values.iter().fold(true, |finite, value| finite & value.is_finite())
}

/// Sum of products of two slices of equal length (the shorter one rules).
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut score = [0.0];
    let length = a.len().min(b.len());
    score_rows(&a[..length], &b[..length], &mut score);
    score[0]
}

/// `scores[i]` = query · row i. `rows` holds the rows one after the other, each as long as the
/// query.
pub(crate) fn score_rows(query: &[f32], rows: &[f32], scores: &mut [f32]) {
    #[cfg(target_arch = "x86_64")]
    {
        #[expect(
            unsafe_code,
            reason = "the processor was asked for exactly the features that the callee needs"
        )]
        if std::arch::is_x86_feature_detected!("avx512f") {
            return unsafe { score_rows_avx512(query, rows, scores) };
        }
        #[expect(
            unsafe_code,
            reason = "the processor was asked for exactly the features that the callee needs"
        )]
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma")
        {
            return unsafe { score_rows_avx2(query, rows, scores) };
        }
    }
    score_rows_with::<FUSED_BASE>(query, rows, scores);
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn score_rows_avx512(query: &[f32], rows: &[f32], scores: &mut [f32]) {
    score_blocks(
        query,
        rows,
        scores,
        |block| products_avx512::<ROWS>(query, block),
        |row| products_avx512::<1>(query, row),
    );
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn score_rows_avx2(query: &[f32], rows: &[f32], scores: &mut [f32]) {
    score_blocks(
        query,
        rows,
        scores,
        |block| products_avx2::<ROWS>(query, block),
        |row| products_avx2::<1>(query, row),
    );
}

/// The products of the query with `N` rows, one after the other in `block`. A row's sum does not
/// depend on `N`.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx512f")]
fn products_avx512<const N: usize>(query: &[f32], block: &[f32]) -> [f32; N] {
    use std::arch::x86_64::{_mm512_add_ps, _mm512_fmadd_ps, _mm512_loadu_ps, _mm512_setzero_ps};
    let length = query.len();
    assert!(block.len() >= N * length, "a block holds N rows");
    let mut sums = [[_mm512_setzero_ps(); 2]; N];
    for at in (0..length / 32 * 32).step_by(32) {
        for half in 0..2 {
            let from = at + 16 * half;
            #[expect(unsafe_code, reason = "16 numbers from here are inside: from + 16 <= length")]
            let q = unsafe { _mm512_loadu_ps(query.as_ptr().add(from)) };
            for (row, sum) in sums.iter_mut().enumerate() {
                #[expect(
                    unsafe_code,
                    reason = "as above, and the block holds N rows of that length"
                )]
                let values = unsafe { _mm512_loadu_ps(block.as_ptr().add(row * length + from)) };
                sum[half] = _mm512_fmadd_ps(q, values, sum[half]);
            }
        }
    }
    let mut products = [0.0; N];
    for (row, (sum, product)) in sums.iter().zip(&mut products).enumerate() {
        *product = sum_of_lanes(_mm512_add_ps(sum[0], sum[1])) + rest(query, block, row, 32);
    }
    products
}

/// Halves added to halves: `_mm512_reduce_add_ps` adds one lane after the other, 16 waits a row.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx512f")]
fn sum_of_lanes(lanes: std::arch::x86_64::__m512) -> f32 {
    use std::arch::x86_64::{
        _mm_add_ps, _mm_add_ss, _mm_cvtss_f32, _mm_movehl_ps, _mm_shuffle_ps, _mm512_add_ps,
        _mm512_castps512_ps128, _mm512_extractf32x4_ps, _mm512_shuffle_f32x4,
    };
    let halves = _mm512_add_ps(lanes, _mm512_shuffle_f32x4::<0b01_00_11_10>(lanes, lanes));
    let quarters = _mm_add_ps(_mm512_castps512_ps128(halves), _mm512_extractf32x4_ps::<1>(halves));
    let pairs = _mm_add_ps(quarters, _mm_movehl_ps(quarters, quarters));
    _mm_cvtss_f32(_mm_add_ss(pairs, _mm_shuffle_ps::<1>(pairs, pairs)))
}

/// [`products_avx512`] in half as wide steps.
#[cfg(target_arch = "x86_64")]
#[inline]
#[target_feature(enable = "avx2,fma")]
fn products_avx2<const N: usize>(query: &[f32], block: &[f32]) -> [f32; N] {
    use std::arch::x86_64::{
        _mm256_add_ps, _mm256_fmadd_ps, _mm256_loadu_ps, _mm256_setzero_ps, _mm256_storeu_ps,
    };
    let length = query.len();
    assert!(block.len() >= N * length, "a block holds N rows");
    let mut sums = [[_mm256_setzero_ps(); 2]; N];
    for at in (0..length / 16 * 16).step_by(16) {
        for half in 0..2 {
            let from = at + 8 * half;
            #[expect(unsafe_code, reason = "8 numbers from here are inside: from + 8 <= length")]
            let q = unsafe { _mm256_loadu_ps(query.as_ptr().add(from)) };
            for (row, sum) in sums.iter_mut().enumerate() {
                #[expect(
                    unsafe_code,
                    reason = "as above, and the block holds N rows of that length"
                )]
                let values = unsafe { _mm256_loadu_ps(block.as_ptr().add(row * length + from)) };
                sum[half] = _mm256_fmadd_ps(q, values, sum[half]);
            }
        }
    }
    let mut products = [0.0; N];
    for (row, (sum, product)) in sums.iter().zip(&mut products).enumerate() {
        let mut lanes = [0.0; 8];
        #[expect(unsafe_code, reason = "the array has the 8 places that are written")]
        unsafe {
            _mm256_storeu_ps(lanes.as_mut_ptr(), _mm256_add_ps(sum[0], sum[1]));
        }
        *product = lanes.iter().sum::<f32>() + rest(query, block, row, 16);
    }
    products
}

/// Goes over the rows, [`ROWS`] at a time, and one by one at the end.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "the body must be compiled with the caller's instruction set"
)]
fn score_blocks<T, S: Copy + Default>(
    query: &[T],
    rows: &[T],
    scores: &mut [S],
    many: impl Fn(&[T]) -> [S; ROWS],
    one: impl Fn(&[T]) -> [S; 1],
) {
    let length = query.len();
    if length == 0 {
        scores.fill(S::default());
        return;
    }
    let mut blocks = rows.chunks_exact(length * ROWS);
    let mut places = scores.chunks_exact_mut(ROWS);
    for (block, place) in (&mut blocks).zip(&mut places) {
        place.copy_from_slice(&many(block));
    }
    for (row, place) in blocks.remainder().chunks_exact(length).zip(places.into_remainder()) {
        *place = one(row)[0];
    }
}

/// What whole steps leave of one row.
#[cfg(target_arch = "x86_64")]
fn rest(query: &[f32], block: &[f32], row: usize, step: usize) -> f32 {
    let (length, whole) = (query.len(), query.len() / step * step);
    query[whole..]
        .iter()
        .zip(&block[row * length + whole..(row + 1) * length])
        .map(|(a, b)| a * b)
        .sum()
}

#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "the body must be compiled with the caller's instruction set"
)]
fn score_rows_with<const FUSED: bool>(query: &[f32], rows: &[f32], scores: &mut [f32]) {
    let length = query.len();
    if length == 0 {
        scores.fill(0.0);
        return;
    }
    let mut blocks = rows.chunks_exact(length * ROWS);
    let mut places = scores.chunks_exact_mut(ROWS);
    for (block, place) in (&mut blocks).zip(&mut places) {
        place.copy_from_slice(&products::<FUSED, ROWS>(query, block));
    }
    let rest = blocks.remainder().chunks_exact(length);
    for (row, place) in rest.zip(places.into_remainder()) {
        *place = products::<FUSED, 1>(query, row)[0];
    }
}

#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "the body must be compiled with the caller's instruction set"
)]
fn products<const FUSED: bool, const N: usize>(query: &[f32], block: &[f32]) -> [f32; N] {
    let length = query.len();
    // Whole steps and what they leave: a step of unknown length stays one number at a time.
    let (steps, rest) = query.as_chunks::<LANES>();
    let rows: [(&[[f32; LANES]], &[f32]); N] =
        std::array::from_fn(|r| block[r * length..(r + 1) * length].as_chunks::<LANES>());
    let mut sums = [[0.0_f32; LANES]; N];
    for (at, q) in steps.iter().enumerate() {
        for (sum, (row, _)) in sums.iter_mut().zip(&rows) {
            // A copy, so that the compiler sees that nothing else is written meanwhile.
            let (values, mut held) = (&row[at], *sum);
            for lane in 0..LANES {
                held[lane] = if FUSED {
                    q[lane].mul_add(values[lane], held[lane])
                } else {
                    q[lane] * values[lane] + held[lane]
                };
            }
            *sum = held;
        }
    }
    std::array::from_fn(|r| {
        let tail: f32 = rest.iter().zip(rows[r].1).map(|(a, b)| a * b).sum();
        total(sums[r]) + tail
    })
}

/// Halves added to halves: one after the other would make each addition wait for the last.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "the body must be compiled with the caller's instruction set"
)]
fn total(mut sums: [f32; LANES]) -> f32 {
    let mut width = LANES / 2;
    while width > 0 {
        for lane in 0..width {
            sums[lane] += sums[lane + width];
        }
        width /= 2;
    }
    sums[0]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize, seed: u32) -> Vec<f32> {
        (0..count as u32)
            .map(|i| {
                ((i.wrapping_mul(2_654_435_761).wrapping_mul(seed) >> 8) % 2001) as f32 / 1000.0
                    - 1.0
            })
            .collect()
    }

    #[test]
    fn every_row_is_the_sum_of_its_products() {
        for length in [1, 15, 16, 128, 250, 256, 512] {
            for count in [0, 1, 3, 4, 9] {
                let (query, rows) = (numbers(length, 3), numbers(length * count, 7));
                let mut scores = vec![0.0; count];
                score_rows(&query, &rows, &mut scores);
                for (score, row) in scores.iter().zip(rows.chunks_exact(length)) {
                    let exact: f64 =
                        query.iter().zip(row).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
                    assert!(
                        (f64::from(*score) - exact).abs() < 1e-3,
                        "{length} × {count}: {score} for {exact}"
                    );
                }
            }
        }
    }
}
