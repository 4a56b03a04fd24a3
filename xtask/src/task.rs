use std::process::ExitCode;

use crate::arguments::Arguments;
use crate::failure::Failure;
use crate::{
    backlog, bench, ci, deliver, demo, flood, fuzz, integration, kills, powercut, receive, screenshot, send,
    test,
};

/// Every task, in the order in which `cargo xtask help` lists them.
const TASKS: &[&Task] = &[
    &demo::TASK,
    &test::TASK,
    &integration::TASK,
    &fuzz::TASK,
    &kills::TASK,
    &flood::TASK,
    &powercut::TASK,
    &backlog::TASK,
    &bench::TASK,
    &receive::TASK,
    &send::TASK,
    &deliver::TASK,
    &screenshot::TASK,
    &ci::TASK,
];

/// One line of the table of tasks.
#[derive(Debug)]
pub(crate) struct Task {
    pub(crate) name: &'static str,
    /// One line for the list of tasks.
    pub(crate) summary: &'static str,
    /// How the operands are shown, such as `[AREA]`; empty if the task takes none.
    pub(crate) operands: &'static str,
    pub(crate) flags: &'static [Flag],
    /// The paragraphs of `cargo xtask help TASK` below the usage line.
    pub(crate) help: &'static str,
    pub(crate) run: fn(&Arguments) -> Result<(), Failure>,
}

#[derive(Debug)]
pub(crate) struct Flag {
    /// With its dashes.
    pub(crate) name: &'static str,
    /// What the value is called; empty if the flag takes none.
    pub(crate) value: &'static str,
    pub(crate) help: &'static str,
}

/// Runs the task that the command line names.
pub(crate) fn dispatch(command_line: impl IntoIterator<Item = String>) -> ExitCode {
    match run(command_line.into_iter()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            match failure {
                Failure::Usage(_) => ExitCode::from(2),
                Failure::Failed(_) => ExitCode::FAILURE,
            }
        }
    }
}

fn run(mut command_line: impl Iterator<Item = String>) -> Result<(), Failure> {
    let Some(name) = command_line.next() else {
        print!("{}", overview());
        return Err(Failure::Usage("name a task".to_owned()));
    };
    if matches!(name.as_str(), "help" | "--help" | "-h") {
        match command_line.next() {
            Some(task) => print!("{}", help(find(&task)?)),
            None => print!("{}", overview()),
        }
        return Ok(());
    }

    let task = find(&name)?;
    let arguments: Vec<String> = command_line.collect();
    if arguments.iter().any(|argument| argument == "--help" || argument == "-h") {
        print!("{}", help(task));
        return Ok(());
    }
    (task.run)(&Arguments::parse(task, arguments)?)
}

fn find(name: &str) -> Result<&'static Task, Failure> {
    TASKS.iter().copied().find(|task| task.name == name).ok_or_else(|| {
        let known: Vec<&str> = TASKS.iter().map(|task| task.name).collect();
        Failure::Usage(format!("there is no task `{name}`; there is: {}, help", known.join(", ")))
    })
}

fn overview() -> String {
    let mut text = String::from("usage: cargo xtask TASK [FLAGS]\n\n");
    for task in TASKS {
        text.push_str(&format!("  {:<13}{}\n", task.name, task.summary));
    }
    text.push_str("  help [TASK]  this list, or a task in detail\n");
    text
}

fn help(task: &Task) -> String {
    let mut usage = format!("usage: cargo xtask {}", task.name);
    let shown: Vec<String> =
        task.flags.iter().map(|flag| format!("{} {}", flag.name, flag.value).trim_end().to_owned()).collect();
    let width = shown.iter().map(String::len).max().unwrap_or_default();
    let mut flags = String::new();
    for (flag, shown) in task.flags.iter().zip(shown) {
        usage.push_str(&format!(" [{shown}]"));
        flags.push_str(&format!("  {shown:<width$}  {}\n", flag.help));
    }
    if !task.operands.is_empty() {
        usage.push_str(&format!(" {}", task.operands));
    }
    let flags = if flags.is_empty() { flags } else { format!("\n{flags}") };
    format!("{usage}\n\n{}\n\n{}\n{flags}", task.summary, task.help)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(line: &str) -> Result<(), Failure> {
        run(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn the_table_is_complete_and_without_doubles() {
        for (index, task) in TASKS.iter().enumerate() {
            assert!(!task.summary.is_empty() && !task.summary.ends_with('.'));
            assert!(task.help.len() > 80, "{} needs its help", task.name);
            assert!(TASKS[..index].iter().all(|other| other.name != task.name));
            assert!(overview().contains(task.name));
            let help = help(task);
            for flag in task.flags {
                assert!(flag.name.starts_with("--") && !flag.help.is_empty());
                assert!(help.contains(flag.help));
            }
        }
    }

    #[test]
    fn an_unknown_task_is_refused_with_the_list_of_tasks() {
        for line in ["brew", "help brew"] {
            let failure = command(line).unwrap_err();
            assert!(matches!(failure, Failure::Usage(_)));
            let message = failure.to_string();
            assert!(message.starts_with("there is no task `brew`; there is: "), "{message}");
            assert!(TASKS.iter().all(|task| message.contains(task.name)), "{message}");
            assert!(message.ends_with(", help"));
        }
    }

    #[test]
    fn every_task_has_help_on_both_ways() {
        for task in TASKS {
            command(&format!("help {}", task.name)).unwrap();
            command(&format!("{} --help", task.name)).unwrap();
        }
    }

    #[test]
    fn an_unknown_flag_stops_a_task_before_it_does_anything() {
        for task in TASKS {
            let failure = command(&format!("{} --no-such-flag", task.name)).unwrap_err();
            assert!(matches!(failure, Failure::Usage(_)), "{failure}");
        }
    }
}
