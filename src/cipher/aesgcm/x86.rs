//! The backend for x86-64: the `aes` crate, and GHASH over eight blocks at once with the carry-less product of the
//! processor. The library for GHASH takes twice the time of the encryption for that.
//!
//! ```text
//! H    = AES(0)        J = nonce ++ 1 as 32 bits        text = plaintext ^ AES(J + 1) ++ AES(J + 2) ...
//! tag  = GHASH(H, aad ++ zeros ++ text ++ zeros ++ bits of aad ++ bits of text) ^ AES(J)
//! ```
//! NIST SP 800-38D, 6.4, 6.5 and 7.1; a nonce has 96 bits.

mod ghash;

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128Enc, Aes192Enc, Aes256Enc, Block};
use subtle::ConstantTimeEq;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::declassified;
use crate::error::{Error, Result};
use crate::secret::wipe;
use ghash::{Ghash, Sum};

const BLOCK_LEN: usize = 16;

/// Blocks of the key stream that are made at once, as many as the library encrypts at once where it can.
const BATCH: usize = 64;

/// Blocks from which on a whole batch takes less time than one by one.
const WORTH_A_BATCH: usize = 24;

/// Bytes of the stack that a call is given; about 2 KiB were seen in use.
#[allow(dead_code, reason = "with another backend tests alone use this one")]
pub(crate) const STACK: usize = 3 * 1024;

/// The same where the key is derived and expanded for the call; about 9 KiB were seen in use.
#[cfg(all(feature = "envelope", not(feature = "aws-lc-rs")))]
pub(crate) const ONCE_STACK: usize = 12 * 1024;

/// The round keys, encryption direction only, and the hash key.
pub(super) struct Schedule {
    aes: Aes,
    ghash: Ghash,
}

/// Zeros fill each variant up to the largest: what lies in room that a variant leaves unused is moved along
/// with it and not wiped on drop, and is what the expansion left on the stack.
#[expect(dead_code, reason = "the zeros are there to be moved, not read")]
enum Aes {
    Aes128(Aes128Enc, [u8; room_beside::<Aes128Enc>()]),
    Aes192(Aes192Enc, [u8; room_beside::<Aes192Enc>()]),
    Aes256(Aes256Enc, [u8; 0]),
}

const fn room_beside<A>() -> usize {
    size_of::<Aes256Enc>() - size_of::<A>()
}

// The room is filled, or this does not compile.
const _: [(); size_of::<Aes256Enc>()] = [(); size_of::<(Aes128Enc, [u8; room_beside::<Aes128Enc>()])>()];
const _: [(); size_of::<Aes256Enc>()] = [(); size_of::<(Aes192Enc, [u8; room_beside::<Aes192Enc>()])>()];

const _: () = {
    const fn wiped_on_drop<T: ZeroizeOnDrop>() {}
    wiped_on_drop::<Aes128Enc>();
    wiped_on_drop::<Aes192Enc>();
    wiped_on_drop::<Aes256Enc>();
};

impl Schedule {
    pub(super) fn expand(key: &[u8]) -> Result<Self> {
        let invalid = |_| Error::KeyLength { len: key.len() };
        let aes = match key.len() {
            16 => Aes128Enc::new_from_slice(key).map(|aes| Aes::Aes128(aes, [0; room_beside::<Aes128Enc>()])),
            24 => Aes192Enc::new_from_slice(key).map(|aes| Aes::Aes192(aes, [0; room_beside::<Aes192Enc>()])),
            _ => Aes256Enc::new_from_slice(key).map(|aes| Aes::Aes256(aes, [])),
        }
        .map_err(invalid)?;
        let mut hash_key = Zeroizing::new([[0; BLOCK_LEN]]);
        aes.encrypt(&mut *hash_key);
        Ok(Self { ghash: Ghash::new(&hash_key[0]), aes })
    }

    /// Encrypts `plaintext` to `out`, of the same length, and writes the tag.
    pub(super) fn seal(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        plaintext: &[u8],
        out: &mut [u8],
        tag: &mut [u8; 16],
    ) -> Result<()> {
        let mut stream = Stream::new(&self.aes, nonce);
        let mut sum = self.ghash.start(aad);
        let mask = stream.mask(plaintext.len());
        for (text, out) in plaintext.chunks(BATCH * BLOCK_LEN).zip(out.chunks_mut(BATCH * BLOCK_LEN)) {
            xor(out, text, stream.next(text.len()));
            self.ghash.update(&mut sum, out);
        }
        *tag = self.ghash.tag(&sum, mask, aad.len(), plaintext.len());
        Ok(())
    }

    /// Encrypts `text` where it is and writes the tag.
    pub(super) fn seal_in_place(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        text: &mut [u8],
        tag: &mut [u8; 16],
    ) -> Result<()> {
        let mut stream = Stream::new(&self.aes, nonce);
        let mut sum = self.ghash.start(aad);
        let mask = stream.mask(text.len());
        for text in text.chunks_mut(BATCH * BLOCK_LEN) {
            xor_in_place(text, stream.next(text.len()));
            self.ghash.update(&mut sum, text);
        }
        *tag = self.ghash.tag(&sum, mask, aad.len(), text.len());
        Ok(())
    }

