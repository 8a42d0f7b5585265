//! The joint between this crate and whoever holds the key encryption key: requests, answers and refusals.
//! Nothing here does I/O.

mod call;
mod handles;
mod local;

pub use call::CallError;
pub use local::LocalKek;

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;

use crate::error::Error;
use crate::secret::SecretVec;

/// A key encryption key (KEK): wraps DEKs and unwraps them. It may live in a KMS, an HSM or in memory.
///
/// This is the joint that users implement. Calls may block; `AsyncKek` (feature `kms`) is the same for futures.
///
/// # Security
/// `context` has to be authenticated with the wrapped DEK: unwrapping under another context must fail. Kubernetes'
/// KMS providers pass an empty one. A DEK that is handed in or out is a secret: do not log it, and do not keep it.
pub trait Kek: Send + Sync {
    /// Id of the key that wraps now.
    ///
    /// # Errors
    /// [`KekError`] where that cannot be told.
    fn key_id(&self) -> Result<Cow<'_, str>, KekError>;

    /// Wraps a DEK, so that only [`unwrap_dek`](Self::unwrap_dek) with the same context gives it back.
    ///
    /// # Errors
    /// [`KekError`], with the refusal that says what the caller can do.
    fn wrap_dek(&self, dek: &[u8], context: &[u8]) -> Result<Wrapped, KekError>;

    /// Unwraps a DEK.
    ///
    /// # Errors
    /// [`KekError`], with the refusal that says what the caller can do. [`Refusal::Unreachable`] is for whatever may
    /// pass; anything else is taken for the KEK's word on this DEK.
    fn unwrap_dek(&self, wrapped: &WrappedDek<'_>) -> Result<SecretVec, KekError>;
}

/// A wrapped DEK as it is stored, with what else unwrapping takes.
///
/// # Security
/// It comes from a stored value and is forgeable but for what the KEK itself authenticates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrappedDek<'a> {
    key_id: &'a str,
    bytes: &'a [u8],
    context: &'a [u8],
    annotations: &'a [(&'a str, &'a [u8])],
}

impl<'a> WrappedDek<'a> {
    /// A wrapped DEK without annotations.
    #[must_use]
    pub const fn new(key_id: &'a str, bytes: &'a [u8], context: &'a [u8]) -> Self {
        Self { key_id, bytes, context, annotations: &[] }
    }

    /// The same with annotations, sorted by name.
    #[must_use]
    pub const fn with_annotations(mut self, annotations: &'a [(&'a str, &'a [u8])]) -> Self {
        self.annotations = annotations;
        self
    }

    /// Id of the key that wrapped it; empty for KMS v1, which stores none.
    #[must_use]
    pub const fn key_id(&self) -> &'a str {
        self.key_id
    }

    /// The wrapped bytes.
    #[must_use]
    pub const fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// What the wrapped DEK is bound to; empty for Kubernetes' KMS.
    #[must_use]
    pub const fn context(&self) -> &'a [u8] {
        self.context
    }

    /// What a KMS v2 plugin asked to be stored beside it, sorted by name.
    #[must_use]
    pub const fn annotations(&self) -> &'a [(&'a str, &'a [u8])] {
        self.annotations
    }
}

/// What a KEK gives back for a DEK: to be stored as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrapped {
    key_id: String,
    bytes: Vec<u8>,
    annotations: BTreeMap<String, Vec<u8>>,
}

impl Wrapped {
    /// A wrapped DEK under the key of this id, without annotations.
    #[must_use]
    pub fn new(key_id: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Self {
        Self { key_id: key_id.into(), bytes: bytes.into(), annotations: BTreeMap::new() }
    }

    /// The same with annotations, which only KMS v2 values can store.
    #[must_use]
    pub fn with_annotations(mut self, annotations: BTreeMap<String, Vec<u8>>) -> Self {
        self.annotations = annotations;
        self
    }

    /// Id of the key that wrapped it.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// The wrapped bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What is to be stored beside it.
    #[must_use]
    pub const fn annotations(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.annotations
    }
}

/// Why a KEK does not give an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Refusal {
    /// It did not wrap this DEK, or not under this context.
    NotMine,
    /// The key that wrapped the DEK was destroyed: no one can unwrap it any more.
    Gone,
    /// The caller may not use it.
    Denied,
    /// It cannot be reached, or is not able to answer now: the same request may succeed later.
    Unreachable,
}

impl Refusal {
    /// The error that a call of this crate returns for it.
    #[must_use]
    pub const fn error(self) -> Error {
        match self {
            Self::NotMine => Error::KekNotMine,
            Self::Gone => Error::KekGone,
            Self::Denied => Error::KekDenied,
            Self::Unreachable => Error::KekUnreachable,
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error().fmt(f)
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        refusal.error()
    }
}

/// A refusal and, where there is one, its cause.
///
/// A clone shares the cause.
#[derive(Clone, Debug)]
pub struct KekError {
    refusal: Refusal,
    cause: Option<Arc<dyn core::error::Error + Send + Sync>>,
}

impl KekError {
    /// A refusal with its cause, which must hold no secret.
    pub fn new(refusal: Refusal, cause: impl Into<Box<dyn core::error::Error + Send + Sync>>) -> Self {
        Self { refusal, cause: Some(Arc::from(cause.into())) }
    }

    /// What the caller can do about it.
    #[must_use]
    pub const fn refusal(&self) -> Refusal {
        self.refusal
    }
}

impl From<Refusal> for KekError {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, cause: None }
    }
}

impl fmt::Display for KekError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.refusal.fmt(f)
    }
}

impl core::error::Error for KekError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match &self.cause {
            Some(cause) => Some(&**cause),
            None => None,
        }
    }
}
