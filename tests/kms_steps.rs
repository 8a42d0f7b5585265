//! An `EnvelopeTransformer` by hand: where the walk suspends, how it goes on, what it reports, and what becomes of the
//! output on the way.
#![allow(clippy::unwrap_used, clippy::panic, clippy::std_instead_of_alloc)]

#[path = "common/by_hand.rs"]
mod by_hand;
#[path = "common/table_kek.rs"]
mod table_kek;

use std::collections::BTreeMap;

use std::sync::Arc;

use atrest::{
    AesGcm, AesGcmKey, Algorithm, DekCache, DekLimits, DekSourceKind, EnvelopeProvider, EnvelopeTransformer, Error,
    Identity, Kek, KmsState, KmsV1, KmsV2, OsRandom, Pending, ProviderKind, Refusal, SealStep, Step,
};
use by_hand::{AAD, NOW, Seen, TEXT, open, open_in, plan, plan_for, seal, v2};
use table_kek::{TableKek, TestClock};

fn v1() -> KmsV1 {
    KmsV1::new("a").unwrap()
}

fn aesgcm() -> AesGcm<'static> {
    AesGcm::new([("key1", AesGcmKey::from_bytes(&[7; 32]).unwrap())]).unwrap()
}

fn list_of_v1() -> EnvelopeTransformer<'static> {
    EnvelopeTransformer::builder().wrapped(v1()).build().unwrap()
}

fn list_of_v2(kek: &TableKek) -> EnvelopeTransformer<'static> {
    EnvelopeTransformer::builder().shared_wrapped(v2(kek)).build().unwrap()
}

fn suspended<'t, 's>(step: Result<Step<'t, 's>, Error>) -> Pending<'t, 's> {
    match step.unwrap() {
        Step::Unwrap(pending) => pending,
        Step::Ready(opened) => panic!("{opened:?}"),
    }
}

#[test]
fn opening_suspends_with_what_has_to_be_unwrapped() {
    let kek = TableKek::new("id1");
    let annotations = BTreeMap::from([("b.c".to_owned(), vec![2]), ("a.b".to_owned(), vec![1])]);
    let stored = seal(&list_of_v1(), &kek);
    let transformer = list_of_v1();
    let mut out = [0xee; 64];
    let pending = suspended(transformer.open_into(NOW, AAD, &stored, &mut out));
    assert_eq!((out, pending.provider_index(), pending.provider()), ([0; 64], 0, ProviderKind::KmsV1));
    let handle = &stored["k8s:enc:kms:v1:a:".len() + 2..][..32];
    let request = pending.request();
    assert_eq!((request.bytes(), request.key_id(), request.context()), (handle, "", &[][..]));
    assert_eq!((request.annotations(), pending.provider_name()), (&[][..], Some("a")));

    kek.set(|script| script.annotations = annotations);
    let stored = seal(&list_of_v2(&kek), &kek);
    let transformer = list_of_v2(&kek);
    let pending = suspended(transformer.open_into(NOW, AAD, &stored, &mut out));
    let request = pending.request();
    assert_eq!((request.key_id(), request.context(), request.bytes().len()), ("id1", &[][..], 32));
    assert_eq!(request.annotations(), [("a.b", &[1][..]), ("b.c", &[2])]);
    kek.set(|script| script.strict = true);
    assert_eq!(open(&transformer, &[&kek], &stored).unwrap().text, TEXT);
}

#[test]
fn an_own_envelope_binds_its_dek_to_the_aad_and_a_kms_gets_no_context() {
    let kek = TableKek::new("id1");
    let own = || EnvelopeTransformer::builder().wrapped(EnvelopeProvider::new()).build().unwrap();
    let (transformer, v1) = (own(), list_of_v1());
    for (transformer, context) in [(&transformer, AAD), (&v1, b"")] {
        let SealStep::Wrap(pending) = transformer.seal(&mut OsRandom, NOW, AAD, 1).unwrap() else { panic!() };
        assert_eq!(pending.context(), context);
    }
    let stored = seal(&transformer, &kek);
    let mut out = [0; 64];
    assert_eq!(suspended(own().open_into(NOW, AAD, &stored, &mut out)).request().context(), AAD);
    assert_eq!(open_in(&own(), &[&kek], b"other", &stored, 64), Err(Error::KekNotMine));
    assert_eq!(open(&own(), &[&kek], &stored).unwrap().text, TEXT);
}

