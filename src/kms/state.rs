//! The key that KMS v2 values are written with, and when another takes its place.
//!
//! Source: Kubernetes' `apiserver/pkg/server/options/encryptionconfig/config.go`, `rotateDEKOnKeyIDChange`. A budget
//! that is nearly used up, and answers that overtake each other, are not thought of there.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::sync::Arc;
use core::time::Duration;

use crate::dek::{DekLimits, FreshDek, RecoveredDek, SealDek};
use crate::error::{Error, Result};
use crate::kek::Wrapped;
use crate::random::{KeySource, OsRandom};

use super::clock::Time;
use super::object::{DekSourceKind, EncryptedObject, check_key_id, validate_answer};

/// How long a key is written with after the KMS was asked and named it.
const WRITABLE_FOR: Duration = Duration::from_secs(3 * 60);

/// What to write KMS v2 values with, as a state machine: told of each status of the KMS, it says what to do.
///
/// There is no rotation by time: a DEK lives until the KMS names another key, its budget is nearly used up, or the
/// process ends.
///
/// ```
/// # fn wrap(dek: &[u8; 32]) -> Vec<u8> { vec![7] }
/// use atrest::{DekLimits, DekSourceKind, KmsAction, KmsState, Time, Wrapped};
///
/// let mut state = KmsState::new(DekSourceKind::Seed, DekLimits::NIST);
/// let asked_at = Time::default();
/// // The KMS says that it wraps with `id1`.
/// if let KmsAction::Wrap(rotation) = state.on_status(asked_at, "id1")? {
///     let answer = Wrapped::new("id1", wrap(rotation.expose_dek()));
///     state.install(rotation, answer)?;
/// }
/// assert_eq!(state.write(asked_at)?.wrapped().key_id(), "id1");
/// # Ok::<(), atrest::Error>(())
/// ```
#[derive(Debug)]
pub struct KmsState {
    kind: DekSourceKind,
    limits: DekLimits,
    current: Option<Current>,
}

/// The installed key, and how long it may be written with; the latter changes without the former.
#[derive(Debug)]
struct Current {
    key: Arc<WriteKey>,
    /// When the status was asked for that the key was made for.
    made_at: Time,
    /// When the status was asked for that was last acted on.
    asked_at: Time,
    expiration: Time,
}

impl KmsState {
    /// A state without a key: writes and reads fail until the first is installed.
    ///
    /// Each DEK that it makes has these limits.
    #[must_use]
    pub const fn new(kind: DekSourceKind, limits: DekLimits) -> Self {
        Self { kind, limits, current: None }
    }

    /// Has DEKs of this kind made from now on; the next status makes the first one.
    pub const fn set_kind(&mut self, kind: DekSourceKind) {
        self.kind = kind;
    }

    /// What each DEK may seal.
    #[must_use]
    pub const fn limits(&self) -> DekLimits {
        self.limits
    }

    /// Takes in the key id of a status that the KMS gave when asked at `asked_at`, healthy or not.
    ///
    /// `asked_at` is the time before the call, so that a slow KMS does not make a key live longer.
    ///
    /// # Errors
    /// [`Error::KekAnswer`] if no key can have this id; the state is as it was. [`Error::Random`] where a new DEK is due; writes may
    /// go on for longer then, if the KMS named the same key.
    pub fn on_status(&mut self, asked_at: Time, key_id: &str) -> Result<KmsAction> {
        self.on_status_with(&mut OsRandom, asked_at, key_id)
    }

    /// As [`on_status`](Self::on_status), with the source that a DEK is made from.
    ///
    /// # Errors
    /// As of [`on_status`](Self::on_status).
    pub fn on_status_with(&mut self, rng: &mut dyn KeySource, asked_at: Time, key_id: &str) -> Result<KmsAction> {
        check_key_id(key_id).map_err(|_| Error::KekAnswer)?;
        let kind = self.kind;
        if let Some(current) = &mut self.current {
            if asked_at < current.asked_at {
                return Ok(KmsAction::Keep);
            }
            if current.key.is_of(key_id, kind) {
                // Whether or not another DEK comes of it: the key that wrapped this one is still the one to use.
                current.asked_at = asked_at;
                current.expiration = asked_at.after(WRITABLE_FOR);
                if !current.key.dek.is_nearly_used_up() {
                    return Ok(KmsAction::Extend);
                }
            }
        }
        let dek = FreshDek::generate_with(kind.scheme(), self.limits, rng)?;
        Ok(KmsAction::Wrap(KmsRotation { dek, kind, key_id: key_id.to_owned(), asked_at }))
    }

