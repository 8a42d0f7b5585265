//! The backend for x86-64 with AVX2: eight blocks of the key stream at once, and the tag of one batch of text while the
//! key stream of the next is made. The library for Salsa20 has no vectorised code.

mod avx2;
mod poly1305;

use inout::InOutBuf;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use crate::declassified;
use crate::error::{Error, Result};
use crate::secret::wipe;
pub(super) use avx2::Avx2;
use poly1305::Poly1305;

/// Bytes of the key stream that are made at once.
const BATCH_LEN: usize = 512;

/// Blocks of the key stream in it.
const BLOCKS: u64 = 8;

/// Bytes of text that the tag takes in during one double round: a batch in eight of ten.
const SHARE_LEN: usize = 64;

/// The first bytes of the key stream are the one-time key of the tag.
const MAC_KEY_LEN: usize = 32;

/// Double rounds of Salsa20/20.
const DOUBLE_ROUNDS: usize = 10;

/// "expand 32-byte k"
const CONSTANTS: [u32; 4] = [0x6170_7865, 0x3320_646e, 0x7962_2d32, 0x6b20_6574];

/// The key stream; wiped on drop.
struct Stream {
    cpu: Avx2,
    state: [u32; 16],
    /// Number of the next block.
    counter: u64,
    batch: [u8; BATCH_LEN],
}

/// Encrypts `text` and returns the tag of the ciphertext.
pub(super) fn seal(cpu: Avx2, key: &[u8; 32], nonce: &[u8; 24], text: InOutBuf<'_, '_, u8>) -> [u8; 16] {
    let mut stream = Stream::new(cpu);
    let mut mac = stream.start(key, nonce);
    let len = text.len().min(BATCH_LEN - MAC_KEY_LEN);
    let (mut part, mut rest) = text.split_at(len);
    part.xor_in2out(&stream.batch[MAC_KEY_LEN..][..len]);
    let mut sealed = part.into_out();
    while !rest.is_empty() {
        stream.advance_beside(&mut mac, sealed);
        let len = rest.len().min(BATCH_LEN);
        (part, rest) = rest.split_at(len);
        part.xor_in2out(&stream.batch[..len]);
        sealed = part.into_out();
    }
    mac.tag(sealed)
}

/// Decrypts `text` to `out`, of the same length, while it checks the tag. Where that is wrong the output is the
/// caller's to wipe.
pub(super) fn open(
    cpu: Avx2,
    key: &[u8; 32],
    nonce: &[u8; 24],
    text: &[u8],
    out: &mut [u8],
    expected: &[u8; 16],
) -> Result<()> {
    let mut stream = Stream::new(cpu);
    let mut mac = stream.start(key, nonce);
    let len = text.len().min(BATCH_LEN - MAC_KEY_LEN);
    let (mut part, mut rest) = text.split_at(len);
    let (first, mut out) = out.split_at_mut(len);
    xor(first, part, &stream.batch[MAC_KEY_LEN..]);
    while !rest.is_empty() {
        stream.advance_beside(&mut mac, part);
        let len = rest.len().min(BATCH_LEN);
        (part, rest) = rest.split_at(len);
        let (opened, more) = out.split_at_mut(len);
        xor(opened, part, &stream.batch);
        out = more;
    }
    verdict(&mac.tag(part), expected)
}

/// Checks the tag, and only then decrypts `text`.
pub(super) fn open_in_place(
    cpu: Avx2,
    key: &[u8; 32],
    nonce: &[u8; 24],
    text: &mut [u8],
    expected: &[u8; 16],
) -> Result<()> {
    let mut stream = Stream::new(cpu);
    let mac = stream.start(key, nonce);
    verdict(&mac.tag(text), expected)?;
    let (first, rest) = text.split_at_mut(text.len().min(BATCH_LEN - MAC_KEY_LEN));
    let len = first.len();
    InOutBuf::from(first).xor_in2out(&stream.batch[MAC_KEY_LEN..][..len]);
    for part in rest.chunks_mut(BATCH_LEN) {
        let len = part.len();
        stream.advance();
        InOutBuf::from(part).xor_in2out(&stream.batch[..len]);
    }
    Ok(())
}

/// As much of the key stream as there is text.
fn xor(out: &mut [u8], text: &[u8], stream: &[u8]) {
    for ((out, text), stream) in out.iter_mut().zip(text).zip(stream) {
        *out = text ^ stream;
    }
}

