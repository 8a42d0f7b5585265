//! XSalsa20-Poly1305 in NaCl's secretbox layout: the tag in front of the ciphertext; Kubernetes'
//! `secretbox.go`.

#[cfg(feature = "dryoc")]
mod dryoc;
#[cfg(target_arch = "x86_64")]
mod quads;
mod rustcrypto;
#[cfg(target_arch = "x86_64")]
mod x86;

use core::ops::Range;

use inout::InOutBuf;

use super::construction::Construction;
use super::key::key_constructors;
use super::{Cipher, layout};
use crate::error::{Error, Result};
use crate::secret::{Held, Secret, stack_wiped, wipe};
#[cfg(target_arch = "x86_64")]
use crate::secret::{Spills, stack_wiped_after};

/// A key of 32 bytes for secretbox.
///
/// With the feature `alloc` a clone is another handle to the same key.
///
/// # Security
/// The AAD is not bound: a value moved to another place in the store opens there. Nonces have 192 random
/// bits, so that no count of seals is needed.
#[cfg_attr(feature = "alloc", derive(Clone))]
pub struct SecretboxKey(Held<Secret<32>>);

/// Bytes of the stack that a call is given; about 2 KiB were seen in use, 4 KiB in code for size, and 3 of the portable backend.
const STACK: usize = if cfg!(target_arch = "x86_64") { 9 * 512 } else { 6 * 1024 };

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
        #[cfg(feature = "dryoc")]
        if plaintext.len() >= dryoc::LONG_TO_SEAL && !takes_quads(plaintext.len()) {
            return stack_wiped::<{ dryoc::STACK }, _>(|| dryoc::seal(self.key(), nonce, plaintext, text, tag));
        }
        seal(self.key(), nonce, InOutBuf::new(plaintext, text).map_err(|_| Error::TooLong)?, tag);
        Ok(())
    }

    fn seal_in_place(&self, nonce: &[u8; 24], _aad: &[u8], plaintext_len: usize, body: &mut [u8]) -> Result<()> {
        let (tag, text) = body.split_first_chunk_mut().ok_or(Error::TooLong)?;
        seal(self.key(), nonce, (&mut text[..plaintext_len]).into(), tag);
        Ok(())
    }

    fn open_into(&self, nonce: &[u8; 24], _aad: &[u8], body: &[u8], out: &mut [u8]) -> Result<usize> {
        let (tag, text) = body.split_first_chunk().ok_or(Error::Open)?;
        let out = &mut out[..text.len()];
        let opened = open(self.key(), nonce, text, out, tag);
        if opened.is_err() {
            wipe(out);
        }
        opened.map(|()| text.len())
    }

    fn open_in_place(&self, nonce: &[u8; 24], _aad: &[u8], body: &mut [u8]) -> Result<Range<usize>> {
        let len = body.len();
        let (tag, text) = body.split_first_chunk_mut().ok_or(Error::Open)?;
        open_in_place(self.key(), nonce, text, tag)?;
        Ok(tag.len()..len)
    }
}

/// Encrypts `text` and writes the tag of the ciphertext.
fn seal(key: &[u8; 32], nonce: &[u8; 24], text: InOutBuf<'_, '_, u8>, tag: &mut [u8; 16]) {
    #[cfg(target_arch = "x86_64")]
    if let Some(cpu) = quads::Quads::detect(text.len()) {
        return spilling_nothing(|| quads::seal(cpu, key, nonce, text, tag));
    }
    *tag = stack_wiped::<STACK, _>(|| {
        #[cfg(target_arch = "x86_64")]
        if let Some(cpu) = x86::Avx2::detect() {
            return x86::seal(cpu, key, nonce, text);
        }
        rustcrypto::seal(key, nonce, text)
    });
}

/// Decrypts `text` to `out`, of the same length; what it wrote is the caller's to wipe if the tag is wrong.
fn open(key: &[u8; 32], nonce: &[u8; 24], text: &[u8], out: &mut [u8], tag: &[u8; 16]) -> Result<()> {
    #[cfg(target_arch = "x86_64")]
    if let Some(cpu) = quads::Quads::detect(text.len()) {
        let buffers = InOutBuf::new(text, out).map_err(|_| Error::Open)?;
        return spilling_nothing(|| quads::open(cpu, key, nonce, buffers, tag));
    }
    #[cfg(feature = "dryoc")]
    if text.len() >= dryoc::LONG_TO_OPEN {
        return stack_wiped::<{ dryoc::STACK }, _>(|| dryoc::open(key, nonce, text, out, tag));
    }
    stack_wiped::<STACK, _>(|| {
        #[cfg(target_arch = "x86_64")]
        if let Some(cpu) = x86::Avx2::detect() {
            return x86::open(cpu, key, nonce, text, out, tag);
        }
        rustcrypto::open(key, nonce, InOutBuf::new(text, out).map_err(|_| Error::Open)?, tag)
    })
}

/// Checks the tag, and only then decrypts `text`.
fn open_in_place(key: &[u8; 32], nonce: &[u8; 24], text: &mut [u8], tag: &[u8; 16]) -> Result<()> {
    #[cfg(target_arch = "x86_64")]
    if let Some(cpu) = quads::Quads::detect(text.len()) {
        return spilling_nothing(|| quads::open_in_place(cpu, key, nonce, text, tag));
    }
    stack_wiped::<STACK, _>(|| {
        #[cfg(target_arch = "x86_64")]
        if let Some(cpu) = x86::Avx2::detect() {
            return x86::open_in_place(cpu, key, nonce, text, tag);
        }
        rustcrypto::open(key, nonce, text.into(), tag)
    })
}

/// Whether our own backend takes four blocks at once, for which dryoc has no advantage.
#[cfg(all(feature = "dryoc", target_arch = "x86_64"))]
fn takes_quads(text_len: usize) -> bool {
    quads::Quads::detect(text_len).is_some()
}

#[cfg(all(feature = "dryoc", not(target_arch = "x86_64")))]
const fn takes_quads(_text_len: usize) -> bool {
    false
}

/// Makes a call that leaves nothing on the stack, but for code that is not optimised.
#[cfg(target_arch = "x86_64")]
fn spilling_nothing<T>(call: impl FnOnce() -> T) -> T {
    stack_wiped_after::<STACK, STACK, _>(Spills::Nothing, call)
}
