//! Each crate alone: a build of the whole workspace unites the features of all crates and hides a missing one.

use std::time::Duration;

use crate::failure::Failure;
use crate::process;
use crate::test::BUILD;
use crate::workspace::Workspace;

/// Lints and tests each published crate alone with default, no and all features.
pub(super) fn check(workspace: &Workspace) -> Result<String, Failure> {
    let mut combinations = 0;
    for package in workspace.libraries() {
        for features in [&[][..], &["--no-default-features"], &["--all-features"]] {
            process::run(
                process::cargo()
                    .args(["clippy", "--quiet", "--package", &package.name, "--all-targets"])
                    .args(features)
                    .args(["--", "-D", "warnings"]),
                BUILD,
            )?;
            process::run(
                process::cargo().args(["test", "--quiet", "--package", &package.name]).args(features),
                BUILD + TESTS,
            )?;
            combinations += 1;
        }
    }
    Ok(format!("{combinations} combinations"))
}

/// What the tests of one crate may take at most.
const TESTS: Duration = Duration::from_secs(5 * 60);
