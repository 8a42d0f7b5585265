//! A KEK in memory.
//!
//! ```text
//! wrapped DEK = nonce(24) ++ ciphertext ++ tag(16)      XChaCha20-Poly1305
//!               nonce(12) ++ ciphertext ++ tag(16)      AES-256-GCM
//! aad         = "atrest:kek:v1", algorithm(1), key id, context, each behind its length as a big-endian u64
//! ```

mod key;

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write as _};

use super::{Kek, KekError, Refusal, Wrapped, WrappedDek};
use crate::cipher::Algorithm;
use crate::error::{Error, Result};
use crate::random::{OsRandom, Random, default_source};
use crate::secret::{KEY_STACK, Secret, SecretVec, stack_wiped};
use crate::wire::join_u64_prefixed;
use key::Key;

/// The longest id of a key in bytes, as for a KMS plugin of Kubernetes.
const KEY_ID_LEN_MAX: usize = 1024;

/// What the embedded KEK's own cipher calls are for.
const LABEL: &[u8] = b"atrest:kek:v1";

/// A KEK in memory: keys with ids, of which the first wraps and every one unwraps.
///
/// Key id and context are authenticated with each wrapped DEK. Where a value stores no key id, as of KMS v1, every key is
/// tried; there a destroyed key cannot be told from one that was never known.
///
/// # Security
/// The keys live in this process: load them from where they are kept, with [`new`](Self::new), and keep their
/// [`Secret`]s no longer than that takes. Their memory is wiped when they are destroyed and on drop.
///
/// # Example
/// ```
/// use atrest::{Envelope, LocalKek, Secret};
///
/// # let (new, old) = (Secret::<32>::generate()?, Secret::<32>::generate()?);
/// let kek = LocalKek::new([("2026-11", &new), ("2025-08", &old)])?;
/// let envelope = Envelope::new(kek);
/// let sealed = envelope.seal(b"tenant 7", b"hunter2")?;
/// assert_eq!(envelope.open(b"tenant 7", &sealed)?.expose(), b"hunter2");
/// # Ok::<(), atrest::CallError>(())
/// ```
pub struct LocalKek {
    algorithm: Algorithm,
    keys: Vec<LocalKey>,
    /// Ids of destroyed keys.
    gone: Vec<String>,
}

struct LocalKey {
    id: String,
    key: Key,
}

