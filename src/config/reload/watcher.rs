//! The driver: reads the file, swaps the configuration, tells the observer.

use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use alloc::sync::Arc;
use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};
use std::io;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use arc_swap::ArcSwap;

use super::super::configuration::{ConfigOptions, EncryptionConfiguration, read_file};
use super::super::fault::ConfigError;
use super::rules::{Reload, ReloadEvent, ReloadStep};

/// The configuration in use, to be shared among threads: whoever loads it has all of one configuration, and never waits
/// for a reload.
pub struct LiveConfiguration(ArcSwap<EncryptionConfiguration>);

impl LiveConfiguration {
    /// The configuration that is in use at this moment. Load it anew for each request, and once for each.
    #[must_use]
    pub fn load(&self) -> Arc<EncryptionConfiguration> {
        self.0.load_full()
    }
}

impl fmt::Debug for LiveConfiguration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("LiveConfiguration").field(&self.load()).finish()
    }
}

/// Watches a file by the hash of its content, and puts what it says into use.
///
/// # Example
/// ```no_run
/// use atrest::{ConfigWatcher, ReloadEvent};
///
/// let watcher = ConfigWatcher::open("encryption-config.yaml")?.observe(|event| match event {
///     ReloadEvent::Applied(config) => println!("now in use: {}", config.hash()),
///     other => eprintln!("not taken: {other:?}"),
/// });
/// let live = watcher.live();
/// let watching = watcher.spawn()?; // stops when it is dropped
/// let stored = live.load().transformer("secrets")?.seal(b"/registry/secrets/default/login1", b"hunter2")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ConfigWatcher {
    path: PathBuf,
    live: Arc<LiveConfiguration>,
    reload: Reload,
    observer: Box<dyn FnMut(&ReloadEvent) + Send>,
    is_healthy: Box<dyn FnMut(&EncryptionConfiguration) -> bool + Send>,
    close: Box<dyn FnMut(&EncryptionConfiguration) + Send>,
}

impl ConfigWatcher {
    /// Reads the file, as for an API server with automatic reload.
    ///
    /// # Errors
    /// [`ConfigError`]: the first configuration has to be valid.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let config = Arc::new(EncryptionConfiguration::from_path(&path, ConfigOptions { reload: true })?);
        Ok(Self {
            path: path.as_ref().to_owned(),
            live: Arc::new(LiveConfiguration(ArcSwap::new(Arc::clone(&config)))),
            reload: Reload::new(config, Instant::now()),
            observer: Box::new(|_| {}),
            // Without anyone to ask, a configuration is taken if it has nobody to be asked for.
            is_healthy: Box::new(|config| config.kms().next().is_none()),
            close: Box::new(|_| {}),
        })
    }

    /// Tells every change of the file that was taken or not.
    #[must_use]
    pub fn observe(self, observer: impl FnMut(&ReloadEvent) + Send + 'static) -> Self {
        Self { observer: Box::new(observer), ..self }
    }

    /// Asks whether the KMS plugins of a new configuration are healthy, and tells when those of an old one are not used any
    /// more. Without this, no changed configuration with a KMS plugin is taken.
    #[must_use]
    pub fn with_kms(
        self,
        is_healthy: impl FnMut(&EncryptionConfiguration) -> bool + Send + 'static,
        close: impl FnMut(&EncryptionConfiguration) + Send + 'static,
    ) -> Self {
        Self { is_healthy: Box::new(is_healthy), close: Box::new(close), ..self }
    }

    /// The configuration in use, for those who use it.
    #[must_use]
    pub fn live(&self) -> Arc<LiveConfiguration> {
        Arc::clone(&self.live)
    }

    /// Does all that is due, and returns when it is to be called again.
    pub fn step(&mut self, now: Instant) -> Instant {
        loop {
            let event = match self.reload.next(now) {
                ReloadStep::Wait(until) => return until,
                ReloadStep::Close(config) => {
                    (self.close)(&config);
                    None
                }
                ReloadStep::Read => match read_file(&self.path) {
                    Ok((content, _)) => self.reload.content(Ok(&content), now),
                    Err(error) => self.reload.content(Err(error), now),
                },
                ReloadStep::CheckHealth(config) => {
                    let is_healthy = (self.is_healthy)(&config);
                    self.reload.health(is_healthy, now)
                }
            };
            if let Some(event) = event {
                if let ReloadEvent::Applied(config) = &event {
                    self.live.0.store(Arc::clone(config));
                }
                (self.observer)(&event);
            }
        }
    }

    /// Watches the file from a thread of its own, until the returned value is dropped.
    ///
    /// # Errors
    /// If no thread can be had.
    pub fn spawn(mut self) -> io::Result<WatchingThread> {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let thread = thread::Builder::new().name("atrest-config".into()).spawn(move || {
            while !stopped.load(Ordering::Acquire) {
                let next = self.step(Instant::now());
                thread::park_timeout(next.saturating_duration_since(Instant::now()));
            }
        })?;
        Ok(WatchingThread { stop, thread: Some(thread) })
    }
}

impl fmt::Debug for ConfigWatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigWatcher").field("path", &self.path).field("live", &self.live).finish_non_exhaustive()
    }
}

/// A thread that watches a file; dropping this stops it.
#[derive(Debug)]
pub struct WatchingThread {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for WatchingThread {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A panic of the thread has been told already.
            let _ = thread.join();
        }
    }
}
