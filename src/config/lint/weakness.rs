//! Secrets that can be guessed, told without a branch or an index that depends on their bytes.

use subtle::{Choice, ConstantTimeEq as _};

/// What the documentation of Kubernetes and of this crate has printed.
const EXAMPLES: [&[u8]; 5] = [
    b"secret is secure",
    b"this is password",
    b"abcdefghijklmnopqrstuvwxyz123456",
    b"secret is secure, or is it??????",
    b"a secret of 32 bytes, no more...",
];

/// Whether documentation has printed the secret.
pub(super) fn is_example(secret: &[u8]) -> bool {
    EXAMPLES.iter().fold(Choice::from(0), |found, example| found | example.ct_eq(secret)).into()
}

/// Whether a secret is printable text, an even series such as zeros or 1, 2, 3, or of few different bytes. Of random
/// secrets of 16 bytes one in a million is, of longer ones fewer.
pub(super) fn is_weak(secret: &[u8]) -> bool {
    let different = secret.iter().enumerate().map(|(i, byte)| {
        let earlier = secret.iter().take(i);
        let repeats = earlier.fold(Choice::from(0), |repeats, other| repeats | other.ct_eq(byte));
        usize::from(!repeats.unwrap_u8() & 1)
    });
    let different: usize = different.sum();
    let unprintable = secret.iter().fold(0, |bits, &byte| {
        let byte = u16::from(byte);
        bits | byte.wrapping_sub(0x20) | 0x7e_u16.wrapping_sub(byte)
    });
    let is_text = unprintable >> 15 == 0;
    let mut steps = secret.windows(2).map(|pair| pair.iter().rev().copied().reduce(u8::wrapping_sub).unwrap_or(0));
    let first = steps.next().unwrap_or(0);
    let is_series = steps.fold(0, |differences, step| differences | (step ^ first)) == 0;
    different * 8 < secret.len() * 5 || is_text || is_series
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn patterns_are_weak_and_digests_are_not() {
        let series: Vec<u8> = (0..32).map(|i| 250_u8.wrapping_add(i * 3)).collect();
        let mut few: Vec<u8> = (0..32).map(|i| (i % 19) * 13).collect();
        for weak in [&[0xff; 16][..], b"correct horse bt", &series, &few] {
            assert!(is_weak(weak), "{weak:?}");
        }
        few[31] = 0xfe;
        assert!(!is_weak(&few), "20 different bytes");
        for i in 0_u32..if cfg!(miri) { 20 } else { 10_000 } {
            let digest = sha2::Digest::finalize(sha2::Digest::chain_update(
                <sha2::Sha256 as sha2::Digest>::new(),
                i.to_le_bytes(),
            ));
            let digest: [u8; 32] = digest.into();
            assert!(!is_weak(&digest) && !is_weak(&digest[..24]), "{i}");
            assert!(!is_example(&digest));
        }
    }
}
