//! The crate's own envelope over a KEK that fails in every way it can, and rotation as an operation.
#![allow(clippy::unwrap_used, clippy::panic, clippy::std_instead_of_alloc)]

#[path = "common/faulty_kek.rs"]
mod faulty_kek;

use core::error::Error as _;

use atrest::{
    Algorithm, CallError, DekLimits, Envelope, Error, Kek, LocalKek, Random, RandomError, Refusal, Secret, inspect,
};
use faulty_kek::{Fault, Faulty};

const CONTEXT: &[u8] = b"tenant 7";
const PLAINTEXT: &[u8] = b"hunter2";

fn refusals() -> [(Refusal, Error, bool); 4] {
    [
        (Refusal::NotMine, Error::KekNotMine, false),
        (Refusal::Gone, Error::KekGone, false),
        (Refusal::Denied, Error::KekDenied, false),
        (Refusal::Unreachable, Error::KekUnreachable, true),
    ]
}

fn assert_refused<T: core::fmt::Debug>(result: Result<T, CallError>, error: Error, retryable: bool) {
    let refused = result.unwrap_err();
    assert_eq!((refused.error(), refused.is_retryable()), (error, retryable));
    assert_eq!(refused.to_string(), error.to_string());
    let cause = refused.cause().unwrap();
    assert_eq!(cause.refusal().error(), error);
    // The chain leads from the call over the KEK to what the KEK met.
    let chain = refused.source().and_then(|kek| kek.source()).unwrap();
    assert_eq!(chain.to_string(), "the scripted cause");
}

#[test]
fn a_refusal_of_the_kek_is_told_as_it_is() {
    let envelope = Envelope::new(Faulty::new());
    let sealed = envelope.seal(CONTEXT, PLAINTEXT).unwrap();
    for (refusal, error, retryable) in refusals() {
        envelope.kek().set(Fault::Refuse(refusal));
        assert_refused(envelope.seal(CONTEXT, PLAINTEXT), error, retryable);
        assert_refused(envelope.sealer(CONTEXT).seal(PLAINTEXT), error, retryable);
        assert_refused(envelope.open(CONTEXT, &sealed), error, retryable);
        assert_refused(envelope.rewrap(CONTEXT, &sealed), error, retryable);
        assert_refused(envelope.reseal(CONTEXT, &sealed), error, retryable);
        assert_refused(envelope.is_stale(&sealed), error, retryable);
        let mut out = [0xa5; 100];
        assert_refused(envelope.open_into(CONTEXT, &sealed, &mut out), error, retryable);
        assert_eq!(out, [0; 100]);
        out.fill(0xa5);
        assert_refused(envelope.seal_into(&mut atrest::OsRandom, CONTEXT, PLAINTEXT, &mut out), error, retryable);
        assert_eq!(out, [0xa5; 100]);
    }
    // Nothing was lost.
    envelope.kek().set(Fault::None);
    assert_eq!(envelope.open(CONTEXT, &sealed).unwrap().expose(), PLAINTEXT);
}

#[test]
fn an_outage_during_a_rotation_loses_nothing() {
    let envelope = Envelope::new(Faulty::new());
    let sealed = envelope.seal(CONTEXT, PLAINTEXT).unwrap();
    envelope.kek().set(Fault::RefuseWrap(Refusal::Unreachable));
    assert_eq!(envelope.open(CONTEXT, &sealed).unwrap().expose(), PLAINTEXT);
    assert_refused(envelope.rewrap(CONTEXT, &sealed), Error::KekUnreachable, true);
    assert_refused(envelope.reseal(CONTEXT, &sealed), Error::KekUnreachable, true);
}

#[test]
fn a_wrong_dek_is_noticed() {
    let envelope = Envelope::new(Faulty::new());
    let sealed = envelope.seal(CONTEXT, PLAINTEXT).unwrap();
    let errors = || {
        [
            envelope.open(CONTEXT, &sealed).unwrap_err(),
            envelope.rewrap(CONTEXT, &sealed).unwrap_err(),
            envelope.reseal(CONTEXT, &sealed).unwrap_err(),
        ]
    };
    envelope.kek().set(Fault::WrongDek);
    assert!(errors().iter().all(|error| error.error() == Error::Open && error.cause().is_none()));
    for len in [0, 16, 31, 33, 64, 70_000] {
        envelope.kek().set(Fault::DekLen(len));
        assert!(errors().iter().all(|error| error.error() == Error::KekAnswer && !error.is_retryable()), "{len}");
    }
}

