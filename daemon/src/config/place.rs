//! Where in the configuration something stands, so that every complaint can point at it.

use std::{fmt, ops::Range, path::Path, sync::Arc};

/// A position in a configuration file. Lines and columns count from 1; columns count characters.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file as it was named or found.
    pub file: Arc<Path>,
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file.display(), self.line, self.column)
    }
}

/// Turns byte offsets of one file into places.
pub(crate) struct Lines<'a> {
    file: Arc<Path>,
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    pub(crate) fn of(file: &Path, text: &'a str) -> Self {
        let starts = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        Self {
            file: Arc::from(file),
            text,
            starts,
        }
    }

    pub(crate) fn place(&self, span: Range<usize>) -> Place {
        let line = self.starts.partition_point(|start| *start <= span.start).max(1);
        let start = self.starts.get(line - 1).copied().unwrap_or(0);
        let column = self
            .text
            .get(start..span.start)
            .map_or(0, |before| before.chars().count())
            + 1;
        Place {
            file: Arc::clone(&self.file),
            line,
            column,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_and_lines_start_at_one() {
        let text = "a = 1\n工 = 2\n";
        let lines = Lines::of(Path::new("x.toml"), text);
        assert_eq!(lines.place(0..1).to_string(), "x.toml:1:1");
        let two = text.find('2').expect("in the text");
        assert_eq!(lines.place(two..two + 1).to_string(), "x.toml:2:5");
        assert_eq!(lines.place(99..99).to_string(), "x.toml:3:1");
    }
}
