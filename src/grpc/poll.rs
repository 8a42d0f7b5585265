//! Asking a KMS for its status from time to time, and acting on it.
//!
//! Source: Kubernetes' `apiserver/pkg/server/options/encryptionconfig/config.go`, `primeAndProbeKMSv2` and
//! `kmsv2PluginProbe.check`.

use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::panic::AssertUnwindSafe;
use core::time::Duration;
use std::panic::catch_unwind;
use std::sync::{Mutex as StdMutex, PoisonError};

use futures_util::future::join;
use tokio::sync::Mutex;
use tokio::task::AbortHandle;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};

use super::client::KmsClient;
use crate::driver::follow;
use crate::error::Result;
use crate::kek::KekError;
use crate::kind::ProviderKind;
use crate::kms::{Clock, KmsFault, KmsHealth, KmsProbe};
use crate::observer::{Event, Observer, Operation};
use crate::provider::{KmsV2, WrappedProvider};

/// Between checks of a KMS that is well, and of one that is not.
const EVERY: Duration = Duration::from_secs(60);
const EVERY_UNHEALTHY: Duration = Duration::from_secs(10);

/// A task that asks a KMS of API version v2 how it is and keeps its provider able to seal, as the API server does:
/// once at the start, then each minute, and each 10 seconds while something is wrong.
///
/// Whatever the KMS says of its health, the key that it names is taken in: while it answers, sealing goes on.
/// Recovered DEKs whose time is over are dropped from the provider's cache on the way. The task ends when this is
/// dropped.
pub struct KmsPoller {
    poll: Arc<Poll>,
    task: AbortHandle,
}

struct Poll {
    client: KmsClient,
    provider: Arc<KmsV2>,
    clock: Arc<dyn Clock>,
    /// Who is told of rotations, and the index of the provider that it knows.
    observer: Option<(Box<dyn Observer>, usize)>,
    /// Held while the KMS is asked.
    probe: Mutex<KmsProbe>,
    last: StdMutex<Verdict>,
}

#[derive(Clone)]
struct Verdict {
    health: KmsHealth,
    cause: Option<KekError>,
}

impl KmsPoller {
    /// Checks the KMS and starts the task. A first check that fails is told by [`health`](Self::health) and repeated;
    /// nothing waits for a plugin for longer than twice the client's timeout, which its status and the wrapping of a seed
    /// have each.
    ///
    /// `clock` has to be the one of the transformer that the provider is in: it is what tells when sealing has to end.
    /// Every [`SystemClock`](crate::SystemClock) is the same.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn start(client: KmsClient, provider: Arc<KmsV2>, clock: impl Clock + 'static) -> Self {
        Self::spawn(client, provider, Arc::new(clock), None).await
    }

    /// As [`start`](Self::start), with an observer that is told of each rotation, and of each that failed, as a driver's
    /// check tells it: by the index that the provider has in its list.
    ///
    /// Drivers tell of their own checks only. Should the observer panic, the panic ends there, so that sealing does not.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub async fn start_observed(
        client: KmsClient,
        provider: Arc<KmsV2>,
        clock: impl Clock + 'static,
        observer: impl Observer + 'static,
        provider_index: usize,
    ) -> Self {
        Self::spawn(client, provider, Arc::new(clock), Some((Box::new(observer), provider_index))).await
    }

    async fn spawn(
        client: KmsClient,
        provider: Arc<KmsV2>,
        clock: Arc<dyn Clock>,
        observer: Option<(Box<dyn Observer>, usize)>,
    ) -> Self {
        let last = StdMutex::new(Verdict { health: KmsHealth::HEALTHY, cause: None });
        let poll = Arc::new(Poll { client, provider, clock, observer, probe: Mutex::default(), last });
        let is_primed = poll.check().await.is_healthy();
        let task = tokio::spawn(Arc::clone(&poll).run(is_primed)).abort_handle();
        Self { poll, task }
    }

    /// The last verdict. It asks nobody.
    #[must_use]
    pub fn health(&self) -> KmsHealth {
        self.poll.last().health
    }

    /// Why the KMS refused, if the last verdict is that it did.
    #[must_use]
    pub fn cause(&self) -> Option<KekError> {
        self.poll.last().cause
    }

    /// Checks the KMS now, unless it was found healthy less than 20 seconds ago or not healthy less than 3 seconds ago.
    pub async fn check(&self) -> KmsHealth {
        self.poll.check().await
    }
}

impl Poll {
    fn last(&self) -> Verdict {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn run(self: Arc<Self>, is_primed: bool) {
        join(self.prime(is_primed), self.keep()).await;
    }

    /// Until the KMS was healthy for the first time.
    async fn prime(&self, is_primed: bool) {
        if !is_primed {
            self.until_healthy().await;
        }
    }

    async fn keep(&self) {
        let mut ticks = every(EVERY);
        loop {
            ticks.tick().await;
            if !self.check().await.is_healthy() {
                self.until_healthy().await;
            }
        }
    }

    async fn until_healthy(&self) {
        let mut ticks = every(EVERY_UNHEALTHY);
        loop {
            ticks.tick().await;
            if self.check().await.is_healthy() {
                return;
            }
        }
    }

    async fn check(&self) -> KmsHealth {
        let provider: &dyn WrappedProvider = &*self.provider;
        provider.cache().purge(self.clock.now());
        let mut probe = self.probe.lock().await;
        if let Some(health) = probe.cached(self.clock.now()) {
            return health;
        }
        let verdict = self.ask(&mut probe).await;
        let health = verdict.health;
        probe.record(self.clock.now(), health);
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = verdict;
        health
    }

    async fn ask(&self, probe: &mut KmsProbe) -> Verdict {
        let asked_at = self.clock.now();
        let status = match self.client.status().await {
            Ok(status) => status,
            Err(refused) => {
                let health = KmsHealth::HEALTHY.with(KmsFault::Status(refused.refusal().error()));
                return Verdict { health, cause: Some(refused) };
            }
        };
        let health = probe.judge(&status);
        if health.faults().any(|fault| fault == KmsFault::KeyId) {
            return Verdict { health, cause: None };
        }
        let tell = |outcome, key_id: &str| self.tell(outcome, key_id);
        match follow(&self.provider, &self.client, &*self.clock, asked_at, status.key_id(), &tell).await {
            Ok(()) => Verdict { health, cause: None },
            Err(error) => {
                Verdict { health: health.with(KmsFault::Rotation(error.error())), cause: error.cause().cloned() }
            }
        }
    }

    fn tell(&self, outcome: Result<()>, key_id: &str) {
        if let Some((observer, index)) = &self.observer {
            let event = Event::new(Operation::Rotate, outcome, 0).by_provider(*index, ProviderKind::KmsV2);
            let event = event.with_key_id(key_id);
            let _ = catch_unwind(AssertUnwindSafe(|| observer.observe(&event)));
        }
    }
}

/// Ticks from one period after now. A tick that comes late, because a check took long, puts off none of those after it.
fn every(period: Duration) -> Interval {
    let mut ticks = interval_at(Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks
}

impl Drop for KmsPoller {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl fmt::Debug for KmsPoller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let endpoint = self.poll.client.endpoint();
        f.debug_struct("KmsPoller").field("endpoint", endpoint).field("health", &self.health()).finish_non_exhaustive()
    }
}
