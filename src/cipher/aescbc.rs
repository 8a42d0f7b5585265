//! AES-CBC with PKCS#7 padding: NIST SP 800-38A, 6.2; Kubernetes' `aes.go`, `NewCBCTransformer`.

mod padding;
mod rustcrypto;
#[cfg(target_arch = "x86_64")]
mod x86;

use core::ops::Range;

use inout::InOutBuf;
use zeroize::Zeroizing;

use super::construction::Construction;
#[cfg(feature = "alloc")]
use super::construction::Sealing;
use super::key::key_constructors;
use super::{Cipher, layout};
use crate::error::{Error, Result};
use crate::secret::{Held, stack_wiped, stack_wiped_after, wipe};
#[cfg(not(target_arch = "x86_64"))]
use rustcrypto::Schedule;
#[cfg(target_arch = "x86_64")]
use x86::Schedule;

/// An expanded AES-128, AES-192 or AES-256 key for aescbc.
///
/// With the feature `alloc` a clone is another handle to the same key.
///
/// # Security
/// CBC has no integrity: whoever can change a stored value changes its plaintext, the AAD is not bound, and
/// a wrong key goes unnoticed about once in 256 times. Whoever can change stored values and see whether
/// they open can decrypt them (a padding oracle); one error and a check in constant time narrow that and
/// do not remove it. Use it to read what is there and seal with another provider.
#[cfg_attr(feature = "alloc", derive(Clone))]
pub struct AesCbcKey(Held<Schedule>);

key_constructors!(AesCbcKey, longest 32, lengths [16, 24, 32], doc "16, 24 or 32");

const BLOCK_LEN: usize = 16;

/// Bytes of the stack that a call is given; about 1.2 KiB were seen in use, 1.8 KiB with `opt-level = 1`.
const STACK: usize = 2 * 1024;

/// The same to open in place; about 2.1 KiB were seen in use.
const IN_PLACE_STACK: usize = 3 * 1024;

/// A text of whole blocks, padding and all, that is encrypted where it is, and its IV.
#[cfg(feature = "alloc")]
type Batched<'a> = ([u8; BLOCK_LEN], &'a mut [u8]);

impl AesCbcKey {
    fn expand(bytes: &[u8]) -> Result<Self> {
        Held::try_new(|| Schedule::expand(bytes)).map(Self)
    }

    /// Encrypts the whole blocks `text` and then the rest of the plaintext, padded, into `last`.
    #[inline(always)]
    fn seal(&self, iv: &[u8; 16], text: InOutBuf<'_, '_, u8>, rest: &[u8], last: &mut [u8]) -> Result<()> {
        let last: &mut [u8; BLOCK_LEN] = last.try_into().map_err(|_| Error::TooLong)?;
        let padding = BLOCK_LEN - rest.len();
        last[..rest.len()].copy_from_slice(rest);
        last[rest.len()..].fill(padding.to_le_bytes()[0]);
        self.0.get().encrypt(iv, text, last);
        Ok(())
    }

    /// Decrypts `text` and returns the plaintext's length.
    #[inline(always)]
    fn open(&self, iv: &[u8; 16], mut text: InOutBuf<'_, '_, u8>) -> Result<usize> {
        self.0.get().decrypt(iv, text.reborrow());
        padding::unpadded_len(text.get_out())
    }

    /// Decrypts the end of `body`, as much as can be padding, and returns the plaintext's length.
    fn check_padding(&self, iv: &[u8; 16], body: &[u8]) -> Result<usize> {
        let start = body.len().saturating_sub(padding::LOOK_BACK);
        let iv = body[..start].last_chunk().unwrap_or(iv);
        // Wiped whatever happens: the stack below is not where nothing spills.
        let mut end = Zeroizing::new([0; padding::LOOK_BACK]);
        let end = &mut end[..body.len() - start];
        end.copy_from_slice(&body[start..]);
        self.0.get().decrypt(iv, (&mut *end).into());
        padding::unpadded_len(end).map(|len| start + len)
    }
}

impl Cipher for AesCbcKey {}

impl Construction for AesCbcKey {
    type Nonce = [u8; 16];

    const LAYOUT: layout::Layout = layout::AES_CBC;
    const BINDS_AAD: bool = false;
    #[cfg(feature = "alloc")]
    const BATCH: usize = 32;

    fn seal_into(&self, iv: &[u8; 16], _aad: &[u8], plaintext: &[u8], body: &mut [u8]) -> Result<()> {
        let (blocks, rest) = plaintext.split_at(plaintext.len() - plaintext.len() % BLOCK_LEN);
        let (text, last) = body.split_at_mut(blocks.len());
        stack_wiped::<STACK, _>(|| {
            let text = InOutBuf::new(blocks, text).map_err(|_| Error::TooLong)?;
            self.seal(iv, text, rest, last)
        })
    }

    #[cfg(feature = "alloc")]
    fn seal_batch(&self, batch: &mut [Sealing<'_, Self::Nonce>]) {
        let padded = batch.iter_mut().map(|one| {
            let (text, padding) = one.body.split_at_mut(one.plaintext.len());
            text.copy_from_slice(one.plaintext);
            // From 1 to 16, which also fit a byte.
            padding.fill(padding.len().to_le_bytes()[0]);
            one.sealed = Ok(());
            (one.nonce, &mut *one.body)
        });
        let mut padded: alloc::vec::Vec<Batched<'_>> = padded.collect();
        stack_wiped::<STACK, _>(|| self.0.get().encrypt_batch(&mut padded));
    }

    fn seal_in_place(&self, iv: &[u8; 16], _aad: &[u8], plaintext_len: usize, body: &mut [u8]) -> Result<()> {
        let rest_len = plaintext_len % BLOCK_LEN;
        let (text, last) = body.split_at_mut(plaintext_len - rest_len);
        stack_wiped::<STACK, _>(|| {
            let mut rest = [0; BLOCK_LEN];
            rest[..rest_len].copy_from_slice(&last[..rest_len]);
            let sealed = self.seal(iv, text.into(), &rest[..rest_len], last);
            wipe(&mut rest);
            sealed
        })
    }

    fn open_into(&self, iv: &[u8; 16], _aad: &[u8], body: &[u8], out: &mut [u8]) -> Result<usize> {
        let out = &mut out[..body.len()];
        let len = stack_wiped_after::<STACK, 0, _>(self.0.get().spills(), || {
            let text = InOutBuf::new(body, &mut *out).map_err(|_| Error::Open)?;
            self.open(iv, text)
        });
        // On success the padding is wiped too, so that nothing but plaintext stays in the output.
        wipe(&mut out[*len.as_ref().unwrap_or(&0)..]);
        len
    }

    fn open_in_place(&self, iv: &[u8; 16], _aad: &[u8], body: &mut [u8]) -> Result<Range<usize>> {
        // Decryption in place cannot be undone, and another key may have to be tried on this body.
        stack_wiped_after::<IN_PLACE_STACK, 0, _>(self.0.get().spills(), || {
            let len = self.check_padding(iv, body)?;
            self.0.get().decrypt(iv, body.into());
            Ok(0..len)
        })
    }
}
