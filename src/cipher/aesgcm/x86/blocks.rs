//! The pass over a text by the `aes` crate, in batches: the key stream is made in memory, so that the library encrypts as many
//! blocks at once as it can.

use aes::cipher::{BlockCipherEncrypt, KeyInit};
use aes::{Aes128Enc, Aes192Enc, Aes256Enc, Block};
use inout::InOutBuf;
use zeroize::{ZeroizeOnDrop, Zeroizing};

use super::ghash::{Ghash, Sum};
use super::{BLOCK_LEN, lengths};
use crate::error::{Error, Result};
use crate::secret::wipe;

/// Blocks of the key stream that are made at once, as many as the library encrypts at once where it can.
const BATCH: usize = 64;

/// Blocks from which on a whole batch takes less time than one by one.
const WORTH_A_BATCH: usize = 24;

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

/// The round keys and the hash key; wiped on drop.
///
/// Calls have frames of their own, with a batch in them: those of the pass in registers are not to lie below it.
pub(super) struct BlockKeys {
    aes: Aes,
    ghash: Ghash,
}

impl BlockKeys {
    #[inline(never)]
    pub(super) fn expand(key: &[u8]) -> Result<Self> {
        let aes = Aes::expand(key)?;
        let mut hash_key = Zeroizing::new([[0; BLOCK_LEN]]);
        aes.encrypt(&mut *hash_key);
        Ok(Self { ghash: Ghash::new(&hash_key[0]), aes })
    }

    /// Encrypts `text` and returns the tag.
    #[inline(never)]
    pub(super) fn seal(&self, nonce: &[u8; 12], aad: &[u8], mut text: InOutBuf<'_, '_, u8>) -> [u8; 16] {
        let (mut stream, mut sum) = (Stream::new(&self.aes, nonce), self.ghash.start(aad));
        let len = text.len();
        let mask = stream.mask(len);
        while !text.is_empty() {
            let (mut part, rest) = batch_of(text);
            part.xor_in2out(stream.next(part.len()));
            self.ghash.update(&mut sum, part.get_out());
            text = rest;
        }
        self.tag_of(sum, mask, [aad.len(), len])
    }

    /// Decrypts `text` and returns what its tag has to be.
    #[inline(never)]
    pub(super) fn open(&self, nonce: &[u8; 12], aad: &[u8], mut text: InOutBuf<'_, '_, u8>) -> [u8; 16] {
        let (mut stream, mut sum) = (Stream::new(&self.aes, nonce), self.ghash.start(aad));
        let len = text.len();
        let mask = stream.mask(len);
        while !text.is_empty() {
            let (mut part, rest) = batch_of(text);
            self.ghash.update(&mut sum, part.get_in());
            part.xor_in2out(stream.next(part.len()));
            text = rest;
        }
        self.tag_of(sum, mask, [aad.len(), len])
    }

    #[cfg(feature = "envelope")]
    #[inline(never)]
    pub(super) fn seal_once(
        key: &[u8; 32],
        nonce: &[u8; 12],
        aad: &[u8],
        text: InOutBuf<'_, '_, u8>,
    ) -> Result<[u8; 16]> {
        Ok(Self::expand(key)?.seal(nonce, aad, text))
    }

    #[cfg(feature = "envelope")]
    #[inline(never)]
    pub(super) fn open_once(
        key: &[u8; 32],
        nonce: &[u8; 12],
        aad: &[u8],
        text: InOutBuf<'_, '_, u8>,
    ) -> Result<[u8; 16]> {
        Ok(Self::expand(key)?.open(nonce, aad, text))
    }

    /// What the tag of an encrypted `text` has to be.
    #[inline(never)]
    pub(super) fn tag(&self, nonce: &[u8; 12], aad: &[u8], text: &[u8]) -> [u8; 16] {
        let mut sum = self.ghash.start(aad);
        self.ghash.update(&mut sum, text);
        self.tag_of(sum, Stream::new(&self.aes, nonce).mask(0), [aad.len(), text.len()])
    }

    /// Encrypts or decrypts `text` where it is, without a sum.
    #[inline(never)]
    pub(super) fn apply_stream(&self, nonce: &[u8; 12], text: &mut [u8]) {
        let mut stream = Stream::new(&self.aes, nonce);
        let _ = stream.mask(text.len());
        for part in text.chunks_mut(BATCH * BLOCK_LEN) {
            let stream = stream.next(part.len());
            InOutBuf::from(part).xor_in2out(stream);
        }
    }

    fn tag_of(&self, mut sum: Sum, mask: u128, [aad_len, text_len]: [usize; 2]) -> [u8; 16] {
        self.ghash.update(&mut sum, &lengths(aad_len, text_len).to_be_bytes());
        (sum.value() ^ mask).to_be_bytes()
    }
}

impl Aes {
    fn expand(key: &[u8]) -> Result<Self> {
        let invalid = |_| Error::KeyLength { len: key.len() };
        match key.len() {
            16 => Aes128Enc::new_from_slice(key).map(|aes| Self::Aes128(aes, [0; room_beside::<Aes128Enc>()])),
            24 => Aes192Enc::new_from_slice(key).map(|aes| Self::Aes192(aes, [0; room_beside::<Aes192Enc>()])),
            _ => Aes256Enc::new_from_slice(key).map(|aes| Self::Aes256(aes, [])),
        }
        .map_err(invalid)
    }

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
            return &self.batch.as_flattened()[BLOCK_LEN..][..len];
        }
        self.make(len.div_ceil(BLOCK_LEN));
        &self.batch.as_flattened()[..len]
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

/// No more than a batch, and the rest.
fn batch_of<'i, 'o>(text: InOutBuf<'i, 'o, u8>) -> (InOutBuf<'i, 'o, u8>, InOutBuf<'i, 'o, u8>) {
    let len = text.len().min(BATCH * BLOCK_LEN);
    text.split_at(len)
}
