//! One DEK for many values of one context.

#[cfg(all(test, atrest_loom))]
mod models;

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use std::sync::PoisonError;

use super::lease::Lease;
use super::service::Envelope;
use crate::error::{Error, Result};
use crate::kek::{CallError, Kek};
use crate::observer::Operation;
use crate::random::{OsRandom, Random, default_source};
use crate::sync::{Mutex, RwLock};

/// Seals many values of one context under one DEK, which the KEK wraps once; when the DEK's limits are used up, another
/// is made. Threads may share it.
///
/// The values are like those of [`Envelope::seal`], and the envelope opens them.
///
/// # Security
/// Values of one sealer share a wrapped DEK: whoever can read the store sees that they belong together. After the KEK
/// was rotated, call [`renew`](Self::renew).
pub struct EnvelopeSealer<'e, K> {
    envelope: &'e Envelope<K>,
    context: Vec<u8>,
    current: RwLock<Current>,
    /// Held while a DEK is made, so that those who wait for it make none of their own.
    making: Mutex<()>,
}

/// The DEK of now, and how often one was given up: what was begun before that must not take its place.
#[derive(Default)]
struct Current {
    lease: Option<Arc<Lease>>,
    renewals: u64,
}

impl<K: Kek> Envelope<K> {
    /// Seals many values of one context under one DEK, which the KEK wraps once.
    #[must_use]
    pub fn sealer(&self, context: impl Into<Vec<u8>>) -> EnvelopeSealer<'_, K> {
        EnvelopeSealer { envelope: self, context: context.into(), current: RwLock::default(), making: Mutex::new(()) }
    }
}

impl<K: Kek> EnvelopeSealer<'_, K> {
    /// Seals `plaintext` with randomness from the default source. The KEK is asked only when a DEK is made.
    ///
    /// # Errors
    /// As of [`Envelope::seal_with`].
    pub fn seal(&self, plaintext: &[u8]) -> Result<Vec<u8>, CallError> {
        self.seal_with(&mut default_source(), plaintext)
    }

    /// Seals `plaintext` with the salt from `rng`; a DEK comes from the operating system's source.
    ///
    /// # Errors
    /// As of [`Envelope::seal_with`].
    pub fn seal_with(&self, rng: &mut dyn Random, plaintext: &[u8]) -> Result<Vec<u8>, CallError> {
        let sealed = self.with_lease(plaintext.len(), &mut |lease| lease.seal(rng, plaintext));
        self.told(plaintext.len(), sealed)
    }

    /// Seals `plaintext` to the start of `out`, with the salt from `rng`, and returns the length of the value.
    ///
    /// # Errors
    /// [`Error::BufferTooSmall`]; as of [`Envelope::seal_with`]. Nothing is written then.
    pub fn seal_into(&self, rng: &mut dyn Random, plaintext: &[u8], out: &mut [u8]) -> Result<usize, CallError> {
        let sealed = self.with_lease(plaintext.len(), &mut |lease| lease.seal_into(rng, plaintext, out));
        self.told(plaintext.len(), sealed)
    }

    /// Length of the value of a plaintext of this length under the DEK of now. The next DEK may be wrapped to another
    /// length, as a KEK may answer what it likes.
    ///
    /// # Errors
    /// As of [`Envelope::seal_with`].
    pub fn sealed_len(&self, plaintext_len: usize) -> Result<usize, CallError> {
        self.with_lease(plaintext_len, &mut |lease| lease.sealed_len(plaintext_len)).map(|(_, len)| len)
    }

    /// Gives the DEK up, so that the next value gets a new one. A call that is under way may still use the old one.
    pub fn renew(&self) {
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        current.lease = None;
        current.renewals = current.renewals.wrapping_add(1);
    }

    fn told<T>(&self, len: usize, sealed: Result<(Arc<Lease>, T), CallError>) -> Result<T, CallError> {
        let watch = self.envelope.watch();
        match sealed {
            Ok((lease, sealed)) => watch.told(Operation::Seal, || lease.key_id(), len, Ok(sealed)),
            Err(error) => watch.told(Operation::Seal, || None, len, Err(error)),
        }
    }

    fn with_lease<T>(
        &self,
        len: usize,
        seal: &mut dyn FnMut(&Lease) -> Result<T>,
    ) -> Result<(Arc<Lease>, T), CallError> {
        loop {
            let lease = self.lease(len)?;
            match seal(&lease) {
                // Others used up what was left in the meantime.
                Err(Error::SealsExhausted) => {}
                sealed => return Ok((lease, sealed?)),
            }
        }
    }

    /// The DEK of now if it has room for a plaintext of this length, or a new one.
    fn lease(&self, len: usize) -> Result<Arc<Lease>, CallError> {
        if let Some(lease) = self.current_for(len) {
            return Ok(lease);
        }
        let _making = self.making.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lease) = self.current_for(len) {
            return Ok(lease);
        }
        let renewals = self.current.read().unwrap_or_else(PoisonError::into_inner).renewals;
        // The KEK may take its time: those who find room in the old DEK are not kept waiting.
        let settings = self.envelope.settings();
        let lease = Arc::new(Lease::make(
            self.envelope.kek(),
            settings,
            &mut OsRandom,
            &self.context,
            len,
            self.envelope.watch(),
        )?);
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        if current.renewals == renewals {
            current.lease = Some(Arc::clone(&lease));
        }
        Ok(lease)
    }

    fn current_for(&self, len: usize) -> Option<Arc<Lease>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.lease.as_ref().filter(|lease| lease.has_budget(len)).map(Arc::clone)
    }
}

impl<K> fmt::Debug for EnvelopeSealer<'_, K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EnvelopeSealer").finish_non_exhaustive()
    }
}
