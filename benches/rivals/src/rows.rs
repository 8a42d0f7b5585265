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
    /// What each process measured.
    #[serde(skip)]
    pub parts: Vec<Part>,
}

impl Report {
    /// The median of a cell, if it was measured.
    pub fn ns(&self, provider: &str, op: &str, size: usize, name: &str) -> Option<f64> {
        ns(&self.rows, provider, op, size, name)
    }

    /// How many times as long one of two names takes as the other: the median over the processes that measured both. The rate of the
    /// clock changes by a few per cent from process to process. Where none measured both, that of the medians.
    pub fn ratio(&self, provider: &str, op: &str, size: usize, [name, other]: [&str; 2]) -> Option<f64> {
        let of = |rows: &[Row]| Some(ns(rows, provider, op, size, name)? / ns(rows, provider, op, size, other)?);
        let mut ratios: Vec<f64> = self.parts.iter().filter_map(|part| of(&part.rows)).collect();
        ratios.sort_by(f64::total_cmp);
        ratios.get(ratios.len() / 2).copied().or_else(|| of(&self.rows))
    }
}

fn ns(rows: &[Row], provider: &str, op: &str, size: usize, name: &str) -> Option<f64> {
    let is_it = |row: &&Row| row.provider == provider && row.op == op && row.size == size && row.r#impl == name;
    rows.iter().find(is_it).map(|row| row.median_ns)
}
