use std::fmt::Write;
use std::time::{Duration, Instant};

use crate::failure::{Failure, fail};

/// The steps of a task: all of them run, also after one failed, and the summary tells how each of them went.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    done: Vec<Step>,
}

#[derive(Debug)]
struct Step {
    name: String,
    took: Duration,
    /// A remark, or what went wrong.
    outcome: Result<String, String>,
}

impl Steps {
    /// Runs one step; what it returns is its remark in the summary.
    pub(crate) fn run(&mut self, name: &str, step: impl FnOnce() -> Result<String, Failure>) {
        eprintln!("\n== {name}");
        let started = Instant::now();
        let outcome = step().map_err(|failure| failure.to_string());
        if let Err(failure) = &outcome {
            eprintln!("== {name} FAILED: {failure}");
        }
        self.done.push(Step { name: name.to_owned(), took: started.elapsed(), outcome });
    }

    /// Prints the summary; one failed step fails the task.
    pub(crate) fn finish(self, task: &str) -> Result<(), Failure> {
        println!("\n{}", self.summary(task));
        let failed: Vec<&str> =
            self.done.iter().filter(|step| step.outcome.is_err()).map(|step| step.name.as_str()).collect();
        if !failed.is_empty() {
            fail!("{task}: failed: {}", failed.join(", "));
        }
        Ok(())
    }

    fn summary(&self, task: &str) -> String {
        let mut text = format!("summary of {task}:\n");
        let mut total = Duration::ZERO;
        for step in &self.done {
            total += step.took;
            let (verdict, remark) = match &step.outcome {
                Ok(remark) => ("ok", remark.as_str()),
                // The first line: the rest stands above, where the step ran.
                Err(failure) => ("FAILED", failure.lines().next().unwrap_or_default()),
            };
            let _ =
                writeln!(text, "  {verdict:<8}{:<32}{:>8.1} s  {remark}", step.name, step.took.as_secs_f64());
        }
        let _ = write!(text, "  {:<40}{:>8.1} s", "total", total.as_secs_f64());
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_does_not_stop_the_next_one_and_fails_the_task() {
        let mut steps = Steps::default();
        steps.run("one", || Ok("12 of 12".to_owned()));
        steps.run("two", || Err(Failure::Failed("no disk\n    | details".to_owned())));
        steps.run("three", || Ok(String::new()));

        let summary = steps.summary("work");
        let lines: Vec<&str> = summary.lines().collect();
        assert_eq!(lines.len(), 5, "{summary}");
        assert!(lines[1].starts_with("  ok      one ") && lines[1].ends_with("12 of 12"));
        assert!(lines[2].starts_with("  FAILED  two ") && lines[2].ends_with("no disk"));
        assert!(lines[3].starts_with("  ok      three "));

        let failure = steps.finish("work").unwrap_err();
        assert_eq!(failure.to_string(), "work: failed: two");
    }
}
