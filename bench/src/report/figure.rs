//! A figure: a row for each contender, a column for each load, a bar in each cell.

use super::svg::{Anchor, Svg, Tone};
use crate::statistics::Spread;

/// Bars side by side.
#[derive(Clone, Debug)]
pub(super) struct Figure {
    pub(super) title: String,
    /// How to read it.
    pub(super) note: String,
    pub(super) scale: Scale,
    /// Room for the names of the rows.
    pub(super) names: f64,
    /// A value to compare all others with.
    pub(super) mark: Option<f64>,
    pub(super) columns: Vec<Column>,
    pub(super) groups: Vec<Group>,
}

/// How long a bar is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scale {
    Linear,
    Logarithmic,
}

#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) title: String,
    pub(super) unit: String,
}

/// Rows under a title of their own.
#[derive(Clone, Debug)]
pub(super) struct Group {
    pub(super) title: String,
    pub(super) rows: Vec<Row>,
}

#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) name: String,
    pub(super) tone: Tone,
    /// One for each column.
    pub(super) cells: Vec<Option<Cell>>,
}

/// A bar and what stands beside it.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    pub(super) spread: Spread,
    pub(super) value: String,
    pub(super) remark: String,
}

impl Figure {
    pub(super) fn draw(&self) -> String {
        let mut svg = Svg::default();
        let width = (MARGIN + self.names + self.columns.len() as f64 * COLUMN + MARGIN).max(WIDTH);
        svg.text((MARGIN, 34.0), &self.title, (17, Tone::Strong, Anchor::Start));
        svg.text((MARGIN, 54.0), &self.note, (12, Tone::Muted, Anchor::Start));
        let bottom =
            HEAD + self.groups.iter().map(|group| GROUP + group.rows.len() as f64 * ROW).sum::<f64>();
        for (index, column) in self.columns.iter().enumerate() {
            self.draw_column(&mut svg, index, column, bottom);
        }
        let mut y = HEAD;
        for group in &self.groups {
            svg.text((MARGIN, y + GROUP - 8.0), &group.title, (12, Tone::Strong, Anchor::Start));
            y += GROUP;
            for row in &group.rows {
                let baseline = y + ROW / 2.0 + 4.0;
                svg.text((MARGIN + self.names - 10.0, baseline), &row.name, (12, Tone::Muted, Anchor::End));
                for (index, cell) in row.cells.iter().enumerate() {
                    self.draw_cell(&mut svg, (self.left_of(index), y), cell.as_ref(), (index, row.tone));
                }
                y += ROW;
            }
        }
        legend(&mut svg, y + 26.0);
        svg.finish((width, y + 44.0), &self.title)
    }

    fn left_of(&self, index: usize) -> f64 {
        MARGIN + self.names + index as f64 * COLUMN
    }

    fn draw_column(&self, svg: &mut Svg, index: usize, column: &Column, bottom: f64) {
        let left = self.left_of(index);
        svg.text((left, HEAD - 18.0), &column.title, (12, Tone::Strong, Anchor::Start));
        svg.text((left, HEAD - 3.0), &column.unit, (11, Tone::Muted, Anchor::Start));
        svg.line((left, HEAD + 6.0), (left, bottom), Tone::Muted);
        if self.scale == Scale::Logarithmic {
            let (low, high) = self.decades(index);
            for decade in 1..=(high - low) {
                let x = left + BAR * f64::from(decade) / f64::from(high - low);
                svg.line((x, HEAD + 6.0), (x, bottom), Tone::Faint);
            }
        }
        if let Some(mark) = self.mark {
            let x = left + BAR * self.share(index, mark);
            svg.line((x, HEAD + 6.0), (x, bottom), Tone::Strong);
        }
    }

    fn draw_cell(
        &self,
        svg: &mut Svg,
        (left, y): (f64, f64),
        cell: Option<&Cell>,
        (index, tone): (usize, Tone),
    ) {
        let baseline = y + ROW / 2.0 + 4.0;
        let Some(cell) = cell else {
            svg.text((left + 6.0, baseline), "–", (11, Tone::Muted, Anchor::Start));
            return;
        };
        let at = |value: f64| left + BAR * self.share(index, value);
        svg.bar((left, y + 4.0), (at(cell.spread.median) - left, ROW - 8.0), tone);
        let middle = y + ROW / 2.0;
        svg.line((at(cell.spread.min), middle), (at(cell.spread.max), middle), Tone::Strong);
        let x = at(cell.spread.max) + 6.0;
        svg.text((x, baseline), &cell.value, (11, Tone::Strong, Anchor::Start));
        // Bold digits of this size are about 8 wide.
        let after = x + 7.8 * cell.value.chars().count() as f64 + 6.0;
        svg.text((after, baseline), &cell.remark, (11, Tone::Muted, Anchor::Start));
    }

