use serde_json::{Value, json};

use super::target::Target;
use crate::failure::Failure;

/// Ours against one peer: pairs of figures that were measured in alternation.
#[derive(Debug)]
pub(super) struct Comparison {
    pub(super) area: &'static str,
    pub(super) name: String,
    pub(super) peer: &'static str,
    pub(super) unit: &'static str,
    pub(super) higher_is_better: bool,
    /// Ours and the peer's figure of each run.
    pub(super) runs: Vec<(f64, f64)>,
}

impl Comparison {
    pub(super) fn ours(&self) -> Spread {
        Spread::of(self.runs.iter().map(|(ours, _)| *ours))
    }

    pub(super) fn theirs(&self) -> Spread {
        Spread::of(self.runs.iter().map(|(_, theirs)| *theirs))
    }

    /// Ours divided by the peer's, run by run: what slows the machine down slows down both figures of a pair.
    pub(super) fn ratio(&self) -> Spread {
        Spread::of(self.runs.iter().map(|(ours, theirs)| ours / theirs))
    }

    pub(super) fn to_json(&self) -> Value {
        let ratio = self.ratio();
        json!({
            "area": self.area,
            "name": self.name,
            "ours": self.ours().median,
            "peer_name": self.peer,
            "peer": self.theirs().median,
            "unit": self.unit,
            "higher_is_better": self.higher_is_better,
            "ratio_median": ratio.median,
            "ratio_min": ratio.min,
            "ratio_max": ratio.max,
            "target": Target::of(self).map(|target| target.verdict(ratio.median)),
            "runs": self.runs.len(),
        })
    }
}

/// Median and extremes of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Spread {
    pub(super) median: f64,
    pub(super) min: f64,
    pub(super) max: f64,
}

impl Spread {
    /// # Panics
    ///
    /// If there are no figures.
    pub(super) fn of(figures: impl Iterator<Item = f64>) -> Self {
        let mut figures: Vec<f64> = figures.collect();
        figures.sort_by(f64::total_cmp);
        let middle = figures.len() / 2;
        let median = if figures.len() % 2 == 1 {
            figures[middle]
        } else {
            f64::midpoint(figures[middle - 1], figures[middle])
        };
        Self { median, min: figures[0], max: figures[figures.len() - 1] }
    }
}

/// One side of a comparison: runs once and returns its figure, or several.
pub(super) type Side<'a, T = f64> = &'a mut dyn FnMut() -> Result<T, Failure>;

