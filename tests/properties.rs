//! Properties over random inputs: a round trip through any lists, exact lengths, one verdict of all ways to
//! open whatever the bytes, and an `inspect` that tells the truth and prints no control characters.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "common/doubles.rs"]
mod doubles;

use atrest::{
    AesCbc, AesCbcKey, AesGcm, AesGcmKey, Error, Identity, NamedKey, Provider, ProviderKind, Secretbox, SecretboxKey,
    Transformer, inspect,
};
use doubles::Repeating;
use proptest::collection::vec;
use proptest::prelude::*;

const KINDS: [ProviderKind; 4] =
    [ProviderKind::AesCbc, ProviderKind::AesGcm, ProviderKind::Secretbox, ProviderKind::Identity];

/// Names and keys; the keys are few, so that they too repeat.
type Keys = Vec<(String, u8)>;

fn owned(kind: ProviderKind, keys: &Keys) -> Box<dyn Provider> {
    macro_rules! keyed {
        ($provider:ident, $key:ident) => {
            Box::new(
                $provider::new(keys.iter().map(|(name, key)| (name, $key::from_bytes(&[*key; 32]).unwrap()))).unwrap(),
            )
        };
    }
    match kind {
        ProviderKind::AesCbc => keyed!(AesCbc, AesCbcKey),
        ProviderKind::AesGcm => keyed!(AesGcm, AesGcmKey),
        ProviderKind::Secretbox => keyed!(Secretbox, SecretboxKey),
        _ => Box::new(Identity::new()),
    }
}

fn transformer(list: &[(ProviderKind, Keys)]) -> Transformer<'static> {
    let providers = list.iter().map(|(kind, keys)| owned(*kind, keys));
    let builder = providers.fold(Transformer::builder(), |builder, provider| builder.shared_provider(provider.into()));
    builder.build().unwrap()
}

/// Runs `check` on a transformer over borrowed keys and borrowed providers.
fn with_borrowed<R>(list: &[(ProviderKind, Keys)], check: impl FnOnce(&Transformer<'_>) -> R) -> R {
    let keys: Vec<_> = list.iter().flat_map(|(_, keys)| keys).map(|(_, key)| [*key; 32]).collect();
    let aescbc: Vec<_> = keys.iter().map(|key| AesCbcKey::from_bytes(key).unwrap()).collect();
    let aesgcm: Vec<_> = keys.iter().map(|key| AesGcmKey::from_bytes(key).unwrap()).collect();
    let secretbox: Vec<_> = keys.iter().map(|key| SecretboxKey::from_bytes(key).unwrap()).collect();
    let names: Vec<_> = list.iter().flat_map(|(_, keys)| keys).map(|(name, _)| name.as_str()).collect();
    let aescbc: Vec<_> = names.iter().zip(&aescbc).map(|(name, key)| NamedKey::new(*name, key).unwrap()).collect();
    let aesgcm: Vec<_> = names.iter().zip(&aesgcm).map(|(name, key)| NamedKey::new(*name, key).unwrap()).collect();
    let secretbox: Vec<_> =
        names.iter().zip(&secretbox).map(|(name, key)| NamedKey::new(*name, key).unwrap()).collect();
    let mut at = 0;
    let mut providers: Vec<Box<dyn Provider + '_>> = Vec::new();
    for (kind, keys) in list {
        let range = at..at + keys.len();
        at = range.end;
        providers.push(match kind {
            ProviderKind::AesCbc => Box::new(AesCbc::borrowed(&aescbc[range]).unwrap()),
            ProviderKind::AesGcm => Box::new(AesGcm::borrowed(&aesgcm[range]).unwrap()),
            ProviderKind::Secretbox => Box::new(Secretbox::borrowed(&secretbox[range]).unwrap()),
            _ => Box::new(Identity::new()),
        });
    }
    let providers: Vec<&dyn Provider> = providers.iter().map(|provider| &**provider).collect();
    check(&Transformer::borrowed(&providers).unwrap())
}

/// All that an opened value tells.
type Seen = Result<(Vec<u8>, ProviderKind, usize, Option<String>, bool), Error>;

/// Opens in all three ways, which agree.
fn open(transformer: &Transformer<'_>, aad: &[u8], stored: &[u8]) -> Seen {
    macro_rules! seen {
        ($opened:expr) => {
            $opened.map(|opened| {
                let name = opened.key_name().map(String::from);
                (opened.plaintext().to_vec(), opened.provider(), opened.provider_index(), name, opened.is_stale())
            })
        };
    }
    let seen: Seen = seen!(transformer.open(aad, stored));
    let suffices = transformer.open_len_max(stored);
    assert!(suffices <= stored.len());
    assert_eq!(seen!(transformer.open_into(aad, stored, &mut vec![0; suffices])), seen);
    assert_eq!(seen!(transformer.open_in_place(aad, &mut stored.to_vec())), seen);
    seen
}

fn keys() -> impl Strategy<Value = Keys> {
    vec(("[ab:]{1,3}", 1_u8..4), 1..=4)
}

/// One to four providers of different kinds, in any order.
fn different_providers() -> impl Strategy<Value = Vec<(ProviderKind, Keys)>> {
    (Just(KINDS.to_vec()).prop_shuffle(), vec(keys(), 1..=4))
        .prop_map(|(kinds, keys)| kinds.into_iter().zip(keys).collect())
}

/// Up to four providers, kinds repeated.
fn any_providers() -> impl Strategy<Value = Vec<(ProviderKind, Keys)>> {
    vec((proptest::sample::select(&KINDS[..]), keys()), 1..=4)
}

fn plaintext() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![8 => vec(any::<u8>(), 0..80), 1 => vec(any::<u8>(), 80..600), 1 => Just(b"k8s:enc:aesgcm:v1:a:".to_vec())]
}

