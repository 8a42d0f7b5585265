//! AES-GCM in one pass over the text, four blocks to a register: NIST SP 800-38D, 6.5, 7.1 and 7.2.
//!
//! Text, key stream, sum and mask stay in registers, which are cleared in the end: nothing of them is on the stack.
#![allow(unsafe_code)]

#[macro_use]
mod lines;
#[macro_use]
mod parts;
mod passes;

use inout::InOutBuf;
use subtle::Choice;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::super::super::aesni::{RoundKeys, takes_quads};
use super::lengths;

/// The key's powers from the 17th down to the first, and zeros that pair with what fills the last quad.
const POWERS: usize = 20;

/// The round keys and the hash key, and the proof that this processor has the instructions; wiped on drop.
pub(super) struct QuadKeys {
    keys: RoundKeys,
    powers: [u128; POWERS],
}

/// What stands at the ends of a pass.
#[repr(C)]
struct Ends {
    /// The block that masks the tag.
    first: [u8; 16],
    lengths: u128,
    tag: [u8; 16],
}

impl Ends {
    fn new([a, b, c, d, e, f, g, h, i, j, k, l]: [u8; 12], aad: &[u8], text_len: usize, tag: [u8; 16]) -> Self {
        Self { first: [a, b, c, d, e, f, g, h, i, j, k, l, 0, 0, 0, 1], lengths: lengths(aad.len(), text_len), tag }
    }
}

impl QuadKeys {
    /// Expands a key of 16, 24 or 32 bytes; `None` for others, and where the processor does not take four blocks at once.
    pub(super) fn expand(key: &[u8]) -> Option<Self> {
        if !takes_quads() {
            return None;
        }
        let mut keys = Self { keys: RoundKeys::expand(key)?, powers: [0; POWERS] };
        // SAFETY: the instructions were detected above, which is all that the function asks for.
        unsafe { passes::expand(&keys.keys, &mut keys.powers) };
        Some(keys)
    }

    /// Encrypts `text` and returns the tag.
    pub(super) fn seal(&self, nonce: &[u8; 12], aad: &[u8], text: InOutBuf<'_, '_, u8>) -> [u8; 16] {
        let mut ends = Ends::new(*nonce, aad, text.len(), [0; 16]);
        // SAFETY: these keys exist only where the instructions were detected, which is all that the function asks for.
        unsafe { passes::seal(&self.keys, &self.powers, &mut ends, aad, text) };
        ends.tag
    }

    /// Decrypts `text` and says whether its tag was right.
    pub(super) fn open(&self, nonce: &[u8; 12], aad: &[u8], text: InOutBuf<'_, '_, u8>, tag: &[u8; 16]) -> Choice {
        let ends = Ends::new(*nonce, aad, text.len(), *tag);
        // SAFETY: as of `seal`.
        Choice::from(unsafe { passes::open(&self.keys, &self.powers, &ends, aad, text) })
    }

    /// As [`open`](Self::open), for a text that stays as it is.
    pub(super) fn check(&self, nonce: &[u8; 12], aad: &[u8], text: &[u8], tag: &[u8; 16]) -> Choice {
        let ends = Ends::new(*nonce, aad, text.len(), *tag);
        // SAFETY: as of `seal`.
        Choice::from(unsafe { passes::check(&self.keys, &self.powers, &ends, aad, text) })
    }
}

impl Drop for QuadKeys {
    fn drop(&mut self) {
        self.powers.zeroize();
    }
}

impl ZeroizeOnDrop for QuadKeys {}
