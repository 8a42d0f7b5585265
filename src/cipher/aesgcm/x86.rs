//! The backend for x86-64: one pass over the text in registers where the processor takes four or two blocks at once; elsewhere the
//! `aes` crate, and GHASH over eight blocks at once with the carry-less product of the processor. The library for GHASH takes
//! twice the time of the encryption for that.
//!
//! ```text
//! H    = AES(0)        J = nonce ++ 1 as 32 bits        text = plaintext ^ AES(J + 1) ++ AES(J + 2) ...
//! tag  = GHASH(H, aad ++ zeros ++ text ++ zeros ++ bits of aad ++ bits of text) ^ AES(J)
//! ```
//! NIST SP 800-38D, 6.4, 6.5 and 7.1; a nonce has 96 bits.

mod blocks;
mod ghash;
mod pairs;
mod partial;
mod quads;
mod vaes;

use inout::InOutBuf;
use subtle::{Choice, ConstantTimeEq};
use zeroize::ZeroizeOnDrop;

use crate::declassified;
use crate::error::{Error, Result};
use crate::secret::Spills;
use blocks::BlockKeys;
use quads::QuadKeys;
use vaes::PairKeys;

const BLOCK_LEN: usize = 16;

/// Bytes of the stack that a call is given that does not work in registers; about 3.2 KiB were seen in use.
#[allow(dead_code, reason = "with another backend tests alone use this one")]
pub(crate) const STACK: usize = 4608;

/// The same where the key is derived and expanded for the call; about 9 KiB were seen in use.
#[cfg(feature = "envelope")]
#[allow(dead_code, reason = "with another backend that one's is the one in use")]
pub(crate) const ONCE_STACK: usize = 12 * 1024;

/// The round keys, encryption direction only, and the hash key.
pub(super) struct Schedule(Keys);

/// Zeros fill each variant up to the largest: what lies in room that a variant leaves unused is moved along with it and
/// not wiped on drop, and is what the expansion left on the stack.
#[allow(dead_code, reason = "the zeros are there to be moved, not read; there may be none")]
enum Keys {
    Quads(QuadKeys, [u8; room_beside::<QuadKeys>()]),
    Pairs(PairKeys, [u8; room_beside::<PairKeys>()]),
    Blocks(BlockKeys, [u8; room_beside::<BlockKeys>()]),
}

const fn room_beside<K>() -> usize {
    let [quads, pairs, blocks] = [size_of::<QuadKeys>(), size_of::<PairKeys>(), size_of::<BlockKeys>()];
    let most = if quads > pairs { quads } else { pairs };
    (if most > blocks { most } else { blocks }) - size_of::<K>()
}

// The room is filled, or this does not compile.
const _: [(); size_of::<(QuadKeys, [u8; room_beside::<QuadKeys>()])>()] =
    [(); size_of::<(BlockKeys, [u8; room_beside::<BlockKeys>()])>()];
const _: [(); size_of::<(PairKeys, [u8; room_beside::<PairKeys>()])>()] =
    [(); size_of::<(BlockKeys, [u8; room_beside::<BlockKeys>()])>()];

const _: () = {
    const fn wiped_on_drop<T: ZeroizeOnDrop>() {}
    wiped_on_drop::<QuadKeys>();
    wiped_on_drop::<PairKeys>();
};

impl Schedule {
    pub(super) fn expand(key: &[u8]) -> Result<Self> {
        Self::of_quads(key).or_else(|| Self::of_pairs(key)).map_or_else(|| Self::of_blocks(key), Ok)
    }

    fn of_quads(key: &[u8]) -> Option<Self> {
        QuadKeys::expand(key).map(|keys| Self(Keys::Quads(keys, [0; room_beside::<QuadKeys>()])))
    }

    fn of_pairs(key: &[u8]) -> Option<Self> {
        PairKeys::expand(key).map(|keys| Self(Keys::Pairs(keys, [0; room_beside::<PairKeys>()])))
    }

    fn of_blocks(key: &[u8]) -> Result<Self> {
        BlockKeys::expand(key).map(|keys| Self(Keys::Blocks(keys, [0; room_beside::<BlockKeys>()])))
    }

    /// Makes the best of where it lies, from where it is not moved any more.
    pub(super) fn settle(&mut self) {
        if let Keys::Quads(keys, _) = &mut self.0 {
            keys.settle();
        }
    }