    /// How much of the width a bar of `value` takes.
    fn share(&self, index: usize, value: f64) -> f64 {
        let share = match self.scale {
            Scale::Linear => {
                value / self.spreads(index).map(|spread| spread.max).fold(f64::MIN_POSITIVE, f64::max)
            }
            Scale::Logarithmic => {
                let (low, high) = self.decades(index);
                (value.max(f64::MIN_POSITIVE).log10() - f64::from(low)) / f64::from(high - low)
            }
        };
        share.clamp(0.0, 1.0)
    }

    /// The powers of ten between which a column's values lie; at least one apart.
    fn decades(&self, index: usize) -> (i32, i32) {
        let positive = |value: &f64| *value > 0.0;
        let low = self.spreads(index).map(|spread| spread.min).filter(positive).fold(f64::INFINITY, f64::min);
        let high = self.spreads(index).map(|spread| spread.max).filter(positive).fold(0.0, f64::max);
        if high == 0.0 {
            return (0, 1);
        }
        // Half a decade below the shortest bar, so that it is seen.
        #[expect(clippy::cast_possible_truncation, reason = "exponents of numbers are small")]
        let (low, high) = ((low.log10() - 0.3).floor() as i32, high.log10().ceil() as i32);
        (low, high.max(low + 1))
    }

    fn spreads(&self, index: usize) -> impl Iterator<Item = Spread> {
        let rows = self.groups.iter().flat_map(|group| &group.rows);
        rows.filter_map(move |row| Some(row.cells.get(index)?.as_ref()?.spread))
    }
}

fn legend(svg: &mut Svg, y: f64) {
    let mut x = MARGIN;
    for (tone, name) in
        [(Tone::ByHand, "written by hand"), (Tone::Linkspan, "Linkspan"), (Tone::Peer, "peers")]
    {
        svg.bar((x, y - 9.0), (10.0, 10.0), tone);
        svg.text((x + 16.0, y), name, (11, Tone::Muted, Anchor::Start));
        x += 36.0 + 7.0 * name.len() as f64;
    }
}

const MARGIN: f64 = 24.0;
const COLUMN: f64 = 280.0;
/// What the note needs.
const WIDTH: f64 = 880.0;
/// The longest bar; what is left of the column is for the numbers beside it.
const BAR: f64 = 150.0;
const HEAD: f64 = 100.0;
const GROUP: f64 = 30.0;
const ROW: f64 = 22.0;

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(scale: Scale, values: &[f64]) -> Figure {
        let cell = |value: &f64| Cell {
            spread: Spread { median: *value, min: *value, max: *value, count: 1 },
            value: value.to_string(),
            remark: "1.00x".to_owned(),
        };
        let rows = values.iter().map(|value| Row {
            name: "raw".to_owned(),
            tone: Tone::ByHand,
            cells: vec![Some(cell(value)), None],
        });
        let column = || Column { title: "load".to_owned(), unit: "calls/s".to_owned() };
        Figure {
            title: "Calls".to_owned(),
            note: "More is better".to_owned(),
            scale,
            names: 130.0,
            mark: None,
            columns: vec![column(), column()],
            groups: vec![Group { title: "TCP".to_owned(), rows: rows.collect() }],
        }
    }

    #[test]
    fn the_longest_bar_of_a_linear_column_takes_all_of_it() {
        let figure = figure(Scale::Linear, &[10.0, 40.0]);
        assert_eq!([figure.share(0, 10.0), figure.share(0, 40.0)], [0.25, 1.0]);
    }

    #[test]
    fn a_decade_is_as_wide_as_the_next_on_a_logarithmic_column() {
        let figure = figure(Scale::Logarithmic, &[300.0, 1_000_000.0]);
        assert_eq!(figure.decades(0), (2, 6));
        assert!((figure.share(0, 1000.0) - 0.25).abs() < 1e-9);
        assert_eq!(figure.share(0, 1_000_000.0), 1.0);
        assert_eq!(figure.decades(1), (0, 1), "an empty column");
    }

    #[test]
    fn rows_without_a_value_are_drawn_as_such() {
        let drawn = figure(Scale::Logarithmic, &[300.0]).draw();
        assert_eq!(drawn.matches(">–<").count(), 1);
        assert!(drawn.contains(">300<") && drawn.contains(">1.00x<") && drawn.contains(">TCP<"), "{drawn}");
    }
}
