//! Lists with a KEK that answers whatever it is asked: no input panics, a failed open leaves zeros, a second open with the DEK at
//! hand does the same, and a value that was sealed here and changed opens to its plaintext or not at all.
use std::borrow::Cow;
use std::sync::LazyLock;
use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use atrest::{
    EnvelopeProvider, EnvelopeTransformer, Error, Identity, Kek, KekError, KmsV1, KmsV2, OsRandom, Refusal, SealStep,
    SecretVec, Step, SystemClock, Time, Wrapped, WrappedDek,
};

const NOW: Time = Time::new(Duration::from_secs(1));

/// Wraps by turning every bit, and unwraps what has the length of a DEK.
struct Turned;

impl Kek for Turned {
    fn key_id(&self) -> Result<Cow<'_, str>, KekError> {
        Ok("id-1".into())
    }

    fn wrap_dek(&self, dek: &[u8], _: &[u8]) -> Result<Wrapped, KekError> {
        Ok(Wrapped::new("id-1", dek.iter().map(|byte| !byte).collect::<Vec<_>>()))
    }

    fn unwrap_dek(&self, wrapped: &WrappedDek<'_>) -> Result<SecretVec, KekError> {
        if wrapped.bytes().len() > 64 {
            return Err(Refusal::Unreachable.into());
        }
        Ok(SecretVec::from_vec(wrapped.bytes().iter().map(|byte| !byte).collect()))
    }
}

/// One list for each provider that seals; all of them open.
static TRANSFORMERS: LazyLock<[EnvelopeTransformer<'static>; 3]> = LazyLock::new(|| {
    [0, 1, 2].map(|first| {
        let v2 = KmsV2::new("two").unwrap();
        v2.check_with(&Turned, &SystemClock::default()).unwrap();
        let mut builder = EnvelopeTransformer::builder();
        let mut v2 = Some(v2);
        for index in [first, (first + 1) % 3, (first + 2) % 3] {
            builder = match index {
                0 => builder.wrapped(KmsV1::new("one").unwrap()),
                1 => builder.wrapped(v2.take().unwrap()),
                _ => builder.wrapped(EnvelopeProvider::new()),
            };
        }
        builder.provider(Identity::new()).build().unwrap()
    })
});

#[derive(Arbitrary, Debug)]
struct Input<'a> {
    which: u8,
    aad: &'a [u8],
    /// Changed bits of what is sealed here: place and mask.
    changes: Vec<(u16, u8)>,
    cut: Option<u16>,
    /// A stored value, or, with changes or a cut, a plaintext.
    bytes: &'a [u8],
}

fn open(transformer: &EnvelopeTransformer<'_>, aad: &[u8], stored: &[u8]) -> Result<Vec<u8>, Error> {
    let mut out = vec![0xee; transformer.open_len_max(aad, stored)];
    assert!(out.len() <= stored.len());
    let mut step = transformer.open_into(NOW, aad, stored, &mut out);
    loop {
        let pending = match step {
            Ok(Step::Ready(opened)) => return Ok(opened.plaintext_in(&out).to_vec()),
            Ok(Step::Unwrap(pending)) => pending,
            Err(error) => {
                assert!(out.iter().all(|&byte| byte == 0));
                assert!(!matches!(error, Error::BufferTooSmall { .. }));
                return Err(error);
            }
        };
        step = match Turned.unwrap_dek(&pending.request()) {
            Ok(dek) => pending.answer(NOW, &dek, &mut out),
            Err(error) => pending.refuse(NOW, error.refusal(), &mut out),
        };
    }
}

fn seal(transformer: &EnvelopeTransformer<'_>, aad: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, Error> {
    let plan = match transformer.seal(&mut OsRandom, NOW, aad, plaintext.len())? {
        SealStep::Ready(plan) => plan,
        SealStep::Wrap(pending) => {
            let answer = Turned.wrap_dek(pending.expose_dek(), pending.context()).unwrap();
            pending.answer(NOW, answer)?
        }
    };
    plan.seal_to_vec(&mut OsRandom, plaintext)
}

/// Runs one input, in the form of [`Arbitrary`].
pub fn run(bytes: &[u8]) {
    let Ok(input) = Input::arbitrary_take_rest(Unstructured::new(bytes)) else { return };
    let transformer = &TRANSFORMERS[usize::from(input.which) % 3];
    let opened = open(transformer, input.aad, input.bytes);
    assert_eq!(opened, open(transformer, input.aad, input.bytes));

    let mut stored = match seal(transformer, input.aad, input.bytes) {
        Ok(stored) => stored,
        Err(error) => return assert!(error == Error::AadRequired && input.aad.is_empty()),
    };
    assert_eq!(open(transformer, input.aad, &stored).as_deref(), Ok(input.bytes));
    for (place, mask) in input.changes {
        let place = usize::from(place) % stored.len();
        stored[place] ^= mask;
    }
    if let Some(cut) = input.cut {
        stored.truncate(usize::from(cut));
    }
    // What no longer looks encrypted is plaintext to identity.
    if stored.starts_with(b"k8s:enc:") || stored.starts_with(b"atrest:env:") {
        if let Ok(plaintext) = open(transformer, input.aad, &stored) {
            assert_eq!(plaintext, input.bytes);
        }
    }
}