fn verdict(tag: &[u8; 16], expected: &[u8; 16]) -> Result<()> {
    if declassified::verdict(tag.ct_eq(expected)) { Ok(()) } else { Err(Error::Open) }
}

impl Stream {
    const fn new(cpu: Avx2) -> Self {
        Self { cpu, state: [0; 16], counter: 0, batch: [0; BATCH_LEN] }
    }

    /// Makes the first batch, where the stream is: moved, it would leave a copy behind. Returns the tag that the first
    /// bytes are the key of.
    fn start(&mut self, key: &[u8; 32], nonce: &[u8; 24]) -> Poly1305 {
        let (front, back) = nonce.split_at(16);
        fill(&mut self.state, key, front);
        subkey_of(&mut self.state, &mut self.batch[..32]);
        fill(&mut self.state, &self.batch[..32], back);
        self.advance();
        Poly1305::new(&self.batch[..MAC_KEY_LEN])
    }

    /// Makes the next batch.
    fn advance(&mut self) {
        self.advance_with(|_| ());
    }

    /// Makes the next batch while `mac` takes in the whole blocks of `text`, no more than a batch.
    fn advance_beside(&mut self, mac: &mut Poly1305, text: &[u8]) {
        self.advance_with(|turn| {
            if let Some(four) = text.get(SHARE_LEN * turn..).and_then(|text| text.first_chunk()) {
                mac.update_four(four);
            }
        });
        mac.update(&text[text.len() - text.len() % SHARE_LEN..]);
    }

    /// Makes the next batch, and calls `meanwhile` in each double round.
    #[inline(always)]
    fn advance_with(&mut self, meanwhile: impl FnMut(usize)) {
        self.cpu.eight_blocks(&self.state, self.counter, &mut self.batch, meanwhile);
        self.counter = self.counter.wrapping_add(BLOCKS);
    }
}

/// The state of Salsa20 before its rounds; the second half of a nonce of 8 bytes is the block's number, 0.
fn fill(state: &mut [u32; 16], key: &[u8], nonce: &[u8]) {
    let word = |bytes: &[u8], at: usize| {
        let bytes = bytes.get(4 * at..4 * at + 4).and_then(|bytes| bytes.try_into().ok());
        bytes.map_or(0, u32::from_le_bytes)
    };
    for i in 0..4 {
        state[5 * i] = CONSTANTS[i];
        state[1 + i] = word(key, i);
        state[6 + i] = word(nonce, i);
        state[11 + i] = word(key, 4 + i);
    }
}

/// HSalsa20: the key under which the rest of the nonce is used. Salsa20 in XSalsa20: "Extending the Salsa20 nonce", 2.
fn subkey_of(state: &mut [u32; 16], subkey: &mut [u8]) {
    for _ in 0..DOUBLE_ROUNDS {
        // Columns, then rows.
        quarter_round::<0, 4, 8, 12>(state);
        quarter_round::<5, 9, 13, 1>(state);
        quarter_round::<10, 14, 2, 6>(state);
        quarter_round::<15, 3, 7, 11>(state);
        quarter_round::<0, 1, 2, 3>(state);
        quarter_round::<5, 6, 7, 4>(state);
        quarter_round::<10, 11, 8, 9>(state);
        quarter_round::<15, 12, 13, 14>(state);
    }
    for (bytes, from) in subkey.chunks_exact_mut(4).zip([0, 5, 10, 15, 6, 7, 8, 9]) {
        bytes.copy_from_slice(&state[from].to_le_bytes());
    }
}

#[inline(always)]
const fn quarter_round<const A: usize, const B: usize, const C: usize, const D: usize>(x: &mut [u32; 16]) {
    x[B] ^= x[A].wrapping_add(x[D]).rotate_left(7);
    x[C] ^= x[B].wrapping_add(x[A]).rotate_left(9);
    x[D] ^= x[C].wrapping_add(x[B]).rotate_left(13);
    x[A] ^= x[D].wrapping_add(x[C]).rotate_left(18);
}

impl Drop for Stream {
    fn drop(&mut self) {
        wipe(&mut self.batch);
        self.state.zeroize();
    }
}

#[cfg(all(test, feature = "pool"))]
#[path = "x86/against_rustcrypto.rs"]
mod tests;
