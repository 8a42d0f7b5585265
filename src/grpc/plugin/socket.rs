//! The socket of a plugin, and its file.

use core::time::Duration;
use std::ffi::OsString;
use std::fs::{self, File, Metadata, Permissions};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use tokio::net::{UnixListener, UnixSocket, UnixStream};
use tokio::time::sleep;

/// Connections that wait to be accepted.
const BACKLOG: u32 = 128;

/// How often the lock of a folder is tried for, and how long after it was not to be had.
const LOCK_TRIES: usize = 200;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// What is listened on. On drop the file goes first: as long as there is a listener nobody takes the file's place, which is
/// looked at before it is removed.
#[derive(Debug)]
pub(super) struct Socket {
    _file: Option<SocketFile>,
    listener: UnixListener,
}

impl Socket {
    pub(super) async fn accept(&self) -> io::Result<UnixStream> {
        Ok(self.listener.accept().await?.0)
    }
}

/// Listens; nobody can connect before the file has its permissions.
pub(super) async fn listen(path: &Path, mode: u32) -> io::Result<Socket> {
    if let [b'@', name @ ..] = path.as_os_str().as_bytes() {
        let socket = UnixSocket::new_stream()?;
        socket.bind(PathBuf::from(OsString::from_vec([b"\0", name].concat())))?;
        return Ok(Socket { _file: None, listener: socket.listen(BACKLOG)? });
    }
    // Until this one listens, so that no other takes its file for abandoned, nor finds the same file abandoned as it does.
    let _turn = lock(folder_of(path)).await;
    let socket = UnixSocket::new_stream()?;
    if let Err(error) = socket.bind(path) {
        if error.kind() != io::ErrorKind::AddrInUse || !is_freed(path).await? {
            return Err(error);
        }
        socket.bind(path)?;
    }
    // Bound but not listening: whoever connects is refused until now.
    fs::set_permissions(path, Permissions::from_mode(mode))?;
    let file = SocketFile { id: id(&fs::symlink_metadata(path)?), path: path.into() };
    Ok(Socket { _file: Some(file), listener: socket.listen(BACKLOG)? })
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Locks a folder for those who start plugins in it; dropping the handle unlocks it. `None` where that cannot be had:
/// whoever can read the folder can keep it locked, which must not keep a plugin from starting.
async fn lock(folder: &Path) -> Option<File> {
    let folder = File::open(folder).ok()?;
    for _ in 0..LOCK_TRIES {
        match flock(&folder, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => return Some(folder),
            Err(Errno::WOULDBLOCK) => sleep(LOCK_PAUSE).await,
            Err(_) => return None,
        }
    }
    None
}

/// Removes a socket that nobody listens on; whether nothing is in the way then. The file may go at any moment: a plugin
/// that ends removes its own.
async fn is_freed(path: &Path) -> io::Result<bool> {
    match remove_abandoned(path).await {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(true),
        outcome => outcome,
    }
}

async fn remove_abandoned(path: &Path) -> io::Result<bool> {
    if !fs::symlink_metadata(path)?.file_type().is_socket() {
        return Ok(false);
    }
    match UnixStream::connect(path).await.map_err(|error| error.kind()) {
        Err(io::ErrorKind::ConnectionRefused) => fs::remove_file(path).map(|()| true),
        Err(io::ErrorKind::NotFound) => Ok(true),
        _ => Ok(false),
    }
}

/// The file of a socket, removed on drop unless another took its place.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    id: (u64, u64),
}

fn id(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|metadata| id(&metadata) == self.id) {
            // What cannot be removed is found to be abandoned by the next plugin.
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use alloc::format;

    use super::*;

    #[tokio::test]
    async fn a_file_that_went_meanwhile_is_in_nobodys_way() {
        let path = std::env::temp_dir().join(format!("atrest-gone-{}.sock", std::process::id()));
        assert!(is_freed(&path).await.unwrap());
        assert!(!is_freed(&std::env::temp_dir()).await.unwrap());
    }
}
