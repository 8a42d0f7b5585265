//! The verdict on a KMS.

use core::fmt;

use crate::error::Error;

/// The verdict of one check of a KMS: healthy, or all that is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KmsHealth {
    faults: [Option<KmsFault>; KmsFault::PLACES],
}

impl KmsHealth {
    /// Nothing is wrong.
    pub const HEALTHY: Self = Self { faults: [None; KmsFault::PLACES] };

    /// The same with one more fault.
    #[must_use]
    pub fn with(mut self, fault: KmsFault) -> Self {
        if let Some(place) = self.faults.get_mut(fault.place()) {
            *place = Some(fault);
        }
        self
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        self.faults().next().is_none()
    }

    /// All that is wrong.
    pub fn faults(&self) -> impl Iterator<Item = KmsFault> {
        self.faults.into_iter().flatten()
    }
}

/// All that is wrong, in one line.
impl fmt::Display for KmsHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_healthy() {
            return f.write_str("the KMS is healthy");
        }
        for (index, fault) in self.faults().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{fault}")?;
        }
        Ok(())
    }
}

/// What is wrong with a KMS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KmsFault {
    /// It gave no status.
    Status(Error),
    /// A KMS of API version v1, which has no status, did not wrap.
    Wrap(Error),
    /// A KMS of API version v1, which has no status, did not unwrap what it had wrapped.
    Unwrap(Error),
    /// It says something else than `ok`.
    Healthz,
    /// It speaks neither `v2` nor `v2beta1`.
    Version,
    /// It speaks another version than at first.
    VersionChanged,
    /// The id of its key is empty or longer than 1024 bytes.
    KeyId,
    /// It named another key, and no DEK could be wrapped with it and installed.
    Rotation(Error),
}

impl KmsFault {
    const PLACES: usize = 5;

    /// Where a verdict holds it; those that exclude each other share a place.
    const fn place(self) -> usize {
        match self {
            Self::Status(_) | Self::Wrap(_) | Self::Unwrap(_) => 0,
            Self::Healthz => 1,
            Self::Version | Self::VersionChanged => 2,
            Self::KeyId => 3,
            Self::Rotation(_) => 4,
        }
    }
}

impl fmt::Display for KmsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(error) => write!(f, "the KMS gives no status: {error}"),
            Self::Wrap(error) => write!(f, "the KMS does not wrap: {error}"),
            Self::Unwrap(error) => write!(f, "the KMS does not unwrap: {error}"),
            Self::Healthz => f.write_str("the KMS says that it is not healthy"),
            Self::Version => f.write_str("the KMS speaks a version that is not known"),
            Self::VersionChanged => f.write_str("the KMS speaks another version than at first"),
            Self::KeyId => f.write_str("the KMS names a key by an id that is empty or too long"),
            Self::Rotation(error) => write!(f, "no DEK could be had under the key that the KMS names: {error}"),
        }
    }
}
