//! Tables as files hold them: a line of column names, then a line a row, commas between; `#` begins a line that is skipped.

use std::collections::BTreeSet;
use std::fmt;

/// What is wrong with a file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The line, counted from one.
    pub line: usize,
    /// What is wrong there, a clause.
    pub what: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.what)
    }
}

impl std::error::Error for Fault {}

/// A file's table.
#[derive(Clone, Debug)]
pub struct Table<'a> {
    line: usize,
    columns: Vec<&'a str>,
    rows: Vec<(usize, Vec<&'a str>)>,
}

/// One of its rows.
#[derive(Clone, Copy, Debug)]
pub struct Row<'t> {
    /// The line of the file.
    pub line: usize,
    columns: &'t [&'t str],
    cells: &'t [&'t str],
}

impl<'a> Table<'a> {
    /// Reads a table.
    ///
    /// # Errors
    /// Where there is none, a column has no name or is there twice, or a row hasn't as many cells as there are columns.
    pub fn read(text: &'a str) -> Result<Table<'a>, Fault> {
        let mut lines = text
            .trim_start_matches('\u{feff}')
            .lines()
            .enumerate()
            .map(|(at, line)| (at + 1, line.trim()))
            .filter(|(_, line)| !line.is_empty() && !line.starts_with('#'));
        let Some((line, header)) = lines.next() else {
            return Err(fault(
                1,
                "there is no table here: the first line names the columns".to_owned(),
            ));
        };
        let columns = cells(header);
        let mut names = BTreeSet::new();
        for name in &columns {
            if name.is_empty() {
                return Err(fault(line, "a column has no name".to_owned()));
            }
            if !names.insert(*name) {
                return Err(fault(line, format!("the column {name} is there twice")));
            }
        }
        let mut rows = Vec::new();
        for (line, row) in lines {
            let row = cells(row);
            if row.len() != columns.len() {
                let (has, wanted) = (row.len(), columns.len());
                return Err(fault(line, format!("has {has} cells, and there are {wanted} columns")));
            }
            rows.push((line, row));
        }
        Ok(Table { line, columns, rows })
    }

    /// Makes sure that there are the columns that have to be there, and no others than these and those that may be.
    ///
    /// # Errors
    /// For the first that is missing or isn't known.
    pub fn has(&self, needed: &[&str], may: &[&str]) -> Result<(), Fault> {
        let known: Vec<&str> = needed.iter().chain(may).copied().collect();
        if let Some(other) = self.columns.iter().find(|name| !known.contains(name)) {
            let known = known.join(", ");
            return Err(fault(
                self.line,
                format!("no column is named {other}: there are {known}"),
            ));
        }
        match needed.iter().find(|name| !self.columns.contains(name)) {
            Some(missing) => Err(fault(self.line, format!("the column {missing} is missing"))),
            None => Ok(()),
        }
    }

    /// The names of the columns.
    pub fn columns(&self) -> &[&'a str] {
        &self.columns
    }

    /// The rows.
    pub fn rows(&self) -> impl Iterator<Item = Row<'_>> {
        self.rows.iter().map(|(line, cells)| Row {
            line: *line,
            columns: &self.columns,
            cells,
        })
    }
}

impl<'t> Row<'t> {
    /// What stands in a column; none where it is empty, or there is no such column.
    pub fn get(&self, column: &str) -> Option<&'t str> {
        let at = self.columns.iter().position(|name| *name == column)?;
        self.cells.get(at).copied().filter(|cell| !cell.is_empty())
    }

    /// What stands in a column that must not be empty.
    ///
    /// # Errors
    /// Where it is empty.
    pub fn need(&self, column: &str) -> Result<&'t str, Fault> {
        self.get(column).ok_or_else(|| self.fault(format!("{column} is empty")))
    }

    /// Something that is wrong with this row.
    pub fn fault(&self, what: impl Into<String>) -> Fault {
        fault(self.line, what.into())
    }
}

fn cells(line: &str) -> Vec<&str> {
    line.split(',').map(str::trim).collect()
}

fn fault(line: usize, what: String) -> Fault {
    Fault { line, what }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_read_by_the_names_of_its_columns() {
        let table = Table::read("# prices\n\nsize, price\n a ,1\nb,\n").unwrap();
        assert_eq!(table.columns(), ["size", "price"]);
        let rows: Vec<_> = table
            .rows()
            .map(|row| (row.line, row.get("size"), row.get("price")))
            .collect();
        assert_eq!(rows, [(4, Some("a"), Some("1")), (5, Some("b"), None)]);
        assert_eq!(
            table.rows().last().unwrap().need("price").unwrap_err().to_string(),
            "line 5: price is empty"
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        let wrong = |text: &str| Table::read(text).unwrap_err().to_string();
        assert_eq!(
            wrong("# nothing"),
            "line 1: there is no table here: the first line names the columns"
        );
        assert_eq!(wrong("a,b,a"), "line 1: the column a is there twice");
        assert_eq!(wrong("a,,b"), "line 1: a column has no name");
        assert_eq!(wrong("a,b\n1,2\n\n3"), "line 4: has 1 cells, and there are 2 columns");
        let table = Table::read("size,prise\n").unwrap();
        let told = table.has(&["size"], &["price"]).unwrap_err().to_string();
        assert_eq!(told, "line 1: no column is named prise: there are size, price");
        let told = table.has(&["size", "prise", "x"], &[]).unwrap_err().to_string();
        assert_eq!(told, "line 1: the column x is missing");
    }
}
