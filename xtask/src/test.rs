//! `cargo xtask test`: everything that a change must pass, with nothing but a Rust toolchain and a C linker.

use std::time::Duration;

use crate::arguments::Arguments;
use crate::failure::{Failure, fail};
use crate::process;
use crate::steps::Steps;
use crate::task::Task;
use crate::workspace::Workspace;

mod binaries;
pub(crate) use binaries::program;
mod report;

use report::Report;

pub(crate) const TASK: Task = Task {
    name: "test",
    summary: "Checks format and lints, and runs all tests of all crates",
    operands: "",
    flags: &[],
    help: "\
Runs cargo fmt --check, clippy with every warning an error, the tests of all crates with all features, and the
examples in the documentation. Fails on any test that is ignored and on any test that takes longer than 10 s.
Needs a Rust toolchain with rustfmt and clippy and a C linker, nothing else.",
    run: |_: &Arguments| run(),
};

fn run() -> Result<(), Failure> {
    let workspace = Workspace::load()?;
    let mut steps = Steps::default();
    steps.run("format", || {
        process::run(process::cargo().args(["fmt", "--all", "--check"]), Duration::from_secs(120))?;
        Ok(String::new())
    });
    steps.run("lints", || {
        process::run(
            process::cargo().args([
                "clippy",
                "--workspace",
                "--all-targets",
                "--all-features",
                "--",
                "-D",
                "warnings",
            ]),
            BUILD,
        )?;
        Ok(String::new())
    });

    let mut total = Report::default();
    steps.run("tests", || {
        let mut report = Report::default();
        for binary in binaries::build(&workspace)? {
            binary.run(&mut report)?;
        }
        let remark = judge(&report);
        total.add(report);
        remark
    });
    steps.run("documentation tests", || {
        let mut report = Report::default();
        binaries::run_documentation(&mut report)?;
        let remark = judge(&report);
        total.add(report);
        remark
    });

    println!("\n{} tests passed, {} failed", total.passed, total.failed);
    steps.finish("cargo xtask test")
}

fn judge(report: &Report) -> Result<String, Failure> {
    let faults = report.faults(SLOWEST_ALLOWED);
    if !faults.is_empty() {
        fail!("{}", faults.join("; "));
    }
    Ok(report.remark())
}

/// What one test may take at most.
const SLOWEST_ALLOWED: Duration = Duration::from_secs(10);

/// What a build from an empty target folder may take at most.
pub(crate) const BUILD: Duration = Duration::from_secs(20 * 60);
