//! A table for people, as Markdown, and for programs, as JSON.

use anyhow::Result;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// One subject's results.
#[derive(Debug)]
pub struct Table {
    title: String,
    columns: Vec<&'static str>,
    rows: Vec<Vec<Cell>>,
    notes: Vec<String>,
}

/// What stands in one place.
#[derive(Debug, Clone)]
pub enum Cell {
    /// Words.
    Text(String),
    /// A number, and how many places after the point are shown.
    Number(f64, usize),
    /// Not measured, or not possible.
    None,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl Cell {
    fn shown(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number, places) if !number.is_nan() => format!("{number:.places$}"),
            Self::Number(..) | Self::None => "–".to_owned(),
        }
    }

    fn json(&self) -> Value {
        match self {
            Self::Text(text) => json!(text),
            Self::Number(number, _) => json!(number),
            Self::None => Value::Null,
        }
    }
}

impl Table {
    /// An empty table.
    #[must_use]
    pub fn new(title: impl Into<String>, columns: &[&'static str]) -> Self {
        Self { title: title.into(), columns: columns.to_vec(), rows: Vec::new(), notes: Vec::new() }
    }

    /// Adds a line; the first cell names it, and `note` becomes a footnote of it.
    pub fn row(&mut self, mut cells: Vec<Cell>, note: &str) {
        if let (false, Some(Cell::Text(name))) = (note.is_empty(), cells.first_mut()) {
            let known = self.notes.iter().position(|known| known == note);
            let number = known.unwrap_or_else(|| {
                self.notes.push(note.to_owned());
                self.notes.len() - 1
            });
            let _ = write!(name, " ({})", number + 1);
        }
        self.rows.push(cells);
    }

    fn markdown(&self) -> String {
        let mut text = format!("## {}\n\n", self.title);
        let mut lines = vec![self.columns.iter().map(ToString::to_string).collect::<Vec<_>>()];
        lines.extend(self.rows.iter().map(|row| row.iter().map(Cell::shown).collect()));
        let width = |column: usize| {
            lines.iter().filter_map(|line| line.get(column)).map(|cell| cell.chars().count()).max()
        };
        let widths: Vec<usize> = (0..self.columns.len()).filter_map(width).collect();
        for (number, line) in lines.iter().enumerate() {
            for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
                let _ = match column {
                    0 => write!(text, "| {cell:<width$} |"),
                    _ => write!(text, " {cell:>width$} |"),
                };
            }
            text.push('\n');
            if number == 0 {
                for (column, width) in widths.iter().enumerate() {
                    let edge = if column == 0 { "|" } else { "" };
                    let right = if column == 0 { "-" } else { ":" };
                    let _ = write!(text, "{edge}{}{right}|", "-".repeat(width + 1));
                }
                text.push('\n');
            }
        }
        for (number, note) in self.notes.iter().enumerate() {
            let _ = write!(text, "\n({}) {note}", number + 1);
        }
        text + if self.notes.is_empty() { "\n" } else { "\n\n" }
    }

    fn json(&self) -> Value {
        let row = |row: &Vec<Cell>| {
            let pairs = self.columns.iter().zip(row);
            Value::Object(pairs.map(|(name, cell)| ((*name).to_owned(), cell.json())).collect::<Map<_, _>>())
        };
        json!({ "title": self.title, "rows": self.rows.iter().map(row).collect::<Vec<_>>(), "notes": self.notes })
    }
}

/// A subject's tables: each is printed, and written to `benches/results` with those before it, when it is there.
#[derive(Debug)]
pub struct Results {
    name: &'static str,
    tables: Vec<Table>,
}

impl Results {
    /// No results yet, of the subject `name`.
    #[must_use]
    pub const fn of(name: &'static str) -> Self {
        Self { name, tables: Vec::new() }
    }

    /// Publishes one more.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn add(&mut self, table: Table) -> Result<()> {
        println!("{}", table.markdown().trim_end());
        self.tables.push(table);
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
        fs::create_dir_all(&folder)?;
        let file = |extension: &str| folder.join(format!("{}.{extension}", self.name));
        fs::write(file("md"), self.tables.iter().map(Table::markdown).collect::<String>())?;
        let json = Value::Array(self.tables.iter().map(Table::json).collect());
        fs::write(file("json"), serde_json::to_string_pretty(&json)?)?;
        println!("\nin {}\n", file("md").display());
        Ok(())
    }
}
