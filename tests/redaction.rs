//! The texts of Debug and Display of every public type show nothing secret.
#![allow(clippy::unwrap_used, clippy::panic)]

#[path = "common/doubles.rs"]
mod doubles;

use core::fmt::{Debug, Display};

use atrest::{
    AesCbc, AesCbcKey, AesGcm, AesGcmKey, Error, Identity, NamedKey, OsRandom, PooledRandom, Provider, RandCore,
    RandomError, Secret, SecretVec, Secretbox, SecretboxKey, Transformer, inspect,
};
use base64::{Engine, engine::general_purpose::STANDARD};
use doubles::Repeating;
use secrecy::{SecretBox, SecretSlice};

const KEY: [u8; 32] = *b"\xc5\x9a\xf1\x03The-quick[brown]fox|jumps=\xe7\x8d";
const PLAINTEXT: &[u8] = b"\xd2\xbe\x91\xf7Zq#Vj*08/15=Wkx";

/// Panics if `text` shows four bytes in a row of a secret: raw, in hex, in base64 or as a list of numbers.
fn assert_shows_nothing(text: &str, secret: &[u8]) {
    let compact = |text: &str| text.replace([' ', '\n', '_', '-', ':'], "").replace("0x", "").replace(",]", "]");
    let (lower, dense) = (text.to_lowercase(), compact(&text.to_lowercase()));
    for window in secret.windows(4) {
        let hex: String = window.iter().map(|byte| format!("{byte:02x}")).collect();
        let hex_list = window.iter().map(|byte| format!("{byte:x}")).collect::<Vec<_>>().join(",");
        let list = window.iter().map(u8::to_string).collect::<Vec<_>>().join(",");
        for shown in [hex, hex_list, list] {
            assert!(!dense.contains(&shown), "{text} shows {shown}");
        }
        let escaped = window.escape_ascii().to_string().to_lowercase();
        let lossy = String::from_utf8_lossy(window).to_lowercase();
        assert!(!lower.contains(&escaped) && !lower.contains(&lossy), "{text} shows {escaped}");
    }
    for offset in 0..3 {
        // Three bytes are four symbols, whatever follows.
        for group in secret[offset..].chunks_exact(6) {
            let encoded = STANDARD.encode(group);
            assert!(!text.contains(&encoded), "{text} shows {encoded}");
        }
    }
}

fn assert_debug_shows_nothing(value: &dyn Debug) {
    for text in [format!("{value:?}"), format!("{value:#?}"), format!("{value:02x?}")] {
        assert!(!text.is_empty());
        assert_shows_nothing(&text, &KEY);
        assert_shows_nothing(&text, PLAINTEXT);
    }
}

fn assert_display_shows_nothing(value: &dyn Display) {
    let text = value.to_string();
    assert!(!text.is_empty());
    assert_shows_nothing(&text, &KEY);
    assert_shows_nothing(&text, PLAINTEXT);
}

#[test]
fn the_search_finds_what_is_shown() {
    let shown = [
        format!("{KEY:?}"),
        format!("{KEY:#?}"),
        format!("{KEY:02x?}"),
        format!("{:X?}", &KEY[9..14]),
        KEY.escape_ascii().to_string(),
        String::from_utf8_lossy(&KEY).into_owned(),
        format!("key {}", STANDARD.encode(KEY)),
        KEY.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":"),
    ];
    for text in shown {
        assert!(std::panic::catch_unwind(|| assert_shows_nothing(&text, &KEY)).is_err(), "{text}");
    }
    assert_shows_nothing("AesGcmKey { .. }", &KEY);
}

#[test]
fn keys_and_lists_show_names_and_no_key() {
    let secret = Secret::<32>::from_slice(&KEY).unwrap();
    let aescbc = AesCbcKey::try_from(&secret).unwrap();
    let aesgcm = AesGcmKey::try_from(&secret).unwrap();
    let secretbox = SecretboxKey::try_from(&secret).unwrap();
    let named = [NamedKey::new("name", &secretbox).unwrap()];
    let borrowed = Secretbox::borrowed(&named).unwrap();
    let (cbc_list, gcm_list) =
        (AesCbc::new([("a", aescbc.clone())]).unwrap(), AesGcm::new([("b", aesgcm.clone())]).unwrap());
    let values: [&dyn Debug; 11] = [
        &secret,
        &SecretVec::from_slice(&KEY).unwrap(),
        &SecretBox::<[u8; 32]>::from(&secret),
        &SecretSlice::from(SecretVec::from_slice(&KEY).unwrap()),
        &aescbc,
        &aesgcm,
        &secretbox,
        &named,
        &borrowed,
        &cbc_list,
        &gcm_list,
    ];
    values.into_iter().for_each(assert_debug_shows_nothing);
    let builder = Transformer::builder().provider(cbc_list).provider(gcm_list).provider(Identity::new());
    assert_debug_shows_nothing(&builder);
    let transformer = builder.build().unwrap();
    assert_debug_shows_nothing(&transformer);
    assert!(format!("{transformer:?}").contains("aesgcm [\"b\"]"));
    let sources: [&dyn Debug; 3] = [&OsRandom, &PooledRandom, &RandCore(KEY)];
    sources.into_iter().for_each(assert_debug_shows_nothing);
    assert!(format!("{secret:?} {named:?}").contains("name"));
}

