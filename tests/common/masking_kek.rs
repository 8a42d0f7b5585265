//! A KEK that leaves nothing on the stack, so that what is found there is not its own, and from whose answers a test can
//! tell the DEK.
#![allow(dead_code, reason = "each test crate uses a part")]

use std::borrow::Cow;

use atrest::{Kek, KekError, SecretVec, Wrapped, WrappedDek};

/// Wraps by turning some bits over. There is nothing secret about it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Masking;

/// What [`Masking`] made of a DEK, and the DEK of what it made.
pub(crate) fn masked(dek: &[u8]) -> Vec<u8> {
    dek.iter().map(|byte| byte ^ 0x5a).collect()
}

impl Kek for Masking {
    fn key_id(&self) -> Result<Cow<'_, str>, KekError> {
        Ok(Cow::Borrowed("id1"))
    }

    fn wrap_dek(&self, dek: &[u8], _context: &[u8]) -> Result<Wrapped, KekError> {
        Ok(Wrapped::new("id1", masked(dek)))
    }

    fn unwrap_dek(&self, wrapped: &WrappedDek<'_>) -> Result<SecretVec, KekError> {
        Ok(SecretVec::from_vec(masked(wrapped.bytes())))
    }
}
