//! Any KEK as a KMS plugin.

mod answers;
mod authority;
mod connection;
mod socket;

use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;
use std::io;
use std::path::{Path, PathBuf};

use crate::driver::AsyncKek;
use crate::kek::Kek;

use answers::{Answers, Blocking};
use socket::Socket;

/// Permissions of the socket unless others are set: its owner alone may connect.
const MODE: u32 = 0o600;

/// For how long calls under way are waited for when a plugin shuts down.
const GRACE: Duration = Duration::from_secs(10);

/// A KEK as a KMS plugin of Kubernetes: the API versions v2 and v1beta1 on a Unix socket.
///
/// Calls are answered concurrently. The key id of a status is what the KEK says at that time: when it rotates, API
/// servers follow within a minute. Each of the KEK's refusals is a gRPC code: `InvalidArgument` for a DEK that is not
/// its own, `NotFound` for one whose key was destroyed, `PermissionDenied`, and `Unavailable`.
///
/// Messages are bounded to 128 KiB, connections to 64, and calls under way to 256 in number and 30 seconds.
///
/// # Security
/// Whoever can connect to the socket can have any DEK unwrapped. The socket's permissions are the only guard; an
/// abstract socket has none.
///
/// ```no_run
/// # async fn run() -> Result<(), Box<dyn core::error::Error>> {
/// use atrest::{LocalKek, Plugin};
///
/// Plugin::new(LocalKek::generate()?).serve("/run/kms.sock").await?;
/// # Ok(())
/// # }
/// ```
pub struct Plugin {
    kek: Arc<dyn AsyncKek>,
    mode: u32,
    grace: Duration,
}

impl Plugin {
    /// A plugin of a KEK whose calls may block; they are made on tokio's threads for that, 256 at a time.
    ///
    /// A call that has begun cannot be stopped: it keeps its thread until the KEK has answered, after its 30 seconds
    /// too. While 256 hang, others wait for as long as they may, and are not made when nobody waits for them any more.
    pub fn new(kek: impl Kek + 'static) -> Self {
        Self::with_async(Blocking::new(kek))
    }

    /// A plugin of a KEK that answers in its own time.
    pub fn with_async(kek: impl AsyncKek + 'static) -> Self {
        Self { kek: Arc::new(kek), mode: MODE, grace: GRACE }
    }

    /// The same with other permissions of the socket than `0o600`.
    #[must_use]
    pub const fn mode(mut self, mode: u32) -> Self {
        self.mode = mode;
        self
    }

    /// The same which waits so long for calls under way when it shuts down, instead of 10 seconds.
    #[must_use]
    pub const fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Listens on the socket of this path; one that begins with `@` is the abstract socket of the name that follows.
    ///
    /// A socket file that nobody listens on, left by a process that was killed, is replaced. Of several plugins that
    /// start on one path at the same moment one listens: they lock its folder meanwhile (`flock`). Where the folder cannot
    /// be read, or another keeps it locked for 2 seconds, they start without, and the last may take the file of
    /// the others.
    ///
    /// # Errors
    /// [`io::ErrorKind::AddrInUse`] if another listens there, or if the file is no socket; whatever else the operating
    /// system says.
    ///
    /// # Panics
    /// Outside of a tokio runtime with I/O.
    pub async fn listen(self, path: impl Into<PathBuf>) -> io::Result<ListeningPlugin> {
        let path = path.into();
        let socket = socket::listen(&path, self.mode).await?;
        Ok(ListeningPlugin { answers: Answers::new(self.kek), grace: self.grace, path, socket })
    }

    /// Listens and answers until the future is dropped.
    ///
    /// # Errors
    /// As of [`listen`](Self::listen).
    ///
    /// # Panics
    /// As of [`listen`](Self::listen).
    pub async fn serve(self, path: impl Into<PathBuf>) -> io::Result<()> {
        self.serve_until(path, core::future::pending()).await
    }

    /// Listens and answers until `shutdown` is ready; then the socket is removed, calls under way are waited for, and
    /// all connections are closed.
    ///
    /// # Errors
    /// As of [`listen`](Self::listen).
    ///
    /// # Panics
    /// As of [`listen`](Self::listen).
    pub async fn serve_until(self, path: impl Into<PathBuf>, shutdown: impl Future<Output = ()>) -> io::Result<()> {
        self.listen(path).await?.serve_until(shutdown).await;
        Ok(())
    }
}

/// A plugin that can be connected to; it answers once it is served. The socket is removed when it is dropped.
pub struct ListeningPlugin {
    answers: Answers,
    grace: Duration,
    path: PathBuf,
    socket: Socket,
}

impl ListeningPlugin {
    /// The path of the socket, as it was given.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Answers until `shutdown` is ready; then the socket is removed, calls under way are waited for, and all
    /// connections are closed. When the future is dropped, all ends at once.
    pub async fn serve_until(self, shutdown: impl Future<Output = ()>) {
        let Self { answers, grace, socket, .. } = self;
        connection::serve(socket, answers, shutdown, grace).await;
    }
}

/// The stream as a plugin's connection reads it; for the fuzz target alone.
#[cfg(fuzzing)]
#[doc(hidden)]
pub fn authorities<S: tokio::io::AsyncRead + Unpin>(stream: S) -> impl tokio::io::AsyncRead + Unpin {
    authority::Authorities::new(stream)
}

impl fmt::Debug for Plugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plugin").field("mode", &self.mode).field("grace", &self.grace).finish_non_exhaustive()
    }
}

impl fmt::Debug for ListeningPlugin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ListeningPlugin").field("path", &self.path).finish_non_exhaustive()
    }
}
