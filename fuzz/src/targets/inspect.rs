//! Any bytes, looked at without a key: nothing panics or prints a control character, and what opens was foretold.

use crate::{Value, lists};
use atrest::{Inspection, Opened, ProviderKind, inspect};

/// Runs one input.
pub fn run(input: &[u8]) {
    let Some(value) = Value::parse(input) else { return };
    let inspection = inspect(&value.stored);
    assert_eq!(inspection.stored_len(), value.stored.len());
    prints_cleanly(&inspection);
    candidates_lie_in_the_value(&inspection, &value.stored);
    if let Ok(opened) = lists().owned.open(value.aad, &value.stored) {
        was_foretold(&inspection, &opened, opened.plaintext().len());
    }
}

/// No control character, and none that turns the direction of text, which also forges a line of a log.
fn prints_cleanly(inspection: &Inspection<'_>) {
    let printed = format!("{inspection} {inspection:?}");
    let forges = |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    assert!(!printed.contains(forges), "{printed:?}");
}

fn candidates_lie_in_the_value(inspection: &Inspection<'_>, stored: &[u8]) {
    if inspection.provider() == Some(ProviderKind::Envelope) {
        return key_id_lies_in_the_value(inspection, stored);
    }
    let prefix = inspection.provider().map_or("", ProviderKind::prefix);
    let mut shorter = 0;
    for candidate in inspection.candidates() {
        let name = candidate.name();
        assert!(name.len() > shorter, "names are not in order");
        shorter = name.len();
        let header = format!("{prefix}{name}:");
        assert!(stored.starts_with(header.as_bytes()));
        assert_eq!(header.len() + candidate.payload_len(), stored.len());
        if let Some((shortest, longest)) = candidate.plaintext_len() {
            assert!(shortest <= longest && longest <= candidate.payload_len());
        }
        if let Some(dek) = candidate.wrapped_dek() {
            assert!(dek.len() + 2 <= candidate.payload_len());
        }
        assert!(!candidate.is_possible() || inspection.is_possible());
    }
}

/// The crate's own envelope has one name, behind its length.
fn key_id_lies_in_the_value(inspection: &Inspection<'_>, stored: &[u8]) {
    let candidates: Vec<_> = inspection.candidates().collect();
    assert!(candidates.len() <= 1);
    for candidate in candidates {
        let at = "atrest:env:v1:".len() + 3;
        assert!((1..=1024).contains(&candidate.name().len()));
        assert!(stored[at..].starts_with(candidate.name().as_bytes()));
        assert_eq!(at + candidate.name().len() + candidate.payload_len(), stored.len());
        let wrapped = candidate.wrapped_dek().expect("it was taken apart");
        assert!(!wrapped.is_empty() && wrapped.len() + 2 <= candidate.payload_len());
        assert_eq!(inspection.is_possible(), candidate.is_possible());
    }
}

fn was_foretold<P>(inspection: &Inspection<'_>, opened: &Opened<'_, P>, plaintext_len: usize) {
    assert_eq!(inspection.provider(), Some(opened.provider()));
    assert!(inspection.is_possible());
    let Some(name) = opened.key_name() else { return };
    let candidate = inspection.candidates().find(|candidate| candidate.name() == name).expect("the name was foretold");
    let (shortest, longest) = candidate.plaintext_len().expect("the length was foretold");
    assert!(plaintext_len <= longest);
    if opened.provider() == ProviderKind::AesCbc {
        // Of padding up to 255 bytes are accepted, though no more than a block is written.
        assert!(longest + 1 - plaintext_len <= 255);
    } else {
        assert!(plaintext_len >= shortest);
    }
}
