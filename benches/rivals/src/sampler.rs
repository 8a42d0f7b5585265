//! Timing: the median of many short batches, of which an interruption spoils one.

use std::hint::black_box;
use std::time::{Duration, Instant};

use crate::rows::Row;

/// How long calls go on before they count: what went before, such as the pages that the kernel clears for long values, slows the first ones.
const WARM_UP: Duration = Duration::from_millis(5);

/// Times calls and collects a row for each.
pub struct Sampler {
    batch: Duration,
    samples: usize,
    only: Option<String>,
    pub rows: Vec<Row>,
}

/// What is measured: the row without its number.
#[derive(Clone, Copy)]
pub struct Cell {
    pub provider: &'static str,
    pub op: &'static str,
    pub size: usize,
}

impl Sampler {
    /// Measures only what `only` is a part of the name of, if it is given.
    pub fn new(quick: bool, only: Option<String>) -> Self {
        let (batch, samples) = if quick { (Duration::from_micros(200), 41) } else { (Duration::from_millis(1), 101) };
        Self { batch, samples, only, rows: Vec::new() }
    }

    /// Times `call`; what it returns is dropped in the timed part. The count of calls is its argument.
    pub fn time<R>(&mut self, cell: Cell, name: &'static str, mut call: impl FnMut(usize) -> R) {
        if !self.wants(cell, name) {
            return;
        }
        let mut calls = 1;
        let calls = loop {
            let took = timed(calls, &mut call);
            if took >= self.batch / 2 {
                break ((calls as f64 * self.batch.as_secs_f64() / took.as_secs_f64()) as usize).max(1);
            }
            calls *= 2;
        };
        let start = Instant::now();
        while start.elapsed() < WARM_UP {
            timed(calls, &mut call);
        }
        let mut times: Vec<f64> =
            (0..self.samples).map(|_| timed(calls, &mut call).as_secs_f64() * 1e9 / calls as f64).collect();
        times.sort_by(f64::total_cmp);
        self.note(cell, name, times[times.len() / 2]);
    }

    /// As [`time`](Self::time), for a call that does as much as `each` of them.
    pub fn time_each<R>(&mut self, cell: Cell, name: &'static str, each: usize, call: impl FnMut(usize) -> R) {
        let before = self.rows.len();
        self.time(cell, name, call);
        self.rows[before..].iter_mut().for_each(|row| row.median_ns = rounded(row.median_ns / each as f64));
    }

    /// Whether this is to be measured.
    pub fn wants(&self, Cell { provider, op, size }: Cell, name: &str) -> bool {
        self.only.as_ref().is_none_or(|only| format!("{provider}/{op}/{size}/{name}").contains(only.as_str()))
    }

    /// Takes in what was measured by other means.
    pub fn note(&mut self, Cell { provider, op, size }: Cell, name: &'static str, ns: f64) {
        let median_ns = rounded(ns);
        self.rows.push(Row { provider: provider.into(), op: op.into(), size, r#impl: name.into(), median_ns });
    }
}

fn rounded(ns: f64) -> f64 {
    (ns * 10.0).round() / 10.0
}

fn timed<R>(calls: usize, call: &mut impl FnMut(usize) -> R) -> Duration {
    let start = Instant::now();
    for i in 0..calls {
        black_box(call(i));
    }
    start.elapsed()
}
