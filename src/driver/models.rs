//! Opens and checks of one driver in every order of their threads.

mod rotation;
mod unwraps;

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::future::poll_fn;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use core::task::Poll;

use super::{AsyncKek, KekFuture};
use crate::kek::{KekError, Refusal, Wrapped, WrappedDek};
use crate::secret::SecretVec;

const AAD: &[u8] = b"/registry/secrets/default/login1";
const PLAINTEXT: &[u8] = b"hunter2";

/// A KEK that turns bytes around, and is not ready at first. What it counts is no part of the model: threads change places
/// at locks only. Clones are one KEK.
#[derive(Clone, Default)]
struct Turning(Arc<Counts>);

#[derive(Default)]
struct Counts {
    /// The number in the key id.
    key: AtomicUsize,
    refuses: AtomicBool,
    /// How often more than once a call is not ready.
    waits: AtomicUsize,
    unwraps: AtomicUsize,
    under_way: AtomicUsize,
}

/// A call that is under way until it is dropped.
struct UnderWay<'k>(&'k Counts);

impl Turning {
    fn unwraps(&self) -> usize {
        self.0.unwraps.load(Ordering::SeqCst)
    }
}

impl Counts {
    fn begin(&self) -> UnderWay<'_> {
        self.unwraps.fetch_add(1, Ordering::SeqCst);
        assert_eq!(self.under_way.fetch_add(1, Ordering::SeqCst), 0, "two calls for one DEK");
        UnderWay(self)
    }
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.0.under_way.fetch_sub(1, Ordering::SeqCst);
    }
}

fn turned(bytes: &[u8]) -> alloc::vec::Vec<u8> {
    bytes.iter().rev().copied().collect()
}

impl AsyncKek for Turning {
    fn key_id(&self) -> KekFuture<'_, alloc::string::String> {
        Box::pin(async { Ok(alloc::format!("key{}", self.0.key.load(Ordering::SeqCst))) })
    }

    fn wrap_dek<'a>(&'a self, dek: &'a [u8], _: &'a [u8]) -> KekFuture<'a, Wrapped> {
        Box::pin(async move { Ok::<_, KekError>(Wrapped::new(self.key_id().await?, turned(dek))) })
    }

    fn unwrap_dek<'a>(&'a self, wrapped: WrappedDek<'a>) -> KekFuture<'a, SecretVec> {
        Box::pin(async move {
            let _under_way = self.0.begin();
            let mut left = 1 + self.0.waits.load(Ordering::SeqCst);
            poll_fn(|context| {
                context.waker().wake_by_ref();
                left = left.wrapping_sub(1);
                if left == usize::MAX { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            if self.0.refuses.load(Ordering::SeqCst) {
                return Err(KekError::new(Refusal::Unreachable, "scripted"));
            }
            Ok(SecretVec::from_vec(turned(wrapped.bytes())))
        })
    }
}
