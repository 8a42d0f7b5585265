//! What is wrong with a configuration: every fault at once, each with its place, none with a value.

use alloc::string::String;
use alloc::string::ToString as _;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use std::io;

/// Faults that are kept; a hostile file can have millions.
const FAULTS_MAX: usize = 100;

/// The longest name of an unknown field that is shown, too short to be a secret.
const NAME_MAX: usize = 12;

/// A line and a column of a file, both from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
}

/// The step that refused a configuration. Kubernetes has the same steps in the same order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ConfigStage {
    /// The file could not be read.
    Read,
    /// The text has not the form of a configuration.
    Decode,
    /// A value breaks a rule.
    Validate,
    /// A resource is masked by an earlier one.
    Build,
}

/// One thing that is wrong, and what would be right.
///
/// No value of the file is quoted, so that none of these texts holds a secret, wherever that was written.
/// Of the file they name fields only, and an unknown field only by a name of at most 12 letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    path: String,
    place: Option<Place>,
    problem: String,
    advice: String,
}

impl Fault {
    pub(super) fn new(
        path: &Path<'_>,
        place: Option<Place>,
        problem: impl Into<String>,
        advice: impl Into<String>,
    ) -> Self {
        Self { path: path.to_string(), place, problem: problem.into(), advice: advice.into() }
    }

    /// Which field, such as `resources[0].providers[2].aescbc.keys[1].secret`; empty for the file as a whole.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Where the field stands in the file.
    #[must_use]
    pub const fn place(&self) -> Option<Place> {
        self.place
    }

    /// What is wrong.
    #[must_use]
    pub fn problem(&self) -> &str {
        &self.problem
    }

    /// What would be right.
    #[must_use]
    pub fn advice(&self) -> &str {
        &self.advice
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.path.is_empty() { "the file" } else { &self.path })?;
        if let Some(Place { line, column }) = self.place {
            write!(f, " (line {line}, column {column})")?;
        }
        write!(f, ": {}; {}", self.problem, self.advice)
    }
}

/// Why a configuration was refused: all faults of the first step that found any.
#[derive(Debug)]
pub struct ConfigError {
    stage: ConfigStage,
    faults: Vec<Fault>,
    omitted: usize,
    source: Option<io::Error>,
}

impl ConfigError {
    pub(super) fn read(error: io::Error) -> Self {
        let fault = Fault::new(&Path::Root, None, "it cannot be read", "see that it exists and may be read");
        Self { stage: ConfigStage::Read, faults: vec![fault], omitted: 0, source: Some(error) }
    }

    /// The step that refused the configuration.
    #[must_use]
    pub const fn stage(&self) -> ConfigStage {
        self.stage
    }

    /// What is wrong: at least one fault, and at most 100.
    #[must_use]
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// How many faults there are beyond those that are listed.
    #[must_use]
    pub const fn omitted(&self) -> usize {
        self.omitted
    }
}

/// One fault a line.
impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, fault) in self.faults.iter().enumerate() {
            f.write_str(if i == 0 { "" } else { "\n" })?;
            write!(f, "{fault}")?;
        }
        match self.omitted {
            0 => Ok(()),
            more => write!(f, "\nand {more} more faults"),
        }
    }
}

impl core::error::Error for ConfigError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.source.as_ref().map(|error| -> &(dyn core::error::Error + 'static) { error })
    }
}

/// The faults that a step has found so far.
#[derive(Default)]
pub(super) struct Faults {
    list: Vec<Fault>,
    omitted: usize,
}

impl Faults {
    pub(super) fn add(
        &mut self,
        path: &Path<'_>,
        place: Option<Place>,
        problem: impl Into<String>,
        advice: impl Into<String>,
    ) {
        if self.list.len() < FAULTS_MAX {
            self.list.push(Fault::new(path, place, problem, advice));
        } else {
            self.omitted = self.omitted.saturating_add(1);
        }
    }

    /// The value, if nothing was found.
    pub(super) fn verdict<T>(self, stage: ConfigStage, value: T) -> Result<T, ConfigError> {
        if self.list.is_empty() {
            return Ok(value);
        }
        Err(ConfigError { stage, faults: self.list, omitted: self.omitted, source: None })
    }
}

/// Where a value stands: a list that lives on the stack, as long as the file's schema is deep.
pub(super) enum Path<'p> {
    /// The file as a whole.
    Root,
    /// A field of a value.
    Field(&'p Path<'p>, &'p str),
    /// An element of a list.
    Element(&'p Path<'p>, usize),
}

impl Path<'_> {
    pub(super) const fn field<'p>(&'p self, name: &'p str) -> Path<'p> {
        Path::Field(self, name)
    }

    pub(super) const fn element(&self, index: usize) -> Path<'_> {
        Path::Element(self, index)
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => Ok(()),
            Self::Field(Path::Root, name) => f.write_str(shown_name(name)),
            Self::Field(parent, name) => write!(f, "{parent}.{}", shown_name(name)),
            Self::Element(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

/// The name of a field as it may be shown. What was meant to be a value can stand where a name does, as in
/// the flow map `{secret:c2VjcmV0}`.
pub(super) fn shown_name(name: &str) -> &str {
    let harmless = name.len() <= NAME_MAX && name.bytes().all(|byte| byte.is_ascii_alphabetic());
    if harmless { name } else { "(a name)" }
}
