//! The annotations of a message as they are read, in memory that has a bound.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use super::ObjectError;
use super::limits::{ANNOTATIONS_MAX, check_annotations, is_domain_name};

/// Annotations by name; of several with one name the last.
///
/// Once they cannot become valid any more, nothing is kept of them: only values are ever replaced, so a bad name
/// stays, and so does the sum of the names. That bounds what hostile input can make this hold, to as many names
/// as 32 KiB have room for.
pub(super) struct Collected<'a> {
    by_name: BTreeMap<&'a str, &'a [u8]>,
    names_len: usize,
    is_valid: bool,
}

impl Default for Collected<'_> {
    fn default() -> Self {
        Self { by_name: BTreeMap::new(), names_len: 0, is_valid: true }
    }
}

impl<'a> Collected<'a> {
    pub(super) fn insert(&mut self, name: &'a str, value: &'a [u8]) {
        if !self.is_valid {
            return;
        }
        if self.by_name.insert(name, value).is_none() {
            self.names_len = self.names_len.saturating_add(name.len());
        }
        if self.names_len > ANNOTATIONS_MAX || !is_domain_name(name) {
            self.is_valid = false;
            self.by_name = BTreeMap::new();
        }
    }

    pub(super) fn into_sorted(self) -> Result<Vec<(&'a str, &'a [u8])>, ObjectError> {
        if !self.is_valid {
            return Err(ObjectError::Annotations);
        }
        let sorted: Vec<_> = self.by_name.into_iter().collect();
        check_annotations(sorted.iter().copied())?;
        Ok(sorted)
    }
}

#[cfg(test)]
mod tests {
    use alloc::format;

    use super::*;

    #[test]
    fn nothing_is_kept_of_what_cannot_become_valid() {
        let mut collected = Collected::default();
        collected.insert("a.b", b"1");
        collected.insert("a", b"2");
        collected.insert("c.d", b"3");
        assert!(collected.by_name.is_empty());
        assert_eq!(collected.into_sorted(), Err(ObjectError::Annotations));

        let names: Vec<_> = (0..20_000).map(|i| format!("{i}.a")).collect();
        let mut collected = Collected::default();
        for (index, name) in names.iter().enumerate() {
            collected.insert(name, b"");
            assert!(collected.by_name.len() * 4 <= ANNOTATIONS_MAX, "{index}");
        }
        assert_eq!(collected.into_sorted(), Err(ObjectError::Annotations));
    }

    #[test]
    fn names_may_fill_what_is_allowed() {
        let label = "a".repeat(63);
        let names: Vec<_> = (100..230).map(|i| format!("{i}.{label}.{label}.{label}.{}", "b".repeat(56))).collect();
        assert!(names.iter().all(|name| name.len() == 252));
        for (last, is_valid) in [("abc.defg", true), ("abc.defgh", false)] {
            let mut collected = Collected::default();
            names.iter().map(|name| &**name).chain([last]).for_each(|name| collected.insert(name, b""));
            assert_eq!((collected.names_len, collected.is_valid), (32_760 + last.len(), is_valid));
            assert_eq!(collected.into_sorted().is_ok(), is_valid);
        }
    }

    #[test]
    fn a_long_value_does_no_harm_once_it_is_replaced() {
        let long = [0; ANNOTATIONS_MAX];
        let mut collected = Collected::default();
        collected.insert("c.d", &long);
        collected.insert("a.b", b"1");
        collected.insert("c.d", b"2");
        assert_eq!(collected.into_sorted(), Ok(Vec::from([("a.b", &b"1"[..]), ("c.d", b"2")])));
    }
}
