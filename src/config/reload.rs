//! Following the changes of a file while it is in use. Format document: 5.5. Kubernetes:
//! `encryptionconfig/controller/controller.go`.

mod rules;
mod watcher;

pub use rules::{Reload, ReloadEvent, ReloadStep};
pub use watcher::{ConfigWatcher, LiveConfiguration, WatchingThread};