impl LocalKek {
    /// A KEK with these keys for XChaCha20-Poly1305, first the one that wraps.
    ///
    /// # Errors
    /// [`Error::NoKey`] for an empty list; [`Error::KeyId`].
    pub fn new<'k, N: Into<String>>(keys: impl IntoIterator<Item = (N, &'k Secret<32>)>) -> Result<Self> {
        Self::with_keys(Algorithm::XChaCha20Poly1305, keys)
    }

    /// A KEK with these keys for AES-256-GCM, first the one that wraps.
    ///
    /// # Security
    /// Nonces are random and have 96 bits, so that each key wraps at most
    /// [`AesGcmKey::SEALS_MAX`](crate::AesGcmKey::SEALS_MAX) DEKs; see [`seals_left`](Self::seals_left).
    ///
    /// # Errors
    /// As of [`new`](Self::new).
    pub fn aes256gcm<'k, N: Into<String>>(keys: impl IntoIterator<Item = (N, &'k Secret<32>)>) -> Result<Self> {
        Self::with_keys(Algorithm::Aes256Gcm, keys)
    }

    fn with_keys<'k, N: Into<String>>(
        algorithm: Algorithm,
        keys: impl IntoIterator<Item = (N, &'k Secret<32>)>,
    ) -> Result<Self> {
        let mut kek = Self { algorithm, keys: Vec::new(), gone: Vec::new() };
        for (id, secret) in keys {
            let key = kek.make_key(id.into(), secret)?;
            kek.keys.push(key);
        }
        if kek.keys.is_empty() { Err(Error::NoKey) } else { Ok(kek) }
    }

    /// A KEK with a new key from the operating system's random source, under a random id.
    ///
    /// The key cannot be had from it: what is sealed under it opens as long as this value lives, and no longer.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn generate() -> Result<Self> {
        Self::generate_as(random_id()?)
    }

    /// The same with an id of the caller's.
    ///
    /// # Errors
    /// [`Error::Random`], [`Error::KeyId`].
    pub fn generate_as(key_id: impl Into<String>) -> Result<Self> {
        // The drawn bytes may be moved about on the stack.
        stack_wiped::<KEY_STACK, _>(|| Self::new([(key_id, &Secret::generate()?)]))
    }

    /// The same with the keys of `older` behind its own, be they of another algorithm.
    ///
    /// # Errors
    /// [`Error::KeyId`] if both know the same id.
    pub fn followed_by(mut self, mut older: Self) -> Result<Self> {
        let ids = older.keys.iter().map(|key| key.id.as_str());
        for id in ids.chain(older.gone.iter().map(String::as_str)) {
            self.check_id(id)?;
        }
        self.keys.append(&mut older.keys);
        self.gone.append(&mut older.gone);
        Ok(self)
    }

    /// Adds a key in first place, so that it wraps from now on.
    ///
    /// # Errors
    /// [`Error::KeyId`].
    pub fn add_first(&mut self, key_id: impl Into<String>, secret: &Secret<32>) -> Result<()> {
        let key = self.make_key(key_id.into(), secret)?;
        self.keys.insert(0, key);
        Ok(())
    }

    /// Adds a new key from the operating system's random source in first place, under a random id, which is returned.
    /// See [`generate`](Self::generate) on how long it lives.
    ///
    /// # Errors
    /// [`Error::Random`].
    pub fn rotate(&mut self) -> Result<&str> {
        let id = random_id()?;
        stack_wiped::<KEY_STACK, _>(|| self.add_first(id, &Secret::generate()?))?;
        self.keys.first().map(|key| key.id.as_str()).ok_or(Error::NoKey)
    }

    /// Destroys a key and remembers its id: what it wrapped is [`Refusal::Gone`] from now on, and what was sealed under
    /// that cannot be opened by anyone who has no other copy of the key. Returns whether the key was there.
    ///
    /// An id that is not known is remembered too. Whoever loads the keys anew destroys those that are gone again, or
    /// their values are [`Refusal::NotMine`]. When the first key is destroyed, the next one wraps.
    pub fn destroy(&mut self, key_id: &str) -> bool {
        let found = self.keys.iter().position(|key| key.id == key_id);
        // No clone of a key leaves this value, so that this is its last handle, and dropping it wipes it.
        drop(found.map(|at| self.keys.remove(at)));
        // No key has the empty id, which stands for values that store none.
        if !key_id.is_empty() && !self.is_gone(key_id) {
            self.gone.push(key_id.into());
        }
        found.is_some()
    }

    /// Ids of the keys, first the one that wraps.
    pub fn key_ids(&self) -> impl Iterator<Item = &str> {
        self.keys.iter().map(|key| key.id.as_str())
    }

    /// How many DEKs the first key may still wrap; `None` where no count is needed, or without a key.
    ///
    /// The count is that of this object: whoever loads the key again also stores it and
    /// [sets](Self::set_seals_left) it, or rotates the key by then.
    #[must_use]
    pub fn seals_left(&self) -> Option<u32> {
        self.keys.first()?.key.seals_left()
    }

    /// Sets how many DEKs the first key may still wrap, where that is counted.
    ///
    /// # Security
    /// It can raise the count as well as lower it: who calls it vouches for the number.
    pub fn set_seals_left(&mut self, seals: u32) {
        if let Some(first) = self.keys.first() {
            first.key.set_seals_left(seals);
        }
    }

    /// As [`wrap_dek`](Kek::wrap_dek), with the nonce from `rng`.
    ///
    /// # Errors
    /// [`Refusal::Gone`] without a key; [`Refusal::Denied`] once the first key has wrapped as many DEKs as it may;
    /// [`Refusal::Unreachable`] if `rng` fails.
    pub fn wrap_dek_with(&self, rng: &mut dyn Random, dek: &[u8], context: &[u8]) -> Result<Wrapped, KekError> {
        let LocalKey { id, key } = self.keys.first().ok_or(Refusal::Gone)?;
        let sealed = aad(key.algorithm(), id, context).and_then(|aad| key.seal(rng, &aad, dek));
        let wrapped = sealed.map_err(|error| {
            let passes = error.is_retryable();
            KekError::new(if passes { Refusal::Unreachable } else { Refusal::Denied }, error)
        })?;
        Ok(Wrapped::new(id.clone(), wrapped))
    }

    fn make_key(&self, id: String, secret: &Secret<32>) -> Result<LocalKey> {
        self.check_id(&id)?;
        Ok(LocalKey { id, key: Key::expand(self.algorithm, secret)? })
    }

    fn check_id(&self, id: &str) -> Result<()> {
        let taken = self.is_gone(id) || self.keys.iter().any(|key| key.id == id);
        if taken || id.is_empty() || id.len() > KEY_ID_LEN_MAX { Err(Error::KeyId) } else { Ok(()) }
    }

    fn is_gone(&self, id: &str) -> bool {
        self.gone.iter().any(|gone| gone == id)
    }
}

impl Kek for LocalKek {
    fn key_id(&self) -> Result<Cow<'_, str>, KekError> {
        let first = self.keys.first().ok_or(Refusal::Gone)?;
        Ok(Cow::Borrowed(&first.id))
    }

    fn wrap_dek(&self, dek: &[u8], context: &[u8]) -> Result<Wrapped, KekError> {
        self.wrap_dek_with(&mut default_source(), dek, context)
    }

    fn unwrap_dek(&self, wrapped: &WrappedDek<'_>) -> Result<SecretVec, KekError> {
        if self.is_gone(wrapped.key_id()) {
            return Err(Refusal::Gone.into());
        }
        // KMS v1 values store no key id: there every key is tried.
        let mut candidates = self.keys.iter().filter(|key| wrapped.key_id().is_empty() || key.id == wrapped.key_id());
        candidates
            .find_map(|LocalKey { id, key }| {
                let opened =
                    aad(key.algorithm(), id, wrapped.context()).and_then(|aad| key.open(&aad, wrapped.bytes()));
                match opened {
                    Ok(dek) => Some(Ok(dek)),
                    Err(error @ Error::OutOfMemory) => Some(Err(KekError::new(Refusal::Unreachable, error))),
                    // That the id is known says nothing: ids are forgeable.
                    Err(_) => None,
                }
            })
            .unwrap_or_else(|| Err(Refusal::NotMine.into()))
    }
}

fn aad(algorithm: Algorithm, key_id: &str, context: &[u8]) -> Result<Vec<u8>> {
    let fields = [LABEL, &[algorithm.code()], key_id.as_bytes(), context];
    join_u64_prefixed(&fields).ok_or(Error::OutOfMemory)
}

/// 32 hexadecimal digits.
fn random_id() -> Result<String> {
    let mut bytes = [0; 16];
    OsRandom.fill(&mut bytes)?;
    let mut id = String::new();
    // Writing to a string does not fail.
    write!(id, "{:032x}", u128::from_be_bytes(bytes)).map_err(|_| Error::OutOfMemory)?;
    Ok(id)
}

impl fmt::Debug for LocalKek {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LocalKek ")?;
        f.debug_list().entries(self.key_ids()).finish()
    }
}
