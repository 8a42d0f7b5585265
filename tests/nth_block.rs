//! Memory that runs out at the n-th long block, for every n: an error and no abort, and the same call succeeds afterwards.
//! What a value, a context or a plaintext is long is for a caller, or an attacker, to say.
#![allow(clippy::unwrap_used, clippy::panic, clippy::std_instead_of_alloc)]

#[path = "common/masking_kek.rs"]
mod masking_kek;
#[path = "common/refusing.rs"]
mod refusing;

use atrest::{
    AesCbc, AesCbcKey, AesGcm, AesGcmKey, Algorithm, BlockingTransformer, CallError, EncryptedObject, Envelope,
    EnvelopeProvider, Error, Identity, Kek, KekError, KmsV1, KmsV2, LocalKek, OsRandom, SecretVec, Secretbox,
    SecretboxKey, Transformer, WrappedDek,
};
use masking_kek::Masking;
use refusing::{LONG, Refusing, refusing_after};

#[global_allocator]
static ALLOCATOR: Refusing = Refusing;

/// Makes the call while the first long block is refused, then the second, and so on until none is, and returns how many
/// there were and what came of it.
fn at_every_block<T>(name: &str, call: impl Fn() -> Result<T, Error>) -> (usize, T) {
    for blocks in 0.. {
        match refusing_after(blocks, &call) {
            (Ok(made), false) => return (blocks, made),
            (made, refused) => {
                assert!(refused, "{name}: it failed by itself");
                assert_eq!(made.err(), Some(Error::OutOfMemory), "{name}: block {blocks}");
            }
        }
    }
    unreachable!()
}

fn core(error: CallError) -> Error {
    assert!(error.is_retryable());
    error.error()
}

fn text() -> Vec<u8> {
    vec![7; LONG]
}

/// As long as none is in practice.
fn context() -> Vec<u8> {
    vec![8; LONG]
}

#[test]
fn a_refused_block_ends_what_cannot_do_without_it() {
    let (made, refused) = refusing_after(0, || Vec::<u8>::new().try_reserve_exact(LONG).is_ok());
    assert_eq!((made, refused), (false, true));
    let (made, refused) = refusing_after(0, || Vec::<u8>::new().try_reserve_exact(LONG - 1).is_ok());
    assert_eq!((made, refused), (true, false));
    let twice = || [(); 2].map(|()| Vec::<u8>::new().try_reserve_exact(LONG).is_ok());
    assert_eq!(refusing_after(1, twice), ([true, false], true));
}

#[test]
fn providers() {
    let builders = [
        Transformer::builder().provider(AesCbc::new([("k", AesCbcKey::from_bytes(&[1; 32]).unwrap())]).unwrap()),
        Transformer::builder().provider(AesGcm::new([("k", AesGcmKey::from_bytes(&[1; 32]).unwrap())]).unwrap()),
        Transformer::builder().provider(Secretbox::new([("k", SecretboxKey::from_bytes(&[1; 32]).unwrap())]).unwrap()),
        Transformer::builder().provider(Identity::new()),
    ];
    let (text, aad) = (text(), context());
    for list in builders.map(|builder| builder.build().unwrap()) {
        let (blocks, stored) = at_every_block("seal", || list.seal(&aad, &text));
        assert_eq!(blocks, 1);
        let (blocks, opened) = at_every_block("open", || list.open(&aad, &stored));
        assert_eq!((blocks, opened.plaintext()), (1, &text[..]));
    }
}

