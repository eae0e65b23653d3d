//! A report as a page of Markdown.

use std::fmt;

use super::Report;

/// Prints as Markdown.
pub(super) struct Markdown<'a>(pub(super) &'a Report);

impl fmt::Display for Markdown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.0;
        writeln!(f, "# Conformance\n\n{}\n\ntook: {:.1} s", report.numbers(), report.took.as_secs_f64())?;
        let mut failed = report.failed_cells().peekable();
        if failed.peek().is_some() {
            writeln!(f, "\n## Failed\n")?;
        }
        for (cell, row, why) in failed {
            writeln!(f, "- **{}** on `{}`. {}", row.name, report.column_name(cell), row.says)?;
            writeln!(f, "\n  ```text\n{}\n  ```", indented(why))?;
        }
        self.table(f)?;
        let mut known = report.known_cells().peekable();
        if known.peek().is_some() {
            writeln!(f, "\n## Known failures\n")?;
        }
        for (cell, row, why) in known {
            writeln!(f, "- **{}** on `{}`: {why}", row.name, report.column_name(cell))?;
        }
        writeln!(f, "\n## Slowest\n")?;
        for (cell, row) in report.slowest() {
            writeln!(f, "- {} ms: {} on `{}`", cell.took.as_millis(), row.name, report.column_name(cell))?;
        }
        let Some(sabotage) = &report.sabotage else { return Ok(()) };
        writeln!(f, "\n## Saboteurs\n\n{}\n", sabotage.summary())?;
        for (promise, broken_by) in sabotage.rows() {
            writeln!(f, "- **{promise}** is broken by who {}", broken_by.join("; "))?;
        }
        Ok(())
    }
}

impl Markdown<'_> {
    /// One table for each subject.
    fn table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut subject = None;
        for (row, cells) in self.0.table() {
            if subject != Some(row.subject) {
                subject = Some(row.subject);
                let title = if row.subject.is_empty() { "Promises" } else { row.subject };
                let columns = self.0.columns.join("` | `");
                writeln!(f, "\n## {title}\n\n| promise | `{columns}` | ms at most |")?;
                writeln!(f, "|---|{}---:|", ":-:|".repeat(self.0.columns.len()))?;
            }
            write!(f, "| {} |", row.name.replace('|', "\\|"))?;
            for cell in &cells {
                write!(f, " {} |", cell.map_or("", |cell| cell.outcome.sign()))?;
            }
            let slowest = cells.iter().flatten().map(|cell| cell.took.as_millis()).max().unwrap_or(0);
            writeln!(f, " {slowest} |")?;
        }
        Ok(())
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("  {line}")).collect::<Vec<_>>().join("\n")
}
