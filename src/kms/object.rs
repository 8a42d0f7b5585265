//! The object that a KMS v2 value is: the sealed data, and all that is known of the DEK but its bytes.
//!
//! | number | field | type |
//! |---|---|---|
//! | 1 | encrypted data | bytes, not empty |
//! | 2 | key id | string of 1 to 1024 bytes |
//! | 3 | encrypted DEK source | 1 to 1024 bytes |
//! | 4 | annotations | entries of a domain name (field 1) and bytes (field 2), up to 32 KiB in sum |
//! | 5 | kind of the DEK source | 0 or 1; 0 is not written |
//!
//! Source: Kubernetes' `kmstypes/v2/api.proto` and `kmsv2/envelope.go`, functions `validate...`.
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod annotations;
mod layout;
mod limits;

use alloc::vec::Vec;
use core::fmt;

use crate::dek::DekScheme;
use crate::error::Error;
use crate::kek::WrappedDek;
use crate::wire::proto::{Fields, Malformed, Value};

use annotations::Collected;
pub(crate) use layout::ObjectLayout;
pub(crate) use limits::{check_key_id, validate_answer};

/// What a KMS wraps for KMS v2, and how the data is sealed under it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DekSourceKind {
    /// The key itself, number 0: Kubernetes before 1.29.
    AesGcmKey,
    /// A seed that a key is expanded from for each value, number 1: Kubernetes since 1.29.
    #[default]
    Seed,
}

impl DekSourceKind {
    /// How the data is sealed.
    #[must_use]
    pub const fn scheme(self) -> DekScheme {
        match self {
            Self::AesGcmKey => DekScheme::AesGcm,
            Self::Seed => DekScheme::AesGcmXNonce,
        }
    }

    /// The number that is stored for it.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::AesGcmKey => 0,
            Self::Seed => 1,
        }
    }

    const fn from_number(number: i32) -> Option<Self> {
        match number {
            0 => Some(Self::AesGcmKey),
            1 => Some(Self::Seed),
            _ => None,
        }
    }
}

/// What a KMS v2 value holds behind its prefix, borrowed from it.
///
/// # Security
/// Nothing of it is authenticated before the data opened, and key id and annotations are not even then, unless
/// the KMS does so.
///
/// ```
/// use atrest::EncryptedObject;
///
/// let object = EncryptedObject::parse(b"\x0a\x04data\x12\x03id1\x1a\x07wrapped\x28\x01")?;
/// assert_eq!((object.key_id(), object.encrypted_dek_source()), ("id1", &b"wrapped"[..]));
/// # Ok::<(), atrest::ObjectError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncryptedObject<'a> {
    encrypted_data: &'a [u8],
    key_id: &'a str,
    encrypted_dek_source: &'a [u8],
    annotations: Vec<(&'a str, &'a [u8])>,
    kind: DekSourceKind,
}

impl<'a> EncryptedObject<'a> {
    /// Reads an object as a KMS v2 value holds it behind `k8s:enc:kms:v2:`, the provider's name and `:`.
    ///
    /// # Errors
    /// [`ObjectError`]: of all that is wrong, what Kubernetes reports.
    pub fn parse(object: &'a [u8]) -> Result<Self, ObjectError> {
        Raw::parse(object).ok_or(ObjectError::Proto)?.validate()
    }

    /// What was sealed under the DEK, never empty.
    #[must_use]
    pub const fn encrypted_data(&self) -> &'a [u8] {
        self.encrypted_data
    }

    /// Id of the key that wrapped the DEK source, 1 to 1024 bytes.
    #[must_use]
    pub const fn key_id(&self) -> &'a str {
        self.key_id
    }

    /// The wrapped DEK source, 1 to 1024 bytes.
    #[must_use]
    pub const fn encrypted_dek_source(&self) -> &'a [u8] {
        self.encrypted_dek_source
    }

    /// What the KMS asked to be stored beside it, sorted by the bytes of the name, each name once.
    #[must_use]
    pub fn annotations(&self) -> &[(&'a str, &'a [u8])] {
        &self.annotations
    }

    pub(crate) fn into_annotations(self) -> Vec<(&'a str, &'a [u8])> {
        self.annotations
    }

    /// How the DEK source is used.
    #[must_use]
    pub const fn kind(&self) -> DekSourceKind {
        self.kind
    }

    /// What a KEK has to unwrap.
    #[must_use]
    pub fn wrapped_dek(&self) -> WrappedDek<'_> {
        WrappedDek::new(self.key_id, self.encrypted_dek_source, &[]).with_annotations(&self.annotations)
    }

    /// The object as Kubernetes writes it, with the annotations sorted.
    ///
    /// # Errors
    /// [`Error::OutOfMemory`], or [`Error::TooLong`] where no slice is as long.
    pub fn to_vec(&self) -> Result<Vec<u8>, Error> {
        let layout = ObjectLayout::of_object(self);
        let len = layout.len(self.encrypted_data.len()).ok_or(Error::TooLong)?;
        let mut out = Vec::new();
        out.try_reserve_exact(len).map_err(|_| Error::OutOfMemory)?;
        out.resize(len, 0);
        let data = layout.write(self.encrypted_data.len(), &mut out)?;
        out.get_mut(data).ok_or(Error::TooLong)?.copy_from_slice(self.encrypted_data);
        Ok(out)
    }
}

