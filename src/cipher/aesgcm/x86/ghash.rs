//! GHASH with the carry-less product of the processor, eight blocks to a reduction: NIST SP 800-38D, 6.4. Where there is
//! no such product, the `ghash` crate's.
//!
//! Computed in the terms of POLYVAL, whose bits lie as a processor has them: RFC 8452, appendix A. There a block is a
//! number of 128 bits, big-endian, and the hash key is doubled.
#![allow(unsafe_code)]

use core::arch::x86_64::{
    __m128i, _mm_clmulepi64_si128, _mm_loadu_si128, _mm_set_epi64x, _mm_setzero_si128, _mm_shuffle_epi8,
    _mm_shuffle_epi32, _mm_storeu_si128, _mm_unpackhi_epi64, _mm_unpacklo_epi64, _mm_xor_si128,
};

use zeroize::{Zeroize, Zeroizing};

use super::{BLOCK_LEN, partial};

cpufeatures::new!(detection, "pclmulqdq", "avx");

const BLOCKS: usize = 8;

/// The key's powers from the ninth down to the first, and zero in the end, which pairs with the first.
pub(super) const POWERS: usize = BLOCKS + 2;

/// The modulus of POLYVAL without its highest power.
const MODULUS: u128 = 0xc200_0000_0000_0000_0000_0000_0000_0001;

/// A hash key; wiped on drop.
pub(super) struct Ghash {
    key: [u8; BLOCK_LEN],
    /// Zeros where the processor has no carry-less product.
    powers: [u128; POWERS],
}

/// A sum so far; wiped on drop.
#[derive(Clone, Default)]
pub(super) struct Sum(u128);

impl Ghash {
    /// The sum of the AAD.
    pub(super) fn start(&self, aad: &[u8]) -> Sum {
        let mut sum = Sum::default();
        self.update(&mut sum, aad);
        sum
    }

    pub(super) fn new(key: &[u8; BLOCK_LEN]) -> Self {
        let mut ghash = Self { key: *key, powers: [0; POWERS] };
        if detection::get() {
            // SAFETY: the processor has the product and AVX, which is all that the function asks for.
            unsafe { powers_of(doubled(u128::from_be_bytes(*key)), &mut ghash.powers) };
        }
        ghash
    }

    /// Whether the processor has the product, without which there are no powers.
    pub(super) fn has_product() -> bool {
        detection::get()
    }

    pub(super) const fn powers(&self) -> &[u128; POWERS] {
        &self.powers
    }

    /// Takes in `bytes` and the zeros that fill its last block.
    pub(super) fn update(&self, sum: &mut Sum, bytes: &[u8]) {
        if !detection::get() {
            return self.update_by_library(sum, bytes);
        }
        // SAFETY: the processor has the product and AVX, which is all that the function asks for.
        sum.0 = unsafe { absorbed(&self.powers, sum.0, bytes) };
    }

    /// The library begins with a sum of zero: ours goes in with the first block.
    pub(super) fn update_by_library(&self, sum: &mut Sum, bytes: &[u8]) {
        use ::ghash::universal_hash::UniversalHash as _;
        if bytes.is_empty() {
            return;
        }
        let (first, rest) = bytes.split_at(bytes.len().min(BLOCK_LEN));
        let mut block = Zeroizing::new(sum.0.to_be_bytes());
        block.iter_mut().zip(first).for_each(|(sum, byte)| *sum ^= byte);
        let mut hash = ::ghash::GHash::new((&self.key).into());
        hash.update(&[(*block).into()]);
        hash.update_padded(rest);
        sum.0 = u128::from_be_bytes(hash.finalize().into());
    }
}

impl Sum {
    pub(super) const fn value(&self) -> u128 {
        self.0
    }
}

/// The key times x, in the terms of POLYVAL.
const fn doubled(key: u128) -> u128 {
    let carried = (key >> 127).wrapping_neg();
    (key << 1) ^ (carried & MODULUS)
}

/// # Safety
/// The processor has the carry-less product and AVX.
#[target_feature(enable = "pclmulqdq,avx")]
unsafe fn powers_of(key: u128, powers: &mut [u128; POWERS]) {
    // SAFETY: as of this function; every store is to a number of 16 bytes.
    unsafe {
        let first = of_number(key);
        let second = product(first, first);
        let (third, fourth) = (product(second, first), product(second, second));
        let eighth = product(fourth, fourth);
        let last = [
            product(eighth, first),
            eighth,
            product(fourth, third),
            product(fourth, second),
            product(fourth, first),
            fourth,
            third,
            second,
            first,
        ];
        for (power, value) in powers.iter_mut().zip(last) {
            _mm_storeu_si128(core::ptr::from_mut(power).cast(), value);
        }
    }
}

/// The sum with `bytes` taken in, and the zeros that fill the last block.
///
/// # Safety
/// The processor has the carry-less product and AVX.
#[target_feature(enable = "pclmulqdq,avx")]
unsafe fn absorbed(powers: &[u128; POWERS], sum: u128, bytes: &[u8]) -> u128 {
    // SAFETY: as of this function.
    unsafe {
        let mut sum = of_number(sum);
        let mut eights = bytes.chunks_exact(BLOCKS * BLOCK_LEN);
        for eight in &mut eights {
            sum = several(&powers[POWERS - 1 - BLOCKS..], sum, eight);
        }
        let rest = eights.remainder();
        if !rest.is_empty() {
            // The last so many powers, of which the first block takes the highest.
            sum = several(&powers[POWERS - 1 - rest.len().div_ceil(BLOCK_LEN)..], sum, rest);
        }
        let mut value = 0_u128;
        _mm_storeu_si128(core::ptr::from_mut(&mut value).cast(), sum);
        value
    }
}

