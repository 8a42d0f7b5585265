//! YAML as the API server reads it: the first document of the text, with the rules of YAML 1.1 for what is a
//! word and what is not. Kubernetes: `sigs.k8s.io/yaml` over `go.yaml.in/yaml/v2`.

use alloc::borrow::Cow;
use alloc::borrow::ToOwned as _;
use alloc::format;

use granit_parser::{ErrorKind, Event, Marker, Options, Parser, ScalarStyle, ScanError, Tag};
use zeroize::Zeroizing;

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
}

/// Reads the first document; what follows it is not looked at, as upstream does not.
pub(super) fn read(text: &str, builder: &mut Builder) -> Result<(), Stopped> {
    refuse_control_characters(text, builder)?;
    let mut parser = Parser::new_from_str_with_options(text, Options::default());
    while let Some(event) = parser.next_event() {
        match event {
            Ok((Event::DocumentEnd | Event::StreamEnd, _)) => break,
            Ok((event, span)) => take(builder, event, place_of(&span.start))?,
            Err(error) => return refuse(builder, &error),
        }
    }
    Ok(())
}

/// YAML forbids them anywhere, within comments too.
fn refuse_control_characters(text: &str, builder: &mut Builder) -> Result<(), Stopped> {
    let forbidden =
        |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}') || matches!(c, '\u{fffe}' | '\u{ffff}');
    let Some(at) = text.find(forbidden) else { return Ok(()) };
    let before = text.get(..at).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    let place = Place { line: before.matches('\n').count() + 1, column: line.chars().count() + 1 };
    builder.stop(
        place,
        "not YAML: a control character",
        "remove it, or write it as \\u and four digits within double quotes",
    )
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
        Event::SequenceStart(_, anchor, tag) => {
            refuse_tag(builder, place, tag.as_deref(), "seq");
            builder.begin_list(place, anchor)
        }
        Event::MappingStart(_, anchor, tag) => {
            refuse_tag(builder, place, tag.as_deref(), "map");
            builder.begin_map(place, anchor)
        }
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
    if builder.expects_key() {
        let kind = if is_plain && tag.is_none() && *text == "<<" { KeyKind::Merge } else { KeyKind::Field };
        builder.key(text, place, kind);
        return Ok(());
    }
    let wanted = wanted(tag);
    let value = match (wanted, if is_plain || tag.is_some() { resolve(&text) } else { Plain::Text }) {
        (Some(Wanted::Text), _) | (Some(Wanted::Any), Plain::Text) => Value::Text(text),
        (Some(Wanted::Any | Wanted::Null), Plain::Null) => Value::Null,
        (Some(Wanted::Any | Wanted::Bool), Plain::Bool) => Value::Bool,
        (Some(Wanted::Any | Wanted::Integer | Wanted::Float), Plain::Integer(number))
        | (Some(Wanted::Any | Wanted::Float), Plain::Float(number)) => Value::Number(number),
        _ => {
            builder.fault(place, "the tag does not fit", "leave tags out, or use !!str for text");
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
        // The tag `!` alone says: not to be resolved.
        None if tag.handle().is_empty() && tag.suffix() == "!" || tag.handle() == "!" && tag.suffix().is_empty() => {
            Some(Wanted::Text)
        }
        _ => None,
    }
}

fn refuse_tag(builder: &mut Builder, place: Place, tag: Option<&Tag>, fitting: &str) {
    if tag.is_some_and(|tag| tag.core_suffix() != Some(fitting)) {
        builder.fault(place, "the tag does not fit", "leave tags out");
    }
}
