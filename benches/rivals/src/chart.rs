//! Charts: for each provider and operation, how many times as fast as the Go original each implementation is.

use std::fmt::Write;

use crate::rows::Report;
use crate::table::{names, size};

const BAR: f64 = 14.0;
const GAP: f64 = 16.0;
const LEFT: f64 = 150.0;
const WIDTH: f64 = 420.0;

/// Sizes that a chart shows.
const SIZES: [usize; 4] = [64, 1 << 10, 16 << 10, 1 << 20];

/// Bars of throughput, the longest of each size as long as the chart is wide.
pub fn svg(report: &Report, provider: &str, op: &str) -> String {
    let names: Vec<String> = names(report, provider, op)
        .into_iter()
        .filter(|name| !name.contains("bare") && !name.ends_with("into") && !name.ends_with("many"))
        .collect();
    let group = (names.len() as f64).mul_add(BAR, GAP);
    let height = (SIZES.len() as f64).mul_add(group, 40.0);
    let total = LEFT + WIDTH + 90.0;
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{total}\" height=\"{height}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n\
         <text x=\"8\" y=\"18\" font-size=\"14\">{provider} {op}: MB/s, longer is faster</text>\n"
    );
    for (place, len) in SIZES.into_iter().enumerate() {
        let top = (place as f64).mul_add(group, 34.0);
        let speed = |name: &String| report.ns(provider, op, len, name).map(|ns| len as f64 * 1000.0 / ns);
        let most = names.iter().filter_map(speed).fold(0.0, f64::max);
        let _ = writeln!(text, "<text x=\"8\" y=\"{:.0}\" font-weight=\"bold\">{}</text>", top + 11.0, size(len));
        for (line, name) in names.iter().enumerate() {
            let Some(speed) = speed(name) else { continue };
            bar(&mut text, (line as f64).mul_add(BAR, top), name, speed, speed / most * WIDTH);
        }
    }
    text.push_str("</svg>\n");
    text
}

fn bar(text: &mut String, top: f64, name: &str, speed: f64, length: f64) {
    let colour = match name {
        name if name.starts_with("atrest") => "#b7410e",
        "go" => "#00add8",
        _ => "#9aa5b1",
    };
    let baseline = top + 11.0;
    let _ = writeln!(
        text,
        "<text x=\"{:.0}\" y=\"{baseline:.0}\" text-anchor=\"end\">{name}</text>\
         <rect x=\"{LEFT:.0}\" y=\"{:.1}\" width=\"{length:.1}\" height=\"{:.0}\" fill=\"{colour}\"/>\
         <text x=\"{:.0}\" y=\"{baseline:.0}\">{speed:.0}</text>",
        LEFT - 6.0,
        top + 1.0,
        BAR - 2.0,
        LEFT + length + 5.0,
    );
}
