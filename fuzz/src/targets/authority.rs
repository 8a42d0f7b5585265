//! Any bytes as a client of a plugin may send them: the filter in front of HTTP/2 changes `%` in the values of
//! `:authority` and nothing else, however the bytes are cut, and holds back no more than a frame.
//!
//! What the headers say, of what goes in and of what comes out, is decoded by another implementation of HPACK.

use atrest::authorities;
use loona_hpack::Decoder;

use crate::{Pieces, read_all};

const PREFACE_LEN: usize = 24;
const HEAD_LEN: usize = 9;
const FRAME_LEN_MAX: usize = 1 << 14;
/// A read, and a frame of headers.
const HELD_MAX: usize = 4096 + HEAD_LEN + FRAME_LEN_MAX;

const AUTHORITY: &[u8] = b":authority";
/// The same in the code of HPACK.
const AUTHORITY_CODED: &[u8] = b"\xb8\x3b\x53\x39\xec\x32\x7d\x7f";

/// Runs one input.
pub fn run(input: &[u8]) {
    // How many lengths of pieces there are, the lengths, how much is read at once, and what is sent.
    let Some((&count, rest)) = input.split_first() else { return };
    let Some((lens, rest)) = rest.split_at_checked(usize::from(count & 7)) else { return };
    let Some((&at_once, sent)) = rest.split_first() else { return };
    // Waits alone would never end.
    let lens = if lens.iter().all(|&len| len == 0) { &[] } else { lens };

    let read = filtered(sent, &[], 1 << 16);
    assert_eq!(filtered(sent, lens, usize::from(at_once) + 1), read, "it depends on how it was cut");
    assert_eq!(filtered(&read, &[], 1 << 16), read, "a second time changes more");
    compare(sent, &read);
}

fn filtered(sent: &[u8], lens: &[u8], at_once: usize) -> Vec<u8> {
    let pieces = Pieces::new(sent, lens);
    let given = pieces.given();
    read_all(authorities(pieces), at_once, |handed| {
        let held = given.get().checked_sub(handed).expect("nothing is made up");
        assert!(held <= HELD_MAX, "{held} bytes are held back");
    })
}

/// Compares frame by frame.
fn compare(sent: &[u8], read: &[u8]) {
    let (preface, mut sent) = sent.split_at(PREFACE_LEN.min(sent.len()));
    let (same, mut read) = read.split_at(PREFACE_LEN.min(read.len()));
    assert_eq!(preface, same);
    let mut tables = Tables::default();
    while let Some(head) = sent.get(..HEAD_LEN) {
        let len = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let is_followed = head[3] == 1 && len > 0 && len <= FRAME_LEN_MAX;
        let whole = HEAD_LEN + len;
        if is_followed && sent.len() < whole {
            break;
        }
        let len = whole.min(sent.len());
        let (frame, rest) = sent.split_at(len);
        let (same, after) = read.split_at(len);
        if is_followed {
            tables.compare(frame, same)
        } else {
            assert_eq!(frame, same)
        }
        (sent, read) = (rest, after);
    }
    // A head, or a frame of headers, that never came to its end is of no use to anyone.
    assert!(read.is_empty(), "{} bytes too many", read.len());
}

/// What both sides would know of the headers so far.
#[derive(Default)]
struct Tables {
    sent: Decoder<'static>,
    /// Made from the first difference on: until then both are the same, and decoding is what takes time.
    read: Option<Decoder<'static>>,
    so_far: Vec<Vec<u8>>,
    had_authority: bool,
}

type Headers = Vec<(Vec<u8>, Vec<u8>)>;

impl Tables {
    fn compare(&mut self, sent: &[u8], read: &[u8]) {
        let Some((start, end)) = block(sent) else {
            return assert_eq!(sent, read);
        };
        assert_eq!((&sent[..start], &sent[end..]), (&read[..start], &read[end..]), "what is around the headers");
        let (sent, read) = (&sent[start..end], &read[start..end]);
        let (of_sent, is_right) = decoded(&mut self.sent, sent);
        let (of_read, is_still_right) = if sent == read && self.read.is_none() {
            self.so_far.push(sent.to_vec());
            (of_sent.clone(), is_right)
        } else {
            let so_far = &self.so_far;
            decoded(self.read.get_or_insert_with(|| after(so_far)), read)
        };
        assert_eq!((of_sent.len(), is_right), (of_read.len(), is_still_right));
        // An authority that is named by the table everyone has at first is one that no client writes otherwise.
        let is_named = contains(sent, AUTHORITY) || contains(sent, AUTHORITY_CODED);
        for ((name, value), (same_name, now)) in of_sent.iter().zip(&of_read) {
            assert_eq!(name, same_name);
            if name != AUTHORITY {
                assert_eq!(value, now, "the value of {name:?}");
                continue;
            }
            let host: Vec<u8> = value.iter().map(|&byte| if byte == b'%' { b'-' } else { byte }).collect();
            let may_stay = self.had_authority || is_named;
            assert!(*now == host || may_stay && now == value, "{now:?}");
            self.had_authority = true;
        }
    }
}

/// What has decoded all of these.
fn after(blocks: &[Vec<u8>]) -> Decoder<'static> {
    let mut decoder = Decoder::default();
    for block in blocks {
        decoded(&mut decoder, block);
    }
    decoder
}

/// The headers up to the first that is none, and whether there is no such.
fn decoded(decoder: &mut Decoder<'static>, block: &[u8]) -> (Headers, bool) {
    let mut headers = Headers::new();
    let end = decoder.decode_with_cb(block, |name, value| headers.push((name.into_owned(), value.into_owned())));
    (headers, end.is_ok())
}

/// Where the headers begin and end in a frame: RFC 9113, section 6.2.
fn block(frame: &[u8]) -> Option<(usize, usize)> {
    let (is_padded, has_priority) = (frame[4] & 0x08 != 0, frame[4] & 0x20 != 0);
    let start = HEAD_LEN + usize::from(is_padded) + if has_priority { 5 } else { 0 };
    let padding = if is_padded { usize::from(*frame.get(HEAD_LEN)?) } else { 0 };
    let end = frame.len().checked_sub(padding)?;
    (start <= end).then_some((start, end))
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
