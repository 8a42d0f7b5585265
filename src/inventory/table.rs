//! An inventory as text.

use core::fmt::{self, Write as _};

use super::{Count, Inventory, InventoryRow};
use crate::kind::ProviderKind;

/// Characters of a name that are shown.
const SHOWN: usize = 64;

/// A table of the rows, then of what has no name. Names and key ids are escaped, and cut after 64 characters.
impl fmt::Display for Inventory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:>12} {:>16}  written by", "values", "bytes")?;
        for row in self.rows() {
            number(f, row.count())?;
            writeln!(f, "{row}")?;
        }
        let rest = [
            (self.unencrypted(), "identity"),
            (self.unreadable(), "unknown: of no known mechanism, or damaged"),
            (self.others(), "others: names too many or too long to hold"),
        ];
        for (count, what) in rest {
            number(f, count)?;
            writeln!(f, "{what}")?;
        }
        number(f, self.total())?;
        f.write_str("in all")
    }
}

fn number(f: &mut fmt::Formatter<'_>, count: Count) -> fmt::Result {
    write!(f, "{:>12} {:>16}  ", count.values, count.bytes)
}

impl fmt::Display for InventoryRow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_kms = matches!(self.provider, ProviderKind::KmsV1 | ProviderKind::KmsV2);
        write!(f, "{}, {} name ", self.provider, if is_kms { "provider" } else { "key" })?;
        quote(f, self.name)?;
        if let Some(id) = self.key_id {
            f.write_str(", key id ")?;
            quote(f, id)?;
        }
        match self.ambiguous {
            0 => Ok(()),
            some => write!(f, ", {some} perhaps of another name"),
        }
    }
}

fn quote(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    text.chars().take(SHOWN).try_for_each(|symbol| write!(f, "{}", symbol.escape_debug()))?;
    match text.chars().nth(SHOWN) {
        None => f.write_char('"'),
        Some(_) => write!(f, "\"... of {} bytes", text.len()),
    }
}

impl fmt::Debug for InventoryRow<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InventoryRow({} values, {self})", self.count.values)
    }
}