#[test]
fn what_was_unwrapped_once_is_at_hand() {
    let kek = TableKek::new("id1");
    for (transformer, stored) in
        [(list_of_v1(), seal(&list_of_v1(), &kek)), (list_of_v2(&kek), seal(&list_of_v2(&kek), &kek))]
    {
        let asked = kek.unwraps();
        for _ in 0..3 {
            let seen = open(&transformer, &[&kek], &stored).unwrap();
            assert_eq!((seen.text.as_slice(), seen.stale, kek.unwraps()), (TEXT, false, asked + 1));
        }
    }
}

#[test]
fn what_is_written_here_is_read_here_without_the_kek() {
    let kek = TableKek::new("id1");
    for transformer in [list_of_v1(), list_of_v2(&kek)] {
        let stored = seal(&transformer, &kek);
        kek.refuse(Refusal::Unreachable);
        assert_eq!(open(&transformer, &[&kek], &stored).unwrap().text, TEXT);
        kek.refuse(None);
    }
    let uncached = EnvelopeTransformer::builder().wrapped(v1().with_cache(DekCache::disabled())).build().unwrap();
    let stored = seal(&uncached, &kek);
    for asked in 1..4 {
        assert_eq!((open(&uncached, &[&kek], &stored).unwrap().text.as_slice(), kek.unwraps()), (TEXT, asked));
    }
}

#[test]
fn a_refusal_lets_the_walk_go_on() {
    let (old, new) = (TableKek::new("old"), TableKek::new("new"));
    let stored = [seal(&list_of_v1(), &old), seal(&list_of_v2(&old), &old)];
    for refusal in [None, Some(Refusal::Gone), Some(Refusal::Denied), Some(Refusal::Unreachable)] {
        let twice_v1 = EnvelopeTransformer::builder().wrapped(v1()).wrapped(v1()).build().unwrap();
        let twice_v2 = EnvelopeTransformer::builder().shared_wrapped(v2(&new)).shared_wrapped(v2(&old));
        new.refuse(refusal);
        for (transformer, stored) in [&twice_v1, &twice_v2.build().unwrap()].into_iter().zip(&stored) {
            let seen = open(transformer, &[&new, &old], stored).unwrap();
            assert_eq!((seen.text.as_slice(), seen.index, seen.stale), (TEXT, 1, true));
        }
        new.refuse(None);
    }
}

#[test]
fn every_entry_of_a_mixed_list_opens_its_own() {
    let kek = TableKek::new("id1");
    let list = EnvelopeTransformer::builder().wrapped(v1()).shared_wrapped(v2(&kek)).provider(aesgcm());
    let transformer = list.wrapped(EnvelopeProvider::new()).provider(Identity::new()).build().unwrap();
    let by_static = EnvelopeTransformer::builder().provider(aesgcm()).build().unwrap();
    let by_own = EnvelopeTransformer::builder().wrapped(EnvelopeProvider::new()).build().unwrap();
    let values = [
        (seal(&list_of_v1(), &kek), ProviderKind::KmsV1),
        (seal(&list_of_v2(&kek), &kek), ProviderKind::KmsV2),
        (seal(&by_static, &kek), ProviderKind::AesGcm),
        (seal(&by_own, &kek), ProviderKind::Envelope),
        (TEXT.to_vec(), ProviderKind::Identity),
    ];
    for (index, (stored, kind)) in values.into_iter().enumerate() {
        let expected = Seen { text: TEXT.to_vec(), index, kind, stale: index > 0 };
        assert_eq!(open(&transformer, &[&kek; 5], &stored), Ok(expected));
    }
}

type Fail = fn(&TableKek);

/// What an entry of a list does with a value that the last one could open.
const FAILURES: [(Error, Fail); 7] = [
    (Error::KekUnreachable, |kek| kek.refuse(Refusal::Unreachable)),
    (Error::KekGone, |kek| kek.refuse(Refusal::Gone)),
    (Error::KekDenied, |kek| kek.refuse(Refusal::Denied)),
    (Error::KekAnswer, |kek| kek.set(|script| script.dek_len = Some(31))),
    (Error::KekAnswer, |kek| kek.set(|script| script.dek_len = Some(33))),
    (Error::Open, |kek| kek.set(|script| script.wrong_dek = true)),
    (Error::KekNotMine, |kek| kek.refuse(Refusal::NotMine)),
];

