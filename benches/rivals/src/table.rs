//! The results as Markdown.

use std::collections::BTreeSet;
use std::fmt::Write;

use crate::growth;
use crate::rows::Report;
use crate::targets::{Against, Verdict};

pub fn markdown(report: &Report, verdicts: &[Verdict]) -> String {
    let mut text = format!("# Results\n\n{}, {}.\n\n", report.machine, report.date);
    let versions: Vec<String> = report.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
    let _ = writeln!(
        text,
        "{}.\n\nMedians of one run on one core. Each operation is complete: nonce, prefix, cipher, allocation, and\n\
         freeing and wiping what is returned; `-into` uses a buffer of the caller, `-many` seals 64 values with one call, `bare` is the primitive alone:\n\
         `bare` and `bare-fast` that of the library's own backends, with two buffers; of KMS v2 those of RustCrypto and AWS-LC,\n\
         and of the own envelope those of RustCrypto, with the wrapping of the DEK. Beside a primitive the median of the processes' ratios counts:\n\
         what is compared there is that, times the median of the primitive.\n",
        versions.join(", ")
    );
    targets(&mut text, verdicts);
    for (provider, op) in operations(report) {
        times(&mut text, report, &provider, &op);
    }
    text
}

const TABLES: [(Against, &str, &str); 4] = [
    (Against::Go, "Time over that of the Go original", "ratio"),
    (
        Against::Library,
        "Into a buffer, beside the primitive of the best library on two buffers: at most 10 % and a nonce more, at 64 B 40 ns more",
        "ns",
    ),
    (
        Against::Primitive,
        "Into a buffer, beside the primitive of the same backend: 10 % and a nonce at 1 KiB, 2 % at 1 MiB",
        "ns",
    ),
    (Against::Growth, "Growth", "ratio"),
];

fn targets(text: &mut String, verdicts: &[Verdict]) {
    for (against, title, unit) in TABLES {
        let of_table = || verdicts.iter().filter(|v| v.against == against);
        let met = of_table().filter(|v| v.is_met()).count();
        let _ = write!(
            text,
            "## {title}\n\n{met} of {} met.\n\n| | size | build | with | {unit} | limit | |\n|---|---|---|---|---|---|---|\n",
            of_table().count()
        );
        for v in of_table() {
            let word = if v.at_least { "at least" } else { "at most" };
            let digits = if unit == "ns" { 0 } else { 2 };
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {:.digits$} | {word} {:.digits$} | {} |",
                v.name,
                v.size,
                v.build,
                v.with,
                v.is,
                v.limit,
                v.word()
            );
        }
        text.push('\n');
    }
}

fn times(text: &mut String, report: &Report, provider: &str, op: &str) {
    let rows = || report.rows.iter().filter(|row| row.provider == provider && row.op == op);
    let sizes: BTreeSet<usize> = rows().map(|row| row.size).collect();
    let _ = write!(text, "## {provider} {op}, ns\n\n|");
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
    for row in report.rows.iter().filter(|row| row.provider != growth::PROVIDER) {
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
