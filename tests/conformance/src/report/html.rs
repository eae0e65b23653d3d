//! A report as one page of HTML that needs nothing else.

use std::fmt;

use super::{Cell, Outcome, Report, Row};

/// Prints as HTML.
pub(super) struct Html<'a>(pub(super) &'a Report);

impl fmt::Display for Html<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let report = self.0;
        let verdict = if report.is_kept() {
            ("kept", "Every promise is kept")
        } else {
            ("broken", "Promises are broken")
        };
        writeln!(f, "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">")?;
        writeln!(f, "<meta name=\"viewport\" content=\"width=device-width\">\n<title>Conformance</title>")?;
        writeln!(
            f,
            "<style>{STYLE}</style>\n</head>\n<body>\n<h1 class=\"{}\">{}</h1>",
            verdict.0, verdict.1
        )?;
        writeln!(f, "<p>{}<br>took: {:.1} s</p>", report.numbers(), report.took.as_secs_f64())?;
        writeln!(f, "<p class=\"key\"><b class=\"passed\">✓</b> kept <b class=\"failed\">✗</b> broken ")?;
        writeln!(
            f,
            "<b class=\"known\">k</b> known not to be kept <b class=\"none\">–</b> not claimed by the road;"
        )?;
        writeln!(f, "the numbers are milliseconds.</p>")?;
        self.reasons(f, ("Broken", "failed"), report.failed_cells())?;
        self.reasons(f, ("Known not to be kept", "known"), report.known_cells())?;
        self.table(f)?;
        self.slowest(f)?;
        self.saboteurs(f)?;
        writeln!(f, "</body>\n</html>")
    }
}

impl Html<'_> {
    fn reasons<'a>(
        &self,
        f: &mut fmt::Formatter<'_>,
        (title, class): (&str, &str),
        cells: impl Iterator<Item = (&'a Cell, &'a Row, &'a str)>,
    ) -> fmt::Result {
        let mut cells = cells.peekable();
        if cells.peek().is_none() {
            return Ok(());
        }
        writeln!(f, "<section><h2>{title}</h2>")?;
        for (cell, row, why) in cells {
            let column = escaped(self.0.column_name(cell));
            writeln!(f, "<div class=\"reason {class}\" id=\"{}\">", anchor(cell))?;
            writeln!(f, "<h3>{} <small>on {column}</small></h3>", escaped(row.name))?;
            writeln!(f, "<p>{}</p><pre>{}</pre></div>", escaped(row.says), escaped(why))?;
        }
        writeln!(f, "</section>")
    }

    fn table(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "<section><table>\n<thead><tr><th>promise</th>")?;
        for column in &self.0.columns {
            write!(f, "<th class=\"column\"><span>{}</span></th>", escaped(column))?;
        }
        writeln!(f, "</tr></thead>\n<tbody>")?;
        let mut subject = "";
        for (row, cells) in self.0.table() {
            if row.subject != subject {
                subject = row.subject;
                let width = self.0.columns.len() + 1;
                writeln!(f, "<tr class=\"subject\"><th colspan=\"{width}\">{}</th></tr>", escaped(subject))?;
            }
            let invariants = row.invariants.join(" ");
            write!(f, "<tr><th title=\"{}\">{} ", escaped(row.says), escaped(row.name))?;
            write!(f, "<small>{}</small></th>", escaped(&invariants))?;
            for cell in cells {
                Self::cell(f, cell)?;
            }
            writeln!(f, "</tr>")?;
        }
        writeln!(f, "</tbody>\n<tfoot><tr><th>seconds in all</th>")?;
        for column in 0..self.0.columns.len() {
            let cells = self.0.cells.iter().filter(|cell| cell.column == column);
            let took: f64 = cells.map(|cell| cell.took.as_secs_f64()).sum();
            write!(f, "<td>{took:.1}</td>")?;
        }
        writeln!(f, "</tr></tfoot>\n</table></section>")
    }

    fn cell(f: &mut fmt::Formatter<'_>, cell: Option<&Cell>) -> fmt::Result {
        let Some(cell) = cell else { return write!(f, "<td></td>") };
        let (class, why) = match &cell.outcome {
            Outcome::Failed(why) => ("failed", why.as_str()),
            Outcome::KnownFailure(why) => ("known", why.as_str()),
            Outcome::NotApplicable => return write!(f, "<td class=\"none\">–</td>"),
            Outcome::Passed => ("passed", ""),
        };
        let (sign, millis) = (cell.outcome.sign(), cell.took.as_millis());
        let slow = if millis > SLOW_MILLIS { " slow" } else { "" };
        let sign = if why.is_empty() {
            sign.to_owned()
        } else {
            format!("<a href=\"#{}\">{sign}</a>", anchor(cell))
        };
        write!(f, "<td class=\"{class}{slow}\" title=\"{}\">{sign}<i>{millis}</i></td>", escaped(why))
    }

    fn slowest(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "<section><h2>Slowest</h2><ul>")?;
        for (cell, row) in self.0.slowest() {
            let column = escaped(self.0.column_name(cell));
            writeln!(f, "<li>{} ms: {} on {column}</li>", cell.took.as_millis(), escaped(row.name))?;
        }
        writeln!(f, "</ul></section>")
    }

    fn saboteurs(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(sabotage) = &self.0.sabotage else { return Ok(()) };
        writeln!(f, "<section><h2>Saboteurs</h2><p>{}</p>", escaped(&sabotage.summary()))?;
        writeln!(f, "<details><summary>Who breaks which promise</summary><dl>")?;
        for (promise, broken_by) in sabotage.rows() {
            let by = if broken_by.is_empty() {
                "nobody".to_owned()
            } else {
                format!("who {}", broken_by.join("; "))
            };
            writeln!(f, "<dt>{}</dt><dd>{}</dd>", escaped(promise), escaped(&by))?;
        }
        writeln!(f, "</dl></details></section>")
    }
}

fn anchor(cell: &Cell) -> String {
    format!("cell-{}-{}", cell.row, cell.column)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// What a cell should not take as a rule.
const SLOW_MILLIS: u128 = 250;
const STYLE: &str = include_str!("page.css");
