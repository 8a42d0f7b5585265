//! The backend for x86-64 with AES instructions: one chain of encryption with nothing between its rounds, and several
//! values at once, whose chains do not wait for each other. The library takes every block by way of memory. Decryption,
//! which has no chain, takes two or four blocks to a register where the processor can, and is the library's where it cannot.

#[cfg(feature = "alloc")]
mod batch;
mod chain;
mod vaes;

use inout::InOutBuf;
use zeroize::ZeroizeOnDrop;

use super::super::aesni::RoundKeys;
use super::rustcrypto;
use crate::error::Result;
use crate::secret::Spills;
use vaes::WideKeys;

/// Chains that are encrypted at once: as many as keep the units for AES busy while each waits for its own rounds.
#[cfg(feature = "alloc")]
const LANES: usize = 8;

/// The round keys of both directions, and once more where the processor has instructions for it.
pub(super) struct Schedule {
    fast: Option<RoundKeys>,
    wide: WideKeys,
    portable: rustcrypto::Schedule,
}

const _: () = {
    const fn wiped_on_drop<T: ZeroizeOnDrop>() {}
    wiped_on_drop::<RoundKeys>();
    wiped_on_drop::<WideKeys>();
};

impl Schedule {
    pub(super) fn expand(key: &[u8]) -> Result<Self> {
        let portable = rustcrypto::Schedule::expand(key)?;
        let fast = RoundKeys::expand(key);
        Ok(Self { wide: fast.as_ref().map_or(WideKeys::none(), WideKeys::of), fast, portable })
    }

    /// Encrypts the whole blocks of `text`, and `last` behind them in place.
    pub(super) fn encrypt(&self, iv: &[u8; 16], text: InOutBuf<'_, '_, u8>, last: &mut [u8; 16]) {
        match &self.fast {
            Some(keys) => keys.chain(iv.into(), text.into_chunks().0, last.into()),
            None => self.encrypt_by_library(iv, text, last),
        }
    }

    /// Decrypts the whole blocks of `text`.
    pub(super) fn decrypt(&self, iv: &[u8; 16], text: InOutBuf<'_, '_, u8>) {
        if self.wide.is_none() {
            self.decrypt_by_library(iv, text);
        } else {
            self.wide.decrypt(iv, text);
        }
    }

    /// What decryption and the check of the padding leave on the stack.
    pub(super) const fn spills(&self) -> Spills {
        if self.wide.is_none() { Spills::Much } else { Spills::Nothing }
    }

    /// In a frame of its own, which those of the calls in registers are not to lie below.
    #[inline(never)]
    fn encrypt_by_library(&self, iv: &[u8; 16], text: InOutBuf<'_, '_, u8>, last: &mut [u8; 16]) {
        self.portable.encrypt(iv, text, last);
    }

    /// The same.
    #[inline(never)]
    fn decrypt_by_library(&self, iv: &[u8; 16], text: InOutBuf<'_, '_, u8>) {
        self.portable.decrypt(iv, text);
    }
}

#[cfg(all(test, feature = "pool"))]
#[path = "x86/against_rustcrypto.rs"]
mod tests;
