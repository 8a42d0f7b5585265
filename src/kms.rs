//! The KMS service as data: what it is asked and answers, with the time passed in. Nothing here does I/O.

mod clock;
mod object;
mod state;
mod status;

pub use clock::{Clock, SystemClock, Time};
pub use object::{DekSourceKind, EncryptedObject, ObjectError};
pub use state::{KmsAction, KmsRotation, KmsState, WriteKey};
pub use status::{KmsFault, KmsHealth, KmsProbe, KmsStatus};
