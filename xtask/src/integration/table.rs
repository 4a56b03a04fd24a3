use std::fmt;

/// What every pair of a client and a server is to do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Column {
    OneWindow,
    ThreeWindows,
    FullWindow,
    Compressed,
    Plain,
    Keepalives,
    Restart,
}

impl Column {
    const ALL: [Self; 7] = [
        Self::OneWindow,
        Self::ThreeWindows,
        Self::FullWindow,
        Self::Compressed,
        Self::Plain,
        Self::Keepalives,
        Self::Restart,
    ];

    /// What is compressed at any other level is plain at level 0.
    pub(super) const fn at(self, level: u32) -> Self {
        match self {
            Self::Compressed if level == 0 => Self::Plain,
            column => column,
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::OneWindow => "1 window",
            Self::ThreeWindows => "3 windows",
            Self::FullWindow => "2,048 events",
            Self::Compressed => "compressed",
            Self::Plain => "level 0",
            Self::Keepalives => "keepalives",
            Self::Restart => "restart",
        }
    }
}

/// What stands in a cell; of several outcomes the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Mark {
    NotApplicable,
    Passed,
    ExpectedFailure,
    Skipped,
    Failed,
}

impl Mark {
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::NotApplicable => "n/a",
            Self::Passed => "ok",
            Self::ExpectedFailure => "expected failure",
            Self::Skipped => "SKIPPED",
            Self::Failed => "FAILED",
        }
    }
}

/// The matrix: a row for each pair, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Vec<(String, [Option<Mark>; Column::ALL.len()])>,
}

impl Table {
    pub(super) fn mark(&mut self, pair: &str, column: Column, mark: Mark) {
        let cell = &mut self.row(pair)[column as usize];
        *cell = (*cell).max(Some(mark));
    }

    /// A pair none of which can be run here.
    pub(super) fn skip(&mut self, pair: &str) {
        *self.row(pair) = [Some(Mark::Skipped); Column::ALL.len()];
    }

    fn row(&mut self, pair: &str) -> &mut [Option<Mark>; Column::ALL.len()] {
        let index = self.rows.iter().position(|(name, _)| name == pair).unwrap_or_else(|| {
            self.rows.push((pair.to_owned(), [None; Column::ALL.len()]));
            self.rows.len() - 1
        });
        &mut self.rows[index].1
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut lines = vec![vec!["client -> server"]];
        lines[0].extend(Column::ALL.map(Column::title));
        for (pair, marks) in &self.rows {
            let mut line = vec![pair.as_str()];
            line.extend(marks.map(|mark| mark.map_or("not run", Mark::word)));
            lines.push(line);
        }
        let widths: Vec<usize> = (0..=Column::ALL.len())
            .map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or_default())
            .collect();
        for line in lines {
            let cells: Vec<String> =
                line.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}")).collect();
            writeln!(f, "{}", cells.join(" | ").trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_shows_the_worst_of_its_outcomes() {
        let mut table = Table::default();
        table.mark("a -> b", Column::OneWindow, Mark::Passed);
        table.mark("a -> b", Column::Restart, Mark::Failed);
        table.mark("a -> b", Column::Restart, Mark::Passed);
        table.mark("a -> b", Column::Keepalives, Mark::ExpectedFailure);
        table.mark("a -> b", Column::Plain, Mark::NotApplicable);
        table.skip("c");
        let text = table.to_string();
        let cells: Vec<Vec<&str>> =
            text.lines().map(|line| line.split('|').map(str::trim).collect()).collect();
        assert_eq!(
            cells[0],
            [
                "client -> server",
                "1 window",
                "3 windows",
                "2,048 events",
                "compressed",
                "level 0",
                "keepalives",
                "restart"
            ]
        );
        assert_eq!(
            cells[1],
            ["a -> b", "ok", "not run", "not run", "not run", "n/a", "expected failure", "FAILED"]
        );
        assert_eq!(
            cells[2],
            ["c", "SKIPPED", "SKIPPED", "SKIPPED", "SKIPPED", "SKIPPED", "SKIPPED", "SKIPPED"]
        );
    }

    #[test]
    fn the_columns_stand_in_their_own_order() {
        for (index, column) in Column::ALL.into_iter().enumerate() {
            assert_eq!(column as usize, index);
        }
    }
}
