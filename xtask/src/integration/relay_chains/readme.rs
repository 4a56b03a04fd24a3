//! The commands that the README shows for the relay.

use std::env;
use std::fs;
use std::iter;
use std::path::Path;
use std::process::Command;

use super::{Links, PATIENCE};
use crate::failure::{Failure, Trying, fail};
use crate::process::{self, Running};
use crate::test::BUILD;

/// Runs each use case as it is shown: every block in a terminal of its own, all but the last one until Ctrl-C. The
/// event that the last one sends is to be seen there or in the first one.
pub(super) fn run(links: &Links) -> Result<String, Failure> {
    let file = links.root.join("README.md");
    let text = fs::read_to_string(&file).trying(format_args!("cannot read {}", file.display()))?;
    let section = Section::parse(&text)?;
    process::output(&mut shell(links, &links.root, &section.build)?, BUILD)?;
    for (index, use_case) in section.use_cases.iter().enumerate() {
        let number = 1001 + index;
        let folder = links.folder(&format!("readme-{number}"))?;
        try_out(links, &folder, use_case, number)
            .map_err(|failure| Failure::Failed(format!("\"{}\": {failure}", use_case.title)))?;
    }
    let blocks: usize = section.use_cases.iter().map(|use_case| use_case.terminals.len()).sum();
    Ok(format!("{} use cases in {blocks} blocks, run as shown", section.use_cases.len()))
}

fn try_out(links: &Links, folder: &Path, use_case: &UseCase, number: usize) -> Result<(), Failure> {
    let Some((last, servers)) = use_case.terminals.split_last() else {
        fail!("there are no commands");
    };
    if !last.contains(&number.to_string()) {
        fail!("order {number} is not placed");
    }
    let mut running = Vec::new();
    for block in servers {
        let mut process = Running::captured(&mut shell(links, folder, block)?)?;
        if block.contains("redis-server") {
            see(&mut process, "Ready to accept connections")?;
        } else {
            process.expect_complaint(" listens on ", PATIENCE)?;
        }
        running.push(process);
    }
    let event = format!("order {number} placed");
    let shown = process::output(&mut shell(links, folder, last)?, PATIENCE)?;
    if let Some(first) = running.first_mut().filter(|_| !shown.contains(&event)) {
        see(first, &event)?;
    }
    // Whoever sends ends before whom he sends to, so that everything is delivered.
    for mut process in running.into_iter().rev() {
        process.signal("INT")?;
        process.succeed(PATIENCE)?;
    }
    Ok(())
}

/// Waits for a line that contains a text.
fn see(process: &mut Running, text: &str) -> Result<(), Failure> {
    while let Some(line) = process.next_line(PATIENCE)? {
        if line.contains(text) {
            return Ok(());
        }
    }
    Err(process.fault(&format!("ended without showing `{text}`")))
}

/// A shell that finds the relay that was built, wherever the target folder is.
fn shell(links: &Links, folder: &Path, commands: &str) -> Result<Command, Failure> {
    let path = env::var_os("PATH").unwrap_or_default();
    let folders = iter::once(links.program.path().parent().unwrap_or(&links.root).to_owned());
    let path = env::join_paths(folders.chain(env::split_paths(&path)))
        .map_err(|error| Failure::because("the PATH cannot be set", error))?;
    let mut shell = Command::new("bash");
    shell.args(["-e", "-c", commands]).current_dir(folder).env("PATH", path);
    Ok(shell)
}

/// What the README shows of the relay.
#[derive(Debug, PartialEq)]
struct Section {
    /// The block that brings the relay.
    build: String,
    use_cases: Vec<UseCase>,
}

/// The blocks below a heading.
#[derive(Debug, PartialEq)]
struct UseCase {
    title: String,
    terminals: Vec<String>,
}

impl Section {
    fn parse(text: &str) -> Result<Self, Failure> {
        let sections = text.split("\n## ");
        let Some(section) = sections.into_iter().find(|section| section.contains("### What pysyslog does"))
        else {
            fail!("the README has no section on the relay");
        };
        let mut parts = section.split("\n### ");
        let build = parts.next().map(blocks).unwrap_or_default().concat();
        let use_cases: Vec<UseCase> = parts
            .map(|part| UseCase {
                title: part.lines().next().unwrap_or_default().to_owned(),
                terminals: blocks(part),
            })
            .filter(|use_case| !use_case.terminals.is_empty())
            .collect();
        if build.is_empty() || use_cases.len() < USE_CASES {
            fail!("the README shows {} use cases of the relay, and not {USE_CASES}", use_cases.len());
        }
        Ok(Self { build, use_cases })
    }
}

/// What stands between fences that are marked as of a shell.
fn blocks(text: &str) -> Vec<String> {
    let fenced = text.split("```sh\n").skip(1);
    fenced.filter_map(|rest| Some(rest.split_once("```")?.0.to_owned())).collect()
}

const USE_CASES: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_blocks_below_each_heading_are_found() {
        let use_case = |title: &str, blocks: &str| format!("\n### {title}\n\n{blocks}\nText.\n");
        let text = format!(
            "# Title\n```sh\nno\n```\n\n## A relay\n\n```sh\nbuild\n```\n{}{}{}{}{}\n## Next\n```sh\nno\n```\n",
            use_case("What pysyslog does", "```sh\na\nb\n```\n\n```sh\nc\n```"),
            use_case("Two", "```sh\nd\n```"),
            use_case("Three", "```sh\ne\n```"),
            use_case("Four", "```sh\nf\n```"),
            use_case("Five", "```text\nno\n```"),
        );
        let section = Section::parse(&text).unwrap();
        assert_eq!(section.build, "build\n");
        assert_eq!(section.use_cases.len(), 4);
        assert_eq!(section.use_cases[0].title, "What pysyslog does");
        assert_eq!(section.use_cases[0].terminals, ["a\nb\n", "c\n"]);
        assert!(Section::parse("# Title\n## Other\n").is_err());
    }
}