#[test]
fn envelopes() {
    let (text, context) = (text(), context());
    for algorithm in [Algorithm::XChaCha20Poly1305, Algorithm::Aes256Gcm] {
        for kek in
            [LocalKek::generate().unwrap(), LocalKek::aes256gcm([("k", &atrest::Secret::generate().unwrap())]).unwrap()]
        {
            // An embedded KEK that is out of memory is out of reach.
            let passes = |error: CallError| match core(error) {
                Error::KekUnreachable => Error::OutOfMemory,
                error => error,
            };
            let envelope = Envelope::new(kek).with_algorithm(algorithm);
            let (blocks, stored) = at_every_block("seal", || envelope.seal(&context, &text).map_err(passes));
            assert_eq!(blocks, 3, "the KEK's AAD, the payload's and the value");
            let (_, opened) = at_every_block("open", || envelope.open(&context, &stored).map_err(passes));
            assert_eq!(opened.expose(), text);
            let (_, value) = at_every_block("rewrap", || envelope.rewrap(&context, &stored).map_err(passes));
            let (_, value) = at_every_block("reseal", || envelope.reseal(&context, &value).map_err(passes));
            assert_eq!(envelope.open(&context, &value).unwrap().expose(), text);
            let sealer = envelope.sealer(context.clone());
            let (_, value) = at_every_block("sealer", || sealer.seal(&text).map_err(passes));
            assert_eq!(envelope.open(&context, &value).unwrap().expose(), text);
        }
    }
}

#[test]
fn drivers() {
    let (text, aad) = (text(), context());
    let builders = || {
        let builder = BlockingTransformer::builder;
        [
            builder().kms_v1(KmsV1::new("a").unwrap(), Masking),
            builder().kms_v2(KmsV2::new("a").unwrap(), Masking),
            builder().envelope(EnvelopeProvider::new(), Masking),
        ]
        .map(|builder| builder.build().unwrap())
        .map(|driver| {
            driver.check().into_iter().for_each(|(_, checked)| checked.unwrap());
            driver
        })
    };
    for (writer, reader) in builders().into_iter().zip(builders()) {
        let (_, stored) = at_every_block("seal", || writer.seal(&aad, &text).map_err(core));
        // What was refused before the KEK was asked keeps no other call from asking it.
        let opened = |reader: &BlockingTransformer| {
            let opened = at_every_block("open", || reader.open(&aad, &stored).map_err(core));
            assert_eq!(opened.1.plaintext(), text);
            opened.0
        };
        let (cold, warm) = (opened(&reader), opened(&reader));
        assert!(cold >= warm && warm >= 1, "{cold} {warm}");
        let mut out = vec![0xa5; stored.len()];
        let [v1, v2, own] = builders();
        let reader = [v1, v2, own].into_iter().find(|reader| reader.open(&aad, &stored).is_ok()).unwrap();
        reader.clear_caches();
        let (failed, refused) = refusing_after(0, || reader.open_into(&aad, &stored, &mut out).map(|_| ()));
        match refused {
            true => assert_eq!((core(failed.unwrap_err()), &out), (Error::OutOfMemory, &vec![0; stored.len()])),
            false => failed.unwrap(),
        }
    }
    let own = BlockingTransformer::builder().envelope(EnvelopeProvider::new(), Masking).build().unwrap();
    let stored = own.seal(&aad, &text).unwrap();
    let (_, value) = at_every_block("rewrap", || own.rewrap(&aad, &stored).map_err(core));
    assert_eq!(own.open(&aad, &value).unwrap().plaintext(), text);
}

#[test]
fn secrets_objects_and_wrapped_deks() {
    let text = text();
    let (blocks, secret) = at_every_block("a vector", || SecretVec::from_slice(&text));
    assert_eq!((blocks, secret.expose()), (1, &text[..]));

    // Field 1 with its length, the key id, the wrapped DEK.
    let data = [&[0x0a, 0x80, 0x80, 0x08][..], &vec![7; LONG], b"\x12\x01k\x1a\x01w"].concat();
    let object = EncryptedObject::parse(&data).unwrap();
    let (_, written) = at_every_block("an object", || object.to_vec());
    assert_eq!(written, data);

    // A KEK says of it what may pass.
    let kek = LocalKek::generate_as("k").unwrap();
    let unreachable = |error: KekError| match error.refusal().error() {
        Error::KekUnreachable => Error::OutOfMemory,
        error => error,
    };
    let wrap = || kek.wrap_dek_with(&mut OsRandom, &text, b"context").map_err(unreachable);
    let (blocks, wrapped) = at_every_block("wrap", wrap);
    assert_eq!(blocks, 1);
    let unwrap = || kek.unwrap_dek(&WrappedDek::new("k", wrapped.bytes(), b"context")).map_err(unreachable);
    assert_eq!(at_every_block("unwrap", unwrap).1.expose(), text);
}
