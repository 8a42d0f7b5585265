//! Randomness that fails at the n-th call, for every n: the error says so, nothing is written, nothing is lost, and the
//! same call succeeds afterwards.
#![allow(clippy::unwrap_used, clippy::panic, clippy::std_instead_of_alloc)]

#[path = "common/masking_kek.rs"]
mod masking_kek;

use core::time::Duration;

use atrest::{
    AesCbc, AesCbcKey, AesGcm, AesGcmKey, Algorithm, CallError, DekLimits, DekScheme, DekSourceKind, Envelope,
    EnvelopeProvider, EnvelopeTransformer, Error, FreshDek, Kek, KeySource, KmsAction, KmsState, KmsV1, KmsV2,
    LocalKek, OpenDek, Provider, Random, RandomError, SealDek, SealStep, Secret, Secretbox, SecretboxKey, Step, Time,
    Transformer, WrappedDek, WrappedProvider,
};
use masking_kek::Masking;

const AAD: &[u8] = b"/registry/secrets/default/login1";
const TEXT: &[u8] = b"a plaintext of more than one block";
const NOW: Time = Time::new(Duration::from_secs(7));
const UNTOUCHED: u8 = 0xa5;

/// Fails at one call, having written rubbish, and never gives the same bytes twice.
struct Source {
    calls: usize,
    fails_at: usize,
}

impl Random for Source {
    fn fill(&mut self, out: &mut [u8]) -> Result<(), RandomError> {
        self.calls += 1;
        out.fill(0xee);
        out.iter_mut().zip(self.calls.to_le_bytes()).for_each(|(byte, count)| *byte = count);
        if self.calls == self.fails_at { Err(RandomError) } else { Ok(()) }
    }
}

impl KeySource for Source {}

/// Makes the call with a source that fails at its first call, at its second, and so on until it does not fail, and returns
/// how many calls it took and what came of it.
fn at_every_call<T>(mut call: impl FnMut(&mut Source) -> Result<T, Error>) -> (usize, T) {
    for fails_at in 1.. {
        let mut source = Source { calls: 0, fails_at };
        match call(&mut source) {
            Ok(made) => {
                assert_eq!(source.calls, fails_at - 1, "a failure went unnoticed");
                return (source.calls, made);
            }
            Err(error) => assert_eq!((error, source.calls), (Error::Random, fails_at), "it stops at the failure"),
        }
    }
    unreachable!()
}

fn core(error: CallError) -> Error {
    assert!(error.is_retryable());
    error.error()
}

#[test]
fn providers() {
    let builders = [
        Transformer::builder().provider(AesCbc::new([("k", AesCbcKey::from_bytes(&[1; 32]).unwrap())]).unwrap()),
        Transformer::builder().provider(AesGcm::new([("k", AesGcmKey::from_bytes(&[1; 32]).unwrap())]).unwrap()),
        Transformer::builder().provider(Secretbox::new([("k", SecretboxKey::from_bytes(&[1; 32]).unwrap())]).unwrap()),
    ];
    for list in builders.map(|builder| builder.build().unwrap()) {
        let opens = |stored: &[u8]| assert_eq!(list.open(AAD, stored).unwrap().plaintext(), TEXT);
        let (calls, stored) = at_every_call(|source| list.seal_with(source, AAD, TEXT));
        assert_eq!(calls, 1);
        opens(&stored);

        let mut out = vec![UNTOUCHED; stored.len()];
        let (_, len) = at_every_call(|source| {
            assert!(out.iter().all(|&byte| byte == UNTOUCHED));
            list.seal_into(source, AAD, TEXT, &mut out)
        });
        opens(&out[..len]);

        out[..TEXT.len()].copy_from_slice(TEXT);
        let (_, len) = at_every_call(|source| {
            assert_eq!(&out[..TEXT.len()], TEXT);
            list.seal_in_place(source, AAD, TEXT.len(), &mut out)
        });
        opens(&out[..len]);
        let provider: &dyn Provider = list.providers().next().unwrap();
        let (_, len) = at_every_call(|source| provider.seal_into(source, AAD, TEXT, &mut out));
        opens(&out[..len]);
    }
}

#[test]
fn envelopes() {
    for algorithm in [Algorithm::XChaCha20Poly1305, Algorithm::Aes256Gcm] {
        let envelope = Envelope::new(Masking).with_algorithm(algorithm);
        let (calls, stored) = at_every_call(|source| envelope.seal_with(source, AAD, TEXT).map_err(core));
        assert_eq!(calls, 2, "a DEK and a salt");
        assert_eq!(envelope.open(AAD, &stored).unwrap().expose(), TEXT);

        let mut out = vec![UNTOUCHED; stored.len()];
        let (_, len) = at_every_call(|source| {
            assert!(out.iter().all(|&byte| byte == UNTOUCHED));
            envelope.seal_into(source, AAD, TEXT, &mut out).map_err(core)
        });
        assert_eq!(envelope.open(AAD, &out[..len]).unwrap().expose(), TEXT);

        let sealer = envelope.sealer(AAD);
        let (_, stored) = at_every_call(|source| sealer.seal_with(source, TEXT).map_err(core));
        assert_eq!(envelope.open(AAD, &stored).unwrap().expose(), TEXT);
    }
}

