//! The portable backend: the `chacha20poly1305` crate, which checks the tag before it touches the output.

use chacha20poly1305::{AeadInOut, KeyInit, XChaCha20Poly1305};
use inout::InOutBuf;
use zeroize::ZeroizeOnDrop;

use crate::declassified;
use crate::error::{Error, Result};

// The cipher that it makes for each value, and `Poly1305` in it, are wiped on drop by features of theirs.
const _: () = {
    const fn wiped_on_drop<T: ZeroizeOnDrop>() {}
    wiped_on_drop::<XChaCha20Poly1305>();
};

/// The key.
pub(super) struct Schedule(XChaCha20Poly1305);

impl Schedule {
    pub(super) fn new(key: &[u8; 32]) -> Self {
        Self(XChaCha20Poly1305::new(key.into()))
    }

    pub(super) fn seal(
        &self,
        nonce: &[u8; 24],
        aad: &[u8],
        text: InOutBuf<'_, '_, u8>,
        tag: &mut [u8; 16],
    ) -> Result<()> {
        let sealed = self.0.encrypt_inout_detached(nonce.into(), aad, text);
        sealed.map(|made| *tag = made.into()).map_err(|_| Error::TooLong)
    }

    pub(super) fn open(&self, nonce: &[u8; 24], aad: &[u8], text: InOutBuf<'_, '_, u8>, tag: &[u8; 16]) -> Result<()> {
        declassified::verdict_of(self.0.decrypt_inout_detached(nonce.into(), aad, text, tag.into()))
    }
}
