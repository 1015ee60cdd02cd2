//! Which of several directories of one plugin is meant.

use std::path::{Component, Path};

use aisoc_manifests::fault::{Fault, Reason, Result};
use aisoc_manifests::text::shown;

/// Longest name of a directory.
const MAX_NAME_BYTES: usize = 255;
/// Longest name that a message repeats.
const MAX_SHOWN: usize = 80;

/// Whether it names a directory in the plugins directory that can hold a plugin: one name, and not of what is ours.
pub(crate) fn is_plain_name(name: &str) -> bool {
    let mut components = Path::new(name).components();
    let is_one = matches!(components.next(), Some(Component::Normal(only)) if only == name);
    is_one && components.next().is_none() && !name.starts_with('.') && is_printed(name) && name.len() <= MAX_NAME_BYTES
}

fn is_printed(name: &str) -> bool {
    !name.chars().any(char::is_control)
}

/// Refuses what is no such name.
///
/// # Errors
/// `usage`.
pub(crate) fn require_plain_name(name: &str) -> Result<()> {
    match is_plain_name(name) {
        true => Ok(()),
        false => Err(Fault::new(Reason::Usage, format!("`{}` is no directory's name", shown(name, MAX_SHOWN)))
            .expected("the name of a directory in the plugins directory", format!("`{}`", shown(name, MAX_SHOWN)))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_name_and_leads_nowhere_else() {
        for name in ["demo", "demo-2", "demo 2.0", "d\u{e9}mo", &"x".repeat(255)] {
            require_plain_name(name).expect(name);
        }
        let long = "x".repeat(256);
        for name in [
            "", ".", "..", "/", "/demo", "demo/", "./demo", "../demo", "a/b", "a\0b", "a\nb", ".aisoc", ".hidden",
            &long,
        ] {
            assert_eq!(require_plain_name(name).expect_err(name).reason(), Reason::Usage, "{name:?}");
        }
    }
}