    /// Installs the DEK of a rotation as the KMS wrapped it, and says so: `false` if a later status named another key or
    /// brought a DEK in the meantime. What that one brought stays then, and this DEK is forgotten.
    ///
    /// # Errors
    /// [`Error::KekAnswer`] if the wrapped DEK could not be stored, or if another key wrapped it than the status named.
    /// The state is as it was then, and writes go on until its expiration.
    pub fn install(&mut self, rotation: KmsRotation, answer: Wrapped) -> Result<bool> {
        validate_answer(&answer)?;
        let KmsRotation { dek, kind, key_id, asked_at } = rotation;
        if answer.key_id() != key_id {
            return Err(Error::KekAnswer);
        }
        let mut asked_last = asked_at;
        if let Some(current) = &self.current {
            // The answer to a later status that named the same key may be on its way still: this one is as good.
            let later = if current.key.is_of(&key_id, kind) { current.made_at } else { current.asked_at };
            if asked_at < later {
                return Ok(false);
            }
            asked_last = asked_at.max(current.asked_at);
        }
        let opener = dek.to_recovered();
        let key = Arc::new(WriteKey { dek, opener, wrapped: answer, kind });
        let expiration = asked_last.after(WRITABLE_FOR);
        self.current = Some(Current { key, made_at: asked_at, asked_at: asked_last, expiration });
        Ok(true)
    }

    /// What to write with now.
    ///
    /// # Errors
    /// [`Error::KmsNotReady`] before the first key was installed, [`Error::KmsExpired`] if the KMS last named this
    /// one too long ago, [`Error::SealsExhausted`] if its budget is used up, until the next status brings another.
    pub fn write(&self, now: Time) -> Result<Arc<WriteKey>> {
        let current = self.current.as_ref().ok_or(Error::KmsNotReady)?;
        if now > current.expiration {
            return Err(Error::KmsExpired);
        }
        if !current.key.dek.has_budget(0) {
            return Err(Error::SealsExhausted);
        }
        Ok(Arc::clone(&current.key))
    }

    /// What is read values are compared with, to tell which are stale; it does not expire.
    ///
    /// # Errors
    /// [`Error::KmsNotReady`] before the first key was installed: Kubernetes reads nothing before then.
    pub fn read(&self) -> Result<Arc<WriteKey>> {
        self.current.as_ref().map(|current| Arc::clone(&current.key)).ok_or(Error::KmsNotReady)
    }

    /// When writes end unless the KMS names the key again; `None` before the first was installed.
    #[must_use]
    pub fn expiration(&self) -> Option<Time> {
        self.current.as_ref().map(|current| current.expiration)
    }
}

/// What a status makes necessary.
#[derive(Debug)]
#[must_use = "a rotation that is dropped never happens"]
pub enum KmsAction {
    /// Nothing: writes with the key go on for another 3 minutes from when the status was asked for.
    Extend,
    /// Nothing: a later status was acted on already.
    Keep,
    /// Another DEK is due: have the KMS wrap it, and [install](KmsState::install) the answer.
    Wrap(KmsRotation),
}

/// A DEK that was just made, for the KMS to wrap. What is dropped before it is installed is forgotten.
#[derive(Debug)]
pub struct KmsRotation {
    dek: FreshDek,
    kind: DekSourceKind,
    key_id: String,
    asked_at: Time,
}

impl KmsRotation {
    /// The bytes to wrap.
    #[must_use]
    pub fn expose_dek(&self) -> &[u8; 32] {
        self.dek.expose()
    }

    /// Id of the key that has to wrap it.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// When the status was asked for that made this necessary.
    #[must_use]
    pub const fn asked_at(&self) -> Time {
        self.asked_at
    }
}

/// What KMS v2 values are written with: a DEK and its wrapped form, which belong together.
#[derive(Debug)]
pub struct WriteKey {
    dek: FreshDek,
    /// The same, for who asks for one that only opens: no handle has to be made for each value.
    opener: RecoveredDek,
    wrapped: Wrapped,
    kind: DekSourceKind,
}

impl WriteKey {
    /// Seals and opens.
    #[must_use]
    pub const fn dek(&self) -> &FreshDek {
        &self.dek
    }

    /// The same DEK as one that only opens.
    pub(crate) const fn opener(&self) -> &RecoveredDek {
        &self.opener
    }

    /// What is stored beside the data.
    #[must_use]
    pub const fn wrapped(&self) -> &Wrapped {
        &self.wrapped
    }

    /// How the DEK is used.
    #[must_use]
    pub const fn kind(&self) -> DekSourceKind {
        self.kind
    }

    /// Whether an object would be written under another key id, or another kind, today. Another DEK under the same
    /// key id does not make it stale.
    #[must_use]
    pub fn makes_stale(&self, object: &EncryptedObject<'_>) -> bool {
        !self.is_of(object.key_id(), object.kind())
    }

    fn is_of(&self, key_id: &str, kind: DekSourceKind) -> bool {
        self.wrapped.key_id() == key_id && self.kind == kind
    }
}
