//! One DEK for many values, in every order of those who need it.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Envelope, EnvelopeSealer};
use crate::kek::{Kek, KekError, Wrapped, WrappedDek};
use crate::secret::SecretVec;
use crate::sync::{AtomicUsize, Ordering, in_every_order, spawn};

/// A KEK that turns bytes around and counts.
struct Turning {
    key: AtomicUsize,
    wraps: AtomicUsize,
}

impl Kek for Turning {
    fn key_id(&self) -> Result<Cow<'_, str>, KekError> {
        Ok(Cow::Owned(alloc::format!("key{}", self.key.load(Ordering::SeqCst))))
    }

    fn wrap_dek(&self, dek: &[u8], _: &[u8]) -> Result<Wrapped, KekError> {
        self.wraps.fetch_add(1, Ordering::SeqCst);
        let turned: Vec<u8> = dek.iter().rev().copied().collect();
        Ok(Wrapped::new(self.key_id()?, turned))
    }

    fn unwrap_dek(&self, wrapped: &WrappedDek<'_>) -> Result<SecretVec, KekError> {
        let turned: Vec<u8> = wrapped.bytes().iter().rev().copied().collect();
        Ok(SecretVec::from_vec(turned))
    }
}

/// Lives as long as threads may want it.
fn sealer() -> (&'static Envelope<Turning>, &'static EnvelopeSealer<'static, Turning>) {
    let kek = Turning { key: AtomicUsize::new(0), wraps: AtomicUsize::new(0) };
    let envelope: &'static _ = Box::leak(Box::new(Envelope::new(kek)));
    (envelope, Box::leak(Box::new(envelope.sealer(b"context"))))
}

#[test]
fn who_needs_a_dek_at_once_shares_one() {
    in_every_order(|| {
        let (envelope, sealer) = sealer();
        let other = spawn(move || sealer.seal(b"one").unwrap());
        let stored = [sealer.seal(b"two").unwrap(), other.join().unwrap()];
        assert_eq!(envelope.kek().wraps.load(Ordering::SeqCst), 1);
        for (stored, plaintext) in stored.iter().zip([b"two", b"one"]) {
            assert_eq!(envelope.open(b"context", stored).unwrap().expose(), plaintext);
        }
    });
}

#[test]
fn after_a_renewal_nothing_is_sealed_under_the_key_before() {
    in_every_order(|| {
        let (envelope, sealer) = sealer();
        let other = spawn(move || sealer.seal(b"one").unwrap());
        envelope.kek().key.store(1, Ordering::SeqCst);
        sealer.renew();
        let stored = sealer.seal(b"two").unwrap();
        assert_eq!(super::super::format::Header::parse(&stored).unwrap().key_id, "key1");
        other.join().unwrap();
    });
}
