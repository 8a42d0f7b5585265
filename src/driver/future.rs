//! The driver for KEKs that answer in their own time, tied to no runtime.

mod rewrap;

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use futures_util::FutureExt;
use futures_util::future::join_all;

use super::flights::Flights;
use super::link::{Checked, Link};
use crate::error::{Error, Result};
use crate::kek::{CallError, KekError};
use crate::kms::Clock;
use crate::provider::Opened;
use crate::random::{OsRandom, default_source};
use crate::secret::SecretVec;
use crate::steps::{EnvelopeTransformer, SealStep, Step};

/// How often a seal tries to get its share of a budget. It fails if others use a whole one up between a check and the
/// seal; a bound is needed as a clock that goes back has checks bring nothing.
const SEAL_TRIES: usize = 32;

/// An ordered list of providers with a KEK for each that needs one, for futures on any runtime.
///
/// It routes as an [`EnvelopeTransformer`] does. However many opens need the same DEK at the same time, the KEK is asked
/// once, and once more after [`clear_caches`](Self::clear_caches); a future that is dropped leaves the call to the others. What was opened last is found in the providers'
/// caches without the KEK.
///
/// A [`KmsV2`](crate::KmsV2) neither seals nor opens before [`check`](Self::check) has asked its KMS for the first time;
/// after that, call it once a minute.
///
/// # Example
/// ```
/// use atrest::{AsyncKek, AsyncTransformer, CallError, KmsV2};
///
/// async fn seal_and_open(kek: impl AsyncKek + 'static) -> Result<(), CallError> {
///     let transformer = AsyncTransformer::builder().kms_v2(KmsV2::new("vault")?, kek).build()?;
///     for (_, checked) in transformer.check().await {
///         checked?;
///     }
///     let aad = b"/registry/secrets/default/login1";
///     let stored = transformer.seal(aad, b"hunter2").await?;
///     assert_eq!(transformer.open(aad, &stored).await?.plaintext(), b"hunter2");
///     Ok(())
/// }
/// ```
pub struct AsyncTransformer {
    transformer: EnvelopeTransformer<'static>,
    links: Vec<Option<Link>>,
    clock: Arc<dyn Clock>,
    flights: Flights,
}

impl AsyncTransformer {
    /// Of as many links as the transformer has providers.
    pub(super) fn new(
        transformer: EnvelopeTransformer<'static>,
        links: Vec<Option<Link>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { transformer, links, clock, flights: Flights::default() }
    }

    fn link(&self, provider_index: usize) -> Option<&Link> {
        self.links.get(provider_index)?.as_ref()
    }

    /// Asks every KEK which key it wraps with, all at once: for KMS v2 a new seed is made and wrapped where that
    /// changed, or where the old seed refused a plaintext or has no more than a sixteenth of its budget left; values of the crate's own
    /// envelope are judged stale by it.
    /// Recovered DEKs whose time is over are dropped. What comes of it is told by the provider's index in the list.
    ///
    /// Kubernetes asks once a minute, and ten seconds after a failure. A KEK that does not answer holds up the result, not
    /// the others; drop the future, or bound the KEK's own calls.
    pub async fn check(&self) -> Vec<(usize, Result<(), CallError>)> {
        self.transformer.purge(self.clock.now());
        let checked = |index| self.link(index).is_some_and(Link::is_checked);
        let check = |index| self.check_provider(index).map(move |outcome| (index, outcome));
        join_all((0..self.links.len()).filter(|index| checked(*index)).map(check)).await
    }

    /// Asks the KEK of the provider at this index in the list, as [`check`](Self::check) does; nothing where there is none
    /// to ask.
    ///
    /// # Errors
    /// What the KEK refused and why; [`Error::KekAnswer`] for an answer that cannot be right, [`Error::Random`]. What is written with stays.
    pub async fn check_provider(&self, provider_index: usize) -> Result<(), CallError> {
        let Some(link) = self.link(provider_index) else { return Ok(()) };
        let _turn = link.turn.lock().await;
        self.check_in_turn(provider_index).await
    }

    /// The caller has the link's turn.
    async fn check_in_turn(&self, index: usize) -> Result<(), CallError> {
        let Some(link) = self.link(index) else { return Ok(()) };
        let tell = |outcome, key_id: &str| self.transformer.tell_rotation(index, outcome, key_id);
        link.check(&*self.clock, &tell).await
    }

    /// Drops every recovered DEK: after a KEK was destroyed, or its use was taken back, so that its values need it again.
    /// The seed that a [`KmsV2`](crate::KmsV2) writes with stays; a check that brings another makes it one of these DEKs,
    /// so that they are to be dropped after that. What a KEK answers to a call that is under way opens the values that wait for it,
    /// and is not kept.
    pub fn clear_caches(&self) {
        self.transformer.clear_caches();
    }