/// Runs all sides in turn, `runs` times, after one round that does not count. The returned rows are the runs, the
/// columns the sides. The order turns around with every round, so that no side always runs on a warmer machine.
pub(super) fn alternate<T>(runs: usize, sides: &mut [Side<'_, T>]) -> Result<Vec<Vec<T>>, Failure> {
    let mut rounds = Vec::with_capacity(runs);
    for round in 0..=runs {
        let forward = round % 2 == 0;
        let mut order: Vec<_> = sides.iter_mut().collect();
        if !forward {
            order.reverse();
        }
        let mut figures = order.into_iter().map(|side| side()).collect::<Result<Vec<T>, Failure>>()?;
        if !forward {
            figures.reverse();
        }
        if round > 0 {
            rounds.push(figures);
        }
    }
    Ok(rounds)
}

/// The table for the terminal.
pub(super) fn table(comparisons: &[Comparison]) -> String {
    let mut rows = vec![
        ["area", "name", "ours", "peer", "unit", "ratio (min to max)", "target", "runs"].map(str::to_owned),
    ];
    for comparison in comparisons {
        let ratio = comparison.ratio();
        let verdict = match (comparison.higher_is_better, ratio.median > 1.0) {
            (true, true) | (false, false) => "better",
            (true, false) | (false, true) => "worse",
        };
        rows.push([
            comparison.area.to_owned(),
            comparison.name.clone(),
            thousands(comparison.ours().median),
            format!("{} {}", thousands(comparison.theirs().median), comparison.peer),
            comparison.unit.to_owned(),
            format!("{:.2} ({:.2} to {:.2}) {verdict}", ratio.median, ratio.min, ratio.max),
            Target::of(comparison).map(|target| target.verdict(ratio.median)).unwrap_or_default(),
            comparison.runs.len().to_string(),
        ]);
    }

    let mut widths = [0; 8];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (width, cell) in widths.iter().zip(row) {
            line.push_str(&format!("{cell:<width$}  "));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// How many of the targets are met; nothing where there are none.
pub(super) fn verdict(comparisons: &[Comparison]) -> String {
    let is_met = |comparison: &Comparison| Some(Target::of(comparison)?.is_met(comparison.ratio().median));
    let verdicts: Vec<bool> = comparisons.iter().filter_map(is_met).collect();
    if verdicts.is_empty() {
        return String::new();
    }
    let met = verdicts.iter().filter(|is_met| **is_met).count();
    format!("\n{met} of {} targets are met\n", verdicts.len())
}

/// `1234567.8` as `1,234,568`; below a hundred with two decimals.
fn thousands(figure: f64) -> String {
    if figure.abs() < 100.0 {
        return format!("{figure:.2}");
    }
    let digits = format!("{figure:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        let left = digits.len() - index;
        if index > 0 && left % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comparison(runs: &[(f64, f64)]) -> Comparison {
        Comparison {
            area: "emit",
            name: "one thread".to_owned(),
            peer: "std sync_channel",
            unit: "ns",
            higher_is_better: false,
            runs: runs.to_vec(),
        }
    }

    #[test]
    fn the_ratio_is_taken_run_by_run() {
        let comparison = comparison(&[(100.0, 200.0), (300.0, 300.0), (90.0, 100.0)]);
        assert_eq!(comparison.ratio(), Spread { median: 0.9, min: 0.5, max: 1.0 });
        assert_eq!(comparison.ours().median, 100.0);
        assert_eq!(comparison.theirs().median, 200.0);
    }

    #[test]
    fn the_median_of_an_even_number_lies_between_the_middle_ones() {
        let spread = Spread::of([4.0, 1.0, 3.0, 2.0].into_iter());
        assert_eq!(spread, Spread { median: 2.5, min: 1.0, max: 4.0 });
    }

    #[test]
    fn sides_take_turns_in_both_orders_and_the_first_round_does_not_count() {
        let order = std::cell::RefCell::new(String::new());
        let mut a = || {
            order.borrow_mut().push('a');
            Ok(1.0)
        };
        let mut b = || {
            order.borrow_mut().push('b');
            Ok(2.0)
        };
        let rounds = alternate(3, &mut [&mut a, &mut b]).unwrap();
        assert_eq!(rounds, [[1.0, 2.0]; 3]);
        assert_eq!(*order.borrow(), "abbaabba");
    }

    #[test]
    fn the_json_has_every_field_and_the_table_every_row() {
        let comparison = comparison(&[(100.0, 200.0), (1234.5, 617.25)]);
        assert_eq!(
            comparison.to_json(),
            json!({
                "area": "emit", "name": "one thread", "ours": 667.25, "peer_name": "std sync_channel",
                "peer": 408.625, "unit": "ns", "higher_is_better": false, "ratio_median": 1.25,
                "ratio_min": 0.5, "ratio_max": 2.0, "target": null, "runs": 2,
            })
        );
        let table = table(&[comparison]);
        let lines: Vec<&str> = table.lines().collect();
        assert_eq!(lines.len(), 2);
        assert!(lines[1].contains("667") && lines[1].contains("409 std sync_channel"));
        assert!(lines[1].contains("1.25 (0.50 to 2.00) worse"));
    }

    #[test]
    fn targets_that_are_met_are_counted() {
        let rows = |runs: &[(f64, f64)]| {
            let relay = |name: &str| Comparison {
                area: "relay",
                name: name.to_owned(),
                peer: "rsyslog",
                unit: "ns CPU/line",
                ..comparison(runs)
            };
            [relay("lines, RFC 5424"), relay("syslog as JSON"), comparison(runs)]
        };
        let all = [rows(&[(1.0, 2.0)]), rows(&[(2.0, 1.0)])].into_iter().flatten().collect::<Vec<_>>();
        assert_eq!(verdict(&all), "\n2 of 4 targets are met\n");
        assert_eq!(verdict(&[comparison(&[(1.0, 2.0)])]), "");
    }

    #[test]
    fn figures_are_readable() {
        assert_eq!(thousands(3.456), "3.46");
        assert_eq!(thousands(123.4), "123");
        assert_eq!(thousands(1234.0), "1,234");
        assert_eq!(thousands(1_234_567.8), "1,234,568");
    }
}
