//! Many values sealed with one call: the same bytes, errors and draws as one call for each.
#![allow(clippy::unwrap_used, clippy::std_instead_of_alloc)]

use atrest::{
    AesCbc, AesCbcKey, AesGcm, AesGcmKey, Error, Event, Identity, Observer, Provider, Random, RandomError, Secretbox,
    SecretboxKey, Transformer,
};
use std::sync::Mutex;

/// Counts its draws, each other bytes, and may fail from one on.
struct Counting {
    drawn: u8,
    fails_from: u8,
}

impl Counting {
    const fn new(fails_from: u8) -> Self {
        Self { drawn: 0, fails_from }
    }
}

impl Random for Counting {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        if self.drawn >= self.fails_from {
            return Err(RandomError);
        }
        self.drawn += 1;
        out.fill(self.drawn);
        Ok(())
    }
}

/// Of many lengths, more than are sealed at once, in no order of length.
fn values() -> Vec<(Vec<u8>, Vec<u8>)> {
    let value =
        |i: usize| (format!("/registry/secrets/{i}").into_bytes(), vec![u8::try_from(i).unwrap(); i * 37 % 101]);
    (0..100).map(value).collect()
}

fn each(
    transformer: &Transformer<'_>,
    rng: &mut dyn Random,
    values: &[(Vec<u8>, Vec<u8>)],
) -> Vec<Result<Vec<u8>, Error>> {
    values.iter().map(|(aad, plaintext)| transformer.seal_with(rng, aad, plaintext)).collect()
}

fn many(
    transformer: &Transformer<'_>,
    rng: &mut dyn Random,
    values: &[(Vec<u8>, Vec<u8>)],
) -> Vec<Result<Vec<u8>, Error>> {
    transformer.seal_many_with(rng, values.iter().map(|(aad, plaintext)| (&aad[..], &plaintext[..]))).collect()
}

fn of(provider: impl Provider + 'static) -> Transformer<'static> {
    Transformer::builder().provider(provider).build().unwrap()
}

fn transformers() -> Vec<Transformer<'static>> {
    let aescbc = |len: usize| AesCbc::new([("key1", AesCbcKey::from_bytes(&vec![7; len]).unwrap())]).unwrap();
    let aesgcm = AesGcm::new([("key1", AesGcmKey::from_bytes(&[7; 32]).unwrap())]).unwrap();
    let secretbox = Secretbox::new([("key1", SecretboxKey::from_bytes(&[7; 32]).unwrap())]).unwrap();
    vec![of(aescbc(16)), of(aescbc(24)), of(aescbc(32)), of(aesgcm), of(secretbox), of(Identity::new())]
}

#[test]
fn bytes_are_those_of_single_calls() {
    let values = values();
    for transformer in transformers() {
        let sealed = many(&transformer, &mut Counting::new(u8::MAX), &values);
        assert_eq!(sealed, each(&transformer, &mut Counting::new(u8::MAX), &values), "{transformer:?}");
        for ((aad, plaintext), stored) in values.iter().zip(sealed) {
            assert_eq!(transformer.open(aad, &stored.unwrap()).unwrap().plaintext(), plaintext);
        }
    }
}

#[test]
fn the_default_source_draws_another_nonce_for_each() {
    let values = values();
    let transformer = &transformers()[2];
    let values = values.iter().map(|(aad, plaintext)| (&aad[..], &plaintext[..]));
    let ivs: std::collections::BTreeSet<_> = transformer
        .seal_many(values)
        .map(|stored| stored.unwrap()["k8s:enc:aescbc:v1:key1:".len()..][..16].to_vec())
        .collect();
    assert_eq!(ivs.len(), 100);
}

#[test]
fn an_error_stands_in_its_place() {
    let mut values = values();
    values[40].1 = b"k8s:enc:aescbc:v1:looks sealed".to_vec();
    let sealed = many(&of(Identity::new()), &mut Counting::new(0), &values);
    for (i, stored) in sealed.into_iter().enumerate() {
        assert_eq!(stored, if i == 40 { Err(Error::LooksEncrypted) } else { Ok(values[i].1.clone()) });
    }
}

#[test]
fn a_source_that_fails_and_a_budget_that_ends_are_errors_from_there_on() {
    let values = values();
    for transformer in &transformers()[..5] {
        let sealed = many(transformer, &mut Counting::new(45), &values);
        assert_eq!(sealed, each(transformer, &mut Counting::new(45), &values));
        assert_eq!(sealed.iter().position(|stored| *stored == Err(Error::Random)), Some(45));
    }
    let key = AesGcmKey::from_bytes(&[7; 32]).unwrap().with_seals_left(50);
    let transformer = of(AesGcm::new([("key1", key.clone())]).unwrap());
    let sealed = many(&transformer, &mut Counting::new(u8::MAX), &values);
    assert_eq!(sealed.iter().filter(|stored| stored.is_ok()).count(), 50);
    assert_eq!(sealed[50..], vec![Err(Error::SealsExhausted); 50]);
    assert_eq!(key.seals_left(), 0);
}

#[test]
fn no_more_than_a_few_are_sealed_ahead() {
    let values = values();
    let taken = core::cell::Cell::new(0);
    let transformer = &transformers()[2];
    let asked = values.iter().inspect(|_| taken.set(taken.get() + 1));
    let mut sealed = transformer.seal_many(asked.map(|(aad, plaintext)| (&aad[..], &plaintext[..])));
    assert_eq!(taken.get(), 0);
    for i in 1..=100 {
        sealed.next().unwrap().unwrap();
        assert!(taken.get() < i + 32, "{i}: {}", taken.get());
    }
    assert!(sealed.next().is_none());
}

#[test]
fn only_aescbc_seals_ahead() {
    let values = values();
    for (transformer, first) in transformers().iter().zip([32, 32, 32, 1, 1, 1]) {
        let taken = core::cell::Cell::new(0);
        let asked = values.iter().inspect(|_| taken.set(taken.get() + 1));
        let mut sealed = transformer.seal_many(asked.map(|(aad, plaintext)| (&aad[..], &plaintext[..])));
        sealed.next().unwrap().unwrap();
        assert_eq!(taken.get(), first, "{transformer:?}");
    }
}

#[derive(Default)]
struct Told(Mutex<Vec<(usize, Option<Error>)>>);

impl Observer for Told {
    fn observe(&self, event: &Event<'_>) {
        self.0.lock().unwrap().push((event.bytes(), event.error()));
    }
}

#[test]
fn the_observer_is_told_of_each() {
    let values = values();
    for transformer in transformers() {
        let told = Told::default();
        let transformer = transformer.with_observer(&told);
        let sealed = many(&transformer, &mut Counting::new(45), &values);
        let error = |stored: &Result<_, Error>| stored.as_ref().err().copied();
        let expected: Vec<_> = values.iter().map(|(_, text)| text.len()).zip(sealed.iter().map(error)).collect();
        assert_eq!(*told.0.lock().unwrap(), expected, "{transformer:?}");
    }
}
