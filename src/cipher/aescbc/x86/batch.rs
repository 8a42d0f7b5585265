//! Several values at once: chains that do not wait for each other.

use aes::Block;

use super::super::Batched;
use super::{LANES, Schedule};

/// Chains from which on that takes less time than one after the other.
const WORTH_LANES: usize = 3;

impl Schedule {
    /// Encrypts the whole blocks of every text in place.
    pub(in super::super) fn encrypt_batch(&self, batch: &mut [Batched<'_>]) {
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
        let begun = chains.into_iter().zip(state);
        let waiting = rest.map(|(iv, text)| (Block::slice_as_chunks_mut(text).0, Block::from(*iv)));
        for (chain, state) in begun.chain(waiting) {
            if let Some((end, blocks)) = chain.split_last_mut() {
                keys.chain(&state, blocks.into(), end);
            }
        }
    }
}