    /// Decrypts `text` to `out`, of the same length, while it checks the tag; if that is wrong the output is the caller's
    /// to wipe.
    pub(super) fn open(&self, nonce: &[u8; 12], aad: &[u8], text: &[u8], out: &mut [u8], tag: &[u8; 16]) -> Result<()> {
        let mut stream = Stream::new(&self.aes, nonce);
        let mut sum = self.ghash.start(aad);
        let mask = stream.mask(text.len());
        for (part, out) in text.chunks(BATCH * BLOCK_LEN).zip(out.chunks_mut(BATCH * BLOCK_LEN)) {
            self.ghash.update(&mut sum, part);
            xor(out, part, stream.next(part.len()));
        }
        verdict(&self.ghash.tag(&sum, mask, aad.len(), text.len()), tag)
    }

    /// Checks the tag, and only then decrypts `text` where it is.
    pub(super) fn open_in_place(&self, nonce: &[u8; 12], aad: &[u8], text: &mut [u8], tag: &[u8; 16]) -> Result<()> {
        let mut stream = Stream::new(&self.aes, nonce);
        let mut sum = self.ghash.start(aad);
        let mask = stream.mask(text.len());
        self.ghash.update(&mut sum, text);
        verdict(&self.ghash.tag(&sum, mask, aad.len(), text.len()), tag)?;
        for text in text.chunks_mut(BATCH * BLOCK_LEN) {
            xor_in_place(text, stream.next(text.len()));
        }
        Ok(())
    }
}

/// A key that is used for one value.
#[cfg(all(feature = "envelope", not(feature = "aws-lc-rs")))]
pub(super) type Once = Schedule;

impl Aes {
    fn encrypt(&self, blocks: &mut [[u8; BLOCK_LEN]]) {
        let blocks = Block::cast_slice_from_core_mut(blocks);
        match self {
            Self::Aes128(aes, _) => aes.encrypt_blocks(blocks),
            Self::Aes192(aes, _) => aes.encrypt_blocks(blocks),
            Self::Aes256(aes, _) => aes.encrypt_blocks(blocks),
        }
    }
}

/// The key stream; wiped on drop.
struct Stream<'a> {
    aes: &'a Aes,
    nonce: &'a [u8; 12],
    /// Number of the next block.
    counter: u32,
    batch: [[u8; BLOCK_LEN]; BATCH],
    /// Blocks of the batch that were made and not used yet, from the second one on.
    ahead: usize,
}

impl<'a> Stream<'a> {
    const fn new(aes: &'a Aes, nonce: &'a [u8; 12]) -> Self {
        Self { aes, nonce, counter: 1, batch: [[0; BLOCK_LEN]; BATCH], ahead: 0 }
    }

    /// The first block, which masks the tag; of a short text the key stream is made along with it.
    fn mask(&mut self, text_len: usize) -> u128 {
        let blocks = text_len.div_ceil(BLOCK_LEN);
        let ahead = if blocks < BATCH { blocks } else { 0 };
        self.make(1 + ahead);
        self.ahead = ahead;
        u128::from_be_bytes(self.batch[0])
    }

    /// The next `len` bytes, no more than a batch.
    fn next(&mut self, len: usize) -> &[u8] {
        if self.ahead > 0 {
            self.ahead = 0;
            return &self.batch.as_flattened()[BLOCK_LEN..];
        }
        self.make(len.div_ceil(BLOCK_LEN));
        self.batch.as_flattened()
    }

    fn make(&mut self, blocks: usize) {
        let made = if blocks < WORTH_A_BATCH { blocks } else { BATCH };
        let [a, b, c, d, e, f, g, h, i, j, k, l] = *self.nonce;
        for (number, block) in (0_u32..).zip(&mut self.batch[..made]) {
            let [w, x, y, z] = self.counter.wrapping_add(number).to_be_bytes();
            *block = [a, b, c, d, e, f, g, h, i, j, k, l, w, x, y, z];
        }
        self.aes.encrypt(&mut self.batch[..made]);
        // No text has more blocks than 32 bits count.
        self.counter = self.counter.wrapping_add(u32::try_from(blocks).unwrap_or(0));
    }
}

impl Drop for Stream<'_> {
    fn drop(&mut self) {
        wipe(self.batch.as_flattened_mut());
    }
}

/// As much of the key stream as there is text.
fn xor(out: &mut [u8], text: &[u8], stream: &[u8]) {
    for ((out, text), stream) in out.iter_mut().zip(text).zip(stream) {
        *out = text ^ stream;
    }
}

fn xor_in_place(text: &mut [u8], stream: &[u8]) {
    for (text, stream) in text.iter_mut().zip(stream) {
        *text ^= stream;
    }
}

fn verdict(tag: &[u8; 16], expected: &[u8; 16]) -> Result<()> {
    if declassified::verdict(tag.ct_eq(expected)) { Ok(()) } else { Err(Error::Open) }
}

impl Ghash {
    /// The sum of the AAD.
    fn start(&self, aad: &[u8]) -> Sum {
        let mut sum = Sum::default();
        self.update(&mut sum, aad);
        sum
    }

    fn tag(&self, sum: &Sum, mask: u128, aad_len: usize, text_len: usize) -> [u8; 16] {
        let mut lengths = [0; BLOCK_LEN];
        for (place, len) in lengths.chunks_exact_mut(8).zip([aad_len, text_len]) {
            // Both are far below 2^61 bytes.
            let bits = u64::try_from(len).unwrap_or(0).wrapping_mul(8);
            place.copy_from_slice(&bits.to_be_bytes());
        }
        let mut sum = sum.clone();
        self.update(&mut sum, &lengths);
        (sum.value() ^ mask).to_be_bytes()
    }
}

#[cfg(all(test, feature = "pool"))]
#[path = "against_rustcrypto.rs"]
#[allow(clippy::duplicate_mod, reason = "each backend has the same tests")]
mod tests;
