//! `cargo xtask ci`: what continuous integration runs once everything is installed.

use std::env;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::arguments::{Arguments, one_of};
use crate::failure::{Failure, Trying};
use crate::process;
use crate::steps::Steps;
use crate::task::{Flag, Task};
use crate::test::{self, BUILD};
use crate::workspace::Workspace;

mod documents;
mod features;
mod fuzz;
mod package;
mod purity;

pub(crate) const TASK: Task = Task {
    name: "ci",
    summary: "Runs what continuous integration runs",
    operands: "[STEP]...",
    flags: &[Flag { name: "--skip", value: "STEP,...", help: "leave these steps out" }],
    help: "\
Runs the steps that are named, all of them if none is:

  test         cargo xtask test
  integration  cargo xtask integration --require all
  docs         the documentation of all crates, every warning an error
  documents    what READMEs and ARCHITECTURE.md say of features, versions and files is so
  features     each crate alone with its default, no and all features: lints and tests
  fuzz         the fuzz targets of the crates, compiled as for the fuzzer and run over their corpus
  kills        cargo xtask kills, with 10 rounds of the relay
  disks        the tests of queues and the relay on full and read-only disks, which need file systems of their own, as root
  powercut     cargo xtask powercut --require with 10 rounds, as root
  package      what goes to crates.io: every file that must be in it, nothing else, and it builds from that
  purity       the codec depends on nothing that does I/O; codec and format forbid unsafe code
  licences     cargo deny check licenses bans sources

A step that fails does not stop the ones after it. The summary at the end tells how long each one took.
`.ci/run` installs what is missing on Debian and then runs these steps.",
    run,
};

const STEPS: &[Step] = &[
    Step { name: "test", run: |_| this_task(&["test"]) },
    Step { name: "integration", run: |_| this_task(&["integration", "--require", "all"]) },
    Step { name: "docs", run: |_| docs() },
    Step { name: "documents", run: documents::check },
    Step { name: "features", run: features::check },
    Step { name: "fuzz", run: fuzz::check },
    Step { name: "kills", run: |_| kills() },
    Step { name: "disks", run: disks },
    Step { name: "powercut", run: |_| powercut() },
    Step { name: "package", run: package::check },
    Step { name: "purity", run: purity::check },
    Step { name: "licences", run: |_| licences() },
];

struct Step {
    name: &'static str,
    run: fn(&Workspace) -> Result<String, Failure>,
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let known: Vec<&str> = STEPS.iter().map(|step| step.name).collect();
    let mut wanted = Vec::new();
    for name in arguments.operands() {
        wanted.push(one_of("step", name, &known)?);
    }
    let mut skipped = Vec::new();
    for name in arguments.values("--skip") {
        skipped.push(one_of("step", name, &known)?);
    }

    let workspace = Workspace::load()?;
    let mut steps = Steps::default();
    for step in STEPS {
        if (wanted.is_empty() || wanted.contains(&step.name)) && !skipped.contains(&step.name) {
            steps.run(step.name, || (step.run)(&workspace));
        }
    }
    steps.finish("cargo xtask ci")
}

/// Runs a task of this program in a process of its own, as a user would.
fn this_task(arguments: &[&str]) -> Result<String, Failure> {
    process::run(process::cargo().arg("xtask").args(arguments), Duration::from_secs(30 * 60))?;
    Ok(String::new())
}

fn kills() -> Result<String, Failure> {
    this_task(&["kills", "handler"])?;
    this_task(&["kills", "relay", "--rounds", "10"])
}

/// Runs as root, by way of sudo where that is needed: without file systems of its own it proves nothing.
fn powercut() -> Result<String, Failure> {
    let program = env::current_exe().trying("cannot tell where this program is")?;
    let mut command = as_root(&program)?;
    command.args(["powercut", "--rounds", "10", "--require"]);
    process::run(&mut command, Duration::from_secs(30 * 60))?;
    Ok(String::new())
}

fn disks(workspace: &Workspace) -> Result<String, Failure> {
    for tests in ["logstash-handler/tests/queue/main.rs", "logstash-handler/tests/relay/main.rs"] {
        let program = test::program(workspace, tests)?;
        // The variable by way of `env`, because sudo passes none on.
        let mut command = as_root(Path::new("env"))?;
        command.arg("LOGSTASH_REQUIRE_MOUNT=1").arg(program).arg("full::");
        process::run(&mut command, Duration::from_secs(5 * 60))?;
    }
    Ok(String::new())
}

/// A program that is run by root, by way of sudo where that is needed.
fn as_root(program: &Path) -> Result<Command, Failure> {
    let user = process::output(Command::new("id").arg("-u"), Duration::from_secs(10))?;
    if user.trim() == "0" {
        return Ok(Command::new(program));
    }
    let mut sudo = Command::new("sudo");
    sudo.args(["-n", "env"]);
    for name in ["CARGO", "CARGO_HOME", "HOME", "PATH", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"] {
        if let Ok(value) = env::var(name) {
            sudo.arg(format!("{name}={value}"));
        }
    }
    sudo.arg(program);
    Ok(sudo)
}

fn docs() -> Result<String, Failure> {
    process::run(
        process::cargo()
            .args(["doc", "--workspace", "--no-deps", "--all-features"])
            .env("RUSTDOCFLAGS", "-D warnings"),
        BUILD,
    )?;
    Ok(String::new())
}

fn licences() -> Result<String, Failure> {
    process::run(
        process::cargo().args(["deny", "check", "licenses", "bans", "sources"]),
        Duration::from_secs(300),
    )?;
    Ok(String::new())
}
