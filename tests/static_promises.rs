//! What the types promise, checked when this compiles: which are Send and Sync, which wipe themselves, which
//! traits are usable as objects, and what a secret does not offer.
#![allow(clippy::std_instead_of_alloc)]

use core::borrow::Borrow;
use core::error::Error as StdError;
use core::fmt::{Debug, Display, LowerHex};
use core::hash::Hash;
use core::ops::{Deref, DerefMut, Index};
use core::panic::{RefUnwindSafe, UnwindSafe};

use atrest::{
    Candidate, Error, Identity, Inspection, KeySource, Opened, Provider, ProviderKind, Random, RandomError, Secret,
    Transformer,
};
use static_assertions::{assert_impl_all, assert_not_impl_any, assert_obj_safe};
use zeroize::ZeroizeOnDrop;

assert_obj_safe!(Provider, Random, KeySource);

assert_impl_all!(Secret<32>: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Debug, ZeroizeOnDrop);
assert_impl_all!(Error: Send, Sync, Copy, Eq, Hash, Debug, Display, StdError, UnwindSafe);
assert_impl_all!(RandomError: Send, Sync, Copy, Eq, Debug, Display, StdError);
assert_impl_all!(Identity: Send, Sync, Copy, Debug, Provider);
assert_impl_all!(ProviderKind: Send, Sync, Copy, Ord, Hash, Debug, Display);
assert_impl_all!(Inspection<'static>: Send, Sync, Copy, Debug, Display);
assert_impl_all!(Candidate<'static>: Send, Sync, Copy, Debug, Display);
assert_impl_all!(Transformer<'static>: Send, Sync, Debug);
assert_impl_all!(Opened<'static, &'static [u8]>: Send, Sync, Debug);
assert_impl_all!(dyn Provider: Send, Sync, Debug);

assert_not_impl_any!(Secret<32>: Clone, Copy, PartialEq, PartialOrd, Hash, Default, Display, LowerHex);
assert_not_impl_any!(Secret<32>: Deref, DerefMut, AsRef<[u8]>, AsRef<[u8; 32]>, AsMut<[u8]>, Borrow<[u8]>);
assert_not_impl_any!(Secret<32>: Borrow<[u8; 32]>, Index<usize>, IntoIterator, Into<[u8; 32]>, Into<Vec<u8>>);
assert_not_impl_any!(Secret<32>: serde::Serialize, serde::Deserialize<'static>);
assert_not_impl_any!(&'static Secret<32>: IntoIterator, Into<[u8; 32]>, Into<Vec<u8>>);
// An opened plaintext neither compares in variable time nor prints.
assert_not_impl_any!(Opened<'static, &'static [u8]>: Clone, PartialEq, Deref, AsRef<[u8]>, Display, serde::Serialize);

#[cfg(feature = "alloc")]
mod alloc {
    use super::*;
    use atrest::{SecretVec, TransformerBuilder};

    assert_impl_all!(SecretVec: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Debug, ZeroizeOnDrop);
    assert_impl_all!(TransformerBuilder<'static>: Send, Sync, Debug);
    assert_impl_all!(Transformer<'static>: Clone);
    assert_impl_all!(Opened<'static, SecretVec>: Send, Sync, Debug);
    assert_not_impl_any!(SecretVec: Clone, Copy, PartialEq, PartialOrd, Hash, Default, Display, LowerHex);
    assert_not_impl_any!(SecretVec: Deref, DerefMut, AsRef<[u8]>, AsMut<[u8]>, Borrow<[u8]>, Index<usize>);
    assert_not_impl_any!(SecretVec: IntoIterator, Into<Vec<u8>>, Extend<u8>, serde::Serialize);
    assert_not_impl_any!(SecretVec: serde::Deserialize<'static>);
    assert_not_impl_any!(Opened<'static, SecretVec>: Clone, PartialEq, Deref, AsRef<[u8]>, Display, serde::Serialize);
}

/// What every key type, its provider and its name promise; `$clone` is whether a handle can be cloned.
#[cfg(any(feature = "aescbc", feature = "aesgcm", feature = "secretbox"))]
macro_rules! key_promises {
    ($feature:literal, $module:ident, $key:ident, $provider:ident) => {
        #[cfg(feature = $feature)]
        mod $module {
            use super::*;
            use atrest::{$key, $provider, Cipher, KeyedCipher, NamedKey};

            assert_impl_all!($key: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Debug);
            assert_impl_all!($key: ZeroizeOnDrop, Cipher, KeyedCipher);
            assert_impl_all!($key: TryFrom<&'static Secret<32>>);
            assert_impl_all!($provider<'static>: Send, Sync, Debug, Provider);
            assert_impl_all!(NamedKey<'static, $key>: Send, Sync, Copy, Debug);
            // Without an allocator a clone would be a copy of the round keys.
            #[cfg(not(feature = "alloc"))]
            assert_not_impl_any!($key: Clone);
            #[cfg(feature = "alloc")]
            assert_impl_all!($key: Clone);
            assert_not_impl_any!($key: Copy, PartialEq, PartialOrd, Hash, Default, Display, Deref, AsRef<[u8]>);
            assert_not_impl_any!($key: Borrow<[u8]>, serde::Serialize, Into<Vec<u8>>);
            assert_not_impl_any!($key: TryFrom<&'static Secret<31>>, From<[u8; 32]>);
        }
    };
}

#[cfg(feature = "aescbc")]
key_promises!("aescbc", aescbc, AesCbcKey, AesCbc);
#[cfg(feature = "aesgcm")]
key_promises!("aesgcm", aesgcm, AesGcmKey, AesGcm);
#[cfg(feature = "secretbox")]
key_promises!("secretbox", secretbox, SecretboxKey, Secretbox);

#[cfg(feature = "secretbox")]
assert_not_impl_any!(atrest::SecretboxKey: TryFrom<&'static Secret<16>>, TryFrom<&'static Secret<24>>);

#[cfg(feature = "envelope")]
mod envelope {
    use super::*;
    use atrest::{
        Algorithm, CallError, DekScheme, Envelope, FreshDek, Kek, KekError, LocalKek, OpenDek, RecoveredDek, Refusal,
        SealDek, Wrapped, WrappedDek,
    };

    assert_obj_safe!(Kek, OpenDek, SealDek);
    assert_impl_all!(FreshDek: Send, Sync, Debug, OpenDek, SealDek);
    assert_impl_all!(RecoveredDek: Send, Sync, Debug, OpenDek, Clone);
    // What a KEK unwrapped only opens, and a DEK that seals has one owner of its budget.
    assert_not_impl_any!(RecoveredDek: SealDek);
    assert_not_impl_any!(FreshDek: Clone, PartialEq, Deref, AsRef<[u8]>, Display, serde::Serialize);
    assert_not_impl_any!(RecoveredDek: PartialEq, Deref, AsRef<[u8]>, Display, serde::Serialize);
    assert_impl_all!(LocalKek: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe, Debug, Kek);
    // A second handle would keep a destroyed key alive.
    assert_not_impl_any!(LocalKek: Clone, PartialEq, Deref, Display, serde::Serialize);
    assert_impl_all!(&'static dyn Kek: Kek);
    assert_impl_all!(Box<dyn Kek>: Kek);
    assert_impl_all!(std::sync::Arc<dyn Kek>: Kek);
    assert_impl_all!(Envelope<LocalKek>: Send, Sync, Debug);
    assert_impl_all!(CallError: Send, Sync, Debug, Display, StdError, From<Error>, From<KekError>);
    assert_impl_all!(KekError: Send, Sync, Debug, Display, StdError, From<Refusal>);
    assert_impl_all!(Algorithm: Send, Sync, Copy, Ord, Hash, Debug, Display, Default);
    assert_impl_all!(DekScheme: Send, Sync, Copy, Ord, Hash, Debug);
    assert_impl_all!(WrappedDek<'static>: Send, Sync, Copy, Debug);
    assert_impl_all!(Wrapped: Send, Sync, Clone, Debug);
    #[cfg(feature = "std")]
    assert_impl_all!(atrest::EnvelopeSealer<'static, LocalKek>: Send, Sync, Debug);
}

#[cfg(feature = "getrandom")]
assert_impl_all!(atrest::OsRandom: Send, Sync, Copy, Debug, Random, KeySource);
#[cfg(feature = "pool")]
assert_impl_all!(atrest::PooledRandom: Send, Sync, Copy, Debug, Random);
// Keys never come from the pool.
#[cfg(feature = "pool")]
assert_not_impl_any!(atrest::PooledRandom: KeySource);
// Nor through the adapter, whose generators may make keys.
#[cfg(all(feature = "pool", feature = "rand_core"))]
assert_not_impl_any!(atrest::RandCore<atrest::PooledRandom>: KeySource, Random);

#[test]
fn errors_are_small_and_need_no_allocator() {
    assert!(size_of::<Error>() <= 2 * size_of::<usize>());
    assert_eq!(size_of::<RandomError>(), 0);
}

#[cfg(feature = "kms")]
mod kms {
    use super::*;
    use atrest::{
        EncryptedObject, KmsAction, KmsHealth, KmsProbe, KmsRotation, KmsState, KmsStatus, ObjectError, WriteKey,
    };

    assert_impl_all!(KmsState: Send, Sync, Debug);
    assert_impl_all!(WriteKey: Send, Sync, Debug);
    assert_impl_all!(KmsAction: Send, Sync, Debug);
    assert_impl_all!(KmsProbe: Send, Sync, Debug, Clone);
    assert_impl_all!(KmsStatus: Send, Sync, Debug, Clone);
    assert_impl_all!(KmsHealth: Send, Sync, Copy, Debug, Display);
    assert_impl_all!(EncryptedObject<'static>: Send, Sync, Clone, Debug);
    assert_impl_all!(ObjectError: Send, Sync, Copy, Eq, Hash, Debug, Display, StdError, Into<Error>);
    // Each holds a DEK, which is nowhere twice.
    assert_not_impl_any!(KmsState: Clone);
    assert_not_impl_any!(KmsRotation: Clone);
    assert_not_impl_any!(WriteKey: Clone);
}
