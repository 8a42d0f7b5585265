//! A buffer that is one byte short, for every call with a KEK or a DEK that takes one: an error that says what suffices, no
//! plaintext, and nothing half written; a buffer of that length is enough.
#![allow(clippy::unwrap_used, clippy::panic, clippy::std_instead_of_alloc)]

#[path = "common/masking_kek.rs"]
mod masking_kek;

use core::time::Duration;

use atrest::{
    Algorithm, BlockingTransformer, CallError, DekLimits, DekScheme, Envelope, EnvelopeProvider, EnvelopeTransformer,
    Error, FreshDek, Kek, KmsV1, KmsV2, OpenDek, OsRandom, SealDek, SealPlan, SealStep, SystemClock, Time,
    WrappedProvider,
};
use masking_kek::Masking;

const AAD: &[u8] = b"/registry/secrets/default/login1";
const TEXT: &[u8] = b"a plaintext of more than one block";
const NOW: Time = Time::new(Duration::from_secs(7));
const UNTOUCHED: u8 = 0xa5;

/// Seals, or opens if so said, to one byte less than is needed, and to just as much.
fn one_byte_short(
    name: &str,
    needed: usize,
    opens: bool,
    call: &mut dyn FnMut(&mut [u8]) -> Result<usize, Error>,
) -> Vec<u8> {
    let mut out = vec![UNTOUCHED; needed - 1];
    assert_eq!(call(&mut out), Err(Error::BufferTooSmall { needed }), "{name}");
    let left: Vec<_> = out.iter().filter(|&&byte| byte != UNTOUCHED && byte != 0).collect();
    assert!(left.is_empty(), "{name}: something is written");
    assert!(!opens || out.iter().all(|&byte| byte == 0), "{name}: the output is not zeroed");
    // What lies behind is no one's.
    let mut out = vec![UNTOUCHED; needed + 1];
    assert_eq!(call(&mut out[..needed]), Ok(needed), "{name}");
    assert_eq!(out.pop(), Some(UNTOUCHED));
    out
}

fn core(error: CallError) -> Error {
    error.error()
}

#[test]
fn envelopes() {
    for algorithm in [Algorithm::XChaCha20Poly1305, Algorithm::Aes256Gcm] {
        let envelope = Envelope::new(Masking).with_algorithm(algorithm);
        let needed = envelope.seal(AAD, TEXT).unwrap().len();
        let mut seal = |out: &mut [u8]| envelope.seal_into(&mut OsRandom, AAD, TEXT, out).map_err(core);
        let sealed = one_byte_short("envelope, seal", needed, false, &mut seal);
        let sealer = envelope.sealer(AAD);
        assert_eq!(sealer.sealed_len(TEXT.len()).unwrap(), needed);
        let mut seal = |out: &mut [u8]| sealer.seal_into(&mut OsRandom, TEXT, out).map_err(core);
        let by_sealer = one_byte_short("sealer", needed, false, &mut seal);
        for sealed in [sealed, by_sealer] {
            assert_eq!(envelope.open_len_max(&sealed), TEXT.len());
            let mut open = |out: &mut [u8]| envelope.open_into(AAD, &sealed, out).map_err(core);
            assert_eq!(one_byte_short("envelope, open", TEXT.len(), true, &mut open), TEXT);
        }
    }
}

#[test]
fn deks() {
    for scheme in [DekScheme::AesGcm, DekScheme::AesGcmXNonce, DekScheme::Committing(Algorithm::XChaCha20Poly1305)] {
        let dek = FreshDek::generate(scheme, DekLimits::new(1, usize::MAX)).unwrap();
        let needed = dek.sealed_len(TEXT.len()).unwrap();
        // The one seal that there is is not taken by the call that fails.
        let mut seal = |out: &mut [u8]| dek.seal_into(&mut OsRandom, AAD, TEXT, out);
        let sealed = one_byte_short("DEK, seal", needed, false, &mut seal);
        let opening: [&dyn OpenDek; 2] = [&dek, &dek.to_recovered()];
        for dek in opening {
            let open = |out: &mut [u8]| dek.open_into(AAD, &sealed, out);
            let mut out = vec![UNTOUCHED; TEXT.len() - 1];
            assert_eq!(open(&mut out), Err(Error::BufferTooSmall { needed: TEXT.len() }));
            let mut out = vec![UNTOUCHED; TEXT.len()];
            assert_eq!((open(&mut out), &out[..]), (Ok(TEXT.len()), TEXT));
        }
    }
}

fn plan<'t>(list: &'t EnvelopeTransformer<'_>) -> SealPlan<'t, 'static> {
    match list.seal(&mut OsRandom, NOW, AAD, TEXT.len()).unwrap() {
        SealStep::Ready(plan) => plan,
        SealStep::Wrap(pending) => {
            let answer = Masking.wrap_dek(pending.expose_dek(), pending.context()).unwrap();
            pending.answer(NOW, answer).unwrap()
        }
    }
}

/// A plan of this provider, and a driver with the other.
fn of_providers(name: &str, provider: impl WrappedProvider + 'static, driver: &BlockingTransformer) {
    let list = EnvelopeTransformer::builder().wrapped(provider).build().unwrap();
    let needed = plan(&list).sealed_len(TEXT.len()).unwrap();
    let mut seal = |out: &mut [u8]| plan(&list).seal_into(&mut OsRandom, TEXT, out);
    let sealed = one_byte_short(name, needed, false, &mut seal);
    driver.check().into_iter().for_each(|(_, checked)| checked.unwrap());
    let needed = driver.open_len_max(AAD, &sealed);
    assert_eq!(needed, TEXT.len());
    let mut open = |out: &mut [u8]| {
        let opened = driver.open_into(AAD, &sealed, out);
        opened.map(|opened| opened.plaintext().len()).map_err(core)
    };
    assert_eq!(one_byte_short(name, needed, true, &mut open), TEXT);
}

#[test]
fn providers_with_a_kek() {
    let builder = BlockingTransformer::builder;
    let v1 = || KmsV1::new("a").unwrap();
    of_providers("v1", v1(), &builder().kms_v1(v1(), Masking).build().unwrap());
    let v2 = || {
        let kms = KmsV2::new("a").unwrap();
        kms.check_with(&Masking, &SystemClock::default()).unwrap();
        kms
    };
    of_providers("v2", v2(), &builder().kms_v2(v2(), Masking).build().unwrap());
    let own = EnvelopeProvider::new;
    of_providers("own", own(), &builder().envelope(own(), Masking).build().unwrap());
}
