//! Text tables for terminals: aligned columns, numbers to the right. It knows no study and refuses
//! to wrap: the terminal does that.

use anstyle::Style;

/// A table being built.
#[derive(Debug, Default)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
    marked: Option<usize>,
}

#[derive(Debug)]
struct Column {
    title: String,
    right: bool,
}

impl Table {
    /// Adds a column of text.
    pub(crate) fn text(mut self, title: &str) -> Self {
        self.columns.push(Column { title: title.to_owned(), right: false });
        self
    }

    /// Adds a column of numbers.
    pub(crate) fn number(mut self, title: &str) -> Self {
        self.columns.push(Column { title: title.to_owned(), right: true });
        self
    }

    /// Adds a row; missing cells stay empty.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells);
    }

    /// Sets row `index` in bold.
    pub(crate) fn mark(&mut self, index: usize) {
        self.marked = Some(index);
    }

    /// The table, each line ended. Styles are in it; the stream strips them where none are wanted.
    pub(crate) fn render(&self) -> String {
        let widths: Vec<usize> = (0..self.columns.len()).map(|index| self.width(index)).collect();
        let titles: Vec<String> = self.columns.iter().map(|column| column.title.clone()).collect();
        let mut text = self.line(&titles, &widths, Style::new().underline());
        for (index, row) in self.rows.iter().enumerate() {
            let style = if self.marked == Some(index) { Style::new().bold() } else { Style::new() };
            text.push_str(&self.line(row, &widths, style));
        }
        text
    }

    fn width(&self, index: usize) -> usize {
        let title = self.columns.get(index).map_or(0, |column| column.title.chars().count());
        let cells = self.rows.iter().filter_map(|row| row.get(index));
        cells.map(|cell| cell.chars().count()).fold(title, usize::max)
    }

    fn line(&self, cells: &[String], widths: &[usize], style: Style) -> String {
        let mut shown = Vec::with_capacity(widths.len());
        for (index, (column, width)) in self.columns.iter().zip(widths).enumerate() {
            let cell = cells.get(index).map_or("", String::as_str);
            let blanks = " ".repeat(width.saturating_sub(cell.chars().count()));
            shown.push(if column.right {
                format!("{blanks}{cell}")
            } else {
                format!("{cell}{blanks}")
            });
        }
        let line = shown.join("  ");
        format!("{style}{}{style:#}\n", line.trim_end())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_rows_may_be_short() {
        let mut table = Table::default().number("trial").text("state");
        table.row(vec!["1".into(), "completed".into()]);
        table.row(vec!["12".into()]);
        let plain = anstream::adapter::strip_str(&table.render()).to_string();
        expect_test::expect![[r"
            trial  state
                1  completed
               12
        "]]
        .assert_eq(&plain);
    }
}