/// Bytes as they may lie in a store: arbitrary ones, also behind prefixes and names.
fn stored() -> impl Strategy<Value = Vec<u8>> {
    let prefixes = prop_oneof![
        proptest::sample::select(&KINDS[..]).prop_map(|kind| kind.prefix().to_owned()),
        proptest::sample::select(vec![
            "k8s:enc:",
            "k8s:enc:kms:v1:",
            "k8s:enc:kms:v2:",
            "k8s:enc:aesgcm:v2:",
            "k8s:en"
        ])
        .prop_map(String::from),
    ];
    let body = prop_oneof![vec(any::<u8>(), 0..100), vec(any::<u8>(), 16..17), vec(any::<u8>(), 32..33)];
    (prefixes, "[ab:]{0,4}:?", body)
        .prop_map(|(prefix, name, body)| [prefix.as_bytes(), name.as_bytes(), &body].concat())
}

fn config() -> ProptestConfig {
    ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn what_was_sealed_opens(
        list in different_providers(), nonce in vec(any::<u8>(), 24), aad in vec(any::<u8>(), 0..40), plaintext in plaintext(),
    ) {
        let transformer = transformer(&list);
        let (kind, keys) = &list[0];
        let needed = transformer.sealed_len(plaintext.len()).unwrap();
        let mut out = vec![0; needed];
        let sealed = transformer.seal_into(&mut Repeating(nonce.clone()), &aad, &plaintext, &mut out);
        let refused = plaintext.starts_with(b"k8s:enc:") || plaintext.starts_with(b"atrest:env:");
        if *kind == ProviderKind::Identity && refused {
            prop_assert_eq!(sealed, Err(Error::LooksEncrypted));
            return Ok(());
        }
        prop_assert_eq!(sealed, Ok(needed));
        if needed > 0 {
            let short = transformer.seal_into(&mut Repeating(nonce), &aad, &plaintext, &mut vec![0; needed - 1]);
            prop_assert_eq!(short, Err(Error::BufferTooSmall { needed }));
        }
        let name = (*kind != ProviderKind::Identity).then(|| keys[0].0.clone());
        prop_assert_eq!(open(&transformer, &aad, &out), Ok((plaintext, *kind, 0, name, false)));
    }

    #[test]
    fn a_list_in_another_order_opens_it_as_stale(
        list in different_providers(), turn in 1_usize..4, aad in vec(any::<u8>(), 0..40), plaintext in plaintext(),
    ) {
        let written = transformer(&list).seal_with(&mut Repeating(vec![5]), &aad, &plaintext);
        prop_assume!(written.is_ok());
        let mut turned = list.clone();
        let turn = turn % list.len();
        turned.rotate_left(turn);
        let name = (list[0].0 != ProviderKind::Identity).then(|| list[0].1[0].0.clone());
        let index = (list.len() - turn) % list.len();
        let expected = Ok((plaintext, list[0].0, index, name, index != 0));
        prop_assert_eq!(open(&transformer(&turned), &aad, &written.unwrap()), expected);
    }

    #[test]
    fn owned_and_borrowed_lists_agree_on_arbitrary_bytes(
        list in any_providers(), stored in prop_oneof![stored(), vec(any::<u8>(), 0..100)], aad in vec(any::<u8>(), 0..9),
    ) {
        let by_owned = open(&transformer(&list), &aad, &stored);
        let by_borrowed = with_borrowed(&list, |transformer| open(transformer, &aad, &stored));
        prop_assert_eq!(by_owned, by_borrowed);
    }

    #[test]
    fn owned_and_borrowed_lists_agree_on_sealed_values(
        writers in any_providers(), readers in any_providers(), plaintext in plaintext(),
        place in any::<proptest::sample::Index>(), change in prop_oneof![Just(0), any::<u8>()],
    ) {
        let sealed = transformer(&writers).seal_with(&mut Repeating(vec![5]), b"", &plaintext);
        let borrowed =
            with_borrowed(&writers, |transformer| transformer.seal_with(&mut Repeating(vec![5]), b"", &plaintext));
        prop_assert_eq!(&sealed, &borrowed);
        let Ok(mut stored) = sealed else { return Ok(()) };
        if !stored.is_empty() {
            let place = place.index(stored.len());
            stored[place] ^= change;
        }
        let by_owned = open(&transformer(&readers), b"", &stored);
        prop_assert_eq!(by_owned, with_borrowed(&readers, |transformer| open(transformer, b"", &stored)));
    }

    #[test]
    fn inspect_tells_the_length_of_what_was_sealed(
        list in different_providers(), name in "\\PC{1,6}|[a:]{1,6}", plaintext in plaintext(),
    ) {
        let mut list = list;
        list[0].1[0].0 = name.clone();
        let sealed = transformer(&list).seal_with(&mut Repeating(vec![b':', 0xff, 0x01]), b"", &plaintext);
        prop_assume!(sealed.is_ok());
        let stored = sealed.unwrap();
        let inspection = inspect(&stored);
        prop_assert_eq!((inspection.provider(), inspection.is_possible()), (Some(list[0].0), true));
        prop_assert_eq!(inspection.stored_len(), stored.len());
        if list[0].0 == ProviderKind::Identity {
            prop_assert_eq!(inspection.candidates().count(), 0);
            return Ok(());
        }
        let candidate = inspection.candidates().find(|candidate| candidate.name() == name).expect("the key's name");
        let (shortest, longest) = candidate.plaintext_len().expect("a possible length");
        prop_assert!((shortest..=longest).contains(&plaintext.len()), "{shortest}..={longest}");
        prop_assert!(shortest == longest || list[0].0 == ProviderKind::AesCbc);
    }

    #[test]
    fn inspect_prints_no_control_character(
        stored in prop_oneof![stored(), vec(any::<u8>(), 0..60)], kind in proptest::sample::select(&KINDS[..]), name in any::<String>(),
    ) {
        let named = [kind.prefix().as_bytes(), name.as_bytes(), b":", &[b':'; 48]].concat();
        for stored in [stored, named] {
            let inspection = inspect(&stored);
            for text in [inspection.to_string(), format!("{inspection:?}")] {
                prop_assert!(!text.contains(is_hostile), "{text:?}");
            }
            for candidate in inspection.candidates() {
                prop_assert!(stored.len() > candidate.payload_len() && !candidate.to_string().contains(is_hostile));
                prop_assert!(candidate.wrapped_dek().is_none_or(|dek| dek.len() < candidate.payload_len()));
            }
        }
    }
}

/// Characters that move the cursor, change the direction of text or hide.
fn is_hostile(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200b}'..='\u{200f}')
}
