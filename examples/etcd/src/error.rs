//! Why a run ends before its last value.

use core::fmt;

use atrest::CallError;

/// Why a run cannot go on. Whatever it wrote is whole: start it again.
#[derive(Debug)]
pub enum Stop {
    /// What etcd, or the way to it, said.
    Etcd(etcd_client::Error),
    /// A value cannot be sealed, or a KMS plugin is away.
    Keys(CallError),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // The whole of a status has lines and bytes of the other side; its message says what happened.
            Self::Etcd(etcd_client::Error::GRpcStatus(status)) => {
                write!(f, "etcd: {}", status.message().escape_debug())
            }
            Self::Etcd(error) => write!(f, "etcd: {error}"),
            Self::Keys(error) => match error.cause().and_then(core::error::Error::source) {
                Some(said) => write!(f, "{error}: {}", said.to_string().escape_debug()),
                None => error.fmt(f),
            },
        }
    }
}

impl core::error::Error for Stop {}

impl From<etcd_client::Error> for Stop {
    fn from(error: etcd_client::Error) -> Self {
        Self::Etcd(error)
    }
}

impl From<CallError> for Stop {
    fn from(error: CallError) -> Self {
        Self::Keys(error)
    }
}
