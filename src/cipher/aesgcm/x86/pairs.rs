//! Pairs of blocks in registers of 256 bits: the instructions that the pass over a text is made of. `unsafe` code: every one
//! is for the caller to vouch for.
//!
//! Some are written as such because Rust names them from 1.89 on.
#![allow(unsafe_code)]
#![allow(unused_unsafe, reason = "compilers before 1.87 ask for it")]

use core::arch::asm;
use core::arch::x86_64::{
    __m128i, __m256i, _mm_loadu_si128, _mm_xor_si128, _mm256_add_epi32, _mm256_broadcastsi128_si256,
    _mm256_castsi256_si128, _mm256_extracti128_si256, _mm256_loadu_si256, _mm256_set_epi32, _mm256_set_epi64x,
    _mm256_setzero_si256, _mm256_shuffle_epi8, _mm256_xor_si256, _mm256_zextsi128_si256,
};

use super::super::super::aesni::RoundKeys;
use super::ghash::reduced;
use super::partial::halves;

/// Numbered blocks that the key stream is made of; the number is little-endian in them.
#[derive(Clone, Copy)]
pub(super) struct Numbered(__m256i);

impl Numbered {
    /// The blocks of these numbers.
    ///
    /// # Safety
    /// The processor has AVX2.
    #[inline(always)]
    pub(super) unsafe fn new(nonce: &[u8; 12], numbers: [u32; 2]) -> Self {
        let [a, b, c, d, e, f, g, h, i, j, k, l] = *nonce;
        let word = i32::from_le_bytes;
        let [x, y, z] = [word([a, b, c, d]), word([e, f, g, h]), word([i, j, k, l])];
        let [first, second] = numbers.map(|number| i32::from_ne_bytes(number.to_ne_bytes()));
        // SAFETY: as of this function.
        Self(unsafe { _mm256_set_epi32(second, z, y, x, first, z, y, x) })
    }

    /// This pair as it is encrypted, with the first round key; then each block is the one after the next.
    ///
    /// # Safety
    /// The processor has AVX2.
    #[inline(always)]
    unsafe fn next(&mut self, first: __m256i) -> __m256i {
        // SAFETY: as of this function.
        unsafe {
            let big_endian = pair_of(0x0c0d_0e0f_0b0a_0908_0706_0504_0302_0100);
            let pair = _mm256_xor_si256(_mm256_shuffle_epi8(self.0, big_endian), first);
            // No text has more blocks than 32 bits count.
            self.0 = _mm256_add_epi32(self.0, _mm256_set_epi32(2, 0, 0, 0, 2, 0, 0, 0));
            pair
        }
    }
}

/// The next pairs of the key stream, but for the last round.
///
/// # Safety
/// The processor has VAES and AVX2.
#[inline(always)]
pub(super) unsafe fn unfinished<const COUNT: usize>(keys: &RoundKeys, numbered: &mut Numbered) -> [__m256i; COUNT] {
    // SAFETY: as of this function; a round key has 16 bytes.
    unsafe {
        let first = broadcast(keys.key(0));
        let mut pairs = [first; COUNT];
        for pair in &mut pairs {
            *pair = numbered.next(first);
        }
        for key in keys.between() {
            let key = broadcast(_mm_loadu_si128(key.as_ptr().cast()));
            for pair in &mut pairs {
                *pair = encrypted(*pair, key);
            }
        }
        pairs
    }
}

/// One round.
///
/// # Safety
/// The processor has VAES and AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn encrypted(pair: __m256i, key: __m256i) -> __m256i {
    let next;
    // SAFETY: the caller vouches for the instruction, which computes a register of two others.
    unsafe {
        asm!("vaesenc {}, {}, {}", lateout(ymm_reg) next, in(ymm_reg) pair, in(ymm_reg) key,
            options(pure, nomem, nostack, preserves_flags));
    }
    next
}

/// The last round; with what the key stream goes to already in the key, the text that comes of it.
///
/// # Safety
/// The processor has VAES and AVX2.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) unsafe fn encrypted_last(pair: __m256i, key: __m256i) -> __m256i {
    let last;
    // SAFETY: the caller vouches for the instruction, which computes a register of two others.
    unsafe {
        asm!("vaesenclast {}, {}, {}", lateout(ymm_reg) last, in(ymm_reg) pair, in(ymm_reg) key,
            options(pure, nomem, nostack, preserves_flags));
    }
    last
}

/// The sum of products of blocks and powers, not reduced.
pub(super) struct Products {
    /// The sum of what came before, which goes in with the first block.
    before: __m256i,
    low: __m256i,
    middle: __m256i,
    high: __m256i,
}

impl Products {
    /// # Safety
    /// The processor has AVX2.
    #[inline(always)]
    pub(super) unsafe fn new(before: __m128i) -> Self {
        // SAFETY: as of this function.
        unsafe {
            let zero = _mm256_setzero_si256();
            Self { before: _mm256_zextsi128_si256(before), low: zero, middle: zero, high: zero }
        }
    }

