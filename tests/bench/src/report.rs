//! Tables of figures and the goals beside them.

use std::{fmt, time::Duration};

use anyhow::ensure;
use serde::Serialize;

use crate::{ledger::Sums, subject::Subject};

/// Everything a run found.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    tables: Vec<Table>,
    goals: Vec<Goal>,
    accounts: Vec<Account>,
    seconds: f64,
}

/// Rows of figures.
#[derive(Debug, Clone, Serialize)]
pub struct Table {
    title: &'static str,
    columns: Vec<String>,
    rows: Vec<Row>,
}

#[derive(Debug, Clone, Serialize)]
struct Row {
    name: String,
    figures: Vec<Option<f64>>,
}

impl Table {
    /// An empty one.
    pub fn new<C: Into<String>>(title: &'static str, columns: impl IntoIterator<Item = C>) -> Self {
        Self {
            title,
            columns: columns.into_iter().map(Into::into).collect(),
            rows: Vec::new(),
        }
    }

    /// Adds a row; what was not measured is `None`.
    pub fn row<F: Into<Option<f64>>>(&mut self, name: impl Into<String>, figures: impl IntoIterator<Item = F>) {
        let figures = figures.into_iter().map(Into::into).collect();
        self.rows.push(Row {
            name: name.into(),
            figures,
        });
    }
}

/// What a figure should be.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// This or more.
    AtLeast(f64),
    /// This or less.
    AtMost(f64),
}

#[derive(Debug, Serialize)]
struct Goal {
    figure: String,
    wanted: Wanted,
    got: f64,
    met: bool,
}

/// What one subject's account added up to in one section.
#[derive(Debug, Serialize)]
struct Account {
    section: &'static str,
    subject: &'static str,
    #[serde(flatten)]
    sums: Sums,
}

impl Report {
    /// Writes down what a subject's account adds up to.
    ///
    /// # Errors
    /// When something was not acknowledged, or did not reach the sink: then no figure of the section means anything.
    pub fn account(&mut self, section: &'static str, subject: &Subject) -> anyhow::Result<()> {
        let (subject, sums) = (subject.name, subject.sums());
        ensure!(sums.agree(), "the account of {subject} does not add up: {sums:?}");
        self.accounts.push(Account { section, subject, sums });
        Ok(())
    }

    /// Adds a table.
    pub fn add(&mut self, table: Table) {
        self.tables.push(table);
    }

    /// Says what a figure should be and is.
    pub fn goal(&mut self, figure: impl Into<String>, wanted: Wanted, got: f64) {
        let met = match wanted {
            Wanted::AtLeast(least) => got >= least,
            Wanted::AtMost(most) => got <= most,
        };
        self.goals.push(Goal {
            figure: figure.into(),
            wanted,
            got,
            met,
        });
    }

    /// Says how long the run took.
    pub fn took(&mut self, time: Duration) {
        self.seconds = time.as_secs_f64();
    }

    /// Whether no goal was missed.
    pub fn all_goals_met(&self) -> bool {
        self.goals.iter().all(|goal| goal.met)
    }
}

/// Three digits that count, thousands apart.
fn number(value: f64) -> String {
    let digits = match value.abs() {
        small if small < 1.0 => 3,
        small if small < 10.0 => 2,
        small if small < 100.0 => 1,
        _ => 0,
    };
    let text = format!("{value:.digits$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut apart = String::new();
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            apart.push(' ');
        }
        apart.push(digit);
    }
    apart + rest
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.rows.iter().map(|row| row.name.chars().count()).max().unwrap_or(0);
        writeln!(f, "\n{}", self.title)?;
        write!(f, "  {:name$}", "")?;
        for column in &self.columns {
            write!(f, "  {column:>9}")?;
        }
        writeln!(f)?;
        for row in &self.rows {
            write!(f, "  {:name$}", row.name)?;
            for (column, figure) in self.columns.iter().zip(&row.figures) {
                let width = column.chars().count().max(9);
                write!(f, "  {:>width$}", figure.map_or_else(|| "–".to_owned(), number))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for table in &self.tables {
            table.fmt(f)?;
        }
        writeln!(f, "\nGoals")?;
        for goal in &self.goals {
            let (sign, limit) = match goal.wanted {
                Wanted::AtLeast(least) => ("≥", least),
                Wanted::AtMost(most) => ("≤", most),
            };
            let met = if goal.met { "met   " } else { "MISSED" };
            writeln!(
                f,
                "  {met}  {}: {}, goal {sign} {}",
                goal.figure,
                number(goal.got),
                number(limit)
            )?;
        }
        writeln!(f, "\n{:.0} s", self.seconds)
    }
}

/// The middle one; 0 when there is none.
pub fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    share(values, 0.5)
}

/// What this share of the values does not exceed; 0 when there is none.
pub fn share(values: impl IntoIterator<Item = f64>, share: f64) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let place = (values.len().saturating_sub(1) as f64 * share).round();
    values.get(place as usize).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_show_three_digits_that_count() {
        let shown = [0.0123, 1.234, 12.34, 123.4, 1234.0, 1_234_567.0].map(number);
        assert_eq!(shown, ["0.012", "1.23", "12.3", "123", "1 234", "1 234 567"]);
    }

    #[test]
    fn medians_and_shares_are_values_that_were_seen() {
        assert!((median([3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((share((0..=100).map(f64::from), 0.99) - 99.0).abs() < f64::EPSILON);
        assert!(median([]).abs() < f64::EPSILON);
    }

    #[test]
    fn a_missed_goal_is_said() {
        let mut report = Report::default();
        report.goal("one", Wanted::AtLeast(0.7), 0.8);
        assert!(report.all_goals_met());
        report.goal("two", Wanted::AtMost(0.7), 0.8);
        assert!(!report.all_goals_met());
        assert!(
            report.to_string().contains("MISSED  two: 0.800, goal ≤ 0.700"),
            "{report}"
        );
    }
}
