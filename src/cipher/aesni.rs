//! The round keys of AES for the instructions of x86-64: NIST FIPS 197, 5.2. `unsafe` code: instructions that not every
//! processor has, behind the proof that this one has them.
//!
//! No branch and no address depends on a key.
#![allow(unsafe_code)]

#[cfg(feature = "aescbc")]
use core::arch::x86_64::_mm_aesimc_si128;
use core::arch::x86_64::{
    __m128i, _mm_aesenclast_si128, _mm_cvtsi128_si32, _mm_loadu_si128, _mm_or_si128, _mm_set1_epi32, _mm_setzero_si128,
    _mm_shuffle_epi32, _mm_slli_epi32, _mm_slli_si128, _mm_srli_epi32, _mm_storeu_si128, _mm_xor_si128,
};

use zeroize::{Zeroize, ZeroizeOnDrop};

cpufeatures::new!(detection, "aes", "sse2");
#[cfg(not(feature = "std"))]
cpufeatures::new!(pairs_detection, "aes", "pclmulqdq", "avx2", "vaes", "vpclmulqdq");
cpufeatures::new!(
    quads_detection,
    "aes",
    "pclmulqdq",
    "avx2",
    "vaes",
    "vpclmulqdq",
    "avx512f",
    "avx512bw",
    "avx512vl",
    "bmi2"
);

/// Round keys of the longest schedule.
const KEYS_MAX: usize = 15;

/// The round keys of one direction, and the proof that this processor has the instructions; wiped on drop.
pub(crate) struct RoundKeys {
    keys: [[u32; 4]; KEYS_MAX],
    rounds: usize,
    /// Fills what would be padding beside what is aligned to 16 bytes, which is moved along and not wiped on drop.
    #[expect(dead_code, reason = "the zeros are there to be moved, not read")]
    zeros: u64,
}

/// Whether the processor takes two blocks at once, in rounds of AES and in products for GCM.
pub(crate) fn takes_pairs() -> bool {
    // The assembly has addresses of 64 bits.
    if cfg!(not(target_pointer_width = "64")) {
        return false;
    }
    // Without the standard library only where the system also saves the registers of AVX-512, which are not needed.
    #[cfg(not(feature = "std"))]
    return pairs_detection::get();
    #[cfg(feature = "std")]
    {
        std::is_x86_feature_detected!("vaes")
            && std::is_x86_feature_detected!("vpclmulqdq")
            && std::is_x86_feature_detected!("aes")
            && std::is_x86_feature_detected!("pclmulqdq")
            && std::is_x86_feature_detected!("avx2")
    }
}

/// Whether the processor takes four blocks at once, in registers of which parts can be masked.
///
/// With `--cfg atrest_no_quads` it never does, so that what other processors run is tested on those that do.
pub(crate) fn takes_quads() -> bool {
    cfg!(all(target_pointer_width = "64", not(atrest_no_quads))) && quads_detection::get()
}

impl RoundKeys {
    /// Expands a key of 16, 24 or 32 bytes; `None` for others, and where the processor has no instructions for AES.
    pub(crate) fn expand(key: &[u8]) -> Option<Self> {
        if !detection::get() || !matches!(key.len(), 16 | 24 | 32) {
            return None;
        }
        if let Ok(key) = key.try_into() {
            let mut expanded = Self { keys: [[0; 4]; KEYS_MAX], rounds: KEYS_MAX - 1, zeros: 0 };
            // SAFETY: the instructions were detected above.
            unsafe { expand_256(key, &mut expanded.keys) };
            return Some(expanded);
        }
        let key_words = key.len() / 4;
        let mut expanded = Self { keys: [[0; 4]; KEYS_MAX], rounds: key_words + 6, zeros: 0 };
        let words = expanded.keys.as_flattened_mut();
        for (word, bytes) in words.iter_mut().zip(key.chunks_exact(4)) {
            *word = bytes.try_into().map_or(0, u32::from_le_bytes);
        }
        let mut constant = 1_u32;
        for i in key_words..4 * (key_words + 7) {
            let before = words[i - 1];
            // SAFETY: the instructions were detected above.
            let substituted = || unsafe { substituted(before) };
            let change = match i % key_words {
                0 => substituted().rotate_right(8) ^ constant,
                _ => before,
            };
            if i % key_words == 0 {
                // Only the ninth and tenth round key of 128 bits need the reduction that follows 0x80.
                constant = if constant == 0x80 { 0x1b } else { constant << 1 };
            }
            words[i] = words[i - key_words] ^ change;
        }
        Some(expanded)
    }

    /// Zeros in place of keys, of no round.
    #[cfg(feature = "aescbc")]
    pub(crate) const fn none() -> Self {
        Self { keys: [[0; 4]; KEYS_MAX], rounds: 0, zeros: 0 }
    }

