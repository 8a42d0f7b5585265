//! Writing the file so that a reader sees the old one or the new one, whole.

use alloc::borrow::ToOwned as _;
use alloc::format;
use core::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use super::super::configuration::{ConfigOptions, EncryptionConfiguration};
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
}

impl fmt::Display for ConfigWriteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(_) => f.write_str("the configuration is not valid"),
            Self::Io(_) => f.write_str("the file was not written"),
        }
    }
}

impl core::error::Error for ConfigWriteError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(match self {
            Self::Invalid(error) => error,
            Self::Io(error) => error,
        })
    }
}

impl ConfigDraft {
    /// Writes the configuration to a file that only its owner can read (mode 0600 on Unix), and returns what it says.
    ///
    /// The file is replaced at once: after a crash it is the old one or the new one, whole. Where the path is a
    /// symbolic link, the file it leads to is replaced.
    ///
    /// # Errors
    /// [`ConfigWriteError`].
    pub fn write_to(
        &self,
        path: impl AsRef<Path>,
        options: ConfigOptions,
    ) -> Result<EncryptionConfiguration, ConfigWriteError> {
        let text = emit::yaml(self.entries());
        let config = EncryptionConfiguration::from_yaml(text.as_bytes(), options).map_err(ConfigWriteError::Invalid)?;
        replace(path.as_ref(), text.as_bytes()).map_err(ConfigWriteError::Io)?;
        Ok(config)
    }
}

fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    // A path of one name has the empty folder, which is the current one.
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut random = [0; 8];
    OsRandom.fill(&mut random).map_err(io::Error::other)?;
    let mut new_name = std::ffi::OsString::from(".");
    new_name.push(name);
    new_name.push(format!(".{:016x}", u64::from_be_bytes(random)));
    let new_path = folder.join(new_name);
    let written = write_new(&new_path, content).and_then(|()| fs::rename(&new_path, &path));
    if written.is_err() {
        // What could be written of the new file holds secrets.
        let _ = fs::remove_file(&new_path);
    }
    written?;
    sync_folder(folder)
}

fn write_new(path: &PathBuf, content: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(path)?;
    file.write_all(content)?;
    file.sync_all()
}

/// Makes the new name last; on Windows a folder cannot be opened for that.
fn sync_folder(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
