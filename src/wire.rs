//! Cursors over byte slices. They know no format and no secret.

#[cfg(feature = "kms")]
pub(crate) mod proto;

/// Writes strictly left to right into a slice.
#[derive(Debug)]
pub(crate) struct Writer<'a> {
    rest: &'a mut [u8],
}

impl<'a> Writer<'a> {
    pub(crate) fn new(out: &'a mut [u8]) -> Self {
        Self { rest: out }
    }

    /// Appends `bytes`, or returns `None` and writes nothing when they do not fit.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> Option<()> {
        if bytes.len() > self.rest.len() {
            return None;
        }
        let (head, tail) = core::mem::take(&mut self.rest).split_at_mut(bytes.len());
        head.copy_from_slice(bytes);
        self.rest = tail;
        Some(())
    }

    /// Leaves `len` bytes as they are, for someone else to write.
    #[cfg(feature = "kms")]
    pub(crate) fn leave(&mut self, len: usize) -> Option<()> {
        if len > self.rest.len() {
            return None;
        }
        self.rest = core::mem::take(&mut self.rest).split_at_mut(len).1;
        Some(())
    }

    /// What is left to write into.
    pub(crate) fn into_rest(self) -> &'a mut [u8] {
        self.rest
    }
}

/// Reads a big-endian `u16` length and that many bytes; returns them and what follows.
pub(crate) fn split_u16_prefixed(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<2>()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))
}

/// Joins fields so that no two lists of fields give the same bytes: the length of each as a big-endian `u64` in front
/// of it. `None` if there is no memory for that.
#[cfg(feature = "envelope")]
pub(crate) fn join_u64_prefixed(fields: &[&[u8]]) -> Option<alloc::vec::Vec<u8>> {
    let len = fields.iter().try_fold(0_usize, |sum, field| sum.checked_add(field.len())?.checked_add(8))?;
    let mut joined = alloc::vec::Vec::new();
    joined.try_reserve_exact(len).ok()?;
    for field in fields {
        joined.extend_from_slice(&u64::try_from(field.len()).ok()?.to_be_bytes());
        joined.extend_from_slice(field);
    }
    Some(joined)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_writer_refuses_what_does_not_fit() {
        let mut out = [0; 3];
        let mut writer = Writer::new(&mut out);
        assert_eq!(writer.put(b"ab"), Some(()));
        assert_eq!(writer.put(b"cd"), None);
        assert_eq!(writer.put(b"e"), Some(()));
        assert!(writer.into_rest().is_empty());
        assert_eq!(out, *b"abe");
    }

    #[cfg(feature = "kms")]
    #[test]
    fn a_writer_leaves_no_more_than_there_is() {
        let mut out = [7; 3];
        let mut writer = Writer::new(&mut out);
        assert_eq!((writer.leave(4), writer.leave(1), writer.put(b"a")), (None, Some(()), Some(())));
        assert_eq!((writer.leave(1), writer.leave(1)), (Some(()), None));
        assert!(writer.into_rest().is_empty());
        assert_eq!(out, [7, b'a', 7]);
    }

    #[test]
    fn a_prefixed_field_ends_where_it_says() {
        assert_eq!(split_u16_prefixed(b"\0\x02abc"), Some((&b"ab"[..], &b"c"[..])));
        assert_eq!(split_u16_prefixed(b"\0\0"), Some((&b""[..], &b""[..])));
        assert_eq!(split_u16_prefixed(b"\0\x03ab"), None);
        assert_eq!(split_u16_prefixed(b"\0"), None);
    }
}
