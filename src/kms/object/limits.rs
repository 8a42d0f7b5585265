//! The limits on what a KMS says and what is stored of it; each is the most that is allowed.

use crate::error::{Error, Result};
use crate::kek::Wrapped;

use super::DekSourceKind;
use super::ObjectError;
use super::layout::ObjectLayout;

const KEY_ID_MAX: usize = 1024;
const DEK_SOURCE_MAX: usize = 1024;
pub(super) const ANNOTATIONS_MAX: usize = 32_768;

const NAME_MAX: usize = 253;
const LABEL_MAX: usize = 63;

pub(super) const fn check_dek_source(bytes: &[u8]) -> Result<(), ObjectError> {
    match bytes.len() {
        1..=DEK_SOURCE_MAX => Ok(()),
        len => Err(ObjectError::EncryptedDekSource(len)),
    }
}

/// Of a stored object, and of what a KMS says.
pub(crate) const fn check_key_id(key_id: &str) -> Result<(), ObjectError> {
    match key_id.len() {
        1..=KEY_ID_MAX => Ok(()),
        len => Err(ObjectError::KeyId(len)),
    }
}

/// Checks annotations of which each name occurs once.
pub(super) fn check_annotations<'a>(
    annotations: impl IntoIterator<Item = (&'a str, &'a [u8])>,
) -> Result<(), ObjectError> {
    let mut sum = 0_usize;
    for (name, value) in annotations {
        sum = sum.saturating_add(name.len()).saturating_add(value.len());
        if sum > ANNOTATIONS_MAX || !is_domain_name(name) {
            return Err(ObjectError::Annotations);
        }
    }
    Ok(())
}

/// Whether a KMS may answer this when it is asked to wrap a DEK.
///
/// # Errors
/// [`Error::KekAnswer`].
pub(crate) fn validate_answer(wrapped: &Wrapped) -> Result<()> {
    ObjectLayout::of_answer(DekSourceKind::default(), wrapped).validate().map_err(|_| Error::KekAnswer)
}

/// A fully qualified domain name as Kubernetes' `IsFullyQualifiedDomainName` has it: two labels of RFC 1123 or
/// more in lower case, and a dot behind them or not.
pub(super) fn is_domain_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.len() <= NAME_MAX && name.contains('.') && name.split('.').all(is_label)
}

fn is_label(label: &str) -> bool {
    let is_alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let (Some(&first), Some(&last)) = (label.as_bytes().first(), label.as_bytes().last()) else { return false };
    label.len() <= LABEL_MAX
        && is_alphanumeric(first)
        && is_alphanumeric(last)
        && label.bytes().all(|byte| is_alphanumeric(byte) || byte == b'-')
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use alloc::format;
    use alloc::string::String;
    use alloc::vec;

    use super::*;

    /// The names of the case list of Kubernetes' validation of domain names, and each limit.
    #[test]
    fn a_domain_name_is_what_kubernetes_takes_for_one() {
        let label = "a".repeat(63);
        let longest = format!("{label}.{label}.{label}.{}", "b".repeat(61));
        let [good, dotted] = [longest.clone(), format!("{longest}.")];
        for name in ["a.b", "foo.example.com", "a.b.", "1.2", "a-1.b--2", &good, &dotted, &format!("{label}.a")] {
            assert!(is_domain_name(name), "{name}");
        }
        let long_name = format!("{longest}b");
        let long_label = format!("a{label}.a");
        for name in [
            "",
            ".",
            "..",
            "a",
            "a.",
            "a..b",
            ".a.b",
            "a.b..",
            "-a.b",
            "a-.b",
            "a.-b",
            "a.b-",
            "A.b",
            "a.B",
            "a_.b",
            "*.a.b",
            "a.b ",
            "a.b\n",
            "a.\u{e9}",
            "a/b.c",
            &long_name,
            &long_label,
        ] {
            assert!(!is_domain_name(name), "{name:?}");
        }
    }

    #[test]
    fn an_answer_may_reach_each_limit_and_not_pass_it() {
        let answer = |key_id: usize, source: usize| Wrapped::new("k".repeat(key_id), vec![7; source]);
        for (key_id, source) in [(1, 1), (1024, 1), (1, 1024)] {
            assert_eq!(validate_answer(&answer(key_id, source)), Ok(()), "{key_id} {source}");
        }
        for (key_id, source) in [(0, 1), (1, 0), (1025, 1), (1, 1025)] {
            assert_eq!(validate_answer(&answer(key_id, source)), Err(Error::KekAnswer), "{key_id} {source}");
        }
    }

    #[test]
    fn annotations_of_an_answer_have_32_kib_in_sum() {
        let check = |name: &str, len: usize| {
            let both = [(String::from(name), vec![7; len]), (String::from("b.c"), vec![])];
            validate_answer(&Wrapped::new("k", [1]).with_annotations(BTreeMap::from(both)))
        };
        assert_eq!(check("a.b", 32_768 - 6), Ok(()));
        assert_eq!(check("a.b", 32_768 - 5), Err(Error::KekAnswer));
        // The dot behind the name counts.
        assert_eq!(check("a.b.", 32_768 - 7), Ok(()));
        assert_eq!(check("a.b.", 32_768 - 6), Err(Error::KekAnswer));
        assert_eq!(check("a", 1), Err(Error::KekAnswer));
    }
}
