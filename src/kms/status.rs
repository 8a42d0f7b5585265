//! What a KMS says of itself, judged, and for how long the verdict holds.
//!
//! Source: Kubernetes' `apiserver/pkg/server/options/encryptionconfig/config.go`, `kmsv2PluginProbe`.

mod health;

use alloc::string::String;
use core::time::Duration;

use super::clock::Time;
use super::object::check_key_id;

pub use health::{KmsFault, KmsHealth};

/// For how long a verdict is given again without asking: of a healthy KMS, and of any other.
const CACHED_HEALTHY: Duration = Duration::from_secs(20);
const CACHED_UNHEALTHY: Duration = Duration::from_secs(3);

/// How long after a check the next is due by itself.
const DUE_HEALTHY: Duration = Duration::from_secs(60);
const DUE_UNHEALTHY: Duration = Duration::from_secs(10);

/// The answer of a KMS to the status request of KMS v2, as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KmsStatus {
    version: String,
    healthz: String,
    key_id: String,
}

impl KmsStatus {
    /// A status; nothing of it is checked.
    #[must_use]
    pub fn new(version: impl Into<String>, healthz: impl Into<String>, key_id: impl Into<String>) -> Self {
        Self { version: version.into(), healthz: healthz.into(), key_id: key_id.into() }
    }

    /// The version of the API that it speaks.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.version
    }

    /// `ok`, or whatever else it says of its health.
    #[must_use]
    pub fn healthz(&self) -> &str {
        &self.healthz
    }

    /// Id of the key that it wraps with now.
    #[must_use]
    pub fn key_id(&self) -> &str {
        &self.key_id
    }
}

/// The memory of whoever checks one KMS: the version that it first had, and the last verdict.
///
/// One check is: give the [cached](Self::cached) verdict if there is one, else ask for the status, [judge](Self::judge)
/// it, tell [`KmsState`](crate::KmsState) of its key id, and [record](Self::record) the verdict.
///
/// ```
/// use atrest::{KmsFault, KmsProbe, KmsStatus, Time};
///
/// let (mut probe, now) = (KmsProbe::new(), Time::default());
/// let health = probe.judge(&KmsStatus::new("v2", "shutting down", "id1"));
/// probe.record(now, health);
/// assert!(health.faults().eq([KmsFault::Healthz]));
/// assert_eq!(probe.cached(now), Some(health));
/// ```
#[derive(Clone, Debug, Default)]
pub struct KmsProbe {
    version: Option<Version>,
    last: Option<(Time, KmsHealth)>,
}

impl KmsProbe {
    /// A probe that has asked nothing so far.
    #[must_use]
    pub const fn new() -> Self {
        Self { version: None, last: None }
    }

    /// The last verdict, if it still holds: for less than 20 seconds, if it is healthy, or 3 seconds.
    #[must_use]
    pub fn cached(&self, now: Time) -> Option<KmsHealth> {
        let (recorded_at, health) = self.last?;
        let holds_for = if health.is_healthy() { CACHED_HEALTHY } else { CACHED_UNHEALTHY };
        (now.since(recorded_at) < holds_for).then_some(health)
    }

    /// Judges a status, and remembers the first known version.
    ///
    /// Its key id belongs to [`KmsState::on_status`](crate::KmsState::on_status) however the verdict is, unless
    /// that is the fault.
    pub fn judge(&mut self, status: &KmsStatus) -> KmsHealth {
        let mut health = KmsHealth::HEALTHY;
        if status.healthz != "ok" {
            health = health.with(KmsFault::Healthz);
        }
        match Version::new(&status.version) {
            None => health = health.with(KmsFault::Version),
            Some(version) if *self.version.get_or_insert(version) != version => {
                health = health.with(KmsFault::VersionChanged);
            }
            Some(_) => {}
        }
        if check_key_id(&status.key_id).is_err() {
            health = health.with(KmsFault::KeyId);
        }
        health
    }

    /// Remembers the verdict of a check that ended now.
    pub const fn record(&mut self, now: Time, health: KmsHealth) {
        self.last = Some((now, health));
    }

    /// When the next check is due: a minute after one that found the KMS healthy, 10 seconds after any other, and
    /// at once before the first.
    #[must_use]
    pub fn due(&self) -> Time {
        match self.last {
            Some((recorded_at, health)) if health.is_healthy() => recorded_at.after(DUE_HEALTHY),
            Some((recorded_at, _)) => recorded_at.after(DUE_UNHEALTHY),
            None => Time::default(),
        }
    }
}

/// The versions of the API that Kubernetes speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    V2,
    V2Beta1,
}

impl Version {
    fn new(version: &str) -> Option<Self> {
        match version {
            "v2" => Some(Self::V2),
            "v2beta1" => Some(Self::V2Beta1),
            _ => None,
        }
    }
}
