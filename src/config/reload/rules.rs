//! When to read the file, when to ask for the health of what it says, and when to take that: as values, with the
//! time passed in.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;
use std::io;
use std::time::Instant;

use super::super::configuration::{ConfigOptions, EncryptionConfiguration, content_hash};
use super::super::fault::ConfigError;
use crate::kek::CallError;

/// How often the file is read.
const POLL: Duration = Duration::from_secs(60);

/// How often the health of a new configuration is asked for, and for how long at least.
const HEALTH_INTERVAL: Duration = Duration::from_millis(100);
const HEALTH_TIME_MIN: Duration = Duration::from_secs(10);

/// How soon the file is read again after the first failure; twice as long after each further one, up to `POLL`.
const RETRY: Duration = Duration::from_millis(5);

/// What the owner of a [`Reload`] does next.
#[derive(Clone, Debug)]
pub enum ReloadStep {
    /// Read the file and pass its content to [`Reload::content`].
    Read,
    /// Ask whether all KMS plugins of this configuration are healthy, and pass the answer to [`Reload::health`].
    CheckHealth(Arc<EncryptionConfiguration>),
    /// Nobody uses this configuration any more: close its connections to KMS plugins.
    Close(Arc<EncryptionConfiguration>),
    /// Nothing, until this moment.
    Wait(Instant),
}

/// What became of a change of the file.
#[derive(Debug)]
#[non_exhaustive]
pub enum ReloadEvent {
    /// The file's new configuration is in use.
    Applied(Arc<EncryptionConfiguration>),
    /// The file cannot be read or is not valid; the configuration before it stays in use.
    Refused(ConfigError),
    /// A KMS plugin of the file's new configuration did not become healthy in time; the configuration before it stays
    /// in use. With what the last question for its health came to.
    Unhealthy(Arc<EncryptionConfiguration>, CallError),
    /// The observer, or what closes connections, panicked. Watching goes on. A panic while connecting is told as
    /// [`Unhealthy`](Self::Unhealthy).
    Panicked,
}

/// The rules by which a changed file comes into use, without I/O.
///
/// The file is read every minute, and told to have changed by its hash. What it says is taken once its KMS plugins
/// are healthy, for which they have the longer of 10 s and their
/// [grace period](EncryptionConfiguration::kms_close_grace_period). What was in use before is closed when its
/// own grace period is over. After a failure the file is read again soon, and then ever more rarely.
#[derive(Debug)]
pub struct Reload {
    current: Arc<EncryptionConfiguration>,
    candidate: Option<Candidate>,
    retired: Vec<(Instant, Arc<EncryptionConfiguration>)>,
    next_read: Instant,
    failures: u32,
}

#[derive(Debug)]
struct Candidate {
    config: Arc<EncryptionConfiguration>,
    next_check: Instant,
    deadline: Instant,
}

impl Reload {
    /// Starts with a configuration that is in use; the file is to be read at once.
    #[must_use]
    pub const fn new(current: Arc<EncryptionConfiguration>, now: Instant) -> Self {
        Self { current, candidate: None, retired: Vec::new(), next_read: now, failures: 0 }
    }

    /// The configuration in use.
    #[must_use]
    pub const fn current(&self) -> &Arc<EncryptionConfiguration> {
        &self.current
    }

    /// What to do next.
    #[must_use]
    pub fn next(&mut self, now: Instant) -> ReloadStep {
        if let Some(i) = self.retired.iter().position(|(due, _)| *due <= now) {
            return ReloadStep::Close(self.retired.swap_remove(i).1);
        }
        let next = match &self.candidate {
            Some(candidate) if candidate.next_check <= now => {
                return ReloadStep::CheckHealth(Arc::clone(&candidate.config));
            }
            Some(candidate) => candidate.next_check,
            None if self.next_read <= now => return ReloadStep::Read,
            None => self.next_read,
        };
        ReloadStep::Wait(self.retired.iter().map(|(due, _)| *due).fold(next, Instant::min))
    }

    /// Takes the content of the file, or why it cannot be read. Who may read the file is not known from its content.
    pub fn content(&mut self, content: io::Result<&[u8]>, now: Instant) -> Option<ReloadEvent> {
        self.file(content.map(|content| (content, false)), now)
    }

    /// Takes the content of the file with whether others than its owner can read or change it.
    pub(super) fn file(&mut self, file: io::Result<(&[u8], bool)>, now: Instant) -> Option<ReloadEvent> {
        let config = match file {
            Ok((content, _)) if content_hash(content) == self.current.hash() => {
                self.failures = 0;
                self.next_read = now + POLL;
                return None;
            }
            Ok((content, others_can_read)) => {
                EncryptionConfiguration::from_yaml(content, ConfigOptions { reload: true })
                    .map(|config| config.readable_by_others(others_can_read))
            }
            Err(error) => Err(ConfigError::read(error)),
        };
        match config {
            Ok(config) => {
                let time = config.kms_close_grace_period().max(HEALTH_TIME_MIN);
                // A time that no clock reaches.
                let deadline = now.checked_add(time).unwrap_or(now + HEALTH_TIME_MIN);
                self.candidate = Some(Candidate { config: Arc::new(config), next_check: now, deadline });
                None
            }
            Err(error) => {
                self.retry_later(now);
                Some(ReloadEvent::Refused(error))
            }
        }
    }

    /// Takes the answer to [`ReloadStep::CheckHealth`]. `now` is when it came, from which the grace period counts.
    pub fn health(&mut self, health: Result<(), CallError>, now: Instant) -> Option<ReloadEvent> {
        let mut candidate = self.candidate.take()?;
        let Err(error) = health else {
            let old = core::mem::replace(&mut self.current, Arc::clone(&candidate.config));
            let due = now.checked_add(old.kms_close_grace_period()).unwrap_or(now + HEALTH_TIME_MIN);
            self.retired.push((due, old));
            self.failures = 0;
            self.next_read = now + POLL;
            return Some(ReloadEvent::Applied(candidate.config));
        };
        candidate.next_check = now + HEALTH_INTERVAL;
        if candidate.next_check <= candidate.deadline {
            self.candidate = Some(candidate);
            return None;
        }
        self.retry_later(now);
        Some(ReloadEvent::Unhealthy(candidate.config, error))
    }

    fn retry_later(&mut self, now: Instant) {
        let factor = 1_u32.checked_shl(self.failures).unwrap_or(u32::MAX);
        self.next_read = now + RETRY.saturating_mul(factor).min(POLL);
        self.failures = self.failures.saturating_add(1).min(31);
    }
}
