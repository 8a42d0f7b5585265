//! What a transformer tells its observer.

#[cfg(feature = "alloc")]
use alloc::sync::Arc;

use super::Transformer;
use crate::error::{Error, Result};
use crate::observer::{Event, Observer, Operation};
use crate::provider::{Buffers, Found};
use crate::secret::wipe;

/// Whom a transformer tells.
#[cfg_attr(feature = "alloc", derive(Clone))]
pub(super) enum Watch<'p> {
    Borrowed(&'p dyn Observer),
    #[cfg(feature = "alloc")]
    Shared(Arc<dyn Observer + 'p>),
}

impl Watch<'_> {
    fn observe(&self, event: &Event<'_>) {
        match self {
            Self::Borrowed(observer) => observer.observe(event),
            #[cfg(feature = "alloc")]
            Self::Shared(observer) => observer.observe(event),
        }
    }
}

impl<'p> Transformer<'p> {
    /// The same with an observer that is told of every seal and open, in place of any before.
    ///
    /// Opening tells of the value that was asked for once, whatever providers and keys were tried.
    #[must_use]
    pub fn with_observer(mut self, observer: &'p dyn Observer) -> Self {
        self.watch = Some(Watch::Borrowed(observer));
        self
    }

    /// Tells the observer, if there is one, of a seal, and hands the result on.
    #[inline]
    pub(super) fn told_seal<T>(&self, plaintext_len: usize, sealed: Result<T>) -> Result<T> {
        if let Some(watch) = &self.watch {
            self.tell_seal(watch, plaintext_len, sealed.as_ref().map(|_| ()).map_err(|error| *error));
        }
        sealed
    }

    #[inline(never)]
    fn tell_seal(&self, watch: &Watch<'_>, plaintext_len: usize, outcome: Result<()>) {
        let mut event = Event::new(Operation::Seal, outcome, plaintext_len);
        if let Some(first) = self.provider(0) {
            event = event.by_provider(0, first.kind());
            event = first.sealing_key_name().map_or(event, |name| event.with_key_name(name));
        }
        watch.observe(&event);
    }

    /// Tells the observer, if there is one, of an open, and hands the result on.
    #[inline]
    pub(super) fn told_open<T>(&self, opened: Result<T>, found: &Found<'_>, buffers: &mut Buffers<'_>) -> Result<T> {
        if let Some(watch) = &self.watch {
            self.tell_open(watch, opened.as_ref().map(|_| found), buffers);
        }
        opened
    }

    #[inline(never)]
    fn tell_open(&self, watch: &Watch<'_>, found: Result<&Found<'_>, &Error>, buffers: &mut Buffers<'_>) {
        let unwinding = Unwinding { buffers, opened: found.is_ok() };
        let stored = unwinding.buffers.stored();
        let event = match found {
            Ok(found) => {
                let event = Event::new(Operation::Open, Ok(()), stored.len()).as_stale(found.stale);
                let event = event.by_provider(found.provider_index, found.kind);
                found.key_name.map_or(event, |name| event.with_key_name(name))
            }
            Err(error) => self.failed_open(*error, stored),
        };
        watch.observe(&event);
        core::mem::forget(unwinding);
    }

    /// Tells the observer, if there is one, that an open failed before any provider was asked.
    #[cfg(feature = "alloc")]
    pub(super) fn told_failed_open(&self, error: Error, stored: &[u8]) -> Error {
        if let Some(watch) = &self.watch {
            watch.observe(&self.failed_open(error, stored));
        }
        error
    }

    fn failed_open(&self, error: Error, stored: &[u8]) -> Event<'_> {
        let error = match error {
            Error::BufferTooSmall { .. } => Error::BufferTooSmall { needed: self.open_len_max(stored) },
            error => error,
        };
        let event = Event::new(Operation::Open, Err(error), stored.len());
        let matches = |kind: &str| !kind.is_empty() && stored.starts_with(kind.as_bytes());
        let first = self.providers().enumerate().find(|(_, provider)| matches(provider.kind().prefix()));
        first.map_or(event, |(index, provider)| event.by_provider(index, provider.kind()))
    }
}

/// Wipes what was opened, if the observer panics.
struct Unwinding<'a, 'b> {
    buffers: &'a mut Buffers<'b>,
    opened: bool,
}

impl Drop for Unwinding<'_, '_> {
    fn drop(&mut self) {
        match &mut self.buffers {
            Buffers::Separate { out, .. } => wipe(out),
            Buffers::InPlace(plaintext) if self.opened => wipe(plaintext),
            // Still the stored value, which may be the only copy.
            Buffers::InPlace(_) => {}
        }
    }
}
