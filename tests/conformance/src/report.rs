//! What a run brought, as a table for a person and numbers for a machine.

use std::fmt;
use std::time::Duration;

/// What a run of the matrix brought. Prints as a table, its failures, and one line of numbers.
#[derive(Clone, Debug)]
pub struct Report {
    rows: Vec<&'static str>,
    columns: Vec<String>,
    cells: Vec<Cell>,
}

/// One promise on one road with one codec.
#[derive(Clone, Debug)]
pub(crate) struct Cell {
    pub(crate) row: usize,
    pub(crate) column: usize,
    pub(crate) outcome: Outcome,
    pub(crate) took: Duration,
}

/// How a cell ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Failed(String),
    KnownFailure(String),
    /// The road does not claim what the promise needs.
    NotApplicable,
    Passed,
}

impl Report {
    pub(crate) fn new(rows: Vec<&'static str>, columns: Vec<String>, mut cells: Vec<Cell>) -> Self {
        cells.sort_unstable_by_key(|cell| (cell.row, cell.column));
        Self { rows, columns, cells }
    }

    /// True if nothing failed that was not known to.
    pub fn is_kept(&self) -> bool {
        self.failed() == 0
    }

    /// Cells that failed, or that passed although they are known failures.
    pub fn failed(&self) -> usize {
        self.count(|outcome| matches!(outcome, Outcome::Failed(_)))
    }

    fn count(&self, wanted: impl Fn(&Outcome) -> bool) -> usize {
        self.cells.iter().filter(|cell| wanted(&cell.outcome)).count()
    }

    fn row_name(&self, cell: &Cell) -> &str {
        self.rows.get(cell.row).copied().unwrap_or_default()
    }

    fn column_name(&self, cell: &Cell) -> &str {
        self.columns.get(cell.column).map_or("", String::as_str)
    }

    fn write_table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.iter().map(|row| row.chars().count()).max().unwrap_or(0);
        for (number, column) in self.columns.iter().enumerate() {
            writeln!(f, "{:width$}  {}┌ {column}", "", "│ ".repeat(number))?;
        }
        for (number, row) in self.rows.iter().enumerate() {
            let of_row: Vec<_> = self.cells.iter().filter(|cell| cell.row == number).collect();
            if of_row.is_empty() {
                continue;
            }
            write!(f, "{row:width$}  ")?;
            for column in 0..self.columns.len() {
                let cell = of_row.iter().find(|cell| cell.column == column);
                write!(f, "{} ", cell.map_or(" ", |cell| cell.outcome.sign()))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }

    fn write_details(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for cell in &self.cells {
            let (title, why) = match &cell.outcome {
                Outcome::Failed(why) => ("FAILED", why),
                Outcome::KnownFailure(why) => ("known failure", why),
                Outcome::NotApplicable | Outcome::Passed => continue,
            };
            writeln!(f, "{title}: {} on {}\n    {why}", self.row_name(cell), self.column_name(cell))?;
        }
        Ok(())
    }

    /// The cells that took longest.
    fn write_slowest(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut cells: Vec<_> = self.cells.iter().collect();
        cells.sort_unstable_by_key(|cell| std::cmp::Reverse(cell.took));
        for cell in cells.iter().take(SLOWEST) {
            let millis = cell.took.as_millis();
            writeln!(f, "slowest: {millis} ms for {} on {}", self.row_name(cell), self.column_name(cell))?;
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_table(f)?;
        writeln!(f)?;
        self.write_details(f)?;
        self.write_slowest(f)?;
        let mut rows: Vec<_> = self.cells.iter().map(|cell| cell.row).collect();
        rows.dedup();
        let cells = self.count(|outcome| *outcome != Outcome::NotApplicable);
        let passed = self.count(|outcome| *outcome == Outcome::Passed);
        let known = self.count(|outcome| matches!(outcome, Outcome::KnownFailure(_)));
        let failed = self.failed();
        write!(
            f,
            "promises: {}, cells: {cells}, passed: {passed}, known failures: {known}, failed: {failed}",
            rows.len()
        )
    }
}

/// How many slow cells are named.
const SLOWEST: usize = 5;

impl Outcome {
    fn sign(&self) -> &'static str {
        match self {
            Self::Failed(_) => "✗",
            Self::KnownFailure(_) => "k",
            Self::NotApplicable => "–",
            Self::Passed => "✓",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_counts_every_cell_once() {
        let cell = |row, column, outcome| Cell { row, column, outcome, took: Duration::ZERO };
        let cells = vec![
            cell(1, 0, Outcome::Failed("why".into())),
            cell(0, 0, Outcome::Passed),
            cell(0, 1, Outcome::KnownFailure("because".into())),
            cell(1, 1, Outcome::NotApplicable),
        ];
        let report = Report::new(vec!["one", "two"], vec!["a".into(), "b".into()], cells);
        let text = report.to_string();
        let last = text.lines().last().unwrap();
        assert_eq!(last, "promises: 2, cells: 3, passed: 1, known failures: 1, failed: 1");
        assert!(text.contains("FAILED: two on a\n    why"));
        assert!(!report.is_kept());
    }
}