/// Seals by the steps of a list with this one provider, and opens the value by those of another.
fn steps(writer: impl WrappedProvider + 'static, reader: impl WrappedProvider + 'static) -> usize {
    let writer = EnvelopeTransformer::builder().wrapped(writer).build().unwrap();
    let (calls, stored) = at_every_call(|source| {
        let plan = match writer.seal(source, NOW, AAD, TEXT.len())? {
            SealStep::Ready(plan) => plan,
            SealStep::Wrap(pending) => {
                let answer = Masking.wrap_dek(pending.expose_dek(), pending.context()).unwrap();
                pending.answer(NOW, answer)?
            }
        };
        // Of which nothing is written if it fails.
        let mut out = vec![UNTOUCHED; plan.sealed_len(TEXT.len())?];
        let sealed = plan.seal_into(source, TEXT, &mut out);
        assert!(sealed.is_ok() || out.iter().all(|&byte| byte == 0), "something is left");
        sealed.map(|_| out)
    });
    let reader = EnvelopeTransformer::builder().wrapped(reader).build().unwrap();
    let mut out = vec![0; stored.len()];
    let mut step = reader.open_into(NOW, AAD, &stored, &mut out).unwrap();
    loop {
        step = match step {
            Step::Ready(opened) => {
                assert_eq!(opened.plaintext_in(&out), TEXT);
                return calls;
            }
            Step::Unwrap(pending) => {
                let dek = Masking.unwrap_dek(&pending.request()).unwrap();
                pending.answer(NOW, &dek, &mut out).unwrap()
            }
        };
    }
}

fn v2() -> KmsV2 {
    let kms = KmsV2::new("a").unwrap();
    let (_, rotation) = at_every_call(|source| kms.check(source, NOW, "id1"));
    let rotation = rotation.unwrap();
    let answer = Masking.wrap_dek(rotation.expose_dek(), &[]).unwrap();
    kms.complete(NOW, rotation, answer).unwrap();
    kms
}

#[test]
fn providers_with_a_kek() {
    assert_eq!(steps(KmsV1::new("a").unwrap(), KmsV1::new("a").unwrap()), 2, "a DEK and a nonce");
    assert_eq!(steps(v2(), v2()), 1, "what a key is derived by, and the nonce");
    assert_eq!(steps(EnvelopeProvider::new(), EnvelopeProvider::new()), 2, "a DEK and a salt");
}

/// What was there to write with stays, and the next status has another try.
#[test]
fn a_seed_that_cannot_be_made_takes_nothing_away() {
    let mut state = KmsState::new(DekSourceKind::Seed, DekLimits::NIST);
    let KmsAction::Wrap(rotation) = state.on_status_with(&mut Source { calls: 0, fails_at: 0 }, NOW, "id1").unwrap()
    else {
        panic!("the first status makes a seed")
    };
    let answer = Masking.wrap_dek(rotation.expose_dek(), &[]).unwrap();
    state.install(rotation, answer).unwrap();
    let before = state.write(NOW).unwrap().wrapped().clone();

    let later = NOW.after(Duration::from_secs(60));
    let failed = state.on_status_with(&mut Source { calls: 0, fails_at: 1 }, later, "id2");
    assert_eq!(failed.unwrap_err(), Error::Random);
    assert_eq!(*state.write(later).unwrap().wrapped(), before);
    assert_eq!(
        state.expiration(),
        Some(NOW.after(Duration::from_secs(180))),
        "the status of another key extends nothing"
    );
    assert!(matches!(
        state.on_status_with(&mut Source { calls: 0, fails_at: 0 }, later, "id2"),
        Ok(KmsAction::Wrap(rotation)) if rotation.key_id() == "id2"
    ));
}

#[test]
fn keys_and_deks() {
    let (calls, secret) = at_every_call(|source| Secret::<32>::generate_with(source));
    assert_eq!((calls, secret.expose()[0]), (1, 1));
    let kek = LocalKek::new([("id1", &secret)]).unwrap();
    let mut wrapped = None;
    for fails_at in [1, 0] {
        let answer = kek.wrap_dek_with(&mut Source { calls: 0, fails_at }, &[7; 32], AAD);
        match fails_at {
            1 => assert_eq!(answer.unwrap_err().refusal().error(), Error::KekUnreachable, "it may pass"),
            _ => wrapped = Some(answer.unwrap()),
        }
    }
    let wrapped = wrapped.unwrap();
    assert_eq!(kek.unwrap_dek(&WrappedDek::new("id1", wrapped.bytes(), AAD)).unwrap().expose(), [7; 32]);

    for scheme in [DekScheme::AesGcm, DekScheme::AesGcmXNonce, DekScheme::Committing(Algorithm::Aes256Gcm)] {
        let (calls, dek) = at_every_call(|source| FreshDek::generate_with(scheme, DekLimits::NIST, source));
        assert_eq!(calls, 1);
        let mut sealed = vec![UNTOUCHED; dek.sealed_len(TEXT.len()).unwrap()];
        let (_, len) = at_every_call(|source| {
            assert!(sealed.iter().all(|&byte| byte == UNTOUCHED), "{scheme:?}");
            dek.seal_into(source, AAD, TEXT, &mut sealed)
        });
        let mut out = [0; TEXT.len()];
        assert_eq!(dek.open_into(AAD, &sealed[..len], &mut out), Ok(TEXT.len()));
        assert_eq!(out, TEXT);
    }
}
