//! The backend for x86-64 with AES instructions: one chain of encryption with nothing between its rounds, and several
//! values at once, whose chains do not wait for each other. The library takes every block by way of memory. Decryption,
//! which has no chain, is the library's.

mod aesni;

use aes::Block;
use inout::InOutBuf;
use zeroize::ZeroizeOnDrop;

use super::{Batched, rustcrypto};
use crate::error::Result;
use aesni::RoundKeys;

/// Chains that are encrypted at once: as many as keep the units for AES busy while each waits for its own rounds.
const LANES: usize = 8;

/// Chains from which on that takes less time than one after the other.
const WORTH_LANES: usize = 3;

/// The round keys of both directions, and those of encryption once more where the processor has instructions for it.
pub(super) struct Schedule {
    fast: Option<RoundKeys>,
    portable: rustcrypto::Schedule,
}

const _: () = {
    const fn wiped_on_drop<T: ZeroizeOnDrop>() {}
    wiped_on_drop::<RoundKeys>();
};

impl Schedule {
    pub(super) fn expand(key: &[u8]) -> Result<Self> {
        let portable = rustcrypto::Schedule::expand(key)?;
        Ok(Self { fast: RoundKeys::expand(key), portable })
    }

    /// Encrypts the whole blocks of `text`, and `last` behind them in place.
    pub(super) fn encrypt(&self, iv: &[u8; 16], text: InOutBuf<'_, '_, u8>, last: &mut [u8; 16]) {
        match &self.fast {
            Some(keys) => keys.chain(iv.into(), text.into_chunks().0, last.into()),
            None => self.portable.encrypt(iv, text, last),
        }
    }

    /// Encrypts the whole blocks of every text in place.
    #[cfg(feature = "alloc")]
    pub(super) fn encrypt_batch(&self, batch: &mut [Batched<'_>]) {
        let Some(keys) = &self.fast else { return self.portable.encrypt_batch(batch) };
        let mut rest = batch.iter_mut();
        let mut chains: [&mut [Block]; LANES] = Default::default();
        let mut state = [Block::default(); LANES];
        loop {
            // Chains that have ended make room for those that wait.
            for (chain, state) in chains.iter_mut().zip(&mut state).filter(|(chain, _)| chain.is_empty()) {
                let Some((iv, text)) = rest.next() else { break };
                *state = (*iv).into();
                *chain = Block::slice_as_chunks_mut(text).0;
            }
            let under_way = chains.iter().filter(|chain| !chain.is_empty()).count();
            if under_way < WORTH_LANES {
                break;
            }
            let steps = chains.iter().map(|chain| chain.len()).filter(|&len| len > 0).min().unwrap_or(0);
            keys.lanes(&mut state, &mut chains, steps);
            for chain in &mut chains {
                *chain = core::mem::take(chain).get_mut(steps..).unwrap_or_default();
            }
        }
        for (chain, state) in chains.into_iter().zip(&state) {
            if let Some((end, blocks)) = chain.split_last_mut() {
                keys.chain(state, blocks.into(), end);
            }
        }
    }

    /// Decrypts the whole blocks of `text`.
    pub(super) fn decrypt(&self, iv: &[u8; 16], text: InOutBuf<'_, '_, u8>) {
        self.portable.decrypt(iv, text);
    }
}

#[cfg(all(test, feature = "pool"))]
#[path = "x86/against_rustcrypto.rs"]
mod tests;
