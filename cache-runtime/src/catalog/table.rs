//! What a developer reads to know what is cached.

use super::{Catalog, Function, Mutation, Target};
use std::fmt;

/// `app::Tasks::get (src/tasks.rs:12)`
impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({})", self.path(), self.place)
    }
}

/// `app::Tasks::rename (src/tasks.rs:30)`
impl fmt::Display for Mutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ({})", self.path(), self.place)
    }
}

/// As the attribute writes it.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Entry(path) => write!(f, "{path}(..)"),
            Self::Tag { namespace, tag } => write!(f, "tags({namespace:?}, {tag:?})"),
            Self::Namespace(namespace) => write!(f, "namespace({namespace:?})"),
        }
    }
}

/// Two tables, of the functions by key and of the mutations by path.
impl fmt::Display for Catalog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut functions = vec![["key", "value", "ttl", "tags", "function"].map(String::from)];
        functions.extend(self.functions.iter().map(|function| {
            [
                function.key.to_owned(),
                function.value.to_owned(),
                function.ttl.to_owned(),
                if function.tags.is_empty() { "-".to_owned() } else { function.tags.join(", ") },
                format!("{} ({})", function.path(), function.place),
            ]
        }));
        let mut mutations = vec![["mutation", "invalidates"].map(String::from)];
        mutations.extend(self.mutations.iter().map(|mutation| {
            let targets: Vec<String> = mutation.targets.iter().map(Target::to_string).collect();
            [format!("{} ({})", mutation.path(), mutation.place), targets.join(", ")]
        }));
        write_table(f, &functions)?;
        writeln!(f)?;
        write_table(f, &mutations)
    }
}

/// Rows whose columns stand below each other.
fn write_table<const COLUMNS: usize>(f: &mut fmt::Formatter<'_>, rows: &[[String; COLUMNS]]) -> fmt::Result {
    let mut widths = [0; COLUMNS];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.chars().count());
        }
    }
    for row in rows {
        let cells = widths.iter().zip(row).map(|(width, cell)| format!("{cell:width$}"));
        writeln!(f, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}
