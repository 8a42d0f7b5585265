//! Writing the file so that a reader sees the old one or the new one, whole.

use alloc::borrow::ToOwned as _;
use alloc::format;
use core::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::super::configuration::{ConfigOptions, EncryptionConfiguration, content_hash, read_file};
use super::super::fault::ConfigError;
use super::draft::ConfigDraft;
use super::emit;
use crate::random::{OsRandom, Random as _};

/// Why a configuration was not written. The file is as it was, unless it was replaced and only its folder could not
/// be made to last.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConfigWriteError {
    /// It is not valid.
    Invalid(ConfigError),
    /// The file system, or the source of randomness, failed.
    Io(io::Error),
    /// The file belongs to another user or group, and this process may not give the new one to them.
    Owner(io::Error),
    /// The file is not the one that was read: someone else changed or removed it. Read it again.
    Changed,
}

impl From<io::Error> for ConfigWriteError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl fmt::Display for ConfigWriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(_) => f.write_str("the configuration is not valid"),
            Self::Io(_) => f.write_str("the file was not written"),
            Self::Owner(_) => f.write_str("the file belongs to someone else, to whom the new one cannot be given"),
            Self::Changed => f.write_str("the file was changed since it was read"),
        }
    }
}

impl core::error::Error for ConfigWriteError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            Self::Invalid(error) => Some(error),
            Self::Io(error) | Self::Owner(error) => Some(error),
            Self::Changed => None,
        }
    }
}

impl ConfigDraft {
    /// Writes the configuration to a file that only its owner can read (mode 0600 on Unix), and returns what it says.
    ///
    /// The file is replaced at once: after a crash it is the old one or the new one, whole. Where the path is a
    /// symbolic link, the file it leads to is replaced, or made. The new file keeps the owner and the group of the old
    /// one; not its mode, so that who read the file as others or as a member of its group cannot any more.
    ///
    /// # Security
    /// A crash can leave a file `.name.` with 16 hexadecimal digits beside it, with mode 0600 and the secrets in it.
    ///
    /// # Errors
    /// [`ConfigWriteError`].
    pub fn write_to(
        &self,
        path: impl AsRef<Path>,
        options: ConfigOptions,
    ) -> Result<EncryptionConfiguration, ConfigWriteError> {
        self.write(path.as_ref(), None, options)
    }

    /// Writes as [`write_to`](Self::write_to) does, if the file is still the one with this
    /// [hash](EncryptionConfiguration::hash): so that of two who change it one is refused.
    ///
    /// The file is looked at right before it is replaced. A change in between, of some microseconds, is lost: who
    /// cannot rule that out needs a lock.
    ///
    /// # Errors
    /// [`ConfigWriteError`].
    pub fn write_over(
        &self,
        path: impl AsRef<Path>,
        expected_hash: &str,
        options: ConfigOptions,
    ) -> Result<EncryptionConfiguration, ConfigWriteError> {
        self.write(path.as_ref(), Some(expected_hash), options)
    }

    fn write(
        &self,
        path: &Path,
        expected_hash: Option<&str>,
        options: ConfigOptions,
    ) -> Result<EncryptionConfiguration, ConfigWriteError> {
        let text = emit::yaml(self.entries());
        let config = EncryptionConfiguration::from_yaml(text.as_bytes(), options).map_err(ConfigWriteError::Invalid)?;
        replace(path, expected_hash, text.as_bytes())?;
        Ok(config)
    }
}

fn replace(path: &Path, expected_hash: Option<&str>, content: &[u8]) -> Result<(), ConfigWriteError> {
    let path = resolve(path)?;
    let name = path.file_name().ok_or(io::Error::from(io::ErrorKind::InvalidInput))?;
    // A path of one name has the empty folder, which is the current one.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut random = [0; 8];
    OsRandom.fill(&mut random).map_err(io::Error::other)?;
    let mut new_name = std::ffi::OsString::from(".");
    new_name.push(name);
    new_name.push(format!(".{:016x}", u64::from_be_bytes(random)));
    let new_path = folder.join(new_name);
    let written = write_new(&new_path, &path, content)
        .and_then(|()| expected_hash.map_or(Ok(()), |hash| unchanged(&path, hash)))
        .and_then(|()| Ok(fs::rename(&new_path, &path)?));
    if written.is_err() {
        // What could be written of the new file holds secrets.
        let _ = fs::remove_file(&new_path);
    }
    written?;
    Ok(sync_folder(folder)?)
}

/// The path behind symbolic links, where there need not be a file yet.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    // As many links as Linux follows.
    for _ in 0..40 {
        match fs::canonicalize(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            resolved => return resolved,
        }
        if !fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_symlink()) {
            return Ok(path);
        }
        let target = fs::read_link(&path)?;
        path = path.parent().map(|folder| folder.join(&target)).unwrap_or(target);
    }
    Err(io::Error::other("too many symbolic links"))
}

fn unchanged(path: &Path, expected_hash: &str) -> Result<(), ConfigWriteError> {
    match read_file(path) {
        Ok((content, _)) if content_hash(&content) == expected_hash => Ok(()),
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Err(ConfigWriteError::Changed),
    }
}

fn write_new(path: &Path, old: &Path, content: &[u8]) -> Result<(), ConfigWriteError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    keep_owner(&file, old).map_err(ConfigWriteError::Owner)?;
    file.write_all(content)?;
    Ok(file.sync_all()?)
}

/// Gives the new file to whom the old one belongs, before it holds a secret.
#[cfg(unix)]
fn keep_owner(new: &File, old: &Path) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt as _, fchown};
    let Ok(old) = fs::metadata(old) else { return Ok(()) };
    let made = new.metadata()?;
    if (old.uid(), old.gid()) == (made.uid(), made.gid()) {
        return Ok(());
    }
    fchown(new, Some(old.uid()), Some(old.gid()))
}

#[cfg(not(unix))]
fn keep_owner(_: &File, _: &Path) -> io::Result<()> {
    Ok(())
}

/// Makes the new name last; on Windows a folder cannot be opened for that.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
