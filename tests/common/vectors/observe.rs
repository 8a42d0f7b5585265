//! Opens and seals through every call that does so, and requires that all of them agree.

use core::fmt;

use atrest::{Error, Identity, Opened, Provider, ProviderKind, Transformer};

use super::scripted_nonce::ScriptedNonce;

/// What a buffer holds before a call, so that an untouched byte is neither zero nor text.
const UNTOUCHED: u8 = 0xee;

/// What opening a value told.
#[derive(PartialEq)]
pub(crate) enum Verdict {
    Opened { plaintext: Vec<u8>, stale: bool, provider: ProviderKind, index: usize, key_name: Option<String> },
    Refused(Error),
}

/// Without the plaintext, which may be long.
impl fmt::Debug for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Opened { plaintext, stale, provider, index, key_name } => {
                write!(f, "{} bytes, stale {stale}, by {provider} at {index}, key {key_name:?}", plaintext.len())
            }
            Self::Refused(error) => write!(f, "{error:?}"),
        }
    }
}

/// What sealing gave.
pub(crate) type Sealed = Result<Vec<u8>, Error>;

/// What opens and seals the value of a case. `Err` is a broken promise of the interface.
pub(crate) trait Subject {
    fn open(&self, aad: &[u8], stored: &[u8]) -> Result<Verdict, String>;
    fn seal(&self, nonce: Option<&[u8]>, aad: &[u8], plaintext: &[u8]) -> Result<Sealed, String>;

    /// A stored value with what upstream has in any order in the order that is written here.
    fn sorted(&self, stored: &[u8]) -> Vec<u8> {
        stored.to_vec()
    }
}

impl Subject for Transformer<'_> {
    fn open(&self, aad: &[u8], stored: &[u8]) -> Result<Verdict, String> {
        let len_max = self.open_len_max(stored);
        ensure(len_max <= stored.len(), || format!("open_len_max is {len_max} for {} bytes", stored.len()))?;
        let to_vec = match self.open(aad, stored) {
            Ok(opened) => verdict(&opened, opened.plaintext()),
            Err(error) => Verdict::Refused(error),
        };
        let into = in_output(len_max, |out| Transformer::open_into(self, aad, stored, out))?;
        ensure(to_vec == into, || format!("open ({to_vec:?}) and open_into ({into:?}) differ"))?;

        let mut buffer = stored.to_vec();
        let in_place = match self.open_in_place(aad, &mut buffer) {
            Ok(opened) => verdict(&opened, opened.plaintext()),
            Err(error) => Verdict::Refused(error),
        };
        ensure(to_vec == in_place, || format!("open ({to_vec:?}) and open_in_place ({in_place:?}) differ"))?;
        let refused = matches!(in_place, Verdict::Refused(_));
        ensure(!refused || buffer == stored, || "a failed open_in_place changed the value".into())?;
        Ok(to_vec)
    }

    fn seal(&self, nonce: Option<&[u8]>, aad: &[u8], plaintext: &[u8]) -> Result<Sealed, String> {
        let len = self.sealed_len(plaintext.len()).map_err(|error| format!("sealed_len: {error}"))?;
        let mut rng = ScriptedNonce::new(nonce);
        let to_vec = self.seal_with(&mut rng, aad, plaintext);
        ensure(to_vec.is_err() || rng.is_used_up(), || "seal_with drew no nonce".into())?;

        let mut out = vec![UNTOUCHED; len];
        let mut rng = ScriptedNonce::new(nonce);
        let into = Transformer::seal_into(self, &mut rng, aad, plaintext, &mut out);
        agrees("seal_into", &to_vec, into, &out)?;
        ensure(into.is_err() || rng.is_used_up(), || "seal_into drew no nonce".into())?;
        let written = into.is_err() && out.iter().any(|&byte| byte != UNTOUCHED);
        ensure(!written, || "a failed seal_into wrote to its output".into())?;

        let mut buffer = [plaintext, &vec![UNTOUCHED; len.saturating_sub(plaintext.len())]].concat();
        let mut rng = ScriptedNonce::new(nonce);
        let in_place = self.seal_in_place(&mut rng, aad, plaintext.len(), &mut buffer);
        agrees("seal_in_place", &to_vec, in_place, &buffer)?;
        ensure(in_place.is_err() || rng.is_used_up(), || "seal_in_place drew no nonce".into())?;
        let changed = in_place.is_err() && !buffer.starts_with(plaintext);
        ensure(!changed, || "a failed seal_in_place changed the plaintext".into())?;
        Ok(to_vec)
    }
}

/// Identity alone, without a list: what upstream has for an unconfigured resource.
impl Subject for Identity {
    fn open(&self, aad: &[u8], stored: &[u8]) -> Result<Verdict, String> {
        in_output(self.open_len_max(stored), |out| Provider::open_into(self, aad, stored, out))
    }

    fn seal(&self, nonce: Option<&[u8]>, aad: &[u8], plaintext: &[u8]) -> Result<Sealed, String> {
        let len = self.sealed_len(plaintext.len()).map_err(|error| format!("sealed_len: {error}"))?;
        let mut out = vec![UNTOUCHED; len];
        let sealed = Provider::seal_into(self, &mut ScriptedNonce::new(nonce), aad, plaintext, &mut out);
        ensure(sealed.is_err() || sealed == Ok(len), || format!("seal_into gave {sealed:?}, sealed_len {len}"))?;
        Ok(sealed.map(|_| out))
    }
}

pub(crate) fn verdict<P>(opened: &Opened<'_, P>, plaintext: &[u8]) -> Verdict {
    Verdict::Opened {
        plaintext: plaintext.to_vec(),
        stale: opened.is_stale(),
        provider: opened.provider(),
        index: opened.provider_index(),
        key_name: opened.key_name().map(Into::into),
    }
}

/// Opens into a buffer of `len` bytes, which must be zeroed on failure.
fn in_output<'t>(
    len: usize,
    open: impl for<'o> FnOnce(&'o mut [u8]) -> Result<Opened<'t, &'o [u8]>, Error>,
) -> Result<Verdict, String> {
    let mut out = vec![UNTOUCHED; len];
    let verdict = match open(&mut out) {
        Ok(opened) => verdict(&opened, opened.plaintext()),
        Err(error) => Verdict::Refused(error),
    };
    let refused = matches!(verdict, Verdict::Refused(_));
    ensure(!refused || out.iter().all(|&byte| byte == 0), || "a failed open_into left its output as it was".into())?;
    Ok(verdict)
}

/// What `call` wrote to a buffer of exactly `sealed_len` bytes is what `seal_with` returned.
fn agrees(call: &str, to_vec: &Sealed, written: Result<usize, Error>, buffer: &[u8]) -> Result<(), String> {
    let same = match (to_vec, written) {
        (Ok(stored), Ok(len)) => stored == buffer && len == buffer.len(),
        (Err(error), Err(other)) => *error == other,
        _ => false,
    };
    ensure(same, || format!("{call} gave {written:?} and other bytes or another error than seal_with"))
}

fn ensure(holds: bool, otherwise: impl FnOnce() -> String) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise()) }
}
