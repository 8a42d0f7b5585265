//! An object as it is written: lengths first, then left to right.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use crate::error::{Error, Result};
use crate::kek::Wrapped;
use crate::wire::Writer;
use crate::wire::proto::{SMALL_FIELD_LEN, bytes_field_len, put_bytes, put_bytes_header, put_small};

use super::limits::{check_annotations, check_dek_source, check_key_id};
use super::{DekSourceKind, EncryptedObject, ObjectError};

/// All of an object but the data, which someone else writes into the room that is left for it.
///
/// Fields ascend, defaults are left out, and annotations are sorted by the bytes of their names; Kubernetes has
/// them in any order.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ObjectLayout<'a> {
    kind: DekSourceKind,
    key_id: &'a str,
    dek_source: &'a [u8],
    annotations: Annotations<'a>,
}

/// Sorted by name, from either of those who hold them.
#[derive(Clone, Copy, Debug)]
struct Annotations<'a> {
    answered: Option<&'a BTreeMap<String, Vec<u8>>>,
    stored: &'a [(&'a str, &'a [u8])],
}

impl<'a> Annotations<'a> {
    fn iter(self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        let answered = self.answered.into_iter().flatten().map(|(name, value)| (name.as_str(), value.as_slice()));
        answered.chain(self.stored.iter().copied())
    }
}

impl<'a> ObjectLayout<'a> {
    /// Of the objects whose DEK source a KEK wrapped like this.
    pub(crate) fn of_answer(kind: DekSourceKind, wrapped: &'a Wrapped) -> Self {
        let annotations = Annotations { answered: Some(wrapped.annotations()), stored: &[] };
        Self { kind, key_id: wrapped.key_id(), dek_source: wrapped.bytes(), annotations }
    }

    /// Of an object that was read.
    pub(crate) fn of_object(object: &'a EncryptedObject<'_>) -> Self {
        let annotations = Annotations { answered: None, stored: object.annotations() };
        let dek_source = object.encrypted_dek_source();
        Self { kind: object.kind(), key_id: object.key_id(), dek_source, annotations }
    }

    /// Checks all that [`EncryptedObject::parse`] will, but for the data.
    pub(crate) fn validate(&self) -> Result<(), ObjectError> {
        check_dek_source(self.dek_source)?;
        check_key_id(self.key_id)?;
        check_annotations(self.annotations.iter())
    }

    /// Exact length of an object with that much data; `None` for no data at all, or for more than can be addressed.
    pub(crate) fn len(&self, data_len: usize) -> Option<usize> {
        if data_len == 0 {
            return None;
        }
        let mut len = bytes_field_len(data_len)?;
        len = len.checked_add(present_len(self.key_id.as_bytes())?)?;
        len = len.checked_add(present_len(self.dek_source)?)?;
        for (name, value) in self.annotations.iter() {
            len = len.checked_add(bytes_field_len(entry_len(name, value)?)?)?;
        }
        match self.kind {
            DekSourceKind::AesGcmKey => Some(len),
            DekSourceKind::Seed => len.checked_add(SMALL_FIELD_LEN),
        }
    }

    /// Writes all but the data to the start of `out` and returns where the data goes, of which nothing is touched.
    ///
    /// # Errors
    /// [`Error::TooLong`] where [`len`](Self::len) is `None`; [`Error::BufferTooSmall`], and nothing is written.
    pub(crate) fn write(&self, data_len: usize, out: &mut [u8]) -> Result<Range<usize>> {
        let needed = self.len(data_len).ok_or(Error::TooLong)?;
        let out = out.get_mut(..needed).ok_or(Error::BufferTooSmall { needed })?;
        let before_data = bytes_field_len(data_len).and_then(|len| len.checked_sub(data_len)).ok_or(Error::TooLong)?;
        let mut writer = Writer::new(out);
        self.put(data_len, &mut writer).ok_or(Error::BufferTooSmall { needed })?;
        Ok(before_data..before_data.saturating_add(data_len))
    }

