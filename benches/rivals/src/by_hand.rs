//! The same values written and read by hand, as one would with each library: prefix, key name, a nonce from the
//! library's own source, one allocation.

mod aes_libraries;
mod secretbox_libraries;

use std::hint::black_box;

use crate::sampler::{Cell, Sampler};

pub fn measure(sampler: &mut Sampler, size: usize) {
    aes_libraries::measure(sampler, size);
    secretbox_libraries::measure(sampler, size);
}

/// Times a way to seal and a way to open the same values.
pub fn both(
    sampler: &mut Sampler,
    (provider, name): (&'static str, &'static str),
    size: usize,
    seal: impl Fn(&[u8]) -> Vec<u8>,
    open: impl Fn(&[u8]) -> Option<Vec<u8>>,
) {
    let plaintext = vec![0x5a; size];
    let stored = seal(&plaintext);
    assert_eq!(open(&stored).as_ref(), Some(&plaintext), "{provider} by {name}");
    sampler.time(Cell { provider, op: "seal", size }, name, |_| seal(black_box(&plaintext)));
    sampler.time(Cell { provider, op: "open", size }, name, |_| open(black_box(&stored)).unwrap());
}

/// A value up to its nonce, with room for `more` bytes.
pub fn begun(prefix: &[u8], nonce: &[u8], more: usize) -> Vec<u8> {
    let mut out = Vec::with_capacity(prefix.len() + nonce.len() + more);
    out.extend_from_slice(prefix);
    out.extend_from_slice(nonce);
    out
}

pub fn os_random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}
