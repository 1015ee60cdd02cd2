//! Columns of a listing, as wide as what is in them, within the width of a terminal.

use aisoc_installation::SHORT_DIGEST_DIGITS;
use aisoc_manifests::digest::Algorithm;

/// As wide as a terminal is that nobody has made wider.
const TERMINAL_WIDTH: usize = 80;
const GAP: usize = 2;

/// How wide the columns are.
pub(super) struct Columns {
    widths: Vec<usize>,
    /// Whether the first column stands on a line of its own, because the line would be too long with it.
    is_stacked: bool,
}

impl Columns {
    /// The columns of a heading and its rows, each of which has as many values.
    pub(super) fn of(heading: &[&str], rows: &[Vec<String>]) -> Self {
        let length = |text: &str| text.chars().count();
        let widest = |column: usize| rows.iter().map(|row| length(&row[column])).max().unwrap_or(0);
        let widths: Vec<usize> =
            heading.iter().enumerate().map(|(column, name)| widest(column).max(length(name))).collect();
        let is_stacked = widths.iter().map(|width| width + GAP).sum::<usize>() > TERMINAL_WIDTH + GAP;
        Self { widths, is_stacked }
    }

    /// One row, without blanks at its end.
    pub(super) fn line<T: AsRef<str>>(&self, row: &[T]) -> String {
        let (first, rest) = if self.is_stacked { row.split_at(1) } else { row.split_at(0) };
        let mut line: String = first.iter().map(|name| format!("{}\n  ", name.as_ref())).collect();
        for (value, width) in rest.iter().zip(&self.widths[first.len()..]) {
            line.push_str(&format!("{:<width$}{:GAP$}", value.as_ref(), ""));
        }
        format!("{}\n", line.trim_end())
    }
}

/// A digest as listings show it, and as `rollback --to` takes it.
pub(super) fn short(digest: &str) -> &str {
    let digits = Algorithm::digits(digest).unwrap_or(digest);
    digits.get(..SHORT_DIGEST_DIGITS).unwrap_or(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(heading: &[&str], row: &[&str]) -> String {
        let row: Vec<String> = row.iter().map(|value| (*value).to_owned()).collect();
        let columns = Columns::of(heading, std::slice::from_ref(&row));
        columns.line(heading) + &columns.line(&row)
    }

    #[test]
    fn a_column_is_as_wide_as_what_is_in_it() {
        assert_eq!(
            shown(&["ID", "VERSION", "KEY"], &["shodan", "1.0.0", "-"]),
            "ID      VERSION  KEY\nshodan  1.0.0    -\n"
        );
    }

    #[test]
    fn what_is_too_long_for_a_line_has_one_of_its_own() {
        let (id, rest) = ("i".repeat(40), "r".repeat(38));
        assert_eq!(shown(&["ID", "REST"], &[&id, &rest]).lines().count(), 2, "exactly 80");
        let rest = format!("{rest}r");
        assert_eq!(shown(&["ID", "REST"], &[&id, &rest]), format!("ID\n  REST\n{id}\n  {rest}\n"));
    }
}
