//! Each crate alone: a build of the whole workspace unites the features of all crates and hides a missing one.

use std::time::Duration;

use crate::failure::{Failure, fail};
use crate::process;
use crate::test::BUILD;
use crate::workspace::Workspace;

/// Lints and tests each published crate alone with default, no and all features; all of them, also after one
/// failed.
pub(super) fn check(workspace: &Workspace) -> Result<String, Failure> {
    let mut combinations = 0;
    let mut faults = Vec::new();
    for package in workspace.libraries() {
        for features in [None, Some("--no-default-features"), Some("--all-features")] {
            combinations += 1;
            if let Err(failure) = lint(&package.name, features).and_then(|()| test(&package.name, features)) {
                eprintln!("{failure}");
                faults.push(format!("{} {}", package.name, features.unwrap_or("with default features")));
            }
        }
    }
    if !faults.is_empty() {
        fail!("{} of {combinations} combinations failed: {}", faults.len(), faults.join(", "));
    }
    Ok(format!("{combinations} combinations"))
}

fn lint(package: &str, features: Option<&str>) -> Result<(), Failure> {
    let mut command = process::cargo();
    command.args(["clippy", "--quiet", "--package", package, "--all-targets"]).args(features);
    process::run(command.args(["--", "-D", "warnings"]), BUILD)
}

fn test(package: &str, features: Option<&str>) -> Result<(), Failure> {
    let mut command = process::cargo();
    command.args(["test", "--quiet", "--package", package]).args(features);
    process::run(&mut command, BUILD + TESTS)
}

/// What the tests of one crate may take at most.
const TESTS: Duration = Duration::from_secs(5 * 60);