/// What may pass, a buffer that is too small, what a KEK said, damage, no match.
fn rank(error: Error) -> usize {
    match error {
        Error::KekUnreachable => 0,
        Error::BufferTooSmall { .. } => 1,
        Error::KekGone | Error::KekDenied | Error::KekAnswer => 2,
        Error::Open => 3,
        _ => 4,
    }
}

#[test]
fn of_several_failures_the_one_that_may_pass_is_reported() {
    for (first, fail_first) in FAILURES {
        for (second, fail_second) in FAILURES {
            let keks = [TableKek::new("id1"), TableKek::new("id1")];
            let stored = seal(&list_of_v1(), &keks[0]);
            assert_eq!(seal(&list_of_v1(), &keks[1])[..51], stored[..51], "both know the handle");
            let transformer = EnvelopeTransformer::builder().wrapped(v1()).wrapped(v1()).build().unwrap();
            fail_first(&keks[0]);
            fail_second(&keks[1]);
            let expected = if rank(second) < rank(first) { second } else { first };
            assert_eq!(open(&transformer, &[&keks[0], &keks[1]], &stored), Err(expected), "{first} {second}");
        }
    }
}

#[test]
fn a_small_buffer_ends_the_walk_and_hides_nothing_that_may_pass() {
    let needed = TEXT.len();
    for (error, fail) in FAILURES {
        let [broken, kek] = [TableKek::new("id1"), TableKek::new("id1")];
        let stored = seal(&list_of_v1(), &kek);
        let _ = seal(&list_of_v1(), &broken);
        let list = || EnvelopeTransformer::builder().wrapped(v1()).wrapped(v1()).build().unwrap();
        fail(&broken);
        let expected = if rank(error) == 0 { error } else { Error::BufferTooSmall { needed } };
        assert_eq!(open_in(&list(), &[&broken, &kek], AAD, &stored, needed - 1), Err(expected), "{error}");
        let asked = broken.unwraps();
        let too_small = Err(Error::BufferTooSmall { needed });
        assert_eq!(open_in(&list(), &[&kek, &broken], AAD, &stored, needed - 1), too_small);
        assert_eq!(broken.unwraps(), asked, "the walk ended");
    }
}

