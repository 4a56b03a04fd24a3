//! `cargo xtask fuzz`: every fuzz target of every crate, for a while.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::arguments::{Arguments, one_of};
use crate::failure::{Failure, Trying, fail};
use crate::process;
use crate::steps::Steps;
use crate::task::{Flag, Task};
use crate::workspace::Workspace;

pub(crate) const TASK: Task = Task {
    name: "fuzz",
    summary: "Runs the fuzz targets of all crates",
    operands: "[TARGET]...",
    flags: &[Flag { name: "--time", value: "SECONDS", help: "for each target, 60 if not given" }],
    help: "\
Runs the targets that are named, all of them if none is, one after the other, starting from the committed corpus.
Needs cargo-fuzz, a C++ compiler and a Unix; the stable toolchain is enough.

A target that finds something fails the task, after the other targets ran; the input that does it lies below
target/fuzz/artifacts/. Inputs that reached something new are kept below target/fuzz/finds/ and are where the next
run goes on; nothing is written to the corpus in the repository.",
    run,
};

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let seconds = seconds(arguments.value("--time"))?;
    let workspace = Workspace::load()?;
    if !process::is_installed("cargo-fuzz", "--version") {
        fail!("there is no `cargo-fuzz` on the PATH; to get it: cargo install --locked cargo-fuzz");
    }
    let targets = targets(&workspace)?;
    let known: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
    let mut wanted = Vec::new();
    for name in arguments.operands() {
        wanted.push(one_of("fuzz target", name, &known)?);
    }

    let mut steps = Steps::default();
    for target in &targets {
        if wanted.is_empty() || wanted.contains(&target.name.as_str()) {
            steps.run(&format!("{} {}", target.package, target.name), || target.run(&workspace, seconds));
        }
    }
    steps.finish("cargo xtask fuzz")
}

/// The fuzzer takes 0 for no end at all.
fn seconds(given: Option<&str>) -> Result<u32, Failure> {
    match given.map(str::parse) {
        None => Ok(60),
        Some(Ok(seconds)) if (1..=LONGEST).contains(&seconds) => Ok(seconds),
        Some(_) => Err(Failure::Usage(format!("fuzz: --time takes whole seconds from 1 to {LONGEST}"))),
    }
}

/// One fuzz target of a crate.
#[derive(Debug)]
struct Target {
    package: String,
    /// The `fuzz` folder of the crate.
    folder: PathBuf,
    name: String,
}

fn targets(workspace: &Workspace) -> Result<Vec<Target>, Failure> {
    let mut targets = Vec::new();
    for (package, folder) in workspace.fuzz_packages() {
        let names = process::output(&mut cargo_fuzz("list", &folder), Duration::from_secs(60))?;
        targets.extend(names.lines().map(|name| Target {
            package: package.name.clone(),
            folder: folder.clone(),
            name: name.to_owned(),
        }));
    }
    if targets.is_empty() {
        fail!("none of the crates has fuzz targets");
    }
    Ok(targets)
}

impl Target {
    fn run(&self, workspace: &Workspace, seconds: u32) -> Result<String, Failure> {
        let target = workspace.target.join("fuzz");
        let finds = self.folder_in(&target.join("finds"))?;
        let artifacts = self.folder_in(&target.join("artifacts"))?;
        let before = files(&artifacts)?;

        process::run(
            cargo_fuzz("build", &self.folder).arg("--target-dir").arg(&target).arg(&self.name),
            INSTRUMENTED_BUILD,
        )?;
        let outcome = process::run(
            cargo_fuzz("run", &self.folder)
                .arg("--target-dir")
                .arg(&target)
                .arg(&self.name)
                // New inputs go to the first folder.
                .arg(&finds)
                .arg(self.folder.join("corpus").join(&self.name))
                .arg("--")
                .arg(format!("-artifact_prefix={}/", artifacts.display()))
                .arg(format!("-max_total_time={seconds}"))
                .arg(format!("-timeout={SLOW}"))
                .arg("-print_final_stats=1"),
            Duration::from_secs(seconds.into()) + GRACE,
        );

        // cargo-fuzz makes a folder of its own for what is found, which stays empty; one that is not stays as it is.
        let folder = self.folder.join("artifacts");
        let _ = fs::remove_dir(folder.join(&self.name)).and_then(|()| fs::remove_dir(folder));

        let found: Vec<String> =
            files(&artifacts)?.difference(&before).map(|file| file.display().to_string()).collect();
        if !found.is_empty() {
            fail!(
                "found something: {}\n    to see it: cargo run --manifest-path {} --bin {} {}",
                found.join(", "),
                self.folder.join("Cargo.toml").display(),
                self.name,
                found[0]
            );
        }
        outcome?;
        Ok(format!("nothing found in {seconds} s; {} inputs kept beside the corpus", files(&finds)?.len()))
    }

    fn folder_in(&self, parent: &Path) -> Result<PathBuf, Failure> {
        let folder = parent.join(&self.package).join(&self.name);
        fs::create_dir_all(&folder).trying(format_args!("cannot make {}", folder.display()))?;
        Ok(folder)
    }
}

/// cargo-fuzz passes unstable flags to the compiler, which the stable one takes with this variable.
fn cargo_fuzz(command: &str, folder: &Path) -> Command {
    let mut cargo_fuzz = Command::new("cargo-fuzz");
    cargo_fuzz.arg(command).arg("--fuzz-dir").arg(folder).env("RUSTC_BOOTSTRAP", "1");
    cargo_fuzz
}

fn files(folder: &Path) -> Result<BTreeSet<PathBuf>, Failure> {
    fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| entry.map(|entry| entry.path())).collect())
        .trying(format_args!("cannot read {}", folder.display()))
}

/// Three days.
const LONGEST: u32 = 3 * 24 * 60 * 60;

/// What a build may take at most: of all that a crate depends on, with checks of every access to memory and in one
/// piece each. It takes four minutes of a machine with two cores that has nothing else to do.
const INSTRUMENTED_BUILD: Duration = Duration::from_secs(60 * 60);

/// What a run may take beyond its time: the fuzzer looks at the clock after each input, and reads the corpus first.
const GRACE: Duration = Duration::from_secs(5 * 60);

/// Seconds that one input may take before it counts as a hang.
const SLOW: u32 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_a_number_of_seconds_with_an_end() {
        assert_eq!(seconds(None).unwrap(), 60);
        assert_eq!(seconds(Some("5")).unwrap(), 5);
        for wrong in ["0", "-1", "1.5", "soon", "259201", "99999999999"] {
            assert!(matches!(seconds(Some(wrong)), Err(Failure::Usage(_))), "{wrong}");
        }
    }

    #[test]
    fn what_a_run_leaves_behind_is_what_was_not_there_before() {
        let workspace = Workspace::load().unwrap();
        let scratch = workspace.scratch("fuzz-test").unwrap();
        fs::write(scratch.path().join("crash-old"), "a").unwrap();
        let before = files(scratch.path()).unwrap();
        let new = scratch.path().join("crash-new");
        fs::write(&new, "b").unwrap();
        let after = files(scratch.path()).unwrap();
        assert_eq!(after.difference(&before).collect::<Vec<_>>(), [&new]);
    }
}
