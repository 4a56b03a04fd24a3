use serde_json::{Value, json};

use crate::failure::{Failure, fail};
use crate::peers::Missing;

/// What came out of each case with each peer.
#[derive(Debug, Default)]
pub(super) struct Report {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    peer: String,
    version: String,
    case: String,
    status: Status,
    detail: String,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Status {
    Passed,
    Failed,
    Skipped,
}

impl Report {
    /// Takes the outcome of one case; what it returned is its detail.
    pub(super) fn record(&mut self, peer: &str, version: &str, case: &str, outcome: Result<String, Failure>) {
        let (status, detail) = match outcome {
            Ok(detail) => (Status::Passed, detail),
            Err(failure) => (Status::Failed, failure.to_string()),
        };
        self.add(Row {
            peer: peer.to_owned(),
            version: version.to_owned(),
            case: case.to_owned(),
            status,
            detail,
        });
    }

    pub(super) fn skip(&mut self, peer: &str, missing: &Missing) {
        self.add(Row {
            peer: peer.to_owned(),
            version: String::new(),
            case: "all cases".to_owned(),
            status: Status::Skipped,
            detail: missing.to_string(),
        });
    }

    fn add(&mut self, row: Row) {
        println!("{:<8}{} {} | {} | {}", row.status.word(), row.peer, row.version, row.case, row.detail);
        self.rows.push(row);
    }

    pub(super) fn to_json(&self) -> Value {
        self.rows
            .iter()
            .map(|row| {
                json!({
                    "peer": row.peer,
                    "version": row.version,
                    "case": row.case,
                    "status": row.status.word().to_lowercase(),
                    "detail": row.detail,
                })
            })
            .collect()
    }

    /// Prints the totals; a failed case is a failure, and so is a skipped peer that was required.
    pub(super) fn finish(&self, required: &[&str]) -> Result<(), Failure> {
        println!(
            "\n{} passed, {} failed, {} peers skipped",
            self.count(Status::Passed),
            self.count(Status::Failed),
            self.count(Status::Skipped)
        );
        for row in self.with(Status::Skipped) {
            println!("SKIPPED {}: {}", row.peer, row.detail);
        }

        let mut faults: Vec<String> =
            self.with(Status::Failed).map(|row| format!("{}: {} failed", row.peer, row.case)).collect();
        faults.extend(
            self.with(Status::Skipped)
                .filter(|row| required.contains(&row.peer.as_str()))
                .map(|row| format!("{} is required and missing: {}", row.peer, row.detail)),
        );
        if self.count(Status::Passed) == 0 && faults.is_empty() {
            println!("NOTHING WAS TESTED: none of the peers can run here");
        }
        if !faults.is_empty() {
            fail!("{}", faults.join("; "));
        }
        Ok(())
    }

    fn with(&self, status: Status) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.status == status)
    }

    fn count(&self, status: Status) -> usize {
        self.with(status).count()
    }
}

impl Status {
    fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "FAILED",
            Self::Skipped => "SKIPPED",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let mut report = Report::default();
        report.record("a", "1.0", "one event", Ok("exact".to_owned()));
        report.skip("b", &Missing { reason: "there is no b".to_owned(), remedy: "install b" });
        report
    }

    #[test]
    fn a_missing_peer_fails_only_where_it_is_required() {
        report().finish(&[]).unwrap();
        report().finish(&["a"]).unwrap();
        let failure = report().finish(&["a", "b"]).unwrap_err();
        assert_eq!(failure.to_string(), "b is required and missing: there is no b; to get it: install b");
    }

    #[test]
    fn a_failed_case_is_a_failure() {
        let mut report = report();
        report.record("a", "1.0", "two", Err(Failure::Failed("lost 3".to_owned())));
        assert_eq!(report.finish(&[]).unwrap_err().to_string(), "a: two failed");
    }

    #[test]
    fn the_rows_are_told_as_json() {
        assert_eq!(
            report().to_json(),
            json!([
                {"peer": "a", "version": "1.0", "case": "one event", "status": "passed", "detail": "exact"},
                {"peer": "b", "version": "", "case": "all cases", "status": "skipped",
                 "detail": "there is no b; to get it: install b"},
            ])
        );
    }
}
