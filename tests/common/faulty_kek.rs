//! An embedded KEK that fails as the test says, and counts what it is asked.
#![allow(dead_code, reason = "each test crate uses a part")]

use core::sync::atomic::{AtomicUsize, Ordering};
use core::time::Duration;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::thread;

use atrest::{Kek, KekError, LocalKek, Refusal, SecretVec, Wrapped, WrappedDek};

#[derive(Clone, Debug)]
pub(crate) enum Fault {
    None,
    /// Every call takes so long.
    Slow(Duration),
    /// Every call is refused.
    Refuse(Refusal),
    /// Wrapping is refused.
    RefuseWrap(Refusal),
    /// Unwrapping gives another DEK of the right length.
    WrongDek,
    /// Unwrapping gives so many bytes.
    DekLen(usize),
    /// Wrapping answers with this key id.
    KeyId(String),
    /// Wrapping answers with so many bytes.
    WrappedLen(usize),
    /// Wrapping answers with an annotation.
    Annotated,
}

pub(crate) struct Faulty {
    kek: LocalKek,
    fault: Mutex<Fault>,
    calls: AtomicUsize,
}

impl Faulty {
    pub(crate) fn new() -> Self {
        Self { kek: LocalKek::generate().unwrap(), fault: Mutex::new(Fault::None), calls: AtomicUsize::new(0) }
    }

    pub(crate) fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }

    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// Counts the call and returns the fault of now, unless it is a refusal.
    fn asked(&self, wrapping: bool) -> Result<Fault, KekError> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let fault = self.fault.lock().unwrap().clone();
        match fault {
            Fault::Slow(time) => {
                thread::sleep(time);
                Ok(Fault::None)
            }
            Fault::Refuse(refusal) => Err(KekError::new(refusal, "the scripted cause")),
            Fault::RefuseWrap(refusal) if wrapping => Err(KekError::new(refusal, "the scripted cause")),
            fault => Ok(fault),
        }
    }
}

impl Kek for Faulty {
    fn key_id(&self) -> Result<Cow<'_, str>, KekError> {
        self.asked(false)?;
        self.kek.key_id()
    }

    fn wrap_dek(&self, dek: &[u8], context: &[u8]) -> Result<Wrapped, KekError> {
        let fault = self.asked(true)?;
        let wrapped = self.kek.wrap_dek(dek, context)?;
        Ok(match fault {
            Fault::KeyId(key_id) => Wrapped::new(key_id, wrapped.bytes()),
            Fault::WrappedLen(len) => Wrapped::new(wrapped.key_id(), vec![7; len]),
            Fault::Annotated => wrapped.with_annotations(BTreeMap::from([("a.b".into(), b"c".to_vec())])),
            _ => wrapped,
        })
    }

    fn unwrap_dek(&self, wrapped: &WrappedDek<'_>) -> Result<SecretVec, KekError> {
        let fault = self.asked(false)?;
        let dek = self.kek.unwrap_dek(wrapped)?;
        Ok(match fault {
            Fault::WrongDek => {
                let mut other = dek.expose().to_vec();
                other[31] ^= 0x80;
                SecretVec::from_vec(other)
            }
            Fault::DekLen(len) => SecretVec::from_vec(dek.expose().iter().copied().cycle().take(len).collect()),
            _ => dek,
        })
    }
}