#[test]
fn an_answer_that_the_format_does_not_hold_is_refused() {
    let envelope = Envelope::new(Faulty::new());
    let good = envelope.seal(CONTEXT, PLAINTEXT).unwrap();
    for (fault, holds) in [
        (Fault::KeyId("x".repeat(1024)), true),
        (Fault::KeyId("x".repeat(1025)), false),
        (Fault::KeyId("x".repeat(70_000)), false),
        (Fault::KeyId(String::new()), false),
        (Fault::WrappedLen(65_535), true),
        (Fault::WrappedLen(65_536), false),
        (Fault::WrappedLen(1), true),
        (Fault::WrappedLen(0), false),
        (Fault::Annotated, false),
    ] {
        envelope.kek().set(fault.clone());
        let mut out = vec![0xa5; 70_000];
        let results = [
            envelope.seal(CONTEXT, PLAINTEXT),
            envelope.sealer(CONTEXT).seal(PLAINTEXT),
            envelope.rewrap(CONTEXT, &good),
            envelope.reseal(CONTEXT, &good),
            envelope.seal_into(&mut atrest::OsRandom, CONTEXT, PLAINTEXT, &mut out).map(|len| out[..len].to_vec()),
        ];
        for result in results {
            match result {
                Ok(sealed) => assert!(holds && inspect(&sealed).is_possible(), "{fault:?}"),
                Err(error) => assert_eq!((error.error(), holds), (Error::KekAnswer, false), "{fault:?}"),
            }
        }
    }
}

#[test]
fn nothing_is_asked_of_the_kek_in_vain() {
    let envelope = Envelope::new(Faulty::new()).with_limits(DekLimits::new(1, 10));
    let sealed = envelope.seal(CONTEXT, PLAINTEXT).unwrap();
    let asked = envelope.kek().calls();
    assert_eq!(asked, 1);
    assert_eq!(envelope.open(CONTEXT, b"k8s:enc:x").unwrap_err().error(), Error::NoMatchingProvider);
    assert_eq!(envelope.open(CONTEXT, &sealed[..sealed.len() - 8]).unwrap_err().error(), Error::Open);
    assert_eq!(envelope.rewrap(CONTEXT, &sealed[..sealed.len() - 8]).unwrap_err().error(), Error::Open);
    let mut out = [0xa5; 6];
    let refused = envelope.open_into(CONTEXT, &sealed, &mut out).unwrap_err();
    assert_eq!((refused.error(), out), (Error::BufferTooSmall { needed: 7 }, [0; 6]));
    assert_eq!(envelope.seal(CONTEXT, &[0; 11]).unwrap_err().error(), Error::SealsExhausted);
    assert_eq!(envelope.sealer(CONTEXT).seal(&[0; 11]).unwrap_err().error(), Error::SealsExhausted);
    let none = Envelope::new(envelope.kek()).with_limits(DekLimits::new(0, 10));
    assert_eq!(none.seal(CONTEXT, b"").unwrap_err().error(), Error::SealsExhausted);
    assert_eq!(envelope.kek().calls(), asked);
}

struct Failing;

impl Random for Failing {
    fn fill(&mut self, _: &mut [u8]) -> Result<(), RandomError> {
        Err(RandomError)
    }
}

impl atrest::KeySource for Failing {}

#[test]
fn a_source_that_fails_seals_nothing() {
    let envelope = Envelope::new(Faulty::new());
    assert_eq!(envelope.seal_with(&mut Failing, CONTEXT, PLAINTEXT).unwrap_err().error(), Error::Random);
    let mut out = [0xa5; 300];
    let refused = envelope.seal_into(&mut Failing, CONTEXT, PLAINTEXT, &mut out).unwrap_err();
    assert_eq!((refused.error(), out), (Error::Random, [0xa5; 300]));
    let sealer = envelope.sealer(CONTEXT);
    assert_eq!(sealer.seal_into(&mut Failing, PLAINTEXT, &mut out).unwrap_err().error(), Error::Random);
    assert_eq!(out, [0xa5; 300]);
}

