//! `Handle`: what one capability lets plugins do, and an ask of it that was granted.

use std::fmt;

use serde_json::{Map, Value};

use crate::arguments::Arguments;
use crate::caller::Caller;
use crate::granted::Granted;
use crate::refusal::Refusal;

/// What one capability lets plugins do.
pub(crate) trait Handle: fmt::Debug + Send + Sync {
    /// Does it, of what was granted.
    fn answer(&self, asking: &Asking<'_>) -> Result<Value, Refusal>;
}

/// An ask that was granted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asking<'a> {
    pub(crate) plugin: &'a Granted,
    pub(crate) caller: &'a Caller,
    pub(crate) method: &'a str,
    pub(crate) given: &'a Map<String, Value>,
}

impl<'a> Asking<'a> {
    pub(crate) fn arguments(&self, known: &[&str]) -> Result<Arguments<'a>, Refusal> {
        Arguments::of(self.given, known)
    }
}

pub(crate) fn no_method(known: &[&str]) -> Refusal {
    Refusal::invalid(format!("its methods are `{}`", known.join("`, `")))
}
