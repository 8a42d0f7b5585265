//! The backend by `aws-lc-rs` for long values: the chain of encryption without a detour of each block by way of memory. It
//! is built from C. Short values, and opening, where it gains nothing, are the portable backend's.
//!
//! The library wipes its round keys on drop. What its code leaves in registers is its own affair.

use aws_lc_rs::cipher::{AES_128, AES_192, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use inout::InOutBuf;

use super::{BLOCK_LEN, rustcrypto};
use crate::error::{Error, Result};
use crate::secret::wipe;

/// Length from which on the library gains more than a call of it costs.
const LONG: usize = 512;

/// The round keys of both directions, and those of encryption once more.
pub(super) struct Schedule {
    long: EncryptingKey,
    portable: rustcrypto::Schedule,
}

impl Schedule {
    pub(super) fn expand(key: &[u8]) -> Result<Self> {
        let invalid = |_| Error::KeyLength { len: key.len() };
        let algorithm = match key.len() {
            16 => &AES_128,
            24 => &AES_192,
            _ => &AES_256,
        };
        let long = UnboundCipherKey::new(algorithm, key).and_then(EncryptingKey::cbc).map_err(invalid)?;
        Ok(Self { long, portable: rustcrypto::Schedule::expand(key)? })
    }

    /// Encrypts the whole blocks of `text`, and `last` behind them in place.
    pub(super) fn encrypt(&self, iv: &[u8; 16], mut text: InOutBuf<'_, '_, u8>, last: &mut [u8; 16]) -> Result<()> {
        if text.len() < LONG {
            return self.portable.encrypt(iv, text, last);
        }
        // The library encrypts in place.
        let (blocks, _) = text.reborrow().into_chunks::<aes::cipher::consts::U16>();
        for mut block in blocks {
            let bytes = block.clone_in();
            *block.get_out() = bytes;
        }
        let sealed = text.into_out();
        let context = EncryptionContext::Iv128(FixedLength::from(*iv));
        if self.long.less_safe_encrypt(sealed, context).is_err() {
            wipe(sealed);
            return Err(Error::TooLong);
        }
        let iv = sealed.last_chunk::<BLOCK_LEN>().unwrap_or(iv);
        self.portable.encrypt(iv, (&mut [][..]).into(), last)
    }

    /// Decrypts the whole blocks of `text`.
    pub(super) fn decrypt(&self, iv: &[u8; 16], text: InOutBuf<'_, '_, u8>) {
        self.portable.decrypt(iv, text);
    }
}
