//! The driver: reads the file, swaps the configuration with its connections, tells the observer.

use alloc::borrow::ToOwned as _;
use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::panic::AssertUnwindSafe;
use core::sync::atomic::{AtomicBool, Ordering};
use std::io;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use super::super::configuration::{ConfigOptions, EncryptionConfiguration, read_file};
use super::super::connect::ConnectedConfiguration;
use super::super::fault::ConfigError;
use super::live::{ConfigurationInUse, LiveConfiguration};
use super::rules::{Reload, ReloadEvent, ReloadStep};
use crate::kek::{CallError, KekError, Refusal};

type Connect = dyn FnMut(&EncryptionConfiguration) -> Result<ConnectedConfiguration, CallError> + Send;

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
/// let in_use = live.load();
/// let stored = in_use.transformer("secrets")?.seal(b"/registry/secrets/default/login1", b"hunter2")?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ConfigWatcher {
    path: PathBuf,
    live: Arc<LiveConfiguration>,
    reload: Reload,
    observer: Box<dyn FnMut(&ReloadEvent) + Send>,
    connect: Box<Connect>,
    on_close: Box<dyn FnMut(&EncryptionConfiguration) + Send>,
    /// What was in use before, with its connections, until it is to be closed.
    retired: Vec<Arc<ConfigurationInUse>>,
    stopped: Arc<AtomicBool>,
}

