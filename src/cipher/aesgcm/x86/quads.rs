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

/// With room to be moved to where a line of the cache begins.
const ROOM: usize = POWERS + PLACES;

/// Powers to a line of the cache.
const PLACES: usize = 4;

/// The round keys and the hash key, and the proof that this processor has the instructions; wiped on drop.
pub(super) struct QuadKeys {
    keys: RoundKeys,
    powers: [u128; ROOM],
    /// Where the powers begin.
    at: usize,
    /// Fills what would be padding, which is moved along and not wiped on drop.
    #[expect(dead_code, reason = "the zeros are there to be moved, not read")]
    zeros: usize,
}

/// What stands at the ends of a pass. Nonce and tag are read and written where they are: put together here first, they would be
/// read before they are written to memory, for which a processor waits.
#[repr(C)]
struct Ends {
    nonce: *const [u8; 12],
    tag: *mut [u8; 16],
    lengths: u128,
}

impl Ends {
    fn new(nonce: &[u8; 12], aad: &[u8], text_len: usize, tag: *mut [u8; 16]) -> Self {
        Self { nonce, tag, lengths: lengths(aad.len(), text_len) }
    }
}

impl QuadKeys {
    /// Expands a key of 16, 24 or 32 bytes; `None` for others, and where the processor does not take four blocks at once.
    pub(super) fn expand(key: &[u8]) -> Option<Self> {
        if !takes_quads() {
            return None;
        }
        let mut keys = Self { keys: RoundKeys::expand(key)?, powers: [0; ROOM], at: 0, zeros: 0 };
        // SAFETY: the instructions were detected above, which is all that the function asks for.
        unsafe { passes::expand(&keys.keys, &mut keys.powers) };
        Some(keys)
    }

    /// Moves the powers so that those of 16 blocks fill lines of the cache: across two of them a register takes longer to be
    /// read. For keys that stay where they are.
    pub(super) fn settle(&mut self) {
        self.powers.rotate_left(self.at % PLACES);
        // One power comes before those of 16 blocks.
        self.at = PLACES - 1 - self.powers.as_ptr().addr() / 16 % PLACES;
        self.powers.rotate_right(self.at);
    }

    fn powers(&self) -> &[u128] {
        &self.powers[self.at % PLACES..][..POWERS]
    }

    /// Encrypts `text` and writes the tag.
    pub(super) fn seal(&self, nonce: &[u8; 12], aad: &[u8], text: InOutBuf<'_, '_, u8>, tag: &mut [u8; 16]) {
        let ends = Ends::new(nonce, aad, text.len(), tag);
        // SAFETY: these keys exist only where the instructions were detected; nonce and tag are borrowed for the whole call.
        unsafe { passes::seal(&self.keys, self.powers(), &ends, aad, text) };
    }

    /// Decrypts `text` and says whether its tag was right.
    pub(super) fn open(&self, nonce: &[u8; 12], aad: &[u8], text: InOutBuf<'_, '_, u8>, tag: &[u8; 16]) -> Choice {
        let ends = Ends::new(nonce, aad, text.len(), core::ptr::from_ref(tag).cast_mut());
        // SAFETY: as of `seal`.
        Choice::from(unsafe { passes::open(&self.keys, self.powers(), &ends, aad, text) })
    }

    /// As [`open`](Self::open), for a text that stays as it is.
    pub(super) fn check(&self, nonce: &[u8; 12], aad: &[u8], text: &[u8], tag: &[u8; 16]) -> Choice {
        let ends = Ends::new(nonce, aad, text.len(), core::ptr::from_ref(tag).cast_mut());
        // SAFETY: as of `seal`.
        Choice::from(unsafe { passes::check(&self.keys, self.powers(), &ends, aad, text) })
    }
}

impl Drop for QuadKeys {
    fn drop(&mut self) {
        self.powers.zeroize();
    }
}

impl ZeroizeOnDrop for QuadKeys {}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Keys behind so many blocks.
    #[repr(C, align(64))]
    struct Placed<const N: usize>([u128; N], QuadKeys);

    impl<const N: usize> Placed<N> {
        /// Settles keys, and settles them again where they were moved to.
        fn settled(keys: QuadKeys) -> QuadKeys {
            let Self(_, keys) = Self::at_lines(Self([0; N], keys));
            let Placed(_, keys) = Placed::<1>::at_lines(Placed([0], keys));
            let Self(_, keys) = Self::at_lines(Self([0; N], keys));
            keys
        }

        fn at_lines(mut self) -> Self {
            self.1.settle();
            let before = self.1.at;
            self.1.settle();
            assert_eq!(self.1.at, before);
            assert_eq!((self.1.powers().as_ptr().addr() + 16) % 64, 0);
            self
        }
    }

    #[test]
    fn settled_keys_begin_at_lines_and_do_what_they_did() {
        let expanded = || QuadKeys::expand(&[7; 32]);
        let Some(unsettled) = expanded() else { return };
        let keys = [Placed::<0>::settled, Placed::<1>::settled, Placed::<2>::settled, Placed::<3>::settled];
        let keys = keys.map(|settled| settled(expanded().unwrap()));
        let mut places = keys.each_ref().map(|keys| keys.at);
        places.sort_unstable();
        assert_eq!(places, [0, 1, 2, 3]);

        let (nonce, text) = ([9; 12], [5; 900]);
        for (aad, len) in [(0, 0), (20, 100), (300, 255), (17, 256), (5, 900)] {
            let (aad, text) = (&text[..aad], &text[..len]);
            let [mut expected, mut out] = [[0; 900]; 2];
            let (expected, out) = (&mut expected[..len], &mut out[..len]);
            let [mut tag, mut made] = [[0; 16]; 2];
            unsettled.seal(&nonce, aad, buffers(text, expected), &mut tag);
            for keys in &keys {
                keys.seal(&nonce, aad, buffers(text, out), &mut made);
                assert_eq!((&*out, made), (&*expected, tag));
                assert_eq!(keys.check(&nonce, aad, expected, &tag).unwrap_u8(), 1);
                assert_eq!(keys.open(&nonce, aad, buffers(expected, out), &tag).unwrap_u8(), 1);
                assert_eq!(out, text);
            }
        }
    }

    fn buffers<'a>(text: &'a [u8], out: &'a mut [u8]) -> InOutBuf<'a, 'a, u8> {
        InOutBuf::new(text, out).unwrap()
    }
}
