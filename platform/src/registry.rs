//! Who is compiled in.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::Plugin;

static PLUGINS: Mutex<Vec<Arc<dyn Plugin>>> = Mutex::new(Vec::new());

/// Adds a plugin to the command, in `main` before it executes. Nothing is asked of the plugin yet, so nothing fails
/// here: what is wrong with it is said when the command runs.
///
/// ```
/// use aisoc_platform::{Builder, register, registered_plugins};
///
/// register(Box::new(Builder::new("audit", "0.1.0").must_build()));
/// assert_eq!(registered_plugins().len(), 1);
/// ```
pub fn register(plugin: Box<dyn Plugin>) {
    plugins().push(Arc::from(plugin));
}

/// The plugins that are there by now, in the order in which they came.
///
/// ```
/// use aisoc_platform::{Builder, register, registered_plugins};
///
/// for name in ["first", "second"] {
///     register(Box::new(Builder::new(name, "0.1.0").must_build()));
/// }
/// let plugins = registered_plugins();
/// assert_eq!(plugins.iter().map(|plugin| plugin.name()).collect::<Vec<_>>(), ["first", "second"]);
/// ```
pub fn registered_plugins() -> Vec<Arc<dyn Plugin>> {
    plugins().clone()
}

/// Forgets all plugins, for tests: there is one list for the whole process, so tests that register run one by one.
///
/// ```
/// use aisoc_platform::{Builder, register, registered_plugins, reset_for_testing};
///
/// register(Box::new(Builder::new("audit", "0.1.0").must_build()));
/// reset_for_testing();
/// assert!(registered_plugins().is_empty());
/// ```
pub fn reset_for_testing() {
    // A plugin that is dropped may ask who else is there.
    let forgotten = std::mem::take(&mut *plugins());
    drop(forgotten);
}

/// No code of a plugin runs while the list is held, so a panic leaves it as it was.
fn plugins() -> MutexGuard<'static, Vec<Arc<dyn Plugin>>> {
    PLUGINS.lock().unwrap_or_else(PoisonError::into_inner)
}
