//! Any bytes, opened with every key loaded: all ways to open agree, and a failure leaves no plaintext.

use crate::{Value, lists};
use atrest::{Error, Opened, ProviderKind, Transformer};

/// All that an opened value tells.
#[derive(Debug, PartialEq)]
struct Found {
    plaintext: Vec<u8>,
    provider: ProviderKind,
    provider_index: usize,
    key_name: Option<String>,
    stale: bool,
}

impl Found {
    fn new<P>(opened: &Opened<'_, P>, plaintext: &[u8]) -> Self {
        Self {
            plaintext: plaintext.to_vec(),
            provider: opened.provider(),
            provider_index: opened.provider_index(),
            key_name: opened.key_name().map(str::to_owned),
            stale: opened.is_stale(),
        }
    }
}

type Verdict = Result<Found, Error>;

/// Runs one input.
pub fn run(input: &[u8]) {
    let Some(value) = Value::parse(input) else { return };
    let lists = lists();
    let verdict = open(&lists.owned, &value);
    assert_eq!(open(&lists.borrowed, &value), verdict);
    for transformer in [&lists.owned, &lists.borrowed] {
        assert_eq!(open_into(transformer, &value), verdict);
        assert_eq!(open_in_place(transformer, &value), verdict);
        open_into_too_little(transformer, &value, &verdict);
    }
    fails_closed(&value, &verdict);
}

fn open(transformer: &Transformer<'_>, value: &Value<'_>) -> Verdict {
    transformer.open(value.aad, &value.stored).map(|opened| Found::new(&opened, opened.plaintext()))
}

fn open_into(transformer: &Transformer<'_>, value: &Value<'_>) -> Verdict {
    let mut out = vec![0xa5; transformer.open_len_max(&value.stored)];
    assert!(out.len() <= value.stored.len());
    let verdict =
        transformer.open_into(value.aad, &value.stored, &mut out).map(|opened| Found::new(&opened, opened.plaintext()));
    if verdict.is_err() {
        assert!(out.iter().all(|&byte| byte == 0), "a failed open left bytes in the output");
    }
    verdict
}

fn open_in_place(transformer: &Transformer<'_>, value: &Value<'_>) -> Verdict {
    let mut buffer = value.stored.clone();
    let verdict =
        transformer.open_in_place(value.aad, &mut buffer).map(|opened| Found::new(&opened, opened.plaintext()));
    if verdict.is_err() {
        assert_eq!(buffer, value.stored, "a failed open in place changed the value");
    }
    verdict
}

/// A buffer of half the size gives the same verdict or asks for more, and leaves nothing behind.
fn open_into_too_little(transformer: &Transformer<'_>, value: &Value<'_>, verdict: &Verdict) {
    let enough = transformer.open_len_max(&value.stored);
    let mut out = vec![0xa5; enough / 2];
    match transformer.open_into(value.aad, &value.stored, &mut out) {
        Ok(opened) => {
            let found = Found::new(&opened, opened.plaintext());
            assert_eq!(Ok(&found), verdict.as_ref());
        }
        Err(error) => {
            match error {
                Error::BufferTooSmall { needed } => assert_eq!(needed, enough),
                error => assert_eq!(Err(&error), verdict.as_ref()),
            }
            assert!(out.iter().all(|&byte| byte == 0), "a failed open left bytes in the output");
        }
    }
}

/// What says that it is encrypted is never handed out as it is.
fn fails_closed(value: &Value<'_>, verdict: &Verdict) {
    match verdict {
        Ok(found) if found.provider == ProviderKind::Identity => {
            assert!(!value.stored.starts_with(b"k8s:enc:") && !value.stored.starts_with(b"atrest:env:"));
            assert_eq!(found.plaintext, value.stored);
            assert_eq!(found.key_name, None);
        }
        Ok(found) => {
            let name = found.key_name.as_deref().unwrap_or_default();
            let header = format!("{}{name}:", found.provider.prefix());
            assert!(!name.is_empty() && value.stored.starts_with(header.as_bytes()));
        }
        Err(error) => {
            assert!(matches!(error, Error::NoMatchingProvider | Error::NoMatchingKey | Error::Open), "{error:?}");
        }
    }
}
