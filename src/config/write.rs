//! Producing a configuration: changing a draft of it, its text, and the file.

mod draft;
mod emit;
mod file;

pub use draft::{ConfigDraft, DraftError};
pub use file::ConfigWriteError;
