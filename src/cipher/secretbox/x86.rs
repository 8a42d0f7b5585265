//! The backend for x86-64 with AVX2: eight blocks of the key stream at once, and the tag of one batch of text while the
//! key stream of the next is made. The library for Salsa20 has no vectorised code.

mod avx2;

use inout::InOutBuf;
use subtle::ConstantTimeEq;
use zeroize::Zeroize;

use super::poly1305::Poly1305;
use crate::error::{Error, Result};
use crate::secret::wipe;
pub(super) use avx2::Avx2;

/// Bytes of the key stream that are made at once.
const BATCH_LEN: usize = 512;

/// Blocks of the key stream in it.
const BLOCKS: u64 = 8;

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
    let (mut stream, mut mac) = Stream::start(cpu, key, nonce);
    let len = text.len().min(BATCH_LEN - MAC_KEY_LEN);
    let (mut part, mut rest) = text.split_at(len);
    part.xor_in2out(&stream.batch[MAC_KEY_LEN..][..len]);
    let mut sealed = part.into_out();
    while !rest.is_empty() {
        stream.advance(|turn| mac.update(share(sealed, turn)));
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
    let (mut stream, mut mac) = Stream::start(cpu, key, nonce);
    let len = text.len().min(BATCH_LEN - MAC_KEY_LEN);
    let (mut part, mut rest) = text.split_at(len);
    let (first, mut out) = out.split_at_mut(len);
    xor(first, part, &stream.batch[MAC_KEY_LEN..]);
    while !rest.is_empty() {
        stream.advance(|turn| mac.update(share(part, turn)));
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
    let (mut stream, mac) = Stream::start(cpu, key, nonce);
    verdict(&mac.tag(text), expected)?;
    let (first, rest) = text.split_at_mut(text.len().min(BATCH_LEN - MAC_KEY_LEN));
    let len = first.len();
    InOutBuf::from(first).xor_in2out(&stream.batch[MAC_KEY_LEN..][..len]);
    for part in rest.chunks_mut(BATCH_LEN) {
        let len = part.len();
        stream.advance(|_| ());
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
    if bool::from(tag.ct_eq(expected)) { Ok(()) } else { Err(Error::Open) }
}

/// What of a batch is to be done in one of its double rounds, in whole blocks of the tag.
#[inline(always)]
fn share(batch: &[u8], turn: usize) -> &[u8] {
    let until = |turn: usize| (BATCH_LEN / 16 * turn / DOUBLE_ROUNDS * 16).min(batch.len());
    let (start, end) = (until(turn), until(turn + 1));
    &batch[start..end]
}

impl Stream {
    /// The stream with its first batch, and the tag that its first bytes are the key of.
    fn start(cpu: Avx2, key: &[u8; 32], nonce: &[u8; 24]) -> (Self, Poly1305) {
        let mut stream = Self { cpu, state: [0; 16], counter: 0, batch: [0; BATCH_LEN] };
        let (front, back) = nonce.split_at(16);
        fill(&mut stream.state, key, front);
        subkey_of(&mut stream.state, &mut stream.batch[..32]);
        fill(&mut stream.state, &stream.batch[..32], back);
        stream.advance(|_| ());
        let mac = Poly1305::new(&stream.batch[..MAC_KEY_LEN]);
        (stream, mac)
    }

    /// Makes the next batch, and does something else meanwhile in ten turns.
    #[inline(always)]
    fn advance(&mut self, meanwhile: impl FnMut(usize)) {
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
        for (a, b, c, d) in avx2::QUARTERS {
            state[b] ^= state[a].wrapping_add(state[d]).rotate_left(7);
            state[c] ^= state[b].wrapping_add(state[a]).rotate_left(9);
            state[d] ^= state[c].wrapping_add(state[b]).rotate_left(13);
            state[a] ^= state[d].wrapping_add(state[c]).rotate_left(18);
        }
    }
    for (bytes, from) in subkey.chunks_exact_mut(4).zip([0, 5, 10, 15, 6, 7, 8, 9]) {
        bytes.copy_from_slice(&state[from].to_le_bytes());
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        wipe(&mut self.batch);
        self.state.zeroize();
    }
}