    /// Takes in each of two blocks times one of the first two powers.
    ///
    /// # Safety
    /// The processor has VPCLMULQDQ and AVX2.
    #[inline(always)]
    pub(super) unsafe fn add(&mut self, blocks: __m256i, powers: &[u128]) {
        // SAFETY: as of this function; two powers have 32 bytes.
        unsafe {
            let blocks = _mm256_xor_si256(blocks, self.before);
            self.before = _mm256_setzero_si256();
            let powers = _mm256_loadu_si256(powers[..2].as_ptr().cast());
            self.low = _mm256_xor_si256(self.low, product::<0x00>(blocks, powers));
            self.high = _mm256_xor_si256(self.high, product::<0x11>(blocks, powers));
            let middle = _mm256_xor_si256(product::<0x01>(blocks, powers), product::<0x10>(blocks, powers));
            self.middle = _mm256_xor_si256(self.middle, middle);
        }
    }

    /// # Safety
    /// The processor has the carry-less product and AVX2.
    #[inline(always)]
    pub(super) unsafe fn reduced(self) -> __m128i {
        // SAFETY: as of this function.
        unsafe { reduced(both_added(self.low), both_added(self.middle), both_added(self.high)) }
    }
}

/// The carry-less product of a half of each block with a half of each other, as `HALVES` says.
///
/// # Safety
/// The processor has VPCLMULQDQ and AVX2.
#[inline]
#[target_feature(enable = "avx2")]
unsafe fn product<const HALVES: i32>(a: __m256i, b: __m256i) -> __m256i {
    let product;
    // SAFETY: the caller vouches for the instruction, which computes a register of two others.
    unsafe {
        asm!("vpclmulqdq {}, {}, {}, {}", lateout(ymm_reg) product, in(ymm_reg) a, in(ymm_reg) b, const HALVES,
            options(pure, nomem, nostack, preserves_flags));
    }
    product
}

/// # Safety
/// The processor has AVX2.
#[inline(always)]
unsafe fn both_added(pair: __m256i) -> __m128i {
    // SAFETY: as of this function.
    unsafe { _mm_xor_si128(_mm256_castsi256_si128(pair), _mm256_extracti128_si256::<1>(pair)) }
}

/// Big-endian blocks as numbers.
///
/// # Safety
/// The processor has AVX2.
#[inline(always)]
pub(super) unsafe fn numbers(blocks: __m256i) -> __m256i {
    // SAFETY: as of this function.
    unsafe { _mm256_shuffle_epi8(blocks, pair_of(0x0001_0203_0405_0607_0809_0a0b_0c0d_0e0f)) }
}

/// # Safety
/// The processor has AVX2.
#[inline(always)]
unsafe fn pair_of(number: u128) -> __m256i {
    // SAFETY: as of this function.
    unsafe { pair(number, number) }
}

/// # Safety
/// The processor has AVX2.
#[inline(always)]
pub(super) unsafe fn pair(first: u128, second: u128) -> __m256i {
    let [a, b] = halves(first).map(|half| i64::from_ne_bytes(half.to_ne_bytes()));
    let [c, d] = halves(second).map(|half| i64::from_ne_bytes(half.to_ne_bytes()));
    // SAFETY: as of this function.
    unsafe { _mm256_set_epi64x(d, c, b, a) }
}

/// # Safety
/// The processor has AVX2.
#[inline(always)]
pub(super) unsafe fn broadcast(key: __m128i) -> __m256i {
    // SAFETY: as of this function.
    unsafe { _mm256_broadcastsi128_si256(key) }
}

/// Clears the vector registers that text, key stream and sums were in: what comes next may save them on the stack.
///
/// # Safety
/// The processor has AVX2.
#[inline]
#[target_feature(enable = "avx2")]
pub(super) unsafe fn clear_registers() {
    // SAFETY: the caller vouches for the instructions, which write to the registers that are named alone.
    unsafe {
        asm!(
            "vpxor xmm0, xmm0, xmm0", "vpxor xmm1, xmm1, xmm1", "vpxor xmm2, xmm2, xmm2", "vpxor xmm3, xmm3, xmm3",
            "vpxor xmm4, xmm4, xmm4", "vpxor xmm5, xmm5, xmm5", "vpxor xmm6, xmm6, xmm6", "vpxor xmm7, xmm7, xmm7",
            "vpxor xmm8, xmm8, xmm8", "vpxor xmm9, xmm9, xmm9", "vpxor xmm10, xmm10, xmm10",
            "vpxor xmm11, xmm11, xmm11", "vpxor xmm12, xmm12, xmm12", "vpxor xmm13, xmm13, xmm13",
            "vpxor xmm14, xmm14, xmm14", "vpxor xmm15, xmm15, xmm15",
            out("xmm0") _, out("xmm1") _, out("xmm2") _, out("xmm3") _, out("xmm4") _, out("xmm5") _, out("xmm6") _,
            out("xmm7") _, out("xmm8") _, out("xmm9") _, out("xmm10") _, out("xmm11") _, out("xmm12") _,
            out("xmm13") _, out("xmm14") _, out("xmm15") _,
            options(nomem, nostack, preserves_flags)
        );
    }
}