    /// How many rounds there are: 10, 12 or 14.
    #[inline(always)]
    pub(crate) const fn rounds(&self) -> usize {
        self.rounds
    }

    /// The keys of decryption in the order in which it takes them, of those of encryption: NIST FIPS 197, 5.3.5.
    #[cfg(feature = "aescbc")]
    pub(crate) fn inverted(&self) -> Self {
        let mut inverted = Self { keys: [[0; 4]; KEYS_MAX], rounds: self.rounds, zeros: 0 };
        for (round, words) in inverted.keys.iter_mut().take(self.rounds + 1).enumerate() {
            // SAFETY: round keys exist only where the instructions were detected; four words are 16 bytes.
            unsafe {
                let key = self.key(self.rounds - round);
                let is_between = round > 0 && round < self.rounds;
                let key = if is_between { in_columns_mixed(key) } else { key };
                _mm_storeu_si128(words.as_mut_ptr().cast(), key);
            }
        }
        inverted
    }

    /// The key that goes in before the first round, and those of the rounds; room for the longest schedule.
    pub(crate) const fn as_ptr(&self) -> *const [u32; 4] {
        self.keys.as_ptr()
    }

    /// Those of all rounds but the last; the one that goes in before the first is none of them.
    #[cfg(feature = "aesgcm")]
    #[inline(always)]
    pub(crate) fn between(&self) -> &[[u32; 4]] {
        self.keys.get(1..self.rounds).unwrap_or_default()
    }

    /// # Safety
    /// The processor has SSE2.
    #[inline(always)]
    pub(crate) unsafe fn key(&self, round: usize) -> __m128i {
        // SAFETY: as of this function; the four words are 16 bytes, which need no alignment.
        unsafe { _mm_loadu_si128(self.keys[round].as_ptr().cast()) }
    }
}

impl Drop for RoundKeys {
    fn drop(&mut self) {
        self.keys.zeroize();
    }
}

impl ZeroizeOnDrop for RoundKeys {}

/// As of the other lengths, a round key at once: half of the round keys before it, each word added to those that follow, and
/// a word of the round key before it through the S-box. It is the length that keys are derived of for each value.
///
/// # Safety
/// The processor has AES and SSE2.
#[target_feature(enable = "aes,sse2")]
unsafe fn expand_256(key: &[u8; 32], keys: &mut [[u32; 4]; KEYS_MAX]) {
    // SAFETY: the caller vouches for the instructions; half of a key and a round key have 16 bytes.
    unsafe {
        let mut before = _mm_loadu_si128(key.as_ptr().cast());
        let mut last = _mm_loadu_si128(key[16..].as_ptr().cast());
        let mut constant = _mm_set1_epi32(1);
        for (round, words) in keys.iter_mut().enumerate() {
            _mm_storeu_si128(words.as_mut_ptr().cast(), before);
            let word = _mm_shuffle_epi32::<0xff>(last);
            let added = if round % 2 == 0 {
                // Its bytes are rotated by one.
                let rotated = _mm_or_si128(_mm_srli_epi32::<8>(word), _mm_slli_epi32::<24>(word));
                let added = _mm_aesenclast_si128(rotated, constant);
                constant = _mm_slli_epi32::<1>(constant);
                added
            } else {
                _mm_aesenclast_si128(word, _mm_setzero_si128())
            };
            let twice = _mm_xor_si128(before, _mm_slli_si128::<4>(before));
            let next = _mm_xor_si128(_mm_xor_si128(twice, _mm_slli_si128::<8>(twice)), added);
            (before, last) = (last, next);
        }
    }
}

/// The bytes of a word through the S-box: a last round without a key, of columns that are all alike, so that its shift of the
/// rows changes nothing.
///
/// # Safety
/// The processor has AES and SSE2.
#[target_feature(enable = "aes,sse2")]
#[allow(unused_unsafe, reason = "compilers before 1.87 ask for it")]
unsafe fn substituted(word: u32) -> u32 {
    // SAFETY: the caller vouches for the instructions.
    unsafe {
        let words = _mm_set1_epi32(i32::from_ne_bytes(word.to_ne_bytes()));
        u32::from_ne_bytes(_mm_cvtsi128_si32(_mm_aesenclast_si128(words, _mm_setzero_si128())).to_ne_bytes())
    }
}

/// # Safety
/// The processor has AES and SSE2.
#[cfg(feature = "aescbc")]
#[target_feature(enable = "aes,sse2")]
#[allow(unused_unsafe, reason = "compilers before 1.87 ask for it")]
unsafe fn in_columns_mixed(key: __m128i) -> __m128i {
    // SAFETY: the caller vouches for the instructions.
    unsafe { _mm_aesimc_si128(key) }
}