    fn put(&self, data_len: usize, writer: &mut Writer<'_>) -> Option<()> {
        put_bytes_header(writer, 1, data_len)?;
        writer.leave(data_len)?;
        put_present(writer, 2, self.key_id.as_bytes())?;
        put_present(writer, 3, self.dek_source)?;
        for (name, value) in self.annotations.iter() {
            put_bytes_header(writer, 4, entry_len(name, value)?)?;
            // Both are written even if empty, unlike the fields of a message.
            put_bytes(writer, 1, name.as_bytes())?;
            put_bytes(writer, 2, value)?;
        }
        match self.kind {
            DekSourceKind::AesGcmKey => Some(()),
            DekSourceKind::Seed => put_small(writer, 5, self.kind.number()),
        }
    }
}

fn present_len(bytes: &[u8]) -> Option<usize> {
    if bytes.is_empty() { Some(0) } else { bytes_field_len(bytes.len()) }
}

fn put_present(writer: &mut Writer<'_>, number: u8, bytes: &[u8]) -> Option<()> {
    if bytes.is_empty() { Some(()) } else { put_bytes(writer, number, bytes) }
}

fn entry_len(name: &str, value: &[u8]) -> Option<usize> {
    bytes_field_len(name.len())?.checked_add(bytes_field_len(value.len())?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]

    use alloc::vec;

    use super::*;

    fn answer() -> Wrapped {
        let annotations = [("b.c".into(), vec![]), ("a.b".into(), vec![9])];
        Wrapped::new("id", [7, 8]).with_annotations(BTreeMap::from(annotations))
    }

    /// Put together by hand after the table of the wire format.
    #[test]
    fn an_object_is_written_field_by_field() {
        let answer = answer();
        let layout = ObjectLayout::of_answer(DekSourceKind::Seed, &answer);
        let mut out = vec![0xee; layout.len(3).unwrap() + 1];
        assert_eq!(layout.write(3, &mut out), Ok(2..5));
        let written = b"\x0a\x03\xee\xee\xee\x12\x02id\x1a\x02\x07\x08\
            \x22\x08\x0a\x03a.b\x12\x01\x09\x22\x07\x0a\x03b.c\x12\x00\x28\x01\xee";
        assert_eq!(out, written);
    }

    #[test]
    fn the_old_kind_is_left_out() {
        let answer = answer();
        let [old, new] =
            [DekSourceKind::AesGcmKey, DekSourceKind::Seed].map(|kind| ObjectLayout::of_answer(kind, &answer));
        assert_eq!(old.len(200), new.len(200).map(|len| len - 2));
        let mut out = vec![0xee; old.len(200).unwrap()];
        assert_eq!(old.write(200, &mut out), Ok(3..203));
        assert!(out.ends_with(b"b.c\x12\x00"));
    }

    #[test]
    fn too_little_room_is_refused_and_nothing_written() {
        let answer = answer();
        let layout = ObjectLayout::of_answer(DekSourceKind::Seed, &answer);
        let needed = layout.len(3).unwrap();
        for len in 0..needed {
            let mut out = vec![0xee; len];
            assert_eq!(layout.write(3, &mut out), Err(Error::BufferTooSmall { needed }));
            assert!(out.iter().all(|&byte| byte == 0xee));
        }
        for data_len in [0, usize::MAX, usize::MAX - 20] {
            assert_eq!(layout.len(data_len), None);
            assert_eq!(layout.write(data_len, &mut []), Err(Error::TooLong));
        }
    }

    #[test]
    fn the_reasons_come_in_the_order_of_reading() {
        let validate = |key_id: &str, source: &[u8], name: &str| {
            let wrapped = Wrapped::new(key_id, source).with_annotations(BTreeMap::from([(name.into(), vec![])]));
            ObjectLayout::of_answer(DekSourceKind::Seed, &wrapped).validate()
        };
        assert_eq!(validate("", b"", ""), Err(ObjectError::EncryptedDekSource(0)));
        assert_eq!(validate("", b"s", ""), Err(ObjectError::KeyId(0)));
        assert_eq!(validate("k", b"s", ""), Err(ObjectError::Annotations));
        assert_eq!(validate("k", b"s", "a.b"), Ok(()));
    }
}
