//! Eight blocks of Salsa20's key stream in the lanes of AVX2. All `unsafe` code of secretbox: instructions that not
//! every processor has, each behind the proof that this one has them.
//!
//! No branch and no address depends on what is computed.
#![allow(unsafe_code)]

use core::arch::x86_64::{
    __m256i, _mm256_add_epi32, _mm256_or_si256, _mm256_permute2x128_si256, _mm256_set1_epi32, _mm256_setr_epi32,
    _mm256_slli_epi32, _mm256_srli_epi32, _mm256_storeu_si256, _mm256_unpackhi_epi32, _mm256_unpackhi_epi64,
    _mm256_unpacklo_epi32, _mm256_unpacklo_epi64, _mm256_xor_si256,
};

use super::{BATCH_LEN, DOUBLE_ROUNDS};

cpufeatures::new!(detection, "avx2", "bmi2");

const LANES: [u64; 8] = [0, 1, 2, 3, 4, 5, 6, 7];

/// The proof that this processor has AVX2 and BMI2.
#[derive(Clone, Copy)]
pub(in super::super) struct Avx2(());

impl Avx2 {
    /// Asks the processor once and remembers the answer.
    #[inline]
    pub(in super::super) fn detect() -> Option<Self> {
        detection::get().then_some(Self(()))
    }

    /// Writes eight blocks from number `counter` on, and calls `meanwhile` once in each double round: its work fills the
    /// units of the processor that have nothing to do with vectors.
    #[inline]
    pub(super) fn eight_blocks(
        self,
        state: &[u32; 16],
        counter: u64,
        out: &mut [u8; BATCH_LEN],
        meanwhile: impl FnMut(usize),
    ) {
        // SAFETY: `self` exists only where AVX2 and BMI2 were detected, which is all that the function asks for.
        unsafe { eight_blocks(state, counter, out, meanwhile) }
    }
}

/// # Safety
/// The processor has AVX2 and BMI2.
#[target_feature(enable = "avx2,bmi2")]
unsafe fn eight_blocks(state: &[u32; 16], counter: u64, out: &mut [u8; BATCH_LEN], mut meanwhile: impl FnMut(usize)) {
    let mut numbers = [[0; 8]; 2];
    for lane in 0..8 {
        [numbers[0][lane], numbers[1][lane]] = halves(counter.wrapping_add(LANES[lane]));
    }
    // SAFETY: the caller vouches for AVX2. Every store is of 32 bytes at 64 * row or 32 bytes behind that, for rows from 0
    // to 7, and so within the 512 bytes of `out`; it needs no alignment.
    unsafe {
        let mut start = [_mm256_set1_epi32(0); 16];
        for (lanes, word) in start.iter_mut().zip(state) {
            *lanes = _mm256_set1_epi32(signed(*word));
        }
        (start[8], start[9]) = (of_lanes(numbers[0]), of_lanes(numbers[1]));
        let mut x = start;
        for turn in 0..DOUBLE_ROUNDS {
            double_round(&mut x);
            meanwhile(turn);
        }
        for (sum, start) in x.iter_mut().zip(start) {
            *sum = _mm256_add_epi32(*sum, start);
        }
        let [a0, a1, a2, a3, a4, a5, a6, a7, b0, b1, b2, b3, b4, b5, b6, b7] = x;
        let front = transposed([a0, a1, a2, a3, a4, a5, a6, a7]);
        let back = transposed([b0, b1, b2, b3, b4, b5, b6, b7]);
        let at = out.as_mut_ptr().cast::<__m256i>();
        for row in 0..8 {
            _mm256_storeu_si256(at.add(2 * row), front[row]);
            _mm256_storeu_si256(at.add(2 * row + 1), back[row]);
        }
    }
}

/// A double round on eight states, a word of each to a vector.
///
/// # Safety
/// The processor has AVX2.
#[inline(always)]
unsafe fn double_round(x: &mut [__m256i; 16]) {
    // SAFETY: as of this function.
    unsafe {
        // Columns, then rows.
        quarter_round::<0, 4, 8, 12>(x);
        quarter_round::<5, 9, 13, 1>(x);
        quarter_round::<10, 14, 2, 6>(x);
        quarter_round::<15, 3, 7, 11>(x);
        quarter_round::<0, 1, 2, 3>(x);
        quarter_round::<5, 6, 7, 4>(x);
        quarter_round::<10, 11, 8, 9>(x);
        quarter_round::<15, 12, 13, 14>(x);
    }
}