#[test]
fn a_value_is_stale_by_key_and_by_algorithm() {
    let [old, new] = [Secret::generate().unwrap(), Secret::generate().unwrap()];
    let mut envelope = Envelope::new(LocalKek::new([("old", &old)]).unwrap());
    let sealed = envelope.seal(CONTEXT, PLAINTEXT).unwrap();
    assert!(!envelope.is_stale(&sealed).unwrap());
    envelope.kek_mut().add_first("new", &new).unwrap();
    assert!(envelope.is_stale(&sealed).unwrap());
    let rewrapped = envelope.rewrap(CONTEXT, &sealed).unwrap();
    assert!(!envelope.is_stale(&rewrapped).unwrap());

    let envelope = envelope.with_algorithm(Algorithm::Aes256Gcm);
    assert!(envelope.is_stale(&rewrapped).unwrap());
    // Another wrapping does not change how the payload was sealed.
    assert!(envelope.is_stale(&envelope.rewrap(CONTEXT, &rewrapped).unwrap()).unwrap());
    let resealed = envelope.reseal(CONTEXT, &rewrapped).unwrap();
    assert!(!envelope.is_stale(&resealed).unwrap());
    assert_eq!(inspect(&resealed).candidates().next().unwrap().algorithm(), Some(Algorithm::Aes256Gcm));
    assert_eq!(envelope.open(CONTEXT, &resealed).unwrap().expose(), PLAINTEXT);
    assert_eq!(envelope.is_stale(b"plain").unwrap_err().error(), Error::NoMatchingProvider);
    assert_eq!(envelope.is_stale(&resealed[..20]).unwrap_err().error(), Error::Open);
}

#[test]
fn rewrapping_leaves_the_payload_and_resealing_does_not() {
    let [old, new] = [Secret::generate().unwrap(), Secret::generate().unwrap()];
    let plaintext = vec![7; 100_000];
    let before = Envelope::new(LocalKek::new([("old", &old)]).unwrap());
    let sealed = before.seal(CONTEXT, &plaintext).unwrap();
    let both = Envelope::new(LocalKek::new([("a longer key id", &new), ("old", &old)]).unwrap());
    let after = Envelope::new(LocalKek::new([("a longer key id", &new)]).unwrap());

    let payload = plaintext.len() + 32 + 32 + 16;
    let payload_of = |stored: &[u8]| stored[stored.len() - payload..].to_vec();
    let rewrapped = both.rewrap(CONTEXT, &sealed).unwrap();
    assert_eq!(payload_of(&rewrapped), payload_of(&sealed));
    assert_eq!(after.open(CONTEXT, &rewrapped).unwrap().expose(), plaintext);
    assert_eq!(before.open(CONTEXT, &rewrapped).unwrap_err().error(), Error::KekNotMine);

    let resealed = both.reseal(CONTEXT, &sealed).unwrap();
    let [old_payload, new_payload] = [payload_of(&sealed), payload_of(&resealed)];
    assert!(old_payload.chunks(16).zip(new_payload.chunks(16)).all(|(old, new)| old != new));
    assert_eq!(after.open(CONTEXT, &resealed).unwrap().expose(), plaintext);
}

#[test]
fn what_was_sealed_under_a_destroyed_key_is_gone_and_not_damaged() {
    let mut envelope = Envelope::new(LocalKek::generate_as("tenant 7").unwrap());
    let shredded = envelope.seal(CONTEXT, PLAINTEXT).unwrap();
    envelope.kek_mut().rotate().unwrap();
    let kept = envelope.rewrap(CONTEXT, &shredded).unwrap();

    assert!(envelope.kek_mut().destroy("tenant 7"));
    for result in [
        envelope.open(CONTEXT, &shredded).map(|plaintext| plaintext.expose().to_vec()),
        envelope.rewrap(CONTEXT, &shredded),
        envelope.reseal(CONTEXT, &shredded),
    ] {
        let gone = result.unwrap_err();
        assert_eq!((gone.error(), gone.is_retryable()), (Error::KekGone, false));
        assert!(gone.to_string().contains("destroyed"));
    }
    assert_eq!(envelope.open(CONTEXT, &kept).unwrap().expose(), PLAINTEXT);
    // A value of the same shape under an id that was never here is another matter.
    let stranger = Envelope::new(LocalKek::generate_as("tenant 8").unwrap()).seal(CONTEXT, PLAINTEXT).unwrap();
    assert_eq!(envelope.open(CONTEXT, &stranger).unwrap_err().error(), Error::KekNotMine);
    assert!(envelope.kek().key_id().is_ok());
}
