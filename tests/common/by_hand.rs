//! The steps of an `EnvelopeTransformer` taken by hand, with a KEK for each place of the list.
#![allow(dead_code, reason = "each test crate uses a part")]

use core::time::Duration;

use atrest::{EnvelopeTransformer, Error, Kek, KmsV2, Opened, OsRandom, ProviderKind, SealPlan, SealStep, Step, Time};

use super::table_kek::{TableKek, TestClock};

pub(crate) const NOW: Time = Time::new(Duration::from_secs(7));
pub(crate) const AAD: &[u8] = b"/registry/secrets/default/login";
pub(crate) const TEXT: &[u8] = b"hunter2 and more";

/// What an opened value tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) text: Vec<u8>,
    pub(crate) index: usize,
    pub(crate) kind: ProviderKind,
    pub(crate) stale: bool,
}

impl Seen {
    pub(crate) fn of<P>(opened: &Opened<'_, P>, text: &[u8]) -> Self {
        let (index, kind) = (opened.provider_index(), opened.provider());
        Self { text: text.to_vec(), index, kind, stale: opened.is_stale() }
    }
}

/// A KMS v2 provider that has heard of its KMS.
pub(crate) fn v2(kek: &TableKek) -> std::sync::Arc<KmsV2> {
    let kms = KmsV2::new("a").unwrap();
    kms.check_with(kek, &TestClock::default()).unwrap();
    kms.into()
}

pub(crate) fn plan<'t>(
    transformer: &'t EnvelopeTransformer<'_>,
    kek: &TableKek,
) -> Result<SealPlan<'t, 'static>, Error> {
    plan_for(transformer, kek, AAD)
}

pub(crate) fn plan_for<'t, 'a>(
    transformer: &'t EnvelopeTransformer<'_>,
    kek: &TableKek,
    aad: &'a [u8],
) -> Result<SealPlan<'t, 'a>, Error> {
    match transformer.seal(&mut OsRandom, NOW, aad, TEXT.len())? {
        SealStep::Ready(plan) => Ok(plan),
        SealStep::Wrap(pending) => match kek.wrap_dek(pending.expose_dek(), pending.context()) {
            Ok(answer) => pending.answer(NOW, answer),
            Err(error) => Err(pending.refuse(error.refusal())),
        },
    }
}

pub(crate) fn seal(transformer: &EnvelopeTransformer<'_>, kek: &TableKek) -> Vec<u8> {
    plan(transformer, kek).unwrap().seal_to_vec(&mut OsRandom, TEXT).unwrap()
}

pub(crate) fn open(transformer: &EnvelopeTransformer<'_>, keks: &[&TableKek], stored: &[u8]) -> Result<Seen, Error> {
    open_in(transformer, keks, AAD, stored, transformer.open_len_max(AAD, stored) + 3)
}

/// Opens to a buffer of that length, which holds nothing but zeros whenever the walk suspends or fails.
pub(crate) fn open_in(
    transformer: &EnvelopeTransformer<'_>,
    keks: &[&TableKek],
    aad: &[u8],
    stored: &[u8],
    len: usize,
) -> Result<Seen, Error> {
    let mut out = vec![0xee; len];
    let mut step = transformer.open_into(NOW, aad, stored, &mut out);
    loop {
        if !matches!(step, Ok(Step::Ready(_))) {
            assert!(out.iter().all(|&byte| byte == 0), "something is left in the output");
            out.fill(0xee);
        }
        let pending = match step? {
            Step::Ready(opened) => return Ok(Seen::of(&opened, opened.plaintext_in(&out))),
            Step::Unwrap(pending) => pending,
        };
        step = match keks[pending.provider_index()].unwrap_dek(&pending.request()) {
            Ok(dek) => pending.answer(NOW, &dek, &mut out),
            Err(error) => pending.refuse(NOW, error.refusal(), &mut out),
        };
    }
}