/// Why bytes are no object, as far as it can be told without a key; the first reason in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ObjectError {
    /// They are no protobuf message, or a string of it is not UTF-8.
    Proto,
    /// The kind of the DEK source has this number, which stands for none.
    UnknownKind(i32),
    /// There is no encrypted data.
    EncryptedData,
    /// The encrypted DEK source has this many bytes, which is none or more than 1024.
    EncryptedDekSource(usize),
    /// The key id has this many bytes, which is none or more than 1024.
    KeyId(usize),
    /// The name of an annotation is no domain name, or there are more than 32 KiB of annotations.
    Annotations,
}

impl fmt::Display for ObjectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Proto => f.write_str("the object is no protobuf message"),
            Self::UnknownKind(number) => write!(f, "{number} is no kind of DEK source"),
            Self::EncryptedData => f.write_str("the encrypted data is empty"),
            Self::EncryptedDekSource(len) => {
                write!(f, "the encrypted DEK source has {len} bytes, 1 to 1024 are allowed")
            }
            Self::KeyId(len) => write!(f, "the key id has {len} bytes, 1 to 1024 are allowed"),
            Self::Annotations => f.write_str("the annotations are not named by domains or have more than 32768 bytes"),
        }
    }
}

impl core::error::Error for ObjectError {}

/// Whoever opens a value learns no more than that it does not open.
impl From<ObjectError> for Error {
    fn from(_: ObjectError) -> Self {
        Self::Open
    }
}

/// A message before it is judged; what is missing in it is empty or 0.
#[derive(Default)]
struct Raw<'a> {
    encrypted_data: &'a [u8],
    key_id: &'a str,
    encrypted_dek_source: &'a [u8],
    annotations: Collected<'a>,
    kind: i32,
}

impl<'a> Raw<'a> {
    /// The last of several wins; what is unknown, or known by another type, is skipped.
    fn parse(message: &'a [u8]) -> Option<Self> {
        let mut raw = Self::default();
        for field in Fields::new(message) {
            let field = field.ok()?;
            match (field.number, field.value) {
                (1, Value::Bytes(bytes)) => raw.encrypted_data = bytes,
                (2, Value::Bytes(bytes)) => raw.key_id = core::str::from_utf8(bytes).ok()?,
                (3, Value::Bytes(bytes)) => raw.encrypted_dek_source = bytes,
                (4, Value::Bytes(bytes)) => {
                    let (name, value) = parse_entry(bytes).ok()?;
                    raw.annotations.insert(name, value);
                }
                (5, Value::Varint(number)) => raw.kind = low_32_bits(number),
                _ => {}
            }
        }
        Some(raw)
    }

    fn validate(self) -> Result<EncryptedObject<'a>, ObjectError> {
        let kind = DekSourceKind::from_number(self.kind).ok_or(ObjectError::UnknownKind(self.kind))?;
        if self.encrypted_data.is_empty() {
            return Err(ObjectError::EncryptedData);
        }
        limits::check_dek_source(self.encrypted_dek_source)?;
        check_key_id(self.key_id)?;
        let annotations = self.annotations.into_sorted()?;
        Ok(EncryptedObject {
            encrypted_data: self.encrypted_data,
            key_id: self.key_id,
            encrypted_dek_source: self.encrypted_dek_source,
            annotations,
            kind,
        })
    }
}

fn parse_entry(entry: &[u8]) -> Result<(&str, &[u8]), Malformed> {
    let (mut name, mut value) = ("", &[][..]);
    for field in Fields::new(entry) {
        let field = field?;
        match (field.number, field.value) {
            (1, Value::Bytes(bytes)) => name = core::str::from_utf8(bytes).map_err(|_| Malformed)?,
            (2, Value::Bytes(bytes)) => value = bytes,
            _ => {}
        }
    }
    Ok((name, value))
}

/// An enum of protobuf is what the low 32 bits of its varint say.
const fn low_32_bits(number: u64) -> i32 {
    let [a, b, c, d, ..] = number.to_le_bytes();
    i32::from_le_bytes([a, b, c, d])
}
