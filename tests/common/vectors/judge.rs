//! Compares what a subject does with what upstream did.

use atrest::Error;

use super::case::{Case, Read, Task, Write};
use super::lists::NoncePlace;
use super::observe::{Sealed, Subject, Verdict};

/// All that a subject did in a case; every subject must do the same.
#[derive(PartialEq)]
pub(crate) struct Observed {
    opened: Option<Verdict>,
    sealed: Option<Sealed>,
}

/// Runs a case, or tells what differed.
pub(crate) fn judge(subject: &dyn Subject, case: &Case, nonce: Option<NoncePlace>) -> Result<Observed, String> {
    match &case.task {
        Task::Read { stored, written_by_go, expected } => {
            let opened = subject.open(&case.aad, stored)?;
            judge_read(&opened, expected)?;
            let sealed = match expected {
                Read::Opened { plaintext, .. } if *written_by_go => {
                    Some(judge_rewrite(subject, &case.aad, plaintext, stored, nonce)?)
                }
                _ => None,
            };
            Ok(Observed { opened: Some(opened), sealed })
        }
        Task::Write { plaintext, expected } => judge_write(subject, &case.aad, plaintext, expected, nonce),
    }
}

fn judge_read(opened: &Verdict, expected: &Read) -> Result<(), String> {
    match (opened, expected) {
        (Verdict::Opened { plaintext, stale, .. }, Read::Opened { plaintext: right, stale: right_stale }) => {
            same_bytes("plaintext", plaintext, right)?;
            if stale != right_stale {
                return Err(format!("stale is {stale}, not {right_stale}"));
            }
            Ok(())
        }
        (Verdict::Refused(error), Read::Refused { class }) => judge_error(*error, class.as_deref()),
        (Verdict::Opened { .. }, Read::Refused { class }) => {
            Err(format!("opened, where upstream refused it ({})", class.as_deref().unwrap_or("no class")))
        }
        (Verdict::Refused(error), Read::Opened { .. }) => Err(format!("refused ({error}), where upstream opened it")),
    }
}

/// Most classes are one error here; those that tell where routing ended have their own.
fn judge_error(error: Error, class: Option<&str>) -> Result<(), String> {
    let right = match class {
        Some("no_matching_prefix") => Error::NoMatchingProvider,
        Some("no_matching_key") => Error::NoMatchingKey,
        Some("identity_read_encrypted") => Error::Encrypted,
        Some("auth_failed" | "too_short") => Error::Open,
        Some("cbc_block_size" | "cbc_pkcs7_data" | "cbc_pkcs7_padding") => Error::Open,
        Some("proto" | "kmsv1_frame" | "v2_data_empty" | "v2_dek_source" | "v2_dek_source_type") => Error::Open,
        Some("v2_key_id" | "v2_annotations") => Error::Open,
        Some("v2_state_uninitialised") => Error::KmsNotReady,
        Some("dek_size" | "seed_size") => Error::KekAnswer,
        Some("kms_plugin") if error != Error::KekNotMine => Error::KekUnreachable,
        _ if matches!(error, Error::BufferTooSmall { .. }) => Error::Open,
        _ => error,
    };
    let class = class.unwrap_or("no class");
    if error == right { Ok(()) } else { Err(format!("refused with {error:?}, not {right:?} ({class})")) }
}

/// Upstream wrote `stored`: with the same nonce, the very same bytes are written here.
fn judge_rewrite(
    subject: &dyn Subject,
    aad: &[u8],
    plaintext: &[u8],
    stored: &[u8],
    place: Option<NoncePlace>,
) -> Result<Sealed, String> {
    let nonce = match place {
        Some(place) => Some(stored.get(place.at..place.at + place.len).ok_or("too short to hold a nonce")?),
        None => None,
    };
    let sealed = subject.seal(nonce, aad, plaintext)?;
    match &sealed {
        Ok(bytes) => same_bytes("sealed value", bytes, &subject.sorted(stored))?,
        Err(error) => return Err(format!("not sealed ({error}), where upstream wrote it")),
    }
    Ok(sealed)
}

fn judge_write(
    subject: &dyn Subject,
    aad: &[u8],
    plaintext: &[u8],
    expected: &Write,
    place: Option<NoncePlace>,
) -> Result<Observed, String> {
    let nonce = place.map(|place| vec![0x5a; place.len]);
    let sealed = subject.seal(nonce.as_deref(), aad, plaintext)?;
    let opened = match (&sealed, expected) {
        (Ok(stored), Write::Sealed { prefix, len }) => {
            same_bytes("prefix", stored.get(..prefix.len()).unwrap_or(stored), prefix)?;
            if stored.len() != *len {
                return Err(format!("{} bytes were written, not {len}", stored.len()));
            }
            Some(judge_reopened(subject.open(aad, stored)?, plaintext, place)?)
        }
        (Err(_), Write::Refused) => None,
        (Ok(_), Write::Refused) => return Err("sealed, where upstream refused".into()),
        (Err(error), Write::Sealed { .. }) => return Err(format!("not sealed ({error}), where upstream wrote it")),
    };
    Ok(Observed { opened, sealed: Some(sealed) })
}

/// What was written opens again, as what would be written today.
fn judge_reopened(opened: Verdict, plaintext: &[u8], place: Option<NoncePlace>) -> Result<Verdict, String> {
    // Identity writes what looks encrypted as it is, and what looks encrypted is never read as plaintext.
    let is_lost = place.is_none() && plaintext.starts_with(b"k8s:enc:");
    match &opened {
        Verdict::Opened { plaintext: text, stale, .. } if !is_lost => {
            same_bytes("plaintext of what was written", text, plaintext)?;
            if *stale { Err("what was just written is stale".into()) } else { Ok(opened) }
        }
        Verdict::Opened { plaintext: text, .. } if text == plaintext => Err("identity read a value k8s:enc:".into()),
        Verdict::Refused(error) if !is_lost => Err(format!("what was just written does not open ({error})")),
        _ => Ok(opened),
    }
}

fn same_bytes(what: &str, got: &[u8], right: &[u8]) -> Result<(), String> {
    if got == right {
        return Ok(());
    }
    let same = got.iter().zip(right).take_while(|(got, right)| got == right).count();
    let byte_of = |bytes: &[u8]| bytes.get(same).map_or("its end".into(), |byte| format!("{byte:#04x}"));
    Err(format!(
        "{what}: {} bytes, not {}; at byte {same} {}, not {}",
        got.len(),
        right.len(),
        byte_of(got),
        byte_of(right)
    ))
}