/// Blocks times as many powers, with the sum in the first, and one reduction.
///
/// # Safety
/// The processor has the carry-less product and AVX.
#[inline(always)]
unsafe fn several(powers: &[u128], sum: __m128i, bytes: &[u8]) -> __m128i {
    // SAFETY: as of this function.
    unsafe {
        let reversed = _mm_set_epi64x(0x0001_0203_0405_0607, 0x0809_0a0b_0c0d_0e0f);
        let mut added = sum;
        let (mut low, mut middle, mut high) = (_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128());
        for (power, block) in powers.iter().zip(bytes.chunks(BLOCK_LEN)) {
            let block = match block.first_chunk::<BLOCK_LEN>() {
                Some(whole) => _mm_loadu_si128(whole.as_ptr().cast()),
                None => of_number(partial::load(block)),
            };
            let block = _mm_shuffle_epi8(block, reversed);
            let block = _mm_xor_si128(block, added);
            added = _mm_setzero_si128();
            let power = of_number(*power);
            low = _mm_xor_si128(low, _mm_clmulepi64_si128::<0x00>(block, power));
            high = _mm_xor_si128(high, _mm_clmulepi64_si128::<0x11>(block, power));
            middle = _mm_xor_si128(middle, _mm_clmulepi64_si128::<0x00>(folded(block), folded(power)));
        }
        // Three products for four, by Karatsuba: that of the sums of the halves has all of them in it.
        middle = _mm_xor_si128(middle, _mm_xor_si128(low, high));
        reduced(low, middle, high)
    }
}

/// # Safety
/// The processor has the carry-less product and AVX.
#[inline(always)]
unsafe fn product(a: __m128i, b: __m128i) -> __m128i {
    // SAFETY: as of this function.
    unsafe {
        let middle = _mm_xor_si128(_mm_clmulepi64_si128::<0x01>(a, b), _mm_clmulepi64_si128::<0x10>(a, b));
        reduced(_mm_clmulepi64_si128::<0x00>(a, b), middle, _mm_clmulepi64_si128::<0x11>(a, b))
    }
}

/// `(low + middle * x^64 + high * x^128) * x^-128`, modulo POLYVAL's polynomial.
///
/// # Safety
/// The processor has the carry-less product and AVX.
#[inline(always)]
pub(super) unsafe fn reduced(low: __m128i, middle: __m128i, high: __m128i) -> __m128i {
    // SAFETY: as of this function.
    unsafe {
        let zero = _mm_setzero_si128();
        let low = _mm_xor_si128(low, _mm_unpacklo_epi64(zero, middle));
        let high = _mm_xor_si128(high, _mm_unpackhi_epi64(middle, zero));
        let modulus = of_number(MODULUS);
        let once = _mm_xor_si128(_mm_shuffle_epi32::<0x4e>(low), _mm_clmulepi64_si128::<0x10>(low, modulus));
        let twice = _mm_xor_si128(_mm_shuffle_epi32::<0x4e>(once), _mm_clmulepi64_si128::<0x10>(once, modulus));
        _mm_xor_si128(twice, high)
    }
}

/// Both halves are the sum of the two.
///
/// # Safety
/// The processor has AVX.
#[inline(always)]
unsafe fn folded(number: __m128i) -> __m128i {
    // SAFETY: as of this function.
    unsafe { _mm_xor_si128(number, _mm_shuffle_epi32::<0x4e>(number)) }
}

/// # Safety
/// The processor has AVX.
#[inline(always)]
unsafe fn of_number(number: u128) -> __m128i {
    // SAFETY: as of this function; the load is of 16 bytes.
    unsafe { _mm_loadu_si128(core::ptr::from_ref(&number).cast()) }
}

impl Drop for Ghash {
    fn drop(&mut self) {
        self.key.zeroize();
        self.powers.zeroize();
    }
}

impl Drop for Sum {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seen here, as a processor with VAES has no such key in what the tests from outside read back.
    #[test]
    fn a_key_is_wiped_on_drop() {
        let mut place = core::mem::MaybeUninit::new(Ghash::new(&[0xf3; 16]));
        let bytes = place.as_mut_ptr().cast::<[u8; size_of::<Ghash>()]>();
        // SAFETY: the key was written above and is dropped once; it has no padding, so that all its bytes are initialised.
        let [before, after] = unsafe {
            let before = bytes.read_volatile();
            core::ptr::drop_in_place(place.as_mut_ptr());
            [before, bytes.read_volatile()]
        };
        assert!(before.windows(16).any(|bytes| bytes == [0xf3; 16]));
        assert_eq!(after, [0; size_of::<Ghash>()]);
    }

    #[test]
    fn without_the_product_the_library_hashes_the_same() {
        let mut text = [0; 400];
        text.iter_mut().zip((0..=u8::MAX).cycle()).for_each(|(byte, number)| *byte = number);
        let ghash = Ghash::new(&[0xf3; 16]);
        for len in (0..text.len()).step_by(if cfg!(miri) { 37 } else { 1 }) {
            let (mut own, mut library) = (Sum::default(), Sum::default());
            ghash.update(&mut own, &text[..len]);
            ghash.update_by_library(&mut library, &text[..len]);
            assert_eq!(own.value(), library.value(), "{len}");
            // A sum that is there already goes in with the first block.
            ghash.update(&mut own, &text[len..]);
            ghash.update_by_library(&mut library, &text[len..]);
            assert_eq!(own.value(), library.value(), "{len}");
        }
    }
}