    /// What a call with a text of that length leaves on the stack.
    pub(super) const fn spills(&self, _text_len: usize) -> Spills {
        match self.0 {
            Keys::Quads(..) => Spills::Nothing,
            Keys::Pairs(..) => Spills::Little,
            Keys::Blocks(..) => Spills::Much,
        }
    }

    /// The same of opening in place.
    pub(super) const fn spills_in_place(&self) -> Spills {
        self.spills(0)
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
        let text = InOutBuf::new(plaintext, out).map_err(|_| Error::TooLong)?;
        self.encrypt(nonce, aad, text, tag);
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
        self.encrypt(nonce, aad, text.into(), tag);
        Ok(())
    }

    fn encrypt(&self, nonce: &[u8; 12], aad: &[u8], text: InOutBuf<'_, '_, u8>, tag: &mut [u8; 16]) {
        match &self.0 {
            Keys::Quads(keys, _) => keys.seal(nonce, aad, text, tag),
            Keys::Pairs(keys, _) => *tag = keys.seal(nonce, aad, text),
            Keys::Blocks(keys, _) => *tag = keys.seal(nonce, aad, text),
        }
    }

    /// Decrypts `text` to `out`, of the same length, while it checks the tag; if that is wrong the output is the caller's
    /// to wipe.
    pub(super) fn open(&self, nonce: &[u8; 12], aad: &[u8], text: &[u8], out: &mut [u8], tag: &[u8; 16]) -> Result<()> {
        let text = InOutBuf::new(text, out).map_err(|_| Error::Open)?;
        verdict(match &self.0 {
            Keys::Quads(keys, _) => keys.open(nonce, aad, text, tag),
            Keys::Pairs(keys, _) => keys.open(nonce, aad, text).ct_eq(tag),
            Keys::Blocks(keys, _) => keys.open(nonce, aad, text).ct_eq(tag),
        })
    }

    /// Checks the tag, and only then decrypts `text` where it is.
    pub(super) fn open_in_place(&self, nonce: &[u8; 12], aad: &[u8], text: &mut [u8], tag: &[u8; 16]) -> Result<()> {
        match &self.0 {
            Keys::Quads(keys, _) => {
                verdict(keys.check(nonce, aad, text, tag))?;
                // The sum, which costs nothing beside the rounds, is the same again.
                let _ = keys.open(nonce, aad, text.into(), tag);
            }
            Keys::Pairs(keys, _) => {
                verdict(keys.tag(nonce, aad, text).ct_eq(tag))?;
                keys.apply_stream(nonce, text);
            }
            Keys::Blocks(keys, _) => {
                verdict(keys.tag(nonce, aad, text).ct_eq(tag))?;
                keys.apply_stream(nonce, text);
            }
        }
        Ok(())
    }
}

/// Whether keys are of the kind that takes four blocks at once.
#[cfg(all(feature = "aws-lc-rs", feature = "envelope"))]
pub(crate) use super::super::aesni::takes_quads;

/// What sealing or opening a text of that length leaves on the stack, whatever the key.
#[cfg(feature = "envelope")]
pub(crate) fn spills_once(_text_len: usize) -> Spills {
    if PairKeys::are_possible() { Spills::Little } else { Spills::Much }
}

/// Encrypts `plaintext` under a key that is used for this one value: as [`Schedule::seal`].
#[cfg(feature = "envelope")]
pub(crate) fn seal_once(
    key: &[u8; 32],
    nonce: &[u8; 12],
    aad: &[u8],
    plaintext: &[u8],
    out: &mut [u8],
    tag: &mut [u8; 16],
) -> Result<()> {
    let text = InOutBuf::new(plaintext, out).map_err(|_| Error::TooLong)?;
    if let Some(keys) = QuadKeys::expand(key) {
        keys.seal(nonce, aad, text, tag);
    } else if let Some(keys) = PairKeys::expand(key) {
        *tag = keys.seal(nonce, aad, text);
    } else {
        *tag = BlockKeys::seal_once(key, nonce, aad, text)?;
    }
    Ok(())
}

