use std::time::Duration;

/// What libtest wrote about its tests.
#[derive(Debug, Default)]
pub(super) struct Report {
    pub(super) passed: usize,
    pub(super) failed: usize,
    ignored: Vec<String>,
    /// Name and duration of the tests that ran.
    times: Vec<(String, Duration)>,
    /// Tests whose duration must be known: those that were run with `--report-time`.
    timed: usize,
    /// Binaries that were begun and wrote no closing line.
    unfinished: Vec<String>,
}

impl Report {
    /// Begins a binary, `timed` if it was started with `--report-time`.
    pub(super) fn begin<'r>(&'r mut self, binary: &str, timed: bool) -> Reading<'r> {
        self.unfinished.push(binary.to_owned());
        Reading { report: self, timed }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
        self.timed += other.timed;
        self.ignored.extend(other.ignored);
        self.times.extend(other.times);
        self.unfinished.extend(other.unfinished);
    }

    /// Everything that makes the run a failure, one sentence each.
    pub(super) fn faults(&self, slowest_allowed: Duration) -> Vec<String> {
        let mut faults = Vec::new();
        if self.failed > 0 {
            faults.push(format!("{} failed", self.failed));
        }
        if !self.unfinished.is_empty() {
            faults.push(format!("did not finish: {}", self.unfinished.join(", ")));
        }
        if !self.ignored.is_empty() {
            faults.push(format!("ignored: {}", self.ignored.join(", ")));
        }
        for (name, took) in &self.times {
            if *took > slowest_allowed {
                faults.push(format!(
                    "{name} took {:.1} s, {} s are allowed",
                    took.as_secs_f64(),
                    slowest_allowed.as_secs()
                ));
            }
        }
        if self.times.len() < self.timed {
            faults.push(format!(
                "{} of {} tests told how long they took: does a test write to standard output from a process of its own?",
                self.times.len(),
                self.timed
            ));
        }
        faults
    }

    pub(super) fn remark(&self) -> String {
        let slowest = self.times.iter().max_by_key(|(_, took)| *took);
        let mut remark = format!("{} passed", self.passed);
        if let Some((name, took)) = slowest {
            remark.push_str(&format!(", slowest {:.1} s: {name}", took.as_secs_f64()));
        }
        remark
    }
}

/// One binary, line by line.
#[derive(Debug)]
pub(super) struct Reading<'r> {
    report: &'r mut Report,
    timed: bool,
}

impl Reading<'_> {
    pub(super) fn line(&mut self, line: &str) {
        if let Some(closing) = line.strip_prefix("test result: ") {
            let passed = count(closing, " passed");
            let failed = count(closing, " failed");
            self.report.passed += passed;
            self.report.failed += failed;
            self.report.timed += if self.timed { passed + failed } else { 0 };
            self.report.unfinished.pop();
        } else if let Some((name, result)) =
            line.strip_prefix("test ").and_then(|line| line.split_once(" ... "))
        {
            if result.starts_with("ignored") {
                self.report.ignored.push(name.to_owned());
            } else if let Some(took) = duration(result) {
                self.report.times.push((name.to_owned(), took));
            }
        }
    }
}

/// The number before ` passed` in `ok. 12 passed; 0 failed; …`.
fn count(closing: &str, what: &str) -> usize {
    closing
        .split(';')
        .filter_map(|part| part.strip_suffix(what))
        .filter_map(|part| part.split_whitespace().last())
        .find_map(|number| number.parse().ok())
        .unwrap_or_default()
}

/// The duration in `ok <0.012s>`.
fn duration(result: &str) -> Option<Duration> {
    let (_, time) = result.rsplit_once('<')?;
    let seconds = time.trim_end().strip_suffix("s>")?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &str, timed: bool) -> Report {
        let mut report = Report::default();
        let mut reading = report.begin("codec", timed);
        lines.lines().for_each(|line| reading.line(line));
        report
    }

    const LIMIT: Duration = Duration::from_secs(10);

    #[test]
    fn a_clean_run_has_no_faults_and_names_the_slowest_test() {
        let report = read(
            "\nrunning 3 tests\n\
             test frame::one ... ok <0.002s>\n\
             test frame::two - should panic ... ok <9.900s>\n\
             test frame::three has been running for over 60 seconds\n\
             test frame::three ... ok <0.000s>\n\
             \ntest result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 9.90s\n",
            true,
        );
        assert_eq!(report.faults(LIMIT), [""; 0]);
        assert_eq!(report.remark(), "3 passed, slowest 9.9 s: frame::two - should panic");
    }

    #[test]
    fn failed_ignored_slow_and_unfinished_tests_are_faults() {
        let report = read(
            "test a ... FAILED <0.100s>\n\
             test b ... ignored, needs a server\n\
             test c ... ok <10.001s>\n\
             test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out; finished in 10.00s\n",
            true,
        );
        assert_eq!(report.faults(LIMIT), ["1 failed", "ignored: b", "c took 10.0 s, 10 s are allowed"]);

        let report = read("running 1 test\n", true);
        assert_eq!(report.faults(LIMIT), ["did not finish: codec"]);
    }

    #[test]
    fn a_test_of_unknown_duration_is_a_fault_where_durations_are_asked_for() {
        let lines = "test a ... ok\ntest result: ok. 1 passed; 0 failed; 0 ignored\n";
        assert!(read(lines, true).faults(LIMIT)[0].starts_with("0 of 1 tests told"));
        assert_eq!(read(lines, false).faults(LIMIT), [""; 0]);
    }
}
