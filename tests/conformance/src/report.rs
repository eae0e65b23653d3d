//! What a run brought: as a table for a terminal, as pages for a person, and as numbers for a machine.

mod html;
mod markdown;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use crate::promise::Promise;
use crate::sabotage::SabotageReport;

/// What a run of the matrix brought. Prints as a table, its failures, and one line of numbers.
#[derive(Clone, Debug)]
pub struct Report {
    rows: Vec<Row>,
    columns: Vec<String>,
    cells: Vec<Cell>,
    took: Duration,
    sabotage: Option<SabotageReport>,
}

/// One promise.
#[derive(Clone, Copy, Debug)]
struct Row {
    name: &'static str,
    says: &'static str,
    subject: &'static str,
    invariants: &'static [&'static str],
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
    pub(crate) fn new(
        promises: &[Promise],
        columns: Vec<String>,
        mut cells: Vec<Cell>,
        took: Duration,
    ) -> Self {
        cells.sort_unstable_by_key(|cell| (cell.row, cell.column));
        let rows = promises.iter().map(Row::of).collect();
        Self { rows, columns, cells, took, sabotage: None }
    }

    /// The same, with what saboteurs found.
    #[must_use]
    pub fn with_sabotage(mut self, sabotage: SabotageReport) -> Self {
        self.sabotage = Some(sabotage);
        self
    }

    /// True if nothing failed that was not known to.
    pub fn is_kept(&self) -> bool {
        self.failed() == 0
    }

    /// Cells that ran.
    pub fn cells(&self) -> usize {
        self.count(|outcome| *outcome != Outcome::NotApplicable)
    }

    /// Cells that failed, or that passed although they are known failures; and what saboteurs found.
    pub fn failed(&self) -> usize {
        let failed = self.count(|outcome| matches!(outcome, Outcome::Failed(_)));
        failed + self.sabotage.as_ref().map_or(0, SabotageReport::failed)
    }

    /// Only what failed: which promise, what it says, on which road and codec, and what came in place of what was wanted.
    pub fn failures(&self) -> String {
        let mut text = String::new();
        for (cell, row, why) in self.failed_cells() {
            let column = self.column_name(cell);
            text.push_str(&format!("FAILED: {} on {column}\n    {}\n    {why}\n", row.name, row.says));
        }
        text
    }

    /// Writes `NAME.md` and `NAME.html` into `directory`, which is made if it is not there: the table with timings, every
    /// failure with its reason, and what saboteurs found.
    ///
    /// # Errors
    /// As writing files.
    pub fn write_to(&self, directory: &Path, name: &str) -> std::io::Result<()> {
        std::fs::create_dir_all(directory)?;
        std::fs::write(directory.join(name).with_extension("md"), markdown::Markdown(self).to_string())?;
        std::fs::write(directory.join(name).with_extension("html"), html::Html(self).to_string())
    }

    fn failed_cells(&self) -> impl Iterator<Item = (&Cell, &Row, &str)> {
        self.cells.iter().filter_map(|cell| match &cell.outcome {
            Outcome::Failed(why) => Some((cell, self.rows.get(cell.row)?, why.as_str())),
            _ => None,
        })
    }

    fn known_cells(&self) -> impl Iterator<Item = (&Cell, &Row, &str)> {
        self.cells.iter().filter_map(|cell| match &cell.outcome {
            Outcome::KnownFailure(why) => Some((cell, self.rows.get(cell.row)?, why.as_str())),
            _ => None,
        })
    }

    fn count(&self, wanted: impl Fn(&Outcome) -> bool) -> usize {
        self.cells.iter().filter(|cell| wanted(&cell.outcome)).count()
    }

    fn column_name(&self, cell: &Cell) -> &str {
        self.columns.get(cell.column).map_or("", String::as_str)
    }

    /// The rows of which a cell ran, each with its cells by column.
    fn table(&self) -> impl Iterator<Item = (&Row, Vec<Option<&Cell>>)> {
        self.rows.iter().enumerate().filter_map(|(number, row)| {
            let mut cells = vec![None; self.columns.len()];
            for cell in self.cells.iter().filter(|cell| cell.row == number) {
                cells.iter_mut().skip(cell.column).take(1).for_each(|place| *place = Some(cell));
            }
            cells.iter().any(Option::is_some).then_some((row, cells))
        })
    }

    /// The cells that took longest.
    fn slowest(&self) -> impl Iterator<Item = (&Cell, &Row)> {
        let mut cells: Vec<_> = self.cells.iter().collect();
        cells.sort_unstable_by_key(|cell| std::cmp::Reverse(cell.took));
        cells.into_iter().take(SLOWEST).filter_map(|cell| Some((cell, self.rows.get(cell.row)?)))
    }

    /// The one line of numbers.
    fn numbers(&self) -> String {
        let passed = self.count(|outcome| *outcome == Outcome::Passed);
        let known = self.count(|outcome| matches!(outcome, Outcome::KnownFailure(_)));
        format!(
            "promises: {}, cells: {}, passed: {passed}, known failures: {known}, failed: {}",
            self.table().count(),
            self.cells(),
            self.failed()
        )
    }

    fn write_table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let width = self.rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
        for (number, column) in self.columns.iter().enumerate() {
            writeln!(f, "{:width$}  {}┌ {column}", "", "│ ".repeat(number))?;
        }
        for (row, cells) in self.table() {
            write!(f, "{:width$}  ", row.name)?;
            for cell in cells {
                write!(f, "{} ", cell.map_or(" ", |cell| cell.outcome.sign()))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(sabotage) = &self.sabotage {
            writeln!(f, "{sabotage}")?;
        }
        self.write_table(f)?;
        writeln!(f)?;
        f.write_str(&self.failures())?;
        for (cell, row, why) in self.known_cells() {
            writeln!(f, "known failure: {} on {}\n    {why}", row.name, self.column_name(cell))?;
        }
        for (cell, row) in self.slowest() {
            let millis = cell.took.as_millis();
            writeln!(f, "slowest: {millis} ms for {} on {}", row.name, self.column_name(cell))?;
        }
        writeln!(f, "took: {:.1} s", self.took.as_secs_f64())?;
        f.write_str(&self.numbers())
    }
}

