//! Whether a branch or an address of atrest depends on a secret: keys, plaintexts, DEKs, seeds and padding are marked as
//! undefined memory, and valgrind's memcheck reports each branch on such memory and each address made of it. `.ci/ctgrind`
//! builds and runs this. With the argument `planted` leaks run instead, each of which has to be reported.
#![allow(missing_docs, reason = "a program")]

mod base64;
mod batches;
mod envelope;
mod kek;
mod kms;
mod look;
mod planted;
mod secrets;
mod sources;
mod statics;
mod tally;
mod valgrind;

use std::env::args;
use std::process::ExitCode;

use tally::Tally;

/// Which code runs is found out by what the processor can, and valgrind shows another processor than there is.
fn assert_processor() {
    #[cfg(target_arch = "x86_64")]
    for (name, has, wanted) in [
        ("aes", std::is_x86_feature_detected!("aes"), true),
        ("avx", std::is_x86_feature_detected!("avx"), true),
        ("pclmulqdq", std::is_x86_feature_detected!("pclmulqdq"), true),
        ("avx2", std::is_x86_feature_detected!("avx2"), true),
        ("bmi2", std::is_x86_feature_detected!("bmi2"), true),
        ("avx512f", std::is_x86_feature_detected!("avx512f"), false),
        ("vaes", std::is_x86_feature_detected!("vaes"), false),
        ("vpclmulqdq", std::is_x86_feature_detected!("vpclmulqdq"), false),
        ("sha", std::is_x86_feature_detected!("sha"), false),
    ] {
        assert_eq!(has, wanted, "{name} as valgrind shows it: the kernels that are said to be covered would not run");
    }
}

fn main() -> ExitCode {
    if !valgrind::is_running() {
        eprintln!("not under valgrind: nothing would be checked");
        return ExitCode::from(2);
    }
    let mut tally = Tally::default();
    if args().nth(1).as_deref() == Some("planted") {
        planted::run(&mut tally);
        let (reported, _) = tally.reported();
        println!("{reported} of {} planted leaks reported", tally.cases());
        return if reported == tally.cases() { ExitCode::SUCCESS } else { ExitCode::from(3) };
    }
    assert_processor();
    secrets::run(&mut tally);
    base64::run(&mut tally);
    statics::run(&mut tally);
    batches::run(&mut tally);
    kek::run(&mut tally);
    kms::run(&mut tally);
    envelope::run(&mut tally);
    let (reported, reports) = tally.reported();
    tally.print_published();
    println!("{} cases, {reports} reports in {reported} of them", tally.cases());
    if reports == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
