//! Opening: the walk through the list, suspended where a DEK has to be unwrapped.

use core::fmt;
use core::ops::Range;

use super::{Entry, EnvelopeTransformer};
use crate::dek::RecoveredDek;
use crate::error::{Error, Result};
use crate::kek::{Refusal, WrappedDek};
use crate::kind::ProviderKind;
use crate::kms::{DekCacheKey, Time};
use crate::observer::Operation;
use crate::provider::{Buffers, Failures, Found, Opened, WrappedProvider, WrappedValue};
use crate::secret::{SecretVec, wipe};

/// What opening has come to.
#[derive(Debug)]
pub enum Step<'t, 's> {
    /// The value is open: [`plaintext_in`](Opened::plaintext_in) gives the plaintext in the caller's buffer.
    Ready(Opened<'t, Range<usize>>),
    /// A KEK has to unwrap a DEK first.
    Unwrap(Pending<'t, 's>),
}

/// An open that waits for a DEK. It holds its place in the list; dropping it gives the open up.
pub struct Pending<'t, 's> {
    walk: Walk<'t, 's>,
    provider: &'t dyn WrappedProvider,
    value: WrappedValue<'s>,
    /// Of the provider's cache.
    generation: usize,
}

/// A value on its way through the list.
#[derive(Clone, Copy)]
struct Walk<'t, 's> {
    transformer: &'t EnvelopeTransformer<'t>,
    aad: &'s [u8],
    stored: &'s [u8],
    /// The next entry to be tried.
    index: usize,
    failures: Failures,
}

impl EnvelopeTransformer<'_> {
    /// Length of an output buffer that always suffices to open `stored`; never more than `stored` itself.
    #[must_use]
    pub fn open_len_max(&self, aad: &[u8], stored: &[u8]) -> usize {
        let len_max = |entry: &Entry<'_>| match entry {
            Entry::Static(provider) => provider.open_len_max(stored),
            Entry::Wrapped(provider) if stored.starts_with(provider.prefix().as_bytes()) => {
                provider.parse(aad, stored).map_or(0, |value| provider.payload_len_max(&value))
            }
            Entry::Wrapped(_) => 0,
        };
        self.entries.iter().map(len_max).max().unwrap_or(0)
    }

    /// Begins to open `stored` to the start of `out`.
    ///
    /// A buffer of [`open_len_max`](Self::open_len_max) bytes always suffices. What of `out` lies behind the
    /// plaintext is unspecified and holds no plaintext.
    ///
    /// # Errors
    /// [`Error::NoMatchingProvider`], [`Error::NoMatchingKey`], [`Error::Open`], [`Error::BufferTooSmall`],
    /// [`Error::AadRequired`], [`Error::KmsNotReady`], [`Error::Encrypted`] where a configuration has no provider for the
    /// resource, [`Error::OutOfMemory`] for the AAD of an own envelope; after an answer or a refusal also what the KEK said:
    /// [`Error::KekNotMine`], [`Error::KekGone`], [`Error::KekDenied`], [`Error::KekUnreachable`],
    /// [`Error::KekAnswer`]. The whole of `out` is zeroed then.
    pub fn open_into<'t, 's>(
        &'t self,
        now: Time,
        aad: &'s [u8],
        stored: &'s [u8],
        out: &mut [u8],
    ) -> Result<Step<'t, 's>> {
        let walk = Walk { transformer: self, aad, stored, index: 0, failures: Failures::default() };
        walk.go_on(now, out)
    }
}

impl<'t, 's> Pending<'t, 's> {
    /// What the KEK has to unwrap.
    #[must_use]
    pub fn request(&self) -> WrappedDek<'_> {
        self.value.request()
    }

    /// Index in the list of the provider whose KEK is asked, from 0.
    #[must_use]
    pub const fn provider_index(&self) -> usize {
        self.walk.index
    }

    /// The mechanism whose KEK is asked.
    #[must_use]
    pub fn provider(&self) -> ProviderKind {
        self.provider.kind()
    }

    /// Name of the provider whose KEK is asked; `None` for the crate's own envelope.
    #[must_use]
    pub fn provider_name(&self) -> Option<&'t str> {
        self.provider.name()
    }

    /// Stands for everything that decides the DEK: requests with equal keys to one provider have one answer. Where one answer is
    /// given to several, their caller drops those that came after the KEK was asked if it clears caches in between: such an
    /// answer would be kept.
    #[must_use]
    pub fn cache_key(&self) -> DekCacheKey {
        self.value.cache_key()
    }

    /// What the provider's cache keeps no answer across, so that no call begun before is joined.
    pub(crate) const fn generation(&self) -> usize {
        self.generation
    }

    /// Whether the provider's cache was cleared since, so that [`retry`](Self::retry) begins anew.
    pub(crate) fn is_outdated(&self) -> bool {
        self.provider.cache().generation() != self.generation
    }

    /// Whether the DEK came to hand in the meantime, so that [`retry`](Self::retry) does without the KEK.
    #[must_use]
    pub fn is_at_hand(&self, now: Time) -> bool {
        self.provider.is_dek_at_hand(now, &self.value)
    }

    /// Goes on with what came to hand in the meantime; asks again if it has gone.
    ///
    /// # Errors
    /// As of [`EnvelopeTransformer::open_into`].
    pub fn retry(self, now: Time, out: &mut [u8]) -> Result<Step<'t, 's>> {
        self.walk.go_on(now, out)
    }

    /// Goes on with the DEK that the KEK unwrapped.
    ///
    /// # Errors
    /// As of [`EnvelopeTransformer::open_into`].
    pub fn answer(self, now: Time, dek: &SecretVec, out: &mut [u8]) -> Result<Step<'t, 's>> {
        let recovered = self.provider.recover(now, self.generation, &self.value, dek);
        self.tell(recovered.as_ref().map(|_| ()).map_err(|error| *error));
        match recovered.and_then(|dek| self.walk.open(self.provider, &dek, &self.value, out)) {
            Ok(opened) => Ok(self.walk.ready(opened, Some(self.value.key_id), out)),
            Err(error) => self.walk.failed(error, now, out),
        }
    }

    /// Goes on without the DEK, which the KEK refused.
    ///
    /// # Errors
    /// As of [`EnvelopeTransformer::open_into`].
    pub fn refuse(self, now: Time, refusal: Refusal, out: &mut [u8]) -> Result<Step<'t, 's>> {
        self.tell(Err(refusal.error()));
        self.walk.failed(refusal.error(), now, out)
    }

    fn tell(&self, outcome: Result<()>) {
        let watch = self.walk.transformer.watch();
        watch.tell_key(Operation::Unwrap, (self.walk.index, self.provider.kind()), outcome, self.value.key_id);
    }
}