impl ConfigWatcher {
    /// Reads the file, as for an API server with automatic reload.
    ///
    /// # Errors
    /// [`ConfigError`]: the first configuration has to be valid.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, ConfigError> {
        let config = Arc::new(EncryptionConfiguration::from_path(&path, ConfigOptions { reload: true })?);
        let connected = connect_nobody(&config).ok();
        Ok(Self {
            path: path.as_ref().to_owned(),
            live: Arc::new(LiveConfiguration::new(ConfigurationInUse::new(Arc::clone(&config), connected))),
            reload: Reload::new(config, Instant::now()),
            observer: Box::new(|_| {}),
            connect: Box::new(connect_nobody),
            on_close: Box::new(|_| {}),
            retired: Vec::new(),
            stopped: Arc::default(),
        })
    }

    /// Tells every change of the file that was taken or not. What was taken is in use by then.
    #[must_use]
    pub fn observe(self, observer: impl FnMut(&ReloadEvent) + Send + 'static) -> Self {
        Self { observer: Box::new(observer), ..self }
    }

    /// Connects the KMS plugins of each configuration before it is used, that of the first one now. Without this,
    /// no changed configuration with a KMS plugin is taken.
    ///
    /// `connect` gives a configuration whose plugins are healthy, by [`EncryptionConfiguration::connect`] and
    /// [`ConnectedConfiguration::check`], or why it cannot. With the feature `kms-client`, `poll_plugins` and `health` do
    /// that as the API server does: they tell of plugins of API version v1 too, and of what a plugin says of itself.
    /// After an error it is asked again every 100 ms, for as long as [`Reload`] says; the configuration before it stays in
    /// use meanwhile. Nothing else is watched while it runs, so that its calls must end of themselves.
    ///
    /// # Errors
    /// What `connect` says of the first configuration. Give back one that was not checked where the process is to start
    /// while a KMS is down.
    pub fn with_kms(
        mut self,
        mut connect: impl FnMut(&EncryptionConfiguration) -> Result<ConnectedConfiguration, CallError> + Send + 'static,
    ) -> Result<Self, CallError> {
        let config = Arc::clone(self.reload.current());
        let connected = connect(&config)?;
        self.live.swap(ConfigurationInUse::new(config, Some(connected)));
        self.connect = Box::new(connect);
        Ok(self)
    }

    /// Tells when the grace period of a configuration is over that is not in use any more. Its connections are dropped
    /// right after, unless a reader still holds them.
    #[must_use]
    pub fn on_close(self, on_close: impl FnMut(&EncryptionConfiguration) + Send + 'static) -> Self {
        Self { on_close: Box::new(on_close), ..self }
    }

    /// The configuration in use, for those who use it.
    #[must_use]
    pub fn live(&self) -> Arc<LiveConfiguration> {
        Arc::clone(&self.live)
    }

    /// Does all that is due, and returns when it is to be called again. The time that reading and callbacks take is
    /// added to `now`. A callback's panic is caught: see [`ReloadEvent`].
    pub fn step(&mut self, now: Instant) -> Instant {
        let begun = Instant::now();
        let after = || now.checked_add(begun.elapsed()).unwrap_or(now);
        loop {
            let event = match self.reload.next(after()) {
                ReloadStep::Wait(until) => return until,
                ReloadStep::Close(config) => self.close(&config),
                ReloadStep::Read => match read_file(&self.path) {
                    Ok((content, others_can_read)) => self.reload.file(Ok((&content, others_can_read)), after()),
                    Err(error) => self.reload.file(Err(error), after()),
                },
                ReloadStep::CheckHealth(config) => {
                    let connected = self.connected(&config);
                    if self.is_stopped() {
                        return after();
                    }
                    self.use_connected(config, connected, after())
                }
            };
            if let Some(event) = event {
                self.tell(&event);
            }
        }
    }

    fn connected(&mut self, config: &EncryptionConfiguration) -> Result<ConnectedConfiguration, CallError> {
        let connected = catch_unwind(AssertUnwindSafe(|| (self.connect)(config)));
        connected.unwrap_or_else(|_| Err(KekError::new(Refusal::Unreachable, "connecting panicked").into()))
    }

    fn use_connected(
        &mut self,
        config: Arc<EncryptionConfiguration>,
        connected: Result<ConnectedConfiguration, CallError>,
        now: Instant,
    ) -> Option<ReloadEvent> {
        match connected {
            Ok(connected) => {
                self.retired.push(self.live.swap(ConfigurationInUse::new(config, Some(connected))));
                self.reload.health(Ok(()), now)
            }
            Err(error) => self.reload.health(Err(error), now),
        }
    }

    fn close(&mut self, config: &Arc<EncryptionConfiguration>) -> Option<ReloadEvent> {
        let told = catch_unwind(AssertUnwindSafe(|| (self.on_close)(config)));
        // Whose drop may be the last one of a KEK, which is not ours either.
        let dropped = catch_unwind(AssertUnwindSafe(|| {
            self.retired.retain(|in_use| !Arc::ptr_eq(in_use.config(), config));
        }));
        (told.is_err() || dropped.is_err()).then_some(ReloadEvent::Panicked)
    }

    fn tell(&mut self, event: &ReloadEvent) {
        if catch_unwind(AssertUnwindSafe(|| (self.observer)(event))).is_err() {
            // Not told if that panics too.
            let _ = catch_unwind(AssertUnwindSafe(|| (self.observer)(&ReloadEvent::Panicked)));
        }
    }

    fn is_stopped(&self) -> bool {
        self.stopped.load(Ordering::Acquire)
    }

    /// Watches the file from a thread of its own, until the returned value is stopped or dropped.
    ///
    /// # Errors
    /// If no thread can be had.
    pub fn spawn(mut self) -> io::Result<WatchingThread> {
        let stop = Arc::clone(&self.stopped);
        let thread = thread::Builder::new().name("atrest-config".into()).spawn(move || {
            while !self.is_stopped() {
                let next = self.step(Instant::now());
                if !self.is_stopped() {
                    thread::park_timeout(next.saturating_duration_since(Instant::now()));
                }
            }
        })?;
        Ok(WatchingThread { stop, thread: Some(thread) })
    }
}

/// Without anyone to connect them, a configuration is taken if it has no KMS plugins.
fn connect_nobody(config: &EncryptionConfiguration) -> Result<ConnectedConfiguration, CallError> {
    config.connect(|_| Err(KekError::new(Refusal::Unreachable, "the watcher was not given with_kms").into()))
}

impl fmt::Debug for ConfigWatcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigWatcher").field("path", &self.path).field("live", &self.live).finish_non_exhaustive()
    }
}

/// A thread that watches a file.
///
/// Dropping this stops it without waiting: a callback that runs goes on to its end, and what it connected is not
/// used. [`stop`](Self::stop) waits.
#[derive(Debug)]
pub struct WatchingThread {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl WatchingThread {
    /// Whether the thread has ended. Until it is stopped it does not, not even by a panic of a callback.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }

    /// Stops the thread and waits for its end, however long a callback takes that runs. Not to be called from a callback.
    pub fn stop(mut self) {
        self.tell();
        if let Some(thread) = self.thread.take() {
            // A panic of the thread has been told already.
            let _ = thread.join();
        }
    }

    fn tell(&self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = &self.thread {
            thread.thread().unpark();
        }
    }
}

impl Drop for WatchingThread {
    fn drop(&mut self) {
        self.tell();
    }
}
