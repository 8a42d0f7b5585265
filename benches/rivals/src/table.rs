//! The results as Markdown.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::rows::Report;
use crate::targets::Verdict;

pub fn markdown(report: &Report, verdicts: &[Verdict]) -> String {
    let mut text = format!("# Results\n\n{}, {}.\n\n", report.machine, report.date);
    let versions: Vec<String> = report.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    let _ = writeln!(
        text,
        "{}.\n\nMedians of one run on one core. Each operation is complete: nonce, prefix, cipher, allocation, and\n\
         freeing and wiping what is returned; `-into` uses a buffer of the caller, `bare` is the primitive alone.\n",
        versions.join(", ")
    );
    ratios(&mut text, verdicts);
    for (provider, op) in operations(report) {
        times(&mut text, report, &provider, &op);
    }
    text
}

fn ratios(text: &mut String, verdicts: &[Verdict]) {
    text.push_str(
        "## Time over that of the Go original\n\n| | size | build | ratio | at most | |\n|---|---|---|---|---|---|\n",
    );
    for v in verdicts {
        let met = if v.is_met() { "met" } else { "MISSED" };
        let Verdict { provider, op, build, ratio, most, .. } = v;
        let _ = writeln!(text, "| {provider} {op} | {} | {build} | {ratio:.2} | {most:.2} | {met} |", size(v.size));
    }
}

fn times(text: &mut String, report: &Report, provider: &str, op: &str) {
    let rows = || report.rows.iter().filter(|row| row.provider == provider && row.op == op);
    let sizes: BTreeSet<usize> = rows().map(|row| row.size).collect();
    let _ = write!(text, "\n## {provider} {op}, ns\n\n|");
    for len in &sizes {
        let _ = write!(text, " | {}", size(*len));
    }
    let _ = write!(text, " |\n|---|{}\n", "---|".repeat(sizes.len()));
    for name in names(report, provider, op) {
        let _ = write!(text, "| {name}");
        for len in &sizes {
            let time = report.ns(provider, op, *len, &name).map_or(String::new(), |ns| format!("{ns:.0}"));
            let _ = write!(text, " | {time}");
        }
        text.push_str(" |\n");
    }
}

/// Operations in the order in which they were measured.
pub fn operations(report: &Report) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for row in &report.rows {
        let operation = (row.provider.clone(), row.op.clone());
        if !found.contains(&operation) {
            found.push(operation);
        }
    }
    found
}

/// Implementations of an operation in the order in which they were measured.
pub fn names(report: &Report, provider: &str, op: &str) -> Vec<String> {
    let mut found = Vec::new();
    for row in report.rows.iter().filter(|row| row.provider == provider && row.op == op) {
        if !found.contains(&row.r#impl) {
            found.push(row.r#impl.clone());
        }
    }
    found
}

pub fn size(len: usize) -> String {
    match len {
        len if len >= 1 << 20 => format!("{} MiB", len >> 20),
        len if len >= 1 << 10 => format!("{} KiB", len >> 10),
        len => format!("{len} B"),
    }
}
