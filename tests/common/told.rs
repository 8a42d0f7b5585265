//! What a list of providers tells of a value.

#[path = "vectors/lists.rs"]
#[allow(dead_code, reason = "only the recorded cases need to know where a nonce lies")]
mod lists;
#[path = "scripted_nonce.rs"]
mod scripted_nonce;

use atrest::{Error, Opened, Transformer};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use lists::Configured;
use scripted_nonce::ScriptedNonce;

pub(crate) const AAD: &[u8] = b"/registry/secrets/default/login1";
const PLAINTEXT: &[u8] = b"plaintext";

/// A provider by its kind, with its keys.
pub(crate) type Entry<'a> = (&'a str, Keys<'a>);

/// Each key is a name and the byte that all of the key consists of.
pub(crate) type Keys<'a> = &'a [(&'a str, u8)];

#[derive(Debug, PartialEq)]
pub(crate) enum State {
    Fresh,
    Stale,
}

#[derive(Debug, PartialEq)]
pub(crate) enum Read {
    Encrypted,
    Plain,
}

/// Index of the provider, name of the key, whether the value was encrypted, whether it is stale.
pub(crate) type Told<'a> = Result<(usize, Option<&'a str>, Read, State), Error>;

fn configured(list: &[Entry<'_>]) -> Configured {
    let key = |&(name, byte): &(&str, u8)| json!({ "name": name, "secret": STANDARD.encode([byte; 32]) });
    let entry = |&(kind, keys): &Entry<'_>| json!({ kind: { "keys": keys.iter().map(key).collect::<Vec<_>>() } });
    let list: Value = list.iter().map(entry).collect();
    Configured::from_json(&list).unwrap_or_else(|_| panic!("{list}"))
}

/// A value as a list of this one key writes it.
pub(crate) fn by(kind: &str, name: &str, byte: u8) -> Vec<u8> {
    let nonce_len = match kind {
        "aescbc" => 16,
        "aesgcm" => 12,
        _ => 24,
    };
    let nonce = vec![0x33; nonce_len];
    let seal = |writer: &Transformer<'_>, _: &Transformer<'_>| {
        writer.seal_with(&mut ScriptedNonce::new(Some(&nonce)), AAD, PLAINTEXT).unwrap()
    };
    configured(&[(kind, &[(name, byte)])]).with_both(seal).unwrap()
}

pub(crate) fn told<'t, P>(opened: &Opened<'t, P>) -> (usize, Option<&'t str>, Read, State) {
    let read = if opened.was_encrypted() { Read::Encrypted } else { Read::Plain };
    let state = if opened.is_stale() { State::Stale } else { State::Fresh };
    (opened.provider_index(), opened.key_name(), read, state)
}

/// The list tells this of the value, with owned and with borrowed keys, opened apart and in place.
#[track_caller]
pub(crate) fn assert_told(list: &[Entry<'_>], stored: &[u8], expected: &Told<'_>) {
    let plaintext = if stored.starts_with(b"k8s:enc:") { PLAINTEXT } else { stored };
    let check = |transformer: &Transformer<'_>| {
        let shown = format!("{list:?} {}", stored.escape_ascii());
        let mut out = vec![1; transformer.open_len_max(stored)];
        let into = transformer.open_into(AAD, stored, &mut out);
        assert!(into.as_ref().map_or(true, |opened| opened.plaintext() == plaintext), "{shown}");
        assert_eq!(&into.map(|opened| told(&opened)), expected, "{shown}");
        let mut buffer = stored.to_vec();
        let in_place = transformer.open_in_place(AAD, &mut buffer);
        assert!(in_place.as_ref().map_or(true, |opened| opened.plaintext() == plaintext), "{shown}");
        assert_eq!(&in_place.map(|opened| told(&opened)), expected, "{shown}");
    };
    configured(list).with_both(|owned, borrowed| [owned, borrowed].map(check)).unwrap();
}