#[test]
fn a_buffer_of_what_is_needed_suffices() {
    let kek = TableKek::new("id1");
    let own = || EnvelopeTransformer::builder().wrapped(EnvelopeProvider::new()).build().unwrap();
    let lists: [&dyn Fn() -> EnvelopeTransformer<'static>; 3] = [&list_of_v1, &|| list_of_v2(&kek), &own];
    for list in lists {
        let stored = seal(&list(), &kek);
        let transformer = list();
        let needed = transformer.open_len_max(AAD, &stored);
        assert_eq!(needed, TEXT.len());
        let too_small = Err(Error::BufferTooSmall { needed });
        assert_eq!(open_in(&transformer, &[&kek], AAD, &stored, needed - 1), too_small);
        assert_eq!(open_in(&transformer, &[&kek], AAD, &stored, 0), too_small);
        let asked = kek.unwraps();
        assert_eq!(open_in(&transformer, &[&kek], AAD, &stored, needed).unwrap().text, TEXT);
        assert_eq!(kek.unwraps(), asked, "the DEK was kept");
    }
}

#[test]
fn identity_is_not_tried_once_a_prefix_matched() {
    let kek = TableKek::new("id1");
    kek.refuse(Refusal::NotMine);
    let prefixes = ["k8s:enc:kms:v1:a:", "k8s:enc:kms:v2:a:", "k8s:enc:aesgcm:v1:key1:", "atrest:env:v1:"];
    for identity in [Identity::new(), Identity::as_apiserver()] {
        let list = EnvelopeTransformer::builder().wrapped(v1()).wrapped(KmsV2::new("a").unwrap()).provider(aesgcm());
        let transformer = list.wrapped(EnvelopeProvider::new()).provider(identity).build().unwrap();
        for prefix in prefixes {
            for rest in ["", "x", "\0\u{1}xyz", "\u{1}\0\u{1}k\0\u{1}w and some more"] {
                let stored = [prefix, rest].concat();
                assert!(open(&transformer, &[&kek; 5], stored.as_bytes()).is_err(), "{stored:?}");
            }
        }
        // No entry has these prefixes; what is not of its kind, identity refuses by itself.
        for stored in ["k8s:enc:kms:v1:b:", "k8s:enc:kms:v3:a:"] {
            assert_eq!(open(&transformer, &[&kek; 5], stored.as_bytes()), Err(Error::NoMatchingProvider));
        }
        let other = open(&transformer, &[&kek; 5], b"atrest:env:v2:");
        assert_eq!(other.is_ok(), identity == Identity::as_apiserver());
    }
}

#[test]
fn a_value_is_stale_by_place_by_key_id_and_by_kind() {
    let [old, new] = [TableKek::new("old"), TableKek::new("new")];
    let kind = |kek: &TableKek, kind| {
        let kms = KmsV2::with_state("a", KmsState::new(kind, DekLimits::NIST)).unwrap();
        kms.check_with(kek, &TestClock::default()).unwrap();
        EnvelopeTransformer::builder().wrapped(kms).build().unwrap()
    };
    let (seed, key) = (DekSourceKind::Seed, DekSourceKind::AesGcmKey);
    for (by, by_kind, of, of_kind, stale) in [
        (&old, seed, &old, seed, false),
        (&old, key, &old, key, false),
        (&new, seed, &old, seed, true),
        (&old, seed, &old, key, true),
        (&old, key, &old, seed, true),
    ] {
        let stored = seal(&kind(of, of_kind), of);
        // Under the same key id it is another seed all the same.
        assert_eq!(open(&kind(by, by_kind), &[of], &stored).unwrap().stale, stale);
    }
    let provider = Arc::new(EnvelopeProvider::new());
    let aes = EnvelopeProvider::new().with_algorithm(Algorithm::Aes256Gcm);
    let aes = EnvelopeTransformer::builder().wrapped(aes).build().unwrap();
    let xchacha = EnvelopeTransformer::builder().shared_wrapped(provider.clone()).build().unwrap();
    let stored = seal(&xchacha, &old);
    assert_eq!(open(&xchacha, &[&old], &stored).map(|seen| seen.stale), Ok(false));
    assert_eq!(open(&aes, &[&old], &stored).map(|seen| seen.stale), Ok(true));
    // An answer that came late does not make others stale; who asked the KEK for its key does.
    let _ = seal(&xchacha, &new);
    assert_eq!(open(&xchacha, &[&old], &stored).map(|seen| seen.stale), Ok(false));
    provider.set_key_id("id2");
    assert_eq!(open(&xchacha, &[&old], &stored).map(|seen| seen.stale), Ok(true));
}

#[test]
fn an_empty_aad_is_refused_where_kubernetes_would_panic() {
    let kek = TableKek::new("id1");
    let of_kind = |kind| {
        let kms = KmsV2::with_state("a", KmsState::new(kind, DekLimits::NIST)).unwrap();
        kms.check_with(&kek, &TestClock::default()).unwrap();
        EnvelopeTransformer::builder().wrapped(kms).build().unwrap()
    };
    let seeded = of_kind(DekSourceKind::Seed);
    assert_eq!(plan_for(&seeded, &kek, b"").unwrap_err(), Error::AadRequired);
    let stored = seal(&seeded, &kek);
    assert_eq!(open_in(&seeded, &[&kek], b"", &stored, 99), Err(Error::AadRequired));
    for transformer in [list_of_v1(), of_kind(DekSourceKind::AesGcmKey)] {
        let stored = plan_for(&transformer, &kek, b"").unwrap().seal_to_vec(&mut OsRandom, TEXT).unwrap();
        assert_eq!(open_in(&transformer, &[&kek], b"", &stored, 99).unwrap().text, TEXT);
        assert_eq!(open_in(&transformer, &[&kek], b"x", &stored, 99), Err(Error::Open));
    }
}

#[test]
fn a_pending_open_goes_on_with_what_came_to_hand() {
    let kek = TableKek::new("id1");
    for (stored, transformer) in
        [(seal(&list_of_v1(), &kek), list_of_v1()), (seal(&list_of_v2(&kek), &kek), list_of_v2(&kek))]
    {
        let (mut out, mut other) = ([0xee; 64], [0xee; 64]);
        drop(transformer.open_into(NOW, AAD, &stored, &mut out));
        let first = suspended(transformer.open_into(NOW, AAD, &stored, &mut out));
        let second = suspended(transformer.open_into(NOW, AAD, &stored, &mut other));
        assert_eq!(first.cache_key(), second.cache_key());
        assert!(!second.is_at_hand(NOW));
        let second = suspended(second.retry(NOW, &mut other));
        let dek = kek.unwrap_dek(&first.request()).unwrap();
        let Step::Ready(opened) = first.answer(NOW, &dek, &mut out).unwrap() else { panic!() };
        assert_eq!(opened.plaintext_in(&out), TEXT);
        assert!(second.is_at_hand(NOW));
        let Step::Ready(opened) = second.retry(NOW, &mut other).unwrap() else { panic!() };
        assert_eq!(opened.plaintext_in(&other), TEXT);
    }
}

#[test]
fn a_plan_knows_its_length_and_leaves_nothing_in_a_smaller_buffer() {
    let kek = TableKek::new("id1");
    let own = EnvelopeTransformer::builder().wrapped(EnvelopeProvider::new()).build().unwrap();
    for transformer in [list_of_v1(), list_of_v2(&kek), own] {
        let needed = plan(&transformer, &kek).unwrap().sealed_len(TEXT.len()).unwrap();
        let mut out = vec![0; needed + 5];
        for len in [0, 1, 20, needed - 1] {
            out.fill(0xee);
            let sealed = plan(&transformer, &kek).unwrap().seal_into(&mut OsRandom, TEXT, &mut out[..len]);
            assert_eq!(sealed, Err(Error::BufferTooSmall { needed }));
            assert!(!out.windows(TEXT.len()).any(|window| window == TEXT));
        }
        assert_eq!(plan(&transformer, &kek).unwrap().seal_into(&mut OsRandom, TEXT, &mut out), Ok(needed));
        assert_eq!(open(&transformer, &[&kek], &out[..needed]).unwrap().text, TEXT);
    }
}

#[test]
fn a_plan_outlives_a_rotation() {
    let kek = TableKek::new("old");
    let kms = v2(&kek);
    let transformer = EnvelopeTransformer::builder().shared_wrapped(kms.clone()).build().unwrap();
    let before = plan(&transformer, &kek).unwrap();
    kek.set(|script| script.key_id = "new".into());
    kms.check_with(&kek, &TestClock::default()).unwrap();
    let stored = [before, plan(&transformer, &kek).unwrap()].map(|plan| plan.seal_to_vec(&mut OsRandom, TEXT).unwrap());
    kek.refuse(Refusal::Unreachable);
    let seen = stored.map(|stored| open(&transformer, &[&kek], &stored).unwrap());
    assert_eq!(seen.each_ref().map(|seen| seen.text.as_slice()), [TEXT; 2]);
    assert_eq!(seen.map(|seen| seen.stale), [true, false]);
}

#[test]
fn a_seed_is_wrapped_once_for_a_key() {
    let kek = TableKek::new("1");
    let kms = v2(&kek);
    let wraps_after = |key_id: &str| {
        kek.set(|script| script.key_id = key_id.into());
        kms.check_with(&kek, &TestClock::default()).unwrap();
        kek.wraps()
    };
    assert_eq!(["1", "1", "2", "2", "1"].map(wraps_after), [1, 1, 2, 2, 3]);
}

#[test]
fn identity_first_still_opens_what_is_encrypted() {
    let kek = TableKek::new("id1");
    let list = EnvelopeTransformer::builder().provider(Identity::new()).wrapped(v1());
    let transformer = list.wrapped(EnvelopeProvider::new()).build().unwrap();
    let SealStep::Ready(plan) = transformer.seal(&mut OsRandom, NOW, AAD, 4).unwrap() else { panic!() };
    assert_eq!(plan.seal_to_vec(&mut OsRandom, b"text").unwrap(), b"text");
    assert_eq!(open(&transformer, &[&kek; 3], TEXT).map(|seen| (seen.index, seen.stale)), Ok((0, false)));
    let seen = open(&transformer, &[&kek; 3], &seal(&list_of_v1(), &kek)).unwrap();
    assert_eq!((seen.text.as_slice(), seen.index, seen.stale), (TEXT, 1, true));
    kek.refuse(Refusal::Unreachable);
    let stored = seal_own(&TableKek::new("id1"));
    assert_eq!(open(&transformer, &[&kek; 3], &stored), Err(Error::KekUnreachable));
}

fn seal_own(kek: &TableKek) -> Vec<u8> {
    seal(&EnvelopeTransformer::builder().wrapped(EnvelopeProvider::new()).build().unwrap(), kek)
}