impl Row {
    fn of(promise: &Promise) -> Self {
        Self {
            name: promise.name(),
            says: promise.says(),
            subject: promise.subject(),
            invariants: promise.invariants(),
        }
    }
}

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

/// How many slow cells are named.
const SLOWEST: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let cell = |row, column, outcome| Cell { row, column, outcome, took: Duration::from_millis(3) };
        let cells = vec![
            cell(1, 0, Outcome::Failed("got <1>, wanted 2|3".into())),
            cell(0, 0, Outcome::Passed),
            cell(0, 1, Outcome::KnownFailure("because".into())),
            cell(1, 1, Outcome::NotApplicable),
        ];
        let promise = |name, says| Promise::new(name, says, async |_| Ok(())).about("Numbers").of(&["I7"]);
        let promises = [promise("one", "One is one."), promise("two", "Two is two.")];
        Report::new(&promises, vec!["a".into(), "b".into()], cells, Duration::from_millis(1500))
    }

    #[test]
    fn the_last_line_counts_every_cell_once() {
        let text = report().to_string();
        let last = text.lines().last().unwrap();
        assert_eq!(last, "promises: 2, cells: 3, passed: 1, known failures: 1, failed: 1");
        assert!(text.contains("FAILED: two on a\n    Two is two.\n    got <1>, wanted 2|3"));
        assert!(!report().is_kept());
    }

    #[test]
    fn pages_hold_every_cell_and_reason_escaped() {
        let markdown = markdown::Markdown(&report()).to_string();
        for line in ["| one | ✓ | k | 3 |", "| two | ✗ | – | 3 |"] {
            assert!(markdown.lines().any(|known| known == line), "{line}\n{markdown}");
        }
        assert!(markdown.contains("got <1>, wanted 2|3"), "{markdown}");
        let html = html::Html(&report()).to_string();
        for part in ["got &lt;1&gt;, wanted 2|3", "promises: 2, cells: 3", "Two is two.", "I7", "because"] {
            assert!(html.contains(part), "{part}\n{html}");
        }
        for (tag, closing) in [("<tr", "</tr>"), ("<td", "</td>"), ("<section", "</section>")] {
            assert_eq!(html.matches(tag).count(), html.matches(closing).count(), "{tag}");
        }
    }

    #[test]
    fn pages_are_written_where_they_are_wanted() {
        let directory = std::env::temp_dir().join(format!("linkspan-report-{}", std::process::id()));
        report().write_to(&directory.join("deeper"), "mine").unwrap();
        for file in ["mine.md", "mine.html"] {
            let text = std::fs::read_to_string(directory.join("deeper").join(file)).unwrap();
            assert!(text.contains("promises: 2"), "{file}");
        }
        std::fs::remove_dir_all(directory).unwrap();
    }
}