impl<'t, 's> Walk<'t, 's> {
    /// Goes on behind an entry whose KEK was asked.
    fn failed(mut self, error: Error, now: Time, out: &mut [u8]) -> Result<Step<'t, 's>> {
        self.failures.record(error);
        if matches!(error, Error::BufferTooSmall { .. }) {
            return self.give_up(out);
        }
        self.index += 1;
        self.go_on(now, out)
    }

    /// Tries the entries from `index` on.
    fn go_on(mut self, now: Time, out: &mut [u8]) -> Result<Step<'t, 's>> {
        while let Some(entry) = self.transformer.entries.get(self.index) {
            let prefix = entry.prefix().as_bytes();
            if self.stored.starts_with(prefix) && !(prefix.is_empty() && self.failures.any()) {
                match self.try_entry(entry, now, out) {
                    Ok(step) => return Ok(step),
                    // Going on would make the result depend on the size of the buffer.
                    Err(error @ Error::BufferTooSmall { .. }) => {
                        self.failures.record(error);
                        break;
                    }
                    Err(_) if prefix.is_empty() && !self.transformer.is_bare => {}
                    Err(error) => self.failures.record(error),
                }
            }
            self.index += 1;
        }
        self.give_up(out)
    }

    fn try_entry(&self, entry: &'t Entry<'t>, now: Time, out: &mut [u8]) -> Result<Step<'t, 's>> {
        let provider = match entry {
            Entry::Static(provider) => {
                let mut found = Found::at(self.index, provider.kind());
                let mut buffers = Buffers::Separate { stored: self.stored, out: &mut *out };
                let plaintext = provider.open_value(self.aad, &mut buffers, &mut found)?;
                return Ok(self.ready(Opened::new(plaintext, found), None, out));
            }
            Entry::Wrapped(provider) => &**provider,
        };
        let value = provider.parse(self.aad, self.stored)?;
        match provider.dek_at_hand(now, &value)? {
            Some(dek) => {
                let opened = self.open(provider, dek.get()?, &value, out)?;
                Ok(self.ready(opened, Some(value.key_id), out))
            }
            None => {
                // An entry before this one may have tried and failed.
                wipe(out);
                let generation = provider.cache().generation();
                Ok(Step::Unwrap(Pending { walk: *self, provider, value, generation }))
            }
        }
    }

    fn open(
        &self,
        provider: &'t dyn WrappedProvider,
        dek: &RecoveredDek,
        value: &WrappedValue<'_>,
        out: &mut [u8],
    ) -> Result<Opened<'t, Range<usize>>> {
        let payload = provider.open_payload(dek, self.aad, value, out)?;
        let mut found = Found::at(self.index, provider.kind());
        found.provider_name = provider.name();
        found.stale |= payload.stale;
        Ok(Opened::new(0..payload.len, found))
    }

    fn ready(&self, opened: Opened<'t, Range<usize>>, key_id: Option<&str>, out: &mut [u8]) -> Step<'t, 's> {
        // KMS v1 stores none.
        let key_id = key_id.filter(|id| !id.is_empty());
        self.transformer.watch().tell_open(&opened, key_id, self.stored.len(), out);
        Step::Ready(opened)
    }

    /// The error to report, with `out` zeroed and what size suffices.
    fn give_up(&self, out: &mut [u8]) -> Result<Step<'t, 's>> {
        wipe(out);
        let error = match self.failures.verdict(Error::NoMatchingProvider) {
            Error::BufferTooSmall { .. } => {
                Error::BufferTooSmall { needed: self.transformer.open_len_max(self.aad, self.stored) }
            }
            error => error,
        };
        let matches =
            |entry: &&Entry<'_>| !entry.prefix().is_empty() && self.stored.starts_with(entry.prefix().as_bytes());
        let mut matched = self.transformer.entries.iter().enumerate().filter(|(_, entry)| matches(entry));
        let place = matched.next().map(|(index, entry)| (index, entry.kind()));
        self.transformer.watch().tell(Operation::Open, place, Err(error), self.stored.len());
        Err(error)
    }
}

impl fmt::Debug for Pending<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending")
            .field("provider", &self.provider)
            .field("provider_index", &self.walk.index)
            .field("request", &self.request())
            .finish_non_exhaustive()
    }
}