/// Decrypts `text` under a key that is used for this one value: as [`Schedule::open`].
#[cfg(feature = "envelope")]
pub(crate) fn open_once(
    key: &[u8; 32],
    nonce: &[u8; 12],
    aad: &[u8],
    text: &[u8],
    out: &mut [u8],
    tag: &[u8; 16],
) -> Result<()> {
    let text = InOutBuf::new(text, out).map_err(|_| Error::Open)?;
    verdict(if let Some(keys) = QuadKeys::expand(key) {
        keys.open(nonce, aad, text, tag)
    } else if let Some(keys) = PairKeys::expand(key) {
        keys.open(nonce, aad, text).ct_eq(tag)
    } else {
        BlockKeys::open_once(key, nonce, aad, text)?.ct_eq(tag)
    })
}

fn verdict(is_right: Choice) -> Result<()> {
    if declassified::verdict(is_right) { Ok(()) } else { Err(Error::Open) }
}

/// The last block of a sum: both lengths in bits, which are far below 2^64.
fn lengths(aad_len: usize, text_len: usize) -> u128 {
    let [aad, text] = [aad_len, text_len].map(|len| u128::try_from(len).unwrap_or(0) * 8);
    aad << 64 | text
}

#[cfg(all(test, feature = "pool"))]
#[allow(clippy::unwrap_used)]
impl Schedule {
    /// What this processor takes, settled too, and what others do.
    pub(super) fn ways(key: &[u8]) -> alloc::vec::Vec<Self> {
        let has_pairs = std::is_x86_feature_detected!("vaes") && std::is_x86_feature_detected!("vpclmulqdq");
        let has_quads = has_pairs && std::is_x86_feature_detected!("avx512bw") && !cfg!(atrest_no_quads);
        let [quads, pairs] = [Self::of_quads(key), Self::of_pairs(key)];
        assert_eq!((quads.is_some(), pairs.is_some()), (has_quads, has_pairs));
        let settled = Self::of_quads(key).map(|mut keys| {
            keys.settle();
            keys
        });
        quads.into_iter().chain(settled).chain(pairs).chain([Self::of_blocks(key).unwrap()]).collect()
    }
}

#[cfg(all(test, feature = "envelope"))]
#[allow(clippy::unwrap_used)]
mod once {
    use super::*;

    /// What this processor takes and what others do, beside a key that is kept.
    #[test]
    fn a_key_for_one_value_does_what_others_do() {
        let (key, nonce, aad, text) = ([7; 32], [9; 12], b"aad", [5; 700]);
        for len in [0, 5, 16, 130, 700] {
            let text = &text[..len];
            let [mut expected, mut out] = [[0; 700]; 2];
            let (expected, out) = (&mut expected[..len], &mut out[..len]);
            let [mut tag, mut made] = [[0; 16]; 2];
            Schedule::expand(&key).unwrap().seal(&nonce, aad, text, expected, &mut tag).unwrap();
            seal_once(&key, &nonce, aad, text, out, &mut made).unwrap();
            assert_eq!((&*out, made), (&*expected, tag), "{len}");
            out.fill(0xa5);
            let buffers = InOutBuf::new(text, out).unwrap();
            assert_eq!(BlockKeys::seal_once(&key, &nonce, aad, buffers), Ok(tag));
            assert_eq!(out, expected);

            open_once(&key, &nonce, aad, expected, out, &tag).unwrap();
            assert_eq!(out, text);
            made[3] ^= 1;
            assert_eq!(open_once(&key, &nonce, aad, expected, out, &made), Err(Error::Open));
            out.fill(0xa5);
            let buffers = InOutBuf::new(expected, out).unwrap();
            assert_eq!(BlockKeys::open_once(&key, &nonce, aad, buffers), Ok(tag));
            assert_eq!(out, text);
        }
    }
}

#[cfg(test)]
mod key_lengths {
    use super::*;

    #[test]
    fn keys_of_other_lengths_are_none() {
        for len in 0..80 {
            let expanded = Schedule::expand(&[7; 80][..len]);
            assert_eq!(expanded.is_ok(), [16, 24, 32].contains(&len), "{len}");
            let Err(error) = expanded else { continue };
            assert_eq!(error, Error::KeyLength { len });
        }
    }
}

#[cfg(all(test, feature = "pool"))]
#[path = "against_rustcrypto.rs"]
#[allow(clippy::duplicate_mod, reason = "each backend has the same tests")]
mod tests;
