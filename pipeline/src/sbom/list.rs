//! `List`: what one file says of Python distributions, and of what it could not be understood.

use super::distribution::Distribution;

/// Largest list of distributions that is read: a lock of a thousand packages has a tenth of that.
pub(super) const MAX_LIST_BYTES: u64 = 8 << 20;
/// Most that one list names and notes, both together.
pub(super) const MAX_LIST_ENTRIES: usize = 10_000;
/// Longest line of a list of requirements, with all that are continued.
pub(super) const MAX_LINE_BYTES: usize = 64 << 10;

/// What a list says.
#[derive(Debug, Default)]
pub(super) struct List {
    pub(super) distributions: Vec<Distribution>,
    /// Other lists that it names, relative to its own directory.
    pub(super) others: Vec<String>,
    /// What of it was not understood, each as a sentence without its subject.
    pub(super) unread: Vec<String>,
}

impl List {
    /// One of which nothing was understood.
    pub(super) fn unread(why: impl Into<String>) -> Self {
        Self { unread: vec![why.into()], ..Self::default() }
    }

    /// One that is no TOML of its kind. What its reader says quotes the file, in which anything can stand; so the line is all
    /// that is told.
    pub(super) fn not_toml(error: &toml::de::Error, text: &str) -> Self {
        let before = error.span().and_then(|span| text.get(..span.start));
        let line = before.map(|before| format!(", from line {}", before.matches('\n').count() + 1));
        Self::unread(format!("is not what its name says{}", line.unwrap_or_default()))
    }

    /// Nothing is judged by its beginning: of a list that names more than is read, nothing is taken.
    pub(super) fn bounded(self) -> Self {
        match self.distributions.len() + self.others.len() + self.unread.len() {
            0..=MAX_LIST_ENTRIES => self,
            _ => Self::unread(format!("names more than {MAX_LIST_ENTRIES} distributions")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_taken_whole_or_not_at_all() {
        let list = |count| List { others: vec![String::new(); count], ..List::default() }.bounded();
        assert_eq!(list(MAX_LIST_ENTRIES - 1).others.len(), MAX_LIST_ENTRIES - 1);
        assert_eq!(list(MAX_LIST_ENTRIES).others.len(), MAX_LIST_ENTRIES);
        let above = list(MAX_LIST_ENTRIES + 1);
        assert_eq!((above.others.len(), above.unread.len()), (0, 1));
    }
}
