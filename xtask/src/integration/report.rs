use serde_json::{Value, json};

use super::case::{Cell, Verdict};
use super::table::{Mark, Table};
use crate::failure::{Failure, fail};
use crate::peers::Missing;

/// What came out of each case with each peer.
#[derive(Debug, Default)]
pub(super) struct Report {
    rows: Vec<Row>,
    table: Table,
}

#[derive(Debug)]
struct Row {
    peer: String,
    version: String,
    case: String,
    mark: Mark,
    detail: String,
}

impl Report {
    /// Takes the outcome of one case; what it returned is its detail.
    pub(super) fn record(
        &mut self,
        peer: &str,
        version: &str,
        case: &str,
        cell: Option<&Cell>,
        outcome: Result<Verdict, Failure>,
    ) {
        let (mark, detail) = match outcome {
            Ok(Verdict::Passed(detail)) => (Mark::Passed, detail),
            Ok(Verdict::ExpectedFailure(detail)) => (Mark::ExpectedFailure, detail),
            Ok(Verdict::NotApplicable(detail)) => (Mark::NotApplicable, detail),
            Err(failure) => (Mark::Failed, failure.to_string()),
        };
        if let Some(cell) = cell {
            self.table.mark(&cell.pair, cell.column, mark);
        }
        self.add(Row {
            peer: peer.to_owned(),
            version: version.to_owned(),
            case: case.to_owned(),
            mark,
            detail,
        });
    }

    pub(super) fn skip(&mut self, peer: &str, missing: &Missing) {
        self.table.skip(peer);
        self.add(Row {
            peer: peer.to_owned(),
            version: String::new(),
            case: "all cases".to_owned(),
            mark: Mark::Skipped,
            detail: missing.to_string(),
        });
    }

    fn add(&mut self, row: Row) {
        println!("{:<18}{} {} | {} | {}", row.status(), row.peer, row.version, row.case, row.detail);
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
                    "status": row.status().to_lowercase(),
                    "detail": row.detail,
                })
            })
            .collect()
    }

    /// Prints the matrix and the totals; a failed case is a failure, and so is a skipped peer that was required.
    pub(super) fn finish(&self, required: &[&str]) -> Result<(), Failure> {
        println!(
            "\n{}\n{} passed, {} failed as expected, {} not applicable, {} failed, {} peers skipped",
            self.table,
            self.count(Mark::Passed),
            self.count(Mark::ExpectedFailure),
            self.count(Mark::NotApplicable),
            self.count(Mark::Failed),
            self.count(Mark::Skipped)
        );
        for row in self.with(Mark::Skipped) {
            println!("SKIPPED {}: {}", row.peer, row.detail);
        }

        let mut faults: Vec<String> =
            self.with(Mark::Failed).map(|row| format!("{}: {} failed", row.peer, row.case)).collect();
        faults.extend(
            self.with(Mark::Skipped)
                .filter(|row| required.contains(&row.peer.as_str()))
                .map(|row| format!("{} is required and missing: {}", row.peer, row.detail)),
        );
        if self.count(Mark::Passed) == 0 && faults.is_empty() {
            println!("NOTHING WAS TESTED: none of the peers can run here");
        }
        if !faults.is_empty() {
            fail!("{}", faults.join("; "));
        }
        Ok(())
    }

    fn with(&self, mark: Mark) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(move |row| row.mark == mark)
    }

    fn count(&self, mark: Mark) -> usize {
        self.with(mark).count()
    }
}

impl Row {
    const fn status(&self) -> &'static str {
        match self.mark {
            Mark::Passed => "passed",
            mark => mark.word(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let mut report = Report::default();
        report.record("a", "1.0", "one event", None, Ok("exact".to_owned().into()));
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
        report.record("a", "1.0", "two", None, Err(Failure::Failed("lost 3".to_owned())));
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
