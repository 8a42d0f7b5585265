//! The portable backend: the `aes-gcm` crate, which checks the tag before it touches the output.

use aes::{Aes128Enc, Aes192Enc, Aes256Enc};
use aes_gcm::aead::consts::U12;
use aes_gcm::{AeadInOut, AesGcm, KeyInit};
use inout::InOutBuf;
use zeroize::ZeroizeOnDrop;

use crate::declassified;
use crate::error::{Error, Result};
use crate::secret::Spills;

/// Bytes of the stack that a call is given; about 8 KiB were seen in use.
#[allow(dead_code, reason = "some builds and tests use a part")]
pub(crate) const STACK: usize = 12 * 1024;

/// The same where the key is derived and expanded for the call.
#[cfg(feature = "envelope")]
#[allow(dead_code, reason = "some builds and tests use a part")]
pub(crate) const ONCE_STACK: usize = 16 * 1024;

/// The round keys, encryption direction only, and the hash key.
///
/// Zeros fill each variant up to the largest: what lies in room that a variant leaves unused is moved along
/// with it and not wiped on drop, and is what the expansion left on the stack.
#[expect(dead_code, reason = "the zeros are there to be moved, not read")]
pub(super) enum Schedule {
    Aes128(AesGcm<Aes128Enc, U12>, [u8; room_beside::<Aes128Enc>()]),
    Aes192(AesGcm<Aes192Enc, U12>, [u8; room_beside::<Aes192Enc>()]),
    Aes256(AesGcm<Aes256Enc, U12>, [u8; 0]),
}

const fn room_beside<A>() -> usize {
    size_of::<AesGcm<Aes256Enc, U12>>() - size_of::<AesGcm<A, U12>>()
}

// The room is filled, or this does not compile.
const _: [(); size_of::<AesGcm<Aes256Enc, U12>>()] =
    [(); size_of::<(AesGcm<Aes128Enc, U12>, [u8; room_beside::<Aes128Enc>()])>()];
const _: [(); size_of::<AesGcm<Aes256Enc, U12>>()] =
    [(); size_of::<(AesGcm<Aes192Enc, U12>, [u8; room_beside::<Aes192Enc>()])>()];

const _: () = {
    const fn wiped_on_drop<T: ZeroizeOnDrop>() {}
    wiped_on_drop::<AesGcm<Aes128Enc, U12>>();
    wiped_on_drop::<AesGcm<Aes192Enc, U12>>();
    wiped_on_drop::<AesGcm<Aes256Enc, U12>>();
};

/// Runs `$body` with the cipher of whichever size.
macro_rules! for_each_size {
    ($schedule:expr, $cipher:ident => $body:expr) => {
        match $schedule {
            Schedule::Aes128($cipher, _) => $body,
            Schedule::Aes192($cipher, _) => $body,
            Schedule::Aes256($cipher, _) => $body,
        }
    };
}

#[allow(dead_code, reason = "some builds and tests use a part")]
impl Schedule {
    pub(super) fn expand(key: &[u8]) -> Result<Self> {
        let invalid = |_| Error::KeyLength { len: key.len() };
        match key.len() {
            16 => AesGcm::new_from_slice(key)
                .map(|gcm| Self::Aes128(gcm, [0; room_beside::<Aes128Enc>()]))
                .map_err(invalid),
            24 => AesGcm::new_from_slice(key)
                .map(|gcm| Self::Aes192(gcm, [0; room_beside::<Aes192Enc>()]))
                .map_err(invalid),
            _ => AesGcm::new_from_slice(key).map(|gcm| Self::Aes256(gcm, [])).map_err(invalid),
        }
    }

    /// It has nothing to settle.
    #[cfg(not(target_arch = "x86_64"))]
    #[allow(clippy::needless_pass_by_ref_mut, clippy::unused_self, reason = "another backend has")]
    pub(super) const fn settle(&mut self) {}

    /// What a call with a text of that length leaves on the stack.
    pub(super) const fn spills(&self, _text_len: usize) -> Spills {
        Spills::Much
    }

    /// The same of opening in place.
    pub(super) const fn spills_in_place(&self) -> Spills {
        Spills::Much
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
        self.seal_buffers(nonce, aad, InOutBuf::new(plaintext, out).map_err(|_| Error::TooLong)?, tag)
    }

    /// Encrypts `text` where it is and writes the tag.
    pub(super) fn seal_in_place(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        text: &mut [u8],
        tag: &mut [u8; 16],
    ) -> Result<()> {
        self.seal_buffers(nonce, aad, text.into(), tag)
    }

    /// Checks the tag, and only then decrypts `text` to `out`, of the same length.
    pub(super) fn open(&self, nonce: &[u8; 12], aad: &[u8], text: &[u8], out: &mut [u8], tag: &[u8; 16]) -> Result<()> {
        self.open_buffers(nonce, aad, InOutBuf::new(text, out).map_err(|_| Error::Open)?, tag)
    }

    /// Checks the tag, and only then decrypts `text` where it is.
    pub(super) fn open_in_place(&self, nonce: &[u8; 12], aad: &[u8], text: &mut [u8], tag: &[u8; 16]) -> Result<()> {
        self.open_buffers(nonce, aad, text.into(), tag)
    }

    fn seal_buffers(&self, nonce: &[u8; 12], aad: &[u8], text: InOutBuf<'_, '_, u8>, tag: &mut [u8; 16]) -> Result<()> {
        let sealed = for_each_size!(self, cipher => cipher.encrypt_inout_detached(&(*nonce).into(), aad, text));
        sealed.map(|made| *tag = made.into()).map_err(|_| Error::TooLong)
    }

    fn open_buffers(&self, nonce: &[u8; 12], aad: &[u8], text: InOutBuf<'_, '_, u8>, tag: &[u8; 16]) -> Result<()> {
        declassified::verdict_of(
            for_each_size!(self, cipher => cipher.decrypt_inout_detached(&(*nonce).into(), aad, text, &(*tag).into())),
        )
    }
}

#[cfg(all(feature = "aws-lc-rs", feature = "envelope", not(target_arch = "x86_64")))]
pub(crate) const fn takes_quads() -> bool {
    false
}

#[cfg(all(feature = "envelope", not(target_arch = "x86_64")))]
pub(crate) const fn spills_once(_text_len: usize) -> Spills {
    Spills::Much
}

/// Encrypts `plaintext` under a key that is used for this one value: as [`Schedule::seal`].
#[cfg(all(feature = "envelope", not(target_arch = "x86_64")))]
pub(crate) fn seal_once(
    key: &[u8; 32],
    nonce: &[u8; 12],
    aad: &[u8],
    plaintext: &[u8],
    out: &mut [u8],
    tag: &mut [u8; 16],
) -> Result<()> {
    Schedule::expand(key)?.seal(nonce, aad, plaintext, out, tag)
}

/// Decrypts `text` under a key that is used for this one value: as [`Schedule::open`].
#[cfg(all(feature = "envelope", not(target_arch = "x86_64")))]
pub(crate) fn open_once(
    key: &[u8; 32],
    nonce: &[u8; 12],
    aad: &[u8],
    text: &[u8],
    out: &mut [u8],
    tag: &[u8; 16],
) -> Result<()> {
    Schedule::expand(key)?.open(nonce, aad, text, out, tag)
}
