//! The error of a call that asks a KEK.

use core::fmt;

use super::KekError;
use crate::error::Error;

/// Why a call that asks a KEK failed: the crate's error and, where the KEK gave one, its own.
///
/// A KEK that is [unreachable](Error::KekUnreachable), [denies](Error::KekDenied) or has [destroyed](Error::KekGone) its
/// key is never reported as damaged data, which is [`Error::Open`].
#[derive(Clone, Debug)]
pub struct CallError {
    error: Error,
    cause: Option<KekError>,
}

impl CallError {
    /// What the caller can do about it.
    #[must_use]
    pub const fn error(&self) -> Error {
        self.error
    }

    /// What the KEK said, if it was the KEK that refused.
    #[must_use]
    pub const fn cause(&self) -> Option<&KekError> {
        self.cause.as_ref()
    }

    /// Whether the same call may succeed later without any change by the caller.
    #[must_use]
    pub const fn is_retryable(&self) -> bool {
        self.error.is_retryable()
    }
}

impl From<Error> for CallError {
    fn from(error: Error) -> Self {
        Self { error, cause: None }
    }
}

impl From<KekError> for CallError {
    fn from(cause: KekError) -> Self {
        Self { error: cause.refusal().error(), cause: Some(cause) }
    }
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl core::error::Error for CallError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match &self.cause {
            Some(cause) => Some(cause),
            None => None,
        }
    }
}
