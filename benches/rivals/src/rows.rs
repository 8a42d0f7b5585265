//! What is measured, as it is written.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One median.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    pub provider: String,
    pub op: String,
    pub size: usize,
    pub r#impl: String,
    pub median_ns: f64,
}

/// What one process measured.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Part {
    pub versions: BTreeMap<String, String>,
    pub rows: Vec<Row>,
}

/// What a run measured.
#[derive(Debug, Serialize, Deserialize)]
pub struct Report {
    pub machine: String,
    pub date: String,
    pub versions: BTreeMap<String, String>,
    pub rows: Vec<Row>,
}

impl Report {
    /// The median of a cell, if it was measured.
    pub fn ns(&self, provider: &str, op: &str, size: usize, name: &str) -> Option<f64> {
        let is_it = |row: &&Row| row.provider == provider && row.op == op && row.size == size && row.r#impl == name;
        self.rows.iter().find(is_it).map(|row| row.median_ns)
    }
}
