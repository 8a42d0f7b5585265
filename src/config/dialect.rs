//! What the YAML parser takes and the API server's does not, which is for YAML 1.1: read past a check like this, such
//! a file would mean something here and nothing there. go-yaml v2: `scannerc.go`, `readerc.go`, `parserc.go`.

use granit_parser::{Event, ScalarStyle, Span};

use super::fault::Place;

/// Why a text is refused, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) place: Place,
    pub(super) problem: &'static str,
    pub(super) advice: &'static str,
}

const TABS: (&str, &str) = ("not YAML: a tab where a line begins", "indent with spaces");
const ANCHOR: (&str, &str) =
    ("not YAML 1.1: a character that no anchor has", "name the anchor with A to Z, a to z, 0 to 9, - and _");
const ESCAPE: (&str, &str) = (
    "not YAML 1.1: an escape that it does not have",
    "write / as it is, and what is beyond U+FFFF as \\U and eight digits",
);
const DIRECTIVE: (&str, &str) = ("not YAML 1.1: another version or an unknown directive", "remove the line");
const CONTROL: (&str, &str) =
    ("not YAML: a control character", "remove it, or write it as \\u and four digits within double quotes");
/// To YAML 1.1 they end a line, and with it a comment; to YAML 1.2 they are letters like others.
const LINE_END: (&str, &str) = (
    "U+0085, U+2028 or U+2029, which end a line in YAML 1.1 alone",
    "remove it, or write it as \\u and four digits within double quotes",
);

/// Checks a text before it is parsed: its characters, within comments too, and its directives.
pub(super) fn check_text(text: &str) -> Result<(), Refusal> {
    let is_control = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}');
    let is_line_end = |c: char| matches!(c, '\u{85}' | '\u{2028}' | '\u{2029}');
    let refused = |c: char| is_control(c) || is_line_end(c) || matches!(c, '\u{fffe}' | '\u{ffff}');
    if let Some((at, c)) = text.char_indices().find(|&(_, c)| refused(c)) {
        return refuse(text, at, if is_line_end(c) { LINE_END } else { CONTROL });
    }
    let mut at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
    for line in text[at..].split_inclusive(['\n', '\r']) {
        match line.trim_start().bytes().next() {
            None | Some(b'#') => {}
            Some(b'%') if line.starts_with('%') => {
                if !is_directive(line) {
                    return refuse(text, at, DIRECTIVE);
                }
            }
            Some(_) => break,
        }
        at += line.len();
    }
    Ok(())
}

/// Whether YAML 1.1 has a directive; the parser checks the rest of its form.
fn is_directive(line: &str) -> bool {
    let mut words = line.split_whitespace();
    let is_one = |digits: &str| digits.trim_start_matches('0') == "1";
    match words.next() {
        Some("%TAG") => true,
        Some("%YAML") => {
            let version = words.next().and_then(|version| version.split_once('.'));
            version.is_some_and(|(major, minor)| is_one(major) && is_one(minor))
        }
        _ => false,
    }
}

/// Checks the events of a text one after another.
pub(super) struct Dialect<'t> {
    text: &'t str,
    /// Up to where the text has been checked, in bytes.
    end: usize,
}

impl<'t> Dialect<'t> {
    pub(super) const fn new(text: &'t str) -> Self {
        Self { text, end: 0 }
    }

    pub(super) fn check(&mut self, event: &Event<'_>, span: &Span) -> Result<(), Refusal> {
        let range = span.byte_range().unwrap_or(self.end..self.end);
        if let Event::Anchor(_, name) = event {
            // It stands before the value whose event came before this.
            let is_well = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
            return if is_well { Ok(()) } else { refuse(self.text, range.start, ANCHOR) };
        }
        let gap = self.text.get(self.end..range.start).unwrap_or_default();
        if let Some(at) = line_with_tab(gap, self.is_at_line_start(), |line| line.trim_start_matches(' ')) {
            return refuse(self.text, self.end + at, TABS);
        }
        let value = self.text.get(range.start.max(self.end)..range.end).unwrap_or_default();
        let found = match event {
            Event::Scalar(_, ScalarStyle::DoubleQuoted, ..) => foreign_escape(value).map(|at| (at, ESCAPE)),
            Event::Scalar(_, ScalarStyle::SingleQuoted, ..) => None,
            Event::Scalar(..) => line_with_tab(value, false, |line| line).map(|at| (at, TABS)),
            _ => None,
        };
        if let Some((at, why)) = found {
            return refuse(self.text, range.start.max(self.end) + at, why);
        }
        self.end = self.end.max(range.end);
        Ok(())
    }

    fn is_at_line_start(&self) -> bool {
        self.text.get(..self.end).is_none_or(|before| before.is_empty() || before.ends_with(['\n', '\r']))
    }
}

/// Where the first line begins that has a tab once `indented` has taken off what may stand before it.
fn line_with_tab(text: &str, from_line_start: bool, indented: fn(&str) -> &str) -> Option<usize> {
    let mut at = 0;
    for (i, line) in text.split_inclusive(['\n', '\r']).enumerate() {
        if (i > 0 || from_line_start) && indented(line).starts_with('\t') {
            return Some(at);
        }
        at += line.len();
    }
    None
}

/// Where an escape stands that only later versions of YAML have: a slash, or half of a pair of surrogates.
fn foreign_escape(quoted: &str) -> Option<usize> {
    let bytes = quoted.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes.get(at) != Some(&b'\\') {
            at += 1;
            continue;
        }
        match bytes.get(at + 1..) {
            Some([b'/', ..] | [b'u', b'd' | b'D', b'8'..=b'9' | b'a'..=b'f' | b'A'..=b'F', ..]) => return Some(at),
            _ => at += 2,
        }
    }
    None
}

fn refuse(text: &str, at: usize, (problem, advice): (&'static str, &'static str)) -> Result<(), Refusal> {
    let before = text.get(..at).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    let place = Place { line: before.matches('\n').count() + 1, column: line.chars().count() + 1 };
    Err(Refusal { place, problem, advice })
}
