//! A configuration as the file has it: the shape is right, the values are not looked at.

use alloc::vec::Vec;

use super::fault::Place;
use super::node::Text;

/// A value and where it stands, to be named in a fault.
pub(super) struct At<T> {
    pub(super) place: Option<Place>,
    pub(super) value: T,
}

pub(super) struct RawConfiguration {
    pub(super) entries: At<Vec<At<RawEntry>>>,
}

pub(super) struct RawEntry {
    pub(super) resources: At<Vec<At<Text>>>,
    pub(super) providers: At<Vec<At<RawProvider>>>,
}

/// Settings of one list element; exactly one should be there.
#[derive(Default)]
pub(super) struct RawProvider {
    pub(super) aesgcm: Option<RawKeys>,
    pub(super) aescbc: Option<RawKeys>,
    pub(super) secretbox: Option<RawKeys>,
    pub(super) identity: bool,
    pub(super) kms: Option<RawKms>,
}

pub(super) type RawKeys = At<Vec<At<RawKey>>>;

pub(super) struct RawKey {
    pub(super) name: At<Text>,
    pub(super) secret: At<Text>,
}

pub(super) struct RawKms {
    pub(super) api_version: At<Text>,
    pub(super) name: At<Text>,
    pub(super) cachesize: At<Option<i32>>,
    pub(super) endpoint: At<Text>,
    /// Nanoseconds.
    pub(super) timeout: At<Option<i64>>,
}
