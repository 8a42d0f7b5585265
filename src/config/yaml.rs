//! YAML as the API server reads it: the first document of the text, with the rules of YAML 1.1 for what is a
//! word and what is not. Kubernetes: `sigs.k8s.io/yaml` over `go.yaml.in/yaml/v2`.

use alloc::borrow::Cow;
use alloc::borrow::ToOwned as _;
use alloc::format;

use granit_parser::{ErrorKind, Event, Marker, Options, Parser, ScalarStyle, ScanError, Tag};
use zeroize::Zeroizing;

use super::dialect::{self, Dialect, Refusal};
use super::fault::Place;
use super::node::{Builder, KeyKind, Stopped, Text, Value};
use super::scalar::{Plain, resolve};

/// What a tag asks a scalar to be.
enum Wanted {
    /// What it looks like.
    Any,
    Text,
    Null,
    Bool,
    Integer,
    Float,
    /// A name that says to merge; elsewhere text.
    Merge,
}

const TAG_PROBLEM: &str = "the tag does not fit";
const TAG_ADVICE: &str = "leave tags out, or use !!str for text";

/// Reads the first document; what follows it is not looked at, as upstream does not.
pub(super) fn read(text: &str, builder: &mut Builder) -> Result<(), Stopped> {
    dialect::check_text(text).or_else(|refusal| stop(builder, refusal))?;
    let mut dialect = Dialect::new(text);
    let mut options = Options::default();
    options.emit_anchor_events = true;
    let mut parser = Parser::new_from_str_with_options(text, options);
    while let Some(event) = parser.next_event() {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => return refuse(builder, &error),
        };
        dialect.check(&event, &span).or_else(|refusal| stop(builder, refusal))?;
        match event {
            Event::DocumentEnd | Event::StreamEnd => break,
            event => take(builder, event, place_of(&span.start))?,
        }
    }
    Ok(())
}

fn stop(builder: &mut Builder, Refusal { place, problem, advice }: Refusal) -> Result<(), Stopped> {
    builder.stop(place, problem, advice)
}

fn place_of(marker: &Marker) -> Place {
    Place { line: marker.line(), column: marker.col().saturating_add(1) }
}

fn refuse(builder: &mut Builder, error: &ScanError) -> Result<(), Stopped> {
    // This one quotes a character of the file.
    let problem = match error.kind() {
        ErrorKind::RecursionLimitExceeded => return builder.too_deep(place_of(error.marker())),
        ErrorKind::UnexpectedCharacter { .. } => "not YAML: a character that cannot stand here".to_owned(),
        _ => format!("not YAML: {}", error.info()),
    };
    builder.stop(place_of(error.marker()), &problem, "mind the indentation, the brackets and the quotes")
}

fn take(builder: &mut Builder, event: Event<'_>, place: Place) -> Result<(), Stopped> {
    match event {
        Event::Alias(anchor) => builder.alias(place, anchor),
        Event::Scalar(text, style, anchor, tag) => take_scalar(builder, place, text, style, anchor, tag.as_deref()),
        // Upstream looks at no tag of a list or a map.
        Event::SequenceStart(_, anchor, _) => builder.begin_list(place, anchor),
        Event::MappingStart(_, anchor, _) => builder.begin_map(place, anchor),
        Event::SequenceEnd | Event::MappingEnd => builder.end(),
        _ => Ok(()),
    }
}

fn take_scalar(
    builder: &mut Builder,
    place: Place,
    text: Cow<'_, str>,
    style: ScalarStyle,
    anchor: usize,
    tag: Option<&Tag>,
) -> Result<(), Stopped> {
    let text: Text = Zeroizing::new(text.into_owned());
    let is_plain = style == ScalarStyle::Plain;
    let wanted = wanted(tag);
    if builder.expects_key() {
        if !matches!(wanted, Some(Wanted::Any | Wanted::Text | Wanted::Merge)) {
            builder.fault(place, TAG_PROBLEM, TAG_ADVICE);
        }
        let can_merge =
            is_plain && tag.is_none() || tag.is_some_and(is_unspecific) || matches!(wanted, Some(Wanted::Merge));
        let kind = if can_merge && *text == "<<" { KeyKind::Merge } else { KeyKind::Field };
        builder.key(text, place, kind);
        return Ok(());
    }
    let value = match (wanted, if is_plain || tag.is_some() { resolve(&text) } else { Plain::Text }) {
        (Some(Wanted::Text | Wanted::Merge), _) | (Some(Wanted::Any), Plain::Text) => Value::Text(text),
        (Some(Wanted::Any | Wanted::Null), Plain::Null) => Value::Null,
        (Some(Wanted::Any | Wanted::Bool), Plain::Bool) => Value::Bool,
        (Some(Wanted::Any | Wanted::Integer | Wanted::Float), Plain::Integer(number))
        | (Some(Wanted::Any | Wanted::Float), Plain::Float(number)) => Value::Number(number),
        _ => {
            builder.fault(place, TAG_PROBLEM, TAG_ADVICE);
            Value::Null
        }
    };
    builder.scalar(place, anchor, value)
}

fn wanted(tag: Option<&Tag>) -> Option<Wanted> {
    let Some(tag) = tag else { return Some(Wanted::Any) };
    match tag.core_suffix() {
        Some("str") => Some(Wanted::Text),
        Some("null") => Some(Wanted::Null),
        Some("bool") => Some(Wanted::Bool),
        Some("int") => Some(Wanted::Integer),
        Some("float") => Some(Wanted::Float),
        _ if is_core(tag, "merge") => Some(Wanted::Merge),
        // Upstream decodes the one and parses the other.
        _ if is_core(tag, "binary") || is_core(tag, "timestamp") => None,
        // To upstream a tag that it does not know says: not to be resolved.
        _ => Some(Wanted::Text),
    }
}

/// Whether a tag is `!` alone.
fn is_unspecific(tag: &Tag) -> bool {
    tag.handle().is_empty() && tag.suffix() == "!" || tag.handle() == "!" && tag.suffix().is_empty()
}

/// Whether a tag is one of YAML's own, however it is written.
fn is_core(tag: &Tag, name: &str) -> bool {
    format!("{}{}", tag.handle(), tag.suffix()).strip_prefix("tag:yaml.org,2002:") == Some(name)
}
