//! `CommandView`: what hooks and selectors see of a command.

use crate::{Identity, Risk};

/// What is said of a command. It is only read, and stays what it was when the command is denied: whoever writes down
/// what was refused sees its risk.
///
/// ```
/// use aisoc_platform::{CommandView, Identity, Risk};
///
/// struct Sign;
///
/// impl CommandView for Sign {
///     fn path(&self) -> String { "plugin/sign".into() }
///     fn domain(&self) -> String { "author".into() }
///     fn risk(&self) -> Option<Risk> { Some(Risk::Write) }
///     fn identities(&self) -> Option<Vec<Identity>> { None }
///     fn annotation(&self, _key: &str) -> Option<String> { None }
/// }
///
/// let command: &dyn CommandView = &Sign;
/// assert_eq!(command.path(), "plugin/sign");
/// ```
pub trait CommandView {
    /// The names of the command, joined by `/`, without the program's own: `plugin/sign`.
    fn path(&self) -> String;

    /// What it is about: what it says, or the nearest group above it. Empty when nobody says.
    fn domain(&self) -> String;

    /// The most harm that it can do: what it says, or the nearest group above it. None when nobody says;
    /// [`Risk::Unknown`] for a word that is no level.
    fn risk(&self) -> Option<Risk>;

    /// For whom it is: what it says, or the nearest group above it. None when nobody says.
    fn identities(&self) -> Option<Vec<Identity>>;

    /// What the command itself is annotated with at that key, and no group above it.
    fn annotation(&self, key: &str) -> Option<String>;
}
