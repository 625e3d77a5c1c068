//! Tables for terminals: what doesn't fit beside the rest is left out, the least important column first; a name is never cut.

use crate::report::page::Page;
use crate::report::style::Tone;
use crate::report::untrusted::visible;

/// Between two columns.
const GAP: usize = 2;
/// Before the first.
const INDENT: usize = 2;

/// A cell: pieces, each in its tone.
pub type Cell = Vec<(Tone, String)>;

/// A cell in one tone.
pub fn cell(tone: Tone, words: impl Into<String>) -> Cell {
    vec![(tone, words.into())]
}

/// A column.
pub struct Column {
    /// What stands over it.
    pub head: &'static str,
    /// Whether its cells end under each other, as numbers do.
    pub right: bool,
    /// How little it matters: the largest goes first where there is no place; of 0 never.
    pub rank: u8,
    /// Its cells.
    pub cells: Vec<Cell>,
}

/// A column whose cells begin under each other.
pub fn left(head: &'static str, rank: u8, cells: Vec<Cell>) -> Column {
    Column {
        head,
        right: false,
        rank,
        cells,
    }
}

/// A column whose cells end under each other.
pub fn right(head: &'static str, rank: u8, cells: Vec<Cell>) -> Column {
    Column {
        right: true,
        ..left(head, rank, cells)
    }
}

fn display_width(words: &str) -> usize {
    textwrap::core::display_width(&visible(words))
}

fn of_cell(cell: &Cell) -> usize {
    cell.iter().map(|(_, words)| display_width(words)).sum()
}

impl Column {
    fn width(&self) -> usize {
        let widest = self.cells.iter().map(of_cell).max().unwrap_or(0);
        widest.max(display_width(self.head))
    }

    fn is_empty(&self) -> bool {
        self.cells.iter().all(|cell| of_cell(cell) == 0)
    }
}

/// Writes the table: as wide as it is where nothing limits it. A column that has nothing to say is left out.
pub fn write(page: &mut Page, columns: Vec<Column>, width: Option<usize>) {
    let mut columns: Vec<Column> = columns.into_iter().filter(|column| !column.is_empty()).collect();
    let all = |columns: &[Column]| {
        INDENT + columns.iter().map(Column::width).sum::<usize>() + GAP * columns.len().saturating_sub(1)
    };
    while width.is_some_and(|width| all(&columns) > width) {
        let least = columns.iter().enumerate().max_by_key(|(at, column)| (column.rank, *at));
        match least.filter(|(_, column)| column.rank > 0).map(|(at, _)| at) {
            Some(at) => drop(columns.remove(at)),
            None => break,
        }
    }
    let widths: Vec<usize> = columns.iter().map(Column::width).collect();
    let heads: Vec<Cell> = columns.iter().map(|column| cell(Tone::Faint, column.head)).collect();
    row(page, &columns, &widths, &heads.iter().collect::<Vec<_>>());
    for at in 0..columns.first().map_or(0, |column| column.cells.len()) {
        let cells: Vec<&Cell> = columns.iter().filter_map(|column| column.cells.get(at)).collect();
        row(page, &columns, &widths, &cells);
    }
}

fn row(page: &mut Page, columns: &[Column], widths: &[usize], cells: &[&Cell]) {
    let mut pieces: Vec<(Tone, String)> = vec![(Tone::Plain, " ".repeat(INDENT))];
    let mut owed = 0;
    for ((column, width), cell) in columns.iter().zip(widths).zip(cells) {
        let pad = width - of_cell(cell);
        let before = owed + if column.right { pad } else { 0 };
        // Blanks at the end of a line are never written.
        if of_cell(cell) > 0 {
            pieces.push((Tone::Plain, " ".repeat(before)));
            pieces.extend(cell.iter().cloned());
            owed = GAP + if column.right { 0 } else { pad };
        } else {
            owed += width + GAP;
        }
    }
    let pieces: Vec<(Tone, &str)> = pieces.iter().map(|(tone, words)| (*tone, words.as_str())).collect();
    page.row(&pieces);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::style::Style;

    fn table(width: Option<usize>) -> String {
        let cells = |words: &[&str]| words.iter().map(|word| cell(Tone::Plain, *word)).collect::<Vec<_>>();
        let mut page = Page::new(Style::PLAIN);
        let columns = vec![
            left("NAME", 0, cells(&["a", "node-with-a-name"])),
            right("$", 0, cells(&["10.50", "1"])),
            left("ZONE", 2, cells(&["", "eastus-1"])),
            left("NOTHING", 0, cells(&["", ""])),
            left("PODS", 1, cells(&["x", "y\u{1b}"])),
        ];
        write(&mut page, columns, width);
        page.into_text()
    }

    #[test]
    fn columns_stand_under_each_other_and_end_in_no_blank() {
        assert_eq!(
            table(None),
            "  NAME                  $  ZONE      PODS\n\
             \x20 a                 10.50            x\n\
             \x20 node-with-a-name      1  eastus-1  y\\e\n"
        );
    }

    #[test]
    fn what_matters_least_goes_where_there_is_no_place() {
        assert_eq!(table(Some(35)).lines().next(), Some("  NAME                  $  PODS"));
        assert_eq!(table(Some(10)).lines().next(), Some("  NAME                  $"));
    }
}