/// # Safety
/// The processor has AVX2.
#[inline(always)]
unsafe fn quarter_round<const A: usize, const B: usize, const C: usize, const D: usize>(x: &mut [__m256i; 16]) {
    // SAFETY: as of this function.
    unsafe {
        x[B] = _mm256_xor_si256(x[B], rotated::<7, 25>(_mm256_add_epi32(x[A], x[D])));
        x[C] = _mm256_xor_si256(x[C], rotated::<9, 23>(_mm256_add_epi32(x[B], x[A])));
        x[D] = _mm256_xor_si256(x[D], rotated::<13, 19>(_mm256_add_epi32(x[C], x[B])));
        x[A] = _mm256_xor_si256(x[A], rotated::<18, 14>(_mm256_add_epi32(x[D], x[C])));
    }
}

/// Words rotated to the left by `LEFT`, which with `RIGHT` is 32.
///
/// # Safety
/// The processor has AVX2.
#[inline(always)]
unsafe fn rotated<const LEFT: i32, const RIGHT: i32>(words: __m256i) -> __m256i {
    // SAFETY: as of this function.
    unsafe { _mm256_or_si256(_mm256_slli_epi32::<LEFT>(words), _mm256_srli_epi32::<RIGHT>(words)) }
}

/// Rows for columns of eight words by eight.
///
/// # Safety
/// The processor has AVX2.
#[inline(always)]
unsafe fn transposed(x: [__m256i; 8]) -> [__m256i; 8] {
    // SAFETY: as of this function.
    unsafe {
        // Pairs of words, then fours in both halves, then the halves.
        let (a0, a1) = (_mm256_unpacklo_epi32(x[0], x[1]), _mm256_unpackhi_epi32(x[0], x[1]));
        let (b0, b1) = (_mm256_unpacklo_epi32(x[2], x[3]), _mm256_unpackhi_epi32(x[2], x[3]));
        let (c0, c1) = (_mm256_unpacklo_epi32(x[4], x[5]), _mm256_unpackhi_epi32(x[4], x[5]));
        let (d0, d1) = (_mm256_unpacklo_epi32(x[6], x[7]), _mm256_unpackhi_epi32(x[6], x[7]));
        let (e0, e1) = (_mm256_unpacklo_epi64(a0, b0), _mm256_unpackhi_epi64(a0, b0));
        let (e2, e3) = (_mm256_unpacklo_epi64(a1, b1), _mm256_unpackhi_epi64(a1, b1));
        let (f0, f1) = (_mm256_unpacklo_epi64(c0, d0), _mm256_unpackhi_epi64(c0, d0));
        let (f2, f3) = (_mm256_unpacklo_epi64(c1, d1), _mm256_unpackhi_epi64(c1, d1));
        [
            _mm256_permute2x128_si256::<0x20>(e0, f0),
            _mm256_permute2x128_si256::<0x20>(e1, f1),
            _mm256_permute2x128_si256::<0x20>(e2, f2),
            _mm256_permute2x128_si256::<0x20>(e3, f3),
            _mm256_permute2x128_si256::<0x31>(e0, f0),
            _mm256_permute2x128_si256::<0x31>(e1, f1),
            _mm256_permute2x128_si256::<0x31>(e2, f2),
            _mm256_permute2x128_si256::<0x31>(e3, f3),
        ]
    }
}

/// # Safety
/// The processor has AVX2.
#[inline(always)]
unsafe fn of_lanes(words: [u32; 8]) -> __m256i {
    let [a, b, c, d, e, f, g, h] = words.map(signed);
    // SAFETY: as of this function.
    unsafe { _mm256_setr_epi32(a, b, c, d, e, f, g, h) }
}

const fn signed(word: u32) -> i32 {
    i32::from_ne_bytes(word.to_ne_bytes())
}

/// The low and the high half.
fn halves(number: u64) -> [u32; 2] {
    let [a, b, c, d, e, f, g, h] = number.to_le_bytes();
    [u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h])]
}
