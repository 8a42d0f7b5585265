//! Calls to unwrap that are under way: whoever needs the same DEK waits for the same call.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::pin::Pin;
use std::collections::HashMap;
use std::sync::PoisonError;

use futures_util::FutureExt;
use futures_util::future::{Shared, WeakShared};

use super::kek::{AsyncKek, answered};
use crate::error::{Error, Result};
use crate::kek::{KekError, Refusal, WrappedDek};
use crate::kms::{DekCacheKey, Time};
use crate::secret::SecretVec;
use crate::steps::Pending;
use crate::sync::{Mutex, MutexGuard};

/// What a call comes to, for all who wait for it. The DEK is wiped when the last of them has dropped it.
pub(super) type Answer = Result<Arc<SecretVec>, KekError>;

type Call = Pin<Box<dyn Future<Output = Answer> + Send>>;

/// Provider, DEK, and how often its cache had been cleared.
type Id = (usize, DekCacheKey, usize);

/// The calls under way. A call whose every waiter has gone is gone too.
#[derive(Default)]
pub(super) struct Flights(Mutex<HashMap<Id, WeakShared<Call>>>);

/// One waiter's hold on a call.
pub(super) struct Flight<'f> {
    flights: &'f Flights,
    id: Id,
    /// Given up on drop, while the list is locked, so that the last one knows that it is.
    call: Option<Shared<Call>>,
}

impl Flights {
    fn lock(&self) -> MutexGuard<'_, HashMap<Id, WeakShared<Call>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The call for what `pending` asks, made now if none is under way; `None` if the DEK has come to hand, or the caches were
    /// cleared, so that a call would be for this one waiter.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`].
    pub(super) fn join(
        &self,
        kek: &Arc<dyn AsyncKek>,
        pending: &Pending<'_, '_>,
        now: Time,
    ) -> Result<Option<Flight<'_>>> {
        let id = (pending.provider_index(), pending.cache_key(), pending.generation());
        let mut calls = self.lock();
        // A refusal that has been heard is not for those who come later.
        let under_way =
            calls.get(&id).and_then(WeakShared::upgrade).filter(|call| !matches!(call.peek(), Some(Err(_))));
        if under_way.is_none() && (pending.is_outdated() || pending.is_at_hand(now)) {
            return Ok(None);
        }
        let call = match under_way {
            Some(call) => call,
            None => {
                let call = unwrap(Arc::clone(kek), Request::new(&pending.request())?).shared();
                if let Some(weak) = call.downgrade() {
                    calls.insert(id, weak);
                }
                call
            }
        };
        Ok(Some(Flight { flights: self, id, call: Some(call) }))
    }
}

impl Flight<'_> {
    /// Waits for the answer. Keep the flight until the answer is at hand for others.
    pub(super) async fn answer(&self) -> Answer {
        match &self.call {
            Some(call) => call.clone().await,
            None => Err(Refusal::Unreachable.into()),
        }
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        let mut calls = self.flights.lock();
        drop(self.call.take());
        // Another call may have taken the place of this one.
        if calls.get(&self.id).is_some_and(|call| call.upgrade().is_none()) {
            calls.remove(&self.id);
        }
    }
}

/// The call itself.
fn unwrap(kek: Arc<dyn AsyncKek>, request: Request) -> Call {
    Box::pin(answered(async move {
        let annotations: Vec<_> =
            request.annotations.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        let wrapped = WrappedDek::new(&request.key_id, &request.bytes, &request.context);
        kek.unwrap_dek(wrapped.with_annotations(&annotations)).await.map(Arc::new)
    }))
}

/// A request that outlives the value it was taken from.
struct Request {
    key_id: String,
    bytes: Vec<u8>,
    context: Vec<u8>,
    annotations: Vec<(String, Vec<u8>)>,
}

impl Request {
    fn new(wrapped: &WrappedDek<'_>) -> Result<Self> {
        // Those have bounds far below what a context may have.
        let annotations = wrapped.annotations().iter().map(|(name, value)| ((*name).into(), value.to_vec()));
        Ok(Self {
            key_id: wrapped.key_id().into(),
            bytes: copied(wrapped.bytes())?,
            context: copied(wrapped.context())?,
            annotations: annotations.collect(),
        })
    }
}

fn copied(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(bytes.len()).map_err(|_| Error::OutOfMemory)?;
    copy.extend_from_slice(bytes);
    Ok(copy)
}

impl fmt::Debug for Flights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Flights({})", self.lock().len())
    }
}

#[cfg(all(test, not(atrest_loom)))]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::super::kek::KekFuture;
    use super::*;
    use crate::kek::Wrapped;
    use crate::provider::KmsV1;
    use crate::steps::{EnvelopeTransformer, Step};

    /// Never answers.
    struct Hung;

    impl AsyncKek for Hung {
        fn key_id(&self) -> KekFuture<'_, String> {
            Box::pin(core::future::pending())
        }

        fn wrap_dek<'a>(&'a self, _: &'a [u8], _: &'a [u8]) -> KekFuture<'a, Wrapped> {
            Box::pin(core::future::pending())
        }

        fn unwrap_dek<'a>(&'a self, _: WrappedDek<'a>) -> KekFuture<'a, SecretVec> {
            Box::pin(core::future::pending())
        }
    }

    #[test]
    fn an_open_from_before_the_caches_were_cleared_makes_no_call_of_its_own() {
        let list = EnvelopeTransformer::builder().wrapped(KmsV1::new("vault").unwrap()).build().unwrap();
        let (now, mut out) = (Time::default(), [0; 80]);
        let stored = [&b"k8s:enc:kms:v1:vault:\0\x01w"[..], &[7; 40]].concat();
        let Step::Unwrap(pending) = list.open_into(now, b"", &stored, &mut out).unwrap() else { panic!("at hand") };
        let (flights, kek): (_, Arc<dyn AsyncKek>) = (Flights::default(), Arc::new(Hung));
        let flight = flights.join(&kek, &pending, now).unwrap();
        assert!(flight.is_some());
        list.clear_caches();
        assert!(flights.join(&kek, &pending, now).unwrap().is_some(), "one is under way");
        drop(flight);
        assert!(flights.join(&kek, &pending, now).unwrap().is_none());
        let Ok(Step::Unwrap(pending)) = pending.retry(now, &mut out) else { panic!("at hand") };
        assert!(flights.join(&kek, &pending, now).unwrap().is_some());
    }
}
