//! XSalsa20-Poly1305 in NaCl's secretbox layout: the tag in front of the ciphertext; Kubernetes'
//! `secretbox.go`.

mod rustcrypto;

use core::ops::Range;

use inout::InOutBuf;

use super::construction::Construction;
use super::key::key_constructors;
use super::{Cipher, layout};
use crate::error::{Error, Result};
use crate::secret::{Held, Secret, wipe};

/// A key of 32 bytes for secretbox.
///
/// With the feature `alloc` a clone is another handle to the same key.
///
/// # Security
/// The AAD is not bound: a value moved to another place in the store opens there. Nonces have 192 random
/// bits, so that no count of seals is needed.
#[cfg_attr(feature = "alloc", derive(Clone))]
pub struct SecretboxKey(Held<Secret<32>>);

key_constructors!(SecretboxKey, longest 32, lengths [32], doc "32");

impl SecretboxKey {
    fn expand(bytes: &[u8]) -> Result<Self> {
        Held::try_new(|| Secret::from_slice(bytes)).map(Self)
    }

    fn key(&self) -> &[u8; 32] {
        self.0.get().expose()
    }
}

impl Cipher for SecretboxKey {}

impl Construction for SecretboxKey {
    type Nonce = [u8; 24];

    const LAYOUT: layout::Layout = layout::SECRETBOX;
    const BINDS_AAD: bool = false;

    fn seal_into(&self, nonce: &[u8; 24], _aad: &[u8], plaintext: &[u8], body: &mut [u8]) -> Result<()> {
        let (tag, text) = body.split_first_chunk_mut().ok_or(Error::TooLong)?;
        let buffers = InOutBuf::new(plaintext, text).map_err(|_| Error::TooLong)?;
        *tag = rustcrypto::seal(self.key(), nonce, buffers);
        Ok(())
    }

    fn seal_in_place(&self, nonce: &[u8; 24], _aad: &[u8], plaintext_len: usize, body: &mut [u8]) -> Result<()> {
        let (tag, text) = body.split_first_chunk_mut().ok_or(Error::TooLong)?;
        *tag = rustcrypto::seal(self.key(), nonce, (&mut text[..plaintext_len]).into());
        Ok(())
    }

    fn open_into(&self, nonce: &[u8; 24], _aad: &[u8], body: &[u8], out: &mut [u8]) -> Result<usize> {
        let (tag, text) = body.split_first_chunk().ok_or(Error::Open)?;
        let out = &mut out[..text.len()];
        let buffers = InOutBuf::new(text, out).map_err(|_| Error::Open)?;
        let opened = rustcrypto::open(self.key(), nonce, buffers, tag);
        if opened.is_err() {
            wipe(out);
        }
        opened.map(|()| text.len())
    }

    fn open_in_place(&self, nonce: &[u8; 24], _aad: &[u8], body: &mut [u8]) -> Result<Range<usize>> {
        let len = body.len();
        let (tag, text) = body.split_first_chunk_mut().ok_or(Error::Open)?;
        rustcrypto::open(self.key(), nonce, text.into(), tag)?;
        Ok(tag.len()..len)
    }
}
