//! The socket of a plugin, and its file.

use std::ffi::OsString;
use std::fs::{self, Metadata, Permissions};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixSocket, UnixStream};

/// Connections that wait to be accepted.
const BACKLOG: u32 = 128;

/// Listens; nobody can connect before the file has its permissions.
pub(super) async fn listen(path: &Path, mode: u32) -> io::Result<(UnixListener, Option<SocketFile>)> {
    if let [b'@', name @ ..] = path.as_os_str().as_bytes() {
        let socket = UnixSocket::new_stream()?;
        socket.bind(PathBuf::from(OsString::from_vec([b"\0", name].concat())))?;
        return Ok((socket.listen(BACKLOG)?, None));
    }
    let socket = UnixSocket::new_stream()?;
    if let Err(error) = socket.bind(path) {
        if error.kind() != io::ErrorKind::AddrInUse || !is_abandoned(path).await? {
            return Err(error);
        }
        fs::remove_file(path)?;
        socket.bind(path)?;
    }
    // Bound but not listening: whoever connects is refused until now.
    fs::set_permissions(path, Permissions::from_mode(mode))?;
    let file = SocketFile { id: id(&fs::symlink_metadata(path)?), path: path.into() };
    Ok((socket.listen(BACKLOG)?, Some(file)))
}

/// Whether the file is a socket that nobody listens on.
async fn is_abandoned(path: &Path) -> io::Result<bool> {
    if !fs::symlink_metadata(path)?.file_type().is_socket() {
        return Ok(false);
    }
    let refused = |error: io::Error| error.kind() == io::ErrorKind::ConnectionRefused;
    Ok(UnixStream::connect(path).await.is_err_and(refused))
}

/// The file of a socket, removed on drop unless another took its place.
#[derive(Debug)]
pub(super) struct SocketFile {
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
