use super::ink::{Colour, Ink, printable};

/// Columns as wide as what is in them.
#[derive(Debug)]
pub(super) struct Table {
    rows: Vec<Vec<Cell>>,
}

#[derive(Debug)]
pub(super) struct Cell {
    text: String,
    colour: Colour,
    is_number: bool,
}

impl Table {
    pub(super) fn new(heads: impl IntoIterator<Item = Cell>) -> Self {
        let head = |cell: Cell| cell.colour(Colour::Dim);
        Self { rows: vec![heads.into_iter().map(head).collect()] }
    }

    pub(super) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        self.rows.push(cells.into_iter().collect());
    }

    pub(super) fn render(&self, ink: Ink) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or_default();
        let width = |column: usize| self.rows.iter().filter_map(|row| row.get(column)).map(Cell::width).max();
        let widths: Vec<usize> = (0..columns).filter_map(width).collect();
        let mut out = String::new();
        for row in &self.rows {
            let mut line = String::new();
            let mut owed = 0;
            for (cell, width) in row.iter().zip(&widths) {
                let space = " ".repeat(width - cell.width());
                let before = if cell.is_number { space.len() } else { 0 };
                // Nothing at the end of a line.
                if !cell.text.is_empty() {
                    line.push_str(&" ".repeat(owed + before));
                    line.push_str(&ink.paint(cell.colour, &cell.text));
                    owed = space.len() - before;
                } else {
                    owed += space.len();
                }
                owed += GAP;
            }
            out.push_str(&line);
            out.push('\n');
        }
        out
    }
}

impl Cell {
    pub(super) fn text(text: impl AsRef<str>) -> Self {
        Self { text: printable(text.as_ref()), colour: Colour::Plain, is_number: false }
    }

    /// What stands at the right of its column.
    pub(super) fn number(text: impl AsRef<str>) -> Self {
        Self { is_number: true, ..Self::text(text) }
    }

    pub(super) fn colour(mut self, colour: Colour) -> Self {
        self.colour = colour;
        self
    }

    fn width(&self) -> usize {
        self.text.chars().count()
    }
}

const GAP: usize = 2;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_whatever_is_in_them() {
        let mut table = Table::new([Cell::text("name"), Cell::number("events"), Cell::text("notes")]);
        table.row([Cell::text("a name that is long ü"), Cell::number("1"), Cell::text("")]);
        table.row([Cell::text("b"), Cell::number("12345678"), Cell::text("x")]);
        let expected = "\
name                     events  notes
a name that is long ü         1
b                      12345678  x
";
        assert_eq!(table.render(Ink::none()), expected);
    }
}
