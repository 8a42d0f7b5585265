//! The one error type: what went wrong, in terms of what the caller can do about it.

use core::fmt;

/// The result of a fallible call of this crate.
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// Why a call failed.
///
/// Once ciphertext is being read, every failure is the same [`Error::Open`]: malformed, truncated, bad
/// tag, bad padding, wrong key and wrong AAD cannot be told apart. To learn why a value does not open,
/// look at the value itself with [`inspect`](crate::inspect()), which needs no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Error {
    /// No provider of the list reads a value with this prefix.
    NoMatchingProvider,
    /// The provider matched, and none of its keys has a name that the value begins with.
    NoMatchingKey,
    /// Identity alone was asked to read a value that begins with `k8s:enc:` or `atrest:env:`, which is not plaintext.
    Encrypted,
    /// Identity was asked to store a plaintext that begins with `k8s:enc:` or `atrest:env:`, which it could never read
    /// again.
    LooksEncrypted,
    /// The value matched and did not open with any key that could be its own.
    Open,
    /// The output buffer is too small; one of `needed` bytes suffices.
    BufferTooSmall {
        /// Bytes that suffice.
        needed: usize,
    },
    /// The plaintext is longer than the cipher or the address space allows.
    TooLong,
    /// The key has sealed as many values as its budget allows; seal with another key.
    SealsExhausted,
    /// The source of randomness failed; nothing was written.
    Random,
    /// Memory could not be allocated.
    OutOfMemory,
    /// A key of this many bytes does not fit the cipher.
    KeyLength {
        /// Bytes that were given.
        len: usize,
    },
    /// The text is not standard base64 with padding.
    Base64,
    /// The DEK of the value is not at hand, and this call has no KEK to ask.
    DekNotAtHand,
    /// The KEK does not know the wrapped DEK: another key wrapped it, or under another context.
    KekNotMine,
    /// The key that wrapped the DEK was destroyed: the value is intact, and no one can open it any more.
    KekGone,
    /// The KEK refused: the caller may not use it.
    KekDenied,
    /// The KEK could not be reached: the value is intact, and may open later.
    KekUnreachable,
    /// What the KEK answered cannot be right: another key id than it said before, a length out of bounds, or an
    /// answer that is older than one that was taken already.
    KekAnswer,
    /// The KMS has given no key to write with so far, or for a v2 value to read with.
    KmsNotReady,
    /// The KMS was last heard of too long ago to go on writing with its key.
    KmsExpired,
    /// This kind of value needs an AAD that is not empty.
    AadRequired,
    /// The name of a KMS provider is empty, or holds a `:` where that is not allowed.
    ProviderName,
    /// A transformer needs at least one provider.
    NoProvider,
    /// A provider needs at least one key.
    NoKey,
    /// A key needs a name.
    EmptyKeyName,
    /// The name of a key must be UTF-8.
    KeyNameNotUtf8,
    /// The id of a key is empty, longer than 1,024 bytes, or that of another key, be it a destroyed one.
    KeyId,
}

impl Error {
    /// Whether the same call may succeed later without any change by the caller.
    #[must_use]
    pub const fn is_retryable(self) -> bool {
        matches!(self, Self::Random | Self::OutOfMemory | Self::KekUnreachable | Self::KmsNotReady | Self::KmsExpired)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::NoMatchingProvider => "no provider of the list reads a value with this prefix",
            Self::NoMatchingKey => "no key of the provider has a name that the value begins with",
            Self::Encrypted => "the value is encrypted and identity cannot read it",
            Self::LooksEncrypted => {
                "the plaintext begins like an encrypted value and would be unreadable as stored by identity"
            }
            Self::Open => "the value does not open",
            Self::BufferTooSmall { needed } => {
                return write!(f, "the output buffer is too small, {needed} bytes suffice");
            }
            Self::TooLong => "the plaintext is too long",
            Self::SealsExhausted => "the key has used up its budget of seals",
            Self::Random => "the source of randomness failed",
            Self::OutOfMemory => "out of memory",
            Self::KeyLength { len } => return write!(f, "a key of {len} bytes does not fit the cipher"),
            Self::Base64 => "not standard base64 with padding",
            Self::DekNotAtHand => "the DEK of the value is not at hand",
            Self::KekNotMine => "the KEK does not know the wrapped DEK, or not under this context",
            Self::KekGone => "the key that wrapped the DEK was destroyed, the value cannot be opened any more",
            Self::KekDenied => "the KEK denied its use",
            Self::KekUnreachable => "the KEK could not be reached, try again later",
            Self::KekAnswer => "the KEK gave an answer that cannot be right",
            Self::KmsNotReady => "the KMS has given no key so far, try again later",
            Self::KmsExpired => "the KMS was last heard of too long ago to write with its key, try again later",
            Self::AadRequired => "this kind of value needs an AAD",
            Self::ProviderName => "the name of the KMS provider is empty or holds a colon",
            Self::NoProvider => "a transformer needs at least one provider",
            Self::NoKey => "a provider needs at least one key",
            Self::EmptyKeyName => "the name of a key is empty",
            Self::KeyNameNotUtf8 => "the name of a key is not UTF-8",
            Self::KeyId => "the id of a key is empty, too long or taken",
        };
        f.write_str(text)
    }
}

impl core::error::Error for Error {}
