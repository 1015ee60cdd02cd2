//! `Refusal`: whatever keeps a command from running, as it is told.

use std::error::Error as StdError;
use std::fmt;

use aisoc_manifests::fault::{Fault, Reason};
use aisoc_platform::{AbortError, CommandDeniedError, Error};
use serde_json::{Value, json};

use crate::errors::{find_source, shown, text_of};
use crate::guard::{Panicked, let_go};
use crate::policy::Denial;

/// What keeps a command from running. Each has a code, a sentence, and details for programs.
#[derive(Debug, Clone)]
pub struct Refusal(Box<Parts>);

#[derive(Debug, Clone)]
struct Parts {
    code: Reason,
    message: String,
    detail: Value,
    cause: Option<Error>,
}

impl Drop for Parts {
    fn drop(&mut self) {
        let_go(self.cause.take());
    }
}

impl Refusal {
    /// A plugin that could not be installed.
    pub(crate) fn of_plugin(plugin: &str, code: Reason, reason: impl fmt::Display, cause: Option<Error>) -> Self {
        let reason = reason.to_string();
        let detail = json!({"plugin": plugin, "reason_code": code.as_str(), "reason": reason});
        let tail = cause.iter().map(|cause| format!(": {}", text_of(cause))).collect::<String>();
        let message = format!("plugin {plugin:?} ({code}): {reason}{tail}");
        Self(Box::new(Parts { code, message, detail, cause }))
    }

    /// More than one plugin that restricts.
    pub(crate) fn of_conflict(plugins: &[String]) -> Self {
        let code = Reason::MultipleRestrictPlugins;
        let message = format!("plugins {} all hand over a rule, and one may", plugins.join(", "));
        let last = plugins.last().map_or("", String::as_str);
        let detail = json!({"reason_code": code.as_str(), "plugin": last, "plugins": plugins, "reason": message});
        Self(Box::new(Parts { code, message, detail, cause: None }))
    }

    /// A plugin that could not start.
    pub(crate) fn of_start(hook: &str, code: Reason, cause: Error) -> Self {
        let detail = json!({"reason_code": code.as_str(), "hook_name": hook, "event": "startup"});
        let message = format!("startup hook {hook:?} ({code}): {}", text_of(&cause));
        Self(Box::new(Parts { code, message, detail, cause: Some(cause) }))
    }

    /// How a hook stopped a command, also when a plugin has wrapped that into an error of its own; none for an error that
    /// is the command's.
    pub fn of_hook(error: &Error) -> Option<Self> {
        let abort = || find_source(error).map(|abort| Self::of_abort(&abort));
        abort().or_else(|| find_source(error).map(|panic| Self::of_panic(&panic)))
    }

    /// A policy that ought to count, and cannot.
    pub(crate) fn of_policy(code: Reason, why: &str) -> Self {
        let detail = json!({"reason_code": code.as_str(), "reason": why});
        Self(Box::new(Parts { code, message: why.to_owned(), detail, cause: None }))
    }

    /// A command that is denied.
    pub fn of_denial(denial: &Denial) -> Self {
        let CommandDeniedError { path, layer, policy_source, rule_name, reason_code, reason } = &denial.error();
        let mut detail = json!({
            "path": path, "layer": layer, "policy_source": policy_source, "rule_name": rule_name,
            "reason_code": reason_code, "reason": reason,
        });
        if !denial.children.is_empty() {
            let listed = denial.children.iter();
            detail["children"] =
                listed.map(|(path, code)| json!({"path": path, "reason_code": code.as_str()})).collect();
        }
        let message = denial.error().to_string();
        Self(Box::new(Parts { code: denial.code, message, detail, cause: None }))
    }

    fn of_abort(abort: &AbortError) -> Self {
        let code = Reason::Aborted;
        let mut detail = json!({"hook_name": abort.hook_name, "reason": abort.reason, "reason_code": code.as_str()});
        if let Some(more) = &abort.detail {
            detail["detail"] = more.clone();
        }
        Self(Box::new(Parts { code, message: shown(abort), detail, cause: abort.cause.clone() }))
    }

    fn of_panic(panic: &HookPanic) -> Self {
        let code = Reason::Panic;
        let detail =
            json!({"hook_name": panic.hook, "reason_code": code.as_str(), "reason": panic.panicked.to_string()});
        Self(Box::new(Parts { code, message: panic.to_string(), detail, cause: None }))
    }

    /// The code.
    pub fn code(&self) -> Reason {
        self.0.code
    }

    /// As every refusal of the command is told.
    pub fn fault(&self) -> Fault {
        // The cause stands in the message.
        Fault::new(self.code(), self.to_string()).detailed(self.detail().clone())
    }

    /// What programs are told beside the sentence.
    pub fn detail(&self) -> &Value {
        &self.0.detail
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.message)
    }
}

impl StdError for Refusal {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.cause.as_ref().map(Error::as_error)
    }
}

/// A wrapper that panicked, or its selector.
#[derive(Debug, Clone)]
pub(crate) struct HookPanic {
    /// Which, as `plugin.hook`.
    pub(crate) hook: String,
    /// What with.
    pub(crate) panicked: Panicked,
}

impl fmt::Display for HookPanic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "hook {:?} panicked: {}", self.hook, self.panicked)
    }
}

impl StdError for HookPanic {}
