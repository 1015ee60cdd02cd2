//! The line behind which code of a plugin runs, and is caught when it panics.

use std::any::Any;
use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use aisoc_platform::Ctx;

thread_local! {
    static IS_WITHIN: Cell<bool> = const { Cell::new(false) };
}

/// Whether this thread runs code of a plugin, whose panics are caught: whoever reports panics asks first.
pub fn is_within_plugin() -> bool {
    IS_WITHIN.get()
}

/// What a plugin panicked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panicked(String);

impl Panicked {
    fn of(payload: &(dyn Any + Send)) -> Self {
        let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
        Self(text.unwrap_or_else(|| "with no text".to_owned()))
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl std::error::Error for Panicked {}

/// Runs code of a plugin.
pub(crate) fn guarded<T>(run: impl FnOnce() -> T) -> Result<T, Panicked> {
    let _outer = Line::cross(true);
    // Whatever the plugin leaves half done is its own, and its next call sees that.
    catch_unwind(AssertUnwindSafe(run)).map_err(|payload| {
        let panicked = Panicked::of(&*payload);
        // Some payloads panic when they are dropped, and what those panic with is let lie.
        catch_unwind(AssertUnwindSafe(|| drop(payload))).unwrap_or_else(std::mem::forget);
        panicked
    })
}

/// Whether a command is still wanted: plugins are asked, who may have said when it is not.
///
/// # Errors
/// That one of them has panicked, and nobody knows.
pub fn asks_whether_cancelled(ctx: &Ctx) -> Result<bool, Panicked> {
    guarded(|| ctx.is_cancelled())
}

/// Lets go of what is a plugin's, which may panic as well, and is nobody's any more.
pub(crate) fn let_go<T>(theirs: T) {
    let _ = guarded(|| drop(theirs));
}

/// Runs code of our own that a plugin has called: what it panics with is a bug, and no plugin's.
pub(crate) fn unguarded<T>(run: impl FnOnce() -> T) -> std::thread::Result<T> {
    let _outer = Line::cross(false);
    catch_unwind(AssertUnwindSafe(run))
}

/// On which side of the line this thread was, and is again.
struct Line(bool);

impl Line {
    fn cross(is_within: bool) -> Self {
        Self(IS_WITHIN.replace(is_within))
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        IS_WITHIN.set(self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_is_known_while_it_runs_and_caught_when_it_panics() {
        assert!(!is_within_plugin());
        assert_eq!(guarded(|| (is_within_plugin(), unguarded(is_within_plugin).ok())), Ok((true, Some(false))));
        for panics in [|| panic!("a text"), || panic!("a {}", "text"), || std::panic::panic_any(7)] as [fn(); 3] {
            let said = guarded(panics).expect_err("it panics").to_string();
            assert!(said == "a text" || said == "with no text", "{said}");
            assert!(!is_within_plugin());
        }
    }

    #[test]
    fn a_payload_that_panics_itself_is_caught_as_well() {
        struct Twice;
        impl Drop for Twice {
            fn drop(&mut self) {
                assert!(is_within_plugin(), "it is the plugin's");
                panic!("again");
            }
        }
        assert!(guarded(|| std::panic::panic_any(Twice)).is_err());
    }
}
