//! Joins what several processes measured, and writes the results.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::Path;

use crate::rows::{Part, Report, Row};
use crate::{chart, table, targets};

/// Arguments: the folder of the results, the date, the machine, and the files of the parts.
pub fn write(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let [folder, date, machine, parts @ ..] = arguments else { return Err("folder, date, machine and parts?".into()) };
    let folder = Path::new(folder);
    let read = |part: &String| Ok::<Part, Box<dyn Error>>(serde_json::from_str(&fs::read_to_string(part)?)?);
    let parts = parts.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let versions = parts.iter().flat_map(|part| part.versions.clone()).collect();
    let rows = medians(parts.iter().flat_map(|part| part.rows.clone()).collect());
    let report = Report { machine: machine.clone(), date: date.clone(), versions, rows, parts };
    let verdicts = targets::verdicts(&report);

    fs::create_dir_all(folder)?;
    fs::write(folder.join("latest.json"), json(&report)?)?;
    fs::write(folder.join("results.md"), table::markdown(&report, &verdicts))?;
    for (provider, op) in table::operations(&report) {
        fs::write(folder.join(format!("{provider}-{op}.svg")), chart::svg(&report, &provider, &op))?;
    }
    let missed = verdicts.iter().filter(|verdict| !verdict.is_met()).count();
    for v in &verdicts {
        let (word, limit) = (v.word(), if v.at_least { "at least" } else { "at most" });
        println!(
            "{word:<6} {:<48} {:>6} {:<16} {:.2}, {limit} {:.2}; {}",
            v.name, v.size, v.build, v.is, v.limit, v.with
        );
    }
    println!("{} of {} targets met", verdicts.len() - missed, verdicts.len());
    Ok(())
}

/// One row for each cell, in the order in which cells came first.
fn medians(rows: Vec<Row>) -> Vec<Row> {
    let mut times: BTreeMap<(String, String, usize, String), Vec<f64>> = BTreeMap::new();
    let mut firsts = Vec::new();
    for row in rows {
        let cell = (row.provider.clone(), row.op.clone(), row.size, row.r#impl.clone());
        let of_cell = times.entry(cell).or_default();
        if of_cell.is_empty() {
            firsts.push(row.clone());
        }
        of_cell.push(row.median_ns);
    }
    for row in &mut firsts {
        let cell = (row.provider.clone(), row.op.clone(), row.size, row.r#impl.clone());
        if let Some(times) = times.get_mut(&cell) {
            times.sort_by(f64::total_cmp);
            row.median_ns = times[times.len() / 2];
        }
    }
    firsts
}

/// A row a line, so that two results can be compared.
fn json(report: &Report) -> Result<String, serde_json::Error> {
    let rows: Result<Vec<String>, _> = report.rows.iter().map(serde_json::to_string).collect();
    let head = serde_json::json!({ "machine": report.machine, "date": report.date, "versions": report.versions });
    let head = serde_json::to_string_pretty(&head)?;
    let head = head.trim_end_matches('}').trim_end();
    Ok(format!("{head},\n  \"rows\": [\n    {}\n  ]\n}}\n", rows?.join(",\n    ")))
}
