use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::BUILD;
use super::report::Report;
use crate::failure::{Failure, fail};
use crate::process::{self, Running};
use crate::workspace::Workspace;

/// A compiled test binary.
#[derive(Debug)]
pub(super) struct Binary {
    name: String,
    executable: PathBuf,
    /// Folder of its package, in which cargo runs it.
    folder: PathBuf,
}

impl Binary {
    /// Runs it, with its output on the terminal and in the report.
    pub(super) fn run(&self, report: &mut Report) -> Result<(), Failure> {
        println!("\n     Running {}", self.name);
        let mut command = Command::new(&self.executable);
        command
            .current_dir(&self.folder)
            .env("CARGO_MANIFEST_DIR", &self.folder)
            // Durations are an unstable option of libtest, which looks at this variable when it runs.
            .env("RUSTC_BOOTSTRAP", "1")
            .args(["-Z", "unstable-options", "--report-time", "--color=never"]);
        follow(&mut command, &self.name, true, report)
    }
}

/// Builds all test binaries of the workspace.
pub(super) fn build(workspace: &Workspace) -> Result<Vec<Binary>, Failure> {
    let mut process = Running::observed(process::cargo().args([
        "test",
        "--workspace",
        "--all-features",
        "--no-run",
        "--message-format=json-render-diagnostics",
    ]))?;
    let deadline = Instant::now() + BUILD;
    let mut binaries = Vec::new();
    while let Some(line) = process.next_line(deadline.saturating_duration_since(Instant::now()))? {
        if let Some(binary) =
            serde_json::from_str(&line).ok().and_then(|message| test_binary(&message, &workspace.root))
        {
            binaries.push(binary);
        }
    }
    process.succeed(deadline.saturating_duration_since(Instant::now()))?;
    if binaries.is_empty() {
        fail!("cargo built no test binary");
    }
    Ok(binaries)
}

/// Builds all test binaries and tells where the one is whose source that is.
pub(crate) fn program(workspace: &Workspace, source: &str) -> Result<PathBuf, Failure> {
    let binary = build(workspace)?.into_iter().find(|binary| binary.name == source);
    binary
        .map(|binary| binary.executable)
        .ok_or_else(|| Failure::Failed(format!("there is no test {source}")))
}

/// Runs the examples in the documentation of all crates.
pub(super) fn run_documentation(report: &mut Report) -> Result<(), Failure> {
    let mut command = process::cargo();
    command.args(["test", "--workspace", "--all-features", "--doc"]);
    follow(&mut command, "documentation", false, report)
}

fn follow(command: &mut Command, name: &str, timed: bool, report: &mut Report) -> Result<(), Failure> {
    let mut process = Running::observed(command)?;
    let mut reading = report.begin(name, timed);
    let deadline = Instant::now() + PATIENCE;
    while let Some(line) = process.next_line(deadline.saturating_duration_since(Instant::now()))? {
        println!("{line}");
        reading.line(&line);
    }
    let status = process.wait(deadline.saturating_duration_since(Instant::now()))?;
    // 101 is libtest's word for failed tests, which the report has.
    if !status.success() && status.code() != Some(101) {
        return Err(process.fault(&format!("ended with {status}")));
    }
    Ok(())
}

/// The test binary in a message of cargo, if it tells of one.
fn test_binary(message: &Value, root: &Path) -> Option<Binary> {
    if message["reason"] != "compiler-artifact" || message["profile"]["test"] != true {
        return None;
    }
    let executable = PathBuf::from(message["executable"].as_str()?);
    let folder = Path::new(message["manifest_path"].as_str()?).parent()?;
    let source = Path::new(message["target"]["src_path"].as_str()?);
    let name = source.strip_prefix(root).unwrap_or(source);
    Some(Binary { name: name.display().to_string(), executable, folder: folder.to_owned() })
}

/// What one binary may take at most.
const PATIENCE: Duration = Duration::from_secs(5 * 60);

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn test_binaries_are_told_from_everything_else_that_cargo_reports() {
        let mut message = json!({
            "reason": "compiler-artifact",
            "manifest_path": "/w/codec/Cargo.toml",
            "target": {"src_path": "/w/codec/tests/it/main.rs"},
            "profile": {"test": true},
            "executable": "/w/target/debug/deps/it-1",
        });
        let binary = test_binary(&message, Path::new("/w")).unwrap();
        assert_eq!(Path::new(&binary.name), Path::new("codec/tests/it/main.rs"));
        assert_eq!(binary.folder, Path::new("/w/codec"));
        assert_eq!(binary.executable, Path::new("/w/target/debug/deps/it-1"));

        message["profile"]["test"] = json!(false);
        assert!(test_binary(&message, Path::new("/w")).is_none());
        assert!(test_binary(&json!({"reason": "build-finished"}), Path::new("/w")).is_none());
    }
}