    /// Seals `plaintext` with the first provider.
    ///
    /// # Errors
    /// Those of [`EnvelopeTransformer::seal`] and [`SealPlan::seal_to_vec`](crate::SealPlan::seal_to_vec), and what
    /// the KEK refused and why.
    pub async fn seal(&self, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, CallError> {
        let mut sealed = self.try_seal(aad, plaintext).await;
        for _ in 0..SEAL_TRIES {
            let Some(link) =
                self.link(0).filter(|link| matches!(link.checked, Checked::KmsV2(_)) && is_exhausted(&sealed))
            else {
                break;
            };
            let _turn = link.turn.lock().await;
            // Whoever had the turn before may have brought another seed.
            sealed = self.try_seal(aad, plaintext).await;
            if is_exhausted(&sealed) {
                let checked = self.check_in_turn(0).await;
                sealed = self.try_seal(aad, plaintext).await;
                // Where the check failed, that of another driver may have brought the seed.
                if is_exhausted(&sealed) {
                    checked?;
                }
            }
        }
        sealed
    }

    async fn try_seal(&self, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, CallError> {
        let plan = match self.transformer.seal(&mut OsRandom, self.clock.now(), aad, plaintext.len())? {
            SealStep::Ready(plan) => plan,
            SealStep::Wrap(pending) => {
                let link = self.link(0).ok_or(Error::DekNotAtHand)?;
                match link.wrap_dek(pending.expose_dek(), pending.context()).await {
                    Ok(answer) => pending.answer(self.clock.now(), answer)?,
                    Err(refused) => {
                        let _ = pending.refuse(refused.refusal());
                        return Err(refused.into());
                    }
                }
            }
        };
        Ok(plan.seal_to_vec(&mut default_source(), plaintext)?)
    }

    /// Opens `stored` to memory that is wiped on drop.
    ///
    /// # Errors
    /// As of [`open_into`](Self::open_into), and [`Error::OutOfMemory`].
    pub async fn open(&self, aad: &[u8], stored: &[u8]) -> Result<Opened<'_, SecretVec>, CallError> {
        // No plaintext is longer; the exact bound would take the value apart once more.
        let mut plaintext = SecretVec::zeroed(stored.len())?;
        let opened = self.walk(aad, stored, plaintext.expose_mut()).await?;
        Ok(opened.with_plaintext(|range| {
            plaintext.truncate(range.end);
            plaintext
        }))
    }

    /// Length of an output buffer that always suffices to open `stored`; never more than `stored` itself.
    #[must_use]
    pub fn open_len_max(&self, aad: &[u8], stored: &[u8]) -> usize {
        self.transformer.open_len_max(aad, stored)
    }

    /// Opens `stored` to the start of `out`.
    ///
    /// # Errors
    /// Those of [`EnvelopeTransformer::open_into`], with why the KEK refused; the whole of `out` is zeroed then. A
    /// future that is dropped leaves no plaintext in `out`.
    pub async fn open_into<'t, 'o>(
        &'t self,
        aad: &[u8],
        stored: &[u8],
        out: &'o mut [u8],
    ) -> Result<Opened<'t, &'o [u8]>, CallError> {
        let opened = self.walk(aad, stored, out).await?;
        Ok(opened.with_plaintext(|range| &out[range]))
    }

    async fn walk(&self, aad: &[u8], stored: &[u8], out: &mut [u8]) -> Result<Opened<'_, Range<usize>>, CallError> {
        let mut refusals: Vec<KekError> = Vec::new();
        let mut step = self.transformer.open_into(self.clock.now(), aad, stored, out)?;
        loop {
            let pending = match step {
                Step::Ready(opened) => return Ok(opened),
                Step::Unwrap(pending) => pending,
            };
            let link = self.link(pending.provider_index()).ok_or(Error::DekNotAtHand)?;
            let now = self.clock.now();
            let next = match self.flights.join(&link.kek, &pending, now)? {
                None => pending.retry(now, out),
                Some(flight) => match flight.answer().await {
                    Ok(dek) => pending.answer(self.clock.now(), &dek, out),
                    Err(error) => {
                        let refusal = error.refusal();
                        refusals.push(error);
                        pending.refuse(self.clock.now(), refusal, out)
                    }
                },
            };
            step = next.map_err(|error| caused(error, &refusals))?;
        }
    }
}

fn is_exhausted<T>(sealed: &Result<T, CallError>) -> bool {
    matches!(sealed, Err(error) if error.error() == Error::SealsExhausted)
}

/// The error with the cause of the first refusal that it stands for.
fn caused(error: Error, refusals: &[KekError]) -> CallError {
    match refusals.iter().find(|refusal| refusal.refusal().error() == error) {
        Some(refusal) => refusal.clone().into(),
        None => error.into(),
    }
}

impl fmt::Debug for AsyncTransformer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncTransformer")
            .field("transformer", &self.transformer)
            .field("flights", &self.flights)
            .finish_non_exhaustive()
    }
}
