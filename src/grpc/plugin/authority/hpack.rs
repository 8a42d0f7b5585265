//! As much of HPACK as it takes to find a value, and no table: only lengths are followed.

/// Index of `:authority` in the static table.
const AUTHORITY: usize = 1;

/// How many symbols of the Huffman code have each length in bits, from 5 on. The code is canonical: that is all it
/// takes to tell where a symbol ends.
const SYMBOLS_BY_LEN: [u32; 26] =
    [10, 26, 32, 6, 0, 5, 3, 2, 6, 2, 3, 0, 0, 0, 3, 8, 13, 26, 29, 12, 4, 15, 19, 29, 0, 4];
const LEN_MIN: usize = 5;

/// `%` and `-`, both of 6 bits.
const PERCENT: u32 = 0x15;
const PERCENT_TO_HYPHEN: u32 = PERCENT ^ 0x16;
const PERCENT_LEN: usize = 6;

/// Makes each `%` a `-` in the values of `:authority` that stand in a block of headers. What cannot be followed is
/// left as it is, from there on.
pub(super) fn make_authority_a_host(block: &mut [u8]) {
    let mut at = 0;
    while at < block.len() {
        let Some(next) = header(block, at) else { return };
        at = next;
    }
}

/// Reads the header that begins at `at`, and returns where the next does.
fn header(block: &mut [u8], at: usize) -> Option<usize> {
    let first = *block.get(at)?;
    // How many bits of the first byte hold an index, and whether a value follows.
    let (bits, has_value) = match first.leading_zeros() {
        0 => (7, false),
        1 => (6, true),
        2 => (5, false),
        _ => (4, true),
    };
    let (index, mut at) = integer(block, at, bits)?;
    if !has_value {
        return Some(at);
    }
    if index == 0 {
        at = text(block, at)?.1;
    }
    let (is_coded, end) = text(block, at)?;
    if index == AUTHORITY {
        let start = integer(block, at, 7)?.1;
        let value = block.get_mut(start..end)?;
        if is_coded {
            replace_coded(value);
        } else {
            value.iter_mut().filter(|byte| **byte == b'%').for_each(|byte| *byte = b'-');
        }
    }
    Some(end)
}

/// Whether the text at `at` is in Huffman's code, and where it ends.
fn text(block: &[u8], at: usize) -> Option<(bool, usize)> {
    let is_coded = block.get(at)? & 0x80 != 0;
    let (len, start) = integer(block, at, 7)?;
    let end = start.checked_add(len)?;
    (end <= block.len()).then_some((is_coded, end))
}

/// An integer whose first `bits` bits stand at the end of a byte (RFC 7541, section 5.1), and what follows it.
fn integer(block: &[u8], at: usize, bits: u32) -> Option<(usize, usize)> {
    let mask = 0xff_u8.checked_shr(8_u32.checked_sub(bits)?)?;
    let first = block.get(at)? & mask;
    let mut value = usize::from(first);
    let mut at = at.checked_add(1)?;
    if first < mask {
        return Some((value, at));
    }
    // Two more bytes go beyond any frame; two are for leading zeros, as many as `h2` takes.
    for shift in [0, 7, 14, 21] {
        let byte = *block.get(at)?;
        at = at.checked_add(1)?;
        value = value.checked_add(usize::from(byte & 0x7f) << shift)?;
        if byte & 0x80 == 0 {
            return Some((value, at));
        }
    }
    None
}

/// Makes each `%` a `-` in a text in Huffman's code.
fn replace_coded(text: &mut [u8]) {
    let bits = text.len().saturating_mul(8);
    let bit = |text: &[u8], at: usize| text.get(at / 8).map_or(0, |byte| u32::from(byte >> (!at & 7) & 1));
    let mut start = 0;
    while start < bits {
        let Some((symbol, len)) = symbol((start..bits).map(|at| bit(text, at))) else { return };
        let end = start.saturating_add(len);
        if (symbol, len) == (PERCENT, PERCENT_LEN) {
            for (back, at) in (start..end).rev().enumerate() {
                let flip = u8::from(PERCENT_TO_HYPHEN >> back & 1 != 0) << (!at & 7);
                if let Some(byte) = text.get_mut(at / 8) {
                    *byte ^= flip;
                }
            }
        }
        start = end;
    }
}

/// The first symbol's code and its length; `None` for what is left at the end, which is padding.
fn symbol(bits: impl Iterator<Item = u32>) -> Option<(u32, usize)> {
    let (mut code, mut first) = (0_u32, 0_u32);
    for (index, bit) in bits.enumerate() {
        let len = index.saturating_add(1);
        code = code << 1 | bit;
        let count = len.checked_sub(LEN_MIN).map_or(Some(0), |at| SYMBOLS_BY_LEN.get(at).copied())?;
        if code.checked_sub(first)? < count {
            return Some((code, len));
        }
        first = first.checked_add(count)?.checked_mul(2)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// `GET`, `http`, `/`, and the authority `www.example.com` in Huffman's code: RFC 7541, appendix C.4.1.
    const REQUEST: [u8; 17] =
        [0x82, 0x86, 0x84, 0x41, 0x8c, 0xf1, 0xe3, 0xc2, 0xe5, 0xf2, 0x3a, 0x6b, 0xa0, 0xab, 0x90, 0xf4, 0xff];

    #[test]
    fn a_host_stays_as_it_is() {
        let mut block = REQUEST;
        make_authority_a_host(&mut block);
        assert_eq!(block, REQUEST);
    }

    #[test]
    fn a_coded_percent_becomes_a_hyphen() {
        // `%2F%` of 6, 5, 7 and 6 bits, and `-2F-`: 010101 00010 1100011 010101, by appendix B.
        let mut block = [0x41, 0x83, 0b0101_0100, 0b0101_1000, 0b1101_0101];
        make_authority_a_host(&mut block);
        assert_eq!(block, [0x41, 0x83, 0b0101_1000, 0b0101_1000, 0b1101_0110]);
    }

    #[test]
    fn other_headers_keep_their_percents() {
        // A path of `%`, a header with a name of its own, then the authority, without and with a place in the table.
        let mut block = *b"\x44\x02%%\x00\x01%\x01%\x01\x01%\x11\x01%\x41\x01%\x3f\x00\x41\x01%";
        make_authority_a_host(&mut block);
        assert_eq!(&block, b"\x44\x02%%\x00\x01%\x01%\x01\x01-\x11\x01-\x41\x01-\x3f\x00\x41\x01-");
    }

    #[test]
    fn what_is_cut_off_is_left_alone() {
        for len in 0..REQUEST.len() {
            let mut block: Vec<u8> = REQUEST.get(..len).unwrap_or_default().to_vec();
            let before = block.clone();
            make_authority_a_host(&mut block);
            assert_eq!(block, before);
        }
        for filling in 0..=u8::MAX {
            let mut block = [filling; 40];
            make_authority_a_host(&mut block);
            make_authority_a_host(&mut [0x41, 0xff, 0xff, filling, filling]);
        }
    }
}
