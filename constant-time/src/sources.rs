//! Secrets of the tests, and sources of randomness that tell apart what is secret of what they give.

use core::cell::Cell;

use atrest::{KeySource, Random, RandomError, Secret};

use super::valgrind::{Public, conceal, publish};

/// Bytes that do not repeat soon, public.
pub fn bytes(len: usize) -> Vec<u8> {
    thread_local!(static STATE: Cell<u64> = const { Cell::new(0x9e37_79b9_7f4a_7c15) });
    let next = || {
        let mut state = STATE.get();
        // Marsaglia's xorshift, 13, 7 and 17.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        STATE.set(state);
        state.to_le_bytes()[7]
    };
    core::iter::repeat_with(next).take(len).collect()
}

/// A copy of the bytes, secret.
pub fn secret(bytes: &[u8]) -> Vec<u8> {
    let mut copy = bytes.to_vec();
    conceal(&mut copy);
    copy
}

/// Bytes that are secret from the start.
pub fn secret_bytes(len: usize) -> Vec<u8> {
    secret(&bytes(len))
}

pub fn secret_key<const N: usize>() -> Secret<N> {
    Secret::from_slice(&secret_bytes(N)).expect("a secret of its length")
}

/// What the test looks at after the call.
pub fn seen(bytes: &[u8]) -> Vec<u8> {
    let mut copy = bytes.to_vec();
    publish(&mut copy, Public::SeenByTheTest);
    copy
}

/// A source of nonces: what it gives is stored in the open, so that it is public from the start.
pub struct Nonces;

impl Random for Nonces {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        out.copy_from_slice(&bytes(out.len()));
        Ok(())
    }
}

/// A source of keys: what it gives is secret.
pub struct Keys;

impl Random for Keys {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        Nonces.fill(out)?;
        conceal(out);
        Ok(())
    }
}

impl KeySource for Keys {}

/// A source for calls that draw a DEK first and then what is stored.
#[derive(Default)]
pub struct KeyThenNonces {
    has_given_key: bool,
}

impl Random for KeyThenNonces {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        if core::mem::replace(&mut self.has_given_key, true) { Nonces.fill(out) } else { Keys.fill(out) }
    }
}

impl KeySource for KeyThenNonces {}
