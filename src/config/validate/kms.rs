//! The settings of a KMS plugin.

use alloc::borrow::ToOwned as _;
use alloc::string::String;
use alloc::string::ToString as _;
use core::time::Duration;
use std::collections::HashSet;

use super::super::endpoint::{self, NoEndpoint};
use super::super::fault::{Faults, Path};
use super::super::model::{KmsApiVersion, KmsEntry};
use super::super::raw::RawKms;

const DEFAULT_CACHESIZE: i32 = 1000;
const DEFAULT_TIMEOUT: i64 = 3_000_000_000;

/// The names of the plugins so far, whatever their version.
pub(super) struct KmsNames {
    names: HashSet<String>,
    /// With automatic reload two plugins of v1 must not share a name either.
    reload: bool,
}

impl KmsNames {
    pub(super) fn new(reload: bool) -> Self {
        Self { names: HashSet::new(), reload }
    }
}

pub(super) fn check(kms: RawKms, path: &Path<'_>, names: &mut KmsNames, faults: &mut Faults) -> Option<KmsEntry> {
    let api_version = match kms.api_version.value.as_str() {
        "" | "v1" => Some(KmsApiVersion::V1),
        "v2" => Some(KmsApiVersion::V2),
        _ => None,
    };
    let is_v1 = api_version == Some(KmsApiVersion::V1);
    check_name(&kms, is_v1, &path.field("name"), names, faults);
    let timeout = kms.timeout.value.unwrap_or(DEFAULT_TIMEOUT);
    if timeout <= 0 {
        faults.add(&path.field("timeout"), kms.timeout.place, "not above zero", "give a time above zero, such as 3s");
    }
    check_endpoint(&kms, &path.field("endpoint"), faults);
    let cachesize_path = path.field("cachesize");
    match kms.cachesize.value {
        Some(_) if !is_v1 => {
            faults.add(&cachesize_path, kms.cachesize.place, "v2 has no such setting", "remove it");
        }
        Some(0) => {
            let advice = "give a number above zero, or a negative one for no cache";
            faults.add(&cachesize_path, kms.cachesize.place, "zero", advice);
        }
        _ => {}
    }
    let Some(api_version) = api_version else {
        faults.add(&path.field("apiVersion"), kms.api_version.place, "no version of the KMS API", "write v2, or v1");
        return None;
    };
    Some(KmsEntry {
        api_version,
        name: kms.name.value.to_string(),
        cachesize: kms.cachesize.value.or(is_v1.then_some(DEFAULT_CACHESIZE)),
        endpoint: kms.endpoint.value.to_string(),
        timeout: Duration::from_nanos(timeout.unsigned_abs()),
    })
}

fn check_name(kms: &RawKms, is_v1: bool, path: &Path<'_>, names: &mut KmsNames, faults: &mut Faults) {
    let (name, place) = (&*kms.name.value, kms.name.place);
    if name.is_empty() {
        faults.add(path, place, "no name", "name the plugin");
    }
    if !is_v1 && name.contains(':') {
        faults.add(path, place, "the name holds a colon", "choose a name without one");
    }
    let is_new = names.names.insert(name.to_owned());
    if !is_new && (names.reload || !is_v1) {
        faults.add(path, place, "an earlier plugin has the same name", "give each plugin a name of its own");
    }
}

fn check_endpoint(kms: &RawKms, path: &Path<'_>, faults: &mut Faults) {
    let problem = match endpoint::check(&kms.endpoint.value) {
        Ok(()) => return,
        Err(NoEndpoint::Empty) => "no endpoint",
        Err(NoEndpoint::NoUrl) => "not a URL",
        Err(NoEndpoint::OtherScheme) => "the scheme is not unix",
    };
    faults.add(path, kms.endpoint.place, problem, "give the plugin's socket, as in unix:///var/run/kms.sock");
}
