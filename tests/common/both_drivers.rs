//! Both drivers over one scripted KEK, so that a test is one for both.
#![allow(dead_code, reason = "each test crate uses a part")]

use core::error::Error as _;

use atrest::{
    AsyncTransformer, BlockingTransformer, CacheLimits, CallError, DekCache, DekLimits, DekSourceKind,
    EnvelopeProvider, Error, KmsState, KmsV1, KmsV2,
};
use pollster::block_on;

use super::by_hand::{AAD, Seen, TEXT};
use super::table_kek::{CAUSE, TableKek, TestClock};

pub(crate) enum Driver {
    Blocking(BlockingTransformer),
    Async(AsyncTransformer),
}

impl Driver {
    pub(crate) fn check(&self) -> Result<(), CallError> {
        let checked = match self {
            Self::Blocking(driver) => driver.check(),
            Self::Async(driver) => block_on(driver.check()),
        };
        checked.into_iter().try_for_each(|(_, checked)| checked)
    }

    pub(crate) fn seal(&self) -> Result<Vec<u8>, CallError> {
        self.seal_text(TEXT)
    }

    pub(crate) fn seal_text(&self, text: &[u8]) -> Result<Vec<u8>, CallError> {
        match self {
            Self::Blocking(driver) => driver.seal(AAD, text),
            Self::Async(driver) => block_on(driver.seal(AAD, text)),
        }
    }

    pub(crate) fn rewrap(&self, stored: &[u8]) -> Result<Vec<u8>, CallError> {
        match self {
            Self::Blocking(driver) => driver.rewrap(AAD, stored),
            Self::Async(driver) => block_on(driver.rewrap(AAD, stored)),
        }
    }

    /// In both ways, which agree once the first has what it needs at hand; a failed open leaves zeros.
    pub(crate) fn open(&self, stored: &[u8]) -> Result<Seen, CallError> {
        let mut out = vec![0xee; stored.len()];
        let into = match self {
            Self::Blocking(driver) => driver.open_into(AAD, stored, &mut out),
            Self::Async(driver) => block_on(driver.open_into(AAD, stored, &mut out)),
        };
        let into = into.map(|opened| Seen::of(&opened, opened.plaintext()));
        let opened = match self {
            Self::Blocking(driver) => driver.open(AAD, stored),
            Self::Async(driver) => block_on(driver.open(AAD, stored)),
        };
        let opened = opened.map(|opened| Seen::of(&opened, opened.plaintext()));
        assert_eq!(into.as_ref().map_err(CallError::error), opened.as_ref().map_err(CallError::error));
        assert!(into.is_ok() || out.iter().all(|&byte| byte == 0));
        opened
    }
}

/// What a driver is built of.
pub(crate) struct Setup {
    pub(crate) kek: TableKek,
    pub(crate) clock: TestClock,
    pub(crate) cache: CacheLimits,
    pub(crate) limits: DekLimits,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Kind {
    V1,
    V2,
    Own,
}

pub(crate) const KINDS: [Kind; 3] = [Kind::V1, Kind::V2, Kind::Own];

impl Setup {
    pub(crate) fn new() -> Self {
        let (kek, clock) = (TableKek::new("id1"), TestClock::default());
        Self { kek, clock, cache: CacheLimits::KMS_V2, limits: DekLimits::NIST }
    }

    pub(crate) fn v2(&self) -> KmsV2 {
        let state = KmsState::new(DekSourceKind::Seed, self.limits);
        KmsV2::with_state("a", state).unwrap().with_cache(DekCache::new(self.cache))
    }

    pub(crate) fn drivers(&self, kind: Kind) -> [Driver; 2] {
        let cache = || DekCache::new(self.cache);
        let v1 = || KmsV1::new("a").unwrap().with_cache(cache());
        let own = || EnvelopeProvider::new().with_cache(cache());
        let kek = || self.kek.clone();
        let (blocking, async_) = (BlockingTransformer::builder(), AsyncTransformer::builder());
        let (blocking, async_) = match kind {
            Kind::V1 => (blocking.kms_v1(v1(), kek()), async_.kms_v1(v1(), kek())),
            Kind::V2 => (blocking.kms_v2(self.v2(), kek()), async_.kms_v2(self.v2(), kek())),
            Kind::Own => (blocking.envelope(own(), kek()), async_.envelope(own(), kek())),
        };
        let blocking = blocking.clock(self.clock.clone()).build().unwrap();
        let async_ = async_.clock(self.clock.clone()).build().unwrap();
        [Driver::Blocking(blocking), Driver::Async(async_)]
    }

    /// Drivers that have heard of their KMS.
    pub(crate) fn checked(&self, kind: Kind) -> [Driver; 2] {
        let drivers = self.drivers(kind);
        drivers.iter().for_each(|driver| driver.check().unwrap());
        drivers
    }
}

/// The error, and that what the KEK said of it is kept.
pub(crate) fn refused<T: core::fmt::Debug>(result: Result<T, CallError>) -> Error {
    let error = result.unwrap_err();
    let cause = error.cause().unwrap();
    assert_eq!(cause.refusal().error(), error.error());
    assert_eq!(cause.source().unwrap().to_string(), CAUSE);
    assert_eq!(error.is_retryable(), error.error().is_retryable());
    error.error()
}

pub(crate) fn core_error<T: core::fmt::Debug>(result: Result<T, CallError>) -> Error {
    let error = result.unwrap_err();
    assert!(error.cause().is_none(), "{error:?}");
    error.error()
}

pub(crate) fn assert_opens(driver: &Driver, stored: &[u8], stale: bool) {
    let seen = driver.open(stored).unwrap();
    assert_eq!((seen.text.as_slice(), seen.stale), (TEXT, stale));
}