#[test]
fn opened_values_and_inspections_show_no_plaintext() {
    let key = SecretboxKey::from_bytes(&KEY).unwrap();
    let builder = Transformer::builder().provider(Secretbox::new([("k", key)]).unwrap());
    let transformer = builder.provider(Identity::new()).build().unwrap();
    let sealed = transformer.seal_with(&mut Repeating(vec![7]), b"", PLAINTEXT).unwrap();
    for stored in [&sealed[..], PLAINTEXT] {
        let mut out = [0; 100];
        assert_debug_shows_nothing(&transformer.open(b"", stored).unwrap());
        assert_debug_shows_nothing(&transformer.open_into(b"", stored, &mut out).unwrap());
        assert_debug_shows_nothing(&transformer.open_in_place(b"", &mut stored.to_vec()).unwrap());
        assert_debug_shows_nothing(&inspect(stored));
        assert_display_shows_nothing(&inspect(stored));
        for candidate in inspect(stored).candidates() {
            assert_debug_shows_nothing(&candidate);
            assert_display_shows_nothing(&candidate);
        }
    }
}

#[cfg(feature = "envelope")]
#[test]
fn the_envelope_shows_ids_and_no_key() {
    use atrest::{Algorithm, DekLimits, DekScheme, Envelope, FreshDek, Kek, KekError, LocalKek, RecoveredDek, Refusal};
    let secret = Secret::<32>::from_slice(&KEY).unwrap();
    let scheme = DekScheme::Committing(Algorithm::Aes256Gcm);
    let mut kek = LocalKek::aes256gcm([("gone", &secret), ("id 1", &secret)]).unwrap();
    kek.destroy("gone");
    let wrapped = kek.wrap_dek(&KEY, PLAINTEXT).unwrap();
    let fresh = FreshDek::generate_with(scheme, DekLimits::NIST, &mut RandCore(Fixed)).unwrap();
    assert_eq!(fresh.expose(), &KEY);
    assert_debug_shows_nothing(&kek);
    assert_debug_shows_nothing(&wrapped);
    let envelope = Envelope::new(&kek).with_algorithm(Algorithm::Aes256Gcm);
    let sealed = envelope.seal(b"context", PLAINTEXT).unwrap();
    let values: [&dyn Debug; 5] = [
        &envelope,
        &envelope.sealer(b"context"),
        &fresh,
        &fresh.to_recovered(),
        &RecoveredDek::from_bytes(scheme, &KEY).unwrap(),
    ];
    values.into_iter().for_each(assert_debug_shows_nothing);
    assert!(format!("{envelope:?}").contains("id 1"));
    assert_display_shows_nothing(&inspect(&sealed));
    for error in [
        envelope.open(b"another", &sealed).unwrap_err(),
        KekError::new(Refusal::Unreachable, "timed out").into(),
        Error::KekAnswer.into(),
    ] {
        assert_debug_shows_nothing(&error);
        assert_display_shows_nothing(&error);
    }
}

/// A generator of one key.
#[cfg(feature = "envelope")]
struct Fixed;

#[cfg(feature = "envelope")]
impl rand_core::TryRng for Fixed {
    type Error = core::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(0)
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(0)
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Self::Error> {
        out.copy_from_slice(&KEY);
        Ok(())
    }
}

#[cfg(feature = "envelope")]
impl rand_core::TryCryptoRng for Fixed {}

#[test]
fn errors_show_lengths_at_most() {
    let errors = [
        Error::NoMatchingProvider,
        Error::NoMatchingKey,
        Error::Encrypted,
        Error::LooksEncrypted,
        Error::Open,
        Error::BufferTooSmall { needed: 48 },
        Error::TooLong,
        Error::SealsExhausted,
        Error::Random,
        Error::OutOfMemory,
        AesGcmKey::from_bytes(&KEY[..31]).unwrap_err(),
        SecretboxKey::from_base64(String::from_utf8_lossy(&KEY).as_bytes()).unwrap_err(),
        Secret::<16>::from_base64(STANDARD.encode(KEY)).unwrap_err(),
        Error::NoProvider,
        Error::NoKey,
        Error::EmptyKeyName,
        Error::KeyId,
        Error::KekNotMine,
        Error::KekGone,
        Error::KekDenied,
        Error::KekAnswer,
        NamedKey::new(&KEY[..], &()).unwrap_err(),
    ];
    for error in errors {
        assert_debug_shows_nothing(&error);
        assert_display_shows_nothing(&error);
        assert!(core::error::Error::source(&error).is_none());
        let text = error.to_string();
        assert!(!text.ends_with('.') && text.starts_with(|c: char| c.is_lowercase()), "{text}");
        assert_eq!(error.is_retryable(), matches!(error, Error::Random | Error::OutOfMemory), "{text}");
    }
    assert_debug_shows_nothing(&RandomError);
    assert_display_shows_nothing(&RandomError);
    assert_eq!(Identity::new().kind().to_string(), "identity");
}
